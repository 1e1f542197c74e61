"""θ(t, ε) of a linear regression at many ε from states at few: it is entire in ε (theory §3.3)."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float

from homotopy.modal import ModalForm

_UNIT = 2.0**-53
_FEW = 0.5  # nodes to an ε: with more of them there is little to gain
# Of the norms of the states at one time: beyond it roundings of the largest would show.
_SPREAD = 8.0
# Of the largest change by the deleted points to the states, which it may take to cancel.
_CANCELLED = 2.0**10
# Of the Bernstein ellipses over an interval: its half axes, together, in halves of the interval.
_ELLIPSES = np.geomspace(1.05, 1e4, 400)


def weight_nodes(
    modal: ModalForm, horizon: float, epsilons: Float[np.ndarray, " k"]
) -> Float[np.ndarray, " nodes"] | None:
    """Chebyshev points, by whose polynomial θ(t, ε) is found to rounding for t ≤ horizon.

    The least number for which the bound of theory §3.3 (Trefethen 2019, theorem 8.2) is below
    rounding, on whichever Bernstein ellipse it is least.

    Parameters
    ----------
    modal : ModalForm
        In NumPy's arrays, of one deleted point or several.
    horizon : float
        The last time.
    epsilons : (k,)
        In any order.

    Returns
    -------
    nodes : (nodes,) or None
        Ascending, of the second kind, over the interval of the ε, both ends among them. None where
        they are not few beside the ε.

    Examples
    --------
    >>> import homotopy as hm
    >>> from homotopy.numerics.namespace import in_numpy
    >>> hm.enable_x64()
    >>> problem = hm.LinearRegression([[1.0], [1.0]], [0.0, 1.0], deleted=1)
    >>> weight_nodes(in_numpy(problem.modal), 0.1, np.linspace(0, 1, 101)).size
    11
    """
    least, most = epsilons.min(), epsilons.max()
    if not least < most:
        return None
    half = 0.5 * (most - least)
    strength = _norm(modal) ** 2 * horizon
    apart = half * 0.5 * (_ELLIPSES + 1.0 / _ELLIPSES)  # the farthest of an ellipse from its centre
    negative = np.maximum(apart - (least + half), 0.0)
    bound = 4.0 * apart * (1.0 + strength) / (_ELLIPSES - 1.0)
    digits = np.log(bound) + strength * negative - np.log(_UNIT / (4.0 * _CANCELLED))
    degree = max(1.0, np.ceil(np.min(digits / np.log(_ELLIPSES))))
    if not degree + 1.0 <= _FEW * epsilons.size:
        return None
    angles = np.arange(degree + 1.0) * (0.5 * np.pi / degree)
    nodes = least + (most - least) * np.sin(angles) ** 2
    nodes[-1] = most
    return nodes


def weight_matrix(
    nodes: Float[np.ndarray, " nodes"], epsilons: Float[np.ndarray, " k"]
) -> Float[np.ndarray, "k nodes"]:
    """The polynomials of Lagrange at each ε: what the values at the nodes are multiplied by.

    Its rows sum to one; that of an ε among the nodes picks its value, to the last digit.

    Examples
    --------
    >>> weight_matrix(np.array([0.0, 1.0]), np.array([0.25, 1.0])).tolist()
    [[0.75, 0.25], [0.0, 1.0]]
    """
    # The barycentric formula, with the weights of the nodes as they are rounded.
    between = nodes[:, None] - nodes
    np.fill_diagonal(between, 1.0)
    # Over an interval of length 4 the products neither grow nor vanish.
    weights = 1.0 / np.prod(between * (4.0 / (nodes[-1] - nodes[0])), axis=1)
    apart = epsilons[:, None] - nodes
    at_node = apart == 0.0
    terms = weights / np.where(at_node, 1.0, apart)
    terms = np.where(np.any(at_node, axis=1, keepdims=True), at_node, terms)
    return terms / np.sum(terms, axis=1, keepdims=True)


def smooth_to_rounding(
    modal: ModalForm,
    start: Float[np.ndarray, " d"],
    times: Float[np.ndarray, " m"],
    nodes: Float[np.ndarray, " nodes"],
    states: Float[np.ndarray, "nodes m d"],
) -> Bool[np.ndarray, " m"]:
    """At which times the states at the nodes give those between them to rounding of their norm.

    Not where one of them is far smaller than another, or than what the deleted points moved it by:
    there each ε is to be followed by itself (theory §3.3).

    Parameters
    ----------
    modal : ModalForm
        In NumPy's arrays.
    start : (d,)
        θ₀ in modal coordinates.
    times : (m,)
    nodes : (nodes,)
        Of `weight_nodes`, for the last of the times.
    states : (nodes, m, d)
        θ or its modal coordinates, which have the same norms.
    """
    norms = np.sqrt(np.einsum("kmd,kmd->mk", states, states))
    size = _norm(modal)
    moved = size * _largest_residual(modal, start, nodes) * times / (1.0 + size**2 * times)
    smallest, largest = norms.min(axis=1), norms.max(axis=1)
    return (largest <= _SPREAD * smallest) & (moved <= _CANCELLED * smallest)


def _largest_residual(modal: ModalForm, start, nodes) -> float:
    """What that of the deleted points stays below while the flow of the middle ε lasts."""
    centre = 0.5 * (nodes[0] + nodes[-1])
    equilibrium = modal.equilibrium + modal.displacement(np.array([centre]))[0]
    at_rest = modal.mode_vectors @ (modal.mode_residuals / (1.0 + centre * modal.leverages))
    apart = start - equilibrium
    # Neither the distance from the equilibrium grows, nor the risk, which ε residuals are part of.
    risk = modal.eigenvalues @ apart**2 + centre * np.sum((modal.rows @ apart) ** 2)
    bounds = _norm(modal) * np.linalg.norm(apart), np.sqrt(risk / centre)
    return float(np.linalg.norm(at_rest) + min(bounds))


def _norm(modal: ModalForm) -> float:
    """‖B‖ of the deleted rows."""
    return float(np.linalg.norm(modal.rows, 2))
