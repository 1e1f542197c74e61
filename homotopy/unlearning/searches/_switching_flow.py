"""ℰ of bang-bang schedules with its exact gradient and Hessian, in the lengths of their arcs.

Between s and T such a schedule is a sequence of arcs on which ε = 1, 0, 1, 0, ... in turn; arcs of
no length are allowed, so that every bang-bang schedule in E_s has this form. On each arc the flow
is known in closed form (theory §3). With J_j = (ε⁺ − ε⁻)Bᵀv the change of velocity at the j-th
switch, and K_j what becomes of it at T,

    ∂ℰ/∂t_j = (ε⁺ − ε⁻) σ·v        ∂²ℰ/∂t_i∂t_j = K_i·K_j + (ε⁺ − ε⁻)_j σ_j·Bη_i(t_j),  i < j,
    ∂²ℰ/∂t_j² = ‖K_j‖² + (ε⁺ − ε⁻)(σ̇⁺·v + σ·v̇⁻),

where η_i(t_j) is what becomes of J_i at t_j. No differences, no quadrature.
"""

from __future__ import annotations

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float

from homotopy.modal import ModalForm, Spectrum
from homotopy.unlearning.deletion import Deletion


class SwitchingFlow(eqx.Module):
    """The deletion problem for weights 0 and 1, in modal coordinates centred at the deleted fit.

    Attributes
    ----------
    rates, full_rates : (d,)
        Eigenvalues of M and of H.
    rotation : (d, d)
        Eigenvectors of H.
    rows : (g, d), residual : (g,)
        The deleted residual is v = rows·u − residual.
    limit : (d,)
        Where the flow of ε = 1 tends to, in the eigenbasis of H.
    opening, goal : (d,)
        The state at s, and where it should be at T.
    span : ()
        T − s.
    """

    rates: Float[Array, " d"]
    full_rates: Float[Array, " d"]
    rotation: Float[Array, "d d"]
    rows: Float[Array, "g d"]
    residual: Float[Array, " g"]
    limit: Float[Array, " d"]
    opening: Float[Array, " d"]
    goal: Float[Array, " d"]
    span: Float[Array, ""]

    def cost(self, arcs: Float[Array, " arcs"]) -> Float[Array, ""]:
        """ℰ for arc lengths (2k,) of ε = 1, 0, 1, 0, ..., which add up to T − s."""
        return 0.5 * jnp.sum((self._forwards(arcs) - self.goal) ** 2)

    def needle_gains(
        self, arcs: Float[Array, " arcs"], times: Float[Array, " m"]
    ) -> Float[Array, " m"]:
        """φ(1 − 2ε) at times after s: how fast ℰ falls as the weight is turned over around them.

        Pontryagin's condition is that none of it is positive.
        """
        begins = jnp.cumsum(arcs) - arcs
        distance = self._forwards(arcs) - self.goal

        def gain(time):
            before = jnp.clip(time - begins, 0.0, arcs)
            residual = self.rows @ self._forwards(before) - self.residual
            sigma = self.rows @ self._backwards(distance, self._decays(_pairs(arcs - before)))[0]
            ahead = jnp.sum(begins < time) - 1  # arcs of no length are stepped over
            return jnp.sum(sigma * residual) * jnp.where(ahead % 2 == 0, -1.0, 1.0)

        return jax.vmap(gain)(times)

    def _forwards(self, arcs):
        """The state after some arcs."""

        def pair(state, decays):
            return decays[2] * self._with(state[:, None], decays)[:, 0], None

        return lax.scan(pair, self.opening, self._decays(_pairs(arcs)))[0]

    def _backwards(self, costate, decays):
        """The costate before some arcs, and those met on the way: before ε = 0 and at its end."""

        def pair(costate, decays):
            before = decays[2] * costate
            turned = decays[0] * (self.rotation.T @ before)
            return self.rotation @ turned, jnp.stack([before, costate])

        return lax.scan(pair, costate, decays, reverse=True)

    def _decays(self, lengths):
        """e^{−λt} and what ε = 1 adds to a state, in its eigenbasis; and e^{−λt} for ε = 0."""
        exponents = -lengths[:, :1] * self.full_rates[None, :]
        gained = -jnp.expm1(exponents) * self.limit[None, :]
        return jnp.exp(exponents), gained, jnp.exp(-lengths[:, 1:] * self.rates[None, :])

    def _with(self, columns, decays):
        """The flow of ε = 1 for some time: of a state in the first column, of variations after."""
        turned = decays[0][:, None] * (self.rotation.T @ columns)
        # A product, not `.at[:, 0].add`: scatters are slow.
        state_alone = jnp.eye(1, columns.shape[1], dtype=columns.dtype)
        return self.rotation @ (turned + decays[1][:, None] * state_alone)

    def derivatives(
        self, arcs: Float[Array, " arcs"]
    ) -> tuple[Float[Array, ""], Float[Array, " arcs"], Float[Array, "arcs arcs"]]:
        """ℰ, and its first two derivatives in the arc lengths with T left free to follow.

        Only differences of the gradient's entries mean something as long as the lengths add up to
        T − s, and likewise for the Hessian: the last arc's are zero.
        """
        count = arcs.shape[0]
        decays = self._decays(_pairs(arcs))
        # What follows the last arc is no switch.
        jumps = np.append(np.resize([-1.0, 1.0], count - 1), 0.0)
        places = jnp.eye(count, count + 1, 1, dtype=arcs.dtype).reshape(-1, 2, count + 1)

        def kick(columns, jump, place):
            """A switch: what it meets, and its own variation in the column that is kept for it."""
            state, variations = columns[:, 0], columns[:, 1:]
            residual = self.rows @ state - self.residual
            change = jump * (self.rows.T @ residual)
            columns = columns + change[:, None] * place[None, :]
            return columns, (state, residual, self.rows @ variations)

        def forwards(columns, pair):
            decays, jumps, places = pair
            columns = self._with(columns, decays)
            columns, first = kick(columns, jumps[0], places[0])
            columns = decays[2][:, None] * columns
            columns, second = kick(columns, jumps[1], places[1])
            return columns, tuple(jnp.stack(both) for both in zip(first, second, strict=True))

        columns = self.opening[:, None] * jnp.eye(1, count + 1, dtype=arcs.dtype)
        columns, met = lax.scan(forwards, columns, (decays, jumps.reshape(-1, 2), places))
        states, residuals, felt = (part.reshape(count, *part.shape[2:]) for part in met)
        distance, at_end = columns[:, 0] - self.goal, columns[:, 1:]

        _, costates = self._backwards(distance, decays)
        costates = costates.reshape(count, -1)
        sigma = costates @ self.rows.T
        gradient = jumps * jnp.sum(sigma * residuals, axis=1)
        cross = jumps[:, None] * jnp.sum(sigma[:, :, None] * felt, axis=1)
        cross = jnp.tril(cross, -1)
        drift = (costates * self.rates[None, :]) @ self.rows.T * residuals
        drift -= sigma * ((states * self.rates[None, :]) @ self.rows.T)
        drift += jumps[:, None] * sigma * (residuals @ (self.rows @ self.rows.T))
        own = jumps * jnp.sum(drift, axis=1)
        hessian = at_end.T @ at_end + cross + cross.T + jnp.diag(own)
        # From switch times to arc lengths: each length moves all the switches after it.
        gradient, hessian = _sums_after(gradient), _sums_after(_sums_after(hessian).T)
        return 0.5 * jnp.sum(distance**2), gradient, hessian


