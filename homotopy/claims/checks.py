"""Numerical checks of claims, through the toolkit, on random instances of several dimensions."""

from __future__ import annotations

import numpy as np

from homotopy.claims.claim import Evidence
from homotopy.influence import Influence, LeaveOneOut, NewtonStep, OwnLoss, leverage, predict
from homotopy.linear import LinearRegression
from homotopy.precision import enable_x64


def instances():
    """Regressions with d = 1, 2, 5, and n = 4d + 4."""
    enable_x64()
    generator = np.random.default_rng(0)
    for dimension in (1, 2, 5):
        size = 4 * dimension + 4
        X = generator.standard_normal((size, dimension))
        y = X @ generator.standard_normal(dimension) + generator.standard_normal(size)
        yield LinearRegression(X, y, deleted=1)


def relative(value, reference) -> float:
    """‖value − reference‖/‖reference‖."""
    value, reference = np.asarray(value), np.asarray(reference)
    return float(np.linalg.norm(value - reference) / np.linalg.norm(reference))


def worst(text: str, compare, tolerance: float = 1e-9) -> Evidence:
    """The largest error of a comparison over the instances."""
    return Evidence(text, max(compare(problem) for problem in instances()), tolerance)


def deleted(problem):
    """x, y, and H of all the data."""
    X, y, row = np.asarray(problem.X), np.asarray(problem.y), int(problem.deleted[0])
    return X[row], y[row], X.T @ X


def influence_over_truth() -> Evidence:
    """The influence function at ε = 1 is 1 − leverage times the change by refitting."""

    def compare(problem):
        truth = predict(problem, LeaveOneOut()).delta
        first = predict(problem, Influence()).delta
        return relative(first, (1 - leverage(problem)[1]) * np.asarray(truth))

    return worst("influence at ε = 1 against refits", compare)


def newton_is_exact() -> Evidence:
    """One Newton step is the refit."""
    return worst(
        "one Newton step against refits",
        lambda problem: relative(
            predict(problem, NewtonStep()).delta, predict(problem, LeaveOneOut()).delta
        ),
    )


def own_loss() -> Evidence:
    """𝒬 = ê²P."""

    def compare(problem):
        x, y, _ = deleted(problem)
        residual = y - x @ np.asarray(problem.full_fit())
        change = predict(problem, Influence()).linearised(OwnLoss())
        return relative(change, residual**2 * leverage(problem)[1])

    return worst("𝒬 against ê² times leverage", compare)


def _perceptron():
    """A perceptron that is not at a minimum, with a ridge."""
    import jax

    from homotopy.losses import SquaredError
    from homotopy.models import mlp
    from homotopy.problem import Problem

    enable_x64()
    generator = np.random.default_rng(1)
    X, y = generator.standard_normal((8, 2)), generator.standard_normal(8)
    model = mlp([2, 2, 1])
    problem = Problem(model, SquaredError(), X, y, deleted=0, ridge=0.1)
    return problem, model.initial_parameters(jax.random.key(0))


def linearised_response() -> Evidence:
    """The PBRF of a thousandth of a point against damped Gauss–Newton influence."""
    from homotopy.influence import GaussNewton, ProximalBregman

    problem, theta = _perceptron()
    part = 1e-4
    change = -part * np.eye(problem.size)[0]
    response = predict(problem, ProximalBregman(1.0), theta, changes=change).delta
    linear = predict(problem, GaussNewton(1.0), theta, changes=change).delta
    return Evidence(
        "PBRF of 1e-4 of a point's weight against its linearisation",
        relative(response, linear),
        1e-3,
    )


def definite_gauss_newton() -> Evidence:
    """The smallest eigenvalue of the damped Gauss–Newton matrix, away from a minimum."""
    import jax.numpy as jnp

    from homotopy.influence.curvature import GaussNewtonCurvature

    problem, theta = _perceptron()
    damping = 0.5
    curvature = GaussNewtonCurvature(
        problem, theta, jnp.ones(problem.size), jnp.asarray(damping)
    )
    least = float(np.linalg.eigvalsh(curvature.matrix())[0])
    floor = damping + float(problem.ridge)
    return Evidence("damping less the smallest eigenvalue", max(floor - least, 0.0), 1e-12)


