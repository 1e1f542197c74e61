"""The arrays that the compiled searches for switch times work on."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np

FIRST_DAMPING = 0.1  # of Newton's method


class SwitchedFlow(NamedTuple):
    """The numbers of a flow. NumPy arrays of float64, C-contiguous and writeable.

    Attributes
    ----------
    rates, full_rates : (d,)
        Λ, and the eigenvalues of Λ + BᵀB.
    rotation, transposed : (d, d)
        Eigenvectors of the latter, and the transpose: loops run along rows of either.
    rows : (g, d), residual : (g,)
        B and r.
    limit : (d,)
        Where the flow of ε = 1 tends to, in its eigenbasis.
    initial, goal : (d,)
    delay : float
        The flow of ε = 1 acts for so long on `initial` before the arcs begin.
    span : float
        Sum of the arc lengths.
    """

    rates: np.ndarray
    full_rates: np.ndarray
    rotation: np.ndarray
    transposed: np.ndarray
    rows: np.ndarray
    residual: np.ndarray
    limit: np.ndarray
    initial: np.ndarray
    goal: np.ndarray
    delay: float
    span: float


class Samples(NamedTuple):
    """Bang-bang controls that switch at a few nodes, as the tree of what they begin with.

    A branch is a control up to one of its switches, or up to T: then it is a sample. Branches with
    the same value after s and as many arcs form a block, which is b, c and so on below; of each
    block the best sample is worth a start. Blocks follow each other as the arcs become more, first
    those that open with ε = 1, then as many that open with ε = 0.

    Attributes
    ----------
    nodes : (n,)
        In fractions of the span, from 0 to 1.
    parents : (p,)
        For each branch, the one with an arc less: its place among the open ones of its block.
    lefts, rights : (p,)
        The nodes between which the last arc is.
    blocks, samples : (blocks + 1,)
        Where each block begins, among branches and among samples, which are its last branches.
    arcs : (m, k)
        Of the samples: lengths of the arcs on which ε = 1, 0, 1, 0, ...; rows add up to one.
    """

    nodes: np.ndarray
    parents: np.ndarray
    lefts: np.ndarray
    rights: np.ndarray
    blocks: np.ndarray
    samples: np.ndarray
    arcs: np.ndarray


class Searches(NamedTuple):
    """Where L searches for the lengths of k arcs stand, of which w in a row may have a length.

    Attributes
    ----------
    arcs : (L, k)
        Lengths as fractions of the whole.
    first : (L,)
        Of the w arcs.
    cost, gradient, hessian : (L,), (L, w), (L, w, w)
        At `arcs`; the cost is infinite before the first evaluation.
    damping : (L,)
    done : (L,)
        No further step lowers the cost or the gradient.
    steps : (L,)
        Trial points so far.
    """

    arcs: np.ndarray
    first: np.ndarray
    cost: np.ndarray
    gradient: np.ndarray
    hessian: np.ndarray
    damping: np.ndarray
    done: np.ndarray
    steps: np.ndarray


class Workspace(NamedTuple):
    """Room for what is computed with w arcs: arrays made once cost nothing afterwards.

    Attributes
    ----------
    pushed, drifts : (g, g), (g, d)
        BBᵀ and BΛ, made by `prepare`.
    opening : (d,)
        The state where the arcs begin, likewise.
    decays, gains : (w, d)
        e^{−λt} on each arc, and (1 − e^{−λt})·limit where ε = 1.
    residuals, drifting, felt : (w, g), (w, g), (w, w, g)
        At the switch that ends each arc: v, BΛu and Bη.
    vectors : (w + 2, d)
        The costate, the state, and J and η: what is carried over the arcs.
    inside : (d,), seen : (2, g)
    gradient, hessian : (w,), (w, w)
    reduced, trial, change : (w,)
        Of Newton's method, as what follows.
    eliminated, factors : (w, w)
    free, within : (w,)
    """

    pushed: np.ndarray
    drifts: np.ndarray
    opening: np.ndarray
    decays: np.ndarray
    gains: np.ndarray
    residuals: np.ndarray
    drifting: np.ndarray
    felt: np.ndarray
    vectors: np.ndarray
    inside: np.ndarray
    seen: np.ndarray
    gradient: np.ndarray
    hessian: np.ndarray
    reduced: np.ndarray
    trial: np.ndarray
    change: np.ndarray
    eliminated: np.ndarray
    factors: np.ndarray
    free: np.ndarray
    within: np.ndarray


def new_searches(count: tuple[int, ...], size: int, window: int) -> Searches:
    """Searches that have not begun; `count` may have axes for problems and for searches."""
    if count[0] > 1:
        return _unbegun.__wrapped__(count, size, window)
    return Searches(*[part.copy() for part in _unbegun(count, size, window)])


@lru_cache(maxsize=64)
def _unbegun(count: tuple[int, ...], size: int, window: int) -> Searches:
    return Searches(
        np.zeros((*count, size)),
        np.zeros(count, np.int64),
        np.full(count, np.inf),
        np.zeros((*count, window)),
        np.zeros((*count, window, window)),
        np.full(count, FIRST_DAMPING),
        np.ones(count, np.bool_),
        np.zeros(count, np.int64),
    )
