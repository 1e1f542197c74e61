"""Exact flow of linear regression: spectra where ε is constant, collocation where it varies."""

from functools import partial
from itertools import groupby

import diffrax
import equinox as eqx
import jax
import numpy as np
from jaxtyping import Float

from homotopy._checks import fraction, integer
from homotopy.flows._diffrax import an_adjoint
from homotopy.flows.exponential_collocation import (
    SmoothPiece,
    known_smooth_states,
    smooth_states,
)
from homotopy.flows.method import AbstractMethod, FlowStatus
from homotopy.flows.propagator import known_piecewise_states, known_values, piecewise_states
from homotopy.linear import LinearRegression
from homotopy.modal import ModalForm
from homotopy.numerics.namespace import AnyArray, AnyNumber, in_numpy, namespace
from homotopy.problem import Problem
from homotopy.schedules import AbstractSchedule


class Exact(AbstractMethod):
    """The flow of a linear regression in closed form (theory §3).

    Where ε is constant, by matrix exponentials in the eigenbasis: exact to rounding, whatever λt
    and the condition number. Where ε varies (ramps, polynomials, splines), by an exponential
    collocation method that controls its error.

    Of numbers that are known all of it is computed by NumPy, with hardly anything to compile; under
    `jax.jit`, `jax.grad` and `jax.vmap` by the same formulas in JAX.

    Parameters
    ----------
    tolerance : float
        Of the varying pieces: the error of the state relative to its norm.
    max_steps : int
        Of one varying piece.
    adjoint : diffrax.AbstractAdjoint
        How a varying piece is differentiated: by checkpoints in reverse mode, or
        `diffrax.ForwardMode()` for `jax.jvp`. Constant pieces serve both modes always.

    Raises
    ------
    TypeError
        In `flow`, for a problem that is not a `LinearRegression`.

    Examples
    --------
    >>> import homotopy as hm
    >>> hm.Exact(tolerance=1e-9).tolerance
    1e-09
    """

    tolerance: float = eqx.field(
        default=1e-12, static=True, converter=partial(fraction, "tolerance")
    )
    max_steps: int = eqx.field(default=4096, static=True)
    adjoint: diffrax.AbstractAdjoint = diffrax.RecursiveCheckpointAdjoint()

    def __check_init__(self):
        integer("max_steps", self.max_steps)
        an_adjoint("adjoint", self.adjoint)

    def states(
        self,
        problem: Problem,
        schedule: AbstractSchedule,
        theta0: Float[AnyArray, " d"],
        times: Float[AnyArray, " m"],
    ) -> tuple[Float[AnyArray, "m d"], FlowStatus, dict]:
        modal = self.modal_form(problem)
        if namespace(theta0) is np:
            modal = in_numpy(modal)
        start = modal.coordinates(theta0)
        states, status, stats = self.modal_states(
            modal, modal.equilibrium, start, schedule, times, times[-1]
        )
        return modal.parameters(states), status, stats

    def modal_form(self, problem: Problem) -> ModalForm:
        """The modal form of a linear regression; `TypeError` for any other problem."""
        if not isinstance(problem, LinearRegression):
            raise TypeError(
                f"method: Exact() needs a LinearRegression, got {type(problem).__name__}; use "
                "Adaptive()."
            )
        return problem.modal

    def modal_states(
        self,
        modal: ModalForm,
        origin: Float[AnyArray, " d"],
        start: Float[AnyArray, " d"],
        schedule: AbstractSchedule,
        times: Float[AnyArray, " m"],
        horizon: AnyNumber,
    ) -> tuple[Float[AnyArray, "m d"], FlowStatus, dict]:
        """States in modal coordinates at `times` in [0, horizon]; see `piecewise_states`.

        Of NumPy's arrays by NumPy, at once, with the times of its steps on varying pieces; of JAX's
        by JAX, to be compiled and differentiated.
        """
        xp = namespace(start)
        if xp is np:
            breakpoints, values = (np.asarray(part) for part in _described(schedule))
        else:
            breakpoints, values = schedule.breakpoints, schedule.piece_values
        # `where`, not `clip`: at a tie the derivative is the one from inside the horizon.
        within = xp.where(breakpoints <= horizon, breakpoints, horizon)
        zero, horizon = xp.zeros((1,), start.dtype), xp.reshape(horizon, (1,))
        edges = xp.concatenate([zero, within, horizon]).astype(start.dtype)
        # Constant pieces keep their switches past the horizon, where no time meets them: moved to
        # the horizon, they would take part in its derivative.
        last = xp.max(xp.append(breakpoints, horizon), keepdims=True)
        switches = xp.concatenate([zero, breakpoints, last]).astype(start.dtype)
        outputs = xp.zeros((times.shape[0], start.shape[0]), start.dtype)
        status, steps = FlowStatus.successful, xp.zeros((), int)
        first, step_times = 0, []
        for constant, run in groupby(schedule.constant_pieces):
            count = len(list(run))
            # Constant pieces go together; each varying one has its own integration.
            for lower, upper in (
                [(first, first + count)]
                if constant
                else [(index, index + 1) for index in range(first, first + count)]
            ):
                bounds = (switches if constant else edges)[lower : upper + 1]
                opening, closing = bounds[0], bounds[-1]
                # A time at a switch has felt it: see `propagator`.
                inside = times >= switches[lower]
                local = xp.where(times < opening, opening, times)
                local = xp.where(local > closing, closing, local)
                if constant:
                    follow = known_piecewise_states if xp is np else piecewise_states
                    weights, ends = known_values(values[lower:upper]), xp.append(local, closing)
                    reached = follow(modal, origin, start, bounds, weights, ends)
                    states, start = reached[:-1], reached[-1]
                else:
                    piece = partial(SmoothPiece, modal, origin, opening, closing - opening)
                    states, start, done, taken, ends = self._smooth_states(
                        piece, schedule, lower, start, local
                    )
                    if xp is np and not done:
                        spent = taken >= self.max_steps
                        status = FlowStatus.step_limit if spent else FlowStatus.diverged
                    elif xp is not np:
                        status = FlowStatus.where(done, status, FlowStatus.step_limit)
                    steps = steps + taken
                    step_times.append(ends)
                outputs = xp.where(inside[:, None], states, outputs)
            first += count
        stats = {"collocation_steps": steps}
        if xp is np:
            stats["step_times"] = np.unique(np.concatenate([np.zeros(0), *step_times]))
        return outputs, status, stats

    def _smooth_states(self, piece, schedule, index, start, times):
        """States on the piece, at its end, whether that was reached, steps taken, their times."""
        graded = schedule.graded_pieces[index]
        if namespace(start) is np:
            # A number that is traced, as all varying pieces have one program.
            place = np.asarray(index)
            piece = piece(lambda t: np.asarray(_weights_at(schedule, place, t)), self.tolerance)
            return known_smooth_states(piece, start, times, self.max_steps, graded)
        piece = piece(lambda t: schedule.piece(index, t), self.tolerance)
        states, start, result, taken = smooth_states(
            piece, start, times, self.max_steps, self.adjoint, graded
        )
        return states, start, result == diffrax.RESULTS.successful, taken, None


@eqx.filter_jit
def _described(schedule):
    """Breakpoints, and the value at the left end of every piece."""
    return schedule.breakpoints, schedule.piece_values


@eqx.filter_jit
def _weights_at(schedule, index, times):
    return jax.vmap(lambda t: schedule.piece(index, t))(times)
