"""Derivatives of a flow backwards, step by step.

Theory §3.4. An explicit Runge–Kutta method is differentiated as it was computed, its step sizes
held fixed: the discrete adjoint. Forwards, the start of every step that was kept is written down;
backwards, a step is taken again from there, and λ = ∂ℓ/∂y pulled through it. One loop does this for
the steps of all pieces: the program is that of one step, whatever their number.
"""

from __future__ import annotations

import diffrax
import equinox as eqx
import equinox.internal as eqxi
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float, Int

from homotopy._module import Module
from homotopy.flows._diffrax import TELLS_STEPS
from homotopy.flows.dormand_prince import DormandPrince853
from homotopy.flows.explicit_steps import Increments, increments_of
from homotopy.flows.moving_outputs import slopes_that_move, states_that_move
from homotopy.flows.step_adjoint import pulled_through

_FEWEST, _MOST = 512, 4096  # steps that are written down at a time
_UNLIMITED = np.iinfo(np.int32).max
_NUMBERS = 2**20  # in the states of these, if they are more than the fewest: 8 MB a lane
_FEWEST_TOLD, _MOST_TOLD = 16, 512  # steps of which all stages are
_AGAIN = (
    "Derivatives of a gradient by Adaptive(): what it goes back over is not gone back over again; "
    "take jax.jacfwd of jax.grad."
)
_LARGEST = 2**15  # parameters: the fewest steps then take 128 MB


