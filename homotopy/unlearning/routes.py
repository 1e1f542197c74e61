"""All certificates that a deletion has: by every route that holds for it."""

from __future__ import annotations

import math

import numpy as np
from jaxtyping import Array, Float, Int

from homotopy.evidence import ROUNDINGS
from homotopy.linear import LinearRegression
from homotopy.unlearning import exact_distance
from homotopy.unlearning._training_run import TrainingRun
from homotopy.unlearning.certificate import (
    Certificate,
    CertificateKind,
    ComparedTo,
    certificate,
)
from homotopy.unlearning.curvature import lower_bound
from homotopy.unlearning.lemma import log_distance, log_distance_of_steps, log_span
from homotopy.unlearning.posterior import (
    after_the_request,
    over_curvature,
    remaining_gradient,
    self_concordant,
)
from homotopy.unlearning.steps import contraction, log_factor
from homotopy.unlearning.training_methods import ProjectedDescent, ProjectedSGD

RETRAINING, MINIMUM = ComparedTo.retraining, ComparedTo.minimum


def kept_weights(size: int, deleted: Int[np.ndarray, " m"]) -> Float[np.ndarray, " n"]:
    """1 of what is retained, 0 of what is deleted."""
    weights = np.ones(size)
    weights[deleted] = 0.0
    return weights


def constants(run: TrainingRun, deleted) -> tuple[float, float, CertificateKind] | None:
    """Bounds of ∇²R₋ without the deleted rows, and what they make of a certificate."""
    if run.curvature is None:
        return None
    lower = run.curvature.lower
    kind = CertificateKind.estimated if run.curvature.estimated else CertificateKind.certified
    if isinstance(run.problem, LinearRegression) and not isinstance(run.method, ProjectedSGD):
        own = lower_bound(run.problem, deleted, run.curvature)
        lower = run.row_lower_bounds[deleted[0]] if deleted.size == 1 else own
        lower = max(float(lower), run.curvature.lower)
    return float(lower), run.curvature.upper, kind


def strong_convexity(run: TrainingRun, deleted) -> tuple[float, CertificateKind]:
    """A lower bound of ∇²R₋ for what is measured afterwards; 0 or less where there is none."""
    kind = CertificateKind.certified
    known = lower_bound(run.problem, deleted, run.curvature)
    if run.curvature is not None and run.curvature.estimated:
        if not isinstance(run.problem, LinearRegression):
            kind = CertificateKind.estimated
    return (0.0 if known is None else float(known)), kind


def by_the_path(
    run: TrainingRun, deleted, started: int, steps: int, largest_gradient: float | None
) -> list[Certificate]:
    """What training has recorded says of `steps` more without the points, from a checkpoint.

    Compared to started + steps of them from θ₀.
    """
    known = constants(run, deleted)
    radius, found = run.method.radius, []
    if math.isfinite(radius):
        found.append(
            certificate(
                math.log(2.0 * radius), "diameter of the ball", RETRAINING, {"radius": radius},
                from_deleted=False,
            )
        )  # fmt: skip
    if started == 0:
        nothing = {"steps without the points": "all of them"}
        return [
            certificate(
                -math.inf, "same computation", RETRAINING, nothing, kind=CertificateKind.exact,
                from_deleted=False,
            )
        ]  # fmt: skip
    if known is None:
        return found
    lower, _, kind = known
    place, total, bounds = run.at(started), started + steps, run.bounds()
    points, size = bounds.points, run.problem.size
    rates = contraction(run.method, started, total, lower, bounds.upper, points, size)
    upper = bounds.upper if points is None else bounds.upper + size * float(points.max())
    told = {
        "lower bound of the curvature": lower,
        "upper bound of the curvature": upper,
        "steps": total,
        "steps without the points": steps,
    }
    vacuous = _too_long(run.method.sizes(0, total), upper, points)
    sums = run.accumulators if deleted.size == 1 else run.group_accumulators
    left = float(np.sum(sums[place][deleted]))
    margin = 1e-13 + 4e-16 * (total + run.problem.dimension)
    log_rounding = math.log(2.0) + log_rounding_of_steps(run, lower, upper, total)
    found.append(
        certificate(
            float(np.sum(rates)) + (math.log(left) if left > 0.0 else -math.inf),
            "pathwise", RETRAINING, {"accumulated before the request": left, **told},
            kind=kind, margin=margin, vacuous=vacuous, log_rounding=log_rounding,
        )
    )  # fmt: skip
    if isinstance(run.method, ProjectedSGD):
        return found
    met = float(np.sum(run.largest_gradients[place][deleted])) * (1.0 + 4e-16 * run.theta.size)
    bounds = [("largest gradient", met, True)]
    if largest_gradient is not None:
        bounds.append(("given gradient bound", largest_gradient * deleted.size, False))
    for route, gradient, from_deleted in bounds:
        found.append(
            certificate(
                _lemma(run.method, gradient, lower, upper, total, steps),
                route, RETRAINING, {"bound of the gradients": gradient, **told},
                kind=kind, margin=margin, vacuous=vacuous, from_deleted=from_deleted,
                log_rounding=log_rounding,
            )
        )  # fmt: skip
    return found


