"""Random deletion problems, many at once, and what the figures of optimal schedules say of each."""

from __future__ import annotations

import equinox as eqx
import jax
import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Float

import homotopy as hm
from homotopy.plotting import style

SIZE, NOISE, SPREAD = 20, 0.5, 3.0

# Structures of ε on (s, T], in words and in colours. Where θ*₋ itself is reached, many schedules
# are optimal, and the one found says nothing.
DELETE, REACHED, SINGULAR, OTHER = "0", "θ*₋ reached", "singular", "other"
STRUCTURES = {
    DELETE: ("delete at once", "#BDBDBD"),
    "1→0": ("delay", style.PALETTE[0]),
    "1": ("keep until T", style.PALETTE[4]),
    "0→1": ("re-include", style.PALETTE[2]),
    "0→1→0": ("re-include for a while", style.PALETTE[3]),
    REACHED: ("ℰ = 0, many optima", "#000000"),
    SINGULAR: ("with 0 < ε < 1 for a time", style.PALETTE[1]),
    OTHER: ("another structure", style.PALETTE[5]),
}


def random_deletion(seed: int, dimension: int, span: float = 2.0, part: float = 0.2) -> hm.Deletion:
    """A random regression with its point 0 deleted: T = span/λ_min, s = part·T, θ₀ ~ 3·N(0, I).

    X and the true θ are standard normal, y has noise of standard deviation ½, and λ_min is the
    slowest rate without the point.
    """
    generator = np.random.default_rng([seed, dimension])
    X = generator.standard_normal((SIZE, dimension))
    y = X @ generator.standard_normal(dimension) + NOISE * generator.standard_normal(SIZE)
    theta0 = SPREAD * generator.standard_normal(dimension)
    horizon = span / np.linalg.eigvalsh(X[1:].T @ X[1:])[0]
    return hm.Deletion(hm.LinearRegression(X, y, deleted=0), theta0, part * horizon, horizon)


def deletions_on(
    problem: hm.LinearRegression,
    theta0: Float[np.ndarray, "m d"],
    start: ArrayLike,
    horizon: ArrayLike,
) -> tuple[list[hm.Deletion], Float[np.ndarray, " m"]]:
    """A `Deletion` for each θ₀, s and T, and ℰ(1_[0,s]) of each, in one vectorised computation."""
    count = len(theta0)
    times = [np.broadcast_to(np.asarray(time, dtype=float), count) for time in (start, horizon)]

    def build(theta0, start, horizon):
        deletion = hm.Deletion(problem, theta0, start, horizon)
        return deletion, deletion.cost(hm.Step(start))

    built = eqx.filter_jit(eqx.filter_vmap(build))(np.asarray(theta0, dtype=float), *times)
    stacked, baselines = built
    leaves, structure = jax.tree.flatten(stacked)
    leaves = [np.asarray(leaf) for leaf in leaves]
    deletions = [jax.tree.unflatten(structure, [leaf[i] for leaf in leaves]) for i in range(count)]
    return deletions, np.asarray(baselines)


def baseline_cost(deletion: hm.Deletion) -> float:
    """ℰ(1_[0,s]): the points are left out from the request on."""
    return float(deletion.cost(hm.Step(deletion.start)))


def scale(deletion: hm.Deletion) -> float:
    """½‖θ₀ − target‖²: what ℰ is measured by where nothing else serves."""
    distance = np.asarray(deletion.theta0) - np.asarray(deletion.target)
    return 0.5 * float(distance @ distance)


def structure_of(optimum: hm.results.Optimum) -> str:
    """The key in `STRUCTURES`."""
    if optimum.cost <= 1e-24 * scale(optimum.deletion):
        return REACHED
    structure = optimum.structure.split(" ")[0]
    return structure if structure in STRUCTURES else OTHER


def evidence(optimum: hm.results.Optimum) -> dict:
    """What shows that an optimum is one."""
    found = {
        "structure": optimum.structure,
        "cost": optimum.cost,
        "lower_bound": optimum.lower_bound,
        "gap": optimum.gap,
        "pmp_residual": optimum.pmp_residual,
        "status": hm.results.OptimumStatus[optimum.status],
        "evaluations": optimum.evaluations,
    }
    if isinstance(optimum, hm.results.CertifiedOptimum):
        found["nodes"] = optimum.nodes
        found["no_singular_arcs"] = optimum.controllability.reason
    return found
