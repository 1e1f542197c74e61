"""Every estimator against retraining, closed forms, and objectives written out independently."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.optimize

import homotopy as hm
from homotopy.point_gradients import point_gradients


def linear_data(seed=0, size=30, dimension=4):
    generator = np.random.default_rng(seed)
    X = generator.standard_normal((size, dimension)) * np.array([1.0, 3.0, 0.5, 1.0])[:dimension]
    return X, X @ generator.standard_normal(dimension) + generator.standard_normal(size)


def refitted(X, y, weights, ridge=0.0):
    """θ(w) by QR of the weighted rows."""
    root = np.sqrt(weights)
    rows = np.vstack([root[:, None] * X, np.sqrt(ridge) * np.eye(X.shape[1])])
    return np.linalg.lstsq(rows, np.append(root * y, np.zeros(X.shape[1])), rcond=None)[0]


def leverages(X, ridge=0.0):
    return np.einsum("ij,jk,ik->i", X, np.linalg.inv(X.T @ X + ridge * np.eye(X.shape[1])), X)


def close(values, reference, tolerance):
    values, reference = np.asarray(values), np.asarray(reference)
    assert values.shape == reference.shape
    assert np.max(np.abs(values - reference)) <= tolerance * np.max(np.abs(reference))


@pytest.fixture(scope="module")
def linear():
    X, y = linear_data()
    problem = hm.LinearRegression(X, y, deleted=3)
    full = refitted(X, y, np.ones(len(y)))
    truth = [refitted(X, y, np.where(np.arange(len(y)) == j, 0.0, 1.0)) for j in range(len(y))]
    return problem, X, y, full, np.array(truth) - full


@pytest.fixture(scope="module")
def logistic():
    generator = np.random.default_rng(1)
    X = np.column_stack([np.ones(40), generator.standard_normal((40, 2))])
    y = (X @ np.array([0.3, 1.0, -1.0]) + generator.logistic(size=40) > 0).astype(int)
    problem = hm.Problem(hm.linear_model(3), hm.Logistic(), X, y, deleted=7, ridge=0.05)
    return problem, X, y


@pytest.fixture(scope="module")
def perceptron():
    generator = np.random.default_rng(2)
    X = generator.standard_normal((15, 2))
    y = np.sin(X[:, 0]) + 0.3 * X[:, 1] + 0.2 * generator.standard_normal(15)
    problem = hm.Problem(hm.mlp([2, 3, 1]), hm.SquaredError(), X, y, deleted=4, ridge=0.3)
    theta0 = problem.model.initial_parameters(jax.random.key(0))
    return problem, theta0, hm.train(problem, theta0).theta


@pytest.mark.parametrize(
    ("estimator", "factor"),
    [
        (hm.LeaveOneOut(), lambda P: 1.0 + 0 * P),
        (hm.NewtonStep(), lambda P: 1.0 + 0 * P),
        (hm.Influence(), lambda P: 1.0 - P),
        (hm.Influence(at=0.0), lambda P: 1.0 / (1.0 - P)),
        (hm.Influence(at=0.5), lambda P: (1.0 - P) / (1.0 - 0.5 * P) ** 2),
        (hm.GaussNewton(), lambda P: 1.0 - P),
        (hm.Taylor(1), lambda P: 1.0 - P),
        (hm.Taylor(3), lambda P: 1.0 - P**3),
        (hm.PathIntegration(tolerance=1e-11), lambda P: 1.0 + 0 * P),
    ],
    ids=lambda value: (
        type(value).__name__ if isinstance(value, hm.estimators.AbstractEstimator) else ""
    ),
)
def test_closed_forms_of_linear_regression(linear, estimator, factor):
    problem, X, _, full, truth = linear
    change = hm.predict(problem, estimator, points=np.arange(len(X)))
    expected = truth * factor(leverages(X))[:, None]
    close(change.delta, expected, 1e-10 if isinstance(estimator, hm.PathIntegration) else 1e-12)
    assert np.all(np.asarray(change.status == hm.results.ChangeStatus.successful))
    assert np.max(np.asarray(change.residual)) < 1e-9
    np.testing.assert_allclose(change.theta, full, rtol=1e-12, atol=1e-12)


def test_refits_to_1e_10_with_ridge_groups_and_any_change(linear):
    _, X, y, _, _ = linear
    problem = hm.LinearRegression(X, y, deleted=[2, 5], ridge=0.7)
    full = refitted(X, y, np.ones(30), 0.7)
    groups = [[0, 1, 2], [7], [3, 9, 11, 20]]
    expected = []
    for group in groups:
        weights = np.ones(30)
        weights[group] = 0.0
        expected.append(refitted(X, y, weights, 0.7) - full)
    for estimator in (hm.LeaveOneOut(), hm.NewtonStep()):
        close(hm.predict(problem, estimator, groups=groups).delta, expected, 1e-10)
    changes = np.random.default_rng(3).uniform(-1.0, 1.0, (3, 30))
    expected = [refitted(X, y, 1.0 + change, 0.7) - full for change in changes]
    close(hm.predict(problem, hm.LeaveOneOut(), changes=changes).delta, expected, 1e-10)
    # One change has no leading axis, and the problem's own deleted set is the default.
    one = hm.predict(problem, hm.NewtonStep(), changes=changes[0])
    close(one.delta, expected[0], 1e-10)
    assert one.residual.shape == () and bool(one.status == hm.results.ChangeStatus.successful)
    own = hm.predict(problem, hm.LeaveOneOut())
    close(own.delta, problem.deleted_fit() - problem.full_fit(), 1e-10)
    close(hm.predict(problem, hm.LeaveOneOut(), groups=[2, 5]).delta, own.delta, 1e-12)
    close(hm.predict(problem, hm.LeaveOneOut(), points=7).delta, one_of(problem, 7), 1e-12)


def one_of(problem, point):
    return hm.predict(problem, hm.LeaveOneOut(), points=[point]).delta[0]


def test_measurements(linear):
    problem, X, y, full, truth = linear
    points = np.arange(30)
    P, residuals = leverages(X), y - X @ full
    change = hm.predict(problem, hm.LeaveOneOut(), points=points)
    # The influence loss difference 𝒬 of the sum risk: leverage times squared residual (theory §7).
    first_order = hm.predict(problem, hm.Influence(), points=points)
    close(first_order.linearised(hm.OwnLoss()), residuals**2 * P, 1e-12)
    after = residuals / (1.0 - P)
    close(change.measured(hm.OwnLoss()), 0.5 * (after**2 - residuals**2), 1e-10)
    inputs, targets = X[:5] + 1.0, y[:5] - 1.0
    losses = 0.5 * np.mean((inputs @ (full + truth).T - targets[:, None]) ** 2, axis=0)
    before = 0.5 * np.mean((inputs @ full - targets) ** 2)
    close(change.measured(hm.TestLoss(inputs, targets)), losses - before, 1e-10)
    close(change.measured(hm.Predictions(inputs)), truth @ inputs.T, 1e-10)
    close(change.linearised(hm.Predictions()), truth @ X.T, 1e-10)
    close(change.measured(lambda theta: theta[:2] ** 2), (full + truth)[:, :2] ** 2 - full[:2] ** 2,
          1e-10)  # fmt: skip
    close(change.linearised(lambda theta: theta[0] ** 2), 2 * full[0] * truth[:, 0], 1e-10)
    group = hm.predict(problem, hm.LeaveOneOut(), groups=[3, 4])
    there = y[3:5] - X[3:5] @ (full + np.asarray(group.delta))
    expected = 0.5 * np.sum(there**2 - residuals[3:5] ** 2)
    np.testing.assert_allclose(group.measured(hm.OwnLoss()), expected, rtol=1e-10)


def numpy_logistic(X, y, weights, ridge):
    """Newton's method, in another language."""
    theta = np.zeros(X.shape[1])
    for _ in range(50):
        p = 1.0 / (1.0 + np.exp(-X @ theta))
        gradient = X.T @ (weights * (p - y)) + ridge * theta
        hessian = (X.T * (weights * p * (1 - p))) @ X + ridge * np.eye(len(theta))
        theta = theta - np.linalg.solve(hessian, gradient)
    return theta, np.linalg.norm(gradient)


