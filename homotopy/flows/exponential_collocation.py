"""A diffrax solver for linear flows with a smoothly varying weight: exponential collocation.

ẋ = −Λ(x − α) − Bᵀω(t),   ω(t) = ε(t) v(t),   v = B(x − α) − r.

The part −Λx is solved exactly; ω is a polynomial through Gauss nodes, found from the linear
system that collocation gives (Hochbruck and Ostermann, Acta Numerica 19, 2010, §2.2). Since the
deleted points couple through B alone, that system has the size of nodes × deleted points whatever
d is, and no eigenproblem is solved. There is no stiffness and no order reduction: where ω is
smooth the steps are long, however large λt.
"""

import math
from collections.abc import Callable
from typing import ClassVar

import diffrax
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from homotopy._module import Module
from homotopy.flows._diffrax import valid_diffeqsolve
from homotopy.modal import ModalForm
from homotopy.numerics.legendre_history import (
    collocation_rule,
    legendre_history,
    legendre_values,
    scaled_spherical_bessel,
)
from homotopy.numerics.namespace import AnyArray, AnyNumber, namespace

_COUNT = 16
_SMALLEST_SHARE = 2.0**-10
_SAFETY = 0.9  # of the controller of steps
# Where the steps of a graded piece end at the latest.
_GRADING = 1.0 - 2.0 ** -np.arange(1.0, 15.0)
_RULE = collocation_rule(_COUNT)
_NODES, _TO_COEFFICIENTS = _RULE.nodes, _RULE.to_coefficients
_ENDS, _RESTRICTIONS = _RULE.ends, _RULE.restrictions


class SmoothPiece(Module):
    """The data of one piece of a schedule: what the solver's `args` hold.

    Attributes
    ----------
    modal : ModalForm
    origin : (d,)
        What stands for α (see `piecewise_states`).
    opening, length : ()
        The piece is [opening, opening + length]; the solver's time is its fraction.
    weight : callable
        ε(t).
    tolerance : ()
        Of the whole piece, relative to the norm of the state.
    """

    modal: ModalForm
    origin: Float[AnyArray, " d"]
    opening: AnyNumber
    length: AnyNumber
    weight: Callable
    tolerance: float


class _Interpolation(diffrax.AbstractLocalInterpolation):
    """The collocation polynomial ω and the exact exponential between the ends of a step."""

    t0: Array
    t1: Array
    y0: Array
    coefficients: Array
    piece: SmoothPiece

    def evaluate(self, t0, t1=None, left=True):
        if t1 is not None:
            return self.evaluate(t1) - self.evaluate(t0)
        span = self.t1 - self.t0
        fraction = jnp.where(span > 0, (t0 - self.t0) / jnp.where(span > 0, span, 1.0), 0.0)
        return _between(self.piece, self.coefficients, fraction, t0 - self.t0, self.y0)


def _between(piece, coefficients, fraction, share, y0):
    """The state at a fraction of a step, which is a share of the piece from where it began.

    Or the states at many fractions.
    """
    modal, xp = piece.modal, namespace(y0)
    nodes, to_coefficients = (
        xp.asarray(constant, y0.dtype) for constant in (_NODES, _TO_COEFFICIENTS)
    )
    part = legendre_values(fraction[..., None] * nodes, _COUNT) @ coefficients
    duration = share * piece.length
    decay = -duration[..., None] * modal.eigenvalues
    history = legendre_history(modal.eigenvalues, duration, to_coefficients @ part)
    felt = xp.sum(modal.rows.T * history, axis=-1)
    return xp.exp(decay) * y0 - xp.expm1(decay) * piece.origin - felt


