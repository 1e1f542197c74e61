"""What every sampler of a posterior is asked for."""

from __future__ import annotations

import abc
from typing import ClassVar

import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from homotopy._checks import integer
from homotopy._display import DisplayedByFields
from homotopy._module import Module
from homotopy.bayesian.chains import walk
from homotopy.bayesian.kernels import AbstractKernel
from homotopy.bayesian.posterior import Target

_FEWEST = 16  # draws of a chain: with fewer there are no errors to speak of


class AbstractSampler(DisplayedByFields, Module):
    """A way to find expectations under a posterior."""


class AbstractChainSampler(AbstractSampler):
    """Chains that draw from a posterior, side by side.

    Attributes
    ----------
    draws : int
        Recorded of each chain, at least 16.
    chains : int
    seed : int
        The same seed gives the same chains.
    """

    exact: ClassVar[bool] = True  # whether draws have the posterior's law, once chains have mixed
    metropolis: ClassVar[bool] = False  # whether steps may be refused
    tunes_together: ClassVar[bool] = False  # whether all chains share what the burn-in finds

    draws: int = 1000
    chains: int = 4
    seed: int = 0

    def __check_init__(self):
        integer("draws", self.draws, _FEWEST)
        integer("chains", self.chains, 1)
        integer("seed", self.seed, 0)

    @property
    @abc.abstractmethod
    def kernel(self) -> type[AbstractKernel]:
        """The kind of its chains."""

    @property
    def steps(self) -> int:
        """For each draw that is recorded."""
        return 1

    @abc.abstractmethod
    def tuned(
        self, target: Target, positions: Float[Array, "c d"], keys: Key[Array, " c"]
    ) -> tuple[AbstractKernel, Float[Array, "c d"]]:
        """The kernels of the chains, and where they are after their burn-in."""


class AbstractMarkovSampler(AbstractChainSampler):
    """Chains whose next draw follows from the last.

    Attributes
    ----------
    burn_in : int
        Steps of each chain before the first that is recorded.
    thinning : int
        Steps for each draw that is recorded.
    """

    burn_in: int = 1000
    thinning: int = 1

    def __check_init__(self):
        integer("burn_in", self.burn_in, 0)
        integer("thinning", self.thinning, 1)

    @property
    def steps(self) -> int:
        return self.thinning

    def walked(self, kernel, target, positions, keys):
        """After the burn-in, where it needs no tuning."""
        if self.burn_in == 0:
            return positions
        return walk(kernel, target, positions, keys, self.burn_in)


def for_each(value, count: int, dtype) -> Float[Array, "c ..."]:
    """The same number or array for every chain."""
    array = jnp.asarray(value, dtype)
    return jnp.broadcast_to(array, (count, *array.shape))
