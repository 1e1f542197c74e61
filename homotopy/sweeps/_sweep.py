"""The verb `sweep`: one function of many cases, on whatever computes, and once only."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from homotopy._checks import function as checked_function
from homotopy._checks import sequence
from homotopy._progress import checked_progress, counted
from homotopy._saving import checked_own
from homotopy.sweeps.journal import Journal
from homotopy.sweeps.workers import checked_workers, spread


def sweep(
    function: Callable,
    cases: Sequence | Iterable,
    *,
    devices: int | Sequence | None = None,
    client: Any = None,
    journal: str | os.PathLike | None = None,
    own: Sequence = (),
    progress: bool | Callable[[int], None] | None = None,
) -> list:
    """`[function(case) for case in cases]`, shared out, and gone on with where it was killed.

    Parameters
    ----------
    function : callable
        Of one case, such as a point, θ₀, a seed or a horizon. With `functools.partial` a verb and
        its problem are one. In other processes it is to be found by its name there, unless `client`
        is dask's, which takes lambdas too.
    cases : sequence
    devices : int or sequence of jax.Device, optional
        A number of the devices of this process, or some: one call at a time runs on each, its
        arrays placed there. The program is the same, and on devices of one kind so are the
        results, to the last bit.
    client : dask.distributed.Client or concurrent.futures.Executor, optional
        Calls run in its processes, in the precision of this one. A worker of dask that dies loses
        nothing: its calls are made again by another. Results are those of the processors there.
    journal : str or path, optional
        A folder: what a call returned is written there at once. The same sweep, begun again with
        the same folder, makes the calls that are missing. What is returned is to be numbers,
        arrays, lists, or what verbs return; another function, other cases, or other data that the
        function holds, by `functools.partial` or as variables around it, are refused.
    own : sequence of functions and classes, optional
        Of yours, that are in results of a journal, as of `load`.
    progress : bool or callable, optional
        By default a line shows how many cases are done, by all workers together, in a terminal or
        a notebook, after two seconds; True shows it always, False never. A callable is called with
        the number.

    Returns
    -------
    list
        In the order of the cases.

    Raises
    ------
    TypeError
        Naming `function`, `cases`, `devices`, `client`, `journal` or `progress`.
    ValueError
        Naming `devices`, `client`, or a `journal` that is of another sweep.
    Exception
        What a call raises, with a note of its place.

    Examples
    --------
    >>> import functools, homotopy as hm
    >>> hm.enable_x64()
    >>> problem = hm.LinearRegression([[1.0], [1.0]], [0.0, 1.0], deleted=1)
    >>> def cost(horizon):
    ...     return float(hm.Deletion(problem, [0.0], 0.0, horizon).cost(hm.Step(horizon)))
    >>> [round(each, 4) for each in hm.sweep(cost, [0.5, 1.0], devices=1)]
    [0.0499, 0.0935]
    """
    checked_function("function", function, "one case")
    known = sequence("cases", cases, "a sequence of cases")
    devices, client = checked_workers(devices, client)
    own = checked_own(own)
    checked_progress(progress, "the number of cases done")
    found: list = [None] * len(known)
    with counted(progress, len(known), "sweeping") as report:
        done = 0
        for place, result in swept(function, known, devices, client, journal, own):
            found[place] = result
            done += 1
            report(done)
    return found


def swept(
    function: Callable, cases: Iterable, devices=None, client=None, journal=None, own=()
) -> Iterator[tuple[int, Any]]:
    """The place of each case and its result, as they get done or are read in the journal."""
    if journal is None:
        yield from spread(function, cases, devices, client)
        return
    kept = Journal(journal, function, own)
    done: deque[int] = deque()
    running: dict[int, tuple[int, Any]] = {}

    def missing():
        number = 0
        for place, case in enumerate(cases):
            if kept.has(place, case):
                done.append(place)
            else:
                running[number] = place, case
                number += 1
                yield case

    for number, result in spread(function, missing(), devices, client):
        place, case = running.pop(number)
        kept.write(place, case, result)
        yield place, result
        while done:
            place = done.popleft()
            yield place, kept.read(place)
    for place in done:
        yield place, kept.read(place)
