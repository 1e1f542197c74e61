"""Deletion from the draws with all points: their weights, or the series that these have."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from homotopy._checks import integer
from homotopy.bayesian.deletion_method import (
    AbstractDeletionMethod,
    DeletionStatus,
    Found,
    Wanted,
    a_chain_sampler,
    drawn,
    tilts,
)
from homotopy.bayesian.estimates import covariances, split_r_hat
from homotopy.bayesian.found import acceptance_of, sampling_status
from homotopy.bayesian.no_u_turn import NUTS
from homotopy.bayesian.samplers import AbstractSampler
from homotopy.bayesian.tilted import Tilted, expanded, reweighted

_HEAVY = 0.7  # a shape k̂ from which on means of weights are not to be relied on
_FINITE = 0.5  # a leverage from which on their variance is infinite
_ENOUGH = 100.0  # effective draws of the weights


class Reweighting(AbstractDeletionMethod):
    """E[φ e^{βℓⱼ}]/E[e^{βℓⱼ}] − Eφ, from one run of chains for all changes.

    In a linear regression the weights have a finite variance if and only if the damped leverage
    P_δ of the point is below one half, and the shape of their tail is k = P_δ (theory §10.5). The
    fitted shape k̂ is reported, of whatever model; above 0.7, or for P_δ ≥ ½, the status says so.

    Parameters
    ----------
    sampler : AbstractSampler
        One that draws.

    Raises
    ------
    ValueError, TypeError
        Naming `sampler`.

    References
    ----------
    .. [1] Vehtari, Simpson, Gelman, Yao, Gabry, "Pareto smoothed importance sampling", 2024.

    Examples
    --------
    >>> import homotopy as hm
    >>> hm.enable_x64()
    >>> problem = hm.LinearRegression([[1.0], [2.0], [2.0]], [0.0, 1.0, 2.0], deleted=0)
    >>> asked = problem, problem.full_fit(), lambda theta: theta[0]
    >>> method = hm.bayesian.Reweighting(hm.GaussianDraws(4000))
    >>> found = hm.bayesian.posterior_deletion(*asked, method=method)
    >>> bool(abs(found.change - 0.075) < 4.0 * found.standard_error)
    True
    """

    kind: ClassVar[str] = "reweighted draws"

    sampler: AbstractSampler = NUTS()

    def __check_init__(self):
        a_chain_sampler(self.sampler, "Reweighting")

    def found(self, wanted):
        def status_of(found: Tilted, leverage: float) -> DeletionStatus:
            if found.shape > _HEAVY or leverage >= _FINITE:
                return DeletionStatus.heavy_tails
            enough = found.size >= _ENOUGH
            return DeletionStatus.successful if enough else DeletionStatus.too_few

        return _from_one_run(self.sampler, wanted, reweighted, status_of)


class CumulantExpansion(AbstractDeletionMethod):
    """Σ_k βᵏκ(ℓⱼ, …, ℓⱼ, φ)/k! up to an order, from one run of chains for all changes.

    The Taylor series in the weight, whose first term is Bayesian influence. In a linear regression
    the terms of E θ are a geometric series with the ratio P_δ, the damped leverage (theory §10.5).

    Parameters
    ----------
    sampler : AbstractSampler
        One that draws.
    order : int
        From 1 to 6: the errors of higher cumulants grow fast.

    Raises
    ------
    ValueError, TypeError
        Naming the argument.

    Examples
    --------
    >>> import homotopy as hm
    >>> hm.enable_x64()
    >>> problem = hm.LinearRegression([[1.0], [2.0], [2.0]], [0.0, 1.0, 2.0], deleted=0)
    >>> asked = problem, problem.full_fit(), lambda theta: theta[0]
    >>> method = hm.bayesian.CumulantExpansion(hm.GaussianDraws(4000), order=3)
    >>> hm.bayesian.posterior_deletion(*asked, method=method).terms.shape
    (3,)
    """

    kind: ClassVar[str] = "cumulants"

    sampler: AbstractSampler = NUTS()
    order: int = 2

    def __check_init__(self):
        a_chain_sampler(self.sampler, "CumulantExpansion")
        integer("order", self.order, 1, 6)

    def found(self, wanted):
        def status_of(found: Tilted, leverage: float) -> DeletionStatus:
            sizes = np.linalg.norm(found.terms, axis=1)
            noise = 3.0 * np.linalg.norm(found.error)
            grows = sizes.size > 1 and sizes[-1] > sizes[-2] + noise
            return DeletionStatus.not_settled if grows else DeletionStatus.successful

        def expand(tilt, outputs):
            return expanded(tilt, outputs, self.order)

        return _from_one_run(self.sampler, wanted, expand, status_of)


def _from_one_run(sampler, wanted: Wanted, estimate, status_of) -> Found:
    chains, interrupted = drawn(sampler, wanted)
    tilt, outputs = tilts(chains, wanted), np.asarray(chains.outputs, float)
    finite = bool(np.all(np.isfinite(tilt)) and np.all(np.isfinite(outputs)))
    done, statuses, sizes = [], [], []
    for index in range(wanted.changes.count):
        one = tilt[:, :, index : index + 1]
        found = estimate(one[:, :, 0], outputs)
        known = covariances(one, outputs).effective_sample_size
        status = sampling_status(
            finite, split_r_hat(one), known, acceptance_of(chains, sampler), interrupted
        )
        statuses.append(_first(status, status_of(found, float(wanted.leverage[index]))))
        sizes.append(float(np.min(known)) if np.isnan(found.size) else found.size)
        done.append(found)
    weighted = not np.isnan(done[0].shape)
    return Found(
        np.stack([found.change for found in done]),
        np.stack([found.error for found in done]),
        np.array(sizes),
        statuses,
        shapes=np.array([found.shape for found in done]) if weighted else None,
        terms=None if done[0].terms is None else np.stack([found.terms for found in done]),
    )


def _first(sampled, deleted: DeletionStatus) -> DeletionStatus:
    """What is wrong with the draws, or with what was made of them."""
    promoted = DeletionStatus.promote(sampled)
    heavy = bool(deleted == DeletionStatus.heavy_tails)
    fine = bool(promoted == DeletionStatus.successful)
    return deleted if heavy or fine else promoted
