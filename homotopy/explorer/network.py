"""Any other differentiable model, as a perceptron, explored: by an adaptive solver."""

from __future__ import annotations

import dataclasses

import diffrax
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from homotopy._jit import jit_outermost
from homotopy.deletion import Deletion
from homotopy.deletion._optimise import optimise
from homotopy.deletion.searches import Cells
from homotopy.explorer.code_lines import cell_lines
from homotopy.explorer.explored import RESPONSE, AbstractExplored, Found
from homotopy.explorer.origin import Origin
from homotopy.explorer.picture import Picture, Points
from homotopy.explorer.planes import coordinate_plane
from homotopy.explorer.schedules import cell_edges, drawn_from, looked_at, schedule_of
from homotopy.explorer.state import CELLS, State, rounded
from homotopy.flows import Adaptive, flow
from homotopy.flows._homotopy import homotopy
from homotopy.influence import predict
from homotopy.influence.diagnostics import leverage
from homotopy.influence.estimators import Influence
from homotopy.labels import keep_labels
from homotopy.models import MultilayerPerceptron
from homotopy.plotting.plane import principal_plane
from homotopy.problem import Problem
from homotopy.responses import response
from homotopy.schedules import PiecewiseConstant, Step

# Stiff only near the end of training, when nothing moves any more: explicit.
METHOD = Adaptive(rtol=1e-6, atol=1e-8, solver=diffrax.Tsit5(), max_steps=2**15)
FAMILY = (0.0, 0.25, 0.5, 0.75, 1.0)  # ε whose trainings are drawn
STEPS = 30  # of a search
AT_ONCE, AT_HORIZON = "delete at once", "keep until T"


