"""Chains side by side: what is recorded of each draw, in blocks, so that they can be gone on."""

from __future__ import annotations

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, Key

from homotopy._display import DisplayedByFields
from homotopy._module import Module
from homotopy.bayesian.gaussian import flat_measurement
from homotopy.bayesian.kernels import AbstractKernel
from homotopy.bayesian.posterior import Target
from homotopy.measurements import AbstractMeasurement, PointLosses

_NUMBERS = 2**22  # recorded in a block, at most
_BLOCK = 250  # draws of each chain in a block, at most: an interruption loses no more


class Chains(DisplayedByFields, Module):
    """What chains have recorded, from which covariances are computed and which can be gone on.

    Attributes
    ----------
    losses : (chains, draws, n)
        ℓᵢ of every point at each draw.
    measured : (chains, draws, m), optional
        The measurement, flat; None where it is the losses themselves.
    risks : (chains, draws)
        R(θ; w) at each draw.
    positions : (chains, d)
        Of the last draws.
    mean, spread : (chains, d)
        Of all draws: the mean of θ − θ_ref, and the sum of the squared distances from it.
    acceptance : (chains,)
        The mean probability with which steps were accepted.
    kernel : AbstractKernel
        The sampler as it was tuned, its arrays with an axis of chains.
    target : (d + 2,)
        θ_ref, β and γ, which chains that are gone on must share.
    seed : ()
    """

    losses: Float[Array | np.ndarray, "c t n"]
    measured: Float[Array | np.ndarray, "c t m"] | None
    risks: Float[Array | np.ndarray, "c t"]
    positions: Float[Array, "c d"]
    mean: Float[Array, "c d"]
    spread: Float[Array, "c d"]
    acceptance: Float[Array, " c"]
    kernel: AbstractKernel
    target: Float[Array, " k"]
    seed: Int[Array, ""]

    @property
    def count(self) -> int:
        """Of chains."""
        return self.losses.shape[0]

    @property
    def draws(self) -> int:
        """Of each chain."""
        return self.losses.shape[1]

    @property
    def outputs(self) -> Float[Array | np.ndarray, "c t m"]:
        """The measurement at each draw."""
        return self.losses if self.measured is None else self.measured


class Running(NamedTuple):
    """Of each chain: where it is, and its moments so far."""

    positions: Float[Array, "c d"]
    mean: Float[Array, "c d"]
    spread: Float[Array, "c d"]
    accepted: Float[Array, " c"]


def chain_keys(seed: int, count: int) -> Key[Array, " c"]:
    """A stream of random numbers for each chain."""
    return _chain_keys(jnp.asarray(seed), count)


@eqx.filter_jit
def _chain_keys(seed, count):
    return jax.vmap(lambda chain: jax.random.fold_in(jax.random.key(seed), chain))(
        jnp.arange(count)
    )


@eqx.filter_jit
def apart(keys: Key[Array, " c"], number: int) -> Key[Array, " c"]:
    """Other streams than those of the draws, which are numbered from 0."""
    return jax.vmap(lambda key: jax.random.fold_in(key, 2**32 - 1 - number))(keys)


@eqx.filter_jit
def recorded_at(
    target: Target, measurement: AbstractMeasurement, positions: Float[Array, "c d"]
) -> tuple[Float[Array, "c n"], Float[Array, "c m"]]:
    """The losses of all points, and what is measured, where the chains are."""
    function = flat_measurement(measurement, target.problem)
    return jax.vmap(target.problem.losses)(positions), jax.vmap(function)(positions)


def at_rest(positions: Float[Array, "c d"]) -> Running:
    """Chains that have drawn nothing yet."""
    zero = jnp.zeros_like(positions)
    return Running(positions, zero, zero, zero[:, 0])


