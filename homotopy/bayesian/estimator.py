"""Bayesian influence as an estimator of the change of θ on deletion, for `predict`."""

from __future__ import annotations

from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from homotopy._checks import instance
from homotopy.bayesian.estimates import covariances, split_r_hat
from homotopy.bayesian.found import acceptance_of, sampling_status
from homotopy.bayesian.gaussian import exact_covariances, gaussian_posterior
from homotopy.bayesian.gaussian_draws import GaussianMoments
from homotopy.bayesian.no_u_turn import NUTS
from homotopy.bayesian.posterior import LocalPosterior, WholeParameters, target_of
from homotopy.bayesian.result import SamplingStatus
from homotopy.bayesian.running import run_chains
from homotopy.bayesian.samplers import AbstractSampler
from homotopy.influence.change import ChangeStatus
from homotopy.influence.estimators.base import AbstractEstimator

_TINY = 1e-300


class BayesianInfluence(AbstractEstimator):
    """Δ = β Cov(ℓ_G, θ) under the local posterior around θ: Hessian-free (theory §10).

    In linear regression, at its fit, it is exactly the damped influence function with the damping
    δ = localisation/beta beside the ridge. All changes come from one run of chains, whose draws of
    θ are kept: memory is of draws × (n + d). The `residual` of a sampled change is
    ‖standard error‖/‖Δ‖; the status is `not_sampled` where chains have not mixed or have fewer
    than 100 effective draws.

    Parameters
    ----------
    posterior : LocalPosterior
    sampler : AbstractSampler
        `GaussianMoments()` for linear regression; `NUTS(draws)`, `MALA(draws)` or `SGLD(draws)`
        for any problem.

    Raises
    ------
    TypeError
        Naming `posterior` or `sampler`.

    Examples
    --------
    >>> import homotopy as hm
    >>> hm.enable_x64()
    >>> problem = hm.LinearRegression([[1.0], [1.0]], [0.0, 1.0], deleted=1)
    >>> estimator = hm.BayesianInfluence(hm.LocalPosterior(5.0, 10.0), hm.GaussianMoments())
    >>> hm.predict(problem, estimator).delta.round(12).tolist()
    [-0.125]
    >>> hm.predict(problem, hm.GaussNewton(damping=2.0)).delta.tolist()
    [-0.125]
    """

    assumes_stationary: ClassVar[bool] = False

    posterior: LocalPosterior = LocalPosterior()
    sampler: AbstractSampler = NUTS()

    def __check_init__(self):
        expected = "a posterior such as LocalPosterior(beta, gamma)"
        instance("posterior", self.posterior, LocalPosterior, expected)
        instance("sampler", self.sampler, AbstractSampler, "a sampler such as NUTS(draws)")

    def estimate(self, problem, theta, changes, report):
        # The posterior is proper in every direction: none is set apart.
        return self.changes(problem, theta, changes, report)

    def changes(self, problem, theta, changes, report):
        target = target_of(problem, theta, self.posterior)
        beta, whole = self.posterior.beta, WholeParameters()
        rows, amounts = np.asarray(changes.rows), -np.asarray(changes.amounts, float)
        if isinstance(self.sampler, GaussianMoments):
            law = gaussian_posterior(target, "GaussianMoments()")
            each = beta * exact_covariances(law, target, whole)
            delta, residual = np.einsum("kg,kgd->kd", amounts, each[rows]), np.zeros(len(rows))
            status = SamplingStatus.successful
        else:
            chains, interrupted = run_chains(self.sampler, target, whole, lambda done, total: None)
            losses = np.asarray(chains.losses, float)
            outputs = np.asarray(chains.outputs, float)
            together = np.einsum("kg,ctkg->ctk", amounts, losses[:, :, rows])
            found = covariances(together, outputs)
            delta, error = beta * found.within, beta * found.standard_error
            size = np.linalg.norm(delta, axis=1)
            residual = np.linalg.norm(error, axis=1) / np.maximum(size, _TINY)
            status = sampling_status(
                bool(np.all(np.isfinite(delta))),
                split_r_hat(together),
                found.effective_sample_size,
                acceptance_of(chains, self.sampler),
                interrupted,
            )
        report(changes.count)
        sampled = bool(status == SamplingStatus.successful)
        residual = jnp.asarray(residual, theta.dtype)
        return jnp.asarray(delta, theta.dtype), residual, _graded(residual, jnp.asarray(sampled))


@eqx.filter_jit
def _graded(residual, sampled):
    def one(_):
        return ChangeStatus.where(sampled, ChangeStatus.successful, ChangeStatus.not_sampled)

    return jax.vmap(one)(residual)
