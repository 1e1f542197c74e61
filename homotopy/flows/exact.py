"""Exact flow of linear regression: spectra where ε is constant, collocation where it varies."""

from functools import partial
from itertools import groupby

import diffrax
import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from homotopy._checks import fraction, integer
from homotopy.flows._diffrax import an_adjoint
from homotopy.flows.exponential_collocation import SmoothPiece, smooth_states
from homotopy.flows.method import AbstractMethod, FlowStatus
from homotopy.flows.propagator import known_values, piecewise_states
from homotopy.linear import LinearRegression
from homotopy.modal import ModalForm
from homotopy.problem import Problem
from homotopy.schedules import AbstractSchedule


class Exact(AbstractMethod):
    """The flow of a linear regression in closed form (theory §3).

    Where ε is constant, by matrix exponentials in the eigenbasis: exact to rounding, whatever λt
    and the condition number. Where ε varies (ramps, polynomials, splines), by an exponential
    collocation method that controls its error.

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
        theta0: Float[Array, " d"],
        times: Float[Array, " m"],
    ) -> tuple[Float[Array, "m d"], FlowStatus, dict]:
        modal = self.modal_form(problem)
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
        origin: Float[Array, " d"],
        start: Float[Array, " d"],
        schedule: AbstractSchedule,
        times: Float[Array, " m"],
        horizon: Float[Array, ""],
    ) -> tuple[Float[Array, "m d"], FlowStatus, dict]:
        """States in modal coordinates at `times` in [0, horizon]; see `piecewise_states`."""
        # `where`, not `clip`: at a tie the derivative is the one from inside the horizon.
        breakpoints = schedule.breakpoints
        within = jnp.where(breakpoints <= horizon, breakpoints, horizon)
        zero, horizon = jnp.zeros((1,), start.dtype), jnp.reshape(horizon, (1,))
        edges = jnp.concatenate([zero, within, horizon]).astype(start.dtype)
        # Constant pieces keep their switches past the horizon, where no time meets them: moved to
        # the horizon, they would take part in its derivative.
        last = jnp.max(jnp.append(breakpoints, horizon), keepdims=True)
        switches = jnp.concatenate([zero, breakpoints, last]).astype(start.dtype)
        outputs = jnp.zeros((times.shape[0], start.shape[0]), start.dtype)
        status, steps = FlowStatus.successful, jnp.zeros((), int)
        first = 0
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
                local = jnp.where(times < opening, opening, times)
                local = jnp.where(local > closing, closing, local)
                if constant:
                    reached = piecewise_states(
                        modal,
                        origin,
                        start,
                        bounds,
                        known_values(schedule.piece_values[lower:upper]),
                        jnp.append(local, closing),
                    )
                    states, start = reached[:-1], reached[-1]
                else:
                    piece = SmoothPiece(
                        modal,
                        origin,
                        opening,
                        closing - opening,
                        lambda t, index=lower: schedule.piece(index, t),
                        self.tolerance,
                    )
                    states, start, result, taken = smooth_states(
                        piece,
                        start,
                        local,
                        self.max_steps,
                        self.adjoint,
                        schedule.graded_pieces[lower],
                    )
                    status = FlowStatus.where(
                        result == diffrax.RESULTS.successful, status, FlowStatus.step_limit
                    )
                    steps = steps + taken
                outputs = jnp.where(inside[:, None], states, outputs)
            first += count
        return outputs, status, {"collocation_steps": steps}