def bregman_is_positive() -> Evidence:
    """The least divergence over random outputs, of three losses; and that of squared loss."""
    import jax.numpy as jnp

    from homotopy.losses import Logistic, SoftmaxCrossEntropy, SquaredError

    enable_x64()
    generator = np.random.default_rng(2)
    worst_error = 0.0
    for _ in range(50):
        a, b = (jnp.asarray(generator.standard_normal(3)) for _ in range(2))
        divergences = [
            SoftmaxCrossEntropy().bregman(a, b, jnp.asarray(1)),
            Logistic().bregman(a[0], b[0], jnp.asarray(1)),
            SquaredError().bregman(a, b, a),
        ]
        worst_error = max(worst_error, -min(float(one) for one in divergences))
        half = 0.5 * float(jnp.sum((a - b) ** 2))
        worst_error = max(worst_error, abs(float(divergences[2]) - half))
    return Evidence("negative part of divergences, and ½‖a − b‖²", worst_error, 1e-12)


def footnote() -> Evidence:
    """The counterexample: J = 0 and a second-order term of −2y at the stationary point of θ²."""
    import jax.numpy as jnp

    from homotopy.losses import SquaredError
    from homotopy.models import function_model
    from homotopy.problem import Problem

    enable_x64()
    model = function_model(lambda theta, x: theta[0] ** 2, 1)
    problem = Problem(model, SquaredError(), [[1.0], [1.0]], [-1.0, -1.0], deleted=0)
    origin = jnp.zeros(1)
    stationary = float(jnp.abs(problem.gradient(origin)).max())
    second = float(problem.hessian(origin)[0, 0])  # J = 0: all of the Hessian
    return Evidence("gradient, and distance of the term from −2Σy = 4",
                    max(stationary, abs(second - 4.0)), 1e-12)  # fmt: skip


def response_derivative() -> Evidence:
    """θ̇(0) of the toolkit against −M⁻¹∇ℓ from the data."""
    from homotopy.response import response

    def compare(problem):
        x, y, H = deleted(problem)
        fit = np.asarray(problem.deleted_fit())
        expected = np.linalg.solve(H - np.outer(x, x), x * (y - x @ fit))
        return relative(response(problem, [0.0]).velocity[0], expected)

    return worst("θ̇(0) against −M⁻¹∇ℓ", compare)


def envelope() -> Evidence:
    """Central differences of R_ε(θ(ε)) and ℓ_j(θ(ε)) at ε = ½ and near 0."""
    from homotopy.response import response

    def compare(problem):
        h = 1e-4
        path = response(problem, [0.5 - h, 0.5, 0.5 + h, 0.0, h, 2 * h])
        risks = [
            float(problem.risk(at, epsilon)) for epsilon, at in zip(
                path.epsilons, path.theta, strict=True
            )
        ]  # fmt: skip
        losses = [float(problem.deleted_loss(at)) for at in path.theta]
        total = (risks[2] - risks[0]) / (2 * h)
        own = (-3 * losses[3] + 4 * losses[4] - losses[5]) / (2 * h)
        x, y, H = deleted(problem)
        slope = -x * (y - x @ np.asarray(path.theta[3]))
        expected = -slope @ np.linalg.solve(H - np.outer(x, x), slope)
        return max(abs(total / losses[1] - 1.0), abs(own / expected - 1.0))

    return worst("derivatives of risk and own loss against differences", compare, 1e-5)


