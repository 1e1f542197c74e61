"""The verb: the best schedule of a family for a deletion problem, or for many at once."""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Callable, Sequence
from typing import Any

from homotopy._checks import instance
from homotopy._progress import Monitor, Progress
from homotopy._wording import described
from homotopy.deletion._deletions import Deletions
from homotopy.deletion.deletion import Deletion
from homotopy.deletion.optima import Optima
from homotopy.deletion.optimum import Optimum
from homotopy.deletion.searches.base import AbstractSearch
from homotopy.deletion.searches.separately import Separately, SeparateOptimum
from homotopy.schedules import AbstractSchedule
from homotopy.sweeps.workers import checked_workers, mapped, running

_PARTS = 4  # of the problems for each worker: those that are done early take another
WarmStart = AbstractSchedule | Optimum | SeparateOptimum | None


def optimise(
    deletion: Deletion | Sequence[Deletion],
    over: AbstractSearch,
    *,
    warm_start: WarmStart | Sequence[WarmStart] = None,
    devices: int | Sequence | None = None,
    client: Any = None,
    progress: bool | Callable[[Progress], None] | None = None,
) -> Optimum | SeparateOptimum | Optima:
    """The schedule of least ℰ in a family of schedules in E_s (theory §4).

    Parameters
    ----------
    deletion : Deletion, or a sequence of them
        One problem, or many: several points, initial parameters or horizons. Problems of the same
        shapes are solved in one vectorised computation.
    over : AbstractSearch
        The family, and how it is searched: `Steps()`, `Ramps()`, `Polynomials()`,
        `BangBangs(max_switches)`, `Cells(N)`, `Splines(N)`, `Networks()`, `Everything()`,
        `Separately()`.
    warm_start : AbstractSchedule or Optimum, optional
        Where to start from as well, whatever its family: the search looks at the nearest of its
        own. For many problems, one for all or a sequence with one (or None) for each. A
        `SeparateOptimum` serves `Separately` only.
    devices : int or sequence of jax.Device, optional
        Many problems are shared out over them, a part at a time on each.
    client : dask.distributed.Client or concurrent.futures.Executor, optional
        Many problems are shared out over its processes. Either way each is searched as it would
        be in a list of fewer.
    progress : bool or callable, optional
        By default a line shows how far the search is and how long it may take, in a terminal or a
        notebook, after two seconds; True shows it always, False never. A callable is called with
        a `Progress` now and then.

    Returns
    -------
    Optimum, or Optima, a list of them
        `KeyboardInterrupt` is not passed on: it ends the search, and the best found so far comes
        back with the status `interrupted`.

    Raises
    ------
    TypeError
        Naming `deletion`, `over`, `warm_start`, `devices`, `client` or `progress`.
    ValueError
        Naming `devices` or `client`; or where there are not as many warm starts as problems.

    Examples
    --------
    >>> import homotopy as hm
    >>> hm.enable_x64()
    >>> problem = hm.LinearRegression([[1.0], [1.0]], [0.0, 1.0], deleted=1)
    >>> deletion = hm.Deletion(problem, [0.5], start=0.0, horizon=1.0)
    >>> best = hm.optimise(deletion, over=hm.BangBangs(2))
    >>> best.structure
    '0 throughout'
    >>> round(best.cost, 6)  # ½ (½ e⁻¹)²
    0.016917
    """
    instance("over", over, AbstractSearch, "a search, as Steps(), BangBangs(3) or Everything()")
    single = isinstance(deletion, Deletion)
    deletions = [deletion] if single else _sequence(deletion)
    if single or isinstance(warm_start, WarmStart):
        warm_starts = [warm_start] * len(deletions)
    else:
        if not isinstance(warm_start, Sequence) or isinstance(warm_start, str):
            warm_start = [_schedule(warm_start, over)]
        warm_starts = list(warm_start)
        if len(warm_starts) != len(deletions):
            raise ValueError(
                f"warm_start: expected one for each of {len(deletions)} problems, got "
                f"{len(warm_starts)}."
            )
    schedules = [_schedule(given, over) for given in warm_starts]
    if len(deletions) == 0:
        return Optima()
    devices, client = checked_workers(devices, client)
    limit = len(deletions) * getattr(over, "time_limit", math.inf)
    with Monitor(progress, limit=limit) as monitor:
        if devices is None and client is None:
            optima = over.search_all(deletions, schedules, monitor)
        else:
            optima = _shared_out(over, deletions, schedules, monitor, devices, client)
    return optima[0] if single else Optima(optima)


def _shared_out(over, deletions, schedules, monitor, devices, client) -> list:
    """Parts of the problems, each searched by a worker."""
    parts = _PARTS * running(devices, client)
    size = max(1, -(-len(deletions) // parts))
    begins = range(0, len(deletions), size)
    items = ((deletions[b : b + size], schedules[b : b + size]) for b in begins)
    optima = []
    for part in mapped(functools.partial(_searched, over), items, devices, client):
        # Of the problems that were given, not of copies from another process.
        some = deletions[len(optima) : len(optima) + len(part)]
        optima += [_of(one, given) for one, given in zip(part, some, strict=True)]
        monitor.report(len(optima), len(deletions), part[-1].cost)
    return optima


def _searched(over, part) -> list:
    return over.search_all(*part, Monitor(False))


def _of(optimum, deletion):
    return dataclasses.replace(optimum, deletion=deletion)


def _sequence(deletions) -> Sequence[Deletion]:
    if isinstance(deletions, Deletions):
        return deletions
    try:
        deletions = list(deletions)
    except TypeError:
        deletions = [deletions]
    for given in deletions:
        instance("deletion", given, Deletion, "a Deletion or a sequence of them")
    return deletions


def _schedule(given, over: AbstractSearch) -> AbstractSchedule | SeparateOptimum | None:
    if isinstance(given, Optimum):
        return given.schedule
    if isinstance(given, SeparateOptimum):
        if not isinstance(over, Separately):
            raise TypeError(
                "warm_start: a SeparateOptimum has a schedule for each point and serves "
                f"Separately() only, not {type(over).__name__}."
            )
        return given
    if given is None or isinstance(given, AbstractSchedule):
        return given
    raise TypeError(f"warm_start: expected a schedule or an Optimum, got {described(given)}.")
