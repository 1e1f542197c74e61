"""Deletion problems of one data set, one for each point, built together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import jax
import numpy as np
from jax.typing import ArrayLike

from homotopy._checks import ArrayInput
from homotopy._stacks import Stack
from homotopy.control.switched import SwitchedFlow
from homotopy.deletion.bridges.switched_flow import PackedFlows
from homotopy.deletion.deletion import Deletion
from homotopy.deletion.request import checked_interval
from homotopy.deletion.terminal_cost import ParameterDistance
from homotopy.flows.exact import Exact
from homotopy.linear import LinearRegression
from homotopy.linear_deletions import LinearRegressions, shared


def deletions(
    problem: LinearRegression | LinearRegressions,
    theta0: ArrayInput,
    start: ArrayLike,
    horizon: ArrayLike,
    points: Sequence[int] | ArrayLike | None = None,
) -> Deletions:
    """A `Deletion` for each point of a linear regression, alone; what `optimise` takes.

    The same as `Deletion(problem.deleting(j), theta0, start, horizon)` for every j, at a fraction
    of the time: the spectra follow from that of all the data.

    Parameters
    ----------
    problem : LinearRegression or LinearRegressions
        Its deleted set plays no part; of `problem.deleting_each(points)`, its points.
    theta0 : (d,)
    start : float
        s ≥ 0.
    horizon : float
        T > s.
    points : sequence of int, optional
        Row numbers; all n by default.

    Returns
    -------
    Deletions
        A sequence, whose members are made when they are asked for. `optimise` asks for none.

    Raises
    ------
    TypeError
        Naming `problem`, where it is not a linear regression.
    ValueError
        Naming `theta0`, `start`, `horizon` or `points`.

    Examples
    --------
    >>> import homotopy as hm
    >>> hm.enable_x64()
    >>> problem = hm.LinearRegression([[1.0], [1.0]], [0.0, 1.0], deleted=1)
    >>> found = hm.deletions(problem, [0.5], start=0.0, horizon=1.0)
    >>> best = hm.optimise(found, over=hm.BangBangs(1))
    >>> [each.structure for each in best]
    ['0 throughout', '0 throughout']
    """
    if isinstance(problem, LinearRegression):
        problem = problem.deleting_each(points)
    elif not isinstance(problem, LinearRegressions):
        raise TypeError(
            f"problem: expected a LinearRegression, got {type(problem).__name__}: for another "
            "model build a Deletion for each point."
        )
    elif points is not None:
        raise ValueError("points: expected None, as the problems have their points already.")
    stacked = problem.stacked
    theta0 = stacked.parameters(theta0)
    start, horizon = checked_interval(start, horizon, theta0.dtype)
    fields = {
        name: part if part.dtype == bool else part.astype(theta0.dtype)
        for name, part in problem.modal_fields.items()
    }
    coordinates = np.asarray(theta0) @ fields["basis"]
    centred = coordinates - fields["equilibrium"]
    goal = np.where(fields["kernel"], centred, 0.0).astype(theta0.dtype)
    reached = fields["equilibrium"] + np.where(fields["kernel"], coordinates, 0.0)
    target = (fields["basis"] @ reached[:, :, None])[:, :, 0]
    together = object.__new__(Deletion)  # past the constructor, which is for one problem
    vars(together).update(
        problem=stacked,
        theta0=theta0,
        method=Exact(),
        terminal_cost=ParameterDistance(),
        **jax.device_put(
            {
                "start": start,
                "horizon": horizon,
                "target": target,
                "centred_start": centred,
                "centred_goal": goal,
            }
        ),
    )
    flows = SwitchedFlow(
        rates=fields["eigenvalues"],
        full_rates=np.asarray(stacked.modal.full.eigenvalues),
        rotation=fields["full_rotation"],
        transposed=np.swapaxes(fields["full_rotation"], 1, 2),
        rows=fields["rows"],
        residual=fields["residual"],
        limit=fields["full_limit"],
        initial=centred,
        goal=goal,
        delay=float(start),
        span=float(horizon) - float(start),
    )
    kind = fields["rows"].shape[1:], fields["rows"].dtype
    return Deletions(together, problem.points, PackedFlows.of(flows, len(problem), kind), kind)


class Deletions(Sequence):
    """Deletion problems that share their data, θ₀ and times, each with one point deleted.

    What `deletions` returns. A sequence, whose members are made when they are asked for, and kept.

    Attributes
    ----------
    points : (k,)
        Row numbers: the i-th problem deletes `points[i]`.
    """

    def __init__(self, together: Deletion, points: np.ndarray, packed: PackedFlows, kind: tuple):
        self.points, self.kind, self._packed = points, kind, packed
        self._stack = Stack(
            together, lambda own: (shared(own.problem), own.theta0, own.start, own.horizon)
        )
        self._members: list[Deletion | None] = [None] * len(points)

    def flows(self, indices: Sequence[int]) -> SwitchedFlow:
        """What the compiled searches take: as `switched_flows` of those problems."""
        return self._packed.unpacked(indices)

    def _made(self, indices: Sequence[int]) -> list[Deletion]:
        missing = [index for index in indices if self._members[index] is None]
        for index, member in zip(missing, self._stack.members(missing), strict=True):
            self._packed.keep(index, member)
            self._members[index] = member
        return [self._members[index] for index in indices]

    def __len__(self) -> int:
        return len(self.points)

    def __getitem__(self, index):
        chosen = range(len(self))[index]
        return self._made(chosen) if isinstance(chosen, range) else self._made([chosen])[0]

    def __iter__(self) -> Iterator[Deletion]:
        return iter(self._made(range(len(self))))

    def __repr__(self) -> str:
        return f"Deletions({len(self)} points)"
