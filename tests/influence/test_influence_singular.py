"""Where the Hessian is singular: what no remaining point sees stays, in every verb."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.optimize

import homotopy as hm
from homotopy.seen_directions import seen_directions

ROW = 3
GROUP = np.array([0.0, 1, 0, 1, 1, 0, 1, 0])
TARGETS = np.array([1.0, 3, 2, 5, 4, 1, 3, 0])


def dummies(continuous=False):
    """Columns 1, g and 1 − g, which are dependent."""
    if not continuous:
        return np.column_stack([np.ones(8), GROUP, 1.0 - GROUP]), TARGETS
    generator = np.random.default_rng(0)
    g = generator.uniform(-1.0, 2.0, 8)
    y = 0.3 + 0.7 * g + generator.standard_normal(8)
    return np.column_stack([np.ones(8), g, 1.0 - g]), y


def least_norm(X, y, without=()):
    kept = np.setdiff1d(np.arange(len(y)), without)
    return np.linalg.pinv(X[kept]) @ y[kept]


def problems(X, y, **options):
    yield hm.LinearRegression(X, y, deleted=ROW, **options)
    yield hm.Problem(hm.linear_model(X.shape[1]), hm.SquaredError(), X, y, deleted=ROW, **options)


def close(values, reference, tolerance=1e-12):
    np.testing.assert_allclose(values, reference, rtol=0, atol=tolerance * np.abs(reference).max())


@pytest.mark.parametrize("continuous", [False, True])
def test_dependent_columns_have_one_answer_in_every_verb(continuous):
    X, y = dummies(continuous)
    full = least_norm(X, y)
    truth = least_norm(X, y, [ROW]) - full
    if not continuous:
        close(truth, [-5 / 36, -10 / 36, 5 / 36], 1e-14)
    P = (X @ np.linalg.pinv(X))[ROW, ROW]
    for problem in problems(X, y):
        close(problem.full_fit(), full, 1e-8)
        close(problem.deleted_fit() - problem.full_fit(), truth, 1e-8)
        for estimator, factor in (
            (hm.LeaveOneOut(), 1.0),
            (hm.NewtonStep(), 1.0),
            (hm.PathIntegration(), 1.0),
            (hm.ProximalBregman(), 1.0),
            (hm.Influence(), 1.0 - P),
            (hm.Influence(at=0.0), 1.0 / (1.0 - P)),
            (hm.Taylor(2), 1.0 - P**2),
            (hm.GaussNewton(), 1.0 - P),
        ):
            change = hm.predict(problem, estimator)
            close(change.delta, factor * truth)
            assert change.status == hm.results.ChangeStatus.successful
        close(-hm.regression_diagnostics(problem).dfbeta[ROW], truth)
        close(-hm.influence.weight_jacobian(problem, full).columns[ROW], (1.0 - P) * truth)
        measured = hm.measurement_influence(problem, hm.Influence(), full, lambda theta: theta)
        close(measured.change[ROW], (1.0 - P) * truth)
    # What nothing sees stays as in the start of a cold one, too.
    start = np.array([1.0, 2.0, 3.0])
    cold = hm.predict(problem, hm.LeaveOneOut(start), full).delta
    kernel = np.array([1.0, -1.0, -1.0]) / np.sqrt(3.0)
    close(cold, truth + (start @ kernel) * kernel)


@pytest.mark.parametrize(
    "solver",
    [hm.Dense(), hm.ConjugateGradient(), hm.Lissa(steps=300), hm.Arnoldi(3), hm.Nystrom(3)],
    ids=lambda solver: type(solver).__name__,
)
def test_every_solver_takes_dependent_columns(solver):
    X, y = dummies(continuous=True)
    truth = least_norm(X, y, [ROW]) - least_norm(X, y)
    P = (X @ np.linalg.pinv(X))[ROW, ROW]
    problem = hm.LinearRegression(X, y, deleted=ROW)
    close(hm.predict(problem, hm.Influence(solver=solver)).delta, (1.0 - P) * truth, 1e-8)


def test_paths_and_series_of_dependent_columns():
    X, y = dummies()
    start = np.array([0.5, -1.0, 2.0])
    exact, general = problems(X, y)
    epsilons = [0.0, 0.4, 1.0]
    expected = hm.response(exact, epsilons, start)
    path = hm.response(general, epsilons, start)
    for name in ("theta", "velocity", "acceleration", "ends", "end_velocities"):
        close(getattr(path, name), getattr(expected, name), 1e-9)
    assert path.status == hm.results.ResponseStatus.successful and not path.minimum.any()
    close(path.branches[0].theta[0], path.theta[-1], 1e-9)
    # The truth from θ₀: its part that nothing sees is kept.
    kept = start - np.linalg.pinv(X) @ X @ start
    close(path.theta[0], least_norm(X, y, [ROW]) + kept, 1e-9)
    for problem in (exact, general):
        series = hm.taylor(problem, path.theta[-1], 1.0, 2).coefficients
        close(series[1], expected.velocity[-1], 1e-9)
        close(series[2], expected.acceleration[-1] / 2.0, 1e-9)


def test_influence_in_time_tends_to_the_same():
    X, y = dummies()
    late = hm.influence_in_time(
        hm.LinearRegression(X, y, deleted=ROW), np.zeros(3), lambda theta: theta, [200.0]
    )
    truth = least_norm(X, y, [ROW]) - least_norm(X, y)
    P = (X @ np.linalg.pinv(X))[ROW, ROW]
    close(late.influence[0, ROW], (1.0 - P) * truth, 1e-10)


# --- more parameters than points, and leverage one


def test_fits_that_interpolate_do_not_change_where_they_stand():
    # R without a point is least at θ* already: the flow from there does not move.
    generator = np.random.default_rng(1)
    X, y = generator.standard_normal((8, 20)), generator.standard_normal(8)
    full = np.linalg.pinv(X) @ y
    for problem in problems(X, y):
        for estimator in (
            hm.Influence(),
            hm.Influence(at=0.0),
            hm.NewtonStep(),
            hm.LeaveOneOut(),
            hm.PathIntegration(),
            hm.ProximalBregman(),
            hm.Taylor(2),
            hm.GaussNewton(),
        ):
            change = hm.predict(problem, estimator, full, points=np.arange(8))
            assert change.stationary
            assert np.max(np.abs(change.delta)) < 1e-13
        assert hm.predict(problem, hm.Influence(solver=hm.ConjugateGradient())).stationary
    # From zero it ends in the fit of least norm to the others.
    cold = hm.predict(problem, hm.LeaveOneOut(np.zeros(20)), full, points=np.arange(8))
    expected = np.array([least_norm(X, y, [row]) for row in range(8)]) - full
    close(cold.delta, expected, 1e-12)
    residuals = hm.diagnostics.ridgeless_leave_one_out(problem).residuals
    close(y - np.sum(X * (full + np.asarray(cold.delta)), axis=1), residuals, 1e-11)


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
def test_what_is_not_trained_is_still_told(scale):
    generator = np.random.default_rng(2)
    X, y = generator.standard_normal((8, 20)), scale * generator.standard_normal(8)
    full = np.linalg.pinv(X) @ y
    problem = hm.Problem(hm.linear_model(20), hm.SquaredError(), X, y, deleted=0)
    with pytest.raises(RuntimeError, match="not a stationary point"):
        hm.predict(problem, hm.Influence(), full * (1.0 + 1e-9))


def test_a_direction_that_only_deleted_points_saw():
    generator = np.random.default_rng(3)
    X, y = generator.standard_normal((12, 3)), generator.standard_normal(12)
    X[:, 2] = 0.0
    X[[4, 7], 2] = [1.0, 2.0]
    problem = hm.LinearRegression(X, y, deleted=0)
    full = least_norm(X, y)
    kept = np.delete(np.arange(12), [4, 7])
    expected = np.append(np.linalg.lstsq(X[kept, :2], y[kept], rcond=None)[0] - full[:2], 0.0)
    for estimator in (hm.LeaveOneOut(), hm.NewtonStep()):
        close(hm.predict(problem, estimator, groups=[4, 7]).delta, expected)
    # At ε = 0 the velocity along it is infinite, as nothing but the group holds θ there.
    message = r"not unique, or infinite.*GaussNewton\(damping\).*ridgeless_leave_one_out"
    with pytest.raises(RuntimeError, match=message):
        hm.predict(problem, hm.Influence(at=0.0), groups=[4, 7])
    # A point that sees what those of positive weight do not.
    weights = np.ones(12)
    weights[[4, 7]] = 0.0
    jacobian = hm.influence.weight_jacobian(problem, full + np.array([0.0, 0.0, 1.0]), weights)
    infinite = np.asarray(jacobian.status == hm.results.ChangeStatus.singular)
    np.testing.assert_array_equal(np.flatnonzero(infinite), [4, 7])
    # Alone, a point is fitted exactly, and nothing moves without it.
    X[7, 2] = 0.0
    alone = hm.LinearRegression(X, y, deleted=0)
    for estimator in (hm.LeaveOneOut(), hm.NewtonStep(), hm.Influence(), hm.Influence(at=0.0)):
        change = hm.predict(alone, estimator, points=[4, 5])
        assert np.max(np.abs(change.delta[0])) < 1e-13 < np.max(np.abs(change.delta[1]))


def test_dead_units_are_named():
    # Of two units one never works: what it would do is for no point to say.
    model = hm.mlp([1, 2, 1], jax.nn.relu)
    x = np.linspace(0.5, 2.0, 9)[:, None]
    theta = jnp.array([1.0, 1.0, 0.0, -9.0, 2.0, 1.0, 0.0])
    y = jax.vmap(lambda at: model(theta, at))(jnp.asarray(x))  # the other fits exactly
    problem = hm.Problem(model, hm.SquaredError(), x, y, deleted=1)
    for estimator in (hm.Influence(), hm.GaussNewton(), hm.NewtonStep()):
        found = hm.predict(problem, estimator, theta, throw=False)
        assert found.status == hm.results.ChangeStatus.singular and np.all(np.isfinite(found.delta))
    with pytest.raises(RuntimeError, match=r"not unique, or infinite.*dead units"):
        hm.predict(problem, hm.GaussNewton(), theta)
    assert (
        hm.predict(problem, hm.GaussNewton(0.1), theta).status == hm.results.ChangeStatus.successful
    )


# --- other losses


def logistic_fit(X, y):
    """Newton's method on a design of full rank."""
    beta = np.zeros(X.shape[1])
    for _ in range(40):
        p = 1.0 / (1.0 + np.exp(-X @ beta))
        beta = beta - np.linalg.solve(X.T @ ((p * (1.0 - p))[:, None] * X), X.T @ (p - y))
    return beta


