"""Gradient flow of any problem by diffrax, segment by segment."""

from functools import partial

import diffrax
import equinox as eqx
import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from homotopy._checks import integer, number
from homotopy.flows._diffrax import a_solver, an_adjoint, valid_diffeqsolve
from homotopy.flows.backward import Recorded, applies, followed
from homotopy.flows.dormand_prince import DormandPrince853
from homotopy.flows.explicit_steps import ExplicitSteps
from homotopy.flows.method import AbstractMethod, FlowStatus
from homotopy.flows.stabilised import RungeKuttaChebyshev, fitted, gradients_of
from homotopy.flows.stable_steps import ITERATIONS, StableSteps, fastest_change, stable_reach
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
        `diffrax.Dopri8()` by default; `hm.flows.DormandPrince853()` is stable for steps that are a
        third longer a gradient. For stiff problems take `hm.flows.RungeKuttaChebyshev()`,
        whose gradients grow with the root of the stiffness, or, of few parameters, an implicit one
        such as `diffrax.Kvaerno5()`. None lets `flow` choose by the stiffness, the time and the
        number of parameters, and say in `stats` what it chose; under `jax.jit`, and in other
        verbs, that is `DormandPrince853`.
    max_steps : int
        Of one piece, besides those that end at an output time.
    adjoint : diffrax.AbstractAdjoint or None
        How derivatives are taken backwards. None, the default: step by step, each from its start
        with the size it had, for explicit solvers and up to 32,768 parameters;
        `diffrax.RecursiveCheckpointAdjoint()` for others. The two agree to rounding; the first
        compiles in two thirds of the time, takes less, and keeps the starts of at most 4,096 steps:
        flows of more are followed again for each 4,096 (each 512 from 2,048 parameters on). It
        alone has derivatives of gradients, by `jax.jacfwd` of `jax.grad`.
        `diffrax.ForwardMode()` is for `jax.jvp`, also twice.
        `diffrax.BacksolveAdjoint()` needs no memory, serves a single output time, and runs the flow
        backwards, where errors grow by e^{λt}: for short or slow flows only.

    Notes
    -----
    Derivatives backwards are those of the steps themselves: theory §3.4.

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
    adjoint: diffrax.AbstractAdjoint | None = None

    def __check_init__(self):
        if self.rtol == self.atol == 0.0:
            raise ValueError("rtol, atol: at least one must be positive.")
        if self.solver is not None:
            a_solver("solver", self.solver)
        integer("max_steps", self.max_steps)
        if self.adjoint is not None:
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

        Differentiated in whatever `field` depends on, be it a leaf or closed over.
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
        solver = DormandPrince853() if self.solver is None else self.solver
        rtol = max(self.rtol, _least(start.dtype))
        if isinstance(solver, DormandPrince853):
            solver = DormandPrince853(rtol, self.atol)
        reach = stable_reach(solver)
        one_by_one = self.adjoint is None and applies(solver, start.size)
        if one_by_one:
            adjoint, solver = diffrax.ForwardMode(), ExplicitSteps(solver)  # in plain loops
        elif self.adjoint is None:
            adjoint = diffrax.RecursiveCheckpointAdjoint()
        else:
            adjoint = self.adjoint
        solver = fitted(solver, adjoint, self.rtol, start.dtype)
        if isinstance(self.adjoint, diffrax.BacksolveAdjoint):
            reach = None  # its backward pass has another state

        constant = all(schedule.constant_pieces)

        # Traced once: a solver, its control of steps and their derivatives call it many times.
        @jax.jit
        def velocity(place, fraction, y):
            index, opening, length, value = place
            epsilon = value if constant else schedule.piece(index, opening + fraction * length)
            return length * field(y, epsilon)

        # A derivative in all of the schedule at every stage would cost more than the flow itself.
        values = jnp.asarray(schedule.piece_values, start.dtype)
        openings = edges[:-1]
        places = jnp.arange(values.size), openings, edges[1:] - openings, values
        first = jax.tree.map(lambda of_pieces: of_pieces[0], places)
        # What it depends on are its leaves.
        velocity = eqx.filter_closure_convert(velocity, first, openings[0], start)
        along = eqx.Partial(self._pieces, solver, reach, adjoint)
        if one_by_one:
            # As in `_pieces`: the last piece that has begun has an output.
            begun = jnp.where(openings[None, :] <= times[:, None], places[0][None, :], 0)
            owners = jnp.max(begun, axis=1)
            fractions = _fractions(times, openings[owners], places[2][owners])
            at = owners, None if final else fractions
            along = eqx.Partial(along, lax.stop_gradient(times))
            tableau = solver.solver.tableau
            outputs, (success, counts) = followed((velocity, start, places, at), along, tableau)
        else:
            outputs, (success, counts), _ = along(times, (velocity, start, places), None)
        status = FlowStatus.where(success, FlowStatus.successful, FlowStatus.step_limit)
        return outputs, status, counts

    def _pieces(self, solver, reach, adjoint, times, inputs, steps):
        """States at the outputs, piece by piece; success and counts; the `Steps`, if asked for."""
        velocity, start, places, *_ = inputs
        final = times.shape[0] == 1
        stabilised = isinstance(solver, RungeKuttaChebyshev)
        if steps is not None:
            solver = ExplicitSteps(solver.solver, tells=steps.increments is not None)
        rtol = max(self.rtol, _least(start.dtype))
        controller = diffrax.PIDController(rtol=rtol, atol=self.atol)

        def piece(carry, place):
            y, outputs, success, counts, steps, change = carry
            index, opening, length, _ = place
            fractions = _fractions(times, opening, length)
            # As a list of arrays: `BacksolveAdjoint` knows no other leaves.
            inputs, fixed = eqx.partition((velocity, place), eqx.is_array)
            arrays, structure = jax.tree.flatten(inputs)

            def moved(fraction, y, arrays):
                inputs = jax.tree.unflatten(structure, arrays)
                velocity, place = eqx.combine(inputs, fixed)
                return velocity(place, fraction, y)

            control = controller
            if change is not None:
                control = StableSteps(controller, moved, reach, change)
            if not final:
                # Steps end at the outputs: interpolation would be of lower order than the solver.
                control = diffrax.ClipStepSizeController(
                    control, step_ts=lax.stop_gradient(fractions)
                )
            solution = valid_diffeqsolve(
                diffrax.ODETerm(moved),
                solver,
                t0=jnp.zeros((), y.dtype),
                t1=jnp.ones((), y.dtype),
                dt0=None,
                y0=y,
                args=arrays,
                saveat=diffrax.SaveAt(
                    t1=True,
                    ts=None if final else fractions,
                    solver_state=stabilised or steps is not None,
                    controller_state=change is not None,
                ),
                stepsize_controller=control,
                adjoint=adjoint if steps is None else Recorded(steps, index),
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
            if change is not None:
                state = solution.controller_state
                of_rate = state if final else state.inner_state
                of_piece["looks"], change = of_rate.looks, of_rate.change
            counts = {name: counts[name] + of_piece[name] for name in counts}
            if steps is not None:
                steps = solution.solver_state
            return (end, outputs, success, counts, steps, change), None

        outputs = jnp.zeros((times.shape[0], start.shape[0]), start.dtype)
        names = ("steps", "rejected_steps", *(["gradients"] if stabilised else []))
        counts = {name: jnp.zeros((), int) for name in names}
        change = None
        if reach is not None:
            given, fixed = eqx.partition((velocity, start, places), eqx.is_array)
            given, at, of = eqx.combine(lax.stop_gradient(given), fixed)
            # The longest is no piece without length, unless all are.
            place = jax.tree.map(lambda of_pieces: of_pieces[jnp.argmax(of[2])], of)
            change = fastest_change(lambda y: given(place, jnp.zeros((), y.dtype), y), at)
            # Of a type of its own: JAX would trace the loop again to give it one.
            counts["looks"] = jnp.asarray(ITERATIONS, jnp.int32)
        carry = start, outputs, jnp.asarray(True), counts, steps, change
        (_, outputs, success, counts, steps, _), _ = lax.scan(piece, carry, places)
        return outputs, (success, counts), steps


def _least(dtype) -> float:
    """No step is more exact than a rounding of the state."""
    return 4.0 * float(jnp.finfo(dtype).eps)


def _fractions(times, opening, length):
    """Times in the normalised time of a piece, in [0, 1]."""
    fractions = (times - opening) / jnp.where(length > 0, length, 1.0)
    # At the end of a piece without length, so that its two ends count in a derivative.
    fractions = jnp.where(length > 0, fractions, 1.0)
    # Not `clip`, which halves the derivative of an output at an end of the piece.
    fractions = jnp.where(fractions < 0.0, 0.0, fractions)
    return jnp.where(fractions > 1.0, 1.0, fractions)


def _descent(problem, theta, epsilon):
    return -problem.gradient(theta, epsilon)
