"""A linear regression, explored: everything in closed form, as fast as a pointer moves."""

from __future__ import annotations

import dataclasses

import jax
import numpy as np
from jaxtyping import Float, Int

from homotopy.deletion import Deletion
from homotopy.deletion._optimise import optimise
from homotopy.deletion._portrait import portrait_plane
from homotopy.deletion.searches import BangBangs, Everything, Splines
from homotopy.explorer.closed_form import TOLERANCE, ClosedForm, Followed, Superposition
from homotopy.explorer.code_lines import exact_lines, family_lines, weight_argument, weight_lines
from homotopy.explorer.drag import Drag
from homotopy.explorer.explored import RESPONSE, AbstractExplored, Found
from homotopy.explorer.origin import Origin
from homotopy.explorer.picture import Picture, Points
from homotopy.explorer.planes import coordinate_plane
from homotopy.explorer.schedules import looked_at, schedule_of
from homotopy.explorer.state import State, alike, rounded
from homotopy.flows import Exact
from homotopy.influence import predict
from homotopy.influence.diagnostics import leverage
from homotopy.influence.estimators import Influence, LeaveOneOut
from homotopy.labels import keep_labels
from homotopy.linear import LinearRegression
from homotopy.schedules import AbstractSchedule, Constant, Spline, Step

SWITCHES = 3  # of the best schedule under the pointer
SECONDS = 20.0  # that a certificate may take
KNOTS = 6  # of a learned spline
AT_ONCE, AT_HORIZON = "delete at once", "keep until T"
CONSTANT_TIMES = np.concatenate([[0.0], np.geomspace(1e-4, 1.0, 119)])  # of T


