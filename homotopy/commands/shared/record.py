"""What the JSON records of the commands share: versions, the data, and numbers as JSON has them."""

import dataclasses
import json
import math
import platform
from importlib.metadata import version
from pathlib import Path

import numpy as np

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
        "standardisation": dataclasses.asdict(standardisation),
    }


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
