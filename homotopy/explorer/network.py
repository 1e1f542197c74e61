"""Any other differentiable model, as a perceptron, explored: followed in fixed steps."""

from __future__ import annotations

import dataclasses
from concurrent.futures import ThreadPoolExecutor

import diffrax
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from homotopy._jit import jit_outermost
from homotopy.deletion import Deletion
from homotopy.deletion._optimise import optimise
from homotopy.deletion.searches import Cells
from homotopy.explorer.code_lines import (
    cell_lines,
    family_lines,
    model_lines,
    weight_argument,
    weight_lines,
)
from homotopy.explorer.examples import perceptron_times
from homotopy.explorer.explored import RESPONSE, AbstractExplored, Found
from homotopy.explorer.fixed_steps import (
    curvatures,
    mean_weights,
    step_edges,
    trained,
    weight_gradient,
)
from homotopy.explorer.origin import Origin
from homotopy.explorer.picture import Picture, Points, arrows
from homotopy.explorer.planes import coordinate_plane
from homotopy.explorer.schedules import schedule_of
from homotopy.explorer.state import CELLS, State, rounded
from homotopy.flows import Adaptive
from homotopy.influence import predict
from homotopy.influence.diagnostics import leverage
from homotopy.influence.estimators import Influence
from homotopy.labels import keep_labels
from homotopy.models import MultilayerPerceptron
from homotopy.plotting.plane import principal_plane
from homotopy.problem import Problem
from homotopy.responses import response

# Stiff only near the end of training, when nothing moves any more: explicit.
METHOD = Adaptive(rtol=1e-6, atol=1e-8, solver=diffrax.Tsit5(), max_steps=2**15)
FAMILY = (0.0, 0.25, 0.5, 0.75, 1.0)  # ε whose trainings are drawn
SHOWN = 181  # times of a curve, and a third as many more
STEPS = 30  # of a search
_BESIDE = ThreadPoolExecutor(1, thread_name_prefix="explorer-beside")
AT_ONCE, AT_HORIZON = "delete at once", "keep until T"


