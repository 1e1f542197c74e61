"""Gradient flow of any problem by diffrax, segment by segment."""

from functools import partial

import diffrax
import equinox as eqx
import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from homotopy._checks import integer, number
from homotopy.flows._diffrax import a_solver, an_adjoint, diffeqsolve
from homotopy.flows.method import AbstractMethod, FlowStatus
from homotopy.flows.stabilised import RungeKuttaChebyshev, fitted, gradients_of
from homotopy.flows.stable_steps import StableSteps, stable_reach
from homotopy.problem import Problem
from homotopy.schedules import AbstractSchedule


def _tolerance(name: str, value) -> float:
    return number(name, value, "a number in [0, 1)", lambda x: 0.0 <= x < 1.0)


class Adaptive(AbstractMethod):
    """An adaptive Runge–Kutta solver, restarted at every breakpoint of the schedule.

    A switch inside a vector field has a silently zero derivative, and costs the solver its order.
    Each piece is therefore integrated on its own, in normalised time, by a scan: switch times are
    ordinary differentiable arguments, and compile time does not grow with their number.

    Parameters
    ----------
    rtol, atol : float
        Tolerances of one step; rtol not below 4 units in the last place of the dtype.
    solver : diffrax.AbstractSolver or None
        `diffrax.Dopri8()` by default. For stiff problems take `hm.flows.RungeKuttaChebyshev()`,
        whose gradients grow with the root of the stiffness, or, of few parameters, an implicit one
        such as `diffrax.Kvaerno5()`. None lets `flow` choose by the stiffness, the time and the
        number of parameters, and say in `stats` what it chose; under `jax.jit`, and in other
        verbs, that is Dopri8.
    max_steps : int
        Of one piece, besides those that end at an output time.
    adjoint : diffrax.AbstractAdjoint
        Checkpointed reverse mode by default; `diffrax.ForwardMode()` for `jax.jvp`.
        `diffrax.BacksolveAdjoint()` needs no memory, serves a single output time, and runs the flow
        backwards, where errors grow by e^{λt}: for short or slow flows only.

    Examples
    --------
    >>> import homotopy as hm
    >>> hm.Adaptive(rtol=1e-6).rtol
    1e-06
    """

    rtol: float = eqx.field(default=1e-9, static=True, converter=partial(_tolerance, "rtol"))
    atol: float = eqx.field(default=1e-12, static=True, converter=partial(_tolerance, "atol"))
    solver: diffrax.AbstractSolver | None = diffrax.Dopri8()
    max_steps: int = eqx.field(default=16384, static=True)
    adjoint: diffrax.AbstractAdjoint = diffrax.RecursiveCheckpointAdjoint()

    def __check_init__(self):
        if self.rtol == self.atol == 0.0:
            raise ValueError("rtol, atol: at least one must be positive.")
        if self.solver is not None:
            a_solver("solver", self.solver)
        integer("max_steps", self.max_steps)
        an_adjoint("adjoint", self.adjoint)
        backwards = isinstance(self.adjoint, diffrax.BacksolveAdjoint)
        if backwards and isinstance(self.solver, RungeKuttaChebyshev):
            raise ValueError(
                "adjoint: BacksolveAdjoint() goes backwards in time, where RungeKuttaChebyshev() "
                "is not stable; take RecursiveCheckpointAdjoint()."
            )

    def states(
        self,
        problem: Problem,
        schedule: AbstractSchedule,
        theta0: Float[Array, " d"],
        times: Float[Array, " m"],
    ) -> tuple[Float[Array, "m d"], FlowStatus, dict]:
        return self.integrate(eqx.Partial(_descent, problem), schedule, theta0, times)

    def integrate(self, field, schedule, start, times):
        """States of ẏ = field(y, ε(t)), y(0) = start, at ascending times; y a vector.

        `field` is a pytree: what it depends on is differentiated through its leaves, which some
        adjoints need to see.
        """
        # A final state alone ends its piece: no solver need know the output times.
        final = times.shape[0] == 1
        if not final and isinstance(self.adjoint, diffrax.BacksolveAdjoint):
            raise ValueError(
                "adjoint: BacksolveAdjoint() serves one output time, the last; for several take "
                "RecursiveCheckpointAdjoint()."
            )
        horizon = times[-1]
        # `where`, not `clip`: at a tie the derivative is the one from inside the horizon.
        breakpoints = jnp.where(schedule.breakpoints <= horizon, schedule.breakpoints, horizon)
        zero = jnp.zeros((1,), start.dtype)
        edges = jnp.concatenate([zero, breakpoints, horizon[None]]).astype(start.dtype)
        solver = diffrax.Dopri8() if self.solver is None else self.solver
        reach = stable_reach(solver)
        solver = fitted(solver, self.adjoint, self.rtol, start.dtype)
        stabilised = isinstance(solver, RungeKuttaChebyshev)
        if isinstance(self.adjoint, diffrax.BacksolveAdjoint):
            reach = None  # its backward pass has another state

        constant = all(schedule.constant_pieces)

        def piece(carry, at):
            y, outputs, success, counts = carry
            index, opening, closing, value = at
            length = closing - opening
            # At the end of a piece without length, so that its two ends count in a derivative.
            fractions = (times - opening) / jnp.where(length > 0, length, 1.0)
            fractions = jnp.where(length > 0, fractions, 1.0)
            # Not `clip`, which halves the derivative of an output at an end of the piece.
            fractions = jnp.where(fractions < 0.0, 0.0, fractions)
            fractions = jnp.where(fractions > 1.0, 1.0, fractions)
            weight = value if constant else schedule
            # As a list of arrays: `BacksolveAdjoint` knows no other leaves.
            inputs = (field, weight, index, opening, length)
            inputs, fixed = eqx.partition(inputs, eqx.is_array)
            arrays, structure = jax.tree.flatten(inputs)

            # Traced once: a solver, its control of steps and their derivatives call it many times.
            @jax.jit
            def velocity(fraction, y, arrays):
                inputs = jax.tree.unflatten(structure, arrays)
                field, weight, index, opening, length = eqx.combine(inputs, fixed)
                epsilon = weight if constant else weight.piece(index, opening + fraction * length)
                return length * field(y, epsilon)

            # No step is more exact than a rounding of the state.
            least = 4.0 * float(jnp.finfo(y.dtype).eps)
            controller = diffrax.PIDController(rtol=max(self.rtol, least), atol=self.atol)
            if reach is not None:
                controller = StableSteps(controller, velocity, reach)
            solution = diffeqsolve(
                diffrax.ODETerm(velocity),
                solver,
                t0=jnp.zeros((), y.dtype),
                t1=jnp.ones((), y.dtype),
                dt0=None,
                y0=y,
                args=arrays,
                saveat=diffrax.SaveAt(
                    t1=True, ts=None if final else fractions, solver_state=stabilised
                ),
                # Steps end at the outputs: interpolation would be of lower order than the solver.
                stepsize_controller=controller
                if final
                else diffrax.ClipStepSizeController(
                    controller, step_ts=lax.stop_gradient(fractions)
                ),
                adjoint=self.adjoint,
                max_steps=self.max_steps + times.shape[0],
                throw=False,
            )
            end = solution.ys[-1]
            # A time at a switch has felt it: see `propagator`.
            inside = times >= opening
            reached = end[None] if final else solution.ys[:-1]
            outputs = jnp.where(inside[:, None], reached, outputs)
            success = success & (solution.result == diffrax.RESULTS.successful)
            of_piece = {
                "steps": solution.stats["num_steps"],
                "rejected_steps": solution.stats["num_rejected_steps"],
            }
            if stabilised:
                of_piece["gradients"] = gradients_of(solution.solver_state)
            counts = {name: counts[name] + of_piece[name] for name in counts}
            return (end, outputs, success, counts), None

        outputs = jnp.zeros((times.shape[0], start.shape[0]), start.dtype)
        names = ("steps", "rejected_steps", *(["gradients"] if stabilised else []))
        carry = (start, outputs, jnp.asarray(True), {name: jnp.zeros((), int) for name in names})
        # A derivative in all of the schedule at every stage would cost more than the flow itself.
        values = jnp.asarray(schedule.piece_values, start.dtype)
        pieces = (jnp.arange(values.size), edges[:-1], edges[1:], values)
        (_, outputs, success, counts), _ = lax.scan(piece, carry, pieces)
        status = FlowStatus.where(success, FlowStatus.successful, FlowStatus.step_limit)
        return outputs, status, counts


def _descent(problem, theta, epsilon):
    return -problem.gradient(theta, epsilon)
