"""The deletion problem for weights 0 and 1 as the compiled searches take it, and what they find."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import equinox as eqx
import numpy as np

from homotopy._beside import Beside
from homotopy.control.switched import SwitchedFlow
from homotopy.deletion.request import Request


def switched_flows(requests: Sequence[Request]) -> SwitchedFlow:
    """Problems of the same size, with a leading axis: in modal coordinates centred at the deleted
    fit, which tend to zero where the point is gone.

    Always in float64, whatever the problems' own precision.
    """
    packed = [_packed(request) for request in requests]
    shapes = packed[0].shapes
    numbers = np.frombuffer(b"".join([each.numbers for each in packed]))
    ends = np.cumsum([math.prod(shape) for shape in shapes])
    parts = np.split(numbers.reshape(len(packed), ends[-1]), ends[:-1], axis=1)
    return SwitchedFlow(
        *(
            np.ascontiguousarray(part).reshape(len(packed), *shape)
            for part, shape in zip(parts, shapes, strict=True)
        )
    )


_PACKED = Beside()


class _Packed(NamedTuple):
    """The numbers of one `SwitchedFlow` as they are in memory, field after field."""

    shapes: list[tuple[int, ...]]
    numbers: bytes


def _packed(request: Request) -> _Packed:
    """Kept beside the problem: to read so many JAX arrays takes as long as half a search."""
    packed = _PACKED.get(request)
    if packed is None:
        own = _fields(request)
        modal = own["problem"].modal
        rotation, start, horizon = (
            np.asarray(part) for part in (modal.full.rotation, own["start"], own["horizon"])
        )
        flow = SwitchedFlow(
            rates=modal.eigenvalues,
            full_rates=modal.full.eigenvalues,
            rotation=rotation,
            transposed=rotation.T,
            rows=modal.rows,
            residual=modal.residual,
            limit=modal.full_limit,
            initial=own["centred_start"],
            goal=own["centred_goal"],
            delay=start,
            span=horizon.astype(np.float64) - start,
        )
        arrays = [np.asarray(part, np.float64) for part in flow]
        numbers = b"".join(array.tobytes() for array in arrays)
        packed = _Packed([array.shape for array in arrays], numbers)
        _PACKED.put(request, packed)
    return packed


def keep_packed(requests: Sequence[Request], flows: SwitchedFlow) -> None:
    """Give each problem its own of the flows, fields of which may have a leading axis."""
    number = len(requests)
    parts = [
        np.broadcast_to(np.asarray(part, np.float64), (number, *shape))
        for part, shape in zip(flows, _shapes(requests[0]), strict=True)
    ]
    shapes = [part.shape[1:] for part in parts]
    numbers = np.concatenate([part.reshape(number, -1) for part in parts], axis=1)
    for request, own in zip(requests, numbers, strict=True):
        _PACKED.put(request, _Packed(shapes, own.tobytes()))


def _shapes(request: Request) -> list[tuple[int, ...]]:
    """Of the fields of its `SwitchedFlow`."""
    count, size = kind_of(request)[0]
    vector, square = (size,), (size, size)
    shapes = {"rotation": square, "transposed": square, "rows": (count, size)}
    shapes |= {"residual": (count,), "delay": (), "span": ()}
    return [shapes.get(name, vector) for name in SwitchedFlow._fields]


def _fields(module: eqx.Module) -> dict:
    """`vars`, past what Equinox does at every look-up: it takes longer than copying an array."""
    return object.__getattribute__(module, "__dict__")


def kind_of(request: Request) -> tuple:
    """How many deleted points and parameters, and their precision: alike in what is stacked."""
    rows = _fields(_fields(_fields(request)["problem"])["modal"])["rows"]
    return rows.shape, rows.dtype