def test_logistic_leave_one_out_is_stationary_to_1e_10(logistic):
    problem, X, y = logistic
    truth = []
    for j in range(len(y)):
        theta, left = numpy_logistic(X, y, np.where(np.arange(len(y)) == j, 0.0, 1.0), 0.05)
        assert left < 1e-10
        truth.append(theta)
    full = numpy_logistic(X, y, np.ones(len(y)), 0.05)[0]
    change = hm.predict(problem, hm.LeaveOneOut(), points=np.arange(len(y)))
    close(change.delta, np.array(truth) - full, 1e-10)
    for j, delta in enumerate(np.asarray(change.delta)):
        p = 1.0 / (1.0 + np.exp(-X @ (full + delta)))
        gradient = np.delete(X, j, 0).T @ np.delete(p - y, j) + 0.05 * (full + delta)
        assert np.linalg.norm(gradient) < 1e-10
    path = hm.predict(problem, hm.PathIntegration(tolerance=1e-10), points=[0, 1])
    close(path.delta, change.delta[:2], 1e-8)


@pytest.mark.parametrize(
    ("estimator", "order"),
    [
        (hm.Influence(), 2),
        (hm.NewtonStep(), 2),
        (hm.Taylor(1), 2),
        (hm.Taylor(2), 3),
        (hm.Taylor(3), 4),
    ],
    ids=["influence", "newton", "taylor1", "taylor2", "taylor3"],
)
def test_errors_shrink_at_the_order_predicted(logistic, estimator, order):
    problem, _, y = logistic
    sizes = np.array([0.4, 0.2, 0.1])
    changes = np.zeros((3, len(y)))
    changes[:, [0, 5, 9]] = -sizes[:, None]
    truth = hm.predict(problem, hm.LeaveOneOut(), changes=changes).delta
    error = np.linalg.norm(hm.predict(problem, estimator, changes=changes).delta - truth, axis=1)
    slope = np.polyfit(np.log(sizes), np.log(error), 1)[0]
    assert abs(slope - order) < 0.2


