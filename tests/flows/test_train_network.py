"""Training by minibatches against the same steps in NumPy, and what a run can come to."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import homotopy as hm
from homotopy.flows import NetworkTrainingStatus

GENERATOR = np.random.default_rng(0)
X = GENERATOR.normal(size=(11, 3))
Y = X @ np.array([1.0, -2.0, 0.5]) + 0.1 * GENERATOR.normal(size=11)
RATE, RIDGE, EPSILON = 0.05, 0.3, 0.4
START = np.array([0.5, 0.5, 0.5])


def problem(**options):
    options = {"ridge": RIDGE, "deleted": 2} | options
    return hm.Problem(hm.linear_model(3), hm.SquaredError(), X, Y, **options)


def risk_and_slope(theta):
    weights = np.where(np.arange(11) == 2, EPSILON, 1.0)
    left = X @ theta - Y
    risk = 0.5 * np.sum(weights * left**2) + 0.5 * RIDGE * theta @ theta
    return risk, np.linalg.norm(X.T @ (weights * left) + RIDGE * theta)


def by_hand(epochs, batch_size=4, seed=7):
    """Descent along gradients of the mean risk of a batch; the last batch is smaller."""
    theta, weights = START.copy(), np.where(np.arange(11) == 2, EPSILON, 1.0)
    thetas = [theta]
    for epoch in range(1, epochs + 1):
        order = np.random.default_rng([seed, epoch]).permutation(11)
        for begin in range(0, 11, batch_size):
            rows = order[begin : begin + batch_size]
            left = weights[rows] * (X[rows] @ theta - Y[rows])
            theta = theta - RATE * (X[rows].T @ left / len(rows) + RIDGE * theta / 11)
        thetas.append(theta)
    return np.array(thetas)


def trained(**options):
    options = {"optimiser": optax.sgd(RATE), "batch_size": 4, "seed": 7, "max_epochs": 5} | options
    return hm.train_network(problem(), START, EPSILON, **options)


def test_epochs_are_those_of_numpy():
    found, expected = trained(keep_every=2), by_hand(5)
    assert found.status == NetworkTrainingStatus.successful and found.epoch == 5
    np.testing.assert_allclose(found.theta, expected[-1], rtol=1e-12)
    assert found.checkpoint_epochs.tolist() == [0, 2, 4]
    np.testing.assert_allclose(found.checkpoints, expected[[0, 2, 4]], rtol=1e-12)
    risks, slopes = np.transpose([risk_and_slope(theta) for theta in expected])
    np.testing.assert_allclose(found.risk, risks, rtol=1e-12)
    np.testing.assert_allclose(found.gradient_norm, slopes, rtol=1e-10)


def test_it_ends_at_the_tolerance_or_says_that_it_did_not():
    found = trained(tolerance=0.1, max_epochs=500)
    slopes = np.array([risk_and_slope(theta)[1] for theta in by_hand(found.epoch)])
    assert slopes[-1] <= 0.1 * slopes[0] < np.min(slopes[:-1])
    assert found.successful
    with pytest.raises(RuntimeError, match=r"epochs were spent .* after 2 epochs"):
        trained(tolerance=1e-6, max_epochs=2)
    left = trained(tolerance=1e-6, max_epochs=2, throw=False)
    assert left.status == NetworkTrainingStatus.epoch_limit
    np.testing.assert_allclose(left.theta, by_hand(2)[-1], rtol=1e-12)


def test_divergence_keeps_the_last_finite_parameters():
    with pytest.raises(RuntimeError, match="left the finite numbers"):
        trained(optimiser=optax.sgd(1e80), max_epochs=9)
    found = trained(optimiser=optax.sgd(1e80), max_epochs=9, throw=False)
    assert found.status == NetworkTrainingStatus.diverged
    assert np.all(np.isfinite(found.theta)) and np.all(np.isfinite(found.risk))


def test_an_interrupted_run_goes_on_from_its_file_to_the_same_numbers(tmp_path):
    file = tmp_path / "run"

    def stop(epoch):
        if epoch == 3:
            raise KeyboardInterrupt

    options = {"optimiser": optax.adam(0.1), "keep_every": 2, "max_epochs": 6}
    first = trained(checkpoint=file, progress=stop, **options)
    assert first.status == NetworkTrainingStatus.interrupted and first.epoch == 3
    second, whole = trained(checkpoint=file, **options), trained(**options)
    assert second.successful and second.epoch == 6
    for ours, theirs in zip(jax.tree.leaves(second), jax.tree.leaves(whole), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert [path.name for path in tmp_path.iterdir()] == ["run.npz"]
    with pytest.raises(ValueError, match=r"^checkpoint: expected a file of the same problem"):
        trained(checkpoint=file, **(options | {"optimiser": optax.sgd(0.1)}))
    with pytest.raises(ValueError, match=r"^checkpoint: expected a file of the same problem"):
        trained(checkpoint=file, **(options | {"seed": 8}))
    file.with_suffix(".npz").write_text("nothing")
    with pytest.raises(ValueError, match=r"^checkpoint: .* is no checkpoint of training"):
        trained(checkpoint=file, **options)


def test_single_precision_stays_single():
    single = problem(dtype=jnp.float32)
    found = hm.train_network(
        single, START, EPSILON, optimiser=optax.sgd(RATE), batch_size=4, seed=7, max_epochs=5
    )  # fmt: skip
    assert found.theta.dtype == np.float32
    # 15 steps, each of some dozen operations on numbers of order one.
    np.testing.assert_allclose(found.theta, by_hand(5)[-1], rtol=0, atol=200 * 2.0**-23)
