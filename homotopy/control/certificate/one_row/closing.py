"""The certificate of one row in two compiled calls, where no branching is needed: most are.

First good controls, by the search of `switched`; then their cost, the exact tube, and a bound. What
does not close that way, or takes care of its own, is left to `certified_optimum`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np

from homotopy._deadline import Deadline, OutOfTime
from homotopy.control.bang_bang_control import BangBangControl
from homotopy.control.certificate.one_row.kernels import Posed, closed_root
from homotopy.control.certificate.result import Certificate
from homotopy.control.certificate.rounding import DataErrors
from homotopy.control.switched import SwitchedFlow, best_arcs

_SWITCHES, _POLISH = 3, 1000  # of the controls, and steps of Newton's method
_GRID = 8, 8  # equal cells, and times besides: without gaps the tube needs no more
_QUICK = 64  # parameters up to which compiled steps are not waited for in another thread
_READY: list[bool] = []  # once the loops are compiled


def closed_at_once(
    flow: SwitchedFlow,
    errors: DataErrors,
    rounding: float,
    gap: float,
    deadline: Deadline,
    report: Callable[[int, float, float], None] | None = None,
) -> Certificate | None:
    """As `certified_optimum`, of one row; None where it takes more.

    Parameters
    ----------
    flow : SwitchedFlow
        Of one problem, with a leading axis.
    errors : DataErrors
        Of its numbers; `start` of those at time 0.
    rounding : float
        Distance from the goal that rounding of what is controlled cannot tell from none.
    gap, deadline, report
        As of `certified_optimum`.
    """
    if flow.rows.shape[1] > 1 or flow.rates.shape[1] > _QUICK or deadline.over:
        return None
    arguments = flow, errors, rounding, gap
    try:
        found = _closed(*arguments) if _READY else deadline.within(_closed, *arguments)
    except OutOfTime:
        return None
    except KeyboardInterrupt:
        deadline.interrupt()  # for who goes on
        return None
    if not _READY:
        _READY.append(True)
    if found is not None and report is not None:
        try:
            report(found.nodes, found.cost, found.lower_bound)
        except KeyboardInterrupt:
            found = dataclasses.replace(found, interrupted=True)
    return found


def posed_of(flow: SwitchedFlow, errors: DataErrors) -> tuple[Posed, BangBangControl]:
    """What the root takes: the system, and good controls."""
    found = best_arcs(flow, _SWITCHES, _POLISH, [None])
    span = float(flow.span[0])
    control = BangBangControl.of_arcs(found.arcs[0, found.cost.argmin()], span)
    posed = Posed(
        rates=flow.rates[0],
        row=flow.rows[0, 0],
        residual=float(flow.residual[0, 0]),
        start=flow.initial[0],
        goal=flow.goal[0],
        span=span,
        full_rates=flow.full_rates[0],
        rotation=flow.rotation[0],
        matrix=errors.matrix,
        row_errors=errors.rows[0],
        residual_error=float(errors.residual[0]),
        start_errors=errors.start,
        goal_errors=errors.goal,
        force=errors.force,
        time_error=errors.time,
    )
    return posed, control


def _closed(
    flow: SwitchedFlow, errors: DataErrors, rounding: float, gap: float
) -> Certificate | None:
    posed, control = posed_of(flow, errors)
    closed, cost, error, bound, floor, evaluations = closed_root(
        posed, float(flow.delay[0]), rounding, control.initial, np.array(control.switches), gap,
        *_GRID,
    )  # fmt: skip
    if not closed:
        return None
    bound = min(cost, bound)
    return Certificate(
        controls=(control,),
        cost=cost,
        lower_bound=bound,
        cost_error=error,
        nodes=1,
        evaluations=evaluations,
        root_bound=bound,
        resolution=floor,
        history=((evaluations, cost, bound),),
        finished=True,
        interrupted=False,
    )
