"""What a method of computing the response path must provide, and how one can end."""

from __future__ import annotations

import abc
from typing import Any

from jaxtyping import Array, Float

from homotopy._module import Module
from homotopy._wording import described
from homotopy.problem import Problem
from homotopy.responses.path import ResponsePath


class AbstractResponse(Module):
    """A way to compute θ(ε); passed to `response` as `method`."""

    @abc.abstractmethod
    def path(
        self, problem: Problem, epsilons: Float[Array, " k"], theta0: Float[Array, " d"]
    ) -> ResponsePath:
        """θ at each ε; what was not reached is NaN, and the status says why."""

    def path_over(
        self,
        problem: Problem,
        epsilons: Float[Array, " k"],
        theta0: Float[Array, " d"],
        devices: list | None,
        client: Any,
    ) -> ResponsePath:
        """As `path`, with the weights shared out over devices or the processes of a client.

        Raises
        ------
        ValueError
            Naming `devices` or `client`, of a method that cannot.
        """
        raise ValueError(
            f"{'devices' if client is None else 'client'}: expected None for {described(self)}, "
            "which does not share out its weights."
        )
