"""The numbers of `homotopy forget` as JSON: everything shown, and what it takes to repeat it."""

import dataclasses

from homotopy.commands.shared.record import data, plain, versions
from homotopy.datasets import Dataset, Standardisation
from homotopy.deletion.comparison import ComparedSchedule
from homotopy.deletion.optimum import OptimumStatus
from homotopy.deletion.searches.everything import CertifiedOptimum

UNITS = (
    "Features, target and parameters are standardised (mean 0 and population standard deviation 1 "
    "over all rows, deleted ones included; no intercept). Times are those of the gradient flow of "
    "the summed risk, from theta = 0 at time 0. 'values' and 'target' of a deleted row are in the "
    "units of the data."
)


def record(
    arguments, dataset: Dataset, standardisation: Standardisation, summary, comparison, optimum,
    start, horizon, plane,
) -> dict:  # fmt: skip
    """A dictionary that JSON can hold; None stands for never, infinite and undefined."""
    deletion = comparison.deletion
    return plain(
        {
            "command": "forget",
            "arguments": arguments,
            "units": UNITS,
            "versions": versions(),
            "data": data(dataset, standardisation),
            "deleted": [dataclasses.asdict(row) for row in summary.rows],
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
