"""Whether the classes of a linear model overlap or can be separated, by a linear programme.

The risk Σ wᵢ ℓᵢ of a logistic or softmax loss, without a ridge, falls or stays level for ever along
v where no margin falls, Av ≥ 0: a row of A is what an own class's logit gains on another's. It has
a minimum if and only if all such v have Av = 0 (Albert and Anderson 1984; Silvapulle 1981). By
Stiemke's lemma that is so if and only if some t > 0 has Aᵀt = 0. So either answer has a proof that
can be looked at: a direction v, or multipliers t, which at a minimum are the weights times the
probabilities of wrong classes.

The linear programme has one row a parameter, and two optima far apart: min Σ zᵢ subject to
Aᵀt = 0, t = 1 + λ − z, is 0 where classes overlap (t ≥ 1), and at least 1 where they do not, as it
is the largest sum of margins in [0, 1]; the multipliers of its equations are v.
"""

from __future__ import annotations

import dataclasses
import enum

import numpy as np
import scipy.linalg
from jaxtyping import Float

_UNIT = np.finfo(float).eps
_RANK = 1e-13  # of the largest singular value: what counts as a column that others make up
_TOUCHES = (1e-12, 1e-9, 1e-6)  # of the largest margin: what HiGHS may have meant as zero


class Overlap(enum.Enum):
    """How classes lie to each other."""

    overlapping = "overlapping"
    separated = "separated"
    undecided = "undecided"


@dataclasses.dataclass(frozen=True)
class Separation:
    """Whether a direction separates, with its proof.

    Attributes
    ----------
    overlap : Overlap
        `undecided` where classes touch to within what rounding can tell.
    direction : (d,), optional
        Where they are separated: along it no margin falls and some grow (complete or quasi-complete
        separation); its largest entry is ±1.
    """

    overlap: Overlap
    direction: Float[np.ndarray, " d"] | None = None


def decide_separation(
    margins: Float[np.ndarray, "m d"],
    ties: Float[np.ndarray, "e d"] | None = None,
    known: Float[np.ndarray, " d"] | None = None,
) -> Separation:
    """Whether some v has Av ≥ 0, Av ≠ 0 and Bv = 0.

    Columns that others make up do not matter: what no row sees separates nothing. An overlap is
    proved, rounding included. A direction is one to rounding: a margin that should vanish may be
    −c·u‖a‖‖v‖, with u the unit roundoff, c ten dimensions or so, and columns of one size. Where
    entries are integers of a few digits no margin is that small and not zero: then this is exact.

    Parameters
    ----------
    margins : (m, d)
        A.
    ties : (e, d), optional
        B: rows of classes that share a point's label.
    known : (d,), optional
        A direction to try first, as one that separates the classes of almost the same points.

    Returns
    -------
    Separation

    References
    ----------
    A. Albert, J. A. Anderson, On the existence of maximum likelihood estimates in logistic
    regression models, Biometrika 71 (1984).

    Examples
    --------
    >>> import numpy as np
    >>> decide_separation(np.array([[1.0, 0.0], [-1.0, 1.0], [0.0, -1.0]])).overlap.value
    'overlapping'
    >>> decide_separation(np.array([[1.0, 0.0], [-1.0, 0.0], [0.0, 2.0]])).direction.tolist()
    [0.0, 1.0]
    """
    rows = margins[np.any(margins != 0.0, axis=1)]
    rows = rows / np.abs(rows).max(axis=1, keepdims=True, initial=0.0)
    # Columns to one size by a power of two, which changes no digit.
    scale = np.exp2(-np.round(np.log2(np.maximum(np.abs(rows).max(axis=0, initial=0.0), 1e-300))))
    rows = rows * scale
    tied = np.zeros((0, scale.size)) if ties is None else ties * scale
    if known is not None and _separates(rows, tied, known / scale):
        return Separation(Overlap.separated, known)
    basis = _coordinates(rows, tied)
    if basis.shape[1] == 0:
        return Separation(Overlap.overlapping)
    inside = rows @ basis
    size = np.linalg.norm(inside, axis=1)
    seen = size > 64 * _UNIT * np.linalg.norm(np.abs(rows) @ np.abs(basis), axis=1)
    inside = inside[seen] / size[seen, None]
    found = _programme(inside)
    if found is None:
        return Separation(Overlap.undecided)
    balance, direction = found
    if balance is not None and _balanced(inside, balance):
        return Separation(Overlap.overlapping)
    for candidate in _touching(inside, direction):
        vector = basis @ candidate
        # Zeros come out as rounding.
        vector = np.where(np.abs(vector) > 1e-12 * np.abs(vector).max(), vector, 0.0)
        if _separates(rows, tied, vector):
            vector = vector * scale
            return Separation(Overlap.separated, vector / np.abs(vector).max())
    return Separation(Overlap.undecided)


