"""Exact deletion by an integral along the weight: the homotopy of the posterior (theory §10.5)."""

from __future__ import annotations

import functools
import math
from typing import ClassVar, NamedTuple

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from homotopy._checks import instance, integer
from homotopy.bayesian.deletion_method import (
    AbstractDeletionMethod,
    DeletionStatus,
    Found,
    first_failure,
)
from homotopy.bayesian.estimates import covariances, split_r_hat
from homotopy.bayesian.found import acceptance_of, sampling_status
from homotopy.bayesian.gaussian import exact_covariances, gaussian_posterior
from homotopy.bayesian.gaussian_draws import GaussianMoments
from homotopy.bayesian.no_u_turn import NUTS
from homotopy.bayesian.result import SamplingStatus
from homotopy.bayesian.running import run_chains
from homotopy.bayesian.samplers import AbstractSampler
from homotopy.numerics.gauss_legendre import quadrature, to_coefficients
from homotopy.sweeps.workers import mapped

_RESOLVED = 0.01  # of the change: what the last coefficients of its integrand may be


class ThermodynamicIntegration(AbstractDeletionMethod):
    """∫₀¹ β Cov_{w(s)}(ℓⱼ, φ) ds along the homotopy of the weight, wⱼ(s) = 1 − s.

    The covariance that is the first-order change at s = 0, at each of Gauss's nodes. No weights of
    draws are needed; but a run of chains for each node and each change (theory §10.5).

    Parameters
    ----------
    sampler : AbstractSampler
        Of the posterior at each node; with `GaussianMoments()`, for a linear regression, there is
        no error but that of the quadrature.
    nodes : int
        From 2 to 64.

    Raises
    ------
    ValueError, TypeError
        Naming the argument.

    Examples
    --------
    >>> import homotopy as hm
    >>> hm.enable_x64()
    >>> problem = hm.LinearRegression([[1.0], [1.0]], [0.0, 1.0], deleted=1)
    >>> asked = problem, [0.5], lambda theta: theta[0], hm.LocalPosterior(1.0, 1.0)
    >>> method = hm.bayesian.ThermodynamicIntegration(hm.GaussianMoments(), nodes=12)
    >>> round(float(hm.bayesian.posterior_deletion(*asked, method=method).change), 9)
    -0.25
    """

    kind: ClassVar[str] = "integral along the weight"

    sampler: AbstractSampler = NUTS()
    nodes: int = 8

    def __check_init__(self):
        instance("sampler", self.sampler, AbstractSampler, "a sampler such as NUTS(draws)")
        integer("nodes", self.nodes, 2, 64)

    def found(self, wanted):
        places, shares = quadrature(self.nodes)
        count = wanted.changes.count
        asked = [(wanted.change(index), float(place)) for index in range(count) for place in places]
        at = functools.partial(_at, self.sampler, wanted.target, wanted.measurement)
        found = []
        for node in mapped(at, asked, wanted.devices, wanted.client):
            found.append(node)
            wanted.report(len(found), len(asked))
        parts = [found[first : first + self.nodes] for first in range(0, len(found), self.nodes)]
        values = np.array([[node.change for node in each] for each in parts])
        change = np.einsum("s,ksm->km", shares, values)
        last = np.einsum("os,ksm->kom", to_coefficients(self.nodes)[-2:], values)
        unresolved = np.max(np.abs(last), axis=1)
        error = sizes = None
        if parts[0][0].error is not None:
            errors = np.array([[node.error for node in each] for each in parts])
            error = np.sqrt(np.einsum("s,ksm->km", shares**2, errors**2))
            sizes = np.array([min(node.size for node in each) for each in parts])
        statuses = [first_failure([node.status for node in each]) for each in parts]
        for index, status in enumerate(statuses):
            noise = 0.0 if error is None else 6.0 * np.linalg.norm(error[index])
            allowed = noise + _RESOLVED * np.linalg.norm(change[index])
            if status is DeletionStatus.successful and np.linalg.norm(unresolved[index]) > allowed:
                statuses[index] = DeletionStatus.not_resolved
        return Found(change, error, sizes, statuses, quadrature=unresolved)


def _at(sampler, target, measurement, asked: tuple[Float[np.ndarray, " n"], float]) -> _Node:
    """β Cov(a, φ) where a part of a change of weights is made, a = −ΣΔwᵢℓᵢ."""
    change, place = asked
    weights = np.asarray(target.weights) + place * change
    weights = jnp.asarray(weights, target.weights.dtype)
    target = eqx.tree_at(lambda t: t.weights, target, weights)
    beta = float(target.beta)
    if isinstance(sampler, GaussianMoments):
        law = gaussian_posterior(target, "GaussianMoments()")
        found = exact_covariances(law, target, measurement)
        return _Node(-beta * change @ found, None, math.inf, SamplingStatus.successful)
    chains, interrupted = run_chains(sampler, target, measurement, lambda done, total: None)
    direction = np.asarray(chains.losses, float) @ -change[:, None]
    outputs = np.asarray(chains.outputs, float)
    found = covariances(direction, outputs)
    finite = bool(np.all(np.isfinite(direction)) and np.all(np.isfinite(outputs)))
    status = sampling_status(
        finite,
        split_r_hat(direction),
        found.effective_sample_size,
        acceptance_of(chains, sampler),
        interrupted,
    )
    size = float(np.min(found.effective_sample_size))
    return _Node(beta * found.within[0], beta * found.standard_error[0], size, status)


class _Node(NamedTuple):
    change: Float[np.ndarray, " m"]
    error: Float[np.ndarray, " m"] | None
    size: float
    status: SamplingStatus
