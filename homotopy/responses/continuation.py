"""θ(ε) by continuation: the local minimum that training finds at ε = 1, followed down in ε."""

from __future__ import annotations

from typing import TYPE_CHECKING

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from homotopy._checks import concrete, fraction, integer, number
from homotopy.existence import decide_existence
from homotopy.flows._train import Training, TrainingStatus, train
from homotopy.problem import Problem
from homotopy.responses.arclength import at_weight, at_weights
from homotopy.responses.branch import Branch, Event, EventKind
from homotopy.responses.interpolation import guesses
from homotopy.responses.method import AbstractResponse
from homotopy.responses.path import ResponsePath, ResponseStatus, path_through, with_ends
from homotopy.responses.tracing import trace

if TYPE_CHECKING:
    import diffrax

_KICK = 1e-2  # of the size of θ: how far past an event training starts, along the kernel
_NEWTON_STEPS = 30
_FURTHER = (1.0, 10.0, 100.0)


class Continuation(AbstractResponse):
    """θ(ε) as the local minimum that training from θ₀ finds at ε = 1, followed to ε = 0.

    Stationary points ∇R_ε(θ) = 0 are followed by a predictor and Newton corrector in
    pseudo-arclength, with steps short enough to stay on the branch (theory §2). Where the smallest
    eigenvalue of the Hessian comes to zero the minimum ends: at a fold, where the branch turns
    back, or at a branch point (`EventKind`). That place is located, and as gradient descent would,
    training goes on from just past it to another minimum, which is followed in turn. At each ε
    asked for θ is solved by Newton's method to rounding. Where the classes of the retained points
    can be separated θ(ε) diverges as ε → 0, and is followed to the smallest ε > 0 asked for.

    The default for problems that are not a `LinearRegression`. Runs as a Python loop of compiled
    steps: not under `jax.jit`.

    Parameters
    ----------
    largest_step : float
        In arclength √(‖Δθ‖²/s² + Δε²), s the larger of ‖θ(1)‖ and ‖θ̇(1)‖.
    past : float
        How far below the ε of an event training goes on; ten and a hundred times as far, where it
        comes to no minimum: just past a bifurcation the risk is flat.
    beyond : int
        So many points of the saddles beyond each event are recorded in its branch, for drawing.
    max_steps : int
        Steps of all branches together, those taken again counted.
    max_jumps : int
        Events after which to give up.
    tolerance, solver, flow_steps
        Of training, see `train`.

    Raises
    ------
    ValueError
        Naming the parameter.

    Examples
    --------
    >>> import homotopy as hm
    >>> hm.enable_x64()
    >>> problem = hm.LinearRegression([[1.0], [1.0]], [0.0, 1.0], deleted=1)
    >>> path = hm.response(problem, [0.0, 1.0], [3.0], method=hm.responses.Continuation())
    >>> path.theta[:, 0].round(12).tolist(), bool(path.successful)
    ([0.0, 0.5], True)
    """

    largest_step: float = 0.1
    past: float = 1e-4
    beyond: int = 0
    max_steps: int = 2000
    max_jumps: int = 16
    tolerance: float = 1e-6
    solver: diffrax.AbstractSolver | None = None
    flow_steps: int = 4096

    def __check_init__(self):
        for name in ("largest_step", "past"):
            number(name, getattr(self, name), "a number in (0, 1]", lambda x: 0.0 < x <= 1.0)
        for name, least in (("beyond", 0), ("max_steps", 1), ("max_jumps", 0), ("flow_steps", 1)):
            integer(name, getattr(self, name), least)
        fraction("tolerance", self.tolerance)
        if self.solver is not None:
            from homotopy.flows._diffrax import a_solver

            a_solver("solver", self.solver)

    def path(
        self, problem: Problem, epsilons: Float[Array, " k"], theta0: Float[Array, " d"]
    ) -> ResponsePath:
        """θ at each ε; NaN from where on no minimum was reached."""
        return self.path_over(problem, epsilons, theta0, None, None)

    def path_over(self, problem, epsilons, theta0, devices, client):
        """As `path`: branches are followed here, and the weights asked for solved where there is
        room.
        """
        if concrete(epsilons) is None or concrete(theta0) is None:
            raise ValueError(
                "epsilons, theta0: Continuation works outside jax.jit; use train under jax.vmap."
            )
        training = self._train(problem, theta0, 1.0)
        diverges = decide_existence(problem, problem.known_weights(0.0)).denied
        until = _smallest_positive(epsilons) if diverges else 0.0
        branches, events, status = self._branches(problem, training, until)
        theta, points, stray = _solved(
            problem, branches, events, with_ends(epsilons), devices, client
        )
        path = path_through(
            epsilons,
            theta,
            points,
            status,
            branches=tuple(branches),
            events=tuple(events),
            training=training,
        )
        complete = status == ResponseStatus.successful or status == ResponseStatus.jumped
        reached = np.asarray(path.minimum) | (diverges & (np.asarray(epsilons) == 0.0))
        if complete and (stray or not reached.all()):
            path = eqx.tree_at(lambda p: p.status, path, ResponseStatus.unresolved)
        elif complete and diverges:
            path = eqx.tree_at(lambda p: p.status, path, ResponseStatus.diverges)
        return path

    def _train(self, problem, theta0, epsilon) -> Training:
        epsilon = jnp.asarray(epsilon, problem.X.dtype)
        return train(
            problem,
            theta0,
            epsilon,
            tolerance=self.tolerance,
            solver=self.solver,
            max_steps=self.flow_steps,
            throw=False,
            progress=False,  # the path is shown
        )

    def _branches(
        self, problem: Problem, training: Training, until: float
    ) -> tuple[list[Branch], list[Event], ResponseStatus]:
        """The branches of minima, the events that end them, and how it ended."""
        if not bool(training.status == TrainingStatus.successful):
            return [], [], ResponseStatus.training_failed
        branches, events, steps = [], [], 0
        theta, epsilon = training.theta, 1.0
        scale = _scale(problem, theta)
        while True:
            traced = trace(
                problem,
                theta,
                epsilon,
                scale,
                largest_step=self.largest_step,
                max_steps=self.max_steps - steps,
                beyond=self.beyond,
                until=until,
            )
            branches.append(traced.branch)
            steps += traced.steps
            if traced.event is None:
                jumped = traced.status == ResponseStatus.successful and events
                return branches, events, ResponseStatus.jumped if jumped else traced.status
            events.append(self._landed(problem, traced.event, scale))
            landing = events[-1].landing
            if landing is None:
                return branches, events, ResponseStatus.unresolved
            if not bool(landing.status == TrainingStatus.successful):
                return branches, events, ResponseStatus.landing_failed
            if len(events) > self.max_jumps:
                return branches, events, ResponseStatus.step_limit
            theta, epsilon = landing.theta, float(events[-1].landing_epsilon)

    def _landed(self, problem: Problem, event: Event, scale: float) -> Event:
        """The event with training from just past it, or further where it comes to no minimum."""
        if float(event.epsilon) <= 0.0:
            return event
        for further in _FURTHER:
            below = jnp.maximum(event.epsilon - further * self.past, 0.0)
            landing = self._train(problem, _start(problem, event, below, scale), below)
            if bool(landing.status == TrainingStatus.successful) or float(below) == 0.0:
                break
        return Event(event.kind, event.epsilon, event.theta, event.direction, landing, below)


