"""What a method of following the gradient flow must provide."""

import abc

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from homotopy._checks import instance
from homotopy._jit import is_traced
from homotopy._module import Module
from homotopy._status import Status
from homotopy.numerics.kept_arrays import kept_in_jax
from homotopy.problem import Problem
from homotopy.schedules import AbstractSchedule


class FlowStatus(Status):
    """How following the flow ended."""

    diverged = "the trajectory left the finite numbers: the step size is too large for the risk"
    step_limit = "the step budget was spent before the last time: raise max_steps"


def finite_status(
    value: Float[Array, "..."], status: FlowStatus = FlowStatus.successful
) -> FlowStatus:
    """The status, but `diverged` where it was successful and a number is not finite."""
    finite = jnp.all(jnp.isfinite(value))
    left = (status == FlowStatus.successful) & ~finite
    return FlowStatus.where(left, FlowStatus.diverged, status)


def first_failure(status: FlowStatus) -> FlowStatus:
    """Of an array of statuses the first that is not a success, or else the first."""
    if is_traced(status):
        return _first_failure(status)
    kinds = np.asarray(status._value)
    place = np.argmax(kinds != FlowStatus.successful._value)
    return jax.tree.map(lambda _: np.asarray(kinds[place]), status)


def statuses_of(finite: np.ndarray) -> FlowStatus:
    """A status for each of several computations: `diverged` where its numbers are not finite."""
    kinds = FlowStatus.successful._value, FlowStatus.diverged._value
    each = kept_in_jax(np.where(finite, *kinds))
    return jax.tree.map(lambda _: each, FlowStatus.successful)


@eqx.filter_jit
def _first_failure(status):
    failed = jax.vmap(lambda ended: ended != FlowStatus.successful)(status)
    return jax.tree.map(lambda ended: ended[jnp.argmax(failed)], status)


def of_each(status: FlowStatus, count: int) -> FlowStatus:
    """The status of all as that of each of so many, in NumPy."""
    return jax.tree.map(lambda leaf: np.broadcast_to(np.asarray(leaf), (count,)), status)


class AbstractMethod(Module):
    """A way to compute θ(t) under a schedule; passed to `flow` as `method`."""

    @abc.abstractmethod
    def states(
        self,
        problem: Problem,
        schedule: AbstractSchedule,
        theta0: Float[Array, " d"],
        times: Float[Array, " m"],
    ) -> tuple[Float[Array, "m d"], FlowStatus, dict]:
        """θ at ascending times, how it ended, and counts of the work done."""


def a_method(value, name: str = "method") -> AbstractMethod:
    """The value if it is a method of following the flow; a `TypeError` otherwise."""
    return instance(
        name,
        value,
        AbstractMethod,
        "Exact(), Adaptive(), GradientDescent(step_size) or another method, made by calling it",
    )
