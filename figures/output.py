"""From numbers to files: PDF, PNG and JSON, the same bytes for the same numbers."""

from __future__ import annotations

import io
import json
import platform
from collections.abc import Callable, Mapping
from importlib.metadata import version
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_pdf import FigureCanvasPdf
from matplotlib.figure import Figure

import homotopy as hm
from homotopy.plotting import house_style


def versions() -> dict[str, str]:
    """Versions of what the numbers depend on."""
    packages = ("jax", "jaxlib", "numpy", "scipy", "diffrax", "equinox", "matplotlib")
    found = {"homotopy": hm.__version__, "python": platform.python_version()}
    return found | {package: version(package) for package in packages}


def as_numbers(value):
    """Arrays as lists, array scalars as numbers: what a JSON file can hold.

    Raises
    ------
    ValueError
        For NaN or infinity: a figure does not show them, and JSON has no word for them.
    """
    if isinstance(value, Mapping):
        return {str(key): as_numbers(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [as_numbers(part) for part in value]
    if isinstance(value, str | bool | int | None):
        return value
    array = np.asarray(value)
    if np.issubdtype(array.dtype, np.floating) and not np.all(np.isfinite(array)):
        raise ValueError("a figure's numbers must be finite, got NaN or infinity.")
    return array.tolist()


def significant(values, digits: int = 6) -> np.ndarray:
    """Values rounded to significant digits: what a long list needs in a figure's JSON."""
    values = np.asarray(values, dtype=float)
    exponents = np.floor(np.log10(np.abs(values), where=values != 0, out=np.zeros_like(values)))
    scale = 10.0 ** (digits - 1 - exponents)
    return np.round(values * scale) / scale


def as_text(data: Mapping) -> str:
    """The JSON of a figure's numbers: one line for each entry."""
    lines = (
        ": ".join(json.dumps(part, ensure_ascii=False, allow_nan=False) for part in item)
        for item in data.items()
    )
    return "{\n" + ",\n".join(lines) + "\n}\n"


def write(
    name: str, data: Mapping, draw: Callable[[Mapping, Figure], None], folder: Path
) -> list[Path]:
    """Draw the numbers as they will be read back, then write all three files.

    Nothing is written before everything is drawn. No dates: the same numbers give the same files.
    """
    text = as_text(data)
    with house_style():
        figure = plt.figure()
        try:
            draw(json.loads(text), figure)
            contents = _printed(figure)
        finally:
            plt.close(figure)
    contents["json"] = text.encode()
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for kind, content in contents.items():
        paths.append(folder / f"{name}.{kind}")
        paths[-1].write_bytes(content)
    return paths


def _printed(figure: Figure) -> dict[str, bytes]:
    """A drawn figure as PDF and PNG, laid out once: `savefig` would do it for each."""
    pdf, png, dpi = io.BytesIO(), io.BytesIO(), plt.rcParams["savefig.dpi"]
    figure.set_dpi(dpi)
    figure.draw_without_rendering()
    figure.set_layout_engine("none")  # everything has its place now
    FigureCanvasPdf(figure).print_pdf(pdf, metadata={"CreationDate": None})
    figure.set_dpi(dpi)  # a PDF has its own
    FigureCanvasAgg(figure).print_png(png, metadata={"Software": None})
    return {"pdf": pdf.getvalue(), "png": png.getvalue()}
