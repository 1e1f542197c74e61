"""Weights of all points: the programme against SciPy's, and its derivatives against refits."""

import functools

import jax
import numpy as np
import pytest
from measuring import measured_at
from oracles.soft_weights import Weighted
from scipy.optimize import LinearConstraint, NonlinearConstraint, minimize
from scipy.special import expit

import homotopy as hm
from homotopy import reweighting as rw
from homotopy.reweighting.refitted import Refits


@functools.cache
def oracle():
    return Weighted()


@functools.cache
def problem():
    one = oracle()
    return hm.Problem(hm.linear_model(4), hm.Logistic(), one.X, one.y, deleted=0, ridge=one.ridge)


@functools.cache
def measured():
    one = oracle()
    X, y, group = one.X_other, one.y_other, one.group_other
    return {
        "disparity": rw.DemographicParity(X, group),
        "opportunity": rw.EqualOpportunity(X, y, group),
        "loss": hm.TestLoss(X, y),
        "worst_loss": rw.WorstCaseLoss(X, y, one.radius),
    }


@functools.cache
def refits():
    return Refits(problem(), tuple(measured().values()))


@pytest.mark.parametrize("weights", ["ones", "others"])
def test_derivatives_in_all_weights_are_those_of_refits(weights):
    one, rng = oracle(), np.random.default_rng(0)
    w = np.ones(40) if weights == "ones" else rng.uniform(0.2, 1.5, 40)
    found = refits().measured(w, refits().minimum(w, np.zeros(4)))
    for place, name in enumerate(measured()):
        measure = getattr(one, name)
        assert abs(found.values[place] - measure(one.fit(w))) < 1e-14
        differences = np.array([one.slope(measure, w, row) for row in range(0, 40, 7)])
        error = np.abs(found.slopes[place, ::7] - differences)
        # Fourth order in 1e-3, and rounding over 1e-3.
        assert np.max(error) < 1e-9 * np.max(np.abs(found.slopes[place])) + 1e-12


def test_second_derivatives_are_the_differences_of_first_ones():
    w, multipliers = np.random.default_rng(1).uniform(0.5, 1.5, 40), np.array([2.0, 1.0, -3.0, 0.5])
    theta = refits().minimum(w, np.zeros(4))
    basis, bent = refits().curvature(w, theta, multipliers)
    direction = np.random.default_rng(2).normal(size=40)

    def slopes(k):
        moved = w + k * direction
        return multipliers @ refits().measured(moved, refits().minimum(moved, theta)).slopes

    h = 1e-3
    difference = (8 * (slopes(h) - slopes(-h)) - (slopes(2 * h) - slopes(-2 * h))) / (12 * h)
    product = basis @ (bent @ (basis.T @ direction))
    assert np.max(np.abs(product - difference)) < 1e-8 * np.max(np.abs(difference))


def best_of_scipy(one, target, budget, groups=None, most=3000):
    """The same programme by SciPy, without derivatives of ours, in at most so many steps."""
    n, before = one.y.size, one.loss(one.fit(np.ones(one.y.size)))

    def slopes(measure_slope, theta, w):
        p = expit(one.X @ theta)
        H = (one.X.T * (w * p * (1 - p))) @ one.X + one.ridge * np.eye(theta.size)
        return -((p - one.y)[:, None] * one.X) @ np.linalg.solve(H, measure_slope)

    def values(w):
        theta = one.fit(w)
        return np.array([one.disparity(theta), one.loss(theta)])

    def jacobian(w):
        theta = one.fit(w)
        p = expit(one.X_other @ theta)
        own = (p * (1 - p))[:, None] * one.X_other
        first = own[one.group_other == 1].mean(0) - own[one.group_other == 0].mean(0)
        second = ((p - one.y_other)[:, None] * one.X_other).mean(0)
        return np.stack([slopes(first, theta, w), slopes(second, theta, w)])

    limits = [-target, -np.inf], [target, before + budget]
    constraints = [NonlinearConstraint(values, *limits, jac=jacobian)]
    if groups is not None:
        constraints.append(groups)
    return minimize(
        lambda w: 0.5 * np.sum((w - 1) ** 2),
        np.ones(n),
        jac=lambda w: w - 1,
        hess=lambda w: np.eye(n),
        constraints=constraints,
        bounds=[(0.0, 1.5)] * n,
        method="trust-constr",
        options={"gtol": 1e-9, "xtol": 1e-12, "maxiter": most},
    )


