"""θ(t, ε) of a linear regression without one point, of numbers that are known: by NumPy and Numba.

Spectrum, exponentials and rotation of one ε after another, on numbers that stay in the cache; each
core takes its share of the ε.
"""

from __future__ import annotations

import jax
import numpy as np
from jaxtyping import Bool, Float

from homotopy._threads import CORES, one_thread_of_blas, side_by_side
from homotopy.modal import ModalForm
from homotopy.numerics.aligned import aligned
from homotopy.numerics.known_rank_one import set_spectra

# Entries of the states of some ε: few calls of many numbers, which the cache is to hold.
_TOGETHER = 2**16


@np.errstate(all="ignore")
def known_surface(
    modal: ModalForm,
    theta0: Float[np.ndarray, " d"],
    times: Float[np.ndarray, " m"],
    epsilons: Float[np.ndarray, " k"],
) -> tuple[Float[jax.Array, "k m d"], Bool[np.ndarray, " k"]]:
    """The surface, and which ε have finite states alone.

    Parameters
    ----------
    modal : ModalForm
        In NumPy's arrays, of one deleted point.

    Examples
    --------
    >>> import homotopy as hm
    >>> from homotopy.numerics.namespace import in_numpy
    >>> hm.enable_x64()
    >>> problem = hm.LinearRegression([[1.0], [1.0]], [0.0, 1.0], deleted=1)
    >>> numbers = np.array([2.0]), np.array([0.0, 1000.0]), np.array([0.0, 1.0])
    >>> theta, finite = known_surface(in_numpy(problem.modal), *numbers)
    >>> theta[:, :, 0].tolist()
    [[2.0, 0.0], [2.0, 0.5]]
    """
    start = modal.coordinates(theta0)
    equilibria = modal.equilibrium + modal.displacement(epsilons)
    theta = aligned((epsilons.size, times.size, theta0.size))
    finite = np.empty(epsilons.size, bool)
    onto_parameters = np.ascontiguousarray(modal.basis.T)
    reached = int(np.count_nonzero(modal.active))

    count, size = times.size, theta0.size
    together = max(1, _TOGETHER // (size * max(count, size)))

    @np.errstate(all="ignore")  # of the thread
    def set_part(which):
        rates, turned = np.empty((together, size)), np.empty((together, size, size))
        for first in range(which[0], which[-1] + 1, together):
            own = slice(first, min(first + together, which[-1] + 1))
            rate, turn = (part[: own.stop - own.start] for part in (rates, turned))
            set_spectra(modal.eigenvalues, modal.rows[0], reached, epsilons[own], rate, turn)
            exponents = np.multiply(-times[:, None], rate[:, None, :])
            # Not 1 − exp, nor exp − 1: each has its own relative accuracy where it is small.
            states = np.expm1(exponents)
            states *= -np.matmul(turn, equilibria[own, :, None])[:, None, :, 0]
            np.exp(exponents, out=exponents)
            exponents *= (turn @ start)[:, None, :]
            states += exponents
            if count < size:
                np.matmul(np.matmul(states, turn, out=exponents), onto_parameters, out=theta[own])
            else:
                np.matmul(states, turn @ onto_parameters, out=theta[own])
            finite[own] = np.isfinite(theta[own]).all(axis=(1, 2))

    with one_thread_of_blas(0):
        parts = np.array_split(np.arange(epsilons.size), min(CORES, epsilons.size))
        list(side_by_side(set_part, parts))
    return jax.device_put(theta, may_alias=True), finite
