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

From piece to piece goes only what has to wait for the state: two products with a rotation. All
else is done for all pieces, or all times, at once.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float, Int

from homotopy._module import Module
from homotopy.modal import ModalForm, Spectrum
from homotopy.numerics.exponentials import decay_integral, divided_difference
from homotopy.numerics.namespace import AnyArray, in_numpy, namespace, scan

_PADDED = 8  # weights whose spectra are found together

Values = Float[Array, " k"] | tuple[float, ...]


def known_values(values: AnyArray) -> Values:
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
    return _passage(modal, origin, start, edges, values).states(times)


@piecewise_states.def_jvp
def _piecewise_states_jvp(primals, tangents):
    d_modal, d_origin, *direction, d_times = tangents
    if jax.tree.leaves((d_modal, d_origin)):
        raise TypeError(
            "the exact flow is differentiable in the schedule, theta0 and the times, not in the "
            "data of the problem; use method=Adaptive() for that."
        )
    *way, times = primals
    passage = _passage(*way)
    return passage.states(times), passage.variation(times, *direction, d_times)


class _Passage(Module):
    """The way of a state through k pieces, which take s different spectra.

    Components are coordinates in the eigenbasis of the piece that they belong to.
    """

    modal: ModalForm
    origin: Float[AnyArray, " d"]
    edges: Float[AnyArray, " edges"]
    weights: Float[AnyArray, " k"]
    which: Int[AnyArray, " k"]  # spectrum of each piece
    rotations: Float[AnyArray, "s d d"]
    rates: Float[AnyArray, "k d"]
    equilibria: Float[AnyArray, "k d"]  # components
    openings: Float[AnyArray, "k d"]  # states where the pieces open
    components: Float[AnyArray, "k d"]  # of these states

    def states(self, times):
        """States at `times`."""
        owner, exponents, _ = self._since_opening(times)
        xp = namespace(exponents)
        components = (
            xp.exp(exponents) * self.components[owner]
            - xp.expm1(exponents) * self.equilibria[owner]
        )
        return self._coordinates(components, owner)

    def variation(self, times, d_start, d_edges, d_values, d_times):
        """Their tangents; None stands for a tangent of zero."""
        owner, exponents, elapsed = self._since_opening(times)
        pieces, lengths = jnp.arange(self.weights.shape[0]), jnp.diff(self.edges)
        jumps, pushes = jnp.zeros_like(self.openings), jnp.zeros_like(self.rates)
        pushed = jnp.zeros_like(exponents)
        if d_edges is not None:
            jumps = d_edges[:-1, None] * self._jumps()
        if isinstance(d_values, jax.Array):  # those of a tuple are constants
            pushes = -d_values[:, None] * self._felt(pieces, lengths)
            pushed = -d_values[owner][:, None] * self._felt(owner, elapsed)

        def cross(variation, piece):
            which, jump, decay, push = piece
            components = self.rotations[which].T @ (variation + jump)
            return self.rotations[which] @ (decay * components + push), components

        at_rest = jnp.zeros_like(self.origin) if d_start is None else d_start
        decays = jnp.exp(-lengths[:, None] * self.rates)
        _, components = lax.scan(cross, at_rest, (self.which, jumps, decays, pushes))
        components = components[owner]
        if d_times is not None:
            # Through the rates, not by H(z − e) at the end, which has a rounding of z times λ_max.
            velocities = self.rates * (self.equilibria - self.components)
            components += d_times[:, None] * velocities[owner]
        return self._coordinates(jnp.exp(exponents) * components + pushed, owner)

    def _since_opening(self, times):
        """The piece of each time, −λt from its opening to there, and that t."""
        # A time at a switch has felt it: the derivative in the switch is the one from the left, as
        # at the horizon it must be (where a switch further right has no effect at all).
        owner = namespace(times).sum(self.edges[None, 1:-1] <= times[:, None], axis=1)
        elapsed = times - self.edges[owner]
        return owner, -elapsed[:, None] * self.rates[owner], elapsed

    def _coordinates(self, components, owner):
        """Modal coordinates from components in the piece `owner`."""
        which = self.which[owner]
        if namespace(components) is np:
            coordinates = np.empty_like(components)
            for index in np.unique(which):
                own = which == index
                coordinates[own] = components[own] @ self.rotations[index].T
            return coordinates
        own = which[:, None] == jnp.arange(self.rotations.shape[0])[None, :]
        # One product with all spectra: to pick a rotation for each time would copy it, and for
        # each schedule under `jax.vmap`.
        padded = jnp.where(own[:, :, None], components[:, None, :], 0.0)
        return jnp.einsum("msj,sij->mi", padded, self.rotations)

    def _jumps(self):
        """Of the variation at the opening of each piece, as it opens later by one; (k, d)."""
        centred = self.openings - self.origin[None, :]
        pulls = self.modal.deleted_residual(centred) @ self.modal.rows
        # Before the first piece nothing moves.
        first = self.modal.eigenvalues * centred[0] + self.weights[0] * pulls[0]
        return jnp.concatenate([first[None, :], jnp.diff(self.weights)[:, None] * pulls[1:]])

    def _felt(self, pieces, durations):
        """∫ e^{−H(t−s)} Bᵀv(s) ds from the opening of a piece on, for many; components (m, d)."""
        observed = jnp.einsum("gj,sji->sgi", self.modal.rows, self.rotations)

        def felt(piece, duration):
            rates, seen = self.rates[piece], observed[self.which[piece]]
            amplitudes = (self.components[piece] - self.equilibria[piece])[:, None] * seen.T
            at_equilibrium = self.modal.equilibrium_residual(self.weights[piece])
            pairs = divided_difference(rates[:, None], rates[None, :], duration)
            steady = decay_integral(rates, duration)[:, None] * at_equilibrium[None, :]
            return jnp.sum(seen.T * (steady + pairs @ amplitudes), axis=1)

        return jax.vmap(felt)(pieces, durations)


