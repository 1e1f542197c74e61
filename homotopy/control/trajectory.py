"""State, costate and switching function under a control, and the gradients they give."""

from __future__ import annotations

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float

from homotopy._checks import ArrayInput, array, concrete, instance
from homotopy._module import Module
from homotopy.control.controls import a_control
from homotopy.control.mesh import (
    Mesh,
    ahead,
    choose_mesh,
    edges_of,
    stages,
    stages_between,
    terminal,
)
from homotopy.control.runge_kutta import step
from homotopy.control.scan import scan
from homotopy.control.system import ControlAffine, a_system
from homotopy.numerics.namespace import in_numpy, namespace

# Times that are interpolated at once.
_BATCH = 256


def advance(system, x, length, values):
    """x after one step."""
    return step(system.velocity, x, length, values)[0]


def forward(system: ControlAffine, control, mesh: Mesh) -> Float[Array, "nodes d"]:
    """x at the nodes of a mesh, the start included; differentiable in both modes."""

    def one(x, at):
        x = advance(system, x, *at)
        return x, x

    _, states = lax.scan(one, system.initial, stages(system, control, mesh))
    return jnp.concatenate([system.initial[None], states])


def sweep(system: ControlAffine, control, mesh: Mesh):
    """States and costates at the nodes, the cost, and its gradient in the control.

    The costate is the exact derivative of the discrete cost in the state at a node, and so the
    gradient, to rounding, is that of the cost which is computed.
    """
    states, costates, cost, slopes = _adjoint(system, control, mesh)
    return states, costates, cost, pull_back(system, control, mesh, slopes)


def _adjoint(system, control, mesh):
    """Forward for states, and back for costates and derivatives in what every step is given."""
    given, used = stages(system, control, mesh), mesh.used
    final, (states, _) = scan(ahead, system, system.initial, given, used=used)
    cost, last = terminal(system, final)
    first, (costates, slopes) = scan(back, system, last, (states, *given), used=used, reverse=True)
    return _joined(states, final), _joined(first, costates), cost, slopes


def _joined(*parts):
    """Rows, and a row before or after them."""
    known = in_numpy(parts)
    xp = jnp if known is None else np
    rows = [xp.atleast_2d(part) for part in known or parts]
    return jnp.asarray(xp.concatenate(rows))


def back(system, p, at):
    _, pull = jax.vjp(lambda *given: advance(system, *given), *at)
    before, *slopes = pull(p)
    return before, (p, tuple(slopes))


@eqx.filter_jit
def pull_back(system, control, mesh, slopes):
    _, pull = eqx.filter_vjp(lambda control: stages(system, control, mesh), control)
    return pull(slopes)[0]


@eqx.filter_jit
def _cost(system, control, mesh):
    return system.cost(forward(system, control, mesh)[-1])


def cost(system: ControlAffine, control, mesh: Mesh | None = None) -> Float[Array, ""]:
    """cost(x(T)) under a control; differentiable in both, in either mode, if given a mesh.

    Parameters
    ----------
    system : ControlAffine
    control : AbstractControl
        Or any object with `breakpoints` and `piece`.
    mesh : Mesh, optional
        By default chosen for a local error of 1e-13, which needs concrete values.

    Raises
    ------
    ValueError
        Where there is no mesh and values are traced.
    """
    return _cost(system, control, _given(system, control, mesh))


def value_and_gradient(system: ControlAffine, control, mesh: Mesh | None = None):
    """The cost, and its derivative in every parameter of the control, by the adjoint.

    The gradient has the structure of the control: `gradient.values` holds the derivatives in cell
    values, ∫ H₁ over the cell; `gradient.breakpoints` those in switch times, (u before − u after)
    H₁. The derivative in u as a function, δJ/δu(t) = H₁(t), is
    `follow(system, control).switching_function`.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> import homotopy as hm
    >>> from homotopy.control import ControlAffine, bang_bang, value_and_gradient
    >>> hm.enable_x64()
    >>> system = ControlAffine(lambda x: -x, lambda x: jnp.ones(1), lambda x: x[0], [0.0], 2.0)
    >>> value, gradient = value_and_gradient(system, bang_bang(system, [1.0], first=1.0))
    >>> round(float(value), 6), round(float(gradient.breakpoints[0]), 6)  # e⁻¹ − e⁻², and e⁻¹
    (0.232544, 0.367879)
    """
    _, _, value, gradient = sweep(system, control, _given(system, control, mesh))
    return value, gradient


