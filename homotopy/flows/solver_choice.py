"""Explicit, stabilised or implicit: whichever is expected to take the fewest gradients."""

from __future__ import annotations

import diffrax
import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from numpy.typing import DTypeLike

from homotopy._checks import concrete
from homotopy.flows.dormand_prince import DormandPrince853
from homotopy.flows.stabilised import RungeKuttaChebyshev, stages_within
from homotopy.numerics.spectral_radius import jacobian_product, lanczos
from homotopy.problem import Problem


class SolverKind(eqx.Enumeration):
    """What followed a flow whose solver was left to be chosen."""

    explicit = "explicit: steps are bounded by accuracy, or by a stiffness that is small"
    stabilised = "stabilised explicit: gradients grow with the root of the stiffness"
    implicit = "implicit: few parameters, and a large stiffness"


_MOST_IMPLICIT = 4000  # parameters: a Jacobian and its factors take 0.3 GB


def expected_gradients(
    stiffness: float, dimension: int, rtol: float, dtype: DTypeLike = np.float64
) -> dict[str, float]:
    """How many gradients each kind is expected to take over |∇²R|T = `stiffness` (theory §15).

    Accuracy alone asks for some 10 rtol^{−1/(p+1)} steps. An explicit step has 12 gradients and a
    look at |∇²R| that costs three, one in four where it is short, and is at most 5.8/|∇²R| long; a
    stabilised one has s of them and is at most 0.35 s²/|∇²R| long, with s as many as rounding lets
    it have; an implicit one has a Jacobian of 2d, and forty, and is none for more parameters than
    its matrices have room for.
    """
    rtol = max(rtol, 1e-15)
    steps = 10.0 * rtol**-0.25
    most = stages_within(rtol, dtype)
    stages = max(1.2 * (stiffness * steps / 0.35) ** 0.5, 1.2 * stiffness / (0.35 * most))
    jacobian = 40.0 + 2.0 * dimension if dimension <= _MOST_IMPLICIT else np.inf
    return {
        "explicit": max(13.0 * 10.0 * rtol ** (-1.0 / 8.0), 15.0 * stiffness / 5.8),
        "stabilised": max(6.0 * steps, stages),
        "implicit": jacobian * 10.0 * rtol**-0.2,
    }


def choose(
    problem: Problem, theta0: Float[Array, " d"], horizon: Float[Array, ""], rtol: float
) -> tuple[diffrax.AbstractSolver, dict]:
    """A solver for the flow from θ₀ over a time, and what it was chosen by, for `stats`.

    By |∇²R₁(θ₀)|T, measured with five Hessian-vector products. Where the numbers are traced they
    are not known, and the choice is the explicit one.
    """
    rate = concrete(_spectral_radius(problem, theta0))
    horizon = concrete(horizon)
    if rate is None or horizon is None:
        return DormandPrince853(), {}
    cost = expected_gradients(float(rate) * float(horizon), theta0.size, rtol, theta0.dtype)
    kind = min(cost, key=cost.get)
    solvers = {
        "explicit": DormandPrince853,
        "stabilised": RungeKuttaChebyshev,
        "implicit": diffrax.Kvaerno5,
    }
    return solvers[kind](), {
        "solver": getattr(SolverKind, kind),
        "stiffness": jnp.asarray(float(rate) * float(horizon), theta0.dtype),
    }


@eqx.filter_jit
def _spectral_radius(problem, theta):
    product = jacobian_product(lambda at: problem.gradient(at, 1.0), theta)
    rate, _ = lanczos(product, theta.size, theta.dtype)
    return jax.lax.stop_gradient(rate)
