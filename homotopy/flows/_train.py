"""Training to stationarity: the gradient flow to near its limit, and Newton's method to the end."""

from __future__ import annotations

from typing import TYPE_CHECKING

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Array, Bool, Float, Int

from homotopy._checks import ArrayInput, concrete, flag, fraction, integer, weight
from homotopy._display import Entries, largest, number
from homotopy._module import Module
from homotopy._progress import clock
from homotopy._result import Result, in_order, named
from homotopy._status import Reported, Status
from homotopy._tables import Table
from homotopy._threads import interruptible_unless_traced
from homotopy.evidence import gradient_rounding, stationarity
from homotopy.existence import affine_in_parameters, decide_existence, minimum_is_near
from homotopy.flows.linearly_implicit import FlowEnd, follow_gradient_flow
from homotopy.minima.newton import INDEFINITE, to_flow_limit
from homotopy.precision import reachable
from homotopy.problem import Problem, a_problem
from homotopy.seen_directions import seen_directions

if TYPE_CHECKING:
    import diffrax
    from matplotlib.axes import Axes

_NEARER = 0.1
_RESTING = 0.1  # of the tolerance: a gradient at which it rests even so, at a saddle


class TrainingStatus(Status):
    """Where training ended: `successful` at a local minimum.

    There the gradient vanishes to rounding, and the Hessian is positive definite.
    """

    degenerate = "stationary, but the Hessian is singular to rounding: add a ridge for one minimum"
    saddle = "a saddle: the flow came to rest where the Hessian has a negative eigenvalue"
    left_basin = "Newton's method left the basin of the flow: lower the tolerance"
    falling = "no minimum is near: the risk falls on along a nearly flat direction; add a ridge"
    separated = (
        "no minimum exists: the classes can be separated, and the risk falls on for ever; add a "
        "ridge"
    )
    step_limit = "the step budget was spent before the gradient vanished: raise max_steps"
    diverged = "the risk or its gradient left the finite numbers"


class Training(Result, Reported, Module):
    """The stationary point that the gradient flow tends to, and the evidence for it.

    Attributes
    ----------
    theta : (d,)
    status : TrainingStatus
    risk, gradient_norm : ()
        R_ε and ‖∇R_ε‖ there.
    rounding : ()
        What ‖∇R_ε‖ may be from rounding alone: of its terms, and of θ.
    smallest_eigenvalue, largest_eigenvalue : ()
        Of ∇²R_ε there; of a model affine in θ along what the points see of θ.
    basin_kept : ()
        Whether the flow, followed on from where it was left for Newton's method, comes ten times
        nearer to `theta`.
    flow_theta : (d,), flow_time : ()
        Where and when the flow was left.
    flow_steps, newton_steps : ()
    """

    theta: Float[Array, " d"]
    status: TrainingStatus
    risk: Float[Array, ""]
    gradient_norm: Float[Array, ""]
    rounding: Float[Array, ""]
    smallest_eigenvalue: Float[Array, ""]
    largest_eigenvalue: Float[Array, ""]
    basin_kept: Bool[Array, ""]
    flow_theta: Float[Array, " d"]
    flow_time: Float[Array, ""]
    flow_steps: Int[Array, ""]
    newton_steps: Int[Array, ""]

    _axes = (("theta", 1), ("risk", 0))

    def _entries(self) -> Entries:
        yield "θ", largest(self.theta, self._names.parameter_names(self.theta.size))
        yield "risk", self.risk
        yield "‖∇R‖", f"{number(self.gradient_norm, 3)}, rounding {number(self.rounding, 3)}"
        yield (
            "eigenvalues",
            (
                f"of the Hessian from {number(self.smallest_eigenvalue, 4)} to "
                f"{number(self.largest_eigenvalue, 4)}"
            ),
        )
        steps = f"{int(self.flow_steps)} of the flow, {int(self.newton_steps)} of Newton's method"
        yield "steps", steps
        yield "status", self.status

    def _table(self) -> Table:
        theta = np.asarray(self.theta)
        names = self._names.parameter_names(theta.size)
        columns = [("theta", theta), ("where the flow was left", np.asarray(self.flow_theta))]
        return Table(columns, [("parameter", names)], in_order(theta), "θ, largest first")

    def plot(self, ax: Axes | None = None, **options) -> Axes:
        """θ by parameter: all of them, or the largest where they are many.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            A new figure's by default.
        **options
            Of the dots, for `Axes.plot`.
        """
        from homotopy.plotting.by_parameter import draw_by_parameter

        theta = np.asarray(self.theta)
        names = self._names.own_parameters
        return draw_by_parameter(theta, names, "parameter θ", ax, **options)


