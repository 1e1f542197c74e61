"""What a method of computing the response path must provide, and how one can end."""

from __future__ import annotations

import abc

import equinox as eqx
from jaxtyping import Array, Float

from homotopy.problem import Problem
from homotopy.responses.path import ResponsePath


class AbstractResponse(eqx.Module):
    """A way to compute θ(ε); passed to `response` as `method`."""

    @abc.abstractmethod
    def path(
        self, problem: Problem, epsilons: Float[Array, " k"], theta0: Float[Array, " d"]
    ) -> ResponsePath:
        """θ at each ε; what was not reached is NaN, and the status says why."""
