"""Groups that alone see a direction of θ, as the rows of one category do: θ stays along it."""

import jax.numpy as jnp
import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import expit, log_softmax

import homotopy as hm
from homotopy.influence import ChangeStatus

# Ones, a feature, and the indicator of a category whose rows are the last three.
X = np.array([[1, 0, 0], [1, 1, 0], [1, 2, 0], [1, 3, 0], [1, 0.5, 1], [1, 2.5, 1], [1, 1.2, 1]])
GROUP, REST = [4, 5, 6], [0, 1, 2, 3]
LABELS = np.array([0, 1, 0, 1, 1, 0, 1])
TARGETS = np.array([1.0, 3, 2, 5, 4, 1, 3])
RETRAINING = [hm.LeaveOneOut(), hm.PathIntegration(), hm.ProximalBregman()]


def _logistic():
    return hm.Problem(hm.linear_model(3), hm.Logistic(), X, LABELS, deleted=GROUP)


def _gradient(theta):
    """Of the remaining points' logistic risk, in the two columns that they see."""
    A, y = X[REST, :2], LABELS[REST]
    return A.T @ (expit(A @ theta) - y)


def _hessian(theta):
    A = X[REST, :2]
    p = expit(A @ theta)
    return A.T * (p * (1 - p)) @ A


def _refit(theta):
    for _ in range(50):
        theta = theta - np.linalg.solve(_hessian(theta), _gradient(theta))
    return theta


@pytest.mark.parametrize("estimator", RETRAINING, ids=lambda e: type(e).__name__)
def test_a_logistic_refit_keeps_what_no_remaining_point_sees(estimator):
    problem = _logistic()
    theta = np.asarray(problem.full_fit())
    change = hm.predict(problem, estimator, theta)
    # Error of the path's integration: 1e-9 a step.
    np.testing.assert_allclose(change.delta[:2], _refit(theta[:2]) - theta[:2], rtol=1e-7)
    assert abs(change.delta[2]) < 1e-12


def test_a_newton_step_is_one_of_the_directions_seen():
    problem = _logistic()
    theta = np.asarray(problem.full_fit())
    change = hm.predict(problem, hm.NewtonStep(), theta)
    step = -np.linalg.solve(_hessian(theta[:2]), _gradient(theta[:2]))
    np.testing.assert_allclose(change.delta, [*step, 0.0], rtol=1e-10, atol=1e-12)


def test_others_beside_such_a_group_are_as_they_were():
    problem = _logistic()
    theta = problem.full_fit()
    groups = [[0], GROUP, [1, 4]]
    together = hm.predict(problem, hm.LeaveOneOut(), theta, groups=groups)
    for index, group in enumerate(groups):
        alone = hm.predict(problem, hm.LeaveOneOut(), theta, groups=group)
        np.testing.assert_allclose(together.delta[index], alone.delta, rtol=1e-9, atol=1e-12)


def test_the_velocity_at_no_weight_is_infinite_where_the_group_pushes_on():
    problem = _logistic()
    theta = problem.full_fit()
    change = hm.predict(problem, hm.Influence(at=0.0), theta, throw=False)
    assert change.status == ChangeStatus.singular


@pytest.mark.parametrize("shift", [0.0, 1.0], ids=["fitted along it", "not fitted along it"])
def test_a_model_affine_in_its_parameters_is_as_a_linear_regression(shift):
    inputs = X.copy()
    inputs[6, 1] = 1.5 + shift  # the group's mean is on the others' or not
    model = hm.function_model(lambda theta, x: theta @ x, 3)
    general = hm.Problem(model, hm.SquaredError(), inputs, TARGETS, deleted=GROUP)
    exact = hm.LinearRegression(inputs, TARGETS, deleted=GROUP)
    theta = exact.full_fit()
    for estimator in (*RETRAINING, hm.NewtonStep(), hm.Influence(at=0.0)):
        ours = hm.predict(general, estimator, theta, throw=False)
        closed = hm.predict(exact, estimator, theta, throw=False)
        assert ours.status == closed.status
        if closed.status == ChangeStatus.successful:
            np.testing.assert_allclose(ours.delta, closed.delta, rtol=1e-7, atol=1e-10)


def test_a_softmax_refit_keeps_what_no_remaining_point_sees():
    generator = np.random.default_rng(0)
    inputs = np.c_[np.ones(14), generator.normal(size=14), np.repeat([0.0, 1.0], [9, 5])]
    labels = np.r_[0, 1, 2, 0, 1, 2, 2, 1, 0, 0, 1, 2, 0, 1]

    def logits(theta, x):
        return jnp.reshape(theta, (3, 3)) @ x

    group = list(range(9, 14))
    problem = hm.Problem(
        hm.function_model(logits, 9), hm.SoftmaxCrossEntropy(), inputs, labels, deleted=group
    )
    theta = np.asarray(problem.full_fit())
    change = hm.predict(problem, hm.LeaveOneOut(), theta)

    def risk(free):
        outputs = inputs[:9, :2] @ free.reshape(3, 2).T
        return -log_softmax(outputs, axis=1)[np.arange(9), labels[:9]].sum()

    # What is left of a constant added to all the logits is as it was in θ.
    start = theta.reshape(3, 3)[:, :2]
    refit = minimize(risk, start.ravel(), method="BFGS", options={"gtol": 1e-9}).x.reshape(3, 2)
    refit += (start - refit).mean(axis=0)
    expected = np.c_[refit - start, np.zeros(3)]
    # BFGS by differences: to about 1e-6.
    np.testing.assert_allclose(change.delta, expected.ravel(), atol=2e-5)