def bregman_objective(theta, problem, reference, changes, damping):
    """The PBRF's objective as the papers write it, with the definition of the divergence."""

    def term(x, y, output, change):
        def loss(at):
            return problem.loss.value(at, y)

        there = problem.model(theta, x)
        divergence = loss(there) - loss(output) - jnp.sum(jax.grad(loss)(output) * (there - output))
        return divergence + change * loss(there)

    outputs = problem.predict(reference)
    terms = jax.vmap(term)(problem.X, problem.y, outputs, changes)
    return jnp.sum(terms) + 0.5 * (damping + problem.ridge) * jnp.sum((theta - reference) ** 2)


bregman_value_and_slope = eqx.filter_jit(jax.value_and_grad(bregman_objective))
bregman_hessian = eqx.filter_jit(jax.hessian(bregman_objective))


def pbrf_problems():
    generator = np.random.default_rng(5)
    X = generator.standard_normal((8, 2))
    for name, model, loss, y in (
        ("squared", hm.mlp([2, 3, 1]), hm.SquaredError(), generator.standard_normal(8)),
        ("logistic", hm.mlp([2, 2, 1]), hm.Logistic(), generator.integers(0, 2, 8)),
        ("softmax", hm.mlp([2, 2, 3]), hm.SoftmaxCrossEntropy(), generator.integers(0, 3, 8)),
    ):
        problem = hm.Problem(model, loss, X, y, deleted=1, ridge=0.1)
        yield pytest.param(problem, model.initial_parameters(jax.random.key(3)), id=name)


@pytest.mark.parametrize(("problem", "theta"), list(pbrf_problems()))
def test_proximal_bregman_response(problem, theta):
    damping = 0.8
    change = hm.predict(problem, hm.ProximalBregman(damping), theta, points=[1, 6])
    for row, delta in zip((1, 6), change.delta, strict=True):
        arguments = (problem, theta, -np.eye(problem.size)[row], damping)
        value, slope = bregman_value_and_slope(theta + delta, *arguments)
        before = bregman_value_and_slope(theta, *arguments)[1]
        assert np.linalg.norm(slope) < 1e-9 * np.linalg.norm(before)
        found = scipy.optimize.minimize(
            bregman_value_and_slope, theta, arguments, jac=True, method="BFGS", tol=1e-9
        )
        assert value <= found.fun + 1e-12
    # Its linearisation at θˢ, by implicit differentiation of the objective as written.
    hessian = bregman_hessian(theta, problem, theta, np.zeros(problem.size), damping)
    gradients = eqx.filter_jit(point_gradients)(problem, theta)
    linear = np.linalg.solve(hessian, np.asarray(gradients).T).T
    damped = hm.predict(problem, hm.GaussNewton(damping), theta, points=np.arange(problem.size))
    close(damped.delta, linear, 1e-9)
    # And what is left shrinks at second order.
    sizes = np.array([0.1, 0.05, 0.025])
    changes = -sizes[:, None] * np.eye(problem.size)[1][None, :]
    response = hm.predict(problem, hm.ProximalBregman(damping), theta, changes=changes).delta
    left = np.linalg.norm(np.asarray(response) - sizes[:, None] * linear[1][None, :], axis=1)
    assert abs(np.polyfit(np.log(sizes), np.log(left), 1)[0] - 2.0) < 0.2


