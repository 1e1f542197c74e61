"""What is to be learned, and by which activation: functions in Hermite coefficients."""

from __future__ import annotations

import math
from collections.abc import Mapping

import equinox as eqx
import numpy as np
from jaxtyping import Float

from homotopy._checks import ArrayInput, vector
from homotopy._display import DisplayedByFields
from homotopy._module import Module
from homotopy._saving import Saved
from homotopy._wording import described


class Target(DisplayedByFields, Saved, Module):
    """A function of K directions of a Gaussian input, and the activation of who learns it.

    y = Σ_α φ_α Π_c he_{α_c}(⟨u*_c, x⟩) and f = (1/m) Σ aᵢ σ(⟨uᵢ, x⟩), σ = Σ_k σ_k he_k, for x
    standard normal, u*_c orthonormal and he_k the orthonormal Hermite polynomials: he₀ = 1,
    he₁ = z, he₂ = (z² − 1)/√2 (theory §11.3).

    Parameters
    ----------
    terms : mapping of tuples of int to float
        φ_α of each multi-index α of length K: {(1, 0): 1.0, (1, 1): 0.5} is z₁ + z₁z₂/2.
    activation : (L + 1,)
        σ_0, σ_1, …, at least as far as the degrees |α| go.

    Raises
    ------
    TypeError
        Naming `terms`.
    ValueError
        Naming `terms` or `activation`.

    Examples
    --------
    >>> import homotopy as hm
    >>> staircase = hm.two_layer.Target({(1, 0): 1.0, (1, 1): 1.0}, [0.0, 1.0, 0.7])
    >>> staircase.directions, staircase.degrees
    (2, (1, 2))
    """

    exponents: tuple[tuple[int, ...], ...] = eqx.field(static=True)
    coefficients: Float[np.ndarray, " c"]
    activation: Float[np.ndarray, " k"]

    def __init__(self, terms: Mapping[tuple[int, ...], float], activation: ArrayInput):
        if not isinstance(terms, Mapping) or not terms:
            raise TypeError(
                "terms: expected a mapping of multi-indices to coefficients, as "
                f"{{(1, 0): 1.0}}, got {described(terms)}."
            )
        self.exponents = tuple(_multi_index(one) for one in terms)
        if len({len(one) for one in self.exponents}) > 1:
            raise ValueError(
                f"terms: expected multi-indices of one length, got {list(self.exponents)}."
            )
        self.coefficients = np.asarray(vector("terms", list(terms.values())), float)
        self.activation = np.asarray(vector("activation", activation), float)
        if max(self.degrees) >= self.activation.size:
            raise ValueError(
                f"activation: expected coefficients up to the degree {max(self.degrees)} of the "
                f"target, got {self.activation.size}."
            )

    @property
    def directions(self) -> int:
        """K."""
        return len(self.exponents[0])

    @property
    def degrees(self) -> tuple[int, ...]:
        """|α| of each term."""
        return tuple(sum(one) for one in self.exponents)

    @property
    def names(self) -> tuple[str, ...]:
        """he₁, or he₁,₁ of several directions, of each term."""
        below = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")
        return tuple(
            "he" + ",".join(str(one) for one in term).translate(below) for term in self.exponents
        )

    @property
    def shares(self) -> Float[np.ndarray, " c"]:
        """√(|α|!/α!), the coefficient of Π he_α in he_|α|(⟨u, x⟩), less u^α."""
        return shares_of(self.exponents)

    def __call__(self, projections: ArrayInput) -> Float[np.ndarray, " n"]:
        """y of inputs whose projections on the directions are given.

        Parameters
        ----------
        projections : (n, K)
            ⟨u*_c, x⟩.
        """
        z = np.asarray(projections, float)
        values = hermite(z, max(map(max, self.exponents)))
        parts = [
            np.prod([values[power][:, place] for place, power in enumerate(term)], axis=0)
            for term in self.exponents
        ]
        return self.coefficients @ np.array(parts)


def single_index(target: ArrayInput, activation: ArrayInput) -> Target:
    """A function of one direction, y = Σ_k φ_k he_k(⟨u*, x⟩).

    Parameters
    ----------
    target : (l + 1,)
        φ_0, φ_1, …; zeros are leaps.
    activation : (L + 1,)
        σ_0, σ_1, …, at least as far as φ.

    Returns
    -------
    Target

    Raises
    ------
    ValueError
        Naming `target` or `activation`.

    Examples
    --------
    >>> import homotopy as hm
    >>> hm.two_layer.single_index([1.0, 1.0, 0.8], [1.0, 0.9, 0.7]).names
    ('he₀', 'he₁', 'he₂')
    """
    known = np.asarray(vector("target", target), float)
    return Target({(place,): value for place, value in enumerate(known)}, activation)


def a_target(value) -> Target:
    """The value if it is a target; a `TypeError` otherwise."""
    if not isinstance(value, Target):
        raise TypeError(
            "target: expected two_layer.Target(terms, activation) or two_layer.single_index(...), "
            f"got {described(value)}."
        )
    return value


def shares_of(exponents) -> Float[np.ndarray, " c"]:
    """√(|α|!/α!) of multi-indices."""
    return np.array(
        [
            math.sqrt(math.factorial(sum(term)) / math.prod(map(math.factorial, term)))
            for term in exponents
        ]
    )


def hermite(z, degree: int) -> list:
    """he_0, …, he_degree at z, orthonormal under the standard normal law."""
    values = [1.0 + 0.0 * z, z]
    for k in range(1, degree):
        values.append((z * values[k] - math.sqrt(k) * values[k - 1]) / math.sqrt(k + 1))
    return values[: degree + 1]


def _multi_index(value) -> tuple[int, ...]:
    known = value if isinstance(value, tuple | list) else None
    whole = known and all(
        isinstance(one, int | np.integer) and not isinstance(one, bool) and one >= 0
        for one in known
    )
    if not whole:
        raise ValueError(
            f"terms: expected tuples of integers >= 0, one for each direction, got {value!r}."
        )
    return tuple(int(one) for one in known)