def train(
    problem: Problem,
    theta0: ArrayInput,
    epsilon: ArrayLike = 1.0,
    *,
    tolerance: float = 1e-6,
    solver: diffrax.AbstractSolver | None = None,
    max_steps: int = 4096,
    throw: bool = True,
    progress: bool | None = None,
) -> Training:
    """The limit of the gradient flow of R_ε from θ₀ (theory §2, §3).

    The flow is followed, by a method for stiff equations, until ‖∇R_ε‖ has fallen to `tolerance` of
    what it was at θ₀; then Newton's method, damped where it does not descend, goes to rounding.
    Which stationary point is reached is for the flow to say: the result tells whether Newton's
    steps stayed where the risk is convex. A gradient that vanishes is not enough: of a logistic or
    softmax risk the minimum is proved from where training ended (`homotopy.existence`). Of a model
    that is affine in θ, what no point of positive weight sees stays as it is in θ₀, and does not
    count for the minimum, outside `jax.jit`. The Hessian is a dense (d, d) matrix. Works under
    `jax.jit` and, with throw=False, under `jax.vmap` over θ₀ and ε; not differentiable.

    Parameters
    ----------
    problem : Problem
    theta0 : (d,)
    epsilon : float
        Weight of the deleted points, in [0, 1].
    tolerance : float
        In (0, 1); below 64 units in the last place of the dtype it counts as those.
    solver : diffrax.AbstractSolver
        Of diffrax; by default RODAS, a linearly implicit method that takes an eigendecomposition of
        the Hessian a step. An explicit one for many parameters.
    max_steps : int
        Of the flow.
    throw : bool
        Whether anything but a minimum raises.
    progress : bool, optional
        By default a line shows the time that it has taken, in a terminal or a notebook, after two
        seconds; True shows it always, False never.

    Returns
    -------
    Training

    Raises
    ------
    TypeError
        Naming `problem` or `solver`.
    ValueError
        Naming `theta0`, `epsilon`, `tolerance` or `max_steps`.
    RuntimeError
        With the status, where no minimum was reached.

    Examples
    --------
    >>> import homotopy as hm
    >>> hm.enable_x64()
    >>> problem = hm.LinearRegression([[1.0], [1.0]], [0.0, 1.0], deleted=1)
    >>> trained = hm.train(problem, [3.0])
    >>> round(float(trained.theta[0]), 12), float(trained.smallest_eigenvalue)
    (0.5, 2.0)
    """
    fraction("tolerance", tolerance)
    integer("max_steps", max_steps)
    weight("epsilon", epsilon, traceable=True)
    flag("throw", throw)
    theta0 = a_problem(problem, rows=False).parameters(theta0)
    if solver is not None:
        from homotopy.flows._diffrax import a_solver

        a_solver("solver", solver)
    epsilon = jnp.asarray(epsilon, theta0.dtype)
    weights = problem.known_weights(epsilon)
    basis = None if weights is None else seen_directions(problem, weights > 0.0)
    seen, start = (problem, theta0) if basis is None else problem.along(basis, theta0)
    least = reachable(float(tolerance), theta0.dtype)
    arguments = seen, start, epsilon, least, solver, int(max_steps)
    with clock(progress, "training", arguments):
        trained = interruptible_unless_traced(flow_limit, *arguments)
    if basis is not None:
        trained = eqx.tree_at(
            lambda t: (t.theta, t.flow_theta),
            trained,
            replace_fn=lambda z: theta0 + basis @ (z - start),
        )
    trained = with_separation(problem, trained, epsilon)
    if throw:
        reached = concrete(trained.status == TrainingStatus.successful)
        if reached is None:
            raise ValueError("throw: pass throw=False under jax.jit and jax.vmap.")
        if not reached:
            raise RuntimeError(TrainingStatus[trained.status])
    return named(trained, problem)


def with_separation(problem: Problem, trained: Training, epsilons: Float[Array, "*k"]) -> Training:
    """With the status `separated` where no minimum exists, which is decided outside `jax.jit`."""
    reached, weights = concrete(trained.status == TrainingStatus.successful), concrete(epsilons)
    if reached is None or weights is None or np.all(reached):
        return trained
    # Only whether the deleted points count at all matters.
    present = weights > 0.0
    separated = np.zeros_like(reached)
    for counts in set(present[~reached].tolist()):
        denied = decide_existence(problem, problem.known_weights(float(counts))).denied
        separated |= denied & ~reached & (present == counts)

    def marked(separated, status):
        return TrainingStatus.where(separated, TrainingStatus.separated, status)

    for _ in separated.shape:
        marked = jax.vmap(marked)
    return eqx.tree_at(lambda t: t.status, trained, marked(jnp.asarray(separated), trained.status))


def _by_diffrax(solver, gradient, start, arrived, max_steps) -> FlowEnd:
    """The flow by a solver of diffrax, until `arrived`, of θ."""
    import diffrax

    from homotopy.flows._diffrax import diffeqsolve

    flow = diffeqsolve(
        diffrax.ODETerm(lambda t, theta, args: -gradient(theta)),
        solver,
        t0=jnp.zeros((), start.dtype),
        t1=jnp.asarray(jnp.inf, start.dtype),
        dt0=None,
        y0=start,
        stepsize_controller=diffrax.PIDController(rtol=1e-6, atol=1e-9),
        event=diffrax.Event(lambda t, at, args, **kwargs: arrived(at)),
        max_steps=max_steps,
        adjoint=diffrax.ForwardMode(),
        throw=False,
    )
    reached = flow.result == diffrax.RESULTS.event_occurred
    return FlowEnd(flow.ys[-1], flow.ts[-1], reached, flow.stats["num_steps"])


