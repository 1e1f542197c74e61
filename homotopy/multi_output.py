"""Linear regressions of several targets on the same inputs: their spectrum is one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike, DTypeLike
from jaxtyping import Array, Float

from homotopy._checks import ArrayInput, vector
from homotopy._memory import owned
from homotopy._numbers import as_numbers
from homotopy.data_spectrum import with_targets
from homotopy.kept_spectra import keep_spectrum, spectrum_of
from homotopy.linear import LinearRegression
from homotopy.modal_form import modal_form
from homotopy.weighted_rows import least_squares_rows


class MultiOutputRegression(Sequence):
    """½ Σ w_i ‖Θᵀx_i − y_i‖² + (ρ/2)‖Θ‖², of targets y_i with k entries: k linear regressions.

    The squared error of several outputs is a sum over them, so that every output is a
    `LinearRegression` of its own under any schedule ε(t): a sequence of those, which share inputs,
    deleted points and the spectrum of the data. Fits of all outputs are matrices.

    Parameters
    ----------
    X : (n, p), y : (n, k)
        Data, as of `Problem`.
    deleted, ridge, weights, dtype
        As of `LinearRegression`.

    Attributes
    ----------
    names : tuple of str
        Of the outputs: the columns of a data frame, else y0, y1, ….

    Raises
    ------
    ValueError
        As `LinearRegression`; and where y is no matrix.

    Examples
    --------
    >>> import homotopy as hm
    >>> hm.enable_x64()
    >>> X, y = [[1.0], [1.0], [1.0]], [[0.0, 3.0], [1.0, 3.0], [5.0, 6.0]]
    >>> problems = MultiOutputRegression(X, y, deleted=2)
    >>> problems.full_fit().tolist(), problems.deleted_fit().tolist()
    ([[2.0, 4.0]], [[0.5, 3.0]])
    >>> [hm.cooks_distance(each).round(4)[2].item() for each in problems]
    [0.9643, 1.0]
    """

    def __init__(
        self,
        X: ArrayInput,
        y: ArrayInput,
        *,
        deleted: ArrayInput | str,
        ridge: float = 0.0,
        weights: ArrayInput | None = None,
        dtype: DTypeLike | None = None,
    ):
        columns = getattr(y, "columns", None)
        targets = as_numbers("y", y, data=True)
        if targets.ndim != 2 or targets.shape[1] == 0:
            raise ValueError(
                f"y: expected a matrix (n, k) of targets, got shape {targets.shape}; "
                "LinearRegression takes a vector."
            )
        targets = targets.astype(np.float64, copy=False)
        count = targets.shape[1]
        self.names = tuple(f"y{place}" for place in range(count))
        if columns is not None:
            self.names = tuple(map(str, columns))
        options = {"deleted": deleted, "ridge": ridge, "weights": weights, "dtype": dtype}
        first = LinearRegression(X, targets[:, 0], **options)
        self._problems = [first, *(_with_targets(first, targets[:, 1:]) if count > 1 else ())]

    def __len__(self) -> int:
        return len(self._problems)

    def __getitem__(self, index):
        return self._problems[index]

    def __iter__(self) -> Iterator[LinearRegression]:
        return iter(self._problems)

    def __repr__(self) -> str:
        size, dimension = self[0].X.shape
        return f"MultiOutputRegression(n={size}, p={dimension}, {len(self)} outputs)"

    def deleting(self, deleted: ArrayInput | str) -> MultiOutputRegression:
        """The regressions of the same data with other points deleted."""
        made = object.__new__(MultiOutputRegression)
        made.names = self.names
        made._problems = [each.deleting(deleted) for each in self]
        return made

    def fit(
        self, epsilon: ArrayLike = 1.0, theta0: ArrayInput | None = None
    ) -> Float[Array, "p k"]:
        """Θ(ε), one column an output, as `LinearRegression.fit`; `theta0` is one for all."""
        start = None if theta0 is None else vector("theta0", theta0, self[0].dimension)
        return _columns([each.fit(epsilon, start) for each in self])

    def full_fit(self, theta0: ArrayInput | None = None) -> Float[Array, "p k"]:
        """Θ* = Θ(1)."""
        return self.fit(1.0, theta0)

    def deleted_fit(self, theta0: ArrayInput | None = None) -> Float[Array, "p k"]:
        """Θ*₋ = Θ(0)."""
        return self.fit(0.0, theta0)

    def predict(self, theta: Float[Array, "p k"], X: ArrayInput | None = None) -> Array:
        """Outputs (m, k) at the rows of X (default: the data)."""
        return _columns([each.predict(jnp.asarray(part), X) for each, part in zip(
            self, np.asarray(theta).T, strict=True
        )])  # fmt: skip


def _columns(parts):
    return jax.device_put(np.stack([np.asarray(part) for part in parts], axis=1))


def _with_targets(problem: LinearRegression, Y: np.ndarray) -> Iterator[LinearRegression]:
    """The same inputs and deleted points, with other targets, one a column of Y."""
    weights = problem.point_weights
    root = np.ones(len(Y)) if weights is None else np.sqrt(np.asarray(weights, np.float64))
    inputs, _ = map(np.asarray, least_squares_rows(problem))
    values, deleted = root[:, None] * Y, np.asarray(problem.deleted)
    spectra = with_targets(spectrum_of(problem), np.asarray(inputs, np.float64), values)
    for targets, column, full in zip(Y.T, values.T, spectra, strict=True):
        modal = modal_form(inputs, column, deleted, full, problem.X.dtype)
        y = owned(targets, problem.X.dtype)
        made = eqx.tree_at(lambda own: (own.y, own.modal), problem, (y, modal))
        if problem.X.dtype == np.float64:
            keep_spectrum(made, full)
        yield made
