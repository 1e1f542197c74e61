"""Who computes: this process, its devices, other processes, or a cluster."""

from __future__ import annotations

import contextlib
import queue
import warnings
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import jax

from homotopy._checks import integer, sequence
from homotopy._wording import described
from homotopy.sweeps.parcel import Parcel, call, unchanged

_AHEAD = 3  # calls handed out for each that can run: nobody waits, and few results are held


def checked_devices(devices) -> list | None:
    """Devices of JAX: as many of the first as a number says, or those of a sequence.

    Raises
    ------
    TypeError, ValueError
        Naming `devices`.
    """
    if devices is None:
        return None
    if isinstance(devices, int) or not hasattr(devices, "__iter__"):
        known = jax.local_devices()
        return known[: integer("devices", devices, 1, len(known))]
    given = sequence("devices", devices, "a number of devices or a sequence of them")
    if not given or not all(isinstance(one, jax.Device) for one in given):
        raise TypeError(
            "devices: expected a number of devices or a sequence of them, as jax.devices(), got "
            f"{described(devices)}."
        )
    return given


def checked_client(client):
    """What calls can be submitted to: a client of dask.distributed, or an executor.

    Raises
    ------
    TypeError
        Naming `client`.
    """
    if client is None or (callable(getattr(client, "submit", None)) and not _is_class(client)):
        return client
    raise TypeError(
        "client: expected a dask.distributed.Client or a concurrent.futures.Executor, got "
        f"{described(client)}."
    )


def checked_workers(devices, client) -> tuple[list | None, Any]:
    """Devices and client, of which at most one is given."""
    if devices is not None and client is not None:
        raise ValueError(
            "client: expected None beside devices, got both; a function may use the devices that "
            "it finds where it runs."
        )
    return checked_devices(devices), checked_client(client)


def running(devices: list | None, client) -> int:
    """How many calls run at a time."""
    if devices is not None:
        return len(devices)
    if client is None:
        return 1
    if hasattr(client, "ncores"):
        return max(1, sum(client.ncores().values()))
    return getattr(client, "_max_workers", None) or 4


def spread(
    function: Callable, items: Iterable, devices: list | None = None, client=None
) -> Iterator[tuple[int, Any]]:
    """The place of each item and what the function makes of it, as they get done.

    Items are taken when there is room for them. One with an attribute `needs`, of dask's delayed
    values, has those computed where the function runs, as its further arguments.
    """
    if client is not None:
        yield from _submitted(_Remote(client, function), items)
    elif devices is not None:
        with _Local(devices, function) as local:
            yield from _submitted(local, items)
    else:
        for place, item in enumerate(items):
            with _noted(place):
                result = function(item, *_computed(item))
            yield place, result


def mapped(function: Callable, items: Iterable, devices: list | None = None, client=None):
    """As `spread`, but results alone, in the order of the items."""
    return in_order(spread(function, items, devices, client))


def in_order(found: Iterable[tuple[int, Any]]) -> Iterator[Any]:
    """Results by their places, each as soon as those before it are there."""
    early: dict[int, Any] = {}
    expected = 0
    for place, result in found:
        early[place] = result
        while expected in early:
            yield early.pop(expected)
            expected += 1


@contextlib.contextmanager
def _noted(place: int) -> Iterator[None]:
    """An error says in which call it was."""
    try:
        yield
    except Exception as error:
        error.add_note(f"in call {place}, counted from 0")
        raise


def _computed(item) -> tuple:
    needs = getattr(item, "needs", ())
    if not needs:
        return ()
    import dask

    return dask.compute(*needs)


def _submitted(workers, items) -> Iterator[tuple[int, Any]]:
    """Never more calls handed out than a few for each that can run."""
    done: queue.SimpleQueue = queue.SimpleQueue()
    running: dict[int, Any] = {}
    source, ended = enumerate(items), False
    try:
        while running or not ended:
            while not ended and len(running) < workers.room:
                try:
                    place, item = next(source)
                except StopIteration:
                    ended = True
                    break
                future = running[place] = workers.submit(item)
                future.add_done_callback(lambda _, place=place: done.put(place))
            if running:
                place = done.get()
                with _noted(place):
                    result = running.pop(place).result()
                yield place, result
    finally:
        for future in running.values():
            future.cancel()


class _Remote:
    """Calls in other processes."""

    def __init__(self, client, function: Callable):
        self._client, self._function = client, Parcel(function)
        self._dask = hasattr(client, "scatter")
        if self._dask:
            # Sent to a worker once, not with every call; and a task, which is made again where a
            # worker dies, as what is scattered is not.
            with warnings.catch_warnings():
                warnings.filterwarnings("ignore", "Sending large graph")
                self._function = client.submit(unchanged, self._function, pure=False)
        self.room = _AHEAD * running(None, client)

    def submit(self, item):
        if not self._dask:
            return self._client.submit(call, self._function, Parcel(item), *_computed(item))
        parts = self._client.compute(list(getattr(item, "needs", ())))
        return self._client.submit(call, self._function, Parcel(item), *parts, pure=False)


class _Local(contextlib.AbstractContextManager):
    """Calls in threads of this process, each on a device that is free."""

    def __init__(self, devices: list, function: Callable):
        self._function, self._free = function, queue.SimpleQueue()
        for device in devices:
            self._free.put(device)
        self._threads = ThreadPoolExecutor(len(devices), thread_name_prefix="homotopy-device")
        self.room = _AHEAD * len(devices)
        self._wide = bool(jax.config.jax_enable_x64)

    def submit(self, item):
        return self._threads.submit(self._run, item)

    def _run(self, item):
        device = self._free.get()
        try:
            with jax.enable_x64(self._wide), jax.default_device(device):
                return jax.block_until_ready(self._function(item, *_computed(item)))
        finally:
            self._free.put(device)

    def __exit__(self, *raised):
        self._threads.shutdown(wait=True, cancel_futures=True)


def _is_class(value) -> bool:
    return isinstance(value, type)