def test_proximal_bregman_of_linear_regression_in_closed_form(linear):
    problem, X, y, _, _ = linear
    early = np.array([0.5, -0.2, 0.1, 1.0])
    change = hm.predict(problem, hm.ProximalBregman(2.0), early, points=np.arange(30))
    for j, delta in enumerate(np.asarray(change.delta)):
        retained = X.T @ X - np.outer(X[j], X[j]) + 2.0 * np.eye(4)
        expected = np.linalg.solve(retained, X[j] * (X[j] @ early - y[j]))
        np.testing.assert_allclose(delta, expected, rtol=1e-10, atol=1e-12)


@eqx.filter_jit
def slope_and_curvature(theta, problem, weights):
    risk = problem.weighted_risk
    return jax.grad(risk)(theta, weights), jax.hessian(risk)(theta, weights)


def test_warm_and_cold_starts_of_a_perceptron(perceptron):
    problem, theta0, theta = perceptron
    warm = hm.predict(problem, hm.LeaveOneOut(), theta, points=[0, 4])
    path = hm.response(problem, [0.0], theta0)
    # Here the branch of minima has no fold, so that the warm start ends at its end.
    assert path.status == hm.results.ResponseStatus.successful
    np.testing.assert_allclose(theta + warm.delta[1], path.theta[0], rtol=0, atol=1e-8)
    cold = hm.predict(problem, hm.LeaveOneOut(theta0), theta, points=[0, 4])
    for change in (warm, cold):
        for row, delta in zip((0, 4), change.delta, strict=True):
            weights = np.where(np.arange(problem.size) == row, 0.0, 1.0)
            slope, curvature = slope_and_curvature(theta + delta, problem, weights)
            assert np.linalg.norm(slope) < 1e-8
            assert np.linalg.eigvalsh(curvature)[0] > 0.0
    near = hm.predict(problem, hm.LeaveOneOut(damping=50.0), theta, points=[0, 4])
    assert np.all(np.linalg.norm(near.delta, axis=1) < np.linalg.norm(warm.delta, axis=1))
    at_zero = hm.predict(problem, hm.Influence(at=0.0), theta, points=[4]).delta[0]
    np.testing.assert_allclose(at_zero, -path.velocity[0], rtol=1e-6)


def test_large_models_descend_matrix_free():
    generator = np.random.default_rng(7)
    X = generator.standard_normal((10, 30))
    y = generator.standard_normal(10)
    problem = hm.Problem(hm.mlp([30, 22, 1]), hm.SquaredError(), X, y, deleted=0, ridge=0.5)
    assert problem.dimension > 600
    theta = problem.model.initial_parameters(jax.random.key(1))
    found = []
    change = hm.predict(
        problem, hm.ProximalBregman(1.0, tolerance=1e-8), theta, points=[0, 1],
        progress=found.append,
    )  # fmt: skip
    # Steps for all at once say how many are done after each, the descents that follow one by one.
    assert found == sorted(found) and found[-1] == 2
    arguments = (problem, theta, -np.eye(10)[1], 1.0)
    before = bregman_value_and_slope(theta, *arguments)[1]
    after = bregman_value_and_slope(theta + change.delta[1], *arguments)[1]
    assert np.linalg.norm(after) < 1e-7 * np.linalg.norm(before)


