"""How exactly the modal form of a deletion problem is known, entry by entry.

Up to the dimension to which its spectra come from double-double arithmetic (`data_spectrum`), every
entry of Λ, B and r is right to a rounding of its own, or to a few where a single deletion is in
closed form (`modal_downdates`), and what is lost is lost in the coordinates of θ₀. Past it, Λ and V
are LAPACK's, and what they leave of the data is measured.
"""

from __future__ import annotations

import math

import numpy as np

from homotopy import data_spectrum
from homotopy._module import waiting_numbers
from homotopy.control.certificate.rounding import UNIT, DataErrors, gamma
from homotopy.deletion.request import Request, known_numbers
from homotopy.linear import LinearRegression
from homotopy.modal_downdates import roundings
from homotopy.modal_form import known_field, modal_numbers
from homotopy.numerics.double_double import matmul
from homotopy.weighted_rows import least_squares_rows, scaled_rows

_DOUBLE_DOUBLE = 2.0**-90  # of a sum of products, with room
_UNKNOWN = 1e100  # of what has no bound
_CANCELLED = 1e-13  # error of the coordinates, of themselves, from which they are refined


def data_errors(request: Request) -> DataErrors:
    """Of the modal form, of the coordinates of θ₀ and of the target.

    Those of θ₀ and of the target do not move in the kernel of M together: what both are unsure of
    there is an error of the deleted residual alone.
    """
    problem = request.problem
    modal, known = modal_numbers(problem), known_numbers(request)
    rates, rows, residual, equilibrium, basis = (
        _array(modal[name]) for name in ("eigenvalues", "rows", "residual", "equilibrium", "basis")
    )
    kernel, size = modal["kernel"], rates.size
    largest, unsure, single = max(rates.tolist(), default=0.0), gamma(2 * size + 16), len(rows) == 1
    entry = gamma(roundings(size)) if single else 2 * UNIT
    matrix, seen = np.empty((size, size)), np.abs(rows)
    matrix.fill((max(known_field(problem, "X").shape) * 2 * UNIT) ** 2 * largest)
    matrix.ravel()[:: size + 1] += entry * rates
    row_errors = entry * seen
    for place in _repeated(rates):
        # Made equal, and their vectors turned among themselves in ordinary precision.
        matrix[place, place] += 16 * UNIT * rates[place]
        row_errors[:, place] += unsure * np.linalg.norm(rows[:, place], axis=1)[:, None]
    fitted, missed = np.abs(equilibrium), np.abs(residual)
    residual_errors = 2 * UNIT * missed + _DOUBLE_DOUBLE * (seen @ fitted + missed)
    centre = np.zeros(size)
    if _by_lapack(size):
        more, askew, centre = _left_over(request, rates, basis)
        matrix = matrix + more
        row_errors = row_errors + seen @ askew
        residual_errors = residual_errors + seen @ centre

    absolute, length = np.abs(basis).T, _norm(equilibrium)
    fitted = 4 * UNIT * fitted + centre

    def coordinates(theta):
        """Of Vᵀθ − α; in closed form α is a product with V, and V not right entry by entry."""
        theta = _array(theta)
        found = unsure * (absolute @ np.abs(theta)) + fitted
        return found + entry * (_norm(theta) + length) if single else found

    start, centred = coordinates(known.theta0), known.centred_start
    if np.array_equal(known.centred_goal, np.where(kernel, centred, 0.0)):
        goal = np.zeros(size)
        if kernel.any():
            residual_errors = residual_errors + seen[:, kernel] @ start[kernel]
            start = np.where(kernel, 0.0, start)
    else:
        goal = coordinates(known.target)
    return DataErrors(
        matrix=matrix,
        rows=row_errors,
        residual=residual_errors,
        start=start,
        goal=goal,
        force=np.zeros(size),
        time=4 * UNIT * float(known.horizon) if known.start > 0.0 else 0.0,
    )


