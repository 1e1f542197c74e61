"""∂θ(t)/∂w_j of a linear regression, of numbers that are known: by NumPy, in blocks.

Two products of all points with d × d matrices for each time are all the work that grows with their
number. A block of times and points fits the processor's cache; each core takes its share of the
blocks where that is worth a thread.
"""

from __future__ import annotations

import math
from itertools import product

import numpy as np
from jaxtyping import Float

from homotopy._memory import aligned
from homotopy._threads import CORES, one_thread_of_blas, side_by_side
from homotopy.flows.seen_points import SeenPoints
from homotopy.numerics.exponentials import divided_differences

_LARGE = 1e300
_WORTH = 2**16  # entries of the result for each thread
_TOGETHER = 2**16  # entries of what is computed at once, which the cache is to hold


@np.errstate(all="ignore")
def known_sensitivity(
    points: SeenPoints, theta0: Float[np.ndarray, " d"], times: Float[np.ndarray, " m"]
) -> tuple[Float[np.ndarray, "m k d"], bool]:
    """S_j(t) = ∂θ(t; w)/∂w_j at w = 1 (theory §3), and whether all numbers are finite.

    Parameters
    ----------
    points : SeenPoints
    theta0 : (d,)
    times : (m,)

    Returns
    -------
    derivative : (m, k, d)
        A small change δ of the weight of point j moves θ(t) by δ S_j(t). Memory that JAX takes over
        as it is.
    finite : bool

    Examples
    --------
    >>> import homotopy as hm
    >>> from homotopy.flows.seen_points import seen_points
    >>> hm.enable_x64()
    >>> problem = hm.LinearRegression([[1.0], [1.0]], [0.0, 1.0], deleted=1)
    >>> points = seen_points(problem, problem.modal)
    >>> derivative, _ = known_sensitivity(points, np.array([0.0]), np.array([60.0]))
    >>> derivative[0, :, 0].round(12).tolist()
    [-0.25, 0.25]
    """
    dimension, count = theta0.size, points.rows.shape[1]
    force = np.ones(dimension + 1)
    force[:-1] = -points.amplitudes(theta0)
    # (m, d, d + 1): times `rows`, and once more their inputs, S_j in the eigenbasis of H.
    pairs = divided_differences(points.slower, points.apart, times)
    coefficients = pairs.take(points.pair, axis=1)
    coefficients *= force
    derivative = aligned((times.size, count, dimension))
    together = min(count, max(1, _TOGETHER // dimension))
    at_once = max(1, _TOGETHER // (together * dimension))
    blocks = list(product(_slices(times.size, at_once), _slices(count, together)))
    parts = max(1, min(CORES, len(blocks), derivative.size // _WORTH))
    work = [(points, coefficients, derivative, blocks[part::parts]) for part in range(parts)]
    with one_thread_of_blas(0):
        list(side_by_side(_set_blocks, work))
    # Divided differences are at most t, so that mostly no number need be looked at.
    largest = points.largest * times[-1] * math.sqrt(np.dot(force, force))
    return derivative, bool(largest < _LARGE or np.isfinite(derivative).all())


@np.errstate(all="ignore")  # of the thread
def _set_blocks(work) -> None:
    points, coefficients, derivative, blocks = work
    dimension = derivative.shape[2]
    for own, some in blocks:
        rows = points.rows[:, some]
        # (m, d, k): each point in a column, so that all times are one product.
        between = coefficients[own].reshape(-1, dimension + 1) @ rows
        between = between.reshape(-1, dimension, rows.shape[1])
        between *= rows[:-1]
        turned = between.transpose(0, 2, 1)
        np.matmul(turned, points.onto_parameters, out=derivative[own, some])


def _slices(size: int, most: int) -> list[slice]:
    """Of `most` places each, but for the last ones."""
    return [slice(begin, begin + most) for begin in range(0, size, most)]
