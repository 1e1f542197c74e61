"""What each component of the target does to what is learned, along training: the tangent flow."""

from __future__ import annotations

from typing import TYPE_CHECKING

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from homotopy._checks import flag
from homotopy._display import Entries, largest, span
from homotopy._module import Module
from homotopy._result import Result
from homotopy._status import Reported
from homotopy._tables import Table
from homotopy._wording import described
from homotopy.two_layer._learn import learned_of
from homotopy.two_layer.learning import Learning, LearningStatus
from homotopy.two_layer.reductions import Setting
from homotopy.two_layer.stiff_flow import of_states, stiff_flow
from homotopy.two_layer.targets import Target

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_AROUND = np.geomspace(0.5, 2.0, 161)  # of the times of half, where the peaks are


class ComponentInfluence(Result, Reported, Module):
    """The derivative of what is learned in what is to be learned, along training.

    Attributes
    ----------
    times : (t,)
        Those of the learning, and finer ones around each transition.
    influence : (t, c, c)
        ∂(learned coefficient i at t)/∂φ_j.
    half_times : (c,)
        When each term is half learned.
    status : LearningStatus
    target : Target
    """

    times: Float[np.ndarray, " t"]
    influence: Float[np.ndarray, "t c c"]
    half_times: Float[np.ndarray, " c"]
    status: LearningStatus
    target: Target

    _axes = (("times", 1), ("influence", 3))

    @property
    def own(self) -> Float[np.ndarray, "t c"]:
        """Of each term on itself: about 0 before it is learned, 1 in the end."""
        return np.diagonal(self.influence, axis1=1, axis2=2)

    @property
    def peak_heights(self) -> Float[np.ndarray, " c"]:
        """The largest of `own`."""
        return self.own[np.argmax(np.abs(self.own), axis=0), np.arange(self.own.shape[1])]

    @property
    def peak_times(self) -> Float[np.ndarray, " c"]:
        """When `own` is largest, among `times`."""
        return self.times[np.argmax(np.abs(self.own), axis=0)]

    def _entries(self) -> Entries:
        yield "times", span(self.times)
        yield "peak height", largest(self.peak_heights, self.target.names)
        with np.errstate(divide="ignore", invalid="ignore"):
            later = np.where(self.half_times > 0.0, self.peak_times / self.half_times, 0.0)
        yield "peak time / time of half", largest(later, self.target.names)
        yield "status", self.status

    def _table(self) -> Table:
        columns = [
            ("peak height", self.peak_heights),
            ("peak time", self.peak_times),
            ("time of half", self.half_times),
            ("in the end", self.own[-1]),
        ]
        about = "influence of each term on itself"
        return Table(columns, [("term", list(self.target.names))], None, about)

    def plot(self, ax: Axes | None = None, **options) -> Axes:
        """The influence of each term on itself against log t, with the times of half.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            A new figure's by default.
        **options
            Of the lines, for `Axes.plot`.
        """
        from homotopy.plotting.stages import draw_stages

        names = self.target.names
        return draw_stages(
            self.times, self.own, self.half_times, names, "influence on itself", ax, **options
        )


def component_influence(learning: Learning, *, throw: bool = True) -> ComponentInfluence:
    """How what is learned at each time depends on each coefficient of the target.

    By the tangent flow along the learning. A component has no influence before it is learned; its
    influence peaks at the transition, at several times its final value of 1, for there a little
    more of it makes it learned sooner (theory §11.3).

    Parameters
    ----------
    learning : Learning
        Of `learn`.
    throw : bool
        Whether to raise where the solver gives up.

    Returns
    -------
    ComponentInfluence

    Raises
    ------
    TypeError
        Naming `learning`.
    RuntimeError
        With the status, where `throw`.

    Examples
    --------
    >>> import homotopy as hm
    >>> hm.enable_x64()
    >>> target = hm.two_layer.single_index([1.0, 1.0], [1.0, 0.9])
    >>> learned = hm.two_layer.learn(target, 1e-4)
    >>> influence = hm.two_layer.component_influence(learned)
    >>> bool(influence.peak_heights[1] > 1.5), influence.own[-1].round(2).tolist()
    (True, [1.0, 1.0])
    """
    if not isinstance(learning, Learning):
        raise TypeError(f"learning: expected a Learning, of learn, got {described(learning)}.")
    flag("throw", throw)
    marks = learning.half_times
    inner = marks[np.isfinite(marks) & (marks > 0.0)]
    around = (inner[:, None] * _AROUND).ravel()
    within = (around > learning.times[0]) & (around < learning.times[-1])
    times = np.union1d(learning.times, around[within])
    a = jnp.asarray(learning.initial_amplitudes)
    scaled = jnp.asarray(learning.initial_directions / np.sqrt(learning.ratio))
    setting = Setting.of(learning.target, learning.ratio)
    inputs = learning.reduction, setting
    start = _start(inputs, a, scaled)
    found = stiff_flow(_velocity, inputs, start, times[-1], times[0], learning.rtol)
    if found is None:
        if throw:
            raise RuntimeError(LearningStatus[LearningStatus.unsolved])
        influence, status = np.zeros((times.size, marks.size, marks.size)), LearningStatus.unsolved
    else:
        influence, status = of_states(_along, inputs, found.at(times)), LearningStatus.successful
    return ComponentInfluence(times, influence, marks, status, learning.target)


def _basis(setting):
    """Directions in which the target is moved, a row a term of its own."""
    return jnp.eye(setting.coefficients.size)[np.array(setting.terms)]


def _pushed(function, setting, state, along, tangent):
    """The derivative of function(setting, state) along φ and the state."""
    return jax.jvp(
        lambda c, s: function(eqx.tree_at(lambda one: one.coefficients, setting, c), s),
        (setting.coefficients, state),
        (along, tangent),
    )[1]


@eqx.filter_jit
def _start(inputs, a, scaled):
    reduction, setting = inputs

    def start(coefficients):
        changed = eqx.tree_at(lambda one: one.coefficients, setting, coefficients)
        return reduction.start(changed, a, scaled)

    def pushed(e):
        return jax.jvp(start, (setting.coefficients,), (e,))[1]

    return start(setting.coefficients), jax.vmap(pushed)(_basis(setting))


def _velocity(inputs, both):
    """Of the state, and of its derivatives in each term."""
    reduction, setting = inputs
    state, tangents = both

    def moved(e, tangent):
        return _pushed(reduction.velocity, setting, state, e, tangent)

    return reduction.velocity(setting, state), jax.vmap(moved)(_basis(setting), tangents)


@eqx.filter_jit
def _along(inputs, both):
    _, setting = inputs

    def at(state, tangents):
        def one(e, tangent):
            return _pushed(learned_of, setting, state, e, tangent)

        return jax.vmap(one, out_axes=1)(_basis(setting), tangents)

    return jax.vmap(at)(*both)
