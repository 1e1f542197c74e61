"""Certificates of a point, not of the path that led to it: from the gradient that is left there.

Whatever algorithm made θ, from however many deletions in whatever order: where ∇²R₋ ≥ μ > 0,
‖θ − θ*₋‖ ≤ ‖∇R₋(θ)‖/μ. It takes one gradient (theory §6.3).
"""

from __future__ import annotations

import math
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from homotopy.evidence import ROUNDINGS
from homotopy.losses import Logistic
from homotopy.models import LinearModel
from homotopy.point_gradients import gradient_norms
from homotopy.problem import Problem
from homotopy.unlearning.certificate import Certificate, CertificateKind, ComparedTo, certificate

_EIGENVALUE = 1e-13  # of the largest: what LAPACK leaves of an eigenvalue, for each dimension
_SOLVED = 64.0  # units in the last place of a solution, for each dimension
_BEND = 1.0 / (12.0 * math.sqrt(3.0))  # half the largest |σ''| of the logistic function


class Remaining(NamedTuple):
    """∇R₋ at a point, and what rounding may add to its length."""

    gradient: np.ndarray
    rounding: float

    @property
    def length(self) -> float:
        """An upper bound of ‖∇R₋‖."""
        return float(np.linalg.norm(self.gradient)) + self.rounding


def remaining_gradient(
    problem: Problem, theta: Float[Array, " d"], weights: Float[np.ndarray, " n"]
) -> Remaining:
    """∇R₋(θ), with weights 1 of what is retained and 0 of what is deleted."""
    gradient, terms = _remaining(problem, theta, jnp.asarray(weights, theta.dtype))
    rounding = ROUNDINGS * float(jnp.finfo(theta.dtype).eps) * float(terms)
    return Remaining(np.asarray(gradient, float), rounding)


@eqx.filter_jit
def _remaining(problem, theta, weights):
    gradient = jax.grad(problem.weighted_risk)(theta, weights)
    terms = jnp.sum(weights * gradient_norms(problem, theta)) + problem.ridge_force(theta)
    if isinstance(problem.model, LinearModel):
        # Within each term: the output, a sum that may cancel against the target.
        lengths = jnp.sqrt(jnp.sum(problem.X**2, axis=1))
        bends = jax.vmap(problem.point_loss.hessian)(problem.X @ theta, problem.targets)
        terms = terms + jnp.linalg.norm(theta) * jnp.sum(weights * jnp.abs(bends) * lengths**2)
    return gradient, terms


def over_curvature(
    left: Remaining, lower: float, kind: CertificateKind = CertificateKind.certified
) -> Certificate:
    """‖∇R₋(θ)‖/μ, of a strongly convex risk."""
    assumptions = {"gradient": left.length, "lower bound of the curvature": lower}
    return certificate(
        _log(left.length) - math.log(lower),
        "gradient over curvature",
        ComparedTo.minimum,
        assumptions,
        kind=kind,
    )


def self_concordant(
    problem: Problem, theta: Float[Array, " d"], weights: Float[np.ndarray, " n"], left: Remaining
) -> Certificate | None:
    """−(1/R) log(1 − Rν/√λ) of a logistic risk, ν² = ∇R₋ᵀH⁻¹∇R₋ and λ = λ_min(H), H at θ.

    From H(θ + v) ≥ e^{−R‖v‖} H(θ), R the length of the longest retained row: there
    ⟨−∇R₋, v⟩ ≥ ‖v‖²_H (1 − e^{−s})/s with s = R‖v‖. None of other problems; vacuous where
    Rν ≥ √λ.
    """
    if not isinstance(problem.model, LinearModel) or not isinstance(problem.loss, Logistic):
        return None
    hessian = np.asarray(_hessian(problem, theta, jnp.asarray(weights, theta.dtype)), float)
    values, vectors = np.linalg.eigh(hessian)
    error = _EIGENVALUE * len(values) * values[-1]
    least = float(values[0]) - error
    longest = float(np.linalg.norm(np.asarray(problem.X)[weights > 0.0], axis=1).max())
    assumptions = {"smallest eigenvalue of the Hessian": least, "longest row": longest}
    if least <= 0.0:
        return certificate(
            math.inf, "self-concordance", ComparedTo.minimum, assumptions,
            vacuous="the Hessian is singular to rounding",
        )  # fmt: skip
    along = vectors.T @ left.gradient
    # H is known to `error`, and the gradient to its rounding.
    decrement = math.sqrt(float(np.sum(along**2 / values)) / (1.0 - error / (least + error)))
    decrement += left.rounding / math.sqrt(least)
    assumptions["Newton decrement"] = decrement
    share = longest * decrement / math.sqrt(least) * (1.0 + 1e-14)
    if share >= 1.0:
        return certificate(
            math.inf, "self-concordance", ComparedTo.minimum, assumptions,
            vacuous=f"R ν/√λ = {share:.3g}, and it takes less than 1: come nearer first",
        )  # fmt: skip
    distance = -math.log1p(-share) / longest if longest > 0.0 else decrement / math.sqrt(least)
    return certificate(_log(distance), "self-concordance", ComparedTo.minimum, assumptions)


