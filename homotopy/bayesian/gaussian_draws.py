"""The normal posterior of a linear regression: its moments themselves, or draws from it."""

from __future__ import annotations

from homotopy.bayesian.gaussian import gaussian_posterior
from homotopy.bayesian.kernels import IndependentKernel
from homotopy.bayesian.samplers import AbstractChainSampler, AbstractSampler, for_each


class GaussianMoments(AbstractSampler):
    """No draws: covariances in closed form, of a linear regression and a quadratic measurement.

    β Cov(ℓⱼ, φ) = ∇ℓⱼᵀ(H + δ)⁻¹∇φ + (1/2β) wⱼxⱼᵀ(H + δ)⁻¹∇²φ(H + δ)⁻¹xⱼ at the posterior's mean:
    the damped influence function, and a term that vanishes as β grows (theory §10.2).

    Examples
    --------
    >>> import homotopy as hm
    >>> hm.enable_x64()
    >>> problem = hm.LinearRegression([[1.0], [1.0]], [0.0, 1.0], deleted=1)
    >>> asked = problem, [0.5], lambda theta: theta[0], hm.LocalPosterior(1.0, 2.0)
    >>> hm.bayesian_influence(*asked, sampler=hm.GaussianMoments()).change.tolist()
    [0.125, -0.125]
    """


class GaussianDraws(AbstractChainSampler):
    """Independent draws from the normal posterior of a linear regression: the exact sampler.

    Parameters
    ----------
    draws : int
        Of each chain, at least 16.
    chains : int
        Independent streams: all of them are draws of one law.
    seed : int

    Raises
    ------
    ValueError
        Naming the argument; and `sampler` where it is used on another problem.

    Examples
    --------
    >>> import homotopy as hm
    >>> hm.enable_x64()
    >>> problem = hm.LinearRegression([[1.0], [1.0]], [0.0, 1.0], deleted=1)
    >>> asked = problem, [0.5], lambda theta: theta[0], hm.LocalPosterior(1.0, 2.0)
    >>> found = hm.bayesian_influence(*asked, sampler=hm.GaussianDraws(4000))
    >>> bool(abs(found.change[0] - 0.125) < 4.0 * found.standard_error[0])
    True
    """

    @property
    def kernel(self) -> type[IndependentKernel]:
        return IndependentKernel

    def tuned(self, target, positions, keys):
        law, dtype = gaussian_posterior(target, "GaussianDraws()"), positions.dtype
        mean, deviations = (
            for_each(part, self.chains, dtype) for part in (law.mean, law.deviations)
        )
        return IndependentKernel(mean, deviations), positions