# Of the second, steps are at rounding before the conditions hold to the tolerance.
@pytest.mark.parametrize("seed, totals", [(5, False), (104, False), (5, True)])
def test_no_worse_than_scipy(seed, totals):
    one = Weighted(n=25, seed=seed)
    whole = hm.Problem(hm.linear_model(4), hm.Logistic(), one.X, one.y, deleted=0, ridge=1.0)
    before = one.fit(np.ones(25))
    target = 0.5 * abs(one.disparity(before))
    parity = rw.DemographicParity(one.X_other, one.group_other)
    loss = hm.TestLoss(one.X_other, one.y_other)
    constraints = [
        rw.Constraint(parity, -target, target),
        rw.Constraint(loss, upper=0.01, relative=True),
    ]
    groups = rw.equal_total(one.group) if totals else None
    if totals:
        constraints.append(groups)
    found = hm.soft_weights(whole, constraints=constraints, bounds=(0.0, 1.5))
    other = best_of_scipy(one, target, 0.01, groups)
    assert bool(found.successful) and other.constr_violation < 1e-8
    assert float(found.objective) <= other.fun * (1 + 1e-7)
    w = np.asarray(found.weights)
    theta = one.fit(w)
    assert np.max(np.abs(theta - np.asarray(found.theta))) < 1e-12
    assert abs(one.disparity(theta)) <= target + 1e-8
    assert one.loss(theta) <= one.loss(before) + 0.01 + 1e-8
    assert w.min() >= 0.0 and w.max() <= 1.5
    if totals:
        for value in (0, 1):
            assert abs(np.sum(w[one.group == value]) - np.sum(one.group == value)) < 1e-9


@pytest.mark.parametrize("side", ["upper", "lower"])
def test_the_conditions_of_a_minimum_hold_by_an_independent_count(side):
    """w = Π(1 − Σ λ∇m), with derivatives of refits by differences; λ < 0 at a lower bound."""
    one, sign = oracle(), 1.0 if side == "upper" else -1.0
    target = 0.5 * one.disparity(one.fit(np.ones(40)))
    groups = one.group_other if side == "upper" else 1 - one.group_other
    measure = rw.DemographicParity(one.X_other, groups)
    found = hm.soft_weights(
        problem(),
        constraints=rw.Constraint(measure, **{side: sign * target}),
        bounds=(0.0, 1.4),
    )
    assert bool(found.successful)
    w, multiplier = np.asarray(found.weights), sign * float(found.multipliers[0])
    assert multiplier > 0.0 and abs(one.disparity(one.fit(w)) - target) < 1e-9
    slopes = np.array([one.slope(one.disparity, w, row) for row in range(40)])
    assert np.max(np.abs(w - np.clip(1.0 - multiplier * slopes, 0.0, 1.4))) < 1e-7


def test_swapped_groups_have_the_same_weights():
    one = oracle()
    found = [
        hm.soft_weights(
            problem(),
            constraints=rw.Constraint(rw.DemographicParity(one.X_other, group), -0.02, 0.02),
        )
        for group in (one.group_other, 1 - one.group_other)
    ]
    assert float(found[0].values[0]) == pytest.approx(-float(found[1].values[0]), abs=1e-9)
    assert np.max(np.abs(np.asarray(found[0].weights - found[1].weights))) < 1e-7


