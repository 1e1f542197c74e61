"""Langevin chains: SGLD, whose error is that of its step, and MALA, which has none."""

from __future__ import annotations

from typing import ClassVar

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from homotopy._checks import fraction, integer, positive
from homotopy.bayesian.chains import apart, tuned_walk
from homotopy.bayesian.kernels import MALAKernel, SGLDKernel, blackjax
from homotopy.bayesian.mass import Root, checked_inverse_mass, root_of
from homotopy.bayesian.posterior import Target, largest_curvature
from homotopy.bayesian.samplers import AbstractMarkovSampler, for_each

InverseMass = Float[Array | np.ndarray, " d"] | Float[Array | np.ndarray, "d d"] | None
_SHARE = 0.02  # of the largest stable step, by default: variances are up to 2 % too large


def largest_stable_step(target: Target, root: Root = None) -> float:
    """4/q: past it θ ↦ θ − (η/2)∇ moves away from the centre faster than it came."""
    return 4.0 / float(largest_curvature(target, root))


def of_chains(root: Root, count: int):
    """The same for every chain."""
    return None if root is None else for_each(root, count, root.dtype)


class SGLD(AbstractMarkovSampler):
    """Stochastic gradient Langevin dynamics, θ ← θ + (η/2)ĝ + √η ξ; of all points, unadjusted.

    It is not tested against the density, and its law is not the posterior's: of a quadratic risk
    the variance along an eigenvector of the precision q is 1/(q(1 − ηq/4)), unstable from η = 4/q
    on, and gradients of batches add η²/4 of their own variance to the noise η (theory §10.4).

    Parameters
    ----------
    draws, chains, seed, burn_in, thinning : int
        Recorded draws of each chain, how many chains, their seed; steps of each before the first
        that is recorded, and for each.
    step_size : float, optional
        η; twice the step of blackjax. By default one fiftieth of 4/q, q an estimate of the largest
        curvature of −log p at θ: no variance is then more than about 2 % too large.
    batch_size : int, optional
        Points drawn with replacement for each gradient; all of them by default.
    inverse_mass : (d,) or (d, d), optional
        M⁻¹, its diagonal or all of it: noise has the covariance ηM⁻¹, and gradients are multiplied
        with it. With the covariance of the posterior, or what is like it, as the inverse of
        β(H + δ), steps are as long in flat directions as they are there wide: chains mix as if its
        condition were one. The identity by default.

    Raises
    ------
    ValueError
        Naming the argument; `step_size` too where it is not below 4/q, once it is used.
    ModuleNotFoundError
        Where blackjax is not installed, once it is used.

    References
    ----------
    .. [1] Welling, Teh, "Bayesian learning via stochastic gradient Langevin dynamics", 2011.

    Examples
    --------
    >>> import homotopy as hm
    >>> hm.SGLD(step_size=1e-3, draws=2000, batch_size=32)
    SGLD(draws=2000, step_size=0.001, batch_size=32)
    """

    exact: ClassVar[bool] = False

    thinning: int = 10
    step_size: float | None = None
    batch_size: int | None = eqx.field(default=None, static=True)
    inverse_mass: InverseMass = eqx.field(default=None, converter=checked_inverse_mass)

    def __check_init__(self):
        if self.step_size is not None:
            positive("step_size", self.step_size)
        if self.batch_size is not None:
            integer("batch_size", self.batch_size, 1)

    @property
    def kernel(self) -> type[SGLDKernel]:
        return SGLDKernel

    def tuned(self, target, positions, keys):
        blackjax()
        root = root_of(self.inverse_mass, positions.shape[1], positions.dtype)
        largest = largest_stable_step(target, root)
        size = _SHARE * largest if self.step_size is None else self.step_size
        if size >= largest:
            raise ValueError(
                f"step_size: expected less than 4/q = {largest:.3g}, q the largest curvature of "
                f"the posterior at theta, from where chains leave it, got {size:g}."
            )
        dtype = positions.dtype
        sizes, roots = for_each(size, self.chains, dtype), of_chains(root, self.chains)
        kernel = SGLDKernel(sizes, self.batch_size, roots)
        return kernel, self.walked(kernel, target, positions, keys)


class MALA(AbstractMarkovSampler):
    """The Metropolis-adjusted Langevin algorithm: steps of SGLD that are accepted or refused.

    Its law is the posterior's, whatever the step, once the chains have mixed.

    Parameters
    ----------
    draws, chains, seed, burn_in, thinning : int
        Recorded draws of each chain, how many chains, their seed; steps of each before the first
        that is recorded, and for each.
    step_size : float, optional
        η; twice the step of blackjax. By default it is tuned in the burn-in, to the acceptance.
    acceptance : float
        In (0, 1), for that.
    inverse_mass : (d,) or (d, d), optional
        M⁻¹, its diagonal or all of it: noise has the covariance ηM⁻¹, and gradients are multiplied
        with it. With the covariance of the posterior, or what is like it, as the inverse of
        β(H + δ), steps are as long in flat directions as they are there wide: chains mix as if its
        condition were one. The identity by default.

    Raises
    ------
    ValueError
        Naming the argument.
    ModuleNotFoundError
        Where blackjax is not installed, once it is used.

    References
    ----------
    .. [1] Roberts, Tweedie, "Exponential convergence of Langevin distributions and their discrete
       approximations", 1996.

    Examples
    --------
    >>> import homotopy as hm
    >>> hm.MALA(draws=500)
    MALA(draws=500)
    """

    metropolis: ClassVar[bool] = True
    tunes_together: ClassVar[bool] = True

    thinning: int = 10
    step_size: float | None = None
    acceptance: float = 0.574  # at which chains in many dimensions move fastest
    inverse_mass: InverseMass = eqx.field(default=None, converter=checked_inverse_mass)

    def __check_init__(self):
        if self.step_size is not None:
            positive("step_size", self.step_size)
        elif self.burn_in < 100:
            raise ValueError(
                "burn_in: expected at least 100 steps in which step_size is tuned, got "
                f"{self.burn_in}; or give step_size."
            )
        fraction("acceptance", self.acceptance)

    @property
    def kernel(self) -> type[MALAKernel]:
        return MALAKernel

    def tuned(self, target, positions, keys):
        blackjax()
        dtype = positions.dtype
        root = root_of(self.inverse_mass, positions.shape[1], dtype)
        roots = of_chains(root, self.chains)
        if self.step_size is not None:
            kernel = MALAKernel(for_each(self.step_size, self.chains, dtype), roots)
            return kernel, self.walked(kernel, target, positions, keys)
        first = 0.25 * largest_stable_step(target, root) / positions.shape[1] ** (1.0 / 3.0)
        kernel = MALAKernel(for_each(first, self.chains, dtype), roots)
        steps = self.burn_in // 2
        positions, size = tuned_walk(
            kernel, target, positions, keys, steps, jnp.asarray(self.acceptance, dtype)
        )
        kernel = MALAKernel(for_each(size, self.chains, dtype), roots)
        return kernel, self.walked(kernel, target, positions, apart(keys, 1))