class RegressionExplored(AbstractExplored):
    """A `LinearRegression` behind states.

    Parameters
    ----------
    deletion : Deletion
        Its rows, θ₀, s, T and ridge are shown first.
    origin : Origin
    """

    drags = certifies = True

    def __init__(self, deletion: Deletion, origin: Origin):
        super().__init__()
        problem = deletion.problem
        self._problem, self.origin = problem, origin
        start, horizon = float(deletion.start), float(deletion.horizon)
        self.initial = State(
            theta0=tuple(np.asarray(deletion.theta0, float).tolist()),
            deleted=tuple(np.asarray(problem.deleted).tolist()),
            start=start,
            switch=rounded(start + 0.25 * (horizon - start)),
            horizon=horizon,
            ridge=float(problem.ridge),
        )
        self.longest = rounded(3.0 * horizon)

    def problem(self, state: State) -> LinearRegression:
        key = state.deleted, state.ridge
        return self.kept("problem", key, lambda: self._rebuilt(state))

    def _rebuilt(self, state):
        known = self._problem
        if state.ridge == float(known.ridge):
            same = state.deleted == tuple(np.asarray(known.deleted).tolist())
            return known if same else known.deleting(list(state.deleted))
        weights = None if known.point_weights is None else np.asarray(known.point_weights)
        rebuilt = LinearRegression(
            np.asarray(known.X),
            np.asarray(known.y),
            deleted=list(state.deleted),
            ridge=state.ridge,
            weights=weights,
        )
        keep_labels(rebuilt.X, known.labels)
        return rebuilt

    def _form(self, state) -> ClosedForm:
        return self.kept(
            "form", (state.deleted, state.ridge), lambda: ClosedForm(self.problem(state))
        )

    def deletion(self, state: State) -> Deletion:
        """The deletion problem of a state."""
        return Deletion(
            self.problem(state),
            np.array(state.theta0),
            state.start,
            state.horizon,
            method=Exact(tolerance=TOLERANCE),
        )

    def plane(self, state: State):
        """The plane that is drawn: of two parameters, or the principal one of the first θ₀.

        It does not follow θ₀, lest the picture turn while something is dragged in it.
        """
        return self.kept(
            "plane", (state.deleted, state.ridge, state.axes), lambda: self._plane(state)
        )

    def _plane(self, state):
        if state.axes is not None:
            fit = np.asarray(self.problem(state).deleted_fit(np.array(state.theta0)))
            return coordinate_plane(fit, state.axes)
        first = self.initial
        steady = dataclasses.replace(first, deleted=state.deleted, ridge=state.ridge)
        paths = {"at once": Step(first.start), "later": Step(first.horizon)}
        return portrait_plane(self.deletion(steady), paths)

    @property
    def against_time(self) -> bool:
        """Whether the first coordinate is time: for one parameter, which has no plane."""
        return len(self.initial.theta0) == 1

    def labels(self, state: State) -> tuple[str, str]:
        """Of the axes."""
        names = self.parameter_names
        if self.against_time:
            return "time t", names[0]
        if state.axes is not None:
            return names[state.axes[0]], names[state.axes[1]]
        plane = self.plane(state)
        return (names[0], names[1]) if plane.is_identity else plane.labels

    def moved(self, state, point):
        theta0 = np.array(state.theta0)
        if self.against_time:
            return state.but(theta0=(rounded(point[1]),))
        plane = self.plane(state)
        theta0 = theta0 + (point - plane.project(theta0)) @ plane.directions
        # Rounded, it would leave a plane that is none of the coordinates.
        return state.but(theta0=tuple(theta0.tolist() if not plane.is_identity else alike(theta0)))

    def seen(self, state: State) -> Float[np.ndarray, " 2"]:
        """Where θ₀ is seen in the plane."""
        theta0 = np.array(state.theta0)
        return (
            np.array([0.0, theta0[0]]) if self.against_time else self.plane(state).project(theta0)
        )

    def _times(self, state, schedule):
        key = fingerprint(schedule), state.start, state.horizon
        return self.kept("times", key, lambda: looked_at(schedule, state.start, state.horizon))

    def _beside(self, state, times):
        """What is followed beside the schedule: deleting at once, keeping until T, a constant ε."""
        return (
            (Step(state.start), times),
            (Step(state.horizon), times[-1:]),
            (Constant(state.epsilon), state.horizon * CONSTANT_TIMES),
        )

    def _followed(self, state, schedule) -> Followed:
        times = self._times(state, schedule)
        key = dataclasses.replace(state, family="step", axes=None), fingerprint(schedule)
        return self.kept(
            "followed",
            key,
            lambda: self._form(state).follow(
                np.array(state.theta0), schedule, times, self._beside(state, times)
            ),
        )

    def picture(self, state, schedule, quick=False):
        form, horizon = self._form(state), state.horizon
        times = self._times(state, schedule)
        followed = self._followed(state, schedule)
        at_once, late, constant = followed.beside
        start, costs_at_once = followed.start, followed.costs_of(at_once)
        constant_times = horizon * CONSTANT_TIMES
        response = form.fits(RESPONSE, start)
        equilibrium = form.fits(np.array([state.epsilon]), start)

        def place(states, at):
            theta = form.parameters(states)
            if self.against_time:
                return np.stack([np.broadcast_to(at, theta.shape[:1]), theta[:, 0]], axis=1)
            return self.plane(state).project(theta)

        path = place(followed.states, times)
        path[0] = self.seen(state)
        ends = np.stack([response[-1], response[0], equilibrium[0]])
        full_fit, deleted_fit, limit = place(ends, horizon)
        weights, after = self.kept(
            "weights", (fingerprint(schedule), horizon), lambda: weights_of(schedule, times)
        )
        return Picture(
            labels=self.labels(state),
            times=times,
            weights=weights,
            weights_after=after,
            path=path,
            switches=path[switched(schedule, times)],
            constant=place(constant, constant_times),
            response=place(response, horizon),
            equilibrium=limit,
            start=path[0],
            end=path[-1],
            full_fit=full_fit,
            deleted_fit=deleted_fit,
            costs=followed.costs,
            costs_at_once=costs_at_once,
            switching_times=times,
            switching=followed.switching,
            cost=followed.cost,
            compared={
                AT_ONCE: float(costs_at_once[-1]),
                AT_HORIZON: float(followed.costs_of(late)[0]),
            },
            theta_end=np.asarray(form.parameters(followed.states[-1])),
        )

    def drag(self, state, schedule):
        form, times = self._form(state), self._times(state, schedule)
        # Against time only the height is θ.
        sides = np.array([[0.0], [1.0]]) if self.against_time else self.plane(state).directions
        beside = self._beside(state, times)
        sums = Superposition(self._followed(state, schedule), sides, schedule, times, beside)
        at_once, late, constant = sums.beside
        picture = self.picture(state, schedule)

        def place(parts, base):
            """What is drawn at rest, and what a unit of each coordinate adds."""
            return np.concatenate([base[None], parts[1:] @ form.modal.basis.T @ sides.T])

        path = place(sums.states, picture.path)
        response = place(sums.fits(RESPONSE), picture.response)
        limit = place(sums.fits(np.array([state.epsilon])), picture.equilibrium[None])
        at = picture.start
        path[1:, 0] = np.eye(2) if not self.against_time else [[0.0, 0.0], [0.0, 1.0]]
        return Drag(
            at=at,
            path=path,
            constant=place(constant, picture.constant),
            response=response,
            switches=path[:, switched(schedule, times)],
            end=path[:, -1],
            equilibrium=limit[:, 0],
            full_fit=response[:, -1],
            deleted_fit=response[:, 0],
            costs=sums.gaps(sums.states),
            costs_at_once=sums.gaps(at_once),
            switching=sums.switching,
            compared={
                AT_ONCE: sums.gaps(at_once[:, -1:])[:, :, 0],
                AT_HORIZON: sums.gaps(late)[:, :, 0],
            },
        )

    def velocity(self, state, epsilon):
        problem, plane = self.problem(state), self.plane(state)

        def parts():
            centre = problem.parameters(plane.centre)
            return (
                -np.asarray(problem.gradient(centre, epsilon)),
                np.asarray(problem.hessian(centre, epsilon)),
            )

        key = state.deleted, state.ridge, state.axes, epsilon
        force, hessian = self.kept("field", key, parts)
        if self.against_time:
            return lambda q: np.stack([np.ones(len(q)), force[0] - hessian[0, 0] * q[:, 1]], axis=1)
        matrix = plane.directions @ hessian @ plane.directions.T
        offset = plane.directions @ force
        return lambda q: offset - q @ matrix.T

    def points(self, state):
        return self.kept("points", state.ridge, lambda: self._points(state))

    def _points(self, state) -> Points:
        problem = self.problem(state)
        every = range(problem.size)

        def size(estimator):
            delta = predict(problem, estimator, points=every, throw=False).delta
            return np.linalg.norm(np.asarray(delta), axis=1)

        change, influence = size(LeaveOneOut()), size(Influence())
        levers = np.asarray(leverage(problem), dtype=float)
        known = np.flatnonzero(np.isfinite(change) & np.isfinite(influence) & np.isfinite(levers))
        return Points(self.row_names(), levers, change, influence, known)

    def search(self, state):
        deletion = self.deletion(state)
        if state.family == "learned":
            best = optimise(deletion, over=Splines(KNOTS))
            return Found(
                best.schedule, float(best.cost), str(best.status._enumeration[best.status])
            )
        best = optimise(deletion, over=Everything(time_limit=SECONDS))
        words = f"{best.structure}: {best.status._enumeration[best.status]}"
        return Found(best.schedule, float(best.cost), words, float(best.lower_bound))

    def warm(self) -> None:
        """Compile what the first pictures of each family need."""
        state = self.initial
        for family in ("step", "drawn", "ramp", "polynomial"):
            state = state.but(family=family)
            self.picture(state, schedule_of(state))
        for epsilon in (0.0, 1.0):
            self.velocity(state, epsilon)
        self.points(state)

    def best_from(self, state: State) -> Found:
        """The best schedule with at most three switches: in a millisecond, once it is compiled."""
        best = optimise(self.deletion(state), over=BangBangs(SWITCHES))
        return Found(best.schedule, float(best.cost), best.structure)

    def problem_lines(self, state):
        ridge = f", ridge={state.ridge!r}" if state.ridge else ""
        deleted, weights = list(state.deleted), weight_argument(self._problem)
        return [
            *weight_lines(self._problem),
            f"problem = hm.LinearRegression(X, y, deleted={deleted}{ridge}{weights})",
        ]

    def deletion_lines(self, state):
        return exact_lines(state)

    def switching_lines(self):
        return ["phi = np.asarray(deletion.switching_function(schedule)(times))"]

    def drawing_lines(self, state):
        return ['ax = hm.portrait(deletion, {"this schedule": schedule}).plot()']

    def schedule_lines(self, state, schedule):
        searches = {
            "learned": f"hm.Splines({KNOTS})",
            "optimum": f"hm.Everything(time_limit={SECONDS!r})",
        }
        if state.family not in searches:
            return family_lines(state)
        # As it was found: a search that a busy machine cuts short would give another one.
        found = f"# found by hm.optimise(deletion, over={searches[state.family]})"
        if isinstance(schedule, Spline):
            knots, logits = (
                np.asarray(part).tolist() for part in (schedule.knots, schedule.logits)
            )
            return [found, f"schedule = hm.Spline({knots}, {logits})"]
        times = np.asarray(schedule.breakpoints).tolist()
        values = np.asarray(schedule.piece_values).tolist()
        return [found, f"schedule = hm.PiecewiseConstant({times}, {values})"]


def fingerprint(schedule: AbstractSchedule) -> tuple:
    """What tells a schedule from others."""
    leaves = (np.asarray(leaf) for leaf in jax.tree.leaves(schedule))
    return type(schedule), *(leaf.tobytes() for leaf in leaves)


def switched(schedule: AbstractSchedule, times: Float[np.ndarray, " m"]) -> Int[np.ndarray, " k"]:
    """Which of the times are those at which a schedule jumps or begins to vary."""
    inside = np.unique(np.asarray(schedule.breakpoints, dtype=float))
    return np.searchsorted(times, inside[(inside > 0.0) & (inside < times[-1])])


def weights_of(
    schedule: AbstractSchedule, times: Float[np.ndarray, " m"]
) -> tuple[Float[np.ndarray, " m"], Float[np.ndarray, " m"]]:
    """ε at the times, and just after them."""
    after = times + 1e-12 * max(times[-1], 1e-300)
    both = np.asarray(schedule(np.concatenate([times, after])))
    return both[: len(times)], both[len(times) :]
