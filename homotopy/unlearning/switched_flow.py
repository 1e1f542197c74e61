"""The deletion problem for weights 0 and 1, as the compiled searches take it."""

from __future__ import annotations

import numpy as np

from homotopy.control.switched import SwitchedFlow
from homotopy.unlearning.deletion import Deletion


def switched_flow(deletion: Deletion) -> SwitchedFlow:
    """In modal coordinates centred at the deleted fit, which tend to zero where the point is gone.

    Always in float64, whatever the problem's own precision.
    """
    modal = deletion.problem.modal
    start, rotation = deletion.start.item(), _array(modal.full.rotation)
    return SwitchedFlow(
        rates=_array(modal.eigenvalues),
        full_rates=_array(modal.full.eigenvalues),
        rotation=rotation,
        transposed=rotation.T.copy(),
        rows=_array(modal.rows),
        residual=_array(modal.residual),
        limit=_array(modal.full_limit),
        initial=_array(deletion.centred_start),
        goal=_array(deletion._goal),
        delay=start,
        span=deletion.horizon.item() - start,
    )


def _array(value) -> np.ndarray:
    return np.array(value, dtype=np.float64, order="C")