class NetworkExplored(AbstractExplored):
    """A problem without closed forms behind states.

    Every schedule is followed as its mean on each of the cells of [s, T], one compiled program for
    all of them; φ is known as its mean over each cell, from the exact gradient of ℰ in its weight
    (theory §4). The axes at first are input and output weight of the first neuron of a perceptron.

    Parameters
    ----------
    problem : Problem
    theta0 : (d,) or None
        θ₀; that of the deletion where there is one.
    deletion : Deletion or None
        Its s and T are shown first.
    origin : Origin
    """

    drags = certifies = False

    def __init__(self, problem: Problem, theta0, deletion: Deletion | None, origin: Origin):
        super().__init__()
        self._problem, self.origin = problem, origin
        if deletion is None:
            theta0 = np.asarray(problem.parameters(theta0), dtype=float)
            fastest = float(np.linalg.eigvalsh(np.asarray(problem.hessian(theta0)))[-1])
            unit = 1.0 / max(fastest, 1e-3)
            start, horizon = rounded(5.0 * unit), rounded(100.0 * unit)
        else:
            theta0 = np.asarray(deletion.theta0, dtype=float)
            start, horizon = float(deletion.start), float(deletion.horizon)
        ridge = np.asarray(problem.ridge)
        # A ridge for each parameter stays as it is.
        self._own_ridge = None if ridge.ndim == 0 else ridge
        self.initial = State(
            theta0=tuple(theta0.tolist()),
            deleted=tuple(np.asarray(problem.deleted).tolist()),
            start=start,
            switch=rounded(start + 0.25 * (horizon - start)),
            horizon=horizon,
            ridge=float(ridge) if ridge.ndim == 0 else 0.0,
            axes=first_neuron(problem),
        )
        self.longest = rounded(3.0 * horizon)

    def problem(self, state):
        return self.kept("problem", (state.deleted, state.ridge), lambda: self._rebuilt(state))

    def _rebuilt(self, state):
        known = self._problem
        same = state.deleted == self.initial.deleted and state.ridge == self.initial.ridge
        if same:
            return known
        ridge = state.ridge if self._own_ridge is None else self._own_ridge
        rebuilt = Problem(
            known.model,
            known.loss,
            np.asarray(known.X),
            np.asarray(known.y),
            deleted=list(state.deleted),
            ridge=ridge,
            weights=None if known.point_weights is None else np.asarray(known.point_weights),
        )
        keep_labels(rebuilt.X, known.labels)
        return rebuilt

    def _path(self, state):
        """θ(ε), from where training with all data ends; for the basin of this θ₀."""
        key = state.deleted, state.ridge, state.theta0
        return self.kept(
            "response",
            key,
            lambda: response(self.problem(state), RESPONSE, np.array(state.theta0), throw=False),
        )

    def deletion(self, state: State) -> Deletion:
        """The deletion problem of a state; the target is where θ(ε) ends."""
        return Deletion(
            self.problem(state),
            np.array(state.theta0),
            state.start,
            state.horizon,
            target=self._deleted_fit(state),
            method=METHOD,
        )

    def _deleted_fit(self, state) -> Float[np.ndarray, " d"]:
        fit = np.asarray(self._path(state).theta[0])
        if not np.isfinite(fit).all():
            raise ValueError(
                "θ*₋: training without the rows ends at no minimum from this θ₀; a larger ridge "
                "makes one."
            )
        return fit

    def _cells(self, state, schedule) -> PiecewiseConstant:
        """The schedule by its means on cells: all are one family, compiled once."""
        edges = cell_edges(state)
        own = isinstance(schedule, PiecewiseConstant) and state.family == "drawn"
        values = state.drawn if own else drawn_from(state, schedule)
        return PiecewiseConstant(edges, [1.0, *values, 0.0])

    def plane(self, state: State):
        """That of two parameters; the principal one of the family of trainings otherwise."""
        key = state.deleted, state.ridge, state.axes
        if state.axes is not None:
            fit = np.asarray(self.initial.theta0)
            return self.kept("plane", key, lambda: coordinate_plane(fit, state.axes))

        def principal():
            steady = dataclasses.replace(
                self.initial, deleted=state.deleted, ridge=state.ridge, axes=None
            )
            return principal_plane(list(self._family(steady)))

        return self.kept("plane", key, principal)

    def seen(self, state: State) -> Float[np.ndarray, " 2"]:
        """Where θ₀ is seen in the plane."""
        return self.plane(state).project(np.array(state.theta0))

    def moved(self, state, point):
        plane, theta0 = self.plane(state), np.array(state.theta0)
        theta0 = theta0 + (point - plane.project(theta0)) @ plane.directions
        return state.but(theta0=tuple(theta0.tolist()))

    def _times(self, state):
        return looked_at(Step(state.start), state.start, state.horizon)

    def _family(self, state) -> Float[np.ndarray, "k m d"]:
        """θ(t, ε) at the weights of the family and of the state."""
        weights = np.array([*FAMILY, state.epsilon])
        key = (state.deleted, state.ridge, state.theta0, state.start, state.horizon, state.epsilon)
        return self.kept(
            "family",
            key,
            lambda: np.asarray(
                homotopy(
                    self.problem(state),
                    np.array(state.theta0),
                    self._times(state),
                    weights,
                    method=METHOD,
                ).theta
            ),
        )

    def picture(self, state, schedule, quick=False):
        deletion, cells = self.deletion(state), self._cells(state, schedule)
        plane, times = self.plane(state), self._times(state)
        path = self._path(state)
        target = np.asarray(deletion.target)

        def followed(what):
            theta = flow(deletion.problem, what, deletion.theta0, times, method=METHOD).theta
            return np.asarray(theta)

        def distances(theta):
            return 0.5 * np.sum((theta - target) ** 2, axis=1)

        edges = cell_edges(state)
        zeros, ones = np.zeros(len(state.drawn)), np.ones(len(state.drawn))
        at_once = followed(PiecewiseConstant(edges, [1.0, *zeros, 0.0]))
        late = followed(PiecewiseConstant(edges, [1.0, *ones, 0.0]))
        theta, family = followed(cells), self._family(state)
        _, gradient = deletion.value_and_gradient(cells)
        widths = np.diff(edges)
        # δℰ/δε = −φ: of a cell, −∫φ.
        phi = -np.asarray(gradient.values)[1:-1] / widths
        place = plane.project
        limits = np.asarray(path.theta)
        response_path = place(limits[np.isfinite(limits).all(axis=1)])
        nearest = int(np.argmin(np.abs(RESPONSE - state.epsilon)))
        equilibrium = limits[nearest]
        if not np.isfinite(equilibrium).all():
            equilibrium = family[-1, -1]
        full = limits[-1] if np.isfinite(limits[-1]).all() else family[-2, -1]
        after = times + 1e-12 * times[-1]
        both = np.asarray(cells(np.concatenate([times, after])))
        costs = distances(theta)
        names = self.parameter_names
        labels = plane.labels if state.axes is None else tuple(names[axis] for axis in state.axes)
        return Picture(
            labels=labels,
            times=times,
            weights=both[: len(times)],
            weights_after=both[len(times) :],
            path=place(theta),
            switches=np.zeros((0, 2)),
            constant=place(family[-1]),
            response=response_path,
            equilibrium=place(equilibrium),
            start=self.seen(state),
            end=place(theta[-1]),
            full_fit=place(full),
            deleted_fit=place(target),
            costs=costs,
            costs_at_once=distances(at_once),
            switching_times=np.repeat(edges, 2)[1:-1],
            switching=np.repeat(phi, 2),
            cost=float(costs[-1]),
            compared={
                AT_ONCE: float(distances(at_once)[-1]),
                AT_HORIZON: float(distances(late)[-1]),
            },
            theta_end=theta[-1],
            family={weight: place(one) for weight, one in zip(FAMILY, family[:-1], strict=True)},
        )

    def velocity(self, state, epsilon):
        problem, plane = self.problem(state), self.plane(state)
        # At the points of the plane through θ₀.
        offset = np.array(state.theta0)
        offset = offset - plane.project(offset) @ plane.directions

        def velocity(q):
            theta = offset + (q @ plane.directions)
            slopes = _gradients(problem, jnp.asarray(theta), jnp.asarray(epsilon))
            return -np.asarray(slopes) @ plane.directions.T

        return velocity

    def points(self, state):
        key = state.deleted, state.ridge, state.theta0

        def found():
            problem = self.problem(state)
            fit = self._path(state).theta[-1]
            every = range(problem.size)
            delta = predict(problem, Influence(), theta=fit, points=every, throw=False).delta
            sizes = np.linalg.norm(np.asarray(delta), axis=1)
            levers = np.asarray(leverage(problem, fit), dtype=float)
            known = np.flatnonzero(np.isfinite(sizes) & np.isfinite(levers))
            return Points(self.row_names(), levers, sizes, sizes, known, truth=False)

        return self.kept("points", key, found)

    def search(self, state):
        best = optimise(self.deletion(state), over=Cells(CELLS, max_steps=STEPS))
        words = f"weights of {CELLS} cells: {best.status._enumeration[best.status]}"
        return Found(best.schedule, float(best.cost), words)

    def warm(self) -> None:
        """Compile what the first picture needs."""
        self.picture(self.initial, schedule_of(self.initial))

    def problem_lines(self, state):
        return [
            f"problem = hm.Problem(model, hm.SquaredError(), X, y, deleted={list(state.deleted)}, "
            f"ridge={state.ridge!r})"
        ]

    def deletion_lines(self, state):
        return [
            "import diffrax",
            "method = hm.Adaptive(rtol=1e-6, atol=1e-8, solver=diffrax.Tsit5(), max_steps=2**15)",
            f"weights = np.linspace(0.0, 1.0, {len(RESPONSE)})",
            "target = hm.response(problem, weights, theta0, throw=False).theta[0]",
            "deletion = hm.Deletion(",
            f"    problem, theta0, start={state.start!r}, horizon={state.horizon!r},",
            "    target=target, method=method,",
            ")",
        ]

    def switching_lines(self):
        return [
            "gradient = deletion.value_and_gradient(schedule)[1]",
            "phi = -np.asarray(gradient.values)[1:-1] / np.diff(edges)  # means over the cells",
        ]

    def drawing_lines(self, state):
        first, second = state.axes or (0, 1)
        return [
            "import matplotlib.pyplot as plt",
            "ax = plt.figure().subplots()",
            f"ax.plot(path.theta[:, {first}], path.theta[:, {second}])",
        ]

    def schedule_lines(self, state, schedule):
        return cell_lines(state, np.asarray(self._cells(state, schedule).values)[1:-1].tolist())


def first_neuron(problem: Problem) -> tuple[int, int] | None:
    """Places in θ of the first neuron's input and output weight; of other models the first two."""
    if not isinstance(problem.model, MultilayerPerceptron):
        return (0, 1) if problem.dimension > 1 else None
    names = problem.model.parameter_names(None)
    weights = [place for place, name in enumerate(names) if name.endswith("weight[0,0]")]
    return (weights[0], weights[-1]) if len(weights) > 1 else None


@jit_outermost
def _gradients(problem, theta, epsilon):
    return jax.vmap(lambda one: problem.gradient(one, epsilon))(theta)
