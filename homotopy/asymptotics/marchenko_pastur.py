"""Integrals over the law of Marchenko and Pastur, p < n, and what a row remembers."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from homotopy._checks import ArrayInput, number
from homotopy.asymptotics.population import non_negative_numbers

_NODES = 200


def nodes(gamma: float, count: int = _NODES) -> tuple[np.ndarray, np.ndarray]:
    """Gauss's nodes of the second kind: s = 1 + γ + 2√γ cos φ, and the masses that sum to 1.

    They converge like (√γ)^{2 count} for analytic functions; near γ = 1 more are needed, as the
    law's pole at 0 comes near to its edge (1 − √γ)².
    """
    angle = np.arange(1, count + 1) * np.pi / (count + 1)
    s = 1.0 + gamma + 2.0 * np.sqrt(gamma) * np.cos(angle)
    return s, 2.0 / (count + 1) * np.sin(angle) ** 2 / s


def below_one(name: str, value) -> float:
    """A γ in (0, 1)."""
    return number(
        name,
        value,
        "a number in (0, 1): fewer features than rows",
        lambda x: 0.0 < x < 1.0,
    )


def memory_kernel(gamma: float, times: ArrayInput | float) -> Float[np.ndarray, " m"]:
    """What a row remembers of itself after a time: xᵀe^{−Mt}x/n → γ∫e^{−nts}dμ(s), M = Σxᵢxᵢᵀ.

    For isotropic rows without a ridge, μ the law of Marchenko and Pastur (theory §12.4).

    Parameters
    ----------
    gamma : float
        γ = p/n in (0, 1).
    times : float or (m,)
        nt ≥ 0: time of the sum risk, times n.

    Returns
    -------
    (m,)

    Raises
    ------
    ValueError
        Naming `gamma` or `times`.

    Examples
    --------
    >>> import homotopy as hm
    >>> hm.asymptotics.memory_kernel(0.5, [0.0, 1.0]).round(6).tolist()
    [0.5, 0.226255]
    """
    gamma = below_one("gamma", gamma)
    s, masses = nodes(gamma)
    return gamma * np.exp(-np.outer(non_negative_numbers("times", times), s)) @ masses