def weight_column() -> Evidence:
    """`weight_jacobian` at the weights (1, …, ε, …, 1) against the velocity of the response."""
    from homotopy.influence import weight_jacobian
    from homotopy.response import response

    def compare(problem):
        path = response(problem, [0.3])
        there = weight_jacobian(problem, path.theta[0], problem.weights(0.3))
        return relative(there.columns[1], path.velocity[0])

    return worst("column j of Jθ against θ̇ʲ", compare)


def velocity_ratio() -> Evidence:
    """θ̇(1) against (1 − P)²θ̇(0), and the bound by max‖θ̈‖."""
    from homotopy.response import response

    def compare(problem):
        path = response(problem, np.linspace(0.0, 1.0, 21))
        factor = (1 - leverage(problem)[1]) ** 2
        above = float(path.velocity_change - path.velocity_change_bound)
        ratio = relative(path.end_velocities[1], factor * np.asarray(path.end_velocities[0]))
        return max(ratio, above, 0.0)

    return worst("θ̇(1)/θ̇(0) against (1 − P)², and the bound", compare)


def flow_formula() -> Evidence:
    """(0.10) by SciPy's matrix exponential against the toolkit's flow, at three weights."""
    from scipy.linalg import expm

    from homotopy.flow import homotopy

    def compare(problem):
        x, y, H = deleted(problem)
        moment = np.asarray(problem.X).T @ np.asarray(problem.y)
        start = np.arange(1.0, problem.dimension + 1.0)
        surface = np.asarray(homotopy(problem, start, [0.3], [0.0, 0.5, 1.0]).theta[:, 0])
        errors = []
        for epsilon, found in zip((0.0, 0.5, 1.0), surface, strict=True):
            weighted = H - (1 - epsilon) * np.outer(x, x)
            fit = np.linalg.solve(weighted, moment - (1 - epsilon) * x * y)
            errors.append(relative(found, fit + expm(-0.3 * weighted) @ (start - fit)))
        return max(errors)

    return worst("θ(t, ε) against the formula", compare)


def sensitivity_of_flow() -> Evidence:
    """∂θ/∂w_j of the flow against differences in ε from 1."""
    from homotopy.flow import homotopy, sensitivity

    def compare(problem):
        start, h = np.ones(problem.dimension), 1e-4
        moved = sensitivity(problem, start, [0.2], points=[1]).derivative[0, 0]
        surface = homotopy(problem, start, [0.2], [1 - 2 * h, 1 - h, 1.0]).theta[:, 0]
        far, near, here = (np.asarray(one) for one in surface)
        return relative((far - 4 * near + 3 * here) / (2 * h), moved)

    return worst("∂θ/∂ε against differences", compare, 1e-5)


def frozen_kernel() -> Evidence:
    """X = Id, y = 1, the last row deleted at s: its coordinate stays where it was."""
    from homotopy.flow import flow
    from homotopy.schedules import Step

    enable_x64()
    problem = LinearRegression(np.eye(3), np.ones(3), deleted=2)
    state = np.asarray(flow(problem, Step(0.5), [0.0, 0.0, 0.0], [40.0]).theta[0])
    expected = np.array([1.0, 1.0, 1.0 - np.exp(-0.5)])
    return Evidence("θ(∞, s) against (1, 1, 1 − e^(−s))", relative(state, expected), 1e-9)


def step_cost() -> Evidence:
    """ℰ of a step against the formula by matrix exponentials."""
    from scipy.linalg import expm

    from homotopy.schedules import Step
    from homotopy.unlearning import Deletion

    def compare(problem):
        x, _, H = deleted(problem)
        full, without = (np.asarray(f()) for f in (problem.full_fit, problem.deleted_fit))
        start = np.arange(1.0, problem.dimension + 1.0)
        deletion = Deletion(problem, start, start=0.1, horizon=0.4)
        at_request = full + expm(-0.1 * H) @ (start - full)
        final = expm(-0.3 * (H - np.outer(x, x))) @ (at_request - without)
        return abs(float(deletion.cost(Step(0.1))) / (0.5 * final @ final) - 1.0)

    return worst("ℰ(1_[0,s]) against the formula", compare)


