"""The gap telescope, early stopping, groups, and which points a measurement depends on."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import homotopy as hm
from homotopy import datasets


@pytest.fixture(scope="module")
def stopped():
    generator = np.random.default_rng(0)
    X = generator.standard_normal((20, 2))
    y = np.sin(X[:, 0]) + 0.3 * generator.standard_normal(20)
    problem = hm.Problem(hm.mlp([2, 2, 1]), hm.SquaredError(), X, y, deleted=0, ridge=0.2)
    theta0 = problem.model.initial_parameters(jax.random.key(1))
    return problem, theta0, problem.model.initial_parameters(jax.random.key(2))


@eqx.filter_jit
def own_loss(problem, theta, x, y):
    return problem.loss.value(problem.model(theta, x), y)


def test_links_are_the_models_that_they_name_and_gaps_telescope(stopped):
    problem, theta, start = stopped
    points, damping = [3, 8], 1.5
    solver = hm.ConjugateGradient(tolerance=1e-12, max_steps=2)
    gaps = hm.gaps(
        problem, theta, points=points, cold_starts=[start, theta], damping=damping, solver=solver
    )
    assert gaps.links.shape == (2, 2, 6)
    scale = np.max(np.abs(gaps.links))
    np.testing.assert_allclose(gaps.gaps.sum(-1), gaps.total, rtol=0, atol=1e-15 * 10 * scale)
    for number, point in enumerate(points):
        x, y = problem.X[point], problem.y[point]
        for repeat, cold in enumerate((start, theta)):
            chain = (
                hm.LeaveOneOut(cold, tolerance=1e-8),
                hm.LeaveOneOut(tolerance=1e-8),
                hm.LeaveOneOut(damping=damping, tolerance=1e-8),
                hm.ProximalBregman(damping, tolerance=1e-8),
                hm.GaussNewton(damping),
                hm.GaussNewton(damping, solver),
            )
            for link, estimator in enumerate(chain):
                if link > 0 and repeat == 1:
                    np.testing.assert_array_equal(gaps.links[0, :, link], gaps.links[1, :, link])
                    continue
                change = hm.predict(problem, estimator, theta, points=point, throw=False)
                before, after = (
                    own_loss(problem, at, x, y) for at in (theta, theta + change.delta)
                )
                expected = after - before
                np.testing.assert_allclose(gaps.links[repeat, number, link], expected, rtol=1e-6,
                                           atol=1e-9 * scale)  # fmt: skip
    # Cold from θˢ is warm.
    np.testing.assert_allclose(gaps.links[1, :, 0], gaps.links[1, :, 1], rtol=1e-6)
    assert not np.all(gaps.succeeded[..., -1])
    assert gaps.complete == 1.0


def test_mean_sizes_leave_out_failures_and_errors_are_those_of_means():
    generator = np.random.default_rng(3)
    links = np.cumsum(generator.standard_normal((1, 400, 6)), axis=-1)
    succeeded = np.ones((1, 400, 6), bool)
    succeeded[0, 0, 1] = False
    links[0, 0] = 1e6
    gaps = hm.Gaps(jnp.asarray(links), jnp.asarray(succeeded))
    sizes = np.abs(np.diff(links[0, 1:], axis=-1))
    np.testing.assert_allclose(gaps.mean_size, sizes.mean(axis=0), rtol=1e-12)
    expected = sizes.std(axis=0, ddof=1) / np.sqrt(399)
    np.testing.assert_allclose(gaps.standard_error(resamples=400), expected, rtol=0.2)
    both = hm.pooled_gaps([gaps, gaps])
    np.testing.assert_allclose(both.mean_size, gaps.mean_size, rtol=1e-12)
    nothing = hm.Gaps(jnp.asarray(links), jnp.zeros((1, 400, 6), bool))
    assert np.all(np.isnan(nothing.mean_size)) and nothing.complete == 0.0


def test_bad_gaps_are_named(stopped, without_shape_checks):
    problem, theta, start = stopped
    with pytest.raises(ValueError, match="damping: expected a finite number > 0, got 0"):
        hm.gaps(problem, theta, points=[0], cold_starts=start, damping=0)
    with pytest.raises(ValueError, match=r"cold_starts: expected parameters .* got shape \(3,\)"):
        hm.gaps(problem, theta, points=[0], cold_starts=np.zeros(3), damping=1.0)
    with pytest.raises(ValueError, match="parts: expected gaps of the same deletions"):
        hm.pooled_gaps([])


def test_early_stopping_is_gradient_descent_until_the_validation_loss_rises():
    generator = np.random.default_rng(4)
    X, other = generator.standard_normal((12, 3)), generator.standard_normal((8, 3))
    theta = generator.standard_normal(3)
    # Training passes by what fits the validation data best.
    y, targets = X @ theta + generator.standard_normal(12), other @ (0.5 * theta)
    problem = hm.LinearRegression(X, y, deleted=0, ridge=0.5)
    trained = hm.early_stopping(
        problem, np.zeros(3), other, targets, optimiser=optax.sgd(0.1), batch_size=12,
        max_epochs=60, patience=5,
    )  # fmt: skip
    at, losses = np.zeros(3), []
    states = [at]
    for _ in range(61):
        losses.append(0.5 * np.mean((other @ states[-1] - targets) ** 2))
        gradient = X.T @ (X @ states[-1] - y) / 12 + 0.5 / 12 * states[-1]
        states.append(states[-1] - 0.1 * gradient)
    best = int(trained.epoch)
    count = trained.validation_loss.size
    np.testing.assert_allclose(trained.validation_loss, losses[:count], rtol=1e-10)
    assert best == int(np.argmin(trained.validation_loss)) > 0
    assert count == best + 6 < 61 and np.all(np.diff(trained.training_loss) < 0)
    np.testing.assert_allclose(trained.theta, states[best], rtol=1e-10, atol=1e-12)
    norm = np.linalg.norm(X.T @ (X @ states[best] - y) + 0.5 * states[best])
    np.testing.assert_allclose(trained.gradient_norm, norm, rtol=1e-9)
    for name, value in (("batch_size", 13), ("max_epochs", 0), ("patience", 0)):
        with pytest.raises(ValueError, match=name):
            hm.early_stopping(problem, np.zeros(3), other, targets, **{name: value})
    with pytest.raises(RuntimeError, match="lower the learning rate"):
        hm.early_stopping(
            problem, np.zeros(3), other, targets, optimiser=optax.sgd(1e200), batch_size=12
        )


def test_measurement_influence_is_the_transpose_of_predict(stopped):
    problem, theta, _ = stopped
    X = np.random.default_rng(5).standard_normal((4, 2))
    measurement = hm.Predictions(X)
    points = np.arange(problem.size)
    for solver in (hm.Dense(), hm.ConjugateGradient(tolerance=1e-12)):
        estimator = hm.GaussNewton(2.0, solver)
        found = hm.measurement_influence(problem, estimator, theta, measurement)
        expected = hm.predict(problem, hm.GaussNewton(2.0), theta, points=points)
        np.testing.assert_allclose(
            found.change, expected.linearised(measurement), rtol=1e-8, atol=1e-12
        )
        np.testing.assert_allclose(found.value, problem.predict(theta, jnp.asarray(X)))
        assert np.max(found.residual) < 1e-8
    scalar = hm.measurement_influence(problem, hm.GaussNewton(2.0), theta, lambda at: at[0] ** 2)
    assert scalar.change.shape == (20,) and scalar.residual.shape == ()
    with pytest.raises(RuntimeError, match="not a stationary point"):
        hm.measurement_influence(problem, hm.Influence(damping=50.0), theta, measurement)
    with pytest.raises(ValueError, match="measurement: expected one that is the same"):
        hm.measurement_influence(problem, hm.GaussNewton(2.0), theta, hm.OwnLoss())
    with pytest.raises(TypeError, match="estimator: expected Influence"):
        hm.measurement_influence(problem, hm.Influence(at=0.0), theta, measurement)


def test_groups():
    random = hm.random_groups(50, 7, 5, seed=1)
    assert random.shape == (5, 7) and all(len(set(row)) == 7 for row in random)
    np.testing.assert_array_equal(random, hm.random_groups(50, 7, 5, seed=1))
    X = np.random.default_rng(2).standard_normal((50, 3))
    for group in hm.clustered_groups(X, 6, 8):
        # Some member has all the others for its nearest neighbours.
        distances = np.linalg.norm(X[group][:, None] - X[None], axis=-1)
        nearest = [set(np.argsort(row)[:6]) for row in distances]
        assert set(group) in nearest
    effects = np.arange(50.0)
    for group in hm.adversarial_groups(effects, 10, 4):
        assert np.min(group) >= 35
    for make in (
        lambda: hm.random_groups(5, 5, 1),
        lambda: hm.random_groups(5, 0, 1),
        lambda: hm.adversarial_groups(effects, 3, 0),
        lambda: hm.clustered_groups(X, 2, 51),
    ):
        with pytest.raises(ValueError, match=r"group_size|count"):
            make()


@pytest.mark.parametrize(
    ("load", "shape", "targets"),
    [
        (datasets.breast_cancer, (569, 30), 2),
        (datasets.digits, (1797, 64), 10),
        (datasets.concrete, (1030, 8), None),
    ],
    ids=["breast_cancer", "digits", "concrete"],
)
def test_data_sets(load, shape, targets):
    data = load()
    assert data.X.shape == shape and data.X.dtype == np.float64
    assert len(data.feature_names) == shape[1]
    if targets is not None:
        np.testing.assert_array_equal(np.unique(data.y), np.arange(targets))
    else:
        # Some mixtures of concrete were measured twice.
        _, counts = np.unique(np.column_stack([data.X, data.y]), axis=0, return_counts=True)
        assert np.sum(counts > 1) == 11 and data.y.min() > 2.0
