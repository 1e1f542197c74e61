"""Arguments that flows and responses share, checked."""

from __future__ import annotations

import numpy as np
from jaxtyping import Array, Float

from homotopy._checks import ArrayInput, concrete, vector


def checked_epsilons(epsilons: ArrayInput, dtype) -> Float[Array, " k"]:
    """Weights in [0, 1] as a vector; `ValueError` otherwise."""
    epsilons = vector("epsilons", epsilons, dtype=dtype)
    known = concrete(epsilons)
    if known is not None and not np.all((known >= 0) & (known <= 1)):
        raise ValueError(f"epsilons: expected weights in [0, 1], got {known.min()}…{known.max()}.")
    return epsilons
