"""Whether a problem's risk has a minimum, and whether it is near where a descent came to rest.

A gradient that vanishes does not tell: where classes can be separated it vanishes at infinity, and
to rounding at parameters of no large size. A risk with a ridge has a minimum, and so has a squared
error that is affine in θ. For cross-entropies without a ridge, logistic or softmax, and for counts
(Poisson), the question is decided by

- a proof near the minimum (`minimum_is_near`), of the cost of one of Newton's steps;
- where that gives none, the linear programme of `decide_separation`, on the derivatives of the
  margins in θ.

For models that are affine in θ the second decides for all θ. For others it tells, at the θ reached,
whether the outputs can move so that no margin falls to first order: then it is not stationary,
however small its gradient.
"""

from __future__ import annotations

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.linalg import cho_solve
from jaxtyping import Array, Bool, Float, Int

from homotopy.losses import AbstractLoss
from homotopy.minima.affine import is_affine
from homotopy.minima.separation import Overlap, decide_separation
from homotopy.seen_directions import unpenalised

_SINGULAR = 256  # dimensions times unit roundoff: what a scaled Hessian has to be above
_INSIDE, _SOLVED = 0.5, 0.05  # of the probabilities: their first and second correction
_DENSE = 2000
_LARGEST = 2**26  # entries of the linear programme


@dataclasses.dataclass(frozen=True)
class Existence:
    """Whether the risk has a minimum.

    Attributes
    ----------
    overlap : Overlap or None
        How the classes of the points that count lie to each other; None where that does not
        matter: there is a ridge, the loss does not recede, or a weight is negative.
    direction : (d,), optional
        Along which the risk falls or stays level for ever, where they are separated.
    affine : bool
        Whether the model is affine in θ. Otherwise both are to first order, at one θ.
    recession : str
        What happens along the direction, in words.
    """

    overlap: Overlap | None
    direction: Float[np.ndarray, " d"] | None = None
    affine: bool = True
    recession: str = AbstractLoss.recession

    @property
    def denied(self) -> bool:
        """Whether no minimum exists, for any θ."""
        return self.affine and self.overlap is Overlap.separated

    @property
    def doubtful(self) -> bool:
        """Whether a gradient that vanishes says nothing of a minimum."""
        return self.overlap in (Overlap.separated, Overlap.undecided)

    @property
    def reason(self) -> str:
        """Why a minimum is denied or doubtful, and the remedy."""
        if self.overlap is Overlap.undecided:
            return (
                f"rounding hides whether {self.recession}, and with it whether a minimum exists; "
                "add a ridge."
            )
        if not self.affine:
            return (
                f"no minimum is near: to first order {self.recession}, and the risk falls on; "
                "add a ridge."
            )
        along = ""
        if self.direction is not None and self.direction.size <= 8:
            along = f" along ({', '.join(f'{entry:.3g}' for entry in self.direction)})"
        return (
            f"no minimum exists: {self.recession}, and the risk falls on for ever{along}; add a "
            "ridge."
        )


def decide_existence(
    problem: eqx.Module,
    weights: Float[Array | np.ndarray, " n"],
    theta: Float[Array | np.ndarray, " d"] | None = None,
    known: Existence | None = None,
) -> Existence:
    """Whether R(·; weights) has a minimum, by a linear programme; outside `jax.jit`.

    Only which weights are zero matters.

    Parameters
    ----------
    problem : Problem
    weights : (n,)
    theta : (d,), optional
        Where a model that is not affine in θ is looked at; without it nothing is said of one.
    known : Existence, optional
        Of other weights: where those classes are separated, often these are by the same direction.
    """
    weights = np.asarray(weights)
    if not may_lack_minimum(problem) or np.any(weights < 0.0):
        return Existence(None)
    affine = affine_in_parameters(problem)
    if theta is None and not affine:
        return Existence(None)
    at = jnp.zeros(problem.dimension, problem.X.dtype) if affine else jnp.asarray(theta)
    slopes, probabilities = (np.asarray(part, float) for part in _slopes(problem, at))
    if slopes.size > _LARGEST:
        return Existence(Overlap.undecided, affine=affine, recession=problem.loss.recession)
    # The penalty grows along all directions but those of parameters without one.
    free = unpenalised(problem)
    slopes = slopes[:, :, free]
    counted = weights > 0.0
    margins, ties = _margins(slopes[counted], probabilities[counted])
    hint = None if known is None or known.direction is None else known.direction[free]
    found = decide_separation(margins, ties, hint)
    direction = found.direction
    if direction is not None:
        direction = np.zeros(problem.dimension)
        direction[free] = found.direction
    return Existence(found.overlap, direction, affine, problem.loss.recession)