@eqx.filter_jit
def flow_limit(
    problem: Problem,
    theta0: Float[Array, " d"],
    epsilon: Float[Array, ""],
    tolerance: Float[Array | np.ndarray, ""],
    solver: diffrax.AbstractSolver | None,
    max_steps: int,
) -> Training:
    """As `train`, of arguments that are checked, along all of θ; works under `jax.vmap`."""

    # Compiled as parts, so that each is traced once for all the places where it stands.
    @jax.jit
    def risk(theta):
        return problem.risk(theta, epsilon)

    gradient, hessian = jax.jit(jax.grad(risk)), jax.jit(jax.hessian(risk))

    def rounding(theta, of_theta):
        return gradient_rounding(problem, theta, epsilon, of_theta)

    # A gradient that is rounding at θ₀ already cannot fall to a part of itself.
    at_start = jnp.linalg.norm(gradient(theta0))
    at_start = jnp.maximum(at_start, rounding(theta0, 0.0) / tolerance)
    size_at_start = jnp.linalg.norm(theta0)

    def at_rest(slope, eigenvalues):
        def convex():
            values = eigenvalues()
            return values[0] > -INDEFINITE * jnp.max(jnp.abs(values))

        # Near a saddle the flow only lingers. Its Hessian is asked for where the slope is small.
        resting = jax.lax.cond(slope <= tolerance * at_start, convex, lambda: jnp.asarray(False))
        return resting | (slope <= _RESTING * tolerance * at_start) | ~jnp.isfinite(slope)

    def newton(theta):
        return to_flow_limit(risk, theta, lambda at, largest: rounding(at, largest * size_at_start))

    def leg(start, onwards):
        """The flow to rest; and onwards, to near where Newton's method went from there.

        One function for both, so that the solver is compiled once.
        """
        theta, newton_steps = jax.lax.cond(
            onwards, newton, lambda at: (at, jnp.zeros((), int)), start
        )
        moved = jnp.linalg.norm(theta - start)

        def nearer(at):
            distance = jnp.linalg.norm(at - theta)
            return (distance <= _NEARER * moved) | ~(distance <= 2.0 * moved)

        def arrived(at, gradient, eigenvalues):
            slope = jnp.linalg.norm(gradient)
            return jnp.where(onwards, nearer(at), at_rest(slope, eigenvalues))

        if solver is None:
            flow = follow_gradient_flow(
                gradient,
                hessian,
                start,
                lambda at, slopes, values: arrived(at, slopes, lambda: values),
                max_steps,
            )
        else:
            flow = _by_diffrax(
                solver,
                gradient,
                start,
                lambda at: arrived(at, gradient(at), lambda: jnp.linalg.eigvalsh(hessian(at))),
                max_steps,
            )
        end = flow.theta
        left = jnp.where(jnp.isfinite(end), end, start)
        return left, (start, theta, newton_steps, end, flow.time, flow.arrived, flow.steps)

    _, legs = jax.lax.scan(leg, theta0, jnp.asarray([False, True]))
    starts, limits, newton_steps, ends, times, arrivals, flow_steps = legs
    left, theta = starts[1], limits[1]
    moved = jnp.linalg.norm(theta - left)
    kept = jnp.linalg.norm(ends[1] - theta) <= 2.0 * _NEARER * moved
    # Nearer than the rounding of the flow it cannot come.
    kept |= moved <= 256.0 * jnp.finfo(theta.dtype).eps * jnp.linalg.norm(theta)

    size = jnp.maximum(size_at_start, jnp.linalg.norm(theta))
    evidence = stationarity(problem, theta, epsilon, size)
    value = risk(theta)
    near = jnp.asarray(True)
    # Of other models the gradient and the Hessian tell, both to a margin above rounding.
    if affine_in_parameters(problem):
        near = minimum_is_near(problem, theta, problem.weights(epsilon))
    status = TrainingStatus.where(
        evidence.definite, TrainingStatus.successful, TrainingStatus.degenerate
    )
    proved = (status != TrainingStatus.successful) | near
    status = TrainingStatus.where(proved, status, TrainingStatus.falling)
    for failed, name in (
        (~kept, TrainingStatus.left_basin),
        # From there the rounding of the flow leads away: it could not be followed on.
        (evidence.indefinite, TrainingStatus.saddle),
        (~evidence.stationary, TrainingStatus.falling),
        (~arrivals[0], TrainingStatus.step_limit),
        (~jnp.isfinite(value) | ~jnp.isfinite(evidence.gradient_norm), TrainingStatus.diverged),
    ):
        status = TrainingStatus.where(failed, name, status)
    return Training(
        theta=theta,
        status=status,
        risk=value,
        gradient_norm=evidence.gradient_norm,
        rounding=evidence.rounding,
        smallest_eigenvalue=evidence.smallest_eigenvalue,
        largest_eigenvalue=evidence.largest_eigenvalue,
        basin_kept=kept,
        flow_theta=left,
        flow_time=times[0],
        flow_steps=flow_steps[0],
        newton_steps=newton_steps[1],
    )