def _coordinates(rows, ties) -> np.ndarray:
    """P, such that the columns of AP are orthonormal and v = Pu has Bv = 0: the rank is known."""
    within = np.eye(rows.shape[1])
    if len(ties):
        within = scipy.linalg.null_space(ties, rcond=_RANK)
    if not rows.size or not within.size:
        return np.zeros((rows.shape[1], 0))
    triangle = np.linalg.qr(rows @ within, mode="r")
    _, values, right = np.linalg.svd(triangle)
    rank = int(np.sum(values > _RANK * values[0]))
    return within @ (right[:rank].T / values[:rank])


def _programme(rows):
    """The multipliers t where they are positive, and the direction u; None where HiGHS failed."""
    from scipy.optimize import linprog  # a third of a second, and few risks have to be asked

    count = len(rows)
    equations = np.concatenate([rows.T, -rows.T], axis=1)
    cost = np.concatenate([np.zeros(count), np.ones(count)])
    found = linprog(
        cost,
        A_eq=equations,
        b_eq=-rows.sum(axis=0),
        bounds=(0.0, None),
        method="highs",
        options={"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10},
    )
    if found.status != 0:
        return None
    balance = 1.0 + found.x[:count] - found.x[count:]
    return (balance if np.all(balance > 0.0) else None), -found.eqlin.marginals


def _balanced(rows, balance) -> bool:
    """Whether t, positive already, lies by t > 0 with Aᵀt = 0 in exact arithmetic.

    t(1 − As) is such a vector for s = (AᵀTA)⁻¹Aᵀt, T = diag(t), where As < 1. Rounding of A, by
    its unit, moves As by at most the last term: rows have length 1.
    """
    balance = balance / balance.max()
    matrix = rows.T @ (balance[:, None] * rows)
    smallest = np.linalg.eigvalsh(matrix)[0]
    rounding = 64 * _UNIT * rows.shape[1] * np.sum(balance)
    if not smallest > 4.0 * rounding:
        return False
    step = np.linalg.solve(matrix, rows.T @ balance)
    return bool(np.max(rows @ step) + rounding / smallest < 0.5)


def _touching(rows, direction):
    """The direction, with the rows that it was meant to touch touched to rounding."""
    margins = rows @ direction
    for touches in _TOUCHES:
        touched = rows[margins <= touches * margins.max()]
        if len(touched):
            away = np.linalg.lstsq(touched, touched @ direction, rcond=1e-10)[0]
            yield direction - away
        else:
            yield direction


def _separates(rows, ties, vector) -> bool:
    """Whether all margins are at least zero, and some positive, and ties kept: to rounding."""
    margins, kept = rows @ vector, ties @ vector
    unit = 8 * _UNIT * vector.size * np.abs(vector).max()
    rounding = unit * np.abs(rows).sum(axis=1)
    level = np.all(np.abs(kept) <= unit * np.abs(ties).sum(axis=1))
    return bool(level and np.any(margins > 16 * rounding) and np.all(margins >= -rounding))