def require_minimum(
    problem: eqx.Module, theta: Float[Array, " d"], weights: Float[Array | np.ndarray, " n"]
) -> None:
    """A `RuntimeError` where θ, at which the gradient vanishes, is not near a minimum."""
    if not may_lack_minimum(problem) or is_near(problem, theta, weights):
        return
    found = decide_existence(problem, weights, theta)
    if found.doubtful:
        raise RuntimeError(found.reason)


def minimum_is_near(
    problem: eqx.Module,
    theta: Float[Array, " d"],
    weights: Float[Array, " n"],
    forces: Float[Array, "n ..."] | None = None,
) -> Bool[Array, ""]:
    """Whether R(·; weights) has a minimum close to θ: proved from there; False is no answer.

    The gradient of a cross-entropy vanishes exactly where Σ wᵢ Jᵢᵀ(πᵢ − yᵢ) = 0 for probabilities
    πᵢ > 0 of the classes, with J the logits' Jacobian. If any such π exist, not of this model, no
    direction separates the classes. From the model's p they are reached by Newton's step
    s = −H⁻¹∇R: π = p (1 − x), x = p·(Js) − Js in each point, where no x comes to 1. Here all are
    asked to be below a half, and what the rounding of s leaves over to take a small part of that.
    For a model that is not affine in θ this is the linearised one's, and H the Gauss–Newton matrix.
    Of counts the same holds of means πᵢ > 0, with x = −Js.

    True for losses that do not recede, with a ridge, and for negative weights, of which
    nothing is said here. Works under `jax.jit` and `jax.vmap`.

    Parameters
    ----------
    problem : Problem
    theta : (d,)
    weights : (n,)
    forces : (n, ...), optional
        A linear term of the risk, Σ forcesᵢ·f(θ; xᵢ).
    """
    if not problem.loss.may_recede:
        return jnp.asarray(True)
    outputs, move = jax.linearize(problem.predict, theta)
    zero = jnp.zeros_like(theta)
    loss, y = problem.point_loss, problem.targets
    forces = jnp.zeros_like(outputs) if forces is None else forces

    def risk(step):
        moved = move(step)
        losses = jax.vmap(loss.value)(outputs + moved, y)
        return jnp.sum(weights * losses) + jnp.sum(forces * moved)

    hessian, free = jax.hessian(risk)(zero), None
    if problem.ridge.ndim == 1:
        # Along other directions the penalty grows: only these can be those of a recession.
        free = (problem.ridge == 0.0).astype(theta.dtype)
        hessian = free[:, None] * hessian * free[None, :] + jnp.diag(1.0 - free)
    diagonal = jnp.diagonal(hessian)
    scale = jnp.where(diagonal > 0.0, 1.0 / jnp.sqrt(jnp.where(diagonal > 0.0, diagonal, 1.0)), 0.0)
    scaled = scale[:, None] * hessian * scale[None, :]
    least = _SINGULAR * theta.size * jnp.finfo(theta.dtype).eps
    definite = jnp.linalg.eigvalsh(scaled)[0] > least
    lower = jnp.linalg.cholesky(jnp.where(definite, scaled, jnp.eye(theta.size, dtype=theta.dtype)))

    def newton(gradient):
        gradient = gradient if free is None else free * gradient
        return -scale * cho_solve((lower, True), scale * gradient)

    means = jax.vmap(problem.loss.means)(outputs)
    counted = (weights > 0.0)[:, None]

    def fallen(step):
        return jnp.where(counted, jax.vmap(problem.loss.falls)(outputs, move(step)), -jnp.inf)

    step = newton(jax.grad(risk)(zero))
    slopes, turned = jax.vmap(lambda at, target, by: _slope_and_turn(loss, at, target, by))(
        outputs, y, move(step)
    )
    wide = weights.reshape(-1, *[1] * (outputs.ndim - 1))
    (left,) = jax.linear_transpose(move, theta)(wide * (slopes + turned) + forces)
    again = jnp.where(counted, jnp.abs(fallen(newton(left))), 0.0)
    # A probability that underflows may be of a class that the gradient no longer sees.
    tiny = jnp.sqrt(jnp.finfo(theta.dtype).tiny)
    present = jnp.all(~counted | (weights[:, None] * means > tiny))
    shown = present & definite & (jnp.max(fallen(step)) <= _INSIDE) & (jnp.max(again) <= _SOLVED)
    return shown | jnp.all(problem.ridge > 0.0) | jnp.any(weights < 0.0)


