"""The verb `soft_weights`: sequential quadratic programming, with a refit at every step."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float
from scipy.optimize import LinearConstraint

from homotopy._checks import ArrayInput, fraction, integer
from homotopy._result import named
from homotopy._wording import described
from homotopy.measurements import OwnLoss, as_measurement, as_scalar_measurement
from homotopy.problem import Problem, a_problem
from homotopy.reweighting.constraint import Constraint, sorted_out
from homotopy.reweighting.objective import AbstractChange, LeastSquares
from homotopy.reweighting.quadratic_programme import Programme, nearest_feasible, solved
from homotopy.reweighting.refitted import Measured, Refits
from homotopy.reweighting.result import SoftWeights, SoftWeightsStatus, of_arrays
from homotopy.reweighting.start import training_start

_PROXIMAL = 1e-2  # of the derivatives of a measurement, which prefers no weights of many
_SHORTEST = 1e-6  # a step, below which the search is stuck
_BENT = 0.9  # of the objective's curvature, that constraints may take away
_CURVED = 128  # columns of a second derivative, up to which it is used
_FEASIBLE = 1e-9  # an excess over a bound, relative to the larger of 1 and the bound


def soft_weights(
    problem: Problem,
    objective: AbstractChange | Callable | None = None,
    constraints: Constraint | LinearConstraint | Sequence = (),
    *,
    bounds: tuple[float, float] = (0.0, np.inf),
    theta: ArrayInput | None = None,
    tolerance: float = 1e-9,
    max_steps: int = 100,
) -> SoftWeights:
    """Weights of all points, next to 1, with which the refitted model keeps to constraints.

    Minimises ½‖w − 1‖² over w in a box such that l ≤ m(θ(w)) ≤ u, where θ(w) is the minimum of
    Σ wᵢ ℓᵢ + (ρ/2)‖θ‖²: a model that is fairer, or more robust, without forgetting any point
    (theory §9). Sequential quadratic programming in a trust region: at each step the
    model is refitted, measurements are linearised in all n weights by one adjoint solve each,
    ∂m/∂wᵢ = −∇ℓᵢ·H(w)⁻¹∇m, second derivatives are exact, and Clarabel solves the programme.
    What is reported holds for the refit.

    Parameters
    ----------
    problem : Problem
        Its deleted set plays no part. A ridge, or data that determine θ, are needed.
    objective : AbstractChange, AbstractMeasurement or callable, optional
        `reweighting.LeastSquares()`, the default; `reweighting.RelativeEntropy()`; or a
        measurement of one number, which is made as small as it gets.
    constraints : Constraint, scipy.optimize.LinearConstraint or sequence of them
        Of measurements at θ(w), and of the weights themselves, as `reweighting.equal_total(groups)`
        for Σw = n.
    bounds : (float, float)
        Of each weight, the lower one ≥ 0: with negative weights there may be no minimum.
    theta : (d,), optional
        θ(1), or where training to it begins; needed unless the model is linear. Minima are followed
        from there.
    tolerance : float
        Of `kkt_residual`.
    max_steps : int
        Refits.

    Returns
    -------
    SoftWeights
        A **local** minimum, where it is successful.

    Raises
    ------
    TypeError, ValueError
        Naming the argument; `constraints` also where no weights within `bounds` keep to the linear
        ones.
    RuntimeError
        Where training with all weights 1 comes to no strict minimum.

    Notes
    -----
    n weights can overfit the data of the measurements: judge the result on others.

    References
    ----------
    Soft-weighted unlearning with influence functions was proposed in arXiv:2505.18783, whose closed
    form has no bounds; its weights may be negative, and its signs follow |m|.

    Examples
    --------
    >>> import homotopy as hm
    >>> hm.enable_x64()
    >>> problem = hm.LinearRegression([[1.0], [1.0]], [0.0, 1.0], deleted=1)
    >>> lower = hm.reweighting.Constraint(hm.Predictions([[1.0]]), upper=0.4)  # the mean, 0.5
    >>> found = hm.soft_weights(problem, constraints=lower)
    >>> print(found.weights.round(6))  # 0.4 = 0.769… / (1.153… + 0.769…)
    [1.153846 0.769231]
    """
    a_problem(problem)
    fraction("tolerance", tolerance)
    integer("max_steps", max_steps)
    measured, linear = sorted_out(constraints, problem.size)
    change, measurements = _objective(objective, problem)
    for each in measured:
        if isinstance(each.measurement, OwnLoss):
            raise ValueError(
                "constraints: expected a measurement of the model, got OwnLoss(), which is of "
                "deleted points."
            )
        measurements.append(as_measurement(each.measurement, problem, "constraints"))
    low, high = _bounds(bounds, change)
    refits = Refits(problem, tuple(measurements))
    begin = refits.minimum(np.ones(problem.size), training_start(problem, theta))
    if begin is None:
        raise RuntimeError(SoftWeightsStatus[SoftWeightsStatus.no_minimum])
    before = refits.measured(np.ones(problem.size), begin)
    search = _Search(refits, change, _lengths(refits, begin), measured, linear, low, high)
    search.set_bounds(before)
    return named(search.run(before, tolerance, max_steps), problem)


def _objective(objective, problem) -> tuple[AbstractChange | None, list]:
    if objective is None:
        return LeastSquares(), []
    if isinstance(objective, AbstractChange):
        return objective, []
    if isinstance(objective, OwnLoss):
        raise ValueError(
            "objective: expected a measurement of the model, got OwnLoss(), which is of deleted "
            "points."
        )
    return None, [as_scalar_measurement(objective, problem, "objective")]


def _bounds(bounds, change) -> tuple[float, float]:
    try:
        low, high = (float(part) for part in bounds)
    except (TypeError, ValueError):
        raise TypeError(f"bounds: expected two numbers, got {described(bounds)}.") from None
    if not 0.0 <= low <= 1.0:
        raise ValueError(
            f"bounds: expected a lower bound in [0, 1], got {low:g}: below 0 the risk may have no "
            "minimum, and weights begin at 1."
        )
    if not high >= 1.0:
        raise ValueError(f"bounds: expected an upper bound of 1 or more, got {high:g}.")
    return max(low, 0.0 if change is None else change.least), high


def _lengths(refits, theta) -> list[int]:
    """How many numbers each measurement has."""
    none = jnp.zeros(1, int), jnp.zeros(1, refits.problem.X.dtype)
    shapes = [
        eqx.filter_eval_shape(each, refits.problem, jnp.asarray(theta), *none).shape
        for each in refits.measurements
    ]
    return [int(np.prod(shape)) for shape in shapes]


@dataclass
class _Search:
    """Where the steps start from, and what they must keep to."""

    refits: Refits
    change: AbstractChange | None
    lengths: list[int]
    constraints: list[Constraint]
    linear: list
    low: float
    high: float

    def set_bounds(self, before: Measured) -> None:
        """Bounds as numbers, relative ones from the values before; linear ones as one matrix."""
        own = self.lengths[1:] if self.change is None else self.lengths
        self.skipped = 1 if self.change is None else 0

        def repeated(name):
            parts = zip(self.constraints, own, strict=True)
            return _joined([np.full(count, getattr(each, name)) for each, count in parts])

        shift = np.where(repeated("relative") > 0.0, before.values[self.skipped :], 0.0)
        self.lower, self.upper = repeated("lower") + shift, repeated("upper") + shift
        # Of the objective's derivatives.
        self.unit = 1.0
        if self.change is None:
            self.unit = float(np.max(np.abs(before.slopes[0]))) or 1.0
        size = before.slopes.shape[1]
        matrices = [each.A for each in self.linear]
        self.matrix = np.vstack([np.zeros((0, size)), *matrices])
        self.least = _joined([np.asarray(each.lb, float) for each in self.linear])
        self.most = _joined([np.asarray(each.ub, float) for each in self.linear])

    def value(self, weights, at: Measured) -> float:
        """What is minimised."""
        return float(at.values[0]) if self.change is None else self.change.value(weights)

    def excess(self, at: Measured) -> Float[np.ndarray, " c"]:
        """Over the bounds."""
        values = at.values[self.skipped :]
        return np.maximum(np.maximum(values - self.upper, self.lower - values), 0.0)

    def programme(self, weights, at: Measured, multipliers, radius, penalty) -> Programme:
        """The quadratic model of the search around weights."""
        if self.change is None:
            gradient, diagonal, combined = (
                at.slopes[0],
                np.full(weights.size, _PROXIMAL * self.unit),
                [1.0, *multipliers],
            )
        else:
            gradient, diagonal = self.change.derivatives(weights)
            combined = multipliers
        basis, curvature = np.zeros((weights.size, 0)), np.zeros((0, 0))
        if np.any(combined) and 2 * at.theta.size <= min(_CURVED, weights.size):
            basis, bent = self.refits.curvature(weights, at.theta, np.asarray(combined))
            sizes, vectors = np.linalg.eigh(0.5 * (bent + bent.T))
            kept = np.maximum(sizes, -_BENT * float(np.min(diagonal)))
            curvature = (vectors * kept) @ vectors.T
        reached = self.matrix @ weights
        return Programme(
            diagonal, gradient, basis, curvature, at.values[self.skipped :],
            at.slopes[self.skipped :], self.lower, self.upper, self.matrix, self.least - reached,
            self.most - reached, np.maximum(self.low - weights, -radius),
            np.minimum(self.high - weights, radius), penalty,
        )  # fmt: skip

    def residual(self, weights, at: Measured, multipliers, linear_multipliers) -> float:
        """By how much w would move down the gradient of the Lagrangian, within the bounds.

        Relative to the largest derivative in it, of the objective at the beginning. Also what is
        left of a multiplier times the distance from its bound, where that is more.
        """
        slopes, values = at.slopes[self.skipped :], at.values[self.skipped :]
        own = at.slopes[0] if self.change is None else self.change.derivatives(weights)[0]
        forced = multipliers @ slopes
        gradient = own + forced + linear_multipliers @ self.matrix
        size = max(self.unit, float(np.max(np.abs(forced), initial=0.0)))
        moved = np.clip(weights - gradient / size, self.low, self.high) - weights
        distance = np.where(multipliers > 0.0, values - self.upper, values - self.lower)
        # Past a bound, a multiplier is that of the excess.
        apart = np.where(multipliers > 0.0, distance < 0.0, distance > 0.0) & (multipliers != 0.0)
        loose = np.abs(multipliers * np.where(apart, distance, 0.0)) / size
        return float(max(np.max(np.abs(moved)), np.max(loose, initial=0.0)))

    def run(self, before: Measured, tolerance: float, max_steps: int) -> SoftWeights:
        """Steps until the conditions of a minimum hold."""
        ones = np.ones(before.slopes.shape[1])
        weights = nearest_feasible(ones, self.matrix, self.least, self.most, self.low, self.high)
        if weights is None:
            raise ValueError(
                f"constraints: no weights in [{self.low:g}, {self.high:g}] keep to the linear ones."
            )
        count, at, status = 1, before, SoftWeightsStatus.step_limit
        if np.any(weights != ones):
            count, at = 2, self._refitted(weights, before)
        multipliers = np.zeros(self.lower.size)
        linear_multipliers = np.zeros(self.least.size)
        if at is None:
            none = multipliers, linear_multipliers, count, SoftWeightsStatus.no_minimum
            return self._ended(ones, before, before, *none)
        radius, penalty, merit_penalty = 1.0, self._first_penalty(at), 0.0
        largest, allowed = 1e4 * penalty, _FEASIBLE * self._scales()
        while count < max_steps:
            one = self.programme(weights, at, multipliers, radius, penalty)
            step = solved(one)
            if step is None:  # of constraints that hold at the weights themselves, but for rounding
                break
            bound = np.max(np.abs(step.multipliers), initial=0.0) >= 0.99 * penalty
            length = float(np.max(np.abs(step.step), initial=0.0))
            if bound and length < 0.99 * radius and penalty < largest:
                penalty *= 10.0
                continue
            linear_multipliers = step.linear_multipliers
            # Of a bound that is met by the way, an interior point has a small multiplier.
            sizes = np.abs(step.multipliers)
            small = sizes < 1e-5 * (1.0 + np.max(sizes, initial=0.0))
            multipliers = min(
                (step.multipliers, np.where(small, 0.0, step.multipliers)),
                key=lambda one: self.residual(weights, at, one, linear_multipliers),
            )
            if self.residual(weights, at, multipliers, linear_multipliers) <= tolerance:
                met = np.all(self.excess(at) <= allowed)
                status = SoftWeightsStatus.successful if met else SoftWeightsStatus.infeasible
                break
            merit_penalty = max(
                merit_penalty, 2.0 * float(np.max(np.abs(multipliers), initial=0.0))
            )
            merit = self._merit(weights, at, merit_penalty)
            expected = merit_penalty * np.sum(self.excess(at) - step.excess) - step.value
            # Of the merit: values of refits are known to some units in the last place.
            rounding = 1e-13 * abs(merit) + 1e-14 * merit_penalty * float(np.sum(self._scales()))
            if length <= tolerance and expected <= rounding:
                met = np.all(self.excess(at) <= allowed)
                status = SoftWeightsStatus.rounding if met else SoftWeightsStatus.infeasible
                break
            trial, there = weights + step.step, None
            for _ in range(2):
                trial = np.clip(trial, self.low, self.high)
                tried, count = self._refitted(trial, at), count + 1
                if tried is None:
                    break
                gained = merit - self._merit(trial, tried, merit_penalty)
                if gained >= 0.1 * expected - rounding:
                    there = tried
                    break
                # Once more, with the bends of the constraints that the step has felt.
                felt = tried.values[self.skipped :] - one.slopes @ (trial - weights)
                corrected = solved(one._replace(values=felt))
                if corrected is None:
                    break
                trial = weights + corrected.step
            if there is None:
                radius = 0.25 * min(length, radius)
                if radius < _SHORTEST:
                    status = SoftWeightsStatus.branch_ends
                    break
                continue
            if gained > 0.75 * expected and length > 0.9 * radius:
                radius *= 2.0
            weights, at = trial, there
        return self._ended(weights, at, before, multipliers, linear_multipliers, count, status)

    def _merit(self, weights, at, penalty) -> float:
        return self.value(weights, at) + penalty * float(np.sum(self.excess(at)))

    def _scales(self) -> Float[np.ndarray, " c"]:
        """Of the bounds, or 1."""
        sizes = np.abs(np.stack([self.lower, self.upper]))
        return np.max(np.where(np.isfinite(sizes), sizes, 1.0), axis=0, initial=1.0)

    def _first_penalty(self, at) -> float:
        """Some ten times the multipliers that move the values to their bounds."""
        slopes = at.slopes[self.skipped :]
        if not slopes.size:
            return 1.0
        felt = np.max(np.abs(slopes), axis=1)
        own = (
            0.0 if self.change is not None else self.unit / np.min(felt[felt > 0.0], initial=np.inf)
        )
        needed = np.linalg.pinv(slopes @ slopes.T) @ self.excess(at)
        return 1.0 + 10.0 * (own + float(np.max(np.abs(needed))))

    def _refitted(self, weights, at: Measured) -> Measured | None:
        found = self.refits.minimum(weights, at.theta)
        return None if found is None else self.refits.measured(weights, found)

    def _ended(
        self, weights, at, before, multipliers, linear_multipliers, count, status
    ) -> SoftWeights:
        own = slice(self.skipped, None)
        predicted = before.values[own] + before.slopes[own] @ (weights - 1.0)
        return of_arrays(
            weights=weights,
            theta=at.theta,
            theta_before=before.theta,
            objective=self.value(weights, at),
            values=at.values[own],
            values_before=before.values[own],
            predicted=predicted,
            lower=self.lower,
            upper=self.upper,
            multipliers=multipliers,
            kkt_residual=self.residual(weights, at, multipliers, linear_multipliers),
            violation=float(np.max(self.excess(at), initial=0.0)),
            refits=count,
            status=status,
        )


def _joined(parts) -> Float[np.ndarray, " c"]:
    return np.concatenate([np.zeros(0), *parts])
