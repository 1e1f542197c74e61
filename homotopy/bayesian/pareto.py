"""The shape of the tail of weights, by a fit of a generalised Pareto law."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

_MOST = 0.2  # of the weights are taken for a tail, at most
_PRIOR = 10.0  # draws that a shape of one half counts for
_QUARTILE = 3.0  # of the scale's grid, over the first quartile of the tail


def pareto_shape(weights: Float[np.ndarray, " t"]) -> float:
    """k̂ of the largest min(t/5, 3√t) weights: their moments of an order above 1/k are infinite.

    The fit of Zhang and Stephens (2009), with the weak prior of Vehtari et al. (2024), of whom the
    length of the tail is too. −∞ of weights that are all the same.
    """
    ordered = np.sort(weights)
    size = int(min(np.ceil(_MOST * ordered.size), np.ceil(3.0 * np.sqrt(ordered.size))))
    size = max(5, min(size, ordered.size - 1))
    tail = ordered[-size:] - ordered[-size - 1]
    tail = tail[tail > 0.0]
    if tail.size < 5:
        return -np.inf
    count = tail.size
    grid = np.arange(1, 31 + int(np.sqrt(count)))
    inverse = 1.0 / tail[-1] + (1.0 - np.sqrt((grid.size) / (grid - 0.5))) / (
        _QUARTILE * tail[int(count / 4 + 0.5) - 1]
    )
    shapes = np.mean(np.log1p(-inverse[:, None] * tail), axis=1)
    likelihood = count * (np.log(-inverse / shapes) - shapes - 1.0)
    posterior = np.exp(likelihood - likelihood.max())
    scale = np.sum(inverse * posterior) / posterior.sum()
    shape = float(np.mean(np.log1p(-scale * tail)))
    return (count * shape + 0.5 * _PRIOR) / (count + _PRIOR)