def _slope_and_turn(loss, output, target, by):
    return jax.jvp(lambda at: loss.gradient(at, target), (output,), (by,))


def is_near(
    problem: eqx.Module, theta: Float[Array, " d"], weights: Float[Array | np.ndarray, " n"]
) -> bool:
    """`minimum_is_near`, known; False above 2000 parameters, as it takes a dense Hessian."""
    return problem.dimension <= _DENSE and bool(_is_near(problem, theta, weights))


def are_near(
    problem: eqx.Module,
    theta: Float[Array, "k d"],
    rows: Int[Array, "k g"],
    amounts: Float[Array, "k g"],
    forces: Float[Array, "n ..."] | None = None,
) -> Bool[Array, " k"]:
    """As `is_near`, of k risks whose weights differ from one by `amounts` at `rows`."""
    if problem.dimension > _DENSE:
        return jnp.zeros(theta.shape[0], bool)
    return _are_near(problem, theta, rows, amounts, forces)


_is_near = eqx.filter_jit(minimum_is_near)


@eqx.filter_jit
def _are_near(problem, theta, rows, amounts, forces):
    # (k, n) weights at once are more than there may be memory for.
    ones = jnp.ones(problem.size, theta.dtype)
    batch = max(1, 2**20 // (problem.size * problem.dimension))
    return jax.lax.map(
        lambda each: minimum_is_near(problem, each[0], ones.at[each[1]].add(each[2]), forces),
        (theta, rows, amounts),
        batch_size=min(batch, theta.shape[0]),
    )


def may_lack_minimum(problem: eqx.Module) -> bool:
    """Whether it is a question if there is a minimum: for losses that recede, without a ridge."""
    return problem.loss.may_recede and not np.all(np.asarray(problem.ridge) > 0.0)


def affine_in_parameters(problem: eqx.Module) -> bool:
    """Whether the outputs are affine in θ, as far as the model's operations show it."""
    leaves, structure = jax.tree.flatten(problem.model)
    kinds = tuple((leaf.shape, leaf.dtype) for leaf in leaves)
    key = structure, kinds, problem.X.shape[1:], problem.X.dtype
    if key not in _AFFINE:
        _AFFINE[key] = is_affine(problem.model, *_shapes(problem))
    return _AFFINE[key]


_AFFINE: dict = {}  # so that a second look at a model of the same structure traces nothing


def _shapes(problem):
    dtype = problem.X.dtype
    return (
        jax.ShapeDtypeStruct((problem.dimension,), dtype),
        jax.ShapeDtypeStruct(problem.X.shape[1:], dtype),
    )


@eqx.filter_jit
def _slopes(problem, theta):
    """Derivatives of the logits (n, k, d), and the probabilities that the targets give (n, k)."""

    def logits(at):
        return jax.vmap(problem.loss.logits)(problem.predict(at))

    slopes = jax.jacfwd(logits)(theta)
    count = slopes.shape[1]
    return slopes, jax.vmap(lambda target: problem.loss.probabilities(target, count))(problem.y)


def _margins(slopes, probabilities):
    """Own class against the others, a row each; and the ties of classes that share a label."""
    own = probabilities.argmax(axis=1)
    index = np.arange(len(own))
    against = slopes[index, own][:, None, :] - slopes
    shared = probabilities > 0.0
    others = np.arange(probabilities.shape[1])[None, :] != own[:, None]
    return against[~shared & others], against[shared & others]
