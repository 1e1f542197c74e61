"""Points of a linear regression as their sensitivities see them, whatever θ₀ and the times."""

from __future__ import annotations

import dataclasses

import numpy as np
from jaxtyping import Float, Int

from homotopy._beside import Beside
from homotopy.modal import ModalForm
from homotopy.numerics.namespace import in_numpy
from homotopy.problem import Problem
from homotopy.weighted_rows import least_squares_rows

_FEW = 2**16  # numbers of rows that are all gone through, though some alone were asked for
_MOST = 2**22  # numbers that are kept: of larger data the products take longer than the rows


@dataclasses.dataclass(frozen=True, eq=False)
class SeenPoints:
    """Points in the eigenbasis of the full Hessian, whose kernel no point sees.

    Attributes
    ----------
    basis : (d, d), rotation : (d, d)
        Of the modal form; and the rotation from there to the eigenbasis of H.
    fit : (d,)
        θ(1), in modal coordinates.
    slower, apart : (q,)
        Of two rates the smaller, and how far they are apart. Rates are the eigenvalues of H; and
        zero, of what stays: the residual of θ(1).
    pair : (d, d + 1)
        Which of these an eigenvalue and a rate have.
    onto_parameters : (d, d)
        From the eigenbasis of H to the parameters, from the right.
    rows : (d + 1, k)
        Of each of k points, in a column, its inputs in that basis and y − xᵀθ(1).
    largest : float
        What no entry of S_j is larger than if divided differences and amplitudes are at most 1;
        not finite where a number here is not.
    """

    basis: Float[np.ndarray, "d d"]
    rotation: Float[np.ndarray, "d d"]
    fit: Float[np.ndarray, " d"]
    slower: Float[np.ndarray, " q"]
    apart: Float[np.ndarray, " q"]
    pair: Int[np.ndarray, "d rows"]
    onto_parameters: Float[np.ndarray, "d d"]
    rows: Float[np.ndarray, "rows k"]
    largest: float

    @classmethod
    def of(
        cls, modal: ModalForm, X: Float[np.ndarray, "k d"], y: Float[np.ndarray, " k"]
    ) -> SeenPoints:
        """Those of a modal form in NumPy's arrays and of rows of least squares."""
        observed, residuals = modal.seen_by(X, y)
        rates, rotation = modal.full.eigenvalues, modal.full.rotation
        onto_parameters = np.ascontiguousarray((modal.basis @ rotation).T)
        rows = np.ascontiguousarray(np.column_stack([observed, residuals]).T)
        # Two sums, of d + 1 and of d terms.
        sizes = [np.max(np.abs(part)) for part in (rows, rows[:-1], onto_parameters)]
        largest = np.prod(sizes) * rates.size * (rates.size + 1) + 0.0 * np.sum(rates)
        rates = np.append(rates, 0.0)
        first, second = np.tril_indices(rates.size)
        first, second = first[:-1], second[:-1]  # not zero and zero
        pair = np.zeros((rates.size, rates.size), int)
        pair[first, second] = pair[second, first] = np.arange(first.size)
        return cls(
            modal.basis,
            rotation,
            modal.equilibrium + modal.displacement(np.ones(())),
            np.minimum(rates[first], rates[second]),
            np.abs(rates[first] - rates[second]),
            pair[:-1],
            onto_parameters,
            rows,
            float(largest),
        )

    def some(self, points: Int[np.ndarray, " k"]) -> SeenPoints:
        """Of some of the points."""
        return dataclasses.replace(self, rows=self.rows[:, points])

    def amplitudes(self, theta0: Float[np.ndarray, " d"]) -> Float[np.ndarray, " d"]:
        """θ₀ − θ(1) in the eigenbasis of H."""
        return self.rotation.T @ (self.basis.T @ theta0 - self.fit)


# Beside a modal form: the data that it is of, and what all their points are in it.
_KEPT = Beside()


def seen_points(
    problem: Problem, modal: ModalForm, points: Int[np.ndarray, " k"] | None = None
) -> SeenPoints | None:
    """Some points of a problem, or all of them; None where it is being traced.

    All points are looked at once for a problem, unless its data are large.

    Examples
    --------
    >>> import homotopy as hm
    >>> hm.enable_x64()
    >>> problem = hm.LinearRegression([[1.0], [1.0]], [0.0, 1.0], deleted=1)
    >>> seen_points(problem, problem.modal, np.array([1])).rows.round(12).tolist()
    [[1.0], [0.5]]
    """
    data = problem.X, problem.y, problem.point_weights
    known, found = _KEPT.get(modal) or (None, None)
    if known is None or any(one is not other for one, other in zip(known, data, strict=True)):
        numbers = in_numpy((modal, *least_squares_rows(problem)))
        if numbers is None:
            return None
        form, X, y = numbers
        if points is not None and X.size > _FEW:
            return SeenPoints.of(form, X[points], y[points])
        found = SeenPoints.of(form, X, y)
        if found.rows.size <= _MOST:
            _KEPT.put(modal, (data, found))
    return found if points is None else found.some(points)
