"""Does a problem of one's own compute what it should: tried out, before anything long."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from homotopy._checks import ArrayInput, flag
from homotopy._kinks import kinks
from homotopy._wording import listed
from homotopy.evidence import stationarity
from homotopy.existence import affine_in_parameters, decide_existence
from homotopy.linear import LinearRegression
from homotopy.losses import SquaredError
from homotopy.models import LinearModel
from homotopy.point_gradients import gradient_norms
from homotopy.problem import Problem, a_problem

_DENSE = 300  # parameters up to which the Hessian's eigenvalues take no time to speak of
_LARGEST = 2_000_000  # entries of the data times parameters up to which a linear programme does
_DIRECTIONS = 3
_ROUNDINGS = 16.0  # units in the last place that a difference may be off by
_WRONG = 1e-4  # relative to a gradient: what no difference quotient of a smooth risk is off by
_UNLIKE = 1e3  # ratio of the columns' sizes that slows every gradient flow


@dataclasses.dataclass(frozen=True, eq=False)
class ProblemCheck:
    """What `check` found.

    Attributes
    ----------
    shapes : dict of str to tuple
        Of X, y, θ and one output.
    finite : bool
        Whether all losses and their gradient are, at θ.
    gradient_error, curvature_error : float
        Largest relative difference of ∇R, and of ∇²R times a vector, from difference quotients,
        beyond their rounding; of ∇R relative to the length of its terms over √d.
    gradient_seconds : float
        One gradient of the risk, compiled: the median of some.
    smallest_eigenvalue, largest_eigenvalue : float
        Of ∇²R(θ); NaN above 300 parameters.
    stationary : bool
        Whether ∇R(θ) is zero to rounding.
    affine : bool
        Whether outputs are affine in θ, so that fits are minima of a convex risk.
    minimum : bool or None
        Whether the risks with and without the deleted points both have a minimum; None where that
        is not decided here, as of a model that is not affine.
    findings : tuple of str
        What stands in the way, with a remedy each; empty where nothing does.
    next_steps : tuple of str
        What to do next.
    """

    shapes: dict[str, tuple[int, ...]]
    finite: bool
    gradient_error: float
    curvature_error: float
    gradient_seconds: float
    smallest_eigenvalue: float
    largest_eigenvalue: float
    stationary: bool
    affine: bool
    minimum: bool | None
    findings: tuple[str, ...]
    next_steps: tuple[str, ...]

    @property
    def successful(self) -> bool:
        """Whether nothing was found that stands in the way."""
        return not self.findings

    def __repr__(self) -> str:
        found = "nothing found" if self.successful else f"{len(self.findings)} found"
        return (
            f"ProblemCheck({found}, d={self.shapes['theta'][0]}, "
            f"gradient_error={self.gradient_error:.1e}, "
            f"gradient_seconds={self.gradient_seconds:.1e})"
        )

    def __str__(self) -> str:
        shapes = ", ".join(f"{name} {shape}" for name, shape in self.shapes.items())
        lines = [
            f"shapes            {shapes}",
            f"finite            {'yes' if self.finite else 'no'}",
        ]
        if self.finite:
            lines += [
                f"gradient          {_off(self.gradient_error)}, "
                f"{_duration(self.gradient_seconds)} each",
                f"curvature         {_off(self.curvature_error)}",
            ]
        if np.isfinite(self.smallest_eigenvalue):
            lines.append(
                f"Hessian           eigenvalues from {self.smallest_eigenvalue:.2e} to "
                f"{self.largest_eigenvalue:.2e}"
            )
        lines += [f"to mend           {finding}" for finding in self.findings]
        lines += [f"next              {step}" for step in self.next_steps]
        return "\n".join(lines)


def _off(error: float) -> str:
    if error == 0.0:
        return "that of differences, to their rounding"
    return f"off by {error:.1e} from differences"


def check(problem: Problem, theta: ArrayInput | None = None, *, show: bool = True) -> ProblemCheck:
    """Try a problem out: shapes, finiteness, derivatives, the time of a gradient, its minimum.

    Parameters
    ----------
    problem : Problem
    theta : (d,), optional
        Where to try it: by default where the model starts, of a module its own parameters, and
        zeros where there is no start.
    show : bool
        Whether to print what was found and what to do next.

    Returns
    -------
    ProblemCheck

    Raises
    ------
    TypeError, ValueError
        Naming the argument.

    Examples
    --------
    >>> import homotopy as hm
    >>> hm.enable_x64()
    >>> problem = hm.LinearRegression([[1.0, 1.0], [2.0, 2.0]], [0.0, 1.0], deleted=1)
    >>> found = check(problem, show=False)
    >>> found.finite, found.gradient_error < 1e-6, found.successful
    (True, True, False)
    >>> print(found.findings[0].split(":")[0])
    the Hessian is singular
    """
    a_problem(problem)
    flag("show", show)
    theta = _start(problem) if theta is None else problem.parameters(theta, "theta")
    losses, gradient = np.asarray(problem.losses(theta)), np.asarray(problem.gradient(theta))
    finite = bool(np.isfinite(losses).all() and np.isfinite(gradient).all())
    errors, curvature = (np.nan, np.nan), (np.nan, np.nan, False)
    if finite:
        errors = _errors(problem, theta, gradient)
        curvature = _curvature(problem, theta)
    affine = affine_in_parameters(problem)
    minimum, why = _minimum(problem) if affine else (None, "")
    found = ProblemCheck(
        shapes=_shapes(problem, theta),
        finite=finite,
        gradient_error=errors[0],
        curvature_error=errors[1],
        gradient_seconds=_seconds(lambda: problem.gradient(theta)),
        smallest_eigenvalue=curvature[0],
        largest_eigenvalue=curvature[1],
        stationary=curvature[2],
        affine=affine,
        minimum=minimum,
        findings=(),
        next_steps=(),
    )
    findings = tuple(_findings(problem, found, losses)) + ((why,) if why else ())
    found = dataclasses.replace(found, findings=findings)
    found = dataclasses.replace(found, next_steps=tuple(_next_steps(problem, found)))
    if show:
        print(found)
    return found


def _start(problem):
    try:
        start = problem.model.initial_parameters(jax.random.key(0))
    except ValueError:
        start = np.zeros(problem.dimension)
    return jnp.asarray(start, problem.X.dtype)


def _row(problem):
    return jax.ShapeDtypeStruct(problem.X.shape[1:], problem.X.dtype)


def _shapes(problem, theta):
    output = jax.eval_shape(problem.model, theta, _row(problem))
    return {
        "X": problem.X.shape,
        "y": problem.y.shape,
        "theta": theta.shape,
        "output": output.shape,
        "deleted": problem.deleted.shape,
    }


def _errors(problem, theta, gradient) -> tuple[float, float]:
    """Of ∇R in some directions, and of ∇²R times them; the best of several steps."""
    at = np.asarray(theta, np.float64)
    size = max(1.0, float(np.linalg.norm(at)))
    eps = float(jnp.finfo(problem.X.dtype).eps)
    steps = size * eps ** np.array([0.2, 1 / 3, 0.45])
    # What cancels in the gradient, as at a minimum, is what its error is relative to.
    terms = float(_terms(problem, theta)) / np.sqrt(at.size)
    worst = np.zeros(2)
    for direction in np.random.default_rng(0).normal(size=(_DIRECTIONS, at.size)):
        direction /= np.linalg.norm(direction)
        product = np.asarray(problem.hvp(theta, _as(problem, direction)))
        best = np.full(2, np.inf)
        for step in steps:
            there, here = (_as(problem, at + sign * step * direction) for sign in (1, -1))
            step = float(np.linalg.norm(np.asarray(there, float) - np.asarray(here, float))) / 2
            risks = [float(problem.risk(each)) for each in (there, here)]
            slopes = [np.asarray(problem.gradient(each), float) for each in (there, here)]
            slope = (risks[0] - risks[1]) / (2 * step)
            rounding = _ROUNDINGS * eps * max(map(abs, risks)) / step
            first = _ratio(abs(slope - gradient @ direction) - rounding, terms)
            moved = (slopes[0] - slopes[1]) / (2 * step)
            rounding = _ROUNDINGS * eps * terms / step
            size = max(np.linalg.norm(moved), np.linalg.norm(product))
            second = _ratio(np.linalg.norm(moved - product) - rounding, size)
            best = np.fmin(best, [first, second])
        worst = np.maximum(worst, best)
    return float(worst[0]), float(worst[1])


@eqx.filter_jit
def _terms(problem, theta):
    return jnp.sum(gradient_norms(problem, theta)) + problem.ridge_force(theta)


def _as(problem, values):
    return jnp.asarray(values, problem.X.dtype)


def _ratio(part, whole) -> float:
    """Of an error beyond rounding."""
    return 0.0 if part <= 0.0 else float(part / whole) if whole > 0.0 else np.inf


_stationarity = eqx.filter_jit(stationarity)


def _curvature(problem, theta) -> tuple[float, float, bool]:
    """Smallest and largest eigenvalue of ∇²R(θ), and whether θ is stationary."""
    if problem.dimension > _DENSE:
        return np.nan, np.nan, False
    one, size = jnp.ones((), theta.dtype), jnp.linalg.norm(theta)
    evidence = _stationarity(problem, theta, one, size)
    return (
        float(evidence.smallest_eigenvalue),
        float(evidence.largest_eigenvalue),
        bool(evidence.stationary),
    )


def _seconds(function: Callable) -> float:
    """One call, after the first: the median of up to nine, in a fifth of a second."""
    jax.block_until_ready(function())
    taken, begun = [], time.perf_counter()
    while (len(taken) < 9 and time.perf_counter() - begun < 0.2) or not taken:
        start = time.perf_counter()
        jax.block_until_ready(function())
        taken.append(time.perf_counter() - start)
    return float(np.median(taken))


def _minimum(problem) -> tuple[bool | None, str]:
    """Whether the risks have one, of a model affine in θ, and why not."""
    if problem.X.size * problem.dimension > _LARGEST:
        return None, ""
    for epsilon, words in ((1.0, "with all points"), (0.0, "without the deleted points")):
        existence = decide_existence(problem, problem.known_weights(epsilon))
        if existence.doubtful:
            return (False if existence.denied else None), (
                f"{words} {existence.reason.removesuffix('.')}"
            )
    return True, ""


def _findings(problem, found, losses):
    if not found.finite:
        rows = np.flatnonzero(~np.isfinite(losses))
        names = listed((problem.labels.row(int(row)) for row in rows), 3)
        yield (
            f"losses or their gradient are not finite at theta{', at ' + names if names else ''}: "
            "standardise the columns of X, and give another theta"
        )
        return
    if found.gradient_error > _WRONG:
        yield (
            f"the gradient is off by {found.gradient_error:.1e}: the model or the loss has a kink "
            "at theta, or a custom derivative that is wrong"
        )
    if found.curvature_error > _WRONG:
        yield (
            f"second derivatives are off by {found.curvature_error:.1e}: influence and responses "
            "need them; take a smooth activation, as tanh or gelu for relu"
        )
    parameters = jax.ShapeDtypeStruct((problem.dimension,), problem.X.dtype)
    bent = kinks(problem.model, parameters, _row(problem))
    if bent:
        yield (
            f"the model has kinks ({', '.join(bent)}), which its second derivatives leave out, and "
            "training may stall at one: take a smooth activation, as tanh, gelu or softplus"
        )
    spread = np.sqrt(np.mean(np.asarray(problem.X, np.float64) ** 2, axis=0))
    spread = spread[spread > 0.0]
    if spread.size and spread.max() > _UNLIKE * spread.min():
        yield (
            f"the columns of X differ {spread.max() / spread.min():.0e}-fold in size, and training "
            "takes as much longer: standardise them (hm.datasets.standardise)"
        )
    largest = max(abs(found.largest_eigenvalue), abs(found.smallest_eigenvalue))
    rounding = problem.dimension * float(jnp.finfo(problem.X.dtype).eps) * largest
    if abs(found.smallest_eigenvalue) <= rounding:
        yield (
            "the Hessian is singular: what no point sees of theta0 stays in every fit; a ridge "
            "makes fits unique"
            if found.affine
            else "the Hessian is singular at theta: give the problem a ridge, or fewer parameters"
        )


def _next_steps(problem, found):
    if not found.finite or max(found.gradient_error, found.curvature_error) > _WRONG:
        yield "mend that first: everything else is computed from derivatives"
        return
    if found.minimum is False:
        yield "the same problem with ridge=...: there is no fit to ask about without one"
        return
    at = ""
    if isinstance(problem, LinearRegression):
        yield "hm.response(problem, [0.0, 0.5, 1.0]): the fits, in closed form"
    elif found.affine:
        squared = isinstance(problem.model, LinearModel) and isinstance(problem.loss, SquaredError)
        if squared and problem.ridge.ndim == 0:
            yield "hm.LinearRegression(X, y, deleted=...) has all of this in closed form"
        yield "hm.response(problem, [0.0, 0.5, 1.0]): the fits, by continuation"
    elif found.stationary and found.smallest_eigenvalue > 0.0:
        at = ", theta"
        yield "hm.response(problem, [0.0, 0.5, 1.0], theta): theta is a minimum; follow it"
    else:
        at = ", trained.theta"
        yield "trained = hm.train(problem, theta0): to a minimum, or a status that says why not"
        yield "hm.response(problem, [0.0, 0.5, 1.0], theta0): how the minimum moves"
    yield f"hm.predict(problem, hm.Influence(){at}): what deleting does, to first order"
    yield f"hm.predict(problem, hm.LeaveOneOut(){at}): by refitting"


def _duration(seconds: float) -> str:
    for unit, size in (("s", 1.0), ("ms", 1e-3)):
        if seconds >= size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds / 1e-6:.0f} µs"