class Points(NamedTuple):
    """Values at times (m,): the one-sided limits in the step that holds a time."""

    state: Float[Array, "*m d"]
    costate: Float[Array, "*m d"]
    control: Float[Array, "*m"]
    field: Float[Array, "*m d"]

    @property
    def switching(self) -> Float[Array, "*m"]:
        """H₁ = ⟨p, f₁(x)⟩."""
        return jnp.sum(self.costate * self.field, axis=-1)

    @property
    def size(self) -> Float[Array, "*m"]:
        """‖p‖ ‖f₁(x)‖, which H₁ is compared with."""
        return jnp.linalg.norm(self.costate, axis=-1) * jnp.linalg.norm(self.field, axis=-1)


class Trajectory(Module):
    """x(t), p(t) and H₁(t) under a control, at any time.

    ṗ = −(Df₀ + u Df₁)ᵀ p, p(T) = ∇cost(x(T)): p(t) is the derivative of the cost in x(t), and
    H₁(t) = ⟨p, f₁(x)⟩ its derivative in u(t). Where u minimises, it is the lower bound where
    H₁ > 0 and the upper one where H₁ < 0.

    Attributes
    ----------
    system, control, mesh
    states, costates : (m + 1, d)
        At the nodes of the mesh.
    cost : ()
    """

    system: ControlAffine
    control: eqx.Module
    mesh: Mesh
    states: Float[Array, "nodes d"]
    costates: Float[Array, "nodes d"]
    cost: Float[Array, ""]

    @property
    @eqx.filter_jit
    def times(self) -> Float[Array, " nodes"]:
        """Of the nodes."""
        edges = edges_of(self.system, self.control)
        lengths = jnp.diff(edges)
        ends = edges[self.mesh.piece] + self.mesh.right * lengths[self.mesh.piece]
        return jnp.concatenate([edges[:1], ends])

    def state(self, t: ArrayInput) -> Float[Array, "*m d"]:
        """x at times of any shape."""
        return self.at(t).state

    def costate(self, t: ArrayInput) -> Float[Array, "*m d"]:
        """p at times of any shape."""
        return self.at(t).costate

    def switching_function(self, t: ArrayInput) -> Float[Array, "*m"]:
        """H₁ = δJ/δu at times of any shape."""
        return self.at(t).switching

    def at(self, t: ArrayInput) -> Points:
        """x, p, u and f₁(x) at times of any shape, at once."""
        t = array("t", t, "times")
        known = concrete(t)
        ends = concrete(self.system.start), concrete(self.system.horizon)
        if known is not None and None not in ends:
            slack = 1e-12 * (ends[1] - ends[0])
            if not np.all((known >= ends[0] - slack) & (known <= ends[1] + slack)):
                raise ValueError(f"t: expected times in [{ends[0]:g}, {ends[1]:g}], got {known}.")
        t = (np if known is not None else jnp).asarray(t, self.states.dtype)
        found = self.inside(*locate(self, t.reshape(-1)))
        return jax.tree.map(lambda values: values.reshape(*t.shape, *values.shape[1:]), found)

    def inside(self, steps, fractions) -> Points:
        """Values at fractions (m,) of steps (m,) of the mesh."""
        if isinstance(self.states, jax.core.Tracer) or isinstance(fractions, jax.core.Tracer):
            return points(self.system, *around(self, steps, fractions))

        def of_batch(steps, fractions):
            return points(self.system, *around(self, steps, fractions))

        joined = in_batches(of_batch, (np.asarray(steps, int), np.asarray(fractions)))
        return jax.tree.map(jnp.asarray, joined)


