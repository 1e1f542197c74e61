"""Modal forms of many single deletions from the spectrum of all the data, in closed form.

Without the point (x, y) the Hessian is M = H − xxᵀ. With z = Vᵀx in the eigenbasis of H, the
leverage P = zᵀΛ⁻¹z and the residual ê = y − zᵀβ in the full fit β (theory §2),

    M = V(Λ − zzᵀ)Vᵀ,   r = ê/(1 − P),   θ* − θ*₋ = VΛ⁻¹z r,   xᵀM⁻¹x = P/(1 − P):

a rank-one change of a diagonal matrix (`numerics.interlacing`), O(d²) for the spectrum of each
point. 1 − P, ê and the fit are differences, and taken in double-double.
"""

from __future__ import annotations

import numpy as np

from homotopy.data_spectrum import EPSILON, DataSpectrum
from homotopy.numerics.double_double import DoubleDouble, matmul
from homotopy.numerics.interlacing import downdated
from homotopy.numerics.small_downdates import without_each

_ACCURATE = 2.0**-54  # relative error of 1 − P and of the eigenvalues, before they are rounded
_CLOSE = 8 * EPSILON  # eigenvalues that agree to so much are equal
_FEWEST = 1e-140  # of ‖z‖: below it a coordinate's square may vanish, and the coordinate with it


def roundings(dimension: int) -> int:
    """How many units in the last place the entries of Λ, B and V may be off, generously counted.

    Λ and B of themselves, V as unit vectors are. A weight q_k of the secular equation carries six
    roundings, a gap two, and the sum that is zero at a root as many as it has terms; with positive
    weights a root's distance to its pole moves by no more than they do, relative to itself. Each
    ratio of Löwner's products for z has eight, an eigenvector's entry and its norm as many again,
    and the product with the basis of all the data one a term.
    """
    return 20 * dimension + 64


def clusters(values: np.ndarray) -> list[np.ndarray]:
    """Indices of ascending eigenvalues that are equal to a few units in the last place."""
    apart = np.append(np.diff(values) > _CLOSE * values[1:], True)
    groups = np.split(np.arange(values.size), np.flatnonzero(apart) + 1)
    return [index for index in groups if index.size > 1]


