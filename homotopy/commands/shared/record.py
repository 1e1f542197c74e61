"""What the JSON records of the commands share: versions, the data, and numbers as JSON has them."""

import dataclasses
import json
import math
import platform
from importlib.metadata import version
from pathlib import Path

import numpy as np

from homotopy.commands.shared.inputs import Design
from homotopy.datasets import Dataset, Standardisation


def versions() -> dict:
    """Of what computed the numbers."""
    import homotopy

    packages = ("jax", "equinox", "diffrax", "numpy", "scipy", "matplotlib")
    return {
        "python": platform.python_version(),
        **{name: version(name) for name in packages},
        "homotopy": homotopy.__version__,
    }


def data(dataset: Dataset, standardisation: Standardisation) -> dict:
    """What the data are, and how to get from standardised numbers to theirs."""
    return {
        "name": dataset.name,
        "description": dataset.description,
        "rows": len(dataset.y),
        "features": dataset.feature_names,
        "target": dataset.target_name,
        "classes": dataset.classes,
        "notes": dataset.notes,
        "standardisation": dataclasses.asdict(standardisation),
    }


def units(design: Design) -> str:
    """What the numbers of a linear regression are in, without a full stop."""
    if not design.intercept:
        return (
            "Features, target and parameters are divided by the root mean square of all rows, "
            "deleted ones included, and not shifted; there is no intercept"
        )
    return (
        "Features, target and parameters are standardised (mean 0 and population standard "
        "deviation 1 over all rows, deleted ones included); the first parameter is the intercept, "
        "of a column of ones, and a ridge counts it too"
    )


def plain(value):
    """Nested containers of strings and finite numbers; None stands for others."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return plain(np.asarray(value).tolist())


def write(record: dict, path: Path) -> None:
    """As indented JSON in UTF-8, without NaN or infinity."""
    text = json.dumps(record, indent=2, ensure_ascii=False, allow_nan=False)
    path.write_text(text + "\n", encoding="utf-8")
