"""A mode of a deep linear network: its strength in time, its influence, and when that peaks."""

from __future__ import annotations

import math
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Array, Float
from scipy.optimize import minimize_scalar

from homotopy._checks import ArrayInput, array, concrete, number, positive

_TINY = float(np.finfo(float).tiny)


def mode_strength(
    times: ArrayInput, singular_value: ArrayLike, initial: ArrayLike
) -> Float[Array, "*shape"]:
    """The strength a(t) of one mode of a two-layer linear network, in closed form.

    For inputs with Σ x xᵀ = I and a start that is balanced and aligned with the singular vectors
    of Σ y xᵀ, the gradient flow of the sum risk leaves the modes uncoupled: ȧ = 2a(s − a), so that
    a(t) = s e^{2st}/(e^{2st} − 1 + s/a₀) [1]_. A mode is half learned at log(s/a₀ − 1)/(2s): the
    stronger, the sooner.

    Parameters
    ----------
    times : (...)
    singular_value : float or (...)
        s > 0.
    initial : float or (...)
        a₀ > 0.

    References
    ----------
    .. [1] Saxe, McClelland, Ganguli, "Exact solutions to the nonlinear dynamics of learning in
       deep linear neural networks", ICLR 2014.

    Examples
    --------
    >>> mode_strength([0.0, 100.0], 2.0, 0.5).tolist()
    [0.5, 2.0]
    """
    times, singular_value, initial = _of_a_mode(times, singular_value, initial)
    # Decaying exponentials only: e^{2st} overflows.
    missing = (singular_value / initial - 1.0) * jnp.exp(-2.0 * singular_value * times)
    return singular_value / (1.0 + missing)


def _of_a_mode(times, singular_value, initial):
    times = array("times", times, "times")
    singular_value, initial = (
        array(name, value, "positive numbers")
        for name, value in (("singular_value", singular_value), ("initial", initial))
    )
    for name, value, least in (
        ("times", times, 0.0),
        ("singular_value", singular_value, _TINY),
        ("initial", initial, _TINY),
    ):
        known = concrete(value)
        if known is not None and np.any(known < least):
            sign = ">= 0" if least == 0.0 else "> 0"
            raise ValueError(f"{name}: expected numbers {sign}, got {known.min():g}.")
    return times, singular_value, initial


def mode_influence(
    times: ArrayInput, singular_value: ArrayLike, initial: ArrayLike
) -> Float[Array, "*shape"]:
    """How the strength of a mode depends on its singular value, ∂a(t)/∂s, in closed form.

    A point's weight w_j moves s by uᵀ(y_jx_jᵀ)v, so that this times −uᵀ(y_jx_jᵀ)v is the influence
    of deleting the point on the mode. It is 0 at first, 1 in the end, and peaks at the transition,
    the higher the smaller the start (theory §11.2): E(E − 1 + 2st(s/a₀ − 1))/(E − 1 + s/a₀)²,
    E = e^{2st}.

    Parameters
    ----------
    times : (...)
    singular_value : float or (...)
        s > 0.
    initial : float or (...)
        a₀ > 0.

    Raises
    ------
    ValueError
        Naming the argument.

    Examples
    --------
    >>> mode_influence([0.0, 100.0], 2.0, 0.5).tolist()
    [0.0, 1.0]
    """
    times, singular_value, initial = _of_a_mode(times, singular_value, initial)
    small, excess = jnp.exp(-2.0 * singular_value * times), singular_value / initial - 1.0
    # Numerator and denominator times e^{−4st}.
    above = 1.0 - small + 2.0 * singular_value * times * excess * small
    return above / (1.0 + excess * small) ** 2


class ModePeak(NamedTuple):
    """Where and how high the influence on a mode is.

    Attributes
    ----------
    time, height : float
        Of the largest ∂a/∂s.
    transition : float
        t* = log(s/a₀ − 1)/(2s), when the mode is half learned.
    predicted_height : float
        (1 + log(s/a₀))/4, the height for small a₀.
    """

    time: float
    height: float
    transition: float
    predicted_height: float


def mode_peak(singular_value: float, initial: float) -> ModePeak:
    """The peak of `mode_influence`, beside the transition: a logarithm of the start.

    Parameters
    ----------
    singular_value : float
        s > 0.
    initial : float
        a₀ in (0, s/2): a mode that is half learned at first has no transition.

    Returns
    -------
    ModePeak

    Raises
    ------
    ValueError
        Naming the argument.

    Examples
    --------
    >>> import homotopy as hm
    >>> hm.enable_x64()
    >>> peak = mode_peak(3.0, 1e-8)
    >>> round(peak.height, 2), round(peak.predicted_height, 2)
    (5.18, 5.13)
    """
    s = positive("singular_value", singular_value)
    a0 = number(
        "initial", initial, f"a number in (0, {s / 2:g})", lambda value: 0.0 < value < s / 2
    )
    transition = math.log(s / a0 - 1.0) / (2.0 * s)

    def falling(time):
        return -float(mode_influence(time, s, a0))

    # The peak lies within a few 1/s after the transition.
    bounds = 0.5 * transition, transition + 5.0 / s
    found = minimize_scalar(falling, bounds=bounds, method="bounded", options={"xatol": 1e-10})
    return ModePeak(float(found.x), float(-found.fun), transition, (1.0 + math.log(s / a0)) / 4.0)