def in_batches(function, arrays):
    """A function of arrays with one leading axis, in batches of one size: one compilation for all.

    To NumPy; what fills up the last batch is left out.
    """
    count = jax.tree.leaves(arrays)[0].shape[0]

    def padded(array):
        return np.pad(array, [(0, -count % _BATCH), *[(0, 0)] * (array.ndim - 1)])

    arrays, parts = jax.tree.map(lambda array: padded(np.asarray(array)), arrays), []
    for begin in range(0, count, _BATCH):
        batch = jax.tree.map(lambda array: jnp.asarray(array[begin : begin + _BATCH]), arrays)  # noqa: B023
        parts.append(function(*batch))
    return jax.tree.map(lambda *parts: np.concatenate(parts)[:count], *parts)


def a_trajectory(value, name: str = "trajectory") -> Trajectory:
    """The value if it is a trajectory of a system; a `TypeError` otherwise."""
    return instance(name, value, Trajectory, "the result of follow(system, control)")


def locate(trajectory, times):
    """The steps of the mesh that hold times (m,), and where in them they are.

    By NumPy where they are known: nothing is compiled for another number of times.
    """
    nodes = trajectory.times
    if (known := in_numpy((nodes, times))) is not None:
        nodes, times = known
    xp, last = namespace(nodes, times), trajectory.mesh.piece.shape[0] - 1
    steps = xp.clip(xp.searchsorted(nodes, times, side="left") - 1, 0, last)
    lengths = nodes[steps + 1] - nodes[steps]
    return steps, (times - nodes[steps]) / xp.where(lengths > 0, lengths, 1.0)


@eqx.filter_jit
def around(trajectory, steps, fractions):
    """The nodes before and after, and a Runge–Kutta step from and to each."""
    mesh, control = trajectory.mesh, trajectory.control
    edges = edges_of(trajectory.system, control)

    def one(index, fraction):
        piece, left, right = mesh.piece[index], mesh.left[index], mesh.right[index]
        middle = left + fraction * (right - left)
        before = stages_between(control, edges, piece, left, middle)
        return before, stages_between(control, edges, piece, middle, right)

    before, after = jax.vmap(one)(steps, fractions)
    return trajectory.states[steps], trajectory.costates[steps + 1], before, after


@eqx.filter_jit
def points(system, states, costates, before, after) -> Points:
    """One step from the node before, and the derivative of one to the node after."""

    def one(x, p, before, after):
        x = advance(system, x, *before)
        _, pull = jax.vjp(lambda x: advance(system, x, *after), x)
        (p,) = pull(p)
        return Points(x, p, after[1][0], system.control_field(x))

    return jax.vmap(one)(states, costates, before, after)


@eqx.filter_jit
def magnitude(trajectory: Trajectory) -> Float[Array, ""]:
    """(upper − lower) ∫ ‖p‖ ‖f₁‖ dt by the trapezoidal rule: the scale of derivatives in u."""
    system = trajectory.system
    fields = jax.vmap(system.control_field)(trajectory.states)
    sizes = jnp.linalg.norm(trajectory.costates, axis=1) * jnp.linalg.norm(fields, axis=1)
    means = (sizes[1:] + sizes[:-1]) / 2
    return (system.upper - system.lower) * jnp.sum(means * jnp.diff(trajectory.times))


def follow(system: ControlAffine, control, mesh: Mesh | None = None) -> Trajectory:
    """State, costate and switching function under a control.

    Parameters
    ----------
    system : ControlAffine
    control : AbstractControl
        Or any object with `breakpoints` and `piece`.
    mesh : Mesh, optional
        By default chosen for a local error of 1e-13, which needs concrete values.

    Raises
    ------
    ValueError
        Where there is no mesh and values are traced.
    """
    mesh = _given(system, control, mesh)
    states, costates, cost, _ = _adjoint(system, control, mesh)
    return Trajectory(system, control, mesh, states, costates, cost)


def _given(system, control, mesh):
    a_system(system)
    a_control(control)
    if mesh is not None:
        return instance("mesh", mesh, Mesh, "a Mesh, as of choose_mesh(system, control)")
    leaves = jax.tree.leaves(eqx.filter((system, control), eqx.is_array))
    if any(isinstance(leaf, jax.core.Tracer) for leaf in leaves):
        raise ValueError("mesh: needed where the system or the control is traced; see Mesh.")
    return choose_mesh(system, control)[0]
