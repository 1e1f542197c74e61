"""Linear regression with squared loss: the case where everything has a closed form."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike, DTypeLike
from jaxtyping import Array, Float

from homotopy import _formulas
from homotopy._checks import ArrayInput, row_numbers
from homotopy._display import Entries
from homotopy._jit import jit_outermost
from homotopy._memory import all_handed_over, copied, handed_over_later, may_wait
from homotopy._module import complete, put_off
from homotopy.chunks.row_moments import Moments
from homotopy.data_spectrum import data_spectrum
from homotopy.kept_spectra import keep_spectrum_of, spectrum_of
from homotopy.labels import keep_labels, kept_labels, labels_of, numbered
from homotopy.linear_deletions import LinearRegressions
from homotopy.linear_of_moments import OfMoments
from homotopy.losses import SquaredError
from homotopy.losses.targets import check_finite
from homotopy.modal import ModalForm
from homotopy.modal_form import (
    NumbersOfProblem,
    arrays_of_modal_form,
    modal_fields,
    modal_form,
    of_arrays,
)
from homotopy.models import linear_model
from homotopy.precision import floating_dtype
from homotopy.problem import Problem
from homotopy.problem_data import (
    deleted_rows,
    ridge_strength,
    sample_weights,
    validated_data,
)
from homotopy.weighted_rows import least_squares_rows, scaled_rows

_SQUARED_ERROR = SquaredError()
_linear_model = lru_cache(maxsize=256)(linear_model)


class LinearRegression(OfMoments, Problem):
    """R_ε(θ) = ½ Σ w_i (x_iᵀθ − y_i)² + (ρ/2)‖θ‖², w = ε on the deleted points and 1 elsewhere.

    With sample weights w_i is ε or 1 times the point's own, as of `Problem`; closed forms are then
    those of the rows √w_i (x_i, y_i), rounded to float64.

    A `Problem` with the model x ↦ θ·x (append a column of ones for an intercept), the squared
    loss, and its spectra in extended precision, computed once (`modal`). The Hessian may be
    singular: fits are then limits of the gradient flow from θ₀, the part of θ₀ that no data point
    sees kept as it is (theory §2, §3).

    Parameters
    ----------
    X : (n, d), y : (n,)
        Data, as of `Problem`.
    deleted : int or str, sequence of them, or (n,) of bool
        Row numbers of the deleted set G, counted from 0, or a mask of it; or names of rows, as the
        index of a data frame has them.
    ridge : float
        ρ ≥ 0.
    weights : (n,), optional
        Sample weights > 0, kept as `point_weights`.
    dtype : optional
        float64 unless another floating type is named.

    Raises
    ------
    ValueError
        As `Problem`; and where y is not a vector.

    Examples
    --------
    >>> import homotopy as hm
    >>> hm.enable_x64()
    >>> problem = hm.LinearRegression([[1.0], [1.0], [1.0]], [0.0, 1.0, 5.0], deleted=2)
    >>> float(problem.full_fit()[0]), float(problem.deleted_fit()[0])
    (2.0, 0.5)
    """

    modal: ModalForm
    moments: Moments | None = None

    @complete
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
        labels = labels_of(X, y)
        inputs, targets, indices = validated_data(X, y, numbered("deleted", deleted, labels))
        if targets.ndim != 1:
            raise ValueError(
                f"y: expected a vector of {inputs.shape[0]} targets, got shape {targets.shape}; "
                "MultiOutputRegression takes several targets."
            )
        # Past the constructor of `Problem`: all arrays are handed over together, and of the linear
        # model and its loss there is nothing to check.
        dtype, strength = floating_dtype(dtype), ridge_strength(ridge, inputs.shape[1])
        if targets.dtype != np.float64:  # others may be past its range
            targets = targets.astype(np.float64)
            check_finite("SquaredError", targets)
        if isinstance(strength, np.ndarray):
            raise ValueError(
                "ridge: expected one number, as closed forms need, got one for each parameter; "
                "Problem(linear_model(p), SquaredError(), X, y, ...) takes them."
            )
        known = None if weights is None else sample_weights(weights, inputs.shape[0])
        rows, values = scaled_rows(inputs, targets, known)
        full = data_spectrum(rows, values, strength)
        modal = arrays_of_modal_form(modal_fields(rows, values, indices, full), full, dtype)
        own = {
            "X": copied(inputs, dtype),
            "y": copied(targets, dtype),
            "deleted": np.array(indices),
            "ridge": np.asarray(strength, dtype),
        }
        if known is not None:
            own["point_weights"] = copied(known, dtype)
        numbers = NumbersOfProblem(own, modal, full if dtype == np.float64 else None)
        # Past `__setattr__`, which for so many fields takes as long as the spectrum.
        vars(self).update(model=_linear_model(inputs.shape[1]), loss=_SQUARED_ERROR, moments=None)
        if known is None:
            vars(self)["point_weights"] = None
        if labels or not may_wait([*own.values(), *modal.values()]):
            vars(self).update(_made(numbers, all_handed_over))
            keep_labels(self.X, labels)
        else:
            put_off(self, [*own, "modal"], numbers, _made_later)

    def _entries(self) -> Entries:
        return (entry for entry in super()._entries() if entry[0] not in ("model", "loss"))

    @classmethod
    def from_formula(
        cls,
        formula: str,
        data: Any,
        *,
        deleted: ArrayInput | str,
        ridge: float = 0.0,
        weights: ArrayInput | None = None,
        dtype: DTypeLike | None = None,
    ) -> LinearRegression:
        """The linear regression of a formula, in the grammar of formulaic and R.

        Parameters
        ----------
        formula : str
            Such as `"mpg ~ wt*hp + C(cyl)"`. It has an intercept, the first column, unless it says
            `- 1`; categories are coded by dummies against their first level.
        data : pandas.DataFrame
            Its columns are the formula's variables. Rows with missing values are refused.
        deleted, ridge, weights, dtype
            As of the constructor; `deleted` may be names of rows. The ridge penalises the intercept
            as every parameter.

        Returns
        -------
        LinearRegression
            Whose `parameter_names` are the columns of the design, and whose rows are called as
            those of the data.

        Raises
        ------
        ValueError
            Naming `formula`: it cannot be read, or has a variable that is no column; or `data`,
            with the rows and columns where values are missing.

        Examples
        --------
        >>> import homotopy as hm, pandas
        >>> hm.enable_x64()
        >>> cars = pandas.DataFrame(
        ...     {"mpg": [21.0, 22.8, 18.7, 18.1], "wt": [2.6, 2.3, 3.4, 3.5], "cyl": [6, 4, 8, 6]},
        ...     index=["Mazda RX4", "Datsun 710", "Hornet Sportabout", "Valiant"],
        ... )
        >>> problem = hm.LinearRegression.from_formula("mpg ~ wt + C(cyl)", cars, deleted="Valiant")
        >>> problem.parameter_names
        ('intercept', 'wt', 'C(cyl)[T.6]', 'C(cyl)[T.8]')
        """
        features, target = _formulas.frame_design(formula, data)
        return cls(features, target, deleted=deleted, ridge=ridge, weights=weights, dtype=dtype)

    def deleting(self, deleted: ArrayInput | str) -> LinearRegression:
        """The problem of the same data with other points deleted, as the argument `deleted`.

        For a single point the spectrum is that of all the data, changed by a term of rank one:
        the data are not gone through again. They are shared, not copied.

        Raises
        ------
        ValueError
            Naming `deleted`, as the constructor.

        Examples
        --------
        >>> import homotopy as hm
        >>> hm.enable_x64()
        >>> problem = hm.LinearRegression([[1.0], [1.0], [1.0]], [0.0, 1.0, 5.0], deleted=2)
        >>> float(problem.deleting([0, 1]).deleted_fit()[0])
        5.0
        """
        full = spectrum_of(self)
        if self.moments is not None:
            indices, modal = self._without(deleted, full)
        else:
            indices = deleted_rows(numbered("deleted", deleted, kept_labels(self.X)), self.size)
            rows, values = map(np.asarray, least_squares_rows(self))
            modal = modal_form(rows, values, indices, full, self.X.dtype)
        return eqx.tree_at(
            lambda own: (own.deleted, own.modal), self, (jax.device_put(indices), modal)
        )

    def deleting_each(self, points: Sequence[int] | ArrayLike | None = None) -> LinearRegressions:
        """Problems of the same data, one for each of the points, which it alone deletes.

        Parameters
        ----------
        points : sequence of int, optional
            Row numbers; all n by default.

        Returns
        -------
        LinearRegressions
            A sequence of problems, and all of them in one pytree. The spectra follow from that of
            all the data in closed form: hundreds of points take no longer than a few problems
            built one by one. O(d³) operations and 4d² numbers a point, so ask for some of the
            points where there are very many. `homotopy.deletions` makes deletion problems of them.

        Raises
        ------
        ValueError
            Naming `points`.

        Examples
        --------
        >>> import homotopy as hm
        >>> hm.enable_x64()
        >>> problem = hm.LinearRegression([[1.0], [1.0], [1.0]], [0.0, 1.0, 5.0], deleted=2)
        >>> [float(each.deleted_fit()[0]) for each in problem.deleting_each([2, 0])]
        [0.5, 3.0]
        """
        if self.moments is not None:
            return LinearRegressions(self, *self._kept_points(points, spectrum_of(self)))
        given = np.arange(self.size)
        if points is not None:
            given = row_numbers("points", points, self.size, distinct=False)
        return LinearRegressions(self, given, spectrum_of(self))

    def gradient(self, theta: Float[Array, " d"], epsilon: ArrayLike = 1.0) -> Float[Array, " d"]:
        """∇R_ε(θ) = Σ w_i (x_iᵀθ − y_i) x_i + ρθ."""
        return _gradient(self, theta, jnp.asarray(epsilon, self.X.dtype))

    def hessian(self, theta: Float[Array, " d"], epsilon: ArrayLike = 1.0) -> Float[Array, "d d"]:
        """H_ε = Σ w_i x_i x_iᵀ + ρ Id, the same for every θ."""
        return _hessian(self, jnp.asarray(epsilon, self.X.dtype))

    def hvp(
        self,
        theta: Float[Array, " d"],
        vector: Float[Array, " d"],
        epsilon: ArrayLike = 1.0,
    ) -> Float[Array, " d"]:
        """H_ε times a vector, without the matrix."""
        return _hvp(self, vector, jnp.asarray(epsilon, self.X.dtype))

    def fit(self, epsilon: ArrayLike = 1.0, theta0: ArrayInput | None = None) -> Float[Array, " d"]:
        """θ(ε): the limit for t → ∞ of the gradient flow from θ₀ (default: zeros).

        It does not depend on θ₀ where H_ε has full rank. Otherwise the part of θ₀ in the kernel
        of H_ε is kept; from zeros it is the fit of least norm.
        """
        start = np.zeros(self.dimension) if theta0 is None else theta0
        return _limit(self.modal, jnp.asarray(epsilon, self.X.dtype), self.parameters(start))


def _made(numbers: NumbersOfProblem, handed_over) -> dict[str, Any]:
    """The fields that are arrays; with the spectrum kept for other problems of the same data."""
    own, modal, full = numbers
    arrays = iter(handed_over([*own.values(), *modal.values()]))
    fields = {name: next(arrays) for name in own}
    fields["modal"] = of_arrays(modal, arrays)
    if full is not None:  # else the spectrum is that of other numbers than X
        X, y, ridge = (fields[name] for name in ("X", "y", "ridge"))
        keep_spectrum_of(X, y, ridge, fields.get("point_weights"), full)
    return fields


def _made_later(problem: LinearRegression, numbers: NumbersOfProblem) -> dict[str, Any]:
    return _made(numbers, handed_over_later)


@jit_outermost
def _gradient(problem, theta, epsilon):
    residuals = problem.X @ theta - problem.y
    return problem.X.T @ (_weights(problem, epsilon) * residuals) + problem.ridge * theta


@jit_outermost
def _hessian(problem, epsilon):
    weighted = problem.X.T * _weights(problem, epsilon)[None, :]
    return weighted @ problem.X + problem.ridge * jnp.eye(problem.dimension, dtype=problem.X.dtype)


@jit_outermost
def _hvp(problem, vector, epsilon):
    seen = _weights(problem, epsilon) * (problem.X @ vector)
    return problem.X.T @ seen + problem.ridge * vector


def _weights(problem, epsilon):
    """Of the squares: of the losses, times the points' own."""
    weights = problem.weights(epsilon)
    return weights if problem.point_weights is None else weights * problem.point_weights


@eqx.filter_jit
def _limit(modal: ModalForm, epsilon: Float[Array, "*k"], start: Float[Array, " d"]):
    unseen = modal.kernel & ((epsilon == 0.0) | (modal.rows == 0.0).all(axis=0))
    kept = jnp.where(unseen, modal.coordinates(start), 0.0)
    return modal.parameters(modal.equilibrium + modal.displacement(epsilon) + kept)
