"""Checks of the targets of a loss."""

import numpy as np
from jaxtyping import Array, Shaped


def check_shapes(
    name: str,
    y: Shaped[Array | np.ndarray, "..."],
    output_shape: tuple[int, ...] | None,
    rows: tuple[int, ...] | None,
) -> None:
    if rows is not None and y.shape[1:] != rows:
        belongs = "" if output_shape is None else f" for a model with output shape {output_shape}"
        raise ValueError(
            f"{name}: y must have shape {('n', *rows)}{belongs}, got {y.shape}.".replace("'", "")
        )


def check_scalars(
    name: str,
    y: Shaped[Array | np.ndarray, "..."],
    output_shape: tuple[int, ...] | None,
    output: str,
    otherwise: str = "",
) -> None:
    """That targets and outputs are numbers; `output` and `otherwise` say which, and what else."""
    check_shapes(name, y, output_shape, rows=())
    if output_shape not in (None, ()):
        raise ValueError(
            f"{name}: needs a model with a scalar output ({output}), got output shape "
            f"{output_shape}{otherwise}."
        )


def check_finite(name: str, values: np.ndarray | None) -> None:
    if values is not None:
        reject(name, values, ~np.isfinite(values), "finite numbers")


def reject(name: str, values: np.ndarray, bad: np.ndarray, expected: str) -> None:
    """Raise for the first row of targets that is marked bad."""
    if bad.any():
        row = int(np.argwhere(bad)[0, 0])
        raise ValueError(f"{name}: y must hold {expected}, got {values[row]} in row {row}.")
