"""What the figures on perceptrons share: many seeded examples, followed without supervision."""

from __future__ import annotations

from collections.abc import Sequence

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

import homotopy as hm
from homotopy.teacher import TeacherExample, teacher_example

NOISE = 0.1
POINTS = 20
METHOD = hm.Adaptive(rtol=1e-7, atol=1e-10)


def drawn_point(seed: int) -> int:
    """The row to delete in the example of a seed, drawn at random but for good."""
    return int(np.random.default_rng(1000 + seed).integers(POINTS))


@eqx.filter_jit
def output_jacobian(problem: hm.Problem, theta):
    """∂f(θ; x_i)/∂θ, (n, d)."""
    return jax.jacobian(problem.predict)(theta)


def leverage(problem: hm.Problem, theta, row: int) -> float:
    """Generalised leverage J_j(G + ρ Id)⁻¹J_jᵀ at θ, J the Jacobian of the outputs, G = JᵀJ."""
    jacobian = np.asarray(output_jacobian(problem, jnp.asarray(theta)))
    curvature = jacobian.T @ jacobian + float(problem.ridge) * np.eye(problem.dimension)
    return float(jacobian[row] @ np.linalg.solve(curvature, jacobian[row]))


def response_study(seeds: Sequence[int], ridge: float, epsilons) -> dict:
    """Response paths of one random point of each example: how they end, and how they bend."""
    ended: dict[str, int] = {}
    rows = []
    for seed in seeds:
        example = teacher_example(seed, POINTS, noise=NOISE)
        row = drawn_point(seed)
        problem = example.problem(row, ridge)
        path = hm.response(problem, epsilons, theta0=example.theta0, throw=False)
        name = _ended(path)
        ended[name] = ended.get(name, 0) + 1
        if bool(np.all(path.minimum)):
            rows.append(_measured(example, problem, path, row, seed))
    columns = {name: [entry[name] for entry in rows] for name in rows[0]}
    return {"seeds": len(seeds), "ended": ended, "paths": columns}


def _ended(path: hm.results.ResponsePath) -> str:
    if bool(path.status == hm.results.ResponseStatus.training_failed):
        return "no minimum at ε = 1"
    if not bool(np.all(path.minimum)):
        return "unresolved"
    if not path.events:
        return "one branch"
    names = (
        (hm.results.EventKind.fold, "fold and jump"),
        (hm.results.EventKind.lost_definiteness, "symmetry breaks"),
        (hm.results.EventKind.merging, "branches merge"),
    )
    # Of several events the most violent.
    return next(
        name for kind, name in names if any(bool(event.kind == kind) for event in path.events)
    )


def _measured(
    example: TeacherExample, problem, path: hm.results.ResponsePath, row: int, seed: int
) -> dict:
    full = path.ends[1]
    speeds = np.linalg.norm(np.asarray(path.end_velocities), axis=1)
    change = np.linalg.norm(np.asarray(path.ends[1] - path.ends[0]))
    x = example.X[row]
    return {
        "seed": seed,
        "row": row,
        "events": len(path.events),
        "bend": float(path.bend),
        "ratio_of_velocities": speeds[1] / speeds[0],
        "velocity_change": path.velocity_change,
        "velocity_change_bound": path.velocity_change_bound,
        "influence_at_1": speeds[1] / change,
        "influence_at_0": speeds[0] / change,
        "leverage": leverage(problem, full, row),
        "residual": abs(float(problem.model(full, x) - example.y[row])),
        "distance_from_target_function": abs(
            float(example.target_function(x[None])[0] - example.y[row])
        ),
    }


def deletions(count: int, ridge: float, start: float, horizon: float) -> list[hm.Deletion]:
    """Deletion problems of the first so many examples whose training reaches minima."""
    found, seed = [], -1
    while len(found) < count:
        seed += 1
        example = teacher_example(seed, POINTS, noise=NOISE)
        problem = example.problem(drawn_point(seed), ridge)
        trained = hm.train(problem, example.theta0, 0.0, throw=False)
        if bool(trained.status == hm.results.TrainingStatus.successful):
            found.append(
                hm.Deletion(
                    problem, example.theta0, start, horizon, target=trained.theta, method=METHOD
                )
            )
    return found
