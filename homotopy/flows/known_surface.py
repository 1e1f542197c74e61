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

    @np.errstate(all="ignore")  # of the thread
    def set_part(which):
        count, size = times.size, theta0.size
        exponents, states, between = (np.empty((count, size)) for _ in range(3))
        rates, turned = np.empty((1, size)), np.empty((1, size, size))
        for index in which:
            own = slice(index, index + 1)
            set_spectra(modal.eigenvalues, modal.rows[0], reached, epsilons[own], rates, turned)
            np.multiply.outer(-times, rates[0], out=exponents)
            # Not 1 − exp, nor exp − 1: each has its own relative accuracy where it is small.
            np.expm1(exponents, out=states)
            states *= -(turned[0] @ equilibria[index])
            np.exp(exponents, out=exponents)
            exponents *= turned[0] @ start
            states += exponents
            if count < size:
                np.matmul(states, turned[0], out=between)
                np.matmul(between, onto_parameters, out=theta[index])
            else:
                np.matmul(states, turned[0] @ onto_parameters, out=theta[index])
            finite[index] = np.isfinite(theta[index]).all()

    with one_thread_of_blas(0):
        list(side_by_side(set_part, np.array_split(np.arange(epsilons.size), CORES)))
    return jax.device_put(theta, may_alias=True), finite
