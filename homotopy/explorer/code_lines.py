"""The Python lines that make a picture: run, they give its numbers again."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

from homotopy.explorer.closed_form import TOLERANCE
from homotopy.explorer.explored import AbstractExplored
from homotopy.explorer.state import State
from homotopy.layers import affine_layers
from homotopy.models import Model, MultilayerPerceptron
from homotopy.problem import Problem
from homotopy.schedules import AbstractSchedule


def python_lines(explored: AbstractExplored, state: State, schedule: AbstractSchedule) -> str:
    """A script that computes θ(t), ℰ and φ of a state and draws its portrait.

    It leaves `deletion`, `schedule`, `path`, `cost`, `phi` and `ax`.
    """
    origin = explored.origin
    head = ["import numpy as np", "", "import homotopy as hm", "from homotopy import datasets"]
    if origin.needs_numbers:
        head = ["import json", "from pathlib import Path", "", *head]
    numbers = [f"{value!r}" for value in state.theta0]
    return "\n".join(
        [
            *head,
            "",
            "hm.enable_x64()",
            *origin.lines,
            *explored.problem_lines(state),
            f"theta0 = np.array([{', '.join(numbers)}])",
            *explored.deletion_lines(state),
            *explored.schedule_lines(state, schedule),
            "",
            f"times = np.linspace(0.0, {state.horizon!r}, 201)",
            "path = hm.flow(problem, schedule, theta0, times, method=deletion.method)",
            "cost = float(deletion.cost(schedule))",
            *explored.switching_lines(),
            'print(f"ℰ = {cost:.6g}")',
            *explored.drawing_lines(state),
            "",
        ]
    )


def family_lines(state: State) -> list[str]:
    """The schedule of a family that needs no search."""
    start, switch = repr(state.start), repr(state.switch)
    if state.family == "drawn":
        return cell_lines(state, state.drawn)
    if state.family == "step" or not state.switch > state.start:
        return [f"schedule = hm.Step({switch})"]
    if state.family == "ramp":
        return [f"schedule = hm.Ramp({start}, {switch})"]
    return [f"schedule = hm.Polynomial({start}, {switch}, {state.power!r})"]


def exact_lines(state: State) -> list[str]:
    """The deletion of a linear regression."""
    return [
        "deletion = hm.Deletion(",
        f"    problem, theta0, start={state.start!r}, horizon={state.horizon!r},",
        f"    method=hm.Exact(tolerance={TOLERANCE!r}),",
        ")",
    ]


def cell_lines(state: State, weights) -> list[str]:
    """A weight for each of equal parts of [s, T]."""
    drawn = ", ".join(f"{weight!r}" for weight in weights)
    return [
        f"drawn = [{drawn}]",
        f"edges = np.linspace({state.start!r}, {state.horizon!r}, {len(weights) + 1})",
        f"edges[-1] = {state.horizon!r}",
        "schedule = hm.PiecewiseConstant(edges, [1.0, *drawn, 0.0])",
    ]


def weight_lines(problem: Problem) -> list[str]:
    """The weights of points, where they have any."""
    weights = problem.point_weights
    return [] if weights is None else [f"weights = np.array({np.asarray(weights).tolist()})"]


def weight_argument(problem: Problem) -> str:
    """How a problem is told of them."""
    return "" if problem.point_weights is None else ", weights=weights"


def model_lines(model: Model) -> list[str]:
    """A perceptron, or a word on what the lines cannot know."""
    if isinstance(model, MultilayerPerceptron):
        sizes = list(model.sizes)
        activation = affine_layers(model, jnp.zeros(model.dimension)).activation
        if activation is jax.nn.tanh or activation is jnp.tanh:
            return [f"model = hm.mlp({sizes})"]
        name = getattr(activation, "__name__", "")
        if getattr(jax.nn, name, None) is activation:
            return ["import jax", f"model = hm.mlp({sizes}, jax.nn.{name})"]
    return ["# model = ...  your own, as it was given to hm.explore: these lines do not know it"]
