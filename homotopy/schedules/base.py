"""What every schedule is: a piecewise smooth weight ε(t) in [0, 1] of the deleted data."""

import abc
import dataclasses
from itertools import pairwise
from typing import TYPE_CHECKING

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Array, Float, Int, Real

from homotopy._checks import array, concrete, instance, positive, time
from homotopy._jit import jit_outermost
from homotopy._module import Module
from homotopy._pickling import by_fields
from homotopy._saving import Saved
from homotopy.numerics.gauss_legendre import quadrature
from homotopy.numerics.piecewise import piecewise_values
from homotopy.schedules._membership import Membership, check_membership

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Sixteen Gauss–Legendre nodes integrate polynomials up to degree 31 exactly. Kept on [0, 1].
_NODES, _WEIGHTS = quadrature(16)


class AbstractSchedule(Saved, Module):
    """A weight ε: [0, ∞) → [0, 1] of the deleted data, smooth between its breakpoints.

    ε = 1 trains with the deleted data, ε = 0 without (theory §4). A schedule with k breakpoints
    has the k + 1 closed pieces [0, b₀], [b₀, b₁], ..., [b₍ₖ₋₁₎, ∞). It is left-continuous: its
    value at a breakpoint is that of the piece which ends there. Breakpoints may coincide; the
    piece between them is then empty.

    Schedules are pytrees whose leaves are their parameters: `jax.jit`, `jax.vmap` and `jax.grad`
    pass through constructors and methods, switch times included. Constructors validate their
    arguments with a `ValueError`, or, for traced arguments, with an error at run time.
    """

    @property
    @abc.abstractmethod
    def breakpoints(self) -> Float[Array, " k"]:
        """The switch times (k,), ascending and non-negative; differentiable."""

    @property
    @abc.abstractmethod
    def constant_pieces(self) -> tuple[bool, ...]:
        """For each of the k + 1 pieces, whether ε is constant on it; known when tracing."""

    @property
    def graded_pieces(self) -> tuple[bool, ...]:
        """For each piece, whether integrators should shorten their steps towards its end.

        True where a derivative of ε in a parameter is rough there, even if ε itself is smooth.
        """
        return (False,) * len(self.constant_pieces)

    @property
    @abc.abstractmethod
    def piece_values(self) -> Float[Array | np.ndarray, " pieces"]:
        """The value (k + 1,) of every piece at its left end.

        A NumPy array, known even when tracing, where no parameter of the schedule enters.
        """

    @abc.abstractmethod
    def piece(self, index: Int[ArrayLike, ""], t: Real[ArrayLike, ""]) -> Float[Array, ""]:
        """ε(t) by the formula of one piece, valid on all of that closed piece.

        At a breakpoint it gives the one-sided limit, which is what an integrator working on the
        piece needs.

        Parameters
        ----------
        index : int
            Which piece, 0 to k. It may be traced.
        t : float
            A time in that piece.
        """

    def __call__(self, t: Real[ArrayLike, "..."]) -> Float[Array, "..."]:
        """ε(t) at a time or an array of times, left-continuous at breakpoints.

        Raises
        ------
        ValueError
            If a time is negative or not finite.
        """
        return piecewise_values(self, _as_times("t", t))

    def integral(self, a: Real[ArrayLike, "..."], b: Real[ArrayLike, "..."]) -> Float[Array, "..."]:
        """∫ₐᵇ ε(t) dt, of the broadcast shape of a and b; negative where b < a.

        Differentiable in a, b and every parameter, breakpoints included. Exact up to rounding
        where the pieces are polynomials of degree at most 31 (Gauss–Legendre on each piece);
        families whose pieces are not have their own formula.

        Raises
        ------
        ValueError
            If a limit is negative or not finite.
        """
        return _integrals(self, _as_times("a", a), _as_times("b", b))

    def _integral(self, a, b):
        """The integral between two scalars, summed over the pieces."""
        lower, upper = self._clip(a), self._clip(b)
        lengths = upper - lower
        if all(self.constant_pieces):
            means = jnp.asarray(self.piece_values, dtype=float)
        else:
            nodes = lower[:, None] + lengths[:, None] * _NODES[None, :]
            pieces = jnp.arange(lower.size)
            means = jax.vmap(jax.vmap(self.piece, (None, 0)))(pieces, nodes) @ _WEIGHTS
        return jnp.sum(lengths * means)

    def _clip(self, t):
        """The time t moved into each of the k + 1 pieces, (k + 1,).

        Chosen by the index of the piece that holds t, not by `jnp.clip`: where t meets a
        breakpoint, or breakpoints meet, `clip` would share the derivative between equals.
        """
        breakpoints = self.breakpoints
        holds = jnp.searchsorted(breakpoints, t, side="left")
        index = jnp.arange(breakpoints.size + 1)
        # The two padded ends are never selected.
        left, right = jnp.pad(breakpoints, (1, 0)), jnp.pad(breakpoints, (0, 1))
        return jnp.where(index < holds, right, jnp.where(index > holds, left, t))

    def membership(self, start: Real[ArrayLike, ""], horizon: Real[ArrayLike, ""]) -> Membership:
        """Whether the schedule lies in E_s: 1 on [0, start], 0 after the horizon (theory §4).

        Single times carry no weight in the flow, so that 1_[0,T] is admissible for the horizon T.
        Pieces that are not constant are checked at 33 points. Overlaps that rounding explains are
        forgiven.

        Parameters
        ----------
        start : float
            s ≥ 0, until when all the data are used.
        horizon : float
            T ≥ s, when the result of the deletion is judged.

        Raises
        ------
        ValueError
            If not 0 ≤ start ≤ horizon < ∞.

        Examples
        --------
        >>> from homotopy.schedules import Step
        >>> bool(Step(0.5).membership(start=0.25, horizon=1.0))
        True
        >>> Step(0.5).membership(start=1.0, horizon=2.0).reason
        'ε must be 1 on [0, 1], but it is 0 at t = 0.75'
        """
        # Times of single precision may be rounded to it on either side.
        single = any(getattr(end, "dtype", None) == np.float32 for end in (start, horizon))
        unit = float(np.finfo(np.float32).eps) if single else 0.0
        return check_membership(self, time("start", start), time("horizon", horizon), unit)

    def sample(self, index, left, right, count):
        """Times and values on a part of one piece; only its middle where the piece is constant."""
        if self.constant_pieces[index]:
            return np.array([(left + right) / 2]), np.asarray(self.piece_values)[[index]]
        times = np.linspace(left, right, count)
        return times, np.asarray(_values(self, jnp.asarray(index), jnp.asarray(times)))

    def plot(
        self, ax: "Axes | None" = None, horizon: Real[ArrayLike, ""] | None = None, **options
    ) -> "Axes":
        """Draw ε(t) on [0, horizon]: pieces as solid lines, jumps as dashed vertical ones.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            Where to draw; a new figure by default.
        horizon : float, optional
            The last time drawn; by default a quarter beyond the last breakpoint.
        **options
            Of the lines, for `Axes.plot`; `label` names the schedule in a legend.

        Returns
        -------
        matplotlib.axes.Axes

        Raises
        ------
        ValueError
            If the horizon is not positive and finite.
        """
        from homotopy.plotting.schedule import draw_schedule

        edges = np.concatenate([[0.0], np.asarray(self.breakpoints), [np.inf]])
        if horizon is None:
            horizon = 1.25 * edges[-2] or 1.0
        positive("horizon", horizon)
        return draw_schedule(self._pieces(np.minimum(edges, horizon)), ax, **options)

    def _pieces(self, edges):
        """Times and values of each piece that is not empty, both ends among them."""
        for index, (left, right) in enumerate(pairwise(edges)):
            if left < right:
                times, values = self.sample(index, left, right, 201)
                if self.constant_pieces[index]:
                    times, values = np.array([left, right]), np.repeat(values, 2)
                yield times, values

    def __reduce__(self):
        return by_fields(self)

    def __repr__(self) -> str:
        fields = ((f.name, getattr(self, f.name, None)) for f in dataclasses.fields(self))
        return f"{type(self).__name__}({', '.join(f'{n}={_format(v)}' for n, v in fields)})"


