"""What `homotopy explore` shows: from a table or from data that come along."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from homotopy.commands.shared import inputs
from homotopy.commands.shared.errors import InputError
from homotopy.commands.shared.options import TableRequest
from homotopy.commands.shared.rows import rows_to_delete
from homotopy.explorer._explore import explored_of
from homotopy.explorer.examples import line_deletion, of_default_times, perceptron
from homotopy.explorer.explored import AbstractExplored
from homotopy.explorer.origin import Origin, of_arrays
from homotopy.labels import keep_labels
from homotopy.linear import LinearRegression

EXAMPLES = ("line", "perceptron")
_RIDGE = 0.01  # of a perceptron, whose risk has no minimum without one


def explored_data(
    table: TableRequest, delete, start, horizon, ridge: float, neurons: int | None
) -> tuple[Callable[[], AbstractExplored], tuple[str, ...]]:
    """What makes an explorer for each reader, and what was assumed of the data."""
    example = table.dataset or ("line" if table.data is None else None)
    if table.data is None and example in EXAMPLES:
        if table.options.weights is not None:
            raise InputError(f"--weights: it is for tables in files, and {example} comes along.")
        return _example(example, delete, start, horizon, ridge, neurons), ()
    loaded = inputs.load(table)
    if loaded.classes is not None:
        raise InputError(
            f"--target: {loaded.target_name!r} is text, with {len(loaded.classes)} classes, and "
            "explore is for regression, whose target is a number."
        )
    rows = None if delete is None else rows_to_delete(delete, loaded)
    if neurons is not None:
        return _perceptron(loaded, rows, start, horizon, ridge or _RIDGE, neurons)
    design = inputs.design(loaded, ridge, table.intercept)
    problem = LinearRegression(
        design.X,
        design.scaled.y,
        deleted=[0] if rows is None else rows,
        ridge=ridge,
        weights=design.original.weights,
    )
    keep_labels(problem.X, inputs.labels(design))
    if rows is None:
        problem = problem.deleting([most_moving(problem)])
    deletion = _timed(problem, np.zeros(problem.dimension), start, horizon)
    origin = _origin(table, design, problem)
    return lambda: explored_of(deletion, origin=origin), design.original.notes


def most_moving(problem: LinearRegression) -> int:
    """The row whose deletion moves the fit most."""
    from homotopy.influence import predict
    from homotopy.influence.estimators import LeaveOneOut

    every = range(problem.size)
    change = predict(problem, LeaveOneOut(), points=every, throw=False).delta
    sizes = np.linalg.norm(np.asarray(change), axis=1)
    return int(np.nanargmax(sizes)) if np.isfinite(sizes).any() else 0


def _timed(problem, theta0, start, horizon):
    try:
        return of_default_times(problem, theta0, start, horizon)
    except ValueError as error:
        raise InputError(f"--{error}") from None


def _example(name, delete, start, horizon, ridge, neurons) -> Callable[[], AbstractExplored]:
    if neurons is not None and name == "line":
        raise InputError("--neurons: it is for tables; --dataset perceptron has three.")
    chosen = {} if delete is None else {"deleted": _numbers(delete)}
    if ridge:
        chosen["ridge"] = ridge
    times = {
        option: value
        for option, value in (("start", start), ("horizon", horizon))
        if value is not None
    }
    try:
        if name == "line":
            deletion, origin = line_deletion(**chosen, **times)
            return lambda: explored_of(deletion, origin=origin)
        problem, theta0, own, origin = perceptron(**chosen)
        return _network(problem, theta0, own, start, horizon, origin)
    except (ValueError, TypeError) as error:
        raise InputError(f"--{error}") from None


def _network(problem, theta0, own, start, horizon, origin) -> Callable[[], AbstractExplored]:
    """From the times that were asked for, else their own; what is wrong with them is said now."""
    from homotopy.explorer.network import NetworkExplored

    times = (own[0] if start is None else start, own[1] if horizon is None else horizon)
    create = partial(NetworkExplored, problem, theta0, times, origin)
    create()
    return create


def _numbers(delete) -> list[int]:
    try:
        return [int(part) for text in delete for part in text.split(",")]
    except ValueError:
        raise InputError(
            f"--delete: expected row numbers separated by commas, got {', '.join(delete)!r}."
        ) from None


def _perceptron(loaded, rows, start, horizon, ridge, neurons):
    from homotopy.datasets import standardise
    from homotopy.explorer.examples import perceptron_times
    from homotopy.losses import SquaredError
    from homotopy.models import mlp
    from homotopy.problem import Problem

    scaled, _ = standardise(loaded)
    model = mlp([scaled.X.shape[1], neurons, 1])
    theta0 = np.random.default_rng(0).standard_normal(model.dimension) * 0.7
    features, target = scaled.labelled()
    options = {"ridge": ridge, "weights": scaled.weights}
    if rows is None:
        regression = LinearRegression(scaled.X, scaled.y, deleted=[0], **options)
        rows = [most_moving(regression)]
    problem = Problem(model, SquaredError(), features, target, deleted=rows, **options)
    lines = of_arrays(scaled.X, scaled.y, loaded.name)
    try:
        own = perceptron_times(problem, theta0)
        return _network(problem, theta0, own, start, horizon, lines), loaded.notes
    except ValueError as error:
        raise InputError(f"--{error}") from None


def _origin(table: TableRequest, design, problem) -> Origin:
    """The lines that read the table again; where they would not give the same X, the numbers."""
    name = design.original.name
    if table.dataset == "diabetes":
        lines = ["data = datasets.diabetes()"]
    else:
        options = table.options
        given = {
            key: value
            for key in (
                *("target", "formula", "weights", "index", "drop", "dropna"),
                *("separator", "decimal", "encoding", "comment"),
            )
            if (value := getattr(options, key))
        }
        arguments = "".join(f", {key}={value!r}" for key, value in given.items())
        lines = [f"data = datasets.from_table({str(table.data)!r}{arguments})"]
    centre = "" if design.intercept else ", centre=False"
    lines.append(f"scaled, _ = datasets.standardise(data{centre})")
    if design.intercept:
        lines.append("X = np.column_stack([np.ones(len(scaled.y)), scaled.X])")
    else:
        lines.append("X = scaled.X")
    lines.append("y = scaled.y")
    if any("left out: the intercept" in note for note in design.original.notes):
        return of_arrays(np.asarray(problem.X), np.asarray(problem.y), name)
    return Origin(tuple(lines), name)
