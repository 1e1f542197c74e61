"""What `homotopy unlearn` writes: noisy parameters as CSV, and the evidence as JSON."""

import csv
from pathlib import Path

from homotopy.commands.shared.inputs import Design
from homotopy.commands.shared.record import data, plain, units, versions
from homotopy.unlearning import Release, UnlearningComparison


def write_released(design: Design, released: Release, path: Path) -> None:
    """A line for each parameter: its name, with noise, and in the units of the data."""
    coefficients, constant = design.original_coefficients(released.theta)
    own = [constant, *coefficients] if design.intercept else list(coefficients)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["parameter", "released", "in_units_of_the_data"])
        for name, value, original in zip(design.names, released.theta, own, strict=True):
            writer.writerow([name, float(value), float(original)])


def record(arguments: dict, design: Design, found: UnlearningComparison, released: Release) -> dict:
    """A dictionary that JSON can hold; None stands for infinite. It tells of the deleted rows."""
    table = found._table()
    (_, names), columns = table.index[0], dict(table.columns)
    shown = released.certificate
    return plain(
        {
            "command": "unlearn",
            "arguments": arguments,
            "units": f"{units(design)}. The risk is a sum. Distances are without noise.",
            "secret": "This file was computed from the deleted rows: released.csv alone is what "
            "the certificate is about.",
            "versions": versions(),
            "data": data(design.original, design.standardisation),
            "parameter_names": design.names,
            "methods": [
                {"name": name, **{key: part[row] for key, part in columns.items()}}
                for row, name in enumerate(names)
            ],
            "certificates": {
                name: [_certificate(one) for one in each.certificates]
                for name, each in zip(found.names, found.results, strict=True)
            },
            "released": {
                "method": found.names[-1],
                "noise": released.noise,
                "distance": released.distance,
                "certificate": _certificate(shown),
                "privacy_epsilon_reached": released.pair.privacy_epsilon(found.mechanism.delta),
                "advantage": released.pair.advantage,
                "auc": released.pair.auc,
                "leaks": released.leaks,
                "threat_model": released.threat_model,
            },
        }
    )


def _certificate(one) -> dict:
    return {
        "distance": one.distance,
        "route": one.route,
        "kind": one.kind.value,
        "compared_to": one.compared_to.value,
        "assumptions": dict(one.assumptions),
        "vacuous": one.vacuous,
        "from_deleted": one.from_deleted,
    }