def test_logistic_regression_with_dependent_columns():
    generator = np.random.default_rng(4)
    g = generator.uniform(-1.0, 2.0, 25)
    y = (generator.uniform(size=25) < 1.0 / (1.0 + np.exp(-g))).astype(int)
    regular = np.column_stack([np.ones(25), g])
    X = np.column_stack([regular, 1.0 - g])
    # θ of least norm of those that predict the same as β.
    to_theta = np.linalg.pinv(X) @ regular
    beta = logistic_fit(regular, y)
    problem = hm.Problem(hm.linear_model(3), hm.Logistic(), X, y, deleted=ROW)
    full = problem.full_fit()
    close(full, to_theta @ beta, 1e-8)
    truth = to_theta @ (logistic_fit(np.delete(regular, ROW, 0), np.delete(y, ROW)) - beta)
    p = 1.0 / (1.0 + np.exp(-regular @ beta))
    hessian = regular.T @ ((p * (1.0 - p))[:, None] * regular)
    slope = regular[ROW] * (p[ROW] - y[ROW])
    first = to_theta @ np.linalg.solve(hessian, slope)
    rest = hessian - p[ROW] * (1.0 - p[ROW]) * np.outer(regular[ROW], regular[ROW])
    for estimator, expected in (
        (hm.LeaveOneOut(), truth),
        (hm.PathIntegration(), truth),
        (hm.Influence(), first),
        (hm.GaussNewton(), first),
        (hm.Taylor(1), first),
        (hm.NewtonStep(), to_theta @ np.linalg.solve(rest, slope)),
    ):
        close(hm.predict(problem, estimator).delta, expected, 1e-7)
    start = np.array([0.3, 0.2, -0.4])
    kernel = np.array([1.0, -1.0, -1.0]) / np.sqrt(3.0)
    cold = hm.predict(problem, hm.LeaveOneOut(start), full).delta
    np.testing.assert_allclose(cold, truth + (start @ kernel) * kernel, rtol=0, atol=1e-8)
    close(-hm.influence.weight_jacobian(problem, full).columns[ROW], first, 1e-7)
    close(problem.deleted_fit() - full, truth, 1e-7)


