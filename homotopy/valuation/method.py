"""What a way to compute values is given, and what it gives."""

from __future__ import annotations

import abc
import dataclasses
import functools
from collections.abc import Callable, Iterator, Sequence
from typing import Any, ClassVar

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from homotopy._display import DisplayedByFields
from homotopy._module import Module
from homotopy._threads import side_by_side
from homotopy._wording import described
from homotopy.measurements import AbstractMeasurement
from homotopy.models import LinearModel
from homotopy.problem import Problem
from homotopy.sweeps.workers import checked_workers, mapped
from homotopy.valuation.games import AbstractGame, game_of
from homotopy.valuation.measures import Measure, Quadratic
from homotopy.valuation.semivalues import AbstractSemivalue, Shapley
from homotopy.valuation.values import DataValues, Sampling, ValueStatus


@dataclasses.dataclass(frozen=True)
class Asked:
    """What is valued: a measurement of a problem, by a semivalue; checked."""

    problem: Problem | None
    measurement: AbstractMeasurement | None
    measure: Quadratic | Measure | None
    semivalue: AbstractSemivalue
    theta0: np.ndarray | None
    resume: DataValues | None
    report: Callable[[int, int], None]
    given: AbstractGame | None = None  # in place of a problem's
    devices: list | None = None
    client: Any = None

    @property
    def alone(self) -> bool:
        """Whether this process and its default device compute everything."""
        return self.devices is None and self.client is None

    def mapped(self, function: Callable, items: Sequence) -> Iterator:
        """A function of the parts of the work, in order; alone, in threads of this process."""
        if self.alone:
            return side_by_side(function, items)
        return mapped(function, items, self.devices, self.client)

    def start(self) -> np.ndarray:
        """θ₀, or zeros for a linear model; a `ValueError` for others."""
        if self.theta0 is not None:
            return self.theta0
        if not isinstance(self.problem.model, LinearModel):
            raise ValueError(
                f"theta0: expected the vector of length {self.problem.dimension} where training "
                "starts, got None."
            )
        return np.zeros(self.problem.dimension)

    @functools.cached_property
    def game(self) -> AbstractGame:
        """The one given, or that of training to the end."""
        if self.given is not None:
            return self.given
        return game_of(self.problem, self.measure, self.theta0)

    def require_shapley(self, method: str) -> None:
        """A `ValueError` for other semivalues."""
        if not isinstance(self.semivalue, Shapley):
            raise ValueError(
                f"semivalue: expected Shapley() for {method}, got {described(self.semivalue)}; "
                "AumannShapley() and Enumeration() take any."
            )


class AbstractValuation(DisplayedByFields, Module):
    """A way to compute values: an approximation, or how to sum over coalitions."""

    kind: ClassVar[str]
    # Whether its work falls into parts, for devices and clients.
    in_parts: ClassVar[bool] = False

    @abc.abstractmethod
    def values(self, asked: Asked) -> DataValues:
        """The values, and how they were found."""


def workers_for(method: AbstractValuation, devices, client) -> tuple[list | None, Any]:
    """As `checked_workers`, of methods whose work is in parts; a `ValueError` for others."""
    devices, client = checked_workers(devices, client)
    if (devices is not None or client is not None) and not method.in_parts:
        raise ValueError(
            f"{'devices' if client is None else 'client'}: expected None for a "
            f"{type(method).__name__}, whose work is not in parts; Permutations(count) shares out."
        )
    return devices, client


def data_values_of(
    method: AbstractValuation,
    values: Float[np.ndarray, "n ..."],
    total: Float[np.ndarray, ...],
    work: int,
    unit: str,
    status: ValueStatus = ValueStatus.successful,
    *,
    standard_error: Float[np.ndarray, "n ..."] | None = None,
    quadrature_error: Float[np.ndarray, ...] | None = None,
    sampling: Sampling | None = None,
    jump: Float[np.ndarray, ...] | None = None,
) -> DataValues:
    """A result from NumPy's arrays."""
    shared = total if jump is None else total - jump
    return DataValues(
        values=jnp.asarray(values),
        standard_error=None if standard_error is None else jnp.asarray(standard_error),
        total=jnp.asarray(total),
        efficiency_gap=jnp.asarray(np.sum(values, axis=0) - shared),
        quadrature_error=None if quadrature_error is None else jnp.asarray(quadrature_error),
        work=jnp.asarray(work),
        status=status,
        unit=unit,
        kind=method.kind,
        sampling=sampling,
        jump=None if jump is None else jnp.asarray(jump),
    )
