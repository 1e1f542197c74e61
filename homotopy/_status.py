"""How computations end: one chain of statuses that rooms extend, and what counts as success."""

from __future__ import annotations

from functools import reduce
from operator import or_

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float


class Status(eqx.Enumeration):
    """How a computation ended. A room extends it by the endings that it knows.

    `__successes__` names those after which a result is what was asked for.
    """

    __successes__ = ("successful",)

    successful = "successful"


class Reported:
    """A result with a `status`."""

    @property
    def successful(self) -> Bool[Array, " *batch"]:
        """Whether the result is what was asked for, of each entry of `status`."""
        return is_successful(self.status)


def is_successful(status) -> Bool[Array, " *batch"]:
    """Whether a status, or each of an array of them, is one of success."""
    kind = status._enumeration
    return is_one_of(status, *(getattr(kind, name) for name in kind.__successes__))


def is_one_of(status, *endings) -> Bool[Array, " *batch"]:
    """Whether a status, or each of an array of them, is one of these.

    Nothing is compiled where it is known.
    """
    if isinstance(status._value, jax.core.Tracer):
        return reduce(or_, (status == ending for ending in endings))
    values = np.asarray(status._value)
    return jnp.asarray(reduce(or_, (values == int(ending._value) for ending in endings)))


def known_success(status) -> bool:
    """As `is_successful` of one status that is not traced, without a computation of JAX."""
    kind = status._enumeration
    if status is kind.successful:
        return True
    return any(int(status._value) == int(getattr(kind, n)._value) for n in kind.__successes__)


def require_success(
    value: Float[Array | np.ndarray, " *batch"], status
) -> Float[Array | np.ndarray, " *batch"]:
    """The value, if the computation succeeded; a `RuntimeError` with the status otherwise.

    At once where the status is known, at run time where it is traced; then also where a derivative
    alone is asked for.
    """
    if isinstance(status._value, jax.core.Tracer):
        return _required(value, status)
    if not known_success(status):
        raise RuntimeError(status._enumeration[status])
    return value


@eqx.filter_custom_jvp
def _required(value, status):
    return status.error_if(value, ~is_successful(status))


@_required.def_jvp
def _required_jvp(primals, tangents):
    value, status = primals
    moved, _ = tangents
    if moved is None:
        return _required(value, status), jnp.zeros_like(value)
    # Of the derivative alone the value is dropped, and with it the error: so a factor has it too.
    one = status.error_if(jnp.ones((), value.dtype), ~is_successful(status))
    return _required(value, status), moved * one