def _smallest_positive(epsilons) -> float:
    known = np.asarray(epsilons)
    return float(np.min(known[known > 0.0], initial=1.0))


def _start(problem: Problem, event: Event, below, scale: float) -> Float[Array, " d"]:
    """Where training starts, at a weight below that of the event."""
    if event.kind == EventKind.merging:
        return event.theta
    kick = _KICK * scale * event.direction
    if event.kind == EventKind.fold:
        return event.theta + kick
    return _downhill(problem, event.theta, kick, below)


@eqx.filter_jit
def _downhill(problem, theta, kick, epsilon):
    """Kicked the way that the risk falls further; where it falls alike, by symmetry, onwards."""
    ahead, here, back = (problem.risk(theta + part * kick, epsilon) for part in (1.0, 0.0, -1.0))
    # θ itself is not exact: a broken symmetry leaves a small difference, of either sign.
    change = jnp.maximum(jnp.abs(ahead - here), jnp.abs(back - here))
    return theta + jnp.where(ahead - back > 0.01 * change, -kick, kick)


def _scale(problem: Problem, theta: Float[Array, " d"]) -> float:
    """The size of the parameters, or of their change, whichever is larger; 1 for neither."""
    velocity = at_weight(problem, theta, 1.0, 1.0).point.velocity
    size = max(float(np.linalg.norm(theta)), float(np.linalg.norm(velocity)))
    return size if size > 0.0 else 1.0


def _solved(problem, branches, events, epsilons, devices, client):
    """θ at each ε to rounding, what is known there, and whether Newton's method strayed.

    It has strayed where a branch reaches, and it ends elsewhere. NaN where none reaches.
    """
    weights = np.asarray(epsilons)
    if branches:
        guess, radius = guesses(branches, events, weights)
        scale = branches[0].scale
    else:
        guess, radius, scale = np.full((weights.size, problem.dimension), np.nan), 0.0, 1.0
    points = at_weights(problem, guess, weights, scale, _NEWTON_STEPS, devices, client)
    theta = np.stack([scale * point.z[:-1] for point in points])
    stray = np.linalg.norm(theta - guess, axis=1) > radius
    return np.where(stray[:, None], np.nan, theta), points, bool(stray.any())