def test_entropy_keeps_weights_positive_and_its_conditions():
    one = oracle()
    found = hm.soft_weights(
        problem(),
        rw.RelativeEntropy(),
        rw.Constraint(measured()["disparity"], -0.01, 0.01),
    )
    assert bool(found.successful)
    w = np.asarray(found.weights)
    slopes = np.array([one.slope(one.disparity, w, row) for row in range(0, 40, 5)])
    # log w = −λ ∂m/∂w
    assert np.max(np.abs(np.log(w[::5]) + float(found.multipliers[0]) * slopes)) < 1e-6
    assert w.min() > 0.0


def test_a_measurement_is_made_as_small_as_it_gets():
    found = hm.soft_weights(problem(), measured()["worst_loss"], bounds=(0.0, 2.0))
    assert bool(found.successful)
    one = oracle()
    w = np.asarray(found.weights)
    slopes = np.array([one.slope(one.worst_loss, w, row) for row in range(40)])
    moved = np.clip(w - slopes, 0.0, 2.0) - w
    assert np.max(np.abs(moved)) < 1e-7
    assert one.worst_loss(one.fit(w)) < one.worst_loss(one.fit(np.ones(40)))


def test_what_cannot_be_reached_is_said():
    low = rw.Constraint(measured()["loss"], upper=0.01)
    found = hm.soft_weights(problem(), constraints=low, bounds=(0.5, 1.5))
    assert found.status == rw.SoftWeightsStatus.infeasible
    assert float(found.violation) > 0.1 and not bool(found.successful)


def test_what_neither_scipy_can_reach_ends_before_the_steps_do():
    one = Weighted(n=20, seed=101)
    whole = hm.Problem(hm.linear_model(4), hm.Logistic(), one.X, one.y, deleted=0, ridge=1.0)
    target = 0.5 * abs(one.disparity(one.fit(np.ones(20))))
    parity = rw.DemographicParity(one.X_other, one.group_other)
    loss = rw.Constraint(hm.TestLoss(one.X_other, one.y_other), upper=0.01, relative=True)
    found = hm.soft_weights(
        whole, constraints=[rw.Constraint(parity, -target, target), loss], bounds=(0.0, 1.5)
    )
    assert found.status == rw.SoftWeightsStatus.infeasible and int(found.refits) < 100
    # It does not come to an end there; twice as many steps do not bring it a tenth nearer.
    ended = [best_of_scipy(one, target, 0.01, most=most).constr_violation for most in (100, 200)]
    assert min(ended) > 0.01 and ended[1] > 0.9 * ended[0]


def test_least_norm_weights_are_the_published_formula():
    names = ("disparity", "loss")
    measures = [measured()[name] for name in names]
    found = refits().measured(np.ones(40), refits().minimum(np.ones(40), np.zeros(4)))
    I_f, I_u = -found.slopes[0], -found.slopes[2]
    size = found.values[0]
    across = (I_f @ I_f) * (I_u @ I_u) - (I_f @ I_u) ** 2
    published = size * ((I_u @ I_u) * I_f - (I_f @ I_u) * I_u) / across
    ours = rw.least_norm_weights(problem(), measures, [-size, 0.0]) - 1.0
    assert np.max(np.abs(ours - published)) < 1e-12 * np.max(np.abs(published)) + 1e-13


