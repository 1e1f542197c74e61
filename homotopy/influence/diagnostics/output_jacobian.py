"""The Jacobian of the outputs, weighted by the loss's curvature (theory §5)."""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import scipy.special
from jaxtyping import Array, Float

from homotopy.influence.diagnostics.inputs import root_weights
from homotopy.losses import SoftmaxCrossEntropy
from homotopy.problem import Problem

_ROUNDINGS = 64.0  # of a point's largest second derivative: what counts as zero


def weighted_jacobian(
    problem: Problem, theta: Float[np.ndarray, " d"]
) -> Float[np.ndarray, "n m d"]:
    """Fᵢ Jᵢ of every point, with FᵢᵀFᵢ = Wᵢ = ∂²ℓᵢ/∂ŷ² (k × k, 1 × 1 for a scalar output).

    m is k, or k − 1 for the softmax, whose Wᵢ has that rank.

    Raises
    ------
    ValueError
        Where the loss is not convex in the output.

    Examples
    --------
    >>> import homotopy as hm, numpy as np
    >>> hm.enable_x64()
    >>> problem = hm.Problem(
    ...     hm.linear_model(1), hm.Logistic(), [[2.0], [1.0]], [0, 1], deleted=0
    ... )
    >>> weighted_jacobian(problem, np.zeros(1))[:, 0, 0].tolist()
    [1.0, 0.5]
    """
    at = jnp.asarray(theta, problem.X.dtype)
    parts = (np.asarray(part, np.float64) for part in _outputs(problem, at))
    jacobian, curvature, outputs = parts
    jacobian = jacobian.reshape(problem.size, -1, problem.dimension)
    if isinstance(problem.loss, SoftmaxCrossEntropy):
        return root_weights(problem)[:, None, None] * (_softmax_root(outputs) @ jacobian)
    curvature = curvature.reshape(problem.size, jacobian.shape[1], -1)
    values, vectors = np.linalg.eigh(curvature)
    rounding = _ROUNDINGS * float(jnp.finfo(problem.X.dtype).eps) * np.abs(values).max(axis=1)
    if np.any(values < -rounding[:, None]):
        raise ValueError(
            f"problem: {type(problem.loss).__name__} is not convex in the output at theta "
            f"(second derivative {values.min():.3g}), and leverage needs its square root."
        )
    # The root of a rounding is no rounding any more: a kernel stays one.
    values = np.where(values > rounding[:, None], values, 0.0)
    return (np.sqrt(values)[:, :, None] * vectors.transpose(0, 2, 1)) @ jacobian


def _softmax_root(logits: Float[np.ndarray, "n k"]) -> Float[np.ndarray, "n k-1 k"]:
    """F with FᵀF = diag(p) − ppᵀ, every entry to rounding however confident the softmax is.

    Elimination without subtractions: with s_j = Σ_{b ≥ j} p_b, what is left of classes j, j + 1, …
    is diag(p) − ppᵀ/s_j, and row j is √(p_j s_{j+1}/s_j) (e_j − Σ_{b > j} p_b e_b / s_{j+1}).
    """
    p = scipy.special.softmax(logits, axis=1)
    tails = np.cumsum(p[:, ::-1], axis=1)[:, ::-1]
    here, after = tails[:, :-1], tails[:, 1:]
    # Classes that underflow have no weight.
    pivot = np.sqrt(p[:, :-1] * np.divide(after, here, out=np.zeros_like(here), where=here > 0))
    share = p[:, None, :] / np.where(after > 0, after, 1.0)[:, :, None]
    k = p.shape[1]
    later = np.arange(k)[None, :] > np.arange(k - 1)[:, None]
    return pivot[:, :, None] * (np.eye(k - 1, k)[None] - np.where(later[None], share, 0.0))


def second_order_term(problem: Problem, theta: Float[np.ndarray, " d"]) -> Float[np.ndarray, "d d"]:
    """Σᵢ (∂ℓᵢ/∂ŷ) ∇²fᵢ: what ∇²R has beyond Σ JᵢᵀWᵢJᵢ + ρ Id.

    Computed as such, not as a difference: it is exactly zero where the residuals are.
    """
    return np.asarray(_second_order(problem, jnp.asarray(theta, problem.X.dtype)), np.float64)


@eqx.filter_jit
def _outputs(problem, theta) -> tuple[Array, Array, Array]:
    def point(x, y):
        jacobian = jax.jacrev(lambda at: problem.model(at, x))(theta)
        output = problem.model(theta, x)
        return jacobian, problem.point_loss.hessian(output, y), output

    return jax.vmap(point)(problem.X, problem.targets)


@eqx.filter_jit
def _second_order(problem, theta) -> Array:
    slopes = jax.vmap(problem.point_loss.gradient)(problem.predict(theta), problem.targets)
    return jax.hessian(lambda at: jnp.sum(slopes * problem.predict(at)))(theta)