def known_piecewise_states(
    modal: ModalForm,
    origin: Float[np.ndarray, " d"],
    start: Float[np.ndarray, " d"],
    edges: Float[np.ndarray, " edges"],
    values: tuple[float, ...],
    times: Float[np.ndarray, " m"],
) -> Float[np.ndarray, "m d"]:
    """As `piecewise_states`, of numbers that are known, in NumPy: nothing is compiled for it."""
    return _passage(modal, origin, start, edges, values).states(times)


def _passage(modal, origin, start, edges, values) -> _Passage:
    """See `piecewise_states`."""
    xp = namespace(start)
    spectra, weights, which = _spectra(modal, values)
    rotations, rates = spectra.rotation, spectra.eigenvalues[which]
    equilibria = origin[None, :] + modal.displacement(weights)
    equilibria = xp.einsum("sji,sj->si", rotations, equilibria)[which]
    exponents = -xp.diff(edges)[:, None] * rates

    def cross(state, piece):
        which, decay, gain = piece
        components = rotations[which].T @ state
        return rotations[which] @ (decay * components + gain), (state, components)

    gains = -xp.expm1(exponents) * equilibria
    _, (openings, components) = scan(cross, start, (which, xp.exp(exponents), gains))
    return _Passage(
        modal,
        origin,
        edges,
        weights[which],
        which,
        rotations,
        rates,
        equilibria,
        openings,
        components,
    )


def _spectra(modal: ModalForm, values: Values):
    """The spectra that a sequence of weights needs, their weights, and which of them each takes."""
    xp, dtype = namespace(modal.eigenvalues), modal.eigenvalues.dtype
    if isinstance(values, tuple) and set(values) <= {0.0, 1.0}:
        deleted = Spectrum(modal.eigenvalues, xp.eye(modal.eigenvalues.shape[0], dtype=dtype))
        both = jax.tree.map(lambda *parts: xp.stack(parts), deleted, modal.full)
        return both, xp.arange(2, dtype=dtype), xp.asarray([int(value) for value in values])
    weights = xp.asarray(values, dtype)
    if xp is np:
        # Several at once, so that schedules of other lengths share a program.
        padded = np.resize(weights, _PADDED * -(-weights.size // _PADDED))
        spectra = in_numpy(_all_spectra(modal, padded))
        spectra = jax.tree.map(lambda part: part[: weights.size], spectra)
    else:
        spectra = jax.vmap(modal.spectrum)(weights)
    return spectra, weights, xp.arange(weights.shape[0])


@eqx.filter_jit
def _all_spectra(modal, weights):
    return jax.vmap(modal.spectrum)(weights)