def test_the_logits_of_a_softmax_count_up_to_a_constant():
    generator = np.random.default_rng(5)
    x = generator.standard_normal((20, 1))
    y = generator.integers(0, 3, 20)
    problem = hm.Problem(hm.mlp([1, 3]), hm.SoftmaxCrossEntropy(), x, y, deleted=ROW)
    assert seen_directions(problem).shape == (6, 4)

    def fit(kept):
        """With the logits of class 0 held at zero: nothing is left open."""

        def risk(free):
            logits = np.column_stack(
                [np.zeros(20), free[0] * x[:, 0] + free[2], free[1] * x[:, 0] + free[3]]
            )[kept]
            own = logits[np.arange(len(kept)), y[kept]]
            return np.sum(np.log(np.sum(np.exp(logits), axis=1)) - own)

        found = scipy.optimize.minimize(risk, np.zeros(4), method="BFGS", options={"gtol": 1e-9})
        weights = np.concatenate([[0.0], found.x[:2]])
        biases = np.concatenate([[0.0], found.x[2:]])
        # Of least norm: centred over the classes.
        return np.concatenate([weights - weights.mean(), biases - biases.mean()])

    everything = np.arange(20)
    full = problem.full_fit()
    np.testing.assert_allclose(full, fit(everything), atol=1e-5)
    change = hm.predict(problem, hm.LeaveOneOut(), full)
    expected = fit(np.delete(everything, ROW)) - fit(everything)
    np.testing.assert_allclose(change.delta, expected, atol=2e-5)
    np.testing.assert_allclose([change.delta[:3].sum(), change.delta[3:].sum()], 0.0, atol=1e-12)


