"""The deletion problem for weights 0 and 1 as the compiled searches take it, and what they find."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from homotopy._beside import Beside
from homotopy.control.switched import SwitchedFlow
from homotopy.deletion.request import Request, known_numbers
from homotopy.modal_form import modal_field, modal_numbers


def switched_flows(requests: Sequence[Request]) -> SwitchedFlow:
    """Problems of the same size, with a leading axis: in modal coordinates centred at the deleted
    fit, which tend to zero where the point is gone.

    Always in float64, whatever the problems' own precision.
    """
    if len(requests) == 1:
        return _flow(requests[0])
    packed = [_packed(request) for request in requests]
    return PackedFlows(packed[0].shapes, np.array([each.numbers for each in packed])).unpacked()


def _views(shapes: list[tuple[int, ...]], numbers: np.ndarray) -> SwitchedFlow:
    """Of one problem, with a leading axis, without a copy."""
    parts, begin = [], 0
    for shape in shapes:
        end = begin + math.prod(shape)
        parts.append(numbers[begin:end].reshape(1, *shape))
        begin = end
    return SwitchedFlow(*parts)


class PackedFlows(NamedTuple):
    """The numbers of many `SwitchedFlow`, a row each, field after field, and the fields' shapes."""

    shapes: list[tuple[int, ...]]
    numbers: np.ndarray

    @classmethod
    def of(cls, flows: SwitchedFlow, number: int, kind: tuple) -> PackedFlows:
        """From fields that may have a leading axis; the problems are of that `kind_of`."""
        shapes = _shapes(*kind[0])
        parts = [
            np.broadcast_to(np.asarray(part, np.float64), (number, *shape)).reshape(number, -1)
            for part, shape in zip(flows, shapes, strict=True)
        ]
        return cls(shapes, np.concatenate(parts, axis=1))

    def unpacked(self, rows: Sequence[int] | slice = slice(None)) -> SwitchedFlow:
        """Those of the flows, with a leading axis."""
        numbers = self.numbers[rows]
        ends = np.cumsum([math.prod(shape) for shape in self.shapes])
        parts = np.split(numbers, ends[:-1], axis=1)
        return SwitchedFlow(
            *(
                np.ascontiguousarray(part).reshape(len(numbers), *shape)
                for part, shape in zip(parts, self.shapes, strict=True)
            )
        )

    def keep(self, row: int, request: Request) -> None:
        """Give a problem its own of the flows."""
        _KEPT.put(request, _Packed(self.shapes, self.numbers[row].copy()))


_KEPT = Beside()  # `_Packed` or `SwitchedFlow`


class _Packed(NamedTuple):
    """The numbers of one `SwitchedFlow` as they are in memory, field after field."""

    shapes: list[tuple[int, ...]]
    numbers: np.ndarray


def _flow(request: Request) -> SwitchedFlow:
    """With a leading axis; kept beside the problem, for JAX's arrays take long to be read."""
    kept = _KEPT.get(request)
    if type(kept) is SwitchedFlow:
        return kept
    if kept is not None:
        flow = _views(*kept)
    else:
        modal, own = modal_numbers(request.problem), known_numbers(request)
        rotation, residual = modal["full_rotation"], modal["residual"]
        flow = SwitchedFlow(
            rates=_array(modal["eigenvalues"], 2),
            full_rates=_array(modal["full_values"], 2),
            rotation=_array(rotation, 3),
            transposed=_array(rotation.T, 3),
            rows=_array(modal["rows"], 3),
            residual=_array(residual, 2),
            limit=_array(modal["full_limit"], 2),
            initial=_array(own.centred_start, 2),
            goal=_array(own.centred_goal, 2),
            delay=_array(own.start, 1),
            span=_array(own.horizon.astype(np.float64) - own.start, 1),
        )
    _KEPT.put(request, flow)
    return flow


def _array(part, axes: int) -> np.ndarray:
    """A copy, with so many axes."""
    return np.array(part, np.float64, order="C", ndmin=axes)


def _packed(request: Request) -> _Packed:
    kept = _KEPT.get(request)
    if type(kept) is _Packed:
        return kept
    flow = _flow(request)
    numbers = np.concatenate([part.ravel() for part in flow])
    return _Packed([part.shape[1:] for part in flow], numbers)


def _shapes(count: int, size: int) -> list[tuple[int, ...]]:
    """Of the fields of a `SwitchedFlow` with so many deleted points and parameters."""
    vector, square = (size,), (size, size)
    shapes = {"rotation": square, "transposed": square, "rows": (count, size)}
    shapes |= {"residual": (count,), "delay": (), "span": ()}
    return [shapes.get(name, vector) for name in SwitchedFlow._fields]


def kind_of(request: Request) -> tuple:
    """How many deleted points and parameters, and their precision: alike in what is stacked."""
    rows = modal_field(request.problem, "rows")
    return rows.shape, rows.dtype
