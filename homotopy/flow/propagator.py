"""θ(t) under piecewise-constant weights, exactly, with exact first derivatives.

On a piece where ε is constant the flow is z(t) = e + W e^{−λ(t−t₀)} Wᵀ(z(t₀) − e), with H_ε =
W diag(λ) Wᵀ and e its equilibrium: only decaying exponentials (theory §3). The derivative is
written by hand as the Eulerian variation η(t), the change of the state at a fixed time:

- a switch time t_k moved by δ:  η jumps by (ε_k − ε_{k−1}) Bᵀv(t_k) δ, with v the deleted residual
  (so dℰ/dt_k = (ε_k − ε_{k−1}) σ v, the switching function, without the cancellation of two large
  velocities that differentiating the formula would have);
- a value ε_k moved by δ:  η gains −δ ∫ e^{−H(t−s)} Bᵀv(s) ds, by divided differences
  (Daleckii–Krein), never through the derivative of an eigendecomposition.

Being linear in its tangents, the rule serves forward and reverse mode alike.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float

from homotopy.modal import ModalForm, Spectrum
from homotopy.numerics.exponentials import decay_integral, divided_difference

Values = Float[Array, " k"] | tuple[float, ...]


def known_values(values: Array | np.ndarray) -> Values:
    """Weights in the form `piecewise_states` takes: a tuple where they are known ahead."""
    return tuple(values.tolist()) if isinstance(values, np.ndarray) else values


@eqx.filter_custom_jvp
def piecewise_states(
    modal: ModalForm,
    origin: Float[Array, " d"],
    start: Float[Array, " d"],
    edges: Float[Array, " edges"],
    values: Values,
    times: Float[Array, " m"],
) -> Float[Array, "m d"]:
    """States z(t) at `times` of the flow that starts at `start` at time edges[0].

    Parameters
    ----------
    modal : ModalForm
        Its data are constants: a derivative in them is refused.
    origin : (d,)
        What stands for α: `modal.equilibrium` for coordinates of θ, zeros for those of z − α,
        which keep the relative accuracy of a small distance to the deleted fit.
    start : (d,)
        z at edges[0].
    edges : (k+1,)
        Ascending; piece i is [edges[i], edges[i+1]].
    values : (k,)
        Weight of each piece. A tuple says that they are known ahead: if all are 0 or 1 then the
        stored spectra serve, and no eigenproblem is solved.
    times : (m,)
        In [edges[0], edges[-1]]. At an edge the two pieces agree.
    """
    return _sweep(modal, origin, start, edges, values, times)[0]


@piecewise_states.def_jvp
def _piecewise_states_jvp(primals, tangents):
    d_modal, d_origin, *direction = tangents
    if jax.tree.leaves((d_modal, d_origin)):
        raise TypeError(
            "the exact flow is differentiable in the schedule, theta0 and the times, not in the "
            "data of the problem; use method=Adaptive() for that."
        )
    return _sweep(*primals, direction)


def _spectra(modal: ModalForm, values: Values) -> tuple[Spectrum, Array]:
    """The spectra that a sequence of weights needs, stacked, and which of them each one uses."""
    if isinstance(values, tuple) and set(values) <= {0.0, 1.0}:
        size, dtype = modal.eigenvalues.shape[0], modal.eigenvalues.dtype
        deleted = Spectrum(modal.eigenvalues, jnp.eye(size, dtype=dtype))
        both = jax.tree.map(lambda *parts: jnp.stack(parts), deleted, modal.full)
        return both, jnp.asarray([int(value) for value in values])
    weights = jnp.asarray(values, modal.eigenvalues.dtype)
    return jax.vmap(modal.spectrum)(weights), jnp.arange(weights.shape[0])


def _velocity(modal, centred, epsilon):
    """ż at z − α under the weight ε."""
    residual = modal.deleted_residual(centred)
    return -modal.eigenvalues * centred - epsilon * (modal.rows.T @ residual)


def _sweep(modal, origin, start, edges, values, times, direction=None):
    """States at `times`; and their tangents, along that of (start, edges, values, times)."""
    spectra, which = _spectra(modal, values)
    values = jnp.asarray(values, start.dtype)
    pieces = values.shape[0]
    # A time at a switch has felt it: the derivative in the switch is the one from the left, as at
    # the horizon it must be (where a switch further right has no effect at all).
    owner = jnp.clip(jnp.searchsorted(edges, times, side="right") - 1, 0, pieces - 1)
    d_start, d_edges, d_values, d_times = direction or (None,) * 4
    d_values = d_values if isinstance(d_values, jax.Array) else None  # a tuple's are constants

    def piece(carry, index):
        state, outputs, variation, d_outputs = carry
        value, opening = values[index], edges[index]
        rates, rotation = jax.tree.leaves(jax.tree.map(lambda part: part[which[index]], spectra))
        from_state = rotation.T @ state
        from_equilibrium = rotation.T @ (origin + modal.displacement(value))
        inside = owner == index
        durations = jnp.where(inside, times - opening, 0.0)
        # The last instant of the piece is where the next one starts.
        durations = jnp.append(durations, edges[index + 1] - opening)
        exponents = -durations[:, None] * rates[None, :]
        states = (
            jnp.exp(exponents) * from_state[None, :]
            - jnp.expm1(exponents) * from_equilibrium[None, :]
        ) @ rotation.T
        outputs = jnp.where(inside[:, None], states[:-1], outputs)
        if direction is None:
            return (states[-1], outputs, None, None), None

        if d_edges is not None:
            jump = (value - values[jnp.maximum(index - 1, 0)]) * (
                modal.rows.T @ modal.deleted_residual(state - origin)
            )
            jump = jnp.where(index == 0, -_velocity(modal, state - origin, value), jump)
            variation = variation + jump * d_edges[index]
        variations = (jnp.exp(exponents) * (rotation.T @ variation)[None, :]) @ rotation.T
        if d_values is not None:
            observed = modal.rows @ rotation
            amplitudes = (from_state - from_equilibrium)[:, None] * observed.T
            at_equilibrium = modal.equilibrium_residual(value)

            def felt(duration):
                """∫ e^{−H(t−s)} Bᵀv(s) ds over the piece so far, in the eigenbasis."""
                pairs = divided_difference(rates[:, None], rates[None, :], duration)
                steady = decay_integral(rates, duration)[:, None] * at_equilibrium[None, :]
                return jnp.sum(observed.T * (steady + pairs @ amplitudes), axis=1)

            variations -= d_values[index] * (jax.vmap(felt)(durations) @ rotation.T)
        d_states = variations[:-1]
        if d_times is not None:
            # Through the rates, not by H(z − e) at the end, which has a rounding of z times λ_max.
            opening_velocity = rates * (from_equilibrium - from_state)
            velocities = (jnp.exp(exponents[:-1]) * opening_velocity[None, :]) @ rotation.T
            d_states += d_times[:, None] * velocities
        d_outputs = jnp.where(inside[:, None], d_states, d_outputs)
        return (states[-1], outputs, variations[-1], d_outputs), None

    empty = jnp.zeros((times.shape[0], start.shape[0]), start.dtype)
    at_rest = jnp.zeros_like(start) if d_start is None else d_start
    carry = (start, empty) + ((None, None) if direction is None else (at_rest, empty))
    (_, outputs, _, d_outputs), _ = lax.scan(piece, carry, jnp.arange(pieces))
    return outputs, d_outputs
