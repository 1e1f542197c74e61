"""What a method of following the gradient flow must provide."""

import abc

import equinox as eqx
from jaxtyping import Array, Float

from homotopy.problem import Problem
from homotopy.schedules import AbstractSchedule


class Status(eqx.Enumeration):
    """How a computation ended."""

    successful = "successful"
    diverged = "the trajectory left the finite numbers: the step size is too large for the risk"
    step_limit = "the step budget was spent before the last time: raise max_steps"
    jump = "θ(ε) jumps at ε = 0: no retained point sees a direction that a deleted one sees"


class AbstractMethod(eqx.Module):
    """A way to compute θ(t) under a schedule; passed to `flow` as `method`."""

    @abc.abstractmethod
    def states(
        self,
        problem: Problem,
        schedule: AbstractSchedule,
        theta0: Float[Array, " d"],
        times: Float[Array, " m"],
    ) -> tuple[Float[Array, "m d"], Status, dict]:
        """θ at ascending times, how it ended, and counts of the work done."""
