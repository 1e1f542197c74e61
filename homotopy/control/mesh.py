"""Steps of integration: how finely each piece of a control is cut."""

from __future__ import annotations

from collections.abc import Sequence

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from homotopy._checks import concrete, fraction, instance, integer
from homotopy._module import Module
from homotopy.control.controls import a_control
from homotopy.control.runge_kutta import NODES, step
from homotopy.control.scan import LONGEST, scan
from homotopy.control.system import ControlAffine, a_system

# Sizes that meshes are padded to, so that a slightly different one needs no new compilation.
_SIZES = np.array([LONGEST, *(LONGEST * n << k for k in range(20) for n in (2, 3))])
_SWEEPS = 60
# Steps beyond what the errors ask for: one sweep less where they change from step to step.
_MARGIN = 1.15
LARGEST = 100_000  # steps


class Mesh(Module):
    """Steps (m,), each a part of one piece of a control in that piece's own time, 0 to 1.

    It does not move while switch times are differentiated or optimised: steps stretch with their
    piece, so that a switch is never inside a step.

    Attributes
    ----------
    piece : (m,)
        The index of the piece, ascending.
    left, right : (m,)
        Where in the piece the step begins and ends.
    """

    piece: Int[Array, " m"]
    left: Float[Array, " m"]
    right: Float[Array, " m"]

    @property
    def used(self) -> int | None:
        """How many steps there are before those of no length; None where they are traced."""
        left, right = concrete(self.left), concrete(self.right)
        if left is None or right is None:
            return None
        return 1 + int(np.max(np.flatnonzero(left < right), initial=0))

    @classmethod
    def uniform(cls, pieces: int, steps: int = 1) -> Mesh:
        """Each of a number of pieces in as many equal steps."""
        return cls.of_counts([steps] * pieces)

    @classmethod
    def of_counts(cls, counts, size: int = 0) -> Mesh:
        """Piece i in counts[i] equal steps, then steps of no length up to a size."""
        counts = np.asarray(counts, int)
        if counts.ndim != 1 or counts.size == 0 or np.any(counts < 1):
            raise ValueError(f"counts: expected positive numbers of steps (k,), got {counts}.")
        return cls.of_edges([np.arange(count + 1) / count for count in counts], size)

    @classmethod
    def of_edges(cls, edges: Sequence[np.ndarray], size: int = 0) -> Mesh:
        """Piece i in steps between edges[i], from 0 to 1, then steps of no length up to a size."""
        piece = np.repeat(np.arange(len(edges)), [inside.size - 1 for inside in edges])
        left = np.concatenate([inside[:-1] for inside in edges])
        right = np.concatenate([inside[1:] for inside in edges])
        missing = max(0, size - piece.size)
        return cls(
            jnp.asarray(np.pad(piece, (0, missing), mode="edge")),
            jnp.asarray(np.pad(left, (0, missing), constant_values=1.0)),
            jnp.asarray(np.pad(right, (0, missing), constant_values=1.0)),
        )


def edges_of(system: ControlAffine, control) -> Float[Array, " edges"]:
    """The start, the breakpoints moved into the time interval, the horizon."""
    start, horizon = system.start, system.horizon
    # `where`, not `clip`: at a tie the derivative is the one from inside the interval.
    breakpoints = jnp.asarray(control.breakpoints, start.dtype)
    breakpoints = jnp.where(breakpoints <= horizon, breakpoints, horizon)
    breakpoints = jnp.where(breakpoints >= start, breakpoints, start)
    return jnp.concatenate([start[None], breakpoints, horizon[None]])


_jitted_edges = eqx.filter_jit(edges_of)


@eqx.filter_jit
def stages(system: ControlAffine, control, mesh: Mesh):
    """Of each step its length, (m,), and the control at its Runge–Kutta stages, (m, 13).

    All that a control is to an integrator, so that integrators are compiled for a system and a
    number of steps only, whatever the control. Its parameters are differentiated through here.
    """
    edges = edges_of(system, control)
    return jax.vmap(lambda *at: stages_between(control, edges, *at))(
        mesh.piece, mesh.left, mesh.right
    )


def stages_between(control, edges, index, left, right):
    """The length of a part of one piece, and the control at the stages of a step over it."""
    opening, length = edges[index], edges[index + 1] - edges[index]
    fractions = left + (right - left) * jnp.asarray(NODES, edges.dtype)
    values = jax.vmap(lambda fraction: control.piece(index, opening + fraction * length))(fractions)
    return length * (right - left), values


def local_errors(system: ControlAffine, control, mesh: Mesh) -> Float[np.ndarray, " m"]:
    """Of each step, the larger of the relative errors it makes in the state and in the costate."""
    lengths, values = stages(system, control, mesh)
    used = mesh.used
    final, (states, errors) = scan(ahead, system, system.initial, (lengths, values), used=used)
    if not np.all(np.isfinite(errors)):
        return errors
    costate = terminal(system, final)[1]
    inputs = states, lengths, values
    _, backwards = scan(_back, system, costate, inputs, used=used, reverse=True)
    return np.maximum(errors, backwards)


