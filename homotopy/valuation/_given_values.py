"""The verbs `group_values` and `game_values`: players that are groups, and games of one's own."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np

from homotopy._checks import ArrayInput, flag, function, instance, integer, sequence
from homotopy._progress import Monitor, Progress
from homotopy._result import keep_names, names_of
from homotopy._status import require_success
from homotopy.measurements import AbstractMeasurement
from homotopy.problem import Problem, a_problem
from homotopy.valuation._data_values import data_values
from homotopy.valuation.aumann_shapley import AumannShapley
from homotopy.valuation.enumeration import Enumeration
from homotopy.valuation.games import game_of
from homotopy.valuation.given_games import FunctionGame, GroupGame
from homotopy.valuation.measures import checked_measurement, measure_of
from homotopy.valuation.method import AbstractValuation, Asked, workers_for
from homotopy.valuation.permutations import Permutations
from homotopy.valuation.sample_reuse import SampleReuse
from homotopy.valuation.semivalues import SHAPLEY, AbstractSemivalue
from homotopy.valuation.values import DataValues

_BY_COALITIONS = (Enumeration, Permutations, SampleReuse)


def group_values(
    problem: Problem,
    measurement: AbstractMeasurement | Callable,
    labels: Sequence,
    method: AbstractValuation,
    semivalue: AbstractSemivalue = SHAPLEY,
    *,
    theta0: ArrayInput | None = None,
    throw: bool = True,
    devices: int | Sequence | None = None,
    client: Any = None,
    progress: bool | Callable[[Progress], object] | None = None,
) -> DataValues:
    """What groups of points are worth, each in a coalition as a whole or out of it.

    A group of Shapley's game is another player than its points: its value is not the sum of
    theirs. Of Aumann–Shapley's it is (theory §8.3).

    Parameters
    ----------
    problem, measurement, semivalue, theta0, throw, devices, client, progress
        As of `data_values`.
    labels : (n,)
        The group of each point, by a number or a word; two at least.
    method : AbstractValuation
        `Enumeration()` of at most 12 groups, `Permutations(count)`, `valuation.SampleReuse(count)`
        or `AumannShapley()`.

    Returns
    -------
    DataValues
        A value for each group, in the order in which they come first.

    Raises
    ------
    TypeError, ValueError, RuntimeError
        As `data_values`; and naming `labels`.

    Examples
    --------
    >>> import homotopy as hm
    >>> hm.enable_x64()
    >>> problem = hm.LinearRegression([[1.0], [1.0]], [1.0, 3.0], deleted=0, ridge=1.0)
    >>> loss = hm.TestLoss([[1.0]], [2.0])
    >>> values = hm.valuation.group_values(problem, loss, ["a", "b"], hm.Enumeration())
    >>> values.to_frame()["value"].round(6).to_dict()
    {'a': 0.388889, 'b': 1.388889}
    """
    a_problem(problem)
    names, groups = _groups(labels, problem.size)
    known = checked_measurement(measurement, problem)
    instance("method", method, AbstractValuation, "a method such as Permutations(1000)")
    options = {"theta0": theta0, "throw": throw, "progress": progress}
    if isinstance(method, AumannShapley):
        found = data_values(
            problem, known, method, semivalue, devices=devices, client=client, **options
        )
        values = np.zeros((len(names), *found.values.shape[1:]))
        np.add.at(values, groups, np.asarray(found.values))
        found = dataclasses.replace(found, values=jnp.asarray(values))
    else:
        _by_coalitions(method)
        start = None if theta0 is None else np.asarray(problem.parameters(theta0))
        points = game_of(problem, measure_of(known, problem), start)
        workers = workers_for(method, devices, client)
        found = _valued(GroupGame(points, groups), method, semivalue, throw, workers, progress)
    keep_names(found, dataclasses.replace(names_of(problem), rows=names))
    return found


def game_values(
    game: Callable,
    size: int,
    method: AbstractValuation,
    semivalue: AbstractSemivalue = SHAPLEY,
    *,
    throw: bool = True,
    devices: int | Sequence | None = None,
    client: Any = None,
    progress: bool | Callable[[Progress], object] | None = None,
) -> DataValues:
    """The values of the players of any game: what `data_values` is for m(θ(S)).

    For models that are trained in a way of their own, as networks by runs of stochastic gradient
    descent: the game trains on the points that are in, from its own seed, and measures. It is to be
    a function of the coalition: the same whenever it is called.

    Parameters
    ----------
    game : callable
        From a mask (n,) of booleans, who is in, to a number or an array of one shape: m, of which
        less is better, as of a loss.
    size : int
        n, the number of players.
    method : AbstractValuation
        `Enumeration()` of at most 16 players, `Permutations(count)` or
        `valuation.SampleReuse(count)`.
    semivalue, throw, progress
        As of `data_values`.
    devices : int or sequence of jax.Device, optional
        Calls are shared out over them, one part at a time on each, in threads.
    client : dask.distributed.Client or concurrent.futures.Executor, optional
        Calls are shared out over its processes, where the game is to be found by its name, unless
        the client is dask's.

    Returns
    -------
    DataValues

    Raises
    ------
    TypeError, ValueError
        Naming the argument.
    RuntimeError
        With the status, where the values are not to be relied on.

    Examples
    --------
    >>> import homotopy as hm
    >>> hm.enable_x64()
    >>> glove = lambda inside: -float(inside[0] and (inside[1] or inside[2]))  # of a pair
    >>> values = hm.valuation.game_values(glove, 3, hm.Enumeration())
    >>> [round(value, 6) for value in values.values.tolist()]
    [0.666667, 0.166667, 0.166667]
    """
    function("game", game, "a mask of booleans")
    size = integer("size", size, 1)
    instance("method", method, AbstractValuation, "a method such as Permutations(1000)")
    _by_coalitions(method)
    workers = workers_for(method, devices, client)
    return _valued(FunctionGame(game, size), method, semivalue, throw, workers, progress)


def _valued(game, method, semivalue, throw, workers, progress) -> DataValues:
    instance("semivalue", semivalue, AbstractSemivalue, "a semivalue such as Shapley()")
    flag("throw", throw)
    with Monitor(progress, "", what="valuing players", keeps=False) as monitor:
        asked = Asked(
            None, None, None, semivalue, None, None,
            lambda done, total: monitor.report(done, total, float("nan")), game, *workers,
        )  # fmt: skip
        found = method.values(asked)
    if throw:
        require_success(found.values, found.status)
    return found


def _by_coalitions(method: AbstractValuation) -> None:
    if not isinstance(method, _BY_COALITIONS):
        raise ValueError(
            "method: expected one that goes by coalitions, Enumeration(), Permutations(count) or "
            f"SampleReuse(count), got {type(method).__name__}()."
        )


def _groups(labels, size: int) -> tuple[tuple[str, ...], np.ndarray]:
    given = sequence("labels", labels, "a sequence of labels, one a point")
    for label in given:
        if not isinstance(label, str | int | np.integer) or isinstance(label, bool):
            raise TypeError(f"labels: expected numbers or words, got {label!r}.")
    if len(given) != size:
        raise ValueError(f"labels: expected {size} labels, one a point, got {len(given)}.")
    places = {label: place for place, label in enumerate(dict.fromkeys(given))}
    if len(places) < 2:
        raise ValueError(f"labels: expected two groups at least, got {list(places)}.")
    return tuple(map(str, places)), np.array([places[label] for label in given])
