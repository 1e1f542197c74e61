"""∂θ(t)/∂w_j of a linear regression, of numbers that are known: by NumPy, one time after another.

Two products of all points with d × d matrices for each time are all the work that grows with their
number; each core takes its share of the times where that is worth a thread.
"""

from __future__ import annotations

import jax
import numpy as np
from jaxtyping import Float

from homotopy._threads import CORES, one_thread_of_blas, side_by_side
from homotopy.modal import ModalForm
from homotopy.numerics.aligned import aligned
from homotopy.numerics.exponentials import decay_integral, divided_difference

_WORTH = 2**16  # entries of the result for each thread
_TOGETHER = 2**16  # entries of what is computed at once for some times, which the cache is to hold


@np.errstate(all="ignore")
def known_sensitivity(
    modal: ModalForm,
    X: Float[np.ndarray, "n d"],
    y: Float[np.ndarray, " n"],
    theta0: Float[np.ndarray, " d"],
    times: Float[np.ndarray, " m"],
) -> tuple[Float[jax.Array, "m n d"], bool]:
    """S_j(t) = ∂θ(t; w)/∂w_j at w = 1 (theory §3) of n points, and whether all numbers are finite.

    Parameters
    ----------
    modal : ModalForm
        In NumPy's arrays.
    X, y : (n, d), (n,)
        The points, as rows of least squares: with sample weights times their roots.
    theta0 : (d,)
    times : (m,)

    Returns
    -------
    derivative : (m, n, d)
        A small change δ of the weight of point j moves θ(t) by δ S_j(t).
    finite : bool

    Examples
    --------
    >>> import homotopy as hm
    >>> from homotopy.numerics.namespace import in_numpy
    >>> hm.enable_x64()
    >>> problem = hm.LinearRegression([[1.0], [1.0]], [0.0, 1.0], deleted=1)
    >>> numbers = in_numpy((problem.modal, problem.X, problem.y))
    >>> derivative, _ = known_sensitivity(*numbers, np.array([0.0]), np.array([60.0]))
    >>> derivative[0, :, 0].round(12).tolist()
    [-0.25, 0.25]
    """
    # In the eigenbasis of the full Hessian, whose kernel no point sees.
    fit = modal.equilibrium + modal.displacement(np.ones(()))
    rates, rotation = modal.full.eigenvalues, modal.full.rotation
    amplitudes = rotation.T @ (modal.coordinates(theta0) - fit)
    observed, residuals = modal.seen_by(X, y)
    onto_parameters = np.ascontiguousarray((modal.basis @ rotation).T)
    moved = np.column_stack([observed * amplitudes, residuals])
    derivative = aligned((times.size, *observed.shape))
    finite = np.empty(times.size, bool)

    @np.errstate(all="ignore")  # of the thread
    def set_part(which):
        for some in np.array_split(which, -(-which.size // together)):
            own = slice(some[0], some[-1] + 1)
            time = times[own, None]
            pairs = divided_difference(rates[:, None], rates[None, :], time[:, :, None])
            steady = decay_integral(rates, time)[:, None, :]
            between = np.matmul(moved, np.concatenate([-pairs, steady], axis=1))
            between *= observed
            np.matmul(between, onto_parameters, out=derivative[own])
            finite[own] = np.isfinite(derivative[own]).all(axis=(1, 2))

    together = max(1, _TOGETHER // max(observed.size, rates.size**2))
    parts = max(1, min(CORES, times.size, derivative.size // _WORTH))
    with one_thread_of_blas(0):
        list(side_by_side(set_part, np.array_split(np.arange(times.size), parts)))
    return jax.device_put(derivative, may_alias=True), bool(finite.all())