def test_only_models_that_are_affine_without_a_ridge_are_of_this_kind():
    X, y = dummies()
    ridged = hm.Problem(hm.linear_model(3), hm.SquaredError(), X, y, deleted=ROW, ridge=0.1)
    network = hm.Problem(hm.mlp([3, 1, 1]), hm.SquaredError(), X, y, deleted=ROW)
    regular = hm.Problem(hm.linear_model(2), hm.SquaredError(), X[:, :2], y, deleted=ROW)
    for problem in (ridged, network, regular):
        assert seen_directions(problem) is None
    function = hm.function_model(lambda theta, x: 2.0 * (theta[:3] @ x) + 1.0, 4)
    general = hm.Problem(function, hm.SquaredError(), X, y, deleted=ROW)
    basis = np.asarray(seen_directions(general))
    seen = np.hstack([X, np.zeros((8, 1))])
    np.testing.assert_allclose(basis @ basis.T, np.linalg.pinv(seen) @ seen, atol=1e-14)
    truth = 0.5 * (least_norm(X, y - 1.0, [ROW]) - least_norm(X, y - 1.0))
    change = hm.predict(general, hm.LeaveOneOut(), general.full_fit()).delta
    close(change, np.append(truth, 0.0), 1e-8)


def test_a_network_with_more_parameters_than_points_has_no_unique_refit():
    X, y = np.array([[-1.0], [0.5], [1.0], [2.0]]), np.array([0.3, 1.0, -0.2, 0.9])
    problem = hm.Problem(hm.mlp([1, 2, 1]), hm.SquaredError(), X, y, deleted=1)
    start = problem.model.initial_parameters(jax.random.PRNGKey(0))
    theta = hm.train(problem, start, throw=False).theta  # through all four points
    assert float(problem.risk(theta)) < 1e-20
    with pytest.raises(RuntimeError, match=r"not unique.*ridgeless_leave_one_out"):
        hm.predict(problem, hm.LeaveOneOut(), theta, points=[0, 1])