def log_rounding_of_steps(run: TrainingRun, lower: float, upper: float, steps: int) -> float:
    """The logarithm of how far rounding may lead the computed steps from exact ones.

    A step rounds θ and what is added to it, 32 units in the last place of their sizes, and its q
    acts on what the steps before have left.
    """
    size = float(run.method.sizes(0, max(steps, 1)).max())
    theta = float(np.linalg.norm(run.checkpoint_theta, axis=1).max())
    terms = float(np.sum(run.largest_gradients[-1]))
    each = theta * (1.0 + size * abs(upper)) + size * terms
    rate = float(log_factor(np.asarray(size), np.asarray(lower), np.asarray(upper)))
    grown = log_span(rate, math.expm1(rate), steps, 0) if steps else -math.inf
    unit = ROUNDINGS * float(np.finfo(run.theta.dtype).eps)
    return math.log(unit * each) + grown if each > 0.0 else -math.inf


def _lemma(method, gradient, lower, upper, total, steps) -> float:
    sizes = method.sizes(0, total)
    if method.constant:
        return log_distance(float(sizes[0]), gradient, lower, upper, total, steps)
    rates = contraction(method, 0, total, lower, upper)
    return log_distance_of_steps(sizes, gradient, rates, steps)


def _too_long(sizes, upper: float, points) -> str:
    largest = float(sizes.max()) if sizes.size else 0.0
    if points is not None or largest * upper <= 2.0 * (1.0 + 1e-12):
        return ""
    return (
        f"the step size {largest:.4g} is more than 2/B = {2.0 / upper:.4g}, B the upper bound of "
        "the curvature, so that steps need not contract"
    )


def to_the_length_of_training(
    run: TrainingRun, deleted, steps: int, path: list[Certificate]
) -> list[Certificate]:
    """Of descending by `steps` more: to T steps without the points, and not T + K of them.

    With Φ one step without them, these end at Φ^T(θ₀) and at Φ^T(v), v the first K steps from θ₀,
    which lead no farther than η‖∇R₋(θ₀)‖ Σ_{k<K} q^k.
    """
    known, method = constants(run, deleted), run.method
    proved = [one for one in path if one.route in ("pathwise", "largest gradient")]
    if not proved or known is None or isinstance(method, ProjectedSGD) or not method.constant:
        return []
    lower, upper, kind = known
    weights = kept_weights(run.problem.size, deleted)
    left = remaining_gradient(run.problem, run.theta0, weights).length
    size = float(method.sizes(0, 1)[0])
    # Those of K steps with a gradient of this length, and then of T without.
    drift = log_distance(size, left, lower, upper, run.steps + steps, run.steps)
    best = min(proved, key=lambda one: one.log_distance)
    told = {"drift": math.exp(min(drift, 709.0)), **dict(best.assumptions)}
    return [
        certificate(
            float(np.logaddexp(best.log_distance, drift)), f"{best.route} and drift",
            ComparedTo.training, told, kind=kind, vacuous=best.vacuous,
        )
    ]  # fmt: skip


def in_closed_form(run: TrainingRun, deleted, started: int, steps: int) -> list[Certificate]:
    """The distances themselves, of least squares by full-batch descent with one step size."""
    problem, method = run.problem, run.method
    usable = isinstance(problem, LinearRegression) and isinstance(method, ProjectedDescent)
    if not usable or not method.constant or math.isfinite(method.radius):
        return []
    if run.theta.dtype != np.float64:  # else the steps are those of other numbers
        return []
    made = (
        exact_distance.single_deletions(problem, run.theta0, deleted)
        if deleted.size == 1
        else exact_distance.group_deletion(problem, run.theta0, deleted)
    )
    size = float(method.sizes(0, 1)[0])
    told = {"step size": size, "steps": started + steps, "steps without the points": steps}
    found = []
    for goal, of in (
        (RETRAINING, exact_distance.differences),
        (MINIMUM, exact_distance.to_minimum),
    ):
        length = float(np.linalg.norm(of(made, size, started + steps, steps)))
        log_length = math.log(length) if length > 0.0 else -math.inf
        found.append(certificate(log_length, "exact", goal, told, kind=CertificateKind.exact))
    return found


def of_the_point(
    run: TrainingRun,
    deleted,
    theta: Float[Array, " d"],
    convexity: tuple[float, CertificateKind] | None = None,
) -> list[Certificate]:
    """What the gradient at θ says, of risks whose `strong_convexity` is positive."""
    lower, kind = strong_convexity(run, deleted) if convexity is None else convexity
    if not lower > 0.0:
        return []
    weights = kept_weights(run.problem.size, deleted)
    left = remaining_gradient(run.problem, theta, weights)
    found = [over_curvature(left, lower, kind)]
    nearer = self_concordant(run.problem, theta, weights, left)
    return found if nearer is None else [*found, nearer]


def since_the_request(run: TrainingRun, deleted, started: int, steps: int) -> list[Certificate]:
    """What the steps without the points make of the distance to θ*₋ at the checkpoint."""
    known, (lower, kind) = constants(run, deleted), strong_convexity(run, deleted)
    if known is None or not lower > 0.0 or isinstance(run.method, ProjectedSGD):
        return []
    if math.isfinite(run.method.radius):
        return []
    rates = contraction(run.method, started, started + steps, known[0], known[1])
    theta = run.checkpoint_theta[run.at(started)]
    weights = kept_weights(run.problem.size, deleted)
    left = remaining_gradient(run.problem, run.problem.parameters(theta), weights)
    log_rounding = log_rounding_of_steps(run, *known[:2], steps)
    return [after_the_request(left, lower, float(np.sum(rates)), kind, log_rounding)]