def downdates(
    rows: np.ndarray, targets: np.ndarray, full: DataSpectrum
) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Fields of the `ModalForm` of each deletion, with a leading axis, and where they hold.

    Parameters
    ----------
    rows : (k, d), targets : (k,)
        The points, each of which is deleted alone.
    full : DataSpectrum
        That of all the data.

    Returns
    -------
    fields : dict of (k, ...)
        But what is the same for all of them: the spectrum of H.
    accurate : (k,)
        Whether the fields of a deletion are right to rounding. Where not, they are to be computed
        from the spectrum of the retained points.

    Notes
    -----
    What is computed is the closed form of H + E and x + e for the exact one of H and x, with ‖E‖
    bounded by `full.error` and ‖e‖ by 2⁻⁹⁹‖x‖: so M is perturbed by δ = ‖E‖ + 2⁻⁹⁸‖x‖² at most,
    which moves its eigenvalues, relative to themselves, by δ/λ_min(M); and so 1 − P too, for its
    derivative is (1 − P)² xᵀM⁻¹EM⁻¹x. The rounding of 1 − P itself is d·2⁻¹⁰¹. The equation that is
    solved has positive terms only between neighbouring poles, and determines the eigenvalues to a
    few roundings of the weights. A deletion counts as accurate where

        δ/λ_min(M) + d 2⁻¹⁰¹/(1 − P) ≤ 2⁻⁵⁴,

    the retained points see all that the data see, and no two eigenvalues of modes that the point
    reaches are as good as equal.
    """
    if full.numbers is not None:
        found = _by_loops(rows, targets, full)
        if found is not None:
            return found
    number, dimension = rows.shape
    seen = ~full.unseen
    gaps = _gaps(full.values)
    z = matmul(rows, full.basis)
    z.put(np.s_[:, full.unseen], DoubleDouble.of(np.zeros((number, full.unseen.sum()))))
    inverse = DoubleDouble.of(np.zeros(dimension))
    inverse.put(seen, 1.0 / full.values.at(seen))
    pulled = z * inverse.at(None)
    leverage = _sum(pulled * z)
    complement = 1.0 - leverage
    with np.errstate(divide="ignore", invalid="ignore"):
        residual = (targets - _sum(z * full.fit.at(None))) / complement
        change = pulled * residual.at(np.s_[:, None])
    with np.errstate(divide="ignore"):
        rounding = np.where(complement.high > 0.0, dimension * 2.0**-101 / complement.high, 1.0)
    accurate = rounding <= _ACCURATE
    # What follows is computed for every point, and thrown away where it does not hold.
    usable = np.where(accurate[:, None], z.high, 0.0)
    complement = np.where(accurate, complement.rounded(), 1.0)
    residual = np.where(accurate, residual.rounded(), 0.0)
    change = np.where(accurate[:, None], change.rounded(), 0.0)
    fit = np.where(accurate[:, None], (full.fit.at(None) - change).rounded(), 0.0)

    values = full.values.rounded()
    turn = None
    for index in clusters(values):
        if seen[index].any():
            turn = np.tile(np.eye(dimension), (number, 1, 1)) if turn is None else turn
            values[index] = values[index].mean()
            turn[:, index[:, None], index], usable[:, index] = _gathered(usable[:, index])
    size = np.linalg.norm(usable, axis=1, keepdims=True)
    usable[np.abs(usable) < _FEWEST * size] = 0.0

    # Active modes first, ascending within.
    order = np.argsort(usable == 0.0, axis=1, kind="stable")
    usable = np.take_along_axis(usable, order, axis=1)
    count = np.count_nonzero(usable, axis=1)
    found = downdated(
        values[order], gaps[order[:, :, None], order[:, None, :]], usable, complement, count
    )
    vectors = np.empty_like(found.vectors)
    np.put_along_axis(vectors, order[:, :, None], found.vectors, axis=1)
    if turn is not None:
        vectors = turn @ vectors
    active = np.arange(dimension) < count[:, None]
    kernel = full.kernel[order]
    eigenvalues = np.where(kernel, 0.0, found.eigenvalues)
    perturbation = full.error + 2.0**-98 * np.sum(rows**2, axis=1)
    least = np.min(eigenvalues, axis=1, where=~full.unseen[order], initial=np.inf)
    accurate &= perturbation + rounding * least <= _ACCURATE * least
    accurate &= _regular(eigenvalues, active, full)
    transposed = np.swapaxes(vectors, 1, 2)
    one = np.ones((number, 1))
    return {
        "basis": full.basis.rounded() @ vectors,
        "eigenvalues": eigenvalues,
        "rows": found.pulls[:, None, :],
        "residual": residual[:, None],
        "equilibrium": np.where(kernel, 0.0, (transposed @ fit[:, :, None])[:, :, 0]),
        "kernel": kernel,
        "active": active,
        "leverages": (leverage.rounded() / complement)[:, None],
        "mode_residuals": residual[:, None].copy(),
        "mode_vectors": one[:, :, None],
        "modes": (found.pulls / np.where(eigenvalues == 0.0, 1.0, eigenvalues))[:, :, None],
        "kernel_offset": np.zeros((number, dimension)),
        "full_rotation": transposed,
        "full_limit": change,
    }, accurate


def downdate(
    row: np.ndarray, target: np.ndarray, full: DataSpectrum
) -> tuple[dict[str, np.ndarray], bool]:
    """As `downdates`, of a single deletion and without a leading axis: (1, d) and (1,)."""
    found = None if full.numbers is None else _called(row, target, full)
    if found is None or found[0][0] == 2:
        fields, accurate = downdates(row, target, full)
        return {name: part[0] for name, part in fields.items()}, bool(accurate[0])
    status, eigenvalues, pulls, equilibrium, modes, change, scalars, vectors, turned, *masks = found
    residual = scalars[0, :1]
    return {
        "basis": vectors[0],
        "eigenvalues": eigenvalues[0],
        "rows": pulls,
        "residual": residual,
        "equilibrium": equilibrium[0],
        "kernel": masks[0][0],
        "active": masks[1][0],
        "leverages": scalars[0, 1:],
        "mode_residuals": residual.copy(),
        "mode_vectors": np.ones((1, 1)),
        "modes": modes.T,
        "kernel_offset": np.zeros(len(change[0])),
        "full_rotation": turned[0],
        "full_limit": change[0],
    }, bool(status[0] == 0)


def _by_loops(
    rows: np.ndarray, targets: np.ndarray, full: DataSpectrum
) -> tuple[dict[str, np.ndarray], np.ndarray] | None:
    """The same for small problems; None where eigenvalues are equal."""
    number, dimension = rows.shape
    found = _called(rows, targets, full)
    status, eigenvalues, pulls, equilibrium, modes, change, scalars, vectors, turned, *masks = found
    if (status == 2).any():
        return None
    residual = scalars[:, :1]
    return {
        "basis": vectors,
        "eigenvalues": eigenvalues,
        "rows": pulls[:, None, :],
        "residual": residual,
        "equilibrium": equilibrium,
        "kernel": masks[0],
        "active": masks[1],
        "leverages": scalars[:, 1:],
        "mode_residuals": residual.copy(),
        "mode_vectors": np.ones((number, 1, 1)),
        "modes": modes[:, :, None],
        "kernel_offset": np.zeros((number, dimension)),
        "full_rotation": turned,
        "full_limit": change,
    }, status == 0


def _called(rows: np.ndarray, targets: np.ndarray, full: DataSpectrum) -> tuple:
    smallest = (max(full.size, rows.shape[1]) * EPSILON) ** 2
    limits = np.array([full.error, _ACCURATE, _CLOSE, _FEWEST, smallest])
    rows, targets = (np.ascontiguousarray(part, np.float64) for part in (rows, targets))
    values, fit, _, basis = full.numbers
    return without_each(rows, targets, values, basis, fit, full.unseen, full.ridge, limits)


def _regular(eigenvalues, active, full: DataSpectrum) -> np.ndarray:
    """Whether the retained points see all that the data see, and the spectrum is simple."""
    largest = eigenvalues.max(axis=1, keepdims=True) - full.ridge
    limit = (max(full.size, eigenvalues.shape[1]) * EPSILON) ** 2 * largest
    visible = ~active | (eigenvalues - full.ridge > limit)
    following = active[:, 1:]
    apart = np.diff(eigenvalues, axis=1) > _CLOSE * eigenvalues[:, 1:]
    return visible.all(axis=1) & (apart | ~following).all(axis=1)


def _gaps(values: DoubleDouble) -> np.ndarray:
    """λ_l − λ_i at (i, l), to full relative accuracy."""
    return (values.at(None) - values.at(np.s_[:, None])).rounded()


def _sum(terms: DoubleDouble) -> DoubleDouble:
    """Along the last axis, by halves."""
    while (count := terms.shape[1]) > 1:
        half = count // 2
        paired = terms.at(np.s_[:, :half]) + terms.at(np.s_[:, half : 2 * half])
        if count % 2:
            rest = terms.at(np.s_[:, -1:])
            paired = DoubleDouble(
                np.concatenate([paired.high, rest.high], axis=1),
                np.concatenate([paired.low, rest.low], axis=1),
            )
        terms = paired
    return terms.at(np.s_[:, 0])


def _gathered(parts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """For each row the reflection that turns it into a multiple of the first unit vector."""
    norm = np.linalg.norm(parts, axis=1)
    image = np.zeros_like(parts)
    image[:, 0] = np.copysign(norm, -parts[:, 0])
    mirror = parts - image
    square = np.sum(mirror**2, axis=1)
    scaled = mirror / np.where(square > 0.0, square, 1.0)[:, None]
    return np.eye(parts.shape[1]) - 2.0 * scaled[:, :, None] * mirror[:, None, :], image