def _pairs(arcs):
    return arcs.reshape(-1, 2)


def _sums_after(values):
    return jnp.cumsum(values[::-1], axis=0)[::-1]


class SwitchingData(NamedTuple):
    """The numbers of a deletion problem that the switching flow is made of, as they are stored.

    Those of the modal form have its names.
    """

    eigenvalues: Float[Array, " d"]
    full: Spectrum
    rows: Float[Array, "g d"]
    residual: Float[Array, " g"]
    leverages: Float[Array, " m"]
    mode_residuals: Float[Array, " m"]
    modes: Float[Array, "d m"]
    kernel_offset: Float[Array, " d"]
    centred_start: Float[Array, " d"]
    goal: Float[Array, " d"]
    start: Float[Array, ""]
    horizon: Float[Array, ""]


def switching_data(deletion: Deletion) -> SwitchingData:
    """Those of a deletion problem."""
    modal = deletion.problem.modal
    own = (deletion.centred_start, deletion._goal, deletion.start, deletion.horizon)
    names = SwitchingData._fields[: -len(own)]
    return SwitchingData(*(getattr(modal, name) for name in names), *own)


def switching_flow(data: SwitchingData) -> SwitchingFlow:
    """The flow from s to T, from the state that training with all the data has reached at s."""
    rates, rotation = data.full.eigenvalues, data.full.rotation
    limit = rotation.T @ ModalForm.displacement(data, jnp.ones((), rates.dtype))
    decay = -rates * data.start
    turned = jnp.exp(decay) * (rotation.T @ data.centred_start) - jnp.expm1(decay) * limit
    return SwitchingFlow(
        rates=data.eigenvalues,
        full_rates=rates,
        rotation=rotation,
        rows=data.rows,
        residual=data.residual,
        limit=limit,
        opening=rotation @ turned,
        goal=data.goal,
        span=data.horizon - data.start,
    )