def block_size(n: int, outputs: int, chains: int, draws: int) -> int:
    """Draws of each chain that are recorded by one program."""
    return max(1, min(_BLOCK, draws, _NUMBERS // (chains * (n + outputs + 1))))


@eqx.filter_jit
def draw_block(
    kernel: AbstractKernel,
    target: Target,
    measurement: AbstractMeasurement,
    running: Running,
    keys: Key[Array, " c"],
    first: Int[Array, ""],
    count: int,
    thinning: int,
):
    """So many draws of every chain from draw `first` on: where they are, and what is recorded.

    The random numbers of a draw follow from the chain and the draw alone, so that chains that are
    gone on are those of one longer run.
    """
    shared = isinstance(measurement, PointLosses)
    function = flat_measurement(measurement, target.problem)

    def chain(kernel, position, mean, spread, accepted, key):
        def step(carry, key):
            state, accepted = carry
            state, chance = kernel.step(target, state, key)
            return (state, accepted + chance), None

        def draw(carry, number):
            state, mean, spread, accepted = carry
            here = jax.random.split(jax.random.fold_in(key, number), thinning)
            (state, accepted), _ = jax.lax.scan(step, (state, accepted), here)
            theta = kernel.position(state)
            away = theta - target.centre - mean
            mean = mean + away / (number + 1)
            spread = spread + away * (theta - target.centre - mean)
            losses = target.problem.losses(theta)
            risk = jnp.sum(target.weights * losses) + target.problem.penalty(theta)
            recorded = losses, risk, None if shared else function(theta)
            return (state, mean, spread, accepted), recorded

        begun = kernel.begin(target, position), mean, spread, accepted
        ended, recorded = jax.lax.scan(draw, begun, first + jnp.arange(count))
        state, *moments = ended
        return Running(kernel.position(state), *moments), recorded

    return jax.vmap(chain)(kernel, *running, keys)


@eqx.filter_jit
def walk(
    kernel: AbstractKernel,
    target: Target,
    positions: Float[Array, "c d"],
    keys: Key[Array, " c"],
    count: int,
) -> Float[Array, "c d"]:
    """So many steps that are not recorded."""

    def chain(kernel, position, key):
        def step(state, key):
            return kernel.step(target, state, key)[0], None

        state, _ = jax.lax.scan(step, kernel.begin(target, position), jax.random.split(key, count))
        return kernel.position(state)

    return jax.vmap(chain)(kernel, positions, keys)


@eqx.filter_jit
def tuned_walk(
    kernel: AbstractKernel,
    target: Target,
    positions: Float[Array, "c d"],
    keys: Key[Array, " c"],
    count: int,
    wanted: Float[Array, ""],
) -> tuple[Float[Array, "c d"], Float[Array, ""]]:
    """As `walk`, and the step size at which steps are accepted as often as wanted.

    Robbins–Monro on log η, of the mean over the chains; the mean of its second half is taken.
    """

    def with_size(logarithm):
        sizes = jnp.broadcast_to(jnp.exp(logarithm), kernel.step_size.shape)
        return eqx.tree_at(lambda k: k.step_size, kernel, sizes)

    def step(carry, number):
        states, logarithm, total = carry
        here = jax.vmap(lambda key: jax.random.fold_in(key, number))(keys)
        states, chances = jax.vmap(lambda k, s, key: k.step(target, s, key))(
            with_size(logarithm), states, here
        )
        chance = jnp.mean(jnp.where(jnp.isfinite(chances), chances, 0.0))
        logarithm = logarithm + (number + 1.0) ** -0.6 * (chance - wanted)
        total = total + jnp.where(number >= count - count // 2, logarithm, 0.0)
        return (states, logarithm, total), None

    begun = jax.vmap(lambda k, position: k.begin(target, position))(kernel, positions)
    start = begun, jnp.log(kernel.step_size[0]), jnp.zeros((), positions.dtype)
    (states, logarithm, total), _ = jax.lax.scan(step, start, jnp.arange(count))
    mean = jnp.where(count >= 2, total / max(1, count // 2), logarithm)
    positions = jax.vmap(lambda k, state: k.position(state))(kernel, states)
    return positions, jnp.exp(mean)