class ExponentialCollocation(diffrax.AbstractAdaptiveSolver):
    """Exponential Gauss collocation with 16 nodes; `args` must be a `SmoothPiece`.

    The reported error is already divided by what the tolerance allows the step, its share of the
    piece, so that a controller with rtol = 0 and atol = 1 makes the errors of all steps add up to
    the tolerance. A thousandth is allowed to the shortest steps too: towards an infinite slope of
    ε they shrink without end otherwise. The error is taken from the last two coefficients of ω,
    whose decay it overestimates.
    """

    term_structure: ClassVar = diffrax.ODETerm
    interpolation_cls: ClassVar = _Interpolation

    def order(self, terms):
        return _COUNT

    def error_order(self, terms):
        return _COUNT - 2

    def init(self, terms, t0, t1, y0, args):
        return None

    def func(self, terms, t0, y0, args):
        return jnp.zeros_like(y0)

    def step(self, terms, t0, t1, y0, args, solver_state, made_jump):
        fractions = t0 + (t1 - t0) * jnp.asarray(_NODES, y0.dtype)
        times = args.opening + fractions * args.length
        weights = jax.vmap(args.weight)(times).astype(y0.dtype)
        y1, coefficients, relative = _collocated(args, weights, t1 - t0, y0)
        info = {"y0": y0, "coefficients": coefficients, "piece": args}
        return y1, jnp.full_like(y0, relative), info, None, diffrax.RESULTS.successful


def _collocated(piece, weights, share, y0):
    """A step that is a share of the piece, with ε at its nodes: its end, ω, and its error."""
    modal, xp = piece.modal, namespace(y0)
    dtype = y0.dtype
    duration = share * piece.length

    # At each node and at the end: the flow without ω, and the memory of ω's node values.
    durations = duration * xp.asarray(_ENDS, dtype)
    decay = -durations[:, None] * modal.eigenvalues[None, :]
    free = xp.exp(decay) * y0[None, :] - xp.expm1(decay) * piece.origin[None, :]
    kernel = scaled_spherical_bessel(-0.5 * decay, _COUNT) * durations[:, None, None]
    memory = xp.einsum("kdm,kmj->kdj", kernel, xp.asarray(_RESTRICTIONS, dtype))

    # v at the nodes from v + memory(ε v) = free, a system in the deleted points alone.
    group = modal.rows.shape[0]
    size = _COUNT * group
    coupling = xp.einsum("gd,kdj,hd->kgjh", modal.rows, memory[:-1], modal.rows)
    matrix = (coupling * weights[None, None, :, None]).reshape(size, size)
    unforced = modal.deleted_residual(free[:-1] - piece.origin[None, :]).reshape(size)
    residual = xp.linalg.solve(xp.eye(size, dtype=dtype) + matrix, unforced)
    observed = weights[:, None] * residual.reshape(_COUNT, group)  # ω
    y1 = free[-1] - xp.einsum("gd,dj,jg->d", modal.rows, memory[-1], observed)
    coefficients = xp.asarray(_TO_COEFFICIENTS, dtype) @ observed

    # What the last two coefficients of ω would do if they did not average out.
    noise = 512.0 * xp.finfo(dtype).eps * xp.max(xp.abs(observed), axis=0)
    tail = xp.maximum(xp.sum(xp.abs(coefficients[-2:]), axis=0) - noise, 0.0)
    error = xp.linalg.norm((tail @ xp.abs(modal.rows)) * kernel[-1, :, 0])
    scale = xp.maximum(xp.linalg.norm(y0), xp.linalg.norm(y1))
    allowed = piece.tolerance * scale * xp.maximum(share, _SMALLEST_SHARE)
    least = xp.finfo(dtype).tiny
    relative = xp.where(error > 0, error / xp.where(allowed > 0, allowed, least), 0.0)
    return y1, coefficients, relative