class NetworkExplored(AbstractExplored):
    """A problem without closed forms behind states.

    Training is followed in fixed steps (`fixed_steps`), a schedule by its mean over each. The axes
    at first are input and output weight of the first neuron of a perceptron.

    Parameters
    ----------
    problem : Problem
    theta0 : (d,)
    times : (s, T), optional
        Shown first; five and a hundred time constants of the fastest mode at θ₀ by default.
    origin : Origin
    """

    drags = certifies = False

    def __init__(self, problem: Problem, theta0, times: tuple[float, float] | None, origin: Origin):
        super().__init__()
        self._problem, self.origin = problem, origin
        theta0 = np.asarray(problem.parameters(theta0), dtype=float)
        start, horizon = perceptron_times(problem, theta0) if times is None else times
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
        self._rested: State | None = None  # what was shown last while nothing was dragged

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

    def plane(self, state: State):
        """That of two parameters; the principal one of trainings from the first θ₀ otherwise."""
        if state.axes is not None:
            return coordinate_plane(np.array(self.initial.theta0), state.axes)

        def principal():
            steady = dataclasses.replace(
                self.initial, deleted=state.deleted, ridge=state.ridge, axes=None
            )
            edges = step_edges(steady, self._largest(steady))
            weights = np.stack([np.full(len(edges) - 1, weight) for weight in FAMILY])
            theta0 = np.array(steady.theta0)
            paths = trained(self.problem(steady), theta0, weights, np.diff(edges))
            return principal_plane(list(np.asarray(paths)))

        return self.kept("plane", (state.deleted, state.ridge), principal)

    def seen(self, state: State) -> Float[np.ndarray, " 2"]:
        """Where θ₀ is seen in the plane."""
        return self.plane(state).project(np.array(state.theta0))

    def moved(self, state, point):
        plane, theta0 = self.plane(state), np.array(state.theta0)
        theta0 = theta0 + (point - plane.project(theta0)) @ plane.directions
        return state.but(theta0=tuple(theta0.tolist()))

    def _largest(self, state) -> float:
        """The largest curvature on the way from θ₀ with and without the rows."""
        return self.kept(
            "curvature",
            (state.deleted, state.ridge, state.theta0, state.horizon),
            lambda: self._measured(state),
        )

    def _measured(self, state):
        problem, theta0 = self.problem(state), np.array(state.theta0)
        ends = np.stack([theta0, np.asarray(self._path(state).theta[-1]), self._deleted_fit(state)])
        ends = np.where(np.isfinite(ends), ends, theta0)
        largest = float(np.max(np.asarray(curvatures(problem, ends))))
        for _ in range(3):
            edges = step_edges(state, 1.1 * largest)
            weights = np.stack([np.ones(len(edges) - 1), np.zeros(len(edges) - 1)])
            paths = np.asarray(trained(problem, theta0, weights, np.diff(edges)))
            met = paths[:, :: max(1, len(edges) // 16)].reshape(-1, theta0.size)
            found = np.asarray(curvatures(problem, met)) if np.isfinite(met).all() else [np.inf]
            if max(found) <= 1.1 * largest:
                break
            largest = float(max(found)) if np.isfinite(max(found)) else 4.0 * largest
        return 1.1 * largest

    def drag(self, state, schedule):
        return None  # θ(t) is not affine in θ₀

    def picture(self, state, schedule, quick=False):
        if quick and self._rested is not None:
            # While θ₀ is dragged, θ(ε), θ*₋ and the steps are those of where that began.
            rested = state.but(theta0=self._rested.theta0)
            try:
                return self._pictured(state, schedule, rested)
            except RuntimeError:  # too long steps for where θ₀ is now
                pass
        picture = self._pictured(state, schedule, state)
        self._rested = state
        return picture

    def _pictured(self, state, schedule, rested):
        problem, theta0 = self.problem(state), np.array(state.theta0)
        plane, path, target = self.plane(state), self._path(rested), self._deleted_fit(rested)
        edges = step_edges(state, self._largest(rested))
        widths = np.diff(edges)
        own = mean_weights(schedule, edges)
        kept = edges[:-1] < state.start
        constant = [np.full(len(widths), weight) for weight in (*FAMILY, state.epsilon)]
        every = np.stack([own, kept.astype(float), np.ones(len(widths)), *constant])
        # Beside each other: neither uses more than one core, nor do their compilers.
        waited = _BESIDE.submit(weight_gradient, problem, theta0, target, own, widths)
        theta = np.asarray(trained(problem, theta0, every, widths))
        slope = np.asarray(waited.result())
        if not np.isfinite(theta).all():
            raise RuntimeError("training ran away from this θ₀: choose another, or a larger ridge.")
        moving = widths > 0.0
        # δℰ/δε = −φ.
        phi = -slope[moving] / widths[moving]
        last = int(moving.sum())
        # The first steps go far.
        even, early = np.linspace(0, last, SHOWN), np.geomspace(1, max(last, 1), SHOWN // 3)
        shown = np.unique(np.concatenate([even, early]).round().astype(int))
        times, theta = edges[shown], theta[:, shown]
        distances = 0.5 * np.sum((theta[:3] - target) ** 2, axis=2)
        limits = np.asarray(path.theta)
        known = np.isfinite(limits).all(axis=1)
        equilibrium = limits[int(np.argmin(np.abs(RESPONSE - state.epsilon)))]
        places = plane.project(theta)
        steps = own[moving]
        names = self.parameter_names
        labels = plane.labels if state.axes is None else tuple(names[axis] for axis in state.axes)
        return Picture(
            labels=labels,
            times=times,
            weights=steps[np.maximum(shown - 1, 0)],
            weights_after=np.append(steps, 0.0)[shown],
            path=places[0],
            switches=np.zeros((0, 2)),
            constant=places[-1],
            response=plane.project(limits[known]),
            equilibrium=plane.project(
                equilibrium if np.isfinite(equilibrium).all() else theta[-1, -1]
            ),
            start=self.seen(state),
            end=places[0, -1],
            full_fit=plane.project(limits[-1] if known[-1] else theta[-2, -1]),
            deleted_fit=plane.project(target),
            costs=distances[0],
            costs_at_once=distances[1],
            switching_times=(edges[:-1][moving] + edges[1:][moving]) / 2,
            switching=phi,
            cost=float(distances[0, -1]),
            compared={AT_ONCE: float(distances[1, -1]), AT_HORIZON: float(distances[2, -1])},
            theta_end=theta[0, -1],
            family=dict(zip(FAMILY, places[3:-1], strict=True)),
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
            return self._pointed(self.problem(state), self._path(state).theta[-1])

        return self.kept("points", key, found)

    def _pointed(self, problem, fit):
        every = range(problem.size)
        delta = predict(problem, Influence(), theta=fit, points=every, throw=False).delta
        sizes = np.linalg.norm(np.asarray(delta), axis=1)
        levers = np.asarray(leverage(problem, fit), dtype=float)
        known = np.flatnonzero(np.isfinite(sizes) & np.isfinite(levers))
        return Points(self.row_names(), levers, sizes, sizes, known, truth=False)

    def search(self, state):
        best = optimise(self.deletion(state), over=Cells(CELLS, max_steps=STEPS))
        words = f"weights of {CELLS} cells: {best.status._enumeration[best.status]}"
        return Found(best.schedule, float(best.cost), words)

    def warm(self) -> None:
        """Compile what the first page needs: what does not wait for θ(ε) beside it."""
        state, schedule = self.initial, schedule_of(self.initial)
        waited = _BESIDE.submit(self._warm_beside, state, schedule)
        self._path(state)
        waited.result()
        self.picture(state, schedule)
        self.points(state)

    def _warm_beside(self, state, schedule):
        """The programs of a picture, on numbers of the same shapes."""
        problem, theta0 = self.problem(state), np.array(state.theta0)
        largest = 1.1 * float(curvatures(problem, theta0[None, :])[0])
        edges = step_edges(state, largest)
        own = mean_weights(schedule, edges)
        trained(problem, theta0, own[None, :], np.diff(edges))
        weight_gradient(problem, theta0, theta0, own, np.diff(edges)).block_until_ready()
        arrows(self.velocity(state, 1.0), ((0.0, 1.0), (0.0, 1.0)))
        self._pointed(problem, theta0)

    def problem_lines(self, state):
        problem = self._problem
        known = [] if self.origin.has_model else model_lines(problem.model)
        return [
            *known,
            *weight_lines(problem),
            "problem = hm.Problem(",
            f"    model, hm.losses.{problem.loss!r}, X, y, deleted={list(state.deleted)}, "
            f"ridge={state.ridge!r}{weight_argument(problem)}",
            ")",
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
            "# φ(t), which takes a minute to compile for a network:",
            "# phi = np.asarray(deletion.switching_function(schedule)(times))",
        ]

    def drawing_lines(self, state):
        first, second = state.axes or (0, 1)
        return [
            "import matplotlib.pyplot as plt",
            "ax = plt.figure().subplots()",
            f"ax.plot(path.theta[:, {first}], path.theta[:, {second}])",
        ]

    def schedule_lines(self, state, schedule):
        if state.family == "learned":
            return cell_lines(state, np.asarray(schedule.piece_values)[1:-1].tolist())
        return family_lines(state)


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