@eqx.filter_jit
def _hessian(problem, theta, weights):
    bends = jax.vmap(problem.point_loss.hessian)(problem.X @ theta, problem.targets)
    data = (problem.X.T * (weights * bends)[None, :]) @ problem.X
    return data + jnp.diag(jnp.broadcast_to(problem.ridge, theta.shape))


def newton_residuals(
    problem: Problem,
    move: Float[np.ndarray, " d"],
    weights: Float[np.ndarray, " n"],
    lower: float,
    left: Remaining,
) -> list[Certificate]:
    """A priori bounds of what a Newton step leaves of a logistic gradient, over μ.

    ‖X‖ ‖(XΔ)∘(XΔ)‖/(12√3), by Taylor's theorem; and ¼ max‖x‖ ‖Δ‖ ‖XΔ‖ ‖X‖, as published (Guo et
    al., ICML 2020, where rows are no longer than 1). Neither is needed where the gradient is
    computed. Of θ and of the step's linear equations the rounding is added, of the gradient `left`.
    """
    if not isinstance(problem.model, LinearModel) or not isinstance(problem.loss, Logistic):
        return []
    own = weights if problem.point_weights is None else weights * np.asarray(problem.point_weights)
    X = np.asarray(problem.X, float)
    along, size = X @ move, np.linalg.norm(np.sqrt(own)[:, None] * X, 2)
    taylor = _BEND * size * np.linalg.norm(np.sqrt(own) * along**2)
    longest = np.linalg.norm(X[own > 0.0], axis=1).max()
    published = 0.25 * longest * np.linalg.norm(move) * np.linalg.norm(np.sqrt(own) * along) * size
    assumptions = {"length of the step": float(np.linalg.norm(move)), "lower bound": lower}
    margin = 1e-13 * problem.size
    curved = 0.25 * size**2 + float(np.max(problem.ridge))
    solved = _SOLVED * move.size * np.finfo(float).eps * curved * np.linalg.norm(move)
    log_rounding = _log(left.rounding + float(solved)) - math.log(lower)
    return [
        certificate(
            _log(float(bound)) - math.log(lower), route, ComparedTo.minimum, assumptions,
            margin=margin, log_rounding=log_rounding,
        )
        for bound, route in ((taylor, "Taylor remainder"), (published, "published (Guo et al.)"))
    ]  # fmt: skip


def after_the_request(
    left: Remaining,
    lower: float,
    log_factor: float,
    kind: CertificateKind,
    log_rounding: float,
) -> Certificate:
    """q^K ‖∇R₋(θ_T)‖/μ: a bound of the distance after K more steps, known before them."""
    assumptions = {"gradient at the request": left.length, "lower bound of the curvature": lower}
    assumptions["log of the contraction"] = log_factor
    return certificate(
        log_factor + _log(left.length) - math.log(lower),
        "contraction since the request",
        ComparedTo.minimum,
        assumptions,
        kind=kind,
        margin=1e-13 + 1e-15 * abs(log_factor),
        log_rounding=log_rounding,
    )


def _log(value: float) -> float:
    return math.log(value) if value > 0.0 else -math.inf
