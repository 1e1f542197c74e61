"""Data that come along for exploring: a line that one point pulls at, and two larger ones."""

from __future__ import annotations

import numpy as np

from homotopy.datasets import Dataset, diabetes, standardise
from homotopy.deletion import Deletion
from homotopy.deletion.default_times import default_horizon, default_start
from homotopy.explorer.origin import Origin
from homotopy.linear import LinearRegression
from homotopy.losses import SquaredError
from homotopy.problem import Problem
from homotopy.teacher import teacher_example


def influential_line() -> Dataset:
    """A line through nineteen points, and a twentieth that pulls at it (README, notebook 01)."""
    generator = np.random.default_rng(1)
    x = np.append(generator.uniform(-1, 1, 19), 2.5)
    y = np.append(0.5 + x[:19] + 0.25 * generator.standard_normal(19), -0.5)
    return Dataset(
        name="a line and one point",
        X=np.column_stack([np.ones(20), x]),
        y=y,
        feature_names=("intercept", "slope"),
        target_name="y",
        description="A line through nineteen points with noise, and a twentieth far from it.",
    )


def line_deletion(
    deleted=(19,), start: float = 0.02, horizon: float = 0.3, ridge: float = 0.0
) -> tuple[Deletion, Origin]:
    """The twentieth point deleted, from a θ₀ from which it is best to wait."""
    data = influential_line()
    problem = LinearRegression(*data.labelled(), deleted=list(deleted), ridge=ridge)
    lines = (
        "generator = np.random.default_rng(1)",
        "x = np.append(generator.uniform(-1, 1, 19), 2.5)",
        "y = np.append(0.5 + x[:19] + 0.25 * generator.standard_normal(19), -0.5)",
        "X = np.column_stack([np.ones(20), x])",
    )
    deletion = Deletion(problem, np.array([0.0, 2.0]), start=start, horizon=horizon)
    return deletion, Origin(lines, data.name)


_SEED, _NOISE = 5, 0.1  # of the perceptron of figures 3 and 12


def perceptron(
    deleted=(10,), ridge: float = 0.005
) -> tuple[Problem, np.ndarray, tuple[float, float], Origin]:
    """The notes' perceptron with three neurons, and the point whose path bends (Figure 3).

    The problem, θ₀, s and T, and where it comes from: a deletion would train to its end at once.
    """
    example = teacher_example(_SEED, noise=_NOISE)
    problem = Problem(
        example.model, SquaredError(), example.X, example.y, deleted=list(deleted), ridge=ridge
    )
    lines = (
        "from homotopy.teacher import teacher_example",
        f"example = teacher_example({_SEED}, noise={_NOISE})",
        "model, X, y = example.model, example.X, example.y",
    )
    origin = Origin(lines, "a perceptron that learns from another", has_model=True)
    return problem, np.asarray(example.theta0), (2.0, 60.0), origin


def perceptron_times(problem: Problem, theta0) -> tuple[float, float]:
    """s and T for a perceptron: five and a hundred time constants of its fastest mode at θ₀."""
    fastest = float(np.linalg.eigvalsh(np.asarray(problem.hessian(problem.parameters(theta0))))[-1])
    unit = 1.0 / max(fastest, 1e-3)
    return float(f"{5.0 * unit:.2g}"), float(f"{100.0 * unit:.2g}")


def diabetes_deletion() -> tuple[Deletion, Origin]:
    """The patient whose deletion is best delayed, of 442."""
    data, _ = standardise(diabetes())
    problem = LinearRegression(*data.labelled(), deleted=169)
    lines = (
        "data, _ = datasets.standardise(datasets.diabetes())",
        "X, y = data.X, data.y",
    )
    return of_default_times(problem, np.zeros(problem.dimension)), Origin(lines, data.name)


def of_default_times(problem: LinearRegression, theta0, start=None, horizon=None) -> Deletion:
    """The deletion with the times that the commands choose, where none are given."""
    start = default_start(problem, theta0).value if start is None else start
    horizon = default_horizon(problem, start, theta0).value if horizon is None else horizon
    return Deletion(problem, theta0, start=start, horizon=horizon)