def start_coordinates(request: Request, errors: DataErrors) -> tuple[np.ndarray, np.ndarray]:
    """The coordinates Vᵀ(θ₀ − θ*₋) and their errors: where they cancel, from the gradient at θ₀.

    One step of iterative refinement: what the coordinates z leave of the gradient, at θ₀ − Vz and
    in double-double, divided by Λ. It is off by the rounding of its own, and by that of V.
    """
    problem, modal = request.problem, modal_numbers(request.problem)
    centred = _array(known_numbers(request).centred_start)
    rates, basis = _array(modal["eigenvalues"]), _array(modal["basis"])
    if _norm(errors.start) <= _CANCELLED * _norm(centred) or _by_lapack(rates.size):
        return centred, errors.start
    seen = ~modal["kernel"]
    if not seen.any():
        return centred, errors.start
    X, y, ridge = _kept_rows(problem)
    theta = _array(known_numbers(request).theta0) - matmul(basis, centred[:, None]).at(np.s_[:, 0])
    misfit = matmul(X, theta.at(np.s_[:, None])).at(np.s_[:, 0]) - y
    slope = matmul(X.T, misfit.at(np.s_[:, None])).at(np.s_[:, 0]) + theta * ridge
    left = slope.rounded()
    step = basis[:, seen].T @ left / rates[seen]
    relative, size = gamma(2 * rates.size + 16), np.linalg.norm(step)
    off = relative * (np.linalg.norm(left) + rates.max() * size) / rates[seen]
    refined, found = centred.copy(), errors.start.copy()
    refined[seen] += step
    found[seen] = np.minimum(found[seen], off + relative * np.linalg.norm(refined))
    return refined, found


def _by_lapack(size: int) -> bool:
    return size > data_spectrum.EXTENDED_LIMIT


def _norm(vector: np.ndarray) -> float:
    return math.sqrt(vector @ vector)


def _array(value) -> np.ndarray:
    return np.asarray(value, dtype=np.float64)


def _kept_rows(problem: LinearRegression) -> tuple[np.ndarray, np.ndarray, float]:
    """Rows and targets that are not deleted, weighted; and ρ."""
    waiting = waiting_numbers(problem)
    if waiting is None:
        rows = least_squares_rows(problem)
    else:
        rows = scaled_rows(*(waiting.own.get(name) for name in ("X", "y", "point_weights")))
    X, y = map(_array, rows)
    keep = np.ones(len(X), dtype=bool)
    keep[np.asarray(known_field(problem, "deleted"))] = False
    return X[keep], y[keep], float(known_field(problem, "ridge"))


def _repeated(rates: np.ndarray) -> list[np.ndarray]:
    """Where the same rate stands more than once."""
    if len(set(rates.tolist())) == rates.size:
        return []
    values, group = np.unique(rates, return_inverse=True)
    places = [np.flatnonzero(group == number) for number in range(values.size)]
    return [place for place in places if place.size > 1]


def _left_over(request: Request, rates: np.ndarray, basis: np.ndarray):
    """What LAPACK's Λ and V leave: of M, of the orthogonality of V, and of the deleted fit.

    For y = V⁻¹(θ − θ*₋) the matrix of the flow is (VᵀV)⁻¹VᵀMV.
    """
    X, y, ridge = _kept_rows(request.problem)
    size = rates.size
    points = X @ basis
    known = gamma(size) * (np.abs(X) @ np.abs(basis))
    absolute = np.abs(points) + known
    left = np.abs(points.T @ points + ridge * np.eye(size) - np.diag(rates))
    left += gamma(len(X) + 4) * (absolute.T @ absolute) + 2 * UNIT * np.diag(rates)
    cross = absolute.T @ known
    left += cross + cross.T
    askew = np.abs(basis.T @ basis - np.eye(size))
    askew += gamma(size) * (np.abs(basis).T @ np.abs(basis))
    left += 1.1 * askew @ (np.diag(rates) + left)
    # How far α is from the fit, by the gradient there.
    equilibrium = _array(modal_numbers(request.problem)["equilibrium"])
    misfit = points @ equilibrium - y
    unsure = absolute @ np.abs(equilibrium) + np.abs(y)
    slope = np.abs(points.T @ misfit + ridge * equilibrium)
    slope += gamma(len(X) + size + 8) * (absolute.T @ unsure)
    slope += known.T @ (np.abs(misfit) + gamma(size + 4) * unsure)
    slope += absolute.T @ (known @ np.abs(equilibrium))
    with np.errstate(divide="ignore", invalid="ignore"):
        spread = left / rates[:, None]
        if not np.linalg.norm(spread) < 0.5:
            return left, askew, np.full(size, _UNKNOWN)
        centre = 2.0 * slope / rates
    return left, askew, centre + np.linalg.norm(spread) * 2.0 * np.linalg.norm(centre)
