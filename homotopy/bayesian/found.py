"""What moments, known or sampled, say of the influence of each point."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np

from homotopy._jit import jit_outermost
from homotopy.bayesian.chains import Chains
from homotopy.bayesian.estimates import covariances, mean_error, split_r_hat
from homotopy.bayesian.gaussian import exact_covariances, exact_means, gaussian_posterior
from homotopy.bayesian.posterior import Target, WholeRisk
from homotopy.bayesian.result import PosteriorInfluence, SamplingStatus
from homotopy.bayesian.samplers import AbstractChainSampler
from homotopy.measurements import AbstractMeasurement

_MIXED, _ENOUGH, _ACCEPTED = 1.05, 100.0, 0.2


def in_closed_form(
    target: Target, measurement: AbstractMeasurement, shape: tuple[int, ...]
) -> PosteriorInfluence:
    """Of a linear regression."""
    law = gaussian_posterior(target, "GaussianMoments()")
    beta, dtype = float(target.beta), target.centre.dtype
    change = beta * exact_covariances(law, target, measurement)
    risk = exact_means(law, target, WholeRisk(target.weights))
    shift = law.mean - np.asarray(target.centre, float)
    excess = float(risk[0]) - float(_at_centre(target))
    return PosteriorInfluence(
        change=jnp.asarray(change.reshape(-1, *shape), dtype),
        standard_error=None,
        effective_sample_size=None,
        r_hat=None,
        between_chains=None,
        expectation=jnp.asarray(exact_means(law, target, measurement).reshape(shape), dtype),
        shift=jnp.asarray(shift, dtype),
        relative_shift=jnp.asarray(np.linalg.norm(shift) / np.linalg.norm(law.deviations), dtype),
        local_learning_coefficient=jnp.asarray(beta * excess, dtype),
        local_learning_coefficient_error=None,
        acceptance=None,
        batches=jnp.asarray(0),
        status=SamplingStatus.successful,
        kind="exact",
    )


def from_chains(
    chains: Chains,
    target: Target,
    sampler: AbstractChainSampler,
    shape: tuple[int, ...],
    interrupted: bool,
) -> PosteriorInfluence:
    """Of chains that were run."""
    beta, dtype = float(target.beta), target.centre.dtype
    losses, outputs = (np.asarray(part, float) for part in (chains.losses, chains.outputs))
    finite = bool(np.all(np.isfinite(losses)) and np.all(np.isfinite(outputs)))
    with np.errstate(all="ignore" if not finite else "warn"):
        found = covariances(losses, outputs)
        r_hat = split_r_hat(losses)
        risks = np.asarray(chains.risks, float)
        excess = risks.mean() - float(_at_centre(target))
        error = mean_error(risks)
        shift, relative = _shift(chains)

    def shaped(array):
        return jnp.asarray(np.asarray(array).reshape(-1, *shape), dtype)

    acceptance = acceptance_of(chains, sampler)
    return PosteriorInfluence(
        change=shaped(beta * found.within),
        standard_error=shaped(beta * found.standard_error),
        effective_sample_size=shaped(found.effective_sample_size),
        r_hat=jnp.asarray(r_hat, dtype),
        between_chains=shaped(beta * found.between),
        expectation=jnp.asarray(outputs.mean(axis=(0, 1)).reshape(shape), dtype),
        shift=jnp.asarray(shift, dtype),
        relative_shift=jnp.asarray(relative, dtype),
        local_learning_coefficient=jnp.asarray(beta * excess, dtype),
        local_learning_coefficient_error=jnp.asarray(beta * error, dtype),
        acceptance=None if acceptance is None else jnp.asarray(acceptance, dtype),
        batches=jnp.asarray(found.batches),
        status=sampling_status(finite, r_hat, found.effective_sample_size, acceptance, interrupted),
        kind="sampled" if sampler.exact else "sampled, unadjusted",
        chains=chains,
    )


@jit_outermost
def _at_centre(target):
    return target.risk(target.centre)


def acceptance_of(chains: Chains, sampler: AbstractChainSampler) -> float | None:
    """Of samplers that refuse steps."""
    return float(np.mean(np.asarray(chains.acceptance))) if sampler.metropolis else None


def _shift(chains: Chains) -> tuple[np.ndarray, float]:
    """The mean of θ − θ_ref over all chains, and its length in deviations of θ."""
    means, spreads = np.asarray(chains.mean, float), np.asarray(chains.spread, float)
    shift = means.mean(axis=0)
    variance = spreads.sum() / (chains.count * chains.draws)
    variance += np.sum((means - shift) ** 2) / chains.count
    size = float(np.linalg.norm(shift))
    return shift, size / np.sqrt(variance) if variance > 0.0 else np.inf


def sampling_status(finite, r_hat, sizes, acceptance, interrupted) -> SamplingStatus:
    """The first thing that is wrong."""
    if not finite:
        return SamplingStatus.diverged
    if interrupted:
        return SamplingStatus.interrupted
    if acceptance is not None and acceptance < _ACCEPTED:
        return SamplingStatus.seldom_accepted
    if np.max(r_hat) > _MIXED:
        return SamplingStatus.not_mixed
    if np.min(sizes) < _ENOUGH:
        return SamplingStatus.too_few
    return SamplingStatus.successful