def ahead(system: ControlAffine, x, at):
    """x after a step; x before it, and the relative error that the step makes."""
    end, error = step(system.velocity, x, *at)
    size = jnp.maximum(jnp.linalg.norm(x), jnp.linalg.norm(end))
    return end, (x, _relative(error, size))


def _back(system, p, at):
    """The derivative of a step's error estimate is the estimate of what it does to derivatives."""
    x, *at = at
    _, pull = jax.vjp(lambda x: step(system.velocity, x, *at), x)
    (before,), (error,) = pull((p, jnp.zeros_like(p))), pull((jnp.zeros_like(p), p))
    size = jnp.maximum(jnp.linalg.norm(p), jnp.linalg.norm(before))
    return before, _relative(error, size)


def _relative(error, size):
    return jnp.linalg.norm(error) / jnp.where(size > 0, size, 1.0)


@eqx.filter_jit
def terminal(system: ControlAffine, final: Float[Array, " d"]):
    """The cost of a final state, and its gradient: p(T)."""
    return jax.value_and_grad(system.cost)(final)


def growth(errors, tolerance: float, coarsest: float = 1.0):
    """Into how many steps each is to be cut to bring its error to a tolerance, and a little more.

    At least `coarsest`, which below one lets steps merge.
    """
    errors = np.where(np.isfinite(errors), errors, np.inf)
    return np.clip(_MARGIN * (errors / tolerance) ** (1 / 8), coarsest, 8.0)


def _recut(mesh: Mesh, parts) -> list[np.ndarray]:
    """The edges of steps within each piece, where each of its steps asks to be so many."""
    piece, left, right = (np.asarray(part) for part in (mesh.piece, mesh.left, mesh.right))
    edges = []
    for index in range(int(piece[-1]) + 1):
        own = (piece == index) & (left < right)
        asked = np.append(0.0, np.cumsum(parts[own]))
        count = max(1, int(np.ceil(asked[-1])))
        at = np.append(0.0, right[own])
        inside = np.interp(np.linspace(0.0, asked[-1], count + 1)[1:-1], asked, at)
        edges.append(np.concatenate([[0.0], inside, [1.0]]))
    return edges


def choose_mesh(
    system: ControlAffine,
    control,
    tolerance: float = 1e-13,
    least: int = 16,
    greatest: int = LARGEST,
    begin: Mesh | None = None,
) -> tuple[Mesh, float]:
    """Steps within each piece, short enough for every step's relative error and not much shorter.

    Parameters
    ----------
    system : ControlAffine
    control : AbstractControl
    tolerance : float
        Of the local relative error of one step.
    least, greatest : int
        The number of steps that are tried first, about, and the largest number.
    begin : Mesh, optional
        What served a control that is close, which is tried first if it has as many pieces.

    Returns
    -------
    mesh : Mesh
        Filled up at its end by steps of no length, so that few sizes are compiled.
    error : float
        The sum of its local errors.

    Raises
    ------
    RuntimeError
        Where `greatest` steps are not enough: the system is too stiff for an explicit method, or
        its state leaves the finite numbers.
    """
    a_system(system)
    a_control(control)
    fraction("tolerance", tolerance)
    integer("least", least)
    integer("greatest", greatest)
    if begin is not None:
        instance("begin", begin, Mesh, "a Mesh, as of choose_mesh(system, control)")
    lengths = np.diff(np.asarray(_jitted_edges(system, control)))
    counts = np.maximum(1, np.floor(least * lengths / max(lengths.sum(), 1e-300))).astype(int)
    mesh = Mesh.of_counts(counts, padded(int(counts.sum())))
    if begin is not None and int(begin.piece[-1]) == int(mesh.piece[-1]):
        mesh = begin
    for attempt in range(_SWEEPS):
        errors = np.asarray(local_errors(system, control, mesh))
        if np.all(errors <= tolerance):
            return mesh, float(errors.sum())
        # At first steps may also move from where they are not needed.
        edges = _recut(mesh, growth(errors, tolerance, 1.0 if attempt > 2 else 0.25))
        total = sum(inside.size - 1 for inside in edges)
        if total > greatest:
            break
        mesh = Mesh.of_edges(edges, padded(total))
    raise too_stiff(greatest, tolerance)


def padded(total: int) -> int:
    """A size for a mesh of so many steps: one of few, so that few are compiled."""
    return int(_SIZES[np.searchsorted(_SIZES, total)])


def too_stiff(greatest: int, tolerance: float) -> RuntimeError:
    """The error to raise where steps do not get small enough."""
    return RuntimeError(
        f"no mesh of at most {greatest} steps reaches a local error of {tolerance:g}: the system "
        "is too stiff for an explicit method, or its state grows beyond the finite numbers."
    )
