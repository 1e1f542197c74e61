"""A stabilised explicit Runge–Kutta method: gradients grow with the root of the stiffness."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

import diffrax
import equinox as eqx
import equinox.internal as eqxi
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, Int

from homotopy._checks import flag, integer
from homotopy.numerics.spectral_radius import STEPS, jacobian_product, lanczos, power_step
from homotopy.numerics.stability_polynomials import tables

_SAFETY = 1.1  # of the spectral radius
_LEAST_WORK = 30  # gradients between two looks at it, which cost some four
_FEWEST_STAGES = 5
_ESTIMATE = 0.1  # of an error along modes that have died out
_LONGEST = 2**12  # parts of one step


class RungeKuttaChebyshev(diffrax.AbstractAdaptiveSolver):
    """An explicit Runge–Kutta method of order four and s ≥ 5 stages, stable to 0.35 s².

    Theory §15. The Jacobian of a gradient flow is −∇²R, symmetric. Where |∇²R|h is large, an
    explicit method of fixed stages needs steps in proportion to it; this one s ∝ √(|∇²R|h)
    gradients a step. s is chosen for each step from an estimate of |∇²R|: Lanczos' method at first,
    one step of the power method from time to time. A step whose stages would be too many is made in
    equal parts. Errors are controlled by an embedded estimate of order three, which stays bounded
    along stiff modes; dense output is Hermite's cubic.

    Parameters
    ----------
    max_stages : int
        From 5 to 160. Rounding of stiff modes grows as the eighth power of s within a step:
        `stages_within` says how many a tolerance allows.
    reverse : bool
        Whether the loop over stages can be differentiated backwards, as all adjoints but
        `diffrax.ForwardMode()` need; if False, forwards.

    Raises
    ------
    ValueError
        Naming `max_stages`.

    Notes
    -----
    Stability polynomials of order four that equioscillate, computed here; the finishing stages are
    in the manner of A. Abdulle, Fourth order Chebyshev methods with recurrence relation, *SIAM
    Journal on Scientific Computing* 23 (2002).

    Examples
    --------
    >>> import diffrax, jax.numpy as jnp
    >>> import homotopy as hm
    >>> hm.enable_x64()
    >>> rates = jnp.array([1.0, 1e4])
    >>> found = diffrax.diffeqsolve(
    ...     diffrax.ODETerm(lambda t, y, _: -rates * y), hm.flows.RungeKuttaChebyshev(), 0.0, 1.0,
    ...     None, jnp.ones(2), stepsize_controller=diffrax.PIDController(rtol=1e-6, atol=1e-9),
    ... )
    >>> [round(x, 5) for x in found.ys[-1].tolist()], int(found.stats["num_steps"]) < 200
    ([0.36788, 0.0], True)
    """

    max_stages: int = eqx.field(default=160, static=True)
    reverse: bool = eqx.field(default=True, static=True)

    term_structure: ClassVar = diffrax.ODETerm
    interpolation_cls: ClassVar[Callable] = diffrax.ThirdOrderHermitePolynomialInterpolation

    def __check_init__(self):
        integer("max_stages", self.max_stages, _FEWEST_STAGES, 160)
        flag("reverse", self.reverse)

    def order(self, terms):
        return 4

    def init(self, terms, t0, t1, y0, args):
        slope = terms.vf(t0, y0, args)
        # How many stages a step has is of no consequence to θ(t).
        flat, unravel = ravel_pytree(lax.stop_gradient(y0))
        field = _flat_field(terms, *lax.stop_gradient((t0, args)), unravel)
        rate, vector = lanczos(jacobian_product(field, flat), flat.size, flat.dtype)
        # Gradients so far, a product with ∂f counted as two, and those since |∂f| was looked at.
        return slope, lax.stop_gradient((rate, vector)), jnp.asarray([3 + 2 * STEPS, 0])

    def step(self, terms, t0, t1, y0, args, solver_state, made_jump):
        slope, (rate, vector), counts = solver_state
        y, unravel = ravel_pytree(y0)
        slope = lax.cond(
            made_jump,
            lambda: ravel_pytree(terms.vf(t0, y0, args))[0],
            lambda: ravel_pytree(slope)[0],
        )
        table = _limited(self.max_stages)
        frozen = lax.stop_gradient((t0, args))

        def looked(vector):
            field = _flat_field(terms, *frozen, unravel)
            return power_step(jacobian_product(field, lax.stop_gradient(y)), vector)

        due = counts[1] >= _LEAST_WORK
        new, vector = lax.cond(due, looked, lambda vector: (rate, vector), vector)
        rate = lax.stop_gradient(jnp.where(due, new, rate))
        counts = counts + jnp.where(due, jnp.asarray([4, -counts[1]]), 0)

        length = t1 - t0
        size = _SAFETY * rate * lax.stop_gradient(jnp.abs(length))
        parts = jnp.clip(jnp.ceil(size / table["reach"][-1]), 1, _LONGEST).astype(int)
        row = jnp.searchsorted(table["reach"], (size / parts).astype(table["reach"].dtype))
        row = jnp.minimum(row, table["reach"].size - 1)
        degree = jnp.asarray(table["degree"])[row]
        step, weight, finish = (
            jnp.asarray(table[name], y.dtype)[row] for name in ("step", "weight", "finish")
        )
        part = (length / parts).astype(y.dtype)
        field = _flat_field(terms, None, args, unravel)

        def one(state):
            index, y, slope, error = state
            time = t0 + index * part
            stages = _first_stages(field, time, part, y, slope, step, weight, degree, self.reverse)
            y, slope, added = _last_stages(field, time, part, y, *stages, finish)
            return index + 1, y, slope, error + added

        _, y1, slope1, error = eqxi.while_loop(
            lambda state: state[0] < parts,
            one,
            (jnp.zeros((), int), y, slope, jnp.zeros_like(y)),
            max_steps=_LONGEST,
            kind="checkpointed" if self.reverse else "lax",
            checkpoints=4,
        )
        counts = counts + parts * degree
        ends = {"k0": unravel(length * slope), "k1": unravel(length * slope1)}
        dense = {"y0": y0, "y1": unravel(y1), **ends}
        state = unravel(slope1), (rate, vector), counts
        return dense["y1"], unravel(error), dense, state, diffrax.RESULTS.successful

    def func(self, terms, t0, y0, args):
        return terms.vf(t0, y0, args)


def gradients_of(solver_state) -> Int[Array, ""]:
    """How many gradients the steps that were kept have cost, looks at |∂f| among them."""
    return solver_state[2][0]


def fitted(
    solver: diffrax.AbstractSolver, adjoint: diffrax.AbstractAdjoint, rtol: float, dtype
) -> diffrax.AbstractSolver:
    """A stabilised solver with as many stages as the tolerance allows, in the adjoint's direction.

    Any other solver as it is.
    """
    if not isinstance(solver, RungeKuttaChebyshev):
        return solver
    stages = min(solver.max_stages, stages_within(rtol, dtype))
    return RungeKuttaChebyshev(stages, reverse=not isinstance(adjoint, diffrax.ForwardMode))


def stages_within(rtol: float, dtype) -> int:
    """How many stages keep the rounding of a step below a relative tolerance.

    The last four multiply rounding along the stiffest mode by w(−ℓ) ≈ ℓ⁴/100, theory §15.
    """
    unit = float(np.finfo(dtype).eps)
    reach = (10.0 * max(rtol, unit) / unit) ** 0.25
    table = tables()
    return int(table["degree"][max(0, np.searchsorted(table["reach"], reach) - 1)])


def _limited(max_stages):
    table = tables()
    count = np.searchsorted(table["degree"], max_stages, side="right")
    longest = table["degree"][count - 1] - 4
    short = {name: row[:count] for name, row in table.items()}
    return short | {name: short[name][:, :longest] for name in ("step", "weight")}


def _flat_field(terms, time, args, unravel):
    """f as a function of a flat state, or of time and a flat state."""

    def at(time, flat):
        return ravel_pytree(terms.vf(time, unravel(flat), args))[0]

    return at if time is None else lambda flat: at(time, flat)


def _first_stages(field, time, length, y, slope, step, weight, degree, reverse):
    """The state after the s − 4 stages of the recurrence, and its time as a part of the step."""

    def stage(state):
        index, (last, last_at), (current, at) = state
        moved = length * field(time + at * length, current)
        w, b = weight[index], step[index]
        following = w * current + (1.0 - w) * last + b * moved
        return index + 1, (current, at), (following, w * at + (1.0 - w) * last_at + b)

    start = y, jnp.zeros((), y.dtype)
    # w₀ = 1, and f(y) is known.
    first = y + step[0] * length * slope, step[0]
    _, _, end = eqxi.while_loop(
        lambda state: state[0] < degree - 4,
        stage,
        (jnp.ones((), int), start, first),
        max_steps=step.size,
        kind="checkpointed" if reverse else "lax",
    )
    return end


def _last_stages(field, time, length, y, end, at, finish):
    """y₁, f(y₁) and the estimate, by one loop over the points: the last of them is y₁."""
    points = jnp.stack([end, end, end, end, y - end])
    ats = jnp.full(5, at).at[4].set(0.0)

    def stage(carry, index):
        points, ats, point, at, _ = carry
        slope = field(time + at * length, point)
        points = points + jnp.outer(finish[index], length * slope)
        ats = ats + finish[index]
        return (points, ats, points[index], ats[index], slope), None

    carry = points, ats, end, at, jnp.zeros_like(y)
    (points, _, _, _, slope), _ = lax.scan(jax.checkpoint(stage), carry, jnp.arange(5))
    return points[3], slope, _ESTIMATE * points[4]
