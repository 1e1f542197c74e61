"""Hamiltonian chains that choose how far they go: NUTS."""

from __future__ import annotations

from typing import ClassVar

import equinox as eqx
import jax

from homotopy._checks import fraction, integer
from homotopy.bayesian.kernels import NUTSKernel, blackjax
from homotopy.bayesian.samplers import AbstractMarkovSampler


class NUTS(AbstractMarkovSampler):
    """The no-U-turn sampler, its step and its diagonal of masses tuned in the burn-in.

    Its law is the posterior's, once the chains have mixed; a draw takes many gradients, and is
    nearly independent of the one before.

    Parameters
    ----------
    draws, chains, seed, burn_in, thinning : int
        Recorded draws of each chain, how many chains, their seed; steps of each before the first
        that is recorded, and for each.
    acceptance : float
        In (0, 1), to which the step is tuned: the nearer to one, the smaller are the steps.
    doublings : int
        A path has at most 2^doublings steps.

    Raises
    ------
    ValueError
        Naming the argument.
    ModuleNotFoundError
        Where blackjax is not installed, once it is used.

    References
    ----------
    .. [1] Hoffman, Gelman, "The no-U-turn sampler", 2014.

    Examples
    --------
    >>> import homotopy as hm
    >>> hm.NUTS(draws=500, acceptance=0.9)
    NUTS(draws=500, acceptance=0.9)
    """

    metropolis: ClassVar[bool] = True

    burn_in: int = 500
    acceptance: float = 0.8
    doublings: int = eqx.field(default=10, static=True)

    def __check_init__(self):
        fraction("acceptance", self.acceptance)
        integer("doublings", self.doublings, 1, 15)
        integer("burn_in", self.burn_in, 100)

    @property
    def kernel(self) -> type[NUTSKernel]:
        return NUTSKernel

    def tuned(self, target, positions, keys):
        blackjax()
        size, inverse_mass, positions = _warmed(
            target, positions, keys, self.burn_in, self.acceptance, self.doublings
        )
        return NUTSKernel(size, inverse_mass, self.doublings), positions


@eqx.filter_jit
def _warmed(target, positions, keys, steps, acceptance, doublings):
    library = blackjax()

    def one(position, key):
        warming = library.window_adaptation(
            library.nuts, target.log_density, target_acceptance_rate=acceptance,
            max_num_doublings=doublings,
        )  # fmt: skip
        (state, tuned), _ = warming.run(key, position, num_steps=steps)
        return tuned["step_size"], tuned["inverse_mass_matrix"], state.position

    return jax.vmap(one)(positions, keys)