def test_what_is_not_stationary_is_said_with_the_gradient_norm(perceptron):
    problem, theta0, theta = perceptron
    norm = float(jnp.linalg.norm(problem.gradient(theta0)))
    for estimator in (hm.Influence(), hm.Taylor(2), hm.PathIntegration()):
        with pytest.raises(RuntimeError, match=rf"not a stationary point.*{norm:.3g}"):
            hm.predict(problem, estimator, theta0)
    change = hm.predict(problem, hm.Influence(), theta0, throw=False)
    assert change.status == hm.results.ChangeStatus.not_stationary
    assert not change.stationary and np.all(np.isfinite(change.delta))
    assert (
        hm.predict(problem, hm.GaussNewton(1.0), theta0).status
        == hm.results.ChangeStatus.successful
    )
    assert hm.predict(problem, hm.Influence(), theta).stationary


def test_an_indefinite_hessian_is_said():
    # A saddle in the second coordinate, stationary at the origin.
    def saddle(theta, x):
        return theta[0] * x[0] + (theta[1] ** 2) * x[1]

    model = hm.function_model(saddle, 2)
    X, y = [[1.0, 1.0], [1.0, 1.0], [-1.0, 0.5]], [1.0, 1.0, -1.0]
    problem = hm.Problem(model, hm.SquaredError(), X, np.add(y, [0.5, 0.5, 0.5]), deleted=0)
    # The stationary point with θ₂ = 0.
    theta = jnp.array([np.sum(np.multiply([1, 1, -1], np.add(y, 0.5))) / 3, 0.0])
    assert np.linalg.norm(problem.gradient(theta)) < 1e-12
    assert np.linalg.eigvalsh(problem.hessian(theta))[0] < 0.0
    with pytest.raises(RuntimeError, match="not positive definite"):
        hm.predict(problem, hm.Influence(), theta)
    change = hm.predict(problem, hm.Influence(), theta, throw=False)
    assert change.status == hm.results.ChangeStatus.indefinite and np.all(np.isfinite(change.delta))
    refit = hm.predict(problem, hm.LeaveOneOut(max_steps=1), theta, throw=False)
    assert refit.status == hm.results.ChangeStatus.not_reached


def test_a_minimum_at_infinity_is_not_taken_for_one():
    # Without row 8 the classes touch at x = 0 but do not overlap.
    x = np.array([-3.0, -2.0, -1.0, 0.0, 0.0, 1.0, 2.0, 3.0, 1.5])
    X, y = np.column_stack([x, np.ones(9)]), [0, 0, 0, 0, 1, 1, 1, 1, 0]
    problem = hm.Problem(hm.linear_model(2), hm.Logistic(), X, y, deleted=8)
    change = hm.predict(problem, hm.LeaveOneOut(), throw=False)
    assert change.status == hm.results.ChangeStatus.no_minimum
    assert (
        hm.predict(problem, hm.LeaveOneOut(), points=0).status == hm.results.ChangeStatus.successful
    )


def test_labels_of_one_class_have_no_fit_without_a_ridge():
    X = [[1.0, 0.2], [1.0, -0.3], [1.0, 0.5]]
    alone = hm.Problem(hm.linear_model(2), hm.Logistic(), X, [1, 1, 1], deleted=0)
    with pytest.raises(RuntimeError, match=r"no minimum exists.*ridge"):
        hm.predict(alone, hm.Influence())
    ridged = hm.Problem(hm.linear_model(2), hm.Logistic(), X, [1, 1, 1], deleted=0, ridge=0.1)
    assert hm.predict(ridged, hm.LeaveOneOut()).status == hm.results.ChangeStatus.successful


def test_a_twin_halves_the_effect_of_a_point(linear):
    _, X, y, _, _ = linear
    twice = hm.LinearRegression(np.vstack([X, X[:1]]), np.append(y, y[0]), deleted=0)
    both = hm.predict(twice, hm.LeaveOneOut(), groups=[0, 30]).delta
    one = hm.predict(twice, hm.LeaveOneOut(), points=[0, 30]).delta
    np.testing.assert_allclose(one[0], one[1], rtol=1e-10)
    ratio = np.linalg.norm(one[0]) / np.linalg.norm(both)
    h = X[0] @ np.linalg.solve(X[1:].T @ X[1:], X[0])
    np.testing.assert_allclose(ratio, 1 / (2 * (1 + h)), rtol=1e-9)
    assert 0.4 < ratio < 0.5


