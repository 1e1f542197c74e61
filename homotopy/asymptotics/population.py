"""Where rows of data come from: a spectrum of the features, and scales of the rows."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from homotopy._checks import ArrayInput, integer, matrix, non_negative, vector
from homotopy._display import DisplayedByFields
from homotopy._module import Module
from homotopy._saving import Saved


class Draw(NamedTuple):
    """Data from a population.

    Attributes
    ----------
    X : (n, p)
    y : (n,)
        Xb + noise.
    coefficients : (p,)
        b.
    eigenvalues : (p,)
        Of Σ, which is diagonal.
    scales : (n,)
        τ of each row.
    """

    X: Float[np.ndarray, "n p"]
    y: Float[np.ndarray, " n"]
    coefficients: Float[np.ndarray, " p"]
    eigenvalues: Float[np.ndarray, " p"]
    scales: Float[np.ndarray, " n"]


class Population(DisplayedByFields, Saved, Module):
    """Rows x = τ Σ^½ z, z standard normal, and targets y = xᵀb + noise, as n and p grow together.

    Parameters
    ----------
    eigenvalues : float or (k,)
        The values > 0 that eigenvalues of Σ take.
    masses : (k,), optional
        The share of all p eigenvalues that takes each; the same by default.
    signal_masses : (k,), optional
        The share of ‖b‖² along the eigenvectors of each; by default as many as there are
        eigenvectors, as of a b that has no direction.
    scales : float or (j,)
        The values > 0 of τ. Where there are several, rows are elliptical: their leverages do not
        concentrate.
    scale_masses : (j,), optional
        The share of the rows that has each; the same by default.

    Raises
    ------
    ValueError
        Naming the argument.

    Examples
    --------
    >>> import homotopy as hm
    >>> rows = hm.asymptotics.Population([1.0, 4.0], scales=[0.5, 2.0])
    >>> rows.mean_square_scale, rows.draw(20, 10).X.shape
    (2.125, (20, 10))
    """

    eigenvalues: Float[np.ndarray, " k"]
    masses: Float[np.ndarray, " k"]
    signal_masses: Float[np.ndarray, " k"]
    scales: Float[np.ndarray, " j"]
    scale_masses: Float[np.ndarray, " j"]

    def __init__(
        self,
        eigenvalues: ArrayInput | float = 1.0,
        masses: ArrayInput | None = None,
        signal_masses: ArrayInput | None = None,
        scales: ArrayInput | float = 1.0,
        scale_masses: ArrayInput | None = None,
    ):
        self.eigenvalues = positive_numbers("eigenvalues", eigenvalues)
        self.masses = _shares("masses", masses, self.eigenvalues.size)
        if signal_masses is None:
            self.signal_masses = self.masses
        else:
            self.signal_masses = _shares("signal_masses", signal_masses, self.eigenvalues.size)
        self.scales = positive_numbers("scales", scales)
        self.scale_masses = _shares("scale_masses", scale_masses, self.scales.size)

    @classmethod
    def of(cls, covariance: ArrayInput, coefficients: ArrayInput | None = None) -> Population:
        """That of a covariance matrix and coefficients at hand; ‖b‖² is `signal` of `ridge`.

        Parameters
        ----------
        covariance : (p, p)
            Σ, symmetric and positive definite.
        coefficients : (p,), optional
            b.

        Raises
        ------
        ValueError
            Naming `covariance` or `coefficients`.
        """
        known = matrix("covariance", covariance).astype(float)
        if known.shape[0] != known.shape[1] or not np.allclose(known, known.T):
            raise ValueError(
                f"covariance: expected a symmetric matrix (p, p), got shape {known.shape}."
            )
        eigenvalues, vectors = np.linalg.eigh(known)
        if eigenvalues[0] <= 0.0:
            raise ValueError(
                "covariance: expected a positive definite matrix, got the eigenvalue "
                f"{eigenvalues[0]:g}; leave out features that are combinations of others."
            )
        if coefficients is None:
            return cls(eigenvalues)
        along = (vectors.T @ np.asarray(vector("coefficients", coefficients, len(known)))) ** 2
        if not np.sum(along) > 0.0:
            raise ValueError("coefficients: expected some that are not 0, got zeros.")
        return cls(eigenvalues, signal_masses=along / np.sum(along))

    @property
    def mean_square_scale(self) -> float:
        """E τ²."""
        return float(self.scale_masses @ self.scales**2)

    @property
    def directionless(self) -> bool:
        """Whether b has no more to do with one eigenvector than with another."""
        return bool(np.allclose(self.signal_masses, self.masses, rtol=1e-12, atol=0.0))

    def draw(
        self,
        size: int,
        dimension: int,
        *,
        noise_variance: float = 1.0,
        signal: float = 1.0,
        seed: int = 0,
    ) -> Draw:
        """Data to compare a limit with.

        Parameters
        ----------
        size, dimension : int
            n and p, p ≥ k.
        noise_variance : float
            σ² ≥ 0.
        signal : float
            ‖b‖² ≥ 0; b is drawn with exactly these lengths along the eigenvectors of each value.
        seed : int

        Raises
        ------
        ValueError
            Naming the argument.
        """
        n = integer("size", size)
        p = integer("dimension", dimension, self.eigenvalues.size)
        noise_variance = non_negative("noise_variance", noise_variance)
        signal = non_negative("signal", signal)
        generator = np.random.default_rng(integer("seed", seed, 0))
        kind = _apportioned(self.masses, p)
        tau = self.scales[_apportioned(self.scale_masses, n)]
        b = generator.normal(size=p)
        lengths = np.sqrt(np.bincount(kind, b**2, self.masses.size))
        b *= np.sqrt(signal * self.signal_masses)[kind] / lengths[kind]
        s = self.eigenvalues[kind]
        X = tau[:, None] * np.sqrt(s) * generator.normal(size=(n, p))
        y = X @ b + np.sqrt(noise_variance) * generator.normal(size=n)
        return Draw(X, y, b, s, tau)


def a_population(value) -> Population:
    """Of isotropic Gaussian rows by default; a `TypeError` for what is none."""
    if value is None:
        return Population()
    if not isinstance(value, Population):
        raise TypeError(
            "population: expected None, for isotropic rows, or asymptotics.Population(eigenvalues, "
            f"...), got {type(value).__name__}."
        )
    return value


def positive_numbers(name: str, value) -> Float[np.ndarray, " m"]:
    """One or several numbers > 0, as a vector."""
    return _numbers(name, value, "> 0", lambda x: x > 0.0)


def non_negative_numbers(name: str, value) -> Float[np.ndarray, " m"]:
    """One or several numbers ≥ 0, as a vector."""
    return _numbers(name, value, ">= 0", lambda x: x >= 0.0)


def _numbers(name, value, expected, holds):
    single = isinstance(value, int | float | np.number) and not isinstance(value, bool)
    known = np.asarray(vector(name, [value] if single else value), dtype=float)
    if not np.all(holds(known)):
        wrong = known[~holds(known)][0]
        raise ValueError(f"{name}: expected finite numbers {expected}, got {wrong:g}.")
    return known


def _shares(name, value, size):
    if value is None:
        return np.full(size, 1.0 / size)
    known = np.asarray(vector(name, value, size), dtype=float)
    if np.any(known < 0.0) or abs(np.sum(known) - 1.0) > 1e-9:
        raise ValueError(f"{name}: expected shares >= 0 that sum to 1, got {known.tolist()}.")
    return known / np.sum(known)


def _apportioned(shares, count: int) -> np.ndarray:
    """Which of the kinds each of `count` things is, as evenly as whole numbers allow."""
    ends = np.round(np.cumsum(shares) * count).astype(int)
    return np.searchsorted(ends, np.arange(count), side="right")