@jit_outermost
def _integrals(schedule, a, b):
    return jnp.vectorize(schedule._integral)(a, b)


@eqx.filter_jit
def _values(schedule, index, times):
    return jax.vmap(lambda t: schedule.piece(index, t))(times)


def a_schedule(value, name: str = "schedule") -> AbstractSchedule:
    """The value if it is a schedule; a `TypeError` otherwise, that says how to make one."""
    return instance(
        name,
        value,
        AbstractSchedule,
        "a schedule such as Step(switch), Ramp(start, stop), PiecewiseConstant(times, values) or "
        "Constant(value); optimise(deletion, over=Steps()).schedule is the best step",
    )


class AbstractPiecewiseConstant(AbstractSchedule):
    """A schedule that is constant on every piece; `piece_values` are its values."""

    @property
    def constant_pieces(self) -> tuple[bool, ...]:
        return (True,) * len(self.piece_values)

    def piece(self, index: Int[ArrayLike, ""], t: Real[ArrayLike, ""]) -> Float[Array, ""]:
        return jnp.asarray(self.piece_values, dtype=float)[index]


def _as_times(name, value):
    """Times as a float array; those that are known must be finite and non-negative."""
    times = array(name, value, "times")
    known = concrete(times)
    if known is not None and (known < 0).any():
        raise ValueError(
            f"{name} must be finite and non-negative, "
            f"got {np.array2string(known, precision=6, threshold=10)}"
        )
    return times


def _format(value) -> str:
    """A short text for one field: numbers where they are known, the type where traced."""
    if not isinstance(value, jax.Array | np.ndarray):
        return repr(value)
    known = concrete(value)
    if known is None:
        return eqx.tree_pformat(value)
    return np.array2string(
        known, separator=", ", threshold=10, formatter={"float_kind": lambda x: f"{x:.6g}"}
    )
