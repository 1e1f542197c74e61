"""Lie brackets, and the feedback that keeps a control on a singular arc."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from homotopy._checks import function, vector
from homotopy.control.system import ControlAffine, a_system


def lie_bracket(f: Callable, g: Callable) -> Callable:
    """[f, g](x) = Dg(x) f(x) − Df(x) g(x), by forward-mode differentiation.

    With this sign, d/dt ⟨p, g(x)⟩ = ⟨p, [f, g](x)⟩ along ẋ = f(x), ṗ = −Df(x)ᵀp.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> import homotopy as hm
    >>> from homotopy.control import lie_bracket
    >>> hm.enable_x64()
    >>> bracket = lie_bracket(lambda x: jnp.stack([x[1], -x[0]]), lambda x: jnp.array([0.0, 1.0]))
    >>> bracket(jnp.array([0.3, 0.4])).tolist()
    [-1.0, 0.0]
    """

    function("f", f, "x")
    function("g", g, "x")

    def bracket(x):
        along_f = jax.jvp(g, (x,), (f(x),))[1]
        along_g = jax.jvp(f, (x,), (g(x),))[1]
        return along_f - along_g

    return bracket


class SwitchingDerivatives(NamedTuple):
    """H₁ and its time derivatives at one (x, p).

    Ḣ₁ does not depend on the control; Ḧ₁ = drift + u · control.

    Attributes
    ----------
    value : ()
        H₁ = ⟨p, f₁⟩.
    slope : ()
        Ḣ₁ = ⟨p, [f₀, f₁]⟩.
    drift : ()
        ⟨p, [f₀, [f₀, f₁]]⟩.
    control : ()
        ⟨p, [f₁, [f₀, f₁]]⟩. Where a singular arc minimises, it is ≤ 0: the generalised
        Legendre–Clebsch condition, strict for an arc of first order.
    """

    value: Float[Array, ""]
    slope: Float[Array, ""]
    drift: Float[Array, ""]
    control: Float[Array, ""]


def switching_derivatives(
    system: ControlAffine, x: Float[Array, " d"], p: Float[Array, " d"]
) -> SwitchingDerivatives:
    """H₁, Ḣ₁ and the two parts of Ḧ₁ at a state and costate."""
    dimension = a_system(system).dimension
    x, p = vector("x", x, dimension), vector("p", p, dimension)
    bracket = lie_bracket(system.drift, system.control_field)
    return SwitchingDerivatives(
        jnp.dot(p, system.control_field(x)),
        jnp.dot(p, bracket(x)),
        jnp.dot(p, lie_bracket(system.drift, bracket)(x)),
        jnp.dot(p, lie_bracket(system.control_field, bracket)(x)),
    )


def singular_control(
    system: ControlAffine, x: Float[Array, " d"], p: Float[Array, " d"]
) -> Float[Array, ""]:
    """u = −⟨p, [f₀, [f₀, f₁]]⟩ / ⟨p, [f₁, [f₀, f₁]]⟩: the control that keeps Ḧ₁ = 0.

    Where H₁ = Ḣ₁ = 0 it keeps the switching function zero. It may lie outside of the bounds, and
    it is not finite where the arc is not of first order.
    """
    derivatives = switching_derivatives(system, x, p)
    return -derivatives.drift / derivatives.control
