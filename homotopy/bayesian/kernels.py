"""One step of a chain, a kernel a sampler: pytrees of arrays, so that chains run side by side."""

from __future__ import annotations

import abc

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray, PyTree

from homotopy._module import Module
from homotopy.bayesian.mass import Root, pulled_back, shrunk, stretched
from homotopy.bayesian.posterior import Target


def blackjax():
    """The library of samplers, imported when it is asked for."""
    try:
        import blackjax as library
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "sampler: SGLD(), MALA() and NUTS() need blackjax: pip install 'homotopy[bayesian]'; "
            "GaussianDraws() and GaussianMoments() do without."
        ) from error
    return library


class AbstractKernel(Module):
    """A Markov chain in θ; or several, where its arrays have an axis of chains."""

    @abc.abstractmethod
    def begin(self, target: Target, theta: Float[Array, " d"]) -> PyTree:
        """The chain's state at θ; the same wherever it is begun anew."""

    @abc.abstractmethod
    def step(
        self, target: Target, state: PyTree, key: PRNGKeyArray
    ) -> tuple[PyTree, Float[Array, ""]]:
        """The next state, and the probability with which it was accepted."""

    def position(self, state: PyTree) -> Float[Array, " d"]:
        """θ."""
        return state.position


class IndependentKernel(AbstractKernel):
    """θ = μ + Lξ, whatever came before."""

    mean: Float[Array, "*c d"]
    deviations: Float[Array, "*c d d"]

    def begin(self, target, theta):
        return theta

    def position(self, state):
        return state

    def step(self, target, state, key):
        noise = jax.random.normal(key, self.mean.shape, self.mean.dtype)
        return self.mean + self.deviations @ noise, jnp.ones((), self.mean.dtype)


class SGLDKernel(AbstractKernel):
    """θ + (η/2)M⁻¹ĝ + √η M^{−1/2}ξ, ĝ an estimate of ∇ log p: its state is A⁻¹θ, AAᵀ = M⁻¹."""

    step_size: Float[Array, "*c"]
    batch_size: int | None = eqx.field(static=True)
    root: Root = None

    def begin(self, target, theta):
        return shrunk(self.root, theta)

    def position(self, state):
        return stretched(self.root, state)

    def step(self, target, state, key):
        batch, noise = jax.random.split(key)

        def gradient(z, minibatch):
            theta = stretched(self.root, z)
            found = target.gradient_estimate(theta, minibatch, self.batch_size)
            return pulled_back(self.root, found)

        # Blackjax's step is half of η.
        moved = blackjax().sgld(gradient).step(noise, state, batch, 0.5 * self.step_size)
        return moved, jnp.ones((), state.dtype)


class MALAKernel(AbstractKernel):
    """A step of SGLD with all points, and the test of Metropolis."""

    step_size: Float[Array, "*c"]
    root: Root = None

    def begin(self, target, theta):
        return self._algorithm(target).init(shrunk(self.root, theta))

    def position(self, state):
        return stretched(self.root, state.position)

    def step(self, target, state, key):
        state, told = self._algorithm(target).step(key, state)
        return state, told.acceptance_rate

    def _algorithm(self, target):
        def log_density(z):
            return target.log_density(stretched(self.root, z))

        return blackjax().mala(log_density, 0.5 * self.step_size)


class NUTSKernel(AbstractKernel):
    """Hamiltonian paths that end where they turn."""

    step_size: Float[Array, "*c"]
    inverse_mass: Float[Array, "*c d"]
    doublings: int = eqx.field(static=True)

    def begin(self, target, theta):
        return self._algorithm(target).init(theta)

    def step(self, target, state, key):
        state, told = self._algorithm(target).step(key, state)
        return state, told.acceptance_rate

    def _algorithm(self, target):
        return blackjax().nuts(
            target.log_density, self.step_size, self.inverse_mass,
            max_num_doublings=self.doublings,
        )  # fmt: skip
