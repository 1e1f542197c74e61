"""Deletions after which no remaining point sees some direction of θ, of models affine in θ."""

from __future__ import annotations

import numpy as np
from jaxtyping import Array, Float

from homotopy.influence.weight_changes import WeightChanges
from homotopy.problem import Problem
from homotopy.seen_directions import design_of, seen_directions

# A direction that a group alone sees is one of those along which its part of the projection on the
# design's range is the identity. Far from it there is none; near to it the rank decides.
_ALONE = 1.0 - 1e-4


def freeing(problem: Problem, changes: WeightChanges) -> dict[int, Float[Array, "d r"]]:
    """Which changes leave directions that no remaining point sees, and a basis of what they see.

    Empty as well where that is no question: with a ridge, for models that are not affine in θ, and
    under `jax.jit`. The data are to see all of θ.
    """
    design = design_of(problem)
    if design is None:
        return {}
    outputs = len(design) // problem.size
    range_basis = np.linalg.qr(design)[0].reshape(problem.size, outputs, -1)
    sizes = np.einsum("ijk,ijk->i", range_basis, range_basis)
    rows, amounts = np.asarray(changes.rows), np.asarray(changes.amounts)
    away = amounts == -1.0
    found = {}
    for index in np.flatnonzero(np.sum(np.where(away, sizes[rows], 0.0), axis=1) > _ALONE):
        gone = rows[index][away[index]]
        largest = np.linalg.norm(range_basis[gone].reshape(-1, range_basis.shape[2]), 2)
        if largest**2 > _ALONE:
            basis = seen_directions(problem, np.asarray(changes.at(index, problem)) > 0.0)
            if basis is not None:
                found[int(index)] = basis
    return found
