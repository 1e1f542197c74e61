"""The synthesis map: which structure is optimal from each θ₀ of a window, and what it gains."""

from __future__ import annotations

import dataclasses

import equinox as eqx
import jax
import numpy as np
from jaxtyping import Float, Int

from homotopy.deletion import Deletion
from homotopy.deletion._optimise import optimise
from homotopy.deletion.searches import BangBangs
from homotopy.explorer.regression import SWITCHES, RegressionExplored
from homotopy.explorer.state import State
from homotopy.schedules import Step

# ε on (s, T], in words. Where θ*₋ itself is reached many schedules are optimal.
STRUCTURES = {
    "0": "delete at once",
    "1→0": "delay",
    "1": "keep until T",
    "0→1": "re-include",
    "0→1→0": "re-include for a while",
    "reached": "θ*₋ is reached",
    "other": "another structure",
}
KEYS = list(STRUCTURES)
_REACHED = 1e-24  # of ½‖θ₀ − θ*₋‖²
COLUMNS, ROWS = 33, 27


@dataclasses.dataclass(frozen=True, eq=False)
class SynthesisMap:
    """Over a window of the plane of θ₀, rows from below.

    Attributes
    ----------
    window : ((float, float), (float, float))
    structure : (rows, columns)
        Places in `KEYS`.
    gain : (rows, columns)
        ℰ of deleting at once over the least ℰ; infinity where θ*₋ is reached.
    """

    window: tuple[tuple[float, float], tuple[float, float]]
    structure: Int[np.ndarray, "rows columns"]
    gain: Float[np.ndarray, "rows columns"]


def synthesis_map(explored: RegressionExplored, state: State, window) -> SynthesisMap:
    """The best schedules with at most three switches, from the middles of a grid of θ₀."""
    (left, right), (bottom, top) = window
    x = left + (right - left) * (np.arange(COLUMNS) + 0.5) / COLUMNS
    y = bottom + (top - bottom) * (np.arange(ROWS) + 0.5) / ROWS
    theta0 = np.array(
        [explored.moved(state, np.array([a, b])).theta0 for b in y for a in x], dtype=float
    )
    deletions, baselines = _deletions(explored, state, theta0)
    optima = optimise(deletions, over=BangBangs(SWITCHES))
    found = [structure_of(optimum) for optimum in optima]
    costs = np.array([float(optimum.cost) for optimum in optima])
    with np.errstate(all="ignore"):
        gains = np.where(np.array(found) == "reached", np.inf, np.maximum(baselines / costs, 1.0))
    shape = ROWS, COLUMNS
    places = np.array([KEYS.index(key) for key in found]).reshape(shape)
    return SynthesisMap(window, places, np.nan_to_num(gains, nan=1.0, posinf=np.inf).reshape(shape))


def structure_of(optimum) -> str:
    """The key in `STRUCTURES`."""
    away = np.asarray(optimum.deletion.theta0) - np.asarray(optimum.deletion.target)
    if optimum.cost <= _REACHED * 0.5 * float(away @ away):
        return "reached"
    structure = optimum.structure.split(" ")[0]
    return structure if structure in STRUCTURES else "other"


def _deletions(explored, state, theta0) -> tuple[list[Deletion], Float[np.ndarray, " m"]]:
    """A deletion for each θ₀, and ℰ of deleting at once, in one compiled computation."""
    stacked, baselines = _built(
        explored.problem(state), theta0, np.asarray(state.start), np.asarray(state.horizon)
    )
    leaves, structure = jax.tree.flatten(stacked)
    leaves = [np.asarray(leaf) for leaf in leaves]
    each = [jax.tree.unflatten(structure, [leaf[i] for leaf in leaves]) for i in range(len(theta0))]
    return each, np.asarray(baselines)


@eqx.filter_jit
def _built(problem, theta0, start, horizon):
    def build(theta0):
        deletion = Deletion(problem, theta0, start, horizon)
        return deletion, deletion.cost(Step(start))

    return eqx.filter_vmap(build)(theta0)