class Steps(Module):
    """The last steps that were kept, in a ring: step k stands in row k modulo the rows.

    Attributes
    ----------
    states : (c, d)
        Where each began.
    spans : (c, 2)
        When, in the normalised time of its piece, and when it ended.
    places : (c, 2)
        In which piece, and how many outputs of the piece's solve were already saved.
    increments : (e, d, s) or (e, s, d), or None
        `Increments.values`, of fewer steps: in row k modulo these rows. None where they would be
        too few to matter.
    count : int
        Steps kept so far.
    limit : int
        No more than so many are taken.
    """

    states: eqxi.MaybeBuffer[Float[Array, "c d"]]
    spans: eqxi.MaybeBuffer[Float[Array, "c 2"]]
    places: eqxi.MaybeBuffer[Int[Array, "c 2"]]
    increments: eqxi.MaybeBuffer[Float[Array, "e rows columns"]] | None
    count: Int[Array, ""]
    limit: Int[Array, ""]

    @classmethod
    def none(cls, start, stages, limit=_UNLIMITED) -> Steps:
        rows = int(np.clip(_NUMBERS // start.size, _FEWEST, _MOST))
        told = min(_NUMBERS // (stages * start.size), _MOST_TOLD)
        whole = jnp.zeros((), jnp.int32)
        values = Increments.none(start, stages).values
        return cls(
            jnp.zeros((rows, start.size), start.dtype),
            jnp.zeros((rows, 2), start.dtype),
            jnp.zeros((rows, 2), jnp.int32),
            jnp.zeros((told, *values.shape), values.dtype) if told >= _FEWEST_TOLD else None,
            whole,
            whole + limit,
        )


class Recorded(diffrax.AbstractAdjoint):
    """A solve that writes down its steps, after those of earlier pieces.

    Found in place of the solver's state, by `SaveAt(solver_state=True)`.
    """

    steps: Steps
    piece: Int[Array, ""]

    def loop(self, *, solver, throw, passed_solver_state, passed_controller_state, **rest):
        del throw, passed_solver_state, passed_controller_state
        written = []

        def outer(proceed, advance, state, *, max_steps, buffers):
            def proceeds(carry):
                state, steps = carry
                return proceed(state) & (steps.count < steps.limit)

            def advanced(carry):
                state, steps = carry
                following = advance(state)
                row = steps.count % steps.states.shape[0]
                # Of a step that is not kept the row is written again.
                span = jnp.stack([state.tprev, state.tnext])
                place = jnp.stack([self.piece, state.save_state.saveat_ts_index])
                kept = following.num_accepted_steps - state.num_accepted_steps
                increments = steps.increments
                if increments is not None:
                    told = steps.count % increments.shape[0]
                    increments = increments.at[told].set(following.solver_state[1].values)
                steps = Steps(
                    steps.states.at[row].set(state.y),
                    steps.spans.at[row].set(span),
                    steps.places.at[row].set(place.astype(steps.places.dtype)),
                    increments,
                    steps.count + kept.astype(steps.count.dtype),
                    steps.limit,
                )
                return following, steps

            def all_buffers(carry):
                state, steps = carry
                rows = steps.states, steps.spans, steps.places
                told = [] if steps.increments is None else [steps.increments]
                return [buffers(state), *rows, *told]

            state, steps = eqxi.while_loop(
                proceeds,
                advanced,
                (state, self.steps),
                max_steps=max_steps,
                buffers=all_buffers,
                kind="lax",
            )
            written.append(steps)
            return state

        def inner(*arguments, **options):
            return eqxi.while_loop(*arguments, **options, kind="lax")

        state, stats = self._loop(
            solver=solver, inner_while_loop=inner, outer_while_loop=outer, **rest
        )
        state = eqx.tree_at(
            lambda s: s.solver_state, state, written[-1], is_leaf=lambda x: x is None
        )
        return state, stats


def applies(solver: diffrax.AbstractSolver, dimension: int) -> bool:
    """Whether steps are differentiated here: those of an explicit method, of states that fit."""
    if not (TELLS_STEPS and isinstance(solver, diffrax.AbstractERK)):
        return False
    # Not of a solver whose step is its own: those here are of the tableau alone.
    known = diffrax.AbstractERK.step, DormandPrince853.step
    return type(solver).step in known and dimension <= _LARGEST


@eqx.filter_custom_vjp
def followed(inputs, forward, tableau):
    """Outputs of a flow, and what else is told of it.

    Parameters
    ----------
    inputs : tuple
        The velocity, of a place, the normalised time in a piece and the state; the state at
        time zero; the places of all pieces: number, opening, length and weight; and of the m
        outputs the piece that has it, ascending, and the normalised time in that piece, or None of
        the last state alone. Derivatives are taken in these.
    forward : callable
        Of the inputs and `Steps` or None: outputs (m, d), what else, and the `Steps`.
    tableau : diffrax.ButcherTableau
    """
    outputs, others, _ = forward(inputs, None)
    return outputs, others


@followed.def_fwd
def _forward(perturbed, inputs, forward, tableau):
    outputs, others, steps = forward(inputs, Steps.none(inputs[1], tableau.num_stages))
    velocity, _, places, (owners, fractions) = inputs
    if fractions is not None:
        velocities = eqx.Partial(_velocities, velocity, places, owners)
        outputs = states_that_move(velocities, fractions, outputs)
    return (outputs, others), (outputs, steps)


def _velocities(velocity, places, owners, fractions, states):
    """At the outputs."""
    return jax.vmap(lambda piece, *at: velocity(_at(places, piece), *at))(owners, fractions, states)


def _velocities_of(fixed, still, owners, given, fractions, states):
    moving, placed = given
    whole = eqx.combine(moving, fixed), eqx.combine(placed, still)
    return _velocities(*whole, owners, fractions, states)


@followed.def_bwd
def _backward(residuals, slopes, perturbed, inputs, forward, tableau):
    outputs, steps = residuals
    velocity, start, places, (owners, fractions) = inputs
    slopes = jnp.zeros_like(outputs) if slopes[0] is None else slopes[0]
    in_velocity, _, in_places, (_, in_fractions) = perturbed
    moving, fixed = eqx.partition(velocity, in_velocity)
    placed, still = eqx.partition(places, in_places)
    rows = steps.states.shape[0]
    given = moving, placed
    if fractions is None:
        felt_slopes, sums = slopes, jax.tree.map(jnp.zeros_like, given)
    else:
        velocities = eqx.Partial(_velocities_of, fixed, still, owners)
        felt_slopes, sums = slopes_that_move(velocities, given, fractions, outputs, slopes)

    def pulled(costate, steps, index, going_on):
        row = index % rows
        state, span, piece = steps.states[row], steps.spans[row], steps.places[row, 0]

        def along(given, time, reached):
            moving, place = given
            place = eqx.combine(place, _at(still, piece))
            return eqx.combine(moving, fixed)(place, time, reached)

        given = moving, _at(placed, piece)

        def taken_again():
            field, ends = eqx.Partial(along, given), tuple(span)
            first = field(span[0], state)
            return increments_of(field, tableau, tableau.num_stages, ends, state, first)[0]

        told = 0 if steps.increments is None else steps.increments.shape[0]
        if told == 0:
            increments = taken_again()
        elif told >= rows:
            increments = Increments.of(state, steps.increments[index % told])
        else:
            # Of several lanes, where all of them have it.
            known = eqxi.unvmap_all((index >= steps.count - told) | ~going_on)
            values = lax.cond(
                known, lambda: steps.increments[index % told], lambda: taken_again().values
            )
            increments = Increments.of(state, values)
        return pulled_through(along, tableau, span, state, increments, costate, given)

    def felt(pending, costate, before):
        """λ before the outputs of which `before` is true, the last of those that remain."""
        return lax.while_loop(
            lambda carry: (carry[0] > 0) & before(jnp.maximum(carry[0] - 1, 0)),
            lambda carry: (carry[0] - 1, carry[1] + felt_slopes[carry[0] - 1]),
            (pending, costate),
        )

    def window(carry):
        index, *others, steps = carry
        first = jnp.maximum(index - rows, 0)

        def back(carry):
            index, pending, costate, sums = carry
            going_on = index > first
            index = index - 1
            piece, saved = steps.places[index % rows]

            def since(output):
                # By its number: times as they were computed here and there may differ by rounding.
                within = (owners[output] == piece) & (output >= saved)
                if fractions is not None:
                    within = within & (fractions[output] > 0.0)
                return (owners[output] > piece) | within

            pending, costate = felt(pending, costate, since)
            costate, added = pulled(costate, steps, index, going_on)
            of_all, of_pieces = sums
            of_all = jax.tree.map(jnp.add, of_all, added[0])
            of_pieces = jax.tree.map(lambda all, own: all.at[piece].add(own), of_pieces, added[1])
            return index, pending, costate, (of_all, of_pieces)

        carry = lax.while_loop(lambda carry: carry[0] > first, back, (index, *others))
        # Those before were written over: they are taken again from the beginning.
        steps = lax.cond(
            eqxi.unvmap_any(first > 0),
            lambda: forward(inputs, Steps.none(start, tableau.num_stages, first))[-1],
            lambda: steps,
        )
        return *carry, steps

    # How many steps and outputs remain, λ, the sums of ∂ℓ/∂w.
    carry = steps.count, jnp.asarray(owners.size), jnp.zeros_like(start), sums, steps
    _, pending, costate, (moving, placed), _ = lax.while_loop(
        lambda carry: carry[0] > 0, window, carry
    )
    _, costate = felt(pending, costate, lambda output: True)
    in_time = None
    if in_fractions:
        rates = _velocities(velocity, places, owners, fractions, outputs)
        in_time = jnp.sum(slopes * rates, axis=1)
    found = moving, costate, placed, (None, in_time)
    return eqxi.nondifferentiable_backward(found, msg=_AGAIN)


def _at(rows, index):
    return jax.tree.map(lambda values: values[index], rows)