def test_weight_jacobian_and_the_response_of_one_weight(logistic):
    problem, X, y = logistic
    theta = problem.full_fit()
    jacobian = hm.influence.weight_jacobian(problem, theta)
    h = 1e-4
    for j in (0, 7):
        sides = []
        for sign in (1, -1):
            weights = np.ones(len(y))
            weights[j] += sign * h
            sides.append(numpy_logistic(X, y, weights, 0.05)[0])
        close(jacobian.columns[j], (sides[0] - sides[1]) / (2 * h), 1e-6)
    # θ̇ʲ(ε) is column j at the weights (1, …, ε, …, 1).
    path = hm.response(problem, [0.0, 0.5, 1.0])
    for epsilon, at, velocity in zip(path.epsilons, path.theta, path.velocity, strict=True):
        there = hm.influence.weight_jacobian(problem, at, problem.weights(epsilon))
        close(there.columns[7], velocity, 1e-9)
    # A group's derivative sums its columns.
    rows = np.array([1, 2, 3])
    sides = []
    for sign in (1, -1):
        weights = np.ones(len(y))
        weights[rows] += sign * h
        sides.append(numpy_logistic(X, y, weights, 0.05)[0])
    along = jnp.asarray(np.isin(np.arange(len(y)), rows).astype(float))
    close(jacobian.along(along), (sides[0] - sides[1]) / (2 * h), 1e-6)


def test_estimators_compile_once_for_a_shape(linear):
    problem, _, _, _, _ = linear
    hm.predict(problem, hm.Influence(), points=[0, 1])
    with jax.log_compiles(False), jax.no_tracing():
        hm.predict(problem, hm.Influence(), points=[5, 6])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"points": [0, 30]}, r"points: expected row numbers from 0 to 29, got \[30\]"),
        ({"points": [0.5]}, "points: expected a row number"),
        ({"points": []}, "points: expected a row number"),
        ({"groups": [[1, 1]]}, "groups: a row is named twice"),
        ({"groups": []}, "groups: expected at least one sequence"),
        ({"groups": [list(range(30))]}, "groups: all 30 rows are deleted"),
        ({"changes": np.zeros(29)}, r"changes: .*got shape \(29,\)"),
        ({"changes": np.full(30, -2.0)}, "changes: expected finite numbers >= -1"),
        ({"changes": np.zeros(30), "points": [0]}, "changes: expected None beside points"),
        ({"theta": np.zeros(3)}, "theta: expected a vector of length 4"),
    ],
)
def test_bad_input_is_named(linear, arguments, message):
    with pytest.raises(ValueError, match=message):
        hm.predict(linear[0], hm.NewtonStep(), **arguments)


def test_bad_estimators_and_measurements_are_named(linear, perceptron, without_shape_checks):
    problem = linear[0]
    with pytest.raises(TypeError, match=r"estimator: expected one of .* got the class Influence"):
        hm.predict(problem, hm.Influence)
    with pytest.raises(ValueError, match="theta: expected the trained parameters, of length 13"):
        hm.predict(perceptron[0], hm.Influence())
    for make, message in (
        (lambda: hm.Influence(at=1.5), "at: expected a weight in"),
        (lambda: hm.GaussNewton(-1.0), "damping: expected a finite number >= 0"),
        (lambda: hm.ProximalBregman(np.inf), "damping: expected a finite number >= 0"),
        (lambda: hm.Taylor(0), "order: expected an integer >= 1"),
        (lambda: hm.LeaveOneOut(tolerance=0.0), "tolerance: expected a number in"),
        (lambda: hm.PathIntegration(max_steps=0), "max_steps: expected an integer >= 1"),
        (lambda: hm.TestLoss(np.zeros((2, 4)), np.zeros(3)), "y: expected 2 targets"),
        (lambda: hm.Predictions(np.zeros(4)), r"X: expected a non-empty matrix"),
    ):
        with pytest.raises(ValueError, match=message):
            make()
    with pytest.raises(TypeError, match="solver: expected Dense"):
        hm.GaussNewton(solver="dense")
    change = hm.predict(problem, hm.NewtonStep())
    with pytest.raises(TypeError, match="measurement: expected OwnLoss"):
        change.measured("loss")
    with pytest.raises(ValueError, match="measurement: expected inputs of length 4"):
        change.measured(hm.Predictions(np.zeros((2, 3))))
