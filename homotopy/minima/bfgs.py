"""A stationary point of a smooth function, from far away."""

from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from homotopy._checks import concrete
from homotopy.minima.newton import downhill, to_stationary_point
from homotopy.minima.objective import AbstractObjective
from homotopy.minima.result import SHORT, SINGULAR
from homotopy.precision import reachable

_NEWTON = 100  # steps of Newton's method of a convex function


def stationary_point(
    risk: Callable[[Float[Array, " d"]], Float[Array, ""]],
    theta0: Float[Array, " d"],
    max_steps: int = 10_000,
    convex: bool = False,
    before: Callable[[], None] = lambda: None,
) -> Float[Array, " d"]:
    """Minimise by BFGS from θ₀, then finish by Newton's method on the gradient.

    Of a convex function by Newton's method alone, where that reaches the minimum and numbers are
    known: its program is a third of the other.

    Parameters
    ----------
    risk : callable
        Compiled once for each function; a pytree that is callable (a method of a module, an
        `equinox.Partial`) once for all of its structure and shapes.
    theta0 : (d,)
    max_steps : int
        Of BFGS.
    convex : bool
    before : callable
        Called before BFGS, where Newton's method did not reach the minimum of a convex function: it
        may raise, where there is none.

    Raises
    ------
    RuntimeError
        Where the gradient does not vanish to rounding, neither method comes to rest, or Newton's
        step is long: a risk without a minimiser has a gradient that vanishes at infinity.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> round(float(stationary_point(lambda t: (t[0] - 2.0) ** 2, jnp.zeros(1))[0]), 12)
    2.0
    """
    if convex and concrete(theta0) is not None:
        best, reached = _downhill(risk, theta0)
        if concrete(reached):
            return best
        before()
    best, residual, allowed, at_rest = _descend(risk, theta0, max_steps)
    known = concrete(residual)
    if known is not None and not (known <= concrete(allowed) and concrete(at_rest)):
        moving = "" if concrete(at_rest) else " and still moving"
        raise RuntimeError(
            f"no stationary point was reached from theta0: the gradient norm is {known:.3g}"
            f"{moving} after {max_steps} steps at most; start nearer, or add a ridge."
        )
    return best


class _Function(AbstractObjective):
    """Whose gradient is judged as it is."""

    function: Callable

    def __call__(self, theta):
        return self.function(theta)

    def gradient_scale(self, theta):
        return jnp.ones((), theta.dtype)

    def rounding(self, theta):
        return jnp.zeros((), theta.dtype)


@eqx.filter_jit
def _downhill(risk, theta0):
    """Where Newton's method comes to, and whether that is a minimum."""
    found = downhill(_Function(risk), theta0, jnp.zeros((), theta0.dtype), jnp.asarray(_NEWTON))
    allowed = reachable(1e-8, theta0.dtype) * (1.0 + jnp.linalg.norm(jax.grad(risk)(theta0)))
    return found.theta, found.definite & (found.residual <= allowed)


@eqx.filter_jit
def _descend(risk, theta0, max_steps):
    """The best point found; the gradient's norm, what it may be, and whether an end was reached."""
    import optimistix as optx

    gradient = jax.grad(risk)
    dtype = theta0.dtype
    descent = optx.minimise(
        lambda theta, _: risk(theta),
        optx.BFGS(rtol=float(reachable(1e-9, dtype)), atol=float(reachable(1e-12, dtype))),
        theta0,
        max_steps=max_steps,
        throw=False,
    )
    near, resting = to_stationary_point(risk, descent.value, max_steps=50)
    best = jnp.where(
        jnp.linalg.norm(gradient(near)) <= jnp.linalg.norm(gradient(descent.value)),
        near,
        descent.value,
    )
    allowed = reachable(1e-8, dtype) * (1.0 + jnp.linalg.norm(gradient(theta0)))
    at_rest = (descent.result == optx.RESULTS.successful) | resting
    at_rest &= _step_is_short(gradient, best, jnp.linalg.norm(best - theta0))
    return best, jnp.linalg.norm(gradient(best)), allowed, at_rest


def _step_is_short(gradient, theta, moved):
    """Whether Newton's step is, where the risk is curved: the gradient also vanishes at infinity.

    Where it is flat to rounding in all directions, only what has not moved is at rest. Curvature
    is compared in units in which that of every parameter is one, too: where one of them runs away,
    as in exp(-θx) + c, its gradient and its curvature vanish together, and the step remains.
    """
    hessian, slope = jax.jacfwd(gradient)(theta), gradient(theta)
    diagonal = jnp.abs(jnp.diagonal(hessian))
    units = jnp.where(diagonal > 0.0, 1.0 / jnp.sqrt(jnp.where(diagonal > 0.0, diagonal, 1.0)), 0.0)
    size = jnp.maximum(jnp.linalg.norm(theta), moved)
    short = (hessian != 0.0).any() | (moved == 0.0)
    for unit in (jnp.ones_like(theta), units):
        step = unit * _newton_step(unit[:, None] * hessian * unit[None, :], unit * slope)
        short &= jnp.linalg.norm(step) <= SHORT * (size + SHORT)
    return short


def _newton_step(hessian, slope):
    """Along the directions that are curved."""
    values, vectors = jnp.linalg.eigh(hessian)
    curved = jnp.abs(values) > SINGULAR * jnp.max(jnp.abs(values))
    return vectors @ (jnp.where(curved, vectors.T @ slope, 0.0) / jnp.where(curved, values, 1.0))
