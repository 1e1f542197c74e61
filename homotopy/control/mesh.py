"""Steps of integration: how finely each piece of a control is cut."""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float, Int

from homotopy.control.runge_kutta import NODES, step
from homotopy.control.system import ControlAffine

# Sizes that meshes are padded to, so that a slightly different one needs no new compilation.
_SIZES = np.array([size * 2**power for power in range(3, 30) for size in (2, 3)])
_SWEEPS = 60
LARGEST = 100_000  # steps


class Mesh(eqx.Module):
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
        piece = np.repeat(np.arange(counts.size), counts)
        index = np.concatenate([np.arange(count) for count in counts])
        left, right = index / counts[piece], (index + 1) / counts[piece]
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


def local_errors(system: ControlAffine, control, mesh: Mesh) -> Float[Array, " m"]:
    """Of each step, the relative error it makes in the state and in how it passes on a change.

    The second is that of one change in a direction without symmetry, restarted at every step: it
    sees modes which this state does not excite, but the costate does.
    """
    return _local_errors(system, *stages(system, control, mesh))


@eqx.filter_jit
def _local_errors(system, lengths, values):
    change = jnp.cos(jnp.arange(1, system.dimension + 1, dtype=system.initial.dtype))
    change = change / jnp.linalg.norm(change)

    def velocity(pair, u):
        position, tangent = jnp.split(pair, 2)
        return jnp.concatenate(jax.jvp(lambda x: system.velocity(x, u), (position,), (tangent,)))

    def advance(x, at):
        end, error = step(velocity, jnp.concatenate([x, change]), *at)
        (position, tangent), (miss, tangent_miss) = jnp.split(end, 2), jnp.split(error, 2)
        size = jnp.maximum(jnp.linalg.norm(x), jnp.linalg.norm(position))
        worst = jnp.maximum(
            jnp.linalg.norm(miss) / jnp.where(size > 0, size, 1.0),
            jnp.linalg.norm(tangent_miss) / jnp.maximum(1.0, jnp.linalg.norm(tangent)),
        )
        return position, worst

    _, errors = lax.scan(advance, system.initial, (lengths, values))
    return errors


def finer(counts, errors, tolerance, coarsest: float = 1.0):
    """Numbers of steps that should bring errors to a tolerance, a little more than needed.

    At least `coarsest` times what they were.
    """
    factors = np.clip(1.1 * (errors / tolerance) ** (1 / 8), coarsest, 8.0)
    return np.maximum(1, np.ceil(counts * factors)).astype(int)


def choose_mesh(
    system: ControlAffine,
    control,
    tolerance: float = 1e-13,
    least: int = 16,
    greatest: int = LARGEST,
) -> tuple[Mesh, float]:
    """Steps of equal length within each piece, short enough for every step's relative error.

    Parameters
    ----------
    system : ControlAffine
    control : AbstractControl
    tolerance : float
        Of the local relative error of one step.
    least, greatest : int
        Bounds on the total number of steps.

    Returns
    -------
    mesh : Mesh
        With `least` steps or one of few larger numbers, so that few sizes are compiled.
    error : float
        The sum of its local errors.

    Raises
    ------
    RuntimeError
        Where `greatest` steps are not enough: the system is too stiff for an explicit method, or
        its state leaves the finite numbers.
    """
    lengths = np.diff(np.asarray(_jitted_edges(system, control)))
    counts = np.maximum(1, np.floor(least * lengths / max(lengths.sum(), 1e-300))).astype(int)
    for attempt in range(_SWEEPS):
        total = counts.sum()
        size = least if total <= least else int(_SIZES[np.searchsorted(_SIZES, total)])
        mesh = Mesh.of_counts(counts, size)
        errors = np.asarray(local_errors(system, control, mesh))
        worst = np.zeros(counts.size)
        np.maximum.at(worst, np.asarray(mesh.piece), np.where(np.isfinite(errors), errors, np.inf))
        if np.all(worst <= tolerance):
            return mesh, float(errors.sum())
        # At first steps may also move from where they are not needed.
        counts = finer(counts, worst, tolerance, 1.0 if attempt else 0.25)
        if counts.sum() > greatest:
            break
    raise too_stiff(greatest, tolerance)


def too_stiff(greatest: int, tolerance: float) -> RuntimeError:
    """The error to raise where steps do not get small enough."""
    return RuntimeError(
        f"no mesh of at most {greatest} steps reaches a local error of {tolerance:g}: the system "
        "is too stiff for an explicit method, or its state grows beyond the finite numbers."
    )
