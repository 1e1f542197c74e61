"""θ(t, ε) of a linear regression, of numbers that are known: by NumPy and Numba.

Without one point: spectrum, exponentials and rotation of one ε after another, on numbers that stay
in the cache; each core takes its share of the ε. Where there are many ε, those of Chebyshev points
are followed alone, and all others are their polynomial, to rounding: a product of matrices.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np
from jaxtyping import Bool, Float

from homotopy._memory import aligned
from homotopy._threads import CORES, one_thread_of_blas, side_by_side
from homotopy.flows.weight_interpolation import smooth_to_rounding, weight_matrix, weight_nodes
from homotopy.modal import ModalForm
from homotopy.numerics.known_rank_one import set_spectra

# Entries of the states of some ε: few calls of many numbers, which the cache is to hold.
_TOGETHER = 2**16
_LARGE = 1e300


Surface = tuple[Float[np.ndarray, "k m d"], Bool[np.ndarray, " k"]]


@np.errstate(all="ignore")
def interpolated(
    direct: Callable,
    modal: ModalForm,
    theta0: Float[np.ndarray, " d"],
    times: Float[np.ndarray, " m"],
    epsilons: Float[np.ndarray, " k"],
) -> Surface | None:
    """As `direct` of the same arguments, which is asked for few ε; None where those do not do.

    `known_surface` for one deleted point; it may take as many as are deleted.

    Examples
    --------
    >>> import homotopy as hm
    >>> from homotopy.numerics.namespace import in_numpy
    >>> hm.enable_x64()
    >>> problem = hm.LinearRegression([[1.0], [1.0]], [0.0, 1.0], deleted=1)
    >>> times, epsilons = np.array([0.0, 1.0]), np.linspace(0.0, 1.0, 101)
    >>> given = in_numpy(problem.modal), np.array([2.0]), times, epsilons
    >>> theta, finite = interpolated(known_surface, *given)
    >>> bool(np.allclose(theta, known_surface(*given)[0], rtol=1e-14, atol=0.0))
    True
    """
    nodes = weight_nodes(modal, times[-1], epsilons)
    if nodes is None:
        return None
    states, _ = direct(modal, theta0, times, nodes)
    # Of what is not finite, and of what its products may be, nothing is known between the nodes.
    if not np.max(np.abs(states)) < _LARGE:
        return None
    if not np.all(smooth_to_rounding(modal, modal.coordinates(theta0), times, nodes, states)):
        return None
    matrix = weight_matrix(nodes, epsilons)
    theta = aligned((epsilons.size, *states.shape[1:]))
    values, found = states.reshape(nodes.size, -1), theta.reshape(epsilons.size, -1)

    def set_part(which):
        np.matmul(matrix[which], values, out=found[which])

    with one_thread_of_blas(0):
        list(side_by_side(set_part, _shares(epsilons.size)))
    return theta, np.ones(epsilons.size, bool)


@np.errstate(all="ignore")
def known_surface(
    modal: ModalForm,
    theta0: Float[np.ndarray, " d"],
    times: Float[np.ndarray, " m"],
    epsilons: Float[np.ndarray, " k"],
) -> Surface:
    """The surface without one point, and which ε have finite states alone.

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
        for first in range(which.start, which.stop, together):
            own = slice(first, min(first + together, which.stop))
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
        list(side_by_side(set_part, _shares(epsilons.size)))
    return theta, finite


def _shares(count: int) -> list[slice]:
    """Of each core."""
    edges = np.linspace(0, count, min(CORES, count) + 1).astype(int)
    return [slice(*ends) for ends in itertools.pairwise(edges)]
