"""The data of a problem, checked: inputs, targets, deleted rows and sample weights."""

from __future__ import annotations

import jax
import numpy as np

from homotopy._checks import ArrayInput, non_negative, row_numbers, stacked
from homotopy._jit import output_shape_of
from homotopy._numbers import as_numbers
from homotopy._wording import described
from homotopy.models import Model


def output_shape(model: Model, inputs: np.ndarray, dtype) -> tuple[int, ...]:
    """Shape of the model's output for one row of X; `ValueError` where it does not take one."""
    theta = jax.ShapeDtypeStruct((model.dimension,), dtype)
    try:
        row = jax.ShapeDtypeStruct(inputs.shape[1:], dtype)
        return output_shape_of(_prediction, (model,), theta, row).shape
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"X: the model does not take a row of X, of shape {inputs.shape[1:]} ({error})."
        ) from error


def _prediction(model, theta, x):
    return model(theta, x)


def validated_data(X, y, deleted) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Inputs (n, p), targets and deleted indices (g,) as NumPy arrays, checked.

    Arrays that hold integers or floats are not copied, and integers stay integers.
    """
    if any(isinstance(stacked(given), jax.core.Tracer) for given in (X, y, deleted)):
        raise TypeError(
            "X, y, deleted: a problem is built from concrete arrays, outside jax.jit, jax.vmap "
            "and jax.grad; close over it, or stack several with jax.tree.map."
        )
    inputs, targets = as_numbers("X", X, data=True), as_numbers("y", y, data=True)
    if inputs.ndim != 2 or 0 in inputs.shape:
        raise ValueError(f"X: expected a non-empty matrix (n, p), got shape {inputs.shape}.")
    size = inputs.shape[0]
    if targets.ndim not in (1, 2) or targets.shape[0] != size:
        raise ValueError(f"y: expected {size} targets, as X has rows, got shape {targets.shape}.")
    return inputs, targets, deleted_rows(deleted, size)


def sample_weights(weights: ArrayInput, size: int) -> np.ndarray:
    """Positive weights (n,) of the points, checked, in float64."""
    known = as_numbers("weights", weights, data=True)
    if known.shape != (size,):
        raise ValueError(f"weights: expected {size} weights, one a row of X, got {known.shape}.")
    low = np.flatnonzero(~(known > 0.0))
    if low.size:
        raise ValueError(
            f"weights: expected positive weights, got {known[low[0]]} in row {low[0]}; leave out "
            "rows that are not to count, and delete by `deleted`."
        )
    return known.astype(np.float64)


def deleted_rows(deleted, size: int) -> np.ndarray:
    """The deleted set (g,) of `size` rows, checked: at least one row stays."""
    rows = row_numbers("deleted", deleted, size)
    if rows.size == size:
        raise ValueError(f"deleted: all {size} rows are deleted; at least one must stay.")
    return rows


def ridge_strength(ridge: ArrayInput, dimension: int) -> float | np.ndarray:
    """ρ ≥ 0, or one ρ_j ≥ 0 for each of the parameters, checked."""
    if type(ridge) is float:
        return non_negative("ridge", ridge)
    try:
        several = np.ndim(ridge) == 1 and not isinstance(ridge, jax.core.Tracer)
    except ValueError:  # rows of different lengths
        several = False
    if not several:
        return non_negative("ridge", ridge)
    known = as_numbers("ridge", ridge)
    if known.shape != (dimension,) or not np.all((known >= 0.0) & np.isfinite(known)):
        raise ValueError(
            f"ridge: expected a finite number >= 0, or {dimension} of them, one a parameter, got "
            f"{known.tolist() if known.size <= 8 else described(known)}."
        )
    return known.astype(np.float64)