def _identity_example():
    """H = Id, θ* and θ*₋ apart, as in the notes' simplification H = H₋ = Id."""
    generator = np.random.default_rng(3)
    return generator.standard_normal((3, 2))


def step_derivative() -> Evidence:
    """dℰ/dτ by differences of the flow's own formula, with H = H₋ = Id."""
    start, full, without = _identity_example()
    horizon, tau, h = 2.0, 0.7, 1e-6

    def cost(at):
        w = np.exp(-at) * start + (1 - np.exp(-at)) * full - without
        return 0.5 * np.exp(-2 * (horizon - at)) * w @ w

    w = np.exp(-tau) * start + (1 - np.exp(-tau)) * full - without
    expected = np.exp(-2 * (horizon - tau)) * w @ (full - without)
    found = (cost(tau + h) - cost(tau - h)) / (2 * h)
    return Evidence("differences of ℰ against the formula", abs(found / expected - 1), 1e-6)


def best_step() -> Evidence:
    """τ* against a search over steps, for a start from which waiting pays; H = H₋ = Id."""
    from scipy.optimize import minimize_scalar

    full, change = np.array([1.0, 0.5]), np.array([0.2, 0.1])
    start = full - 8.0 * change + np.array([0.1, -0.2])
    expected = np.log((full - start) @ change / (change @ change))

    def cost(tau):
        w = np.exp(-tau) * (start - full) + change
        return 0.5 * np.exp(2 * tau) * w @ w

    found = minimize_scalar(cost, bounds=(0.0, 4.0), method="bounded", options={"xatol": 1e-10}).x
    return Evidence("best τ by search against τ*", abs(found - expected), 1e-6)


def ramp_closed_form() -> Evidence:
    """The closed form with one parameter against the toolkit's flow under a ramp."""
    from scipy.special import erf

    from homotopy.flow import flow
    from homotopy.schedules import Ramp

    enable_x64()
    X, y = np.array([[1.0], [0.5], [1.5]]), np.array([0.3, 1.0, -0.4])
    problem = LinearRegression(X, y, deleted=2)
    m, x = float(np.sum(X[:2] ** 2)), 1.5
    fit = float(X[:2, 0] @ y[:2]) / m
    r, stop, length = y[2] - x * fit, 1.0, 1.0
    middle, width = stop + m * length / x**2, np.sqrt(length) / x

    def exponent(t):
        return m * t + x**2 / length * (stop * t - t**2 / 2)

    def integral(t):
        scale = np.exp(exponent(middle)) * width * np.sqrt(np.pi / 2)
        return scale * erf((t - middle) / (np.sqrt(2) * width))

    def particular(t):
        return (r / x) * (1 - m * np.exp(-exponent(t)) * integral(t))

    start = 2.0
    constant = start - fit - particular(0.0)
    expected = fit + particular(0.8) + constant * np.exp(-exponent(0.8))
    found = float(flow(problem, Ramp(0.0, stop), [start], [0.8]).theta[0, 0])
    return Evidence("θ(t) under a ramp against erf", abs(found / expected - 1), 1e-9)


def greedy_not_zero() -> Evidence:
    """A state at which ε = 1 brings θ nearer to θ*₋ than ε = 0: d = 1, u = x = 1, r = −1."""
    from homotopy.flow import homotopy

    enable_x64()
    # Retained: one row (1, 0), fit 0. Deleted: x = 1, y = −1, so that r = −1.
    problem = LinearRegression([[1.0], [1.0]], [0.0, -1.0], deleted=1)
    states = np.asarray(homotopy(problem, [1.0], [1e-3], [0.0, 1.0]).theta[:, 0, 0])
    gain = abs(states[0]) - abs(states[1])
    # To first order the gain is t (xᵀu − r)x = 2t.
    return Evidence("gain of ε = 1 at once, against 2t", abs(gain / 2e-3 - 1), 1e-2)
