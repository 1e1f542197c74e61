"""What a method of following the gradient flow must provide."""

import abc

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from homotopy._checks import concrete, instance
from homotopy.problem import Problem
from homotopy.schedules import AbstractSchedule


class Status(eqx.Enumeration):
    """How a computation ended."""

    successful = "successful"
    diverged = "the trajectory left the finite numbers: the step size is too large for the risk"
    step_limit = "the step budget was spent before the last time: raise max_steps"
    jump = "θ(ε) jumps at ε = 0: no retained point sees a direction that a deleted one sees"


def finite_status(value: Float[Array, "..."], status: Status = Status.successful) -> Status:
    """The status, but `diverged` where it was successful and a number is not finite."""
    finite = jnp.all(jnp.isfinite(value))
    return Status.where((status == Status.successful) & ~finite, Status.diverged, status)


def require_success(value: Float[Array, "..."], status: Status) -> Float[Array, "..."]:
    """The value, if the computation succeeded; a `RuntimeError` with the status otherwise.

    At once where the status is known, at run time where it is traced.
    """
    known = concrete(status == Status.successful)
    if known is None:
        return status.error_if(value, status != Status.successful)
    if not known:
        raise RuntimeError(Status[status])
    return value


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


def a_method(value, name: str = "method") -> AbstractMethod:
    """The value if it is a method of following the flow; a `TypeError` otherwise."""
    return instance(
        name,
        value,
        AbstractMethod,
        "Exact(), Adaptive(), GradientDescent(step_size) or another method, made by calling it",
    )
