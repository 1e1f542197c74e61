"""Controls u(t): smooth pieces between breakpoints."""

import abc

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.typing import ArrayLike
from jaxtyping import Array, Float, Int, Real

from homotopy._checks import ArrayInput, array, concrete, number, vector
from homotopy._module import Module
from homotopy._wording import described
from homotopy.control.system import ControlAffine, a_system
from homotopy.numerics.piecewise import piecewise_values


class AbstractControl(Module):
    """A control, smooth on each of the k + 1 pieces between its k breakpoints.

    The functions of this package take any object with `breakpoints` and `piece`; a schedule is one.
    Like schedules, controls are left-continuous. Breakpoints may coincide, and those outside of
    the time interval of a system count as its nearest end.

    Attributes
    ----------
    breakpoints : (k,)
        Ascending times; differentiable.
    """

    breakpoints: eqx.AbstractVar[Float[Array, " k"]]

    @abc.abstractmethod
    def piece(self, index: Int[ArrayLike, ""], t: Real[ArrayLike, ""]) -> Float[Array, ""]:
        """u(t) by the formula of one piece, 0 to k, valid on all of that closed piece."""

    def __call__(self, t: Real[ArrayLike, "..."]) -> Float[Array, "..."]:
        """u at a time or an array of times."""
        return piecewise_values(self, jnp.asarray(t, float))


class PiecewiseConstantControl(AbstractControl):
    """A constant value on each piece: cells, or a bang-bang control.

    Parameters
    ----------
    breakpoints : (k,)
        Ascending.
    values : (k + 1,)

    Raises
    ------
    ValueError
        Where breakpoints descend, or there is not one value more than breakpoints.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> import homotopy as hm
    >>> from homotopy.control import PiecewiseConstantControl
    >>> hm.enable_x64()
    >>> control = PiecewiseConstantControl([1.0], [1.0, -1.0])
    >>> control(jnp.array([0.5, 1.0, 1.5])).tolist()
    [1.0, 1.0, -1.0]
    """

    breakpoints: Float[Array, " k"]
    values: Float[Array, " pieces"]

    def __init__(self, breakpoints: ArrayInput, values: ArrayInput):
        self.breakpoints = _ascending("breakpoints", breakpoints)
        self.values = array("values", values, "one number for each piece")
        if self.values.shape != (self.breakpoints.size + 1,):
            raise ValueError(
                f"values: expected {self.breakpoints.size + 1}, one more than breakpoints, got "
                f"shape {self.values.shape}."
            )

    def piece(self, index: Int[ArrayLike, ""], t: Real[ArrayLike, ""]) -> Float[Array, ""]:
        return self.values[index]


class PiecewisePolynomialControl(AbstractControl):
    """A Legendre series on each piece: constant on bang arcs, varying on singular ones.

    Parameters
    ----------
    edges : (k + 2,)
        Ascending: the start, the breakpoints, the horizon.
    coefficients : (k + 1, n)
        Of the Legendre polynomials of degree 0 to n − 1 on each piece, scaled to [−1, 1].

    Raises
    ------
    ValueError
        Where edges descend, or there is not one edge more than rows of coefficients.
    """

    edges: Float[Array, " edges"]
    coefficients: Float[Array, "pieces n"]

    def __init__(self, edges: ArrayInput, coefficients: ArrayInput):
        self.edges = _ascending("edges", edges)
        self.coefficients = array("coefficients", coefficients, "a row for each piece")
        if self.coefficients.ndim != 2 or self.coefficients.shape[0] != self.edges.size - 1:
            raise ValueError(
                f"coefficients: expected {self.edges.size - 1} rows, one less than edges, got "
                f"shape {self.coefficients.shape}."
            )

    @property
    def breakpoints(self) -> Float[Array, " k"]:
        """The inner edges."""
        return self.edges[1:-1]

    def piece(self, index: Int[ArrayLike, ""], t: Real[ArrayLike, ""]) -> Float[Array, ""]:
        opening, length = self.edges[index], self.edges[index + 1] - self.edges[index]
        s = 2 * (t - opening) / jnp.where(length > 0, length, 1.0) - 1
        size = self.coefficients.shape[1]
        degrees = jnp.arange(size, dtype=s.dtype)

        # Clenshaw's recurrence, in a loop: it compiles much faster than polynomials written out.
        def recurrence(pair, at):
            degree, coefficient = at
            ahead, beyond = pair
            now = coefficient + (2 * degree + 1) / (degree + 1) * s * ahead
            return (now - (degree + 1) / (degree + 2) * beyond, ahead), None

        zero = jnp.zeros_like(s)
        row = self.coefficients[index]
        (value, _), _ = lax.scan(recurrence, (zero, zero), (degrees, row), reverse=True)
        return value


def cells(system: ControlAffine, values: ArrayInput) -> PiecewiseConstantControl:
    """The control with the given values on cells of equal length.

    Parameters
    ----------
    system : ControlAffine
        For its time interval.
    values : (n,)
    """
    a_system(system)
    values = vector("values", values)
    fractions = np.arange(1, values.shape[0]) / values.shape[0]
    breakpoints = system.start + (system.horizon - system.start) * fractions
    return PiecewiseConstantControl(breakpoints, values)


def bang_bang(
    system: ControlAffine, switches: ArrayInput, *, first: ArrayLike
) -> PiecewiseConstantControl:
    """The control that alternates between the bounds at every switch time.

    Parameters
    ----------
    system : ControlAffine
        For its bounds.
    switches : (k,)
        Ascending.
    first : float
        The value before the first switch: the lower or the upper bound.

    Raises
    ------
    ValueError
        If `first` is not a bound.
    """
    a_system(system)
    number("first", first, "one of the bounds", traceable=True)
    switches = _ascending("switches", switches)
    even = np.arange(switches.size + 1) % 2 == 0
    known = concrete(first), concrete(system.lower), concrete(system.upper)
    if any(each is None for each in known):
        low = even == (jnp.asarray(first) == system.lower)
        return PiecewiseConstantControl(switches, jnp.where(low, system.lower, system.upper))
    value, lower, upper = known
    if value not in (lower, upper):
        raise ValueError(f"first: expected a bound, {lower} or {upper}, got {first}.")
    values = jnp.asarray(np.where(even == (value == lower), lower, upper))
    return PiecewiseConstantControl(switches, values)


def _ascending(name, times):
    times = array(name, times, "ascending finite times (k,)", lambda shape: len(shape) == 1)
    known = concrete(times)
    if known is not None and np.any(np.diff(known) < 0):
        raise ValueError(f"{name}: expected ascending finite times (k,), got {known}.")
    return times


def a_control(value, name: str = "control"):
    """The value if it can serve as a control; a `TypeError` otherwise."""
    if isinstance(value, type) or not (hasattr(value, "breakpoints") and hasattr(value, "piece")):
        raise TypeError(
            f"{name}: expected a control, as cells(system, values) or bang_bang(system, switches, "
            f"first=1.0), or a schedule, got {described(value)}."
        )
    return value
