"""What a way to the change of an expectation, where points are deleted, is given and gives."""

from __future__ import annotations

import abc
import dataclasses
from collections.abc import Callable
from typing import Any, ClassVar, NamedTuple

import numpy as np
from jaxtyping import Float

from homotopy._checks import instance
from homotopy._display import DisplayedByFields
from homotopy._module import Module
from homotopy._status import known_success
from homotopy.bayesian.chains import Chains
from homotopy.bayesian.gaussian_draws import GaussianMoments
from homotopy.bayesian.posterior import Target
from homotopy.bayesian.result import SamplingStatus
from homotopy.bayesian.running import run_chains
from homotopy.bayesian.samplers import AbstractChainSampler, AbstractSampler
from homotopy.influence.weight_changes import WeightChanges
from homotopy.measurements import AbstractMeasurement


class DeletionStatus(SamplingStatus):
    """How the change of an expectation was found, or why it is not to be relied on."""

    heavy_tails = (
        "the weights of the draws have no finite variance: take ThermodynamicIntegration(), or "
        "more localisation"
    )
    not_settled = "the terms of the expansion do not fall: take ThermodynamicIntegration()"
    not_resolved = "the integral was not resolved with the nodes allowed: raise nodes"


class Found(NamedTuple):
    """Of k changes of weights and m outputs; None of what a method knows nothing of."""

    change: Float[np.ndarray, "k m"]
    error: Float[np.ndarray, "k m"] | None
    sizes: Float[np.ndarray, " k"] | None
    statuses: list
    quadrature: Float[np.ndarray, "k m"] | None = None
    shapes: Float[np.ndarray, " k"] | None = None
    terms: Float[np.ndarray, "k o m"] | None = None


@dataclasses.dataclass(frozen=True)
class Wanted:
    """Changes of the weights of a target, and what is measured.

    Attributes
    ----------
    target : Target
        With all weights one.
    measurement : AbstractMeasurement
    changes : WeightChanges
    leverage : (k,)
        Of each change, the damped leverage in linear regression; NaN elsewhere.
    report : callable
    devices, client
        Over which the chains, or the runs of them, are shared out, as of `workers.spread`.
    """

    target: Target
    measurement: AbstractMeasurement
    changes: WeightChanges
    leverage: Float[np.ndarray, " k"]
    report: Callable[[int, int], None]
    devices: list | None = None
    client: Any = None

    def change(self, index: int) -> Float[np.ndarray, " n"]:
        """Δw of one of them."""
        return np.asarray(self.changes.at(index, self.target.problem), float) - 1.0


class AbstractDeletionMethod(DisplayedByFields, Module):
    """A way to E φ without points, minus E φ with them."""

    kind: ClassVar[str]

    @abc.abstractmethod
    def found(self, wanted: Wanted) -> Found:
        """The change of each change of weights."""


def a_chain_sampler(sampler, method: str) -> None:
    """A sampler that draws, or a `TypeError` or `ValueError`."""
    instance("sampler", sampler, AbstractSampler, "a sampler such as NUTS(draws)")
    if isinstance(sampler, GaussianMoments):
        raise ValueError(
            f"sampler: expected one that draws for {method}, such as GaussianDraws(draws), got "
            "GaussianMoments(); ThermodynamicIntegration() takes it."
        )


def drawn(sampler: AbstractChainSampler, wanted: Wanted) -> tuple[Chains, bool]:
    """One run for all changes."""
    return run_chains(
        sampler, wanted.target, wanted.measurement, wanted.report,
        devices=wanted.devices, client=wanted.client,
    )  # fmt: skip


def tilts(chains: Chains, wanted: Wanted) -> Float[np.ndarray, "c t k"]:
    """−β ΣΔwᵢℓᵢ of every draw and change."""
    losses = np.asarray(chains.losses, float)
    changes = wanted.changes
    rows, amounts = np.asarray(changes.rows), np.asarray(changes.amounts, float)
    return -float(wanted.target.beta) * np.einsum("ctkg,kg->ctk", losses[:, :, rows], amounts)


def first_failure(statuses) -> DeletionStatus:
    """The first that is not success, of several runs."""
    for status in statuses:
        if not known_success(status):
            return DeletionStatus.promote(status)
    return DeletionStatus.successful
