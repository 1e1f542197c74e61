"""The numbers of `homotopy forget` as JSON: everything shown, and what it takes to repeat it."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from homotopy.commands.shared.inputs import Design
from homotopy.commands.shared.record import data, plain, units, versions
from homotopy.deletion.comparison import ComparedSchedule
from homotopy.deletion.optimum import OptimumStatus

if TYPE_CHECKING:  # it brings what only --optimise needs
    from homotopy.deletion.searches.everything import CertifiedOptimum

_UNITS = (
    "{}. Times are those of the gradient flow of the summed risk, from theta = 0 at time 0. "
    "'values' and 'target' of a deleted row are in the units of the data; rows count from 0, "
    "below the header."
)


def record(arguments, design: Design, summary, comparison, optimum, start, horizon, plane) -> dict:
    """A dictionary that JSON can hold; None stands for never, infinite and undefined."""
    deletion = comparison.deletion
    return plain(
        {
            "command": "forget",
            "arguments": arguments,
            "units": _UNITS.format(units(design)),
            "versions": versions(),
            "data": data(design.original, design.standardisation),
            "deleted": [_row(row, design.original) for row in summary.rows],
            "parameter_names": design.names,
            "theta0": deletion.theta0,
            "decay_tolerance": deletion.method.tolerance,
            "full_fit": summary.full_fit,
            "deleted_fit": summary.deleted_fit,
            "displacement": summary.displacement,
            "full_eigenvalues": summary.full_spectrum.eigenvalues,
            "full_condition": summary.full_spectrum.condition,
            "deleted_eigenvalues": summary.deleted_spectrum.eigenvalues,
            "deleted_condition": summary.deleted_spectrum.condition,
            "start": dataclasses.asdict(start),
            "horizon": dataclasses.asdict(horizon),
            "baseline_cost": comparison.baseline_cost,
            "best": comparison.best.name,
            "schedules": [_schedule(entry) for entry in comparison.entries],
            "certificate": None if optimum is None else _certificate(optimum),
            "portrait": plane,
        }
    )


def _row(row, dataset) -> dict:
    """A row by its number in the file, and its name where it has one."""
    numbers = dataclasses.asdict(row) | {"row": dataset.row_number(row.row)}
    name = None if dataset.row_names is None else dataset.row_names[row.row]
    return {"row": numbers.pop("row"), "name": name, **numbers}


def _schedule(entry: ComparedSchedule) -> dict:
    schedule = entry.schedule
    return {
        "name": entry.name,
        "family": type(schedule).__name__,
        "parameters": {
            field.name: getattr(schedule, field.name) for field in dataclasses.fields(schedule)
        },
        "admissible": bool(entry.membership),
        "reason": entry.membership.reason,
        "cost": entry.cost,
        "ratio_to_baseline": entry.ratio,
        "remainder": entry.remainder,
        "time_to_reach_best": entry.time,
    }


def _certificate(optimum: CertifiedOptimum) -> dict:
    return {
        "status": OptimumStatus[optimum.status],
        "structure": optimum.structure,
        "switches": optimum.schedule.switches,
        "cost": optimum.cost,
        "cost_error": optimum.cost_error,
        "lower_bound": optimum.lower_bound,
        "gap": optimum.gap,
        "root_bound": optimum.root_bound,
        "nodes": optimum.nodes,
        "evaluations": optimum.evaluations,
        "pmp_residual": optimum.pmp_residual,
        "controllability": dataclasses.asdict(optimum.controllability),
    }