def smooth_states(
    piece: SmoothPiece,
    start: Float[Array, " d"],
    times: Float[Array, " m"],
    max_steps: int,
    adjoint: diffrax.AbstractAdjoint,
    graded: bool = False,
) -> tuple[Float[Array, "m d"], Float[Array, " d"], diffrax.RESULTS, Array]:
    """States at `times` and at the end of the piece, result and number of steps.

    `times` ascend within the piece. Where `graded` the steps halve towards its end: a derivative
    in a parameter may be rough there although ε is smooth, which no error estimate of ε sees.
    """
    fractions = _fractions(piece, times)
    fastest = jnp.max(piece.modal.full.eigenvalues) * piece.length
    controller = diffrax.PIDController(rtol=0.0, atol=1.0, norm=_largest)
    if graded:
        grading = jnp.asarray(_GRADING, start.dtype)
        controller = diffrax.ClipStepSizeController(controller, step_ts=grading)
    solution = valid_diffeqsolve(
        diffrax.ODETerm(lambda t, y, args: jnp.zeros_like(y)),
        ExponentialCollocation(),
        t0=jnp.zeros((), start.dtype),
        t1=jnp.ones((), start.dtype),
        dt0=jax.lax.stop_gradient(1.0 / (1.0 + fastest)),
        y0=start,
        args=piece,
        saveat=diffrax.SaveAt(ts=jnp.append(fractions, 1.0)),
        stepsize_controller=controller,
        adjoint=adjoint,
        max_steps=max_steps,
        throw=False,
    )
    return solution.ys[:-1], solution.ys[-1], solution.result, solution.stats["num_steps"]


def known_smooth_states(
    piece: SmoothPiece,
    start: Float[np.ndarray, " d"],
    times: Float[np.ndarray, " m"],
    max_steps: int,
    graded: bool = False,
) -> tuple[Float[np.ndarray, "m d"], Float[np.ndarray, " d"], bool, int, Float[np.ndarray, " e"]]:
    """As `smooth_states`, of numbers that are known, with the weight a function of many times.

    The same steps by the same rule, in NumPy: nothing is compiled. The third of what is returned
    says whether the end was reached, within `max_steps` and in finite numbers; the last, where the
    steps begin and end.
    """
    fractions = _fractions(piece, times)
    ends = iter([*_GRADING, 1.0] if graded else [1.0])
    # As diffrax has it, for what is not reached.
    outputs = np.full((times.size, start.size), np.inf, start.dtype)
    outputs[fractions <= 0.0] = start
    begin, end = 0.0, next(ends)
    # Python's floats: shares of a piece keep their digits where its numbers are single.
    step = float(1.0 / (1.0 + np.max(piece.modal.full.eigenvalues) * piece.length))
    taken, edges = 0, [0.0]
    while begin < 1.0 and taken < max_steps:
        close = min(begin + step, end)
        # What would be left by less than a rounding belongs to this step.
        close = end if end - close < 1e-15 * end else close
        share = close - begin
        weights = piece.weight(piece.opening + (begin + share * _NODES) * piece.length)
        reached, coefficients, error = _collocated(piece, weights.astype(start.dtype), share, start)
        error, taken = float(error), taken + 1
        if math.isnan(error):
            break
        change = min(max(_SAFETY * error ** (-1.0 / _COUNT), 0.2), 10.0) if error > 0.0 else 10.0
        if not error <= 1.0:
            step = share * min(change, 1.0)
            continue
        inside = (begin < fractions) & (fractions <= close)
        if np.any(inside):
            since = fractions[inside] - begin
            outputs[inside] = _between(piece, coefficients, since / share, since, start)
        start, begin, step = reached, close, max(step, share) * max(change, 1.0)
        edges.append(close)
        if begin >= end and begin < 1.0:
            end = next(ends)
    if begin < 1.0:
        start = np.full_like(start, np.inf)
    edges = piece.opening + piece.length * np.array(edges)
    return outputs, start, begin >= 1.0, taken, edges


def _fractions(piece, times):
    """Of the piece, at which times are, kept inside it."""
    xp = namespace(times)
    fractions = (times - piece.opening) / xp.where(piece.length > 0, piece.length, 1.0)
    # At the end of a piece without length, so that its two ends count in a derivative.
    fractions = xp.where(piece.length > 0, fractions, 1.0)
    # Not `clip`, which halves the derivative of an output at an end of the piece.
    fractions = xp.where(fractions < 0.0, 0.0, fractions)
    return xp.where(fractions > 1.0, 1.0, fractions)


def _largest(error: Array) -> Array:
    return jnp.max(jnp.abs(error))
