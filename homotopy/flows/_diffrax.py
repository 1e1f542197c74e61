"""Of diffrax: its integration in a short program, and checks of the parts that methods have.

Where a step would end within 100 units in the last place of t1, diffrax has it end there. It counts
them down one by one, each in several operations: half of all those of a flow's program, which are
traced, differentiated and compiled each time. And it looks at run time, by a call of Python,
whether output times ascend; a program that calls Python is never kept on disk.
"""

import dataclasses
import inspect
import types
from contextvars import ContextVar

import diffrax
import equinox.internal as eqxi
import jax.numpy as jnp
from jax import lax

from homotopy._checks import instance


class _Below:
    """So many units in the last place below a number; an array for JAX, where one is asked for."""

    def __init__(self, number, units: int):
        self.number, self.units = number, units

    def __jax_array__(self):
        kind = jnp.finfo(self.number.dtype)
        whole = jnp.dtype(f"int{kind.bits}")
        # The first unit below zero is the first number that is not flushed to it.
        zero = self.number == 0
        start = jnp.where(zero, -kind.tiny, self.number)
        units = jnp.where(zero, self.units - 1, self.units).astype(whole)
        bits = lax.bitcast_convert_type(start, whole)
        # The bits of negative numbers descend.
        least = jnp.iinfo(whole).min
        place = jnp.where(bits < 0, least - bits, bits) - units
        return lax.bitcast_convert_type(jnp.where(place < 0, least - place, place), kind.dtype)


def _before(number):
    """As `equinox.internal.prevbefore`, in one step for any number of calls."""
    if isinstance(number, _Below):
        return _Below(number.number, number.units + 1)
    return _Below(jnp.asarray(number), 1)


_VALID: ContextVar[bool] = ContextVar("valid", default=False)


def _error_if(value, *arguments, **options):
    """As `equinox.internal.error_if`, of what is not known to be valid."""
    return value if _VALID.get() else eqxi.error_if(value, *arguments, **options)


def valid_diffeqsolve(*arguments, **options) -> diffrax.Solution:
    """As `diffeqsolve`, of output times that ascend from t0 to t1 and a first step towards t1.

    The vector field is one of the package, traced before: what a user's model calls of diffrax is
    checked.
    """
    token = _VALID.set(True)
    try:
        return diffrax.diffeqsolve(*arguments, **options)
    finally:
        _VALID.reset(token)


def _shorten() -> None:
    """For good, and only where diffrax is known to compare with the result, and nothing else."""
    try:
        from diffrax import _integrate

        code = _integrate.loop.__code__
        known = "prevbefore" in code.co_names and "t1_clip_floor" in code.co_cellvars
    except (ImportError, AttributeError):  # another release: slower, no different
        return
    if known:
        own = {"prevbefore": _before, "error_if": _error_if}
        _integrate.eqxi = types.SimpleNamespace(**{**vars(eqxi), **own})


def _tells_steps() -> bool:
    """Whether diffrax's loop over steps has what `backward` writes down."""
    try:
        from diffrax import _integrate

        state, saved = (
            {field.name for field in dataclasses.fields(kind)}
            for kind in (_integrate.State, _integrate.SaveState)
        )
        options = inspect.signature(_integrate.loop).parameters.keys()
    except (ImportError, AttributeError, TypeError):
        return False
    return (
        {"y", "tprev", "tnext", "num_accepted_steps", "solver_state", "save_state"} <= state
        and "saveat_ts_index" in saved
        and {"inner_while_loop", "outer_while_loop"} <= options
    )


_shorten()
# Else another release: derivatives by diffrax's own adjoint, slower, no different.
TELLS_STEPS = _tells_steps()
diffeqsolve = diffrax.diffeqsolve


def a_solver(name: str, value) -> diffrax.AbstractSolver:
    """A solver of diffrax; a `TypeError` otherwise."""
    return instance(
        name, value, diffrax.AbstractSolver, "a solver of diffrax, such as diffrax.Kvaerno5()"
    )


def an_adjoint(name: str, value) -> diffrax.AbstractAdjoint:
    """An adjoint of diffrax; a `TypeError` otherwise."""
    return instance(
        name,
        value,
        diffrax.AbstractAdjoint,
        "an adjoint of diffrax, such as diffrax.RecursiveCheckpointAdjoint()",
    )