@pytest.mark.parametrize("kind", ["least squares", "softmax", "network"])
def test_other_models_keep_to_constraints_after_the_refit(kind):
    one = oracle()
    if kind == "least squares":
        whole = hm.LinearRegression(one.X, one.y, deleted=0, ridge=0.5)
        measure, theta = rw.DemographicParity(one.X_other, one.group_other), None
    elif kind == "softmax":
        model = hm.function_model(lambda theta, x: theta.reshape(2, 4) @ x, 8)
        loss = hm.SoftmaxCrossEntropy()
        whole = hm.Problem(model, loss, one.X, one.y.astype(int), deleted=0, ridge=0.5)
        measure, theta = rw.DemographicParity(one.X_other, one.group_other), np.zeros(8)
    else:
        model = hm.mlp([4, 2, 1])
        whole = hm.Problem(model, hm.Logistic(), one.X, one.y, deleted=0, ridge=1.0)
        measure = rw.DemographicParity(one.X_other, one.group_other)
        theta = model.initial_parameters(jax.random.key(0))
    free = hm.soft_weights(whole, theta=theta, constraints=rw.Constraint(measure, upper=9.0))
    target = 0.6 * float(free.values_before[0])
    found = hm.soft_weights(
        whole, theta=free.theta_before, constraints=rw.Constraint(measure, upper=target)
    )
    assert bool(found.successful)
    w, at = np.asarray(found.weights), np.asarray(found.theta)
    gradient = jax.jit(jax.grad(whole.weighted_risk))(found.theta, found.weights)
    assert np.linalg.norm(gradient) < 1e-10
    if kind == "least squares":
        H = (one.X.T * w) @ one.X + 0.5 * np.eye(4)
        assert np.max(np.abs(at - np.linalg.solve(H, one.X.T @ (w * one.y)))) < 1e-12
    assert measured_at(measure, whole, at) <= target + 1e-8


def test_where_the_branch_of_minima_ends_is_said():
    """Of this network the constraint lies beyond a fold of θ(w)."""
    one, model = oracle(), hm.mlp([4, 2, 1])
    whole = hm.Problem(model, hm.Logistic(), one.X, one.y, deleted=0, ridge=0.5)
    theta = model.initial_parameters(jax.random.key(0))
    measure = rw.DemographicParity(one.X_other, one.group_other)
    found = hm.soft_weights(whole, theta=theta, constraints=rw.Constraint(measure, upper=0.2124))
    assert found.status == rw.SoftWeightsStatus.branch_ends
    hessian = jax.jit(jax.hessian(whole.weighted_risk))(found.theta, found.weights)
    sizes = np.linalg.eigvalsh(np.asarray(hessian))
    assert 0.0 < sizes[0] < 1e-3 * sizes[-1]


def test_weights_within_a_group_can_be_one():
    one = oracle()
    found = hm.soft_weights(
        problem(),
        constraints=[
            rw.Constraint(measured()["disparity"], -0.05, 0.05),
            rw.equal_within(one.group),
        ],
    )
    assert bool(found.successful)
    for value in (0, 1):
        own = np.asarray(found.weights)[one.group == value]
        assert np.ptp(own) < 1e-9


BAD = {
    "negative weights": (dict(bounds=(-1.0, 2.0)), ValueError, "bounds: expected a lower bound"),
    "no room": (dict(bounds=(0.0, 0.5)), ValueError, "bounds: expected an upper bound"),
    "no pair": (dict(bounds=1.0), TypeError, "bounds: expected two numbers"),
    "no constraint": (dict(constraints=[3.0]), TypeError, "constraints: expected Constraint"),
    "own loss": (
        dict(constraints=rw.Constraint(hm.OwnLoss(), upper=1.0)), ValueError, "constraints: ",
    ),
    "of others": (
        dict(constraints=LinearConstraint(np.ones((1, 3)), 3, 3)), ValueError, "of 40 weights",
    ),
    "no weights": (
        dict(constraints=LinearConstraint(np.ones((1, 40)), 400, 400), bounds=(0.0, 2.0)),
        ValueError,
        "no weights in",
    ),
    "several numbers": (dict(objective=lambda theta: theta), ValueError, "objective: expected a"),
}  # fmt: skip


@pytest.mark.parametrize("options, error, message", BAD.values(), ids=BAD)
def test_bad_arguments_are_named(without_shape_checks, options, error, message):
    with pytest.raises(error, match=message):
        hm.soft_weights(problem(), **options)


def test_a_network_needs_its_parameters():
    network = hm.Problem(hm.mlp([4, 2, 1]), hm.Logistic(), oracle().X, oracle().y, deleted=0)
    with pytest.raises(ValueError, match="theta: expected the trained parameters"):
        hm.soft_weights(network)
