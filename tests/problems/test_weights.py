"""Sample weights: a point of weight 2 is one that occurs twice, for whatever is asked."""

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from scipy.integrate import solve_ivp

import homotopy as hm
from homotopy._jit import filter_jit_numbers

COUNTS = np.array([1, 2, 1, 3, 1, 1, 1, 2])
RNG = np.random.default_rng(0)
X = np.column_stack([np.ones(8), RNG.normal(size=(8, 2))])
Y = RNG.normal(size=8)
CLASSES = np.array([0, 1, 1, 0, 1, 0, 0, 1])
DELETED = 3  # of weight 3
TIMES = [0.1, 0.5, 1.5]


def repeated(array):
    return np.repeat(array, COUNTS, axis=0)


# Where the copies of the points are, in the data that hold them.
COPIES = [np.flatnonzero(np.repeat(np.arange(8), COUNTS) == row).tolist() for row in range(8)]


THREE = np.arange(8) % 3
MADE = {
    "least squares": (hm.linear_model(3), hm.SquaredError(), Y),
    "logistic": (hm.linear_model(3), hm.Logistic(), CLASSES),
    "poisson": (hm.linear_model(3), hm.losses.Poisson(), CLASSES + 1),
    "softmax": (hm.mlp([3, 3]), hm.SoftmaxCrossEntropy(), THREE),
    "perceptron": (hm.mlp([3, 2, 1]), hm.SquaredError(), Y),
}


def pair(kind):
    """The problem of weighted points, and that of repeated ones."""
    if kind == "regression":
        return (
            hm.LinearRegression(X, Y, deleted=DELETED, weights=COUNTS),
            hm.LinearRegression(repeated(X), repeated(Y), deleted=COPIES[DELETED]),
        )
    model, loss, y = MADE[kind]
    return (
        hm.Problem(model, loss, X, y, deleted=DELETED, weights=COUNTS, ridge=0.3),
        hm.Problem(model, loss, repeated(X), repeated(y), deleted=COPIES[DELETED], ridge=0.3),
    )


KINDS = ["regression", *MADE]
kinds = pytest.mark.parametrize("kind", KINDS)


def start(problem):
    return 0.3 * np.random.default_rng(1).normal(size=problem.dimension)


def same(one, other, rtol=1e-10):
    np.testing.assert_allclose(one, other, rtol=rtol, atol=rtol * np.abs(np.asarray(other)).max())


@filter_jit_numbers
def risk_and_derivatives(problem, theta, vector, epsilon):
    """In one program: R_ε and its derivatives, ∇ of the deleted part, the losses."""
    return (
        problem.risk(theta, epsilon),
        problem.gradient(theta, epsilon),
        problem.hessian(theta, epsilon),
        problem.hvp(theta, vector, epsilon),
        problem.deleted_gradient(theta),
        problem.losses(theta),
    )


@kinds
def test_risks_and_their_derivatives(kind):
    weighted, copies = pair(kind)
    theta, vector = start(weighted), np.arange(weighted.dimension) / 7.0
    for epsilon in (0.0, 0.4, 1.0):
        *ours, losses = risk_and_derivatives(weighted, theta, vector, epsilon)
        *theirs, of_copies = risk_and_derivatives(copies, theta, vector, epsilon)
        for one, other in zip(ours, theirs, strict=True):
            same(one, other)
        same(losses, [np.asarray(of_copies)[rows].sum() for rows in COPIES])


def test_fits_flows_and_responses():
    weighted, copies = pair("regression")
    theta0 = start(weighted)
    for epsilon in (0.0, 0.5, 1.0):
        same(weighted.fit(epsilon), copies.fit(epsilon), 1e-8)
    flows = [hm.flow(problem, hm.Step(0.3), theta0, TIMES) for problem in (weighted, copies)]
    same(flows[0].theta, flows[1].theta, 1e-7)
    method = hm.GradientDescent(0.01)
    steps = [hm.flow(p, hm.Step(0.3), theta0, TIMES, method=method) for p in (weighted, copies)]
    same(steps[0].theta, steps[1].theta)
    paths = [hm.response(problem, [0.0, 0.5, 1.0]) for problem in (weighted, copies)]
    same(paths[0].theta, paths[1].theta, 1e-8)
    same(paths[0].velocity, paths[1].velocity, 1e-7)
    assert np.array_equal(paths[0].minimum, paths[1].minimum)
    moved = [hm.sensitivity(problem, theta0, TIMES) for problem in (weighted, copies)]
    sums = [np.asarray(moved[1].derivative)[:, rows].sum(axis=1) for rows in COPIES]
    same(moved[0].derivative, np.stack(sums, axis=1), 1e-7)


# Classes: the repeated points by NumPy and SciPy, where nothing is compiled.

ROWS, LABELS = repeated(X), repeated(CLASSES)
OF_DELETED = np.isin(np.arange(LABELS.size), COPIES[DELETED])


def pulls(theta):
    """∇ℓ of every row."""
    return (1 / (1 + np.exp(-ROWS @ theta)) - LABELS)[:, None] * ROWS


def bend_of(theta, amounts):
    """∇²R of rows that count so much."""
    p = 1 / (1 + np.exp(-ROWS @ theta))
    return (amounts * p * (1 - p) * ROWS.T) @ ROWS + 0.3 * np.eye(3)


def slope_and_bend(theta, epsilon):
    """∇R_ε and its Hessian."""
    amounts = np.where(OF_DELETED, epsilon, 1.0)
    return amounts @ pulls(theta) + 0.3 * theta, bend_of(theta, amounts)


def stationary(function, theta):
    """Where the first of what a function gives vanishes, by Newton's method."""
    for _ in range(30):
        gradient, hessian = function(theta)
        theta = theta - np.linalg.solve(hessian, gradient)
    assert np.linalg.norm(gradient) < 1e-13
    return theta


def minimum(epsilon):
    return stationary(lambda theta: slope_and_bend(theta, epsilon), np.zeros(3))


def follow(theta, times, epsilon, moved=None, pushes=None):
    """θ at ascending times, and what moves with it: v' = −∇²R v − Σ of some rows' ∇ℓ, (3, m)."""
    moved = np.zeros((3, 0)) if moved is None else moved
    count = moved.shape[1]
    pushes = np.zeros((count, LABELS.size)) if pushes is None else pushes

    def velocity(_, state):
        theta, moved = state[:3], state[3:].reshape(3, count)
        gradient, hessian = slope_and_bend(theta, epsilon)
        return np.r_[-gradient, (-hessian @ moved - (pushes @ pulls(theta)).T).ravel()]

    span, state = (times[0], times[-1]), np.r_[theta, moved.ravel()]
    found = solve_ivp(velocity, span, state, "DOP853", times, rtol=1e-12, atol=1e-14)
    return found.y[:3].T, found.y[3:].reshape(3, count, len(times))


def test_fits_flows_and_responses_of_classes():
    weighted, _ = pair("logistic")
    theta0 = start(weighted)
    fits = [minimum(epsilon) for epsilon in (0.0, 0.5, 1.0)]
    for epsilon, fit in zip((0.0, 0.5, 1.0), fits, strict=True):
        same(weighted.fit(epsilon), fit, 1e-8)
    before, _ = follow(theta0, [0.0, 0.1, 0.3], 1.0)
    after, _ = follow(before[-1], [0.3, 0.5, 1.5], 0.0)
    found = hm.flow(weighted, hm.Step(0.3), theta0, TIMES)
    same(found.theta, [before[1], after[1], after[2]], 1e-7)
    theta, steps = theta0, [theta0]
    for step in range(150):
        theta = theta - 0.01 * slope_and_bend(theta, float(step < 30))[0]
        steps.append(theta)
    found = hm.flow(weighted, hm.Step(0.3), theta0, TIMES, method=hm.GradientDescent(0.01))
    same(found.theta, [steps[10], steps[50], steps[150]])
    path = hm.response(weighted, [0.0, 0.5, 1.0])
    same(path.theta, fits, 1e-8)
    velocities = [
        -np.linalg.solve(slope_and_bend(fit, epsilon)[1], OF_DELETED @ pulls(fit))
        for epsilon, fit in zip((0.0, 0.5, 1.0), fits, strict=True)
    ]
    same(path.velocity, velocities, 1e-7)
    assert np.all(path.minimum)
    pushes = np.array([np.isin(np.arange(LABELS.size), rows) for rows in COPIES], float)
    _, moved = follow(theta0, [0.0, *TIMES], 1.0, np.zeros((3, 8)), pushes)
    same(hm.sensitivity(weighted, theta0, TIMES).derivative, moved.transpose(2, 1, 0)[1:], 1e-7)


@pytest.mark.parametrize("kind", ["poisson", "softmax"])
def test_fits_of_other_losses(kind):
    weighted, copies = pair(kind)
    same(weighted.fit(0.5), copies.fit(0.5), 1e-8)


ESTIMATORS = [
    hm.LeaveOneOut(),
    hm.Influence(),
    hm.Influence(at=0.0),
    hm.Influence(damping=0.1, solver=hm.ConjugateGradient()),
    hm.NewtonStep(),
    hm.Taylor(2),
    hm.PathIntegration(),
    hm.GaussNewton(0.1),
    hm.ProximalBregman(0.1),
]


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=lambda each: type(each).__name__)
def test_estimators(estimator):
    weighted, copies = pair("regression")
    theta = weighted.full_fit()
    one = hm.predict(weighted, estimator, theta, points=[1, DELETED])
    two = hm.predict(copies, estimator, theta, groups=[COPIES[1], COPIES[DELETED]])
    same(one.delta, two.delta, 1e-7)
    assert bool(one.successful.all())
    same(one.linearised(hm.OwnLoss()), two.linearised(hm.OwnLoss()), 1e-6)


def changes_of_classes(theta, group):
    """Of each of `ESTIMATORS`, of all copies of a point."""
    mine = np.isin(np.arange(LABELS.size), group)
    pull, bend = pulls(theta)[mine].sum(axis=0), bend_of(theta, np.ones(LABELS.size))
    own, damping = bend - bend_of(theta, ~mine), 0.1 * np.eye(3)
    without = stationary(lambda at: (~mine @ pulls(at) + 0.3 * at, bend_of(at, ~mine)), theta)
    # θ̇ and θ̈ of ∇R(θ(ε)) − (1 − ε)∇ℓ(θ(ε)) = 0 at ε = 1.
    velocity = -np.linalg.solve(bend, pull)
    p, along = 1 / (1 + np.exp(-ROWS @ theta)), ROWS @ velocity
    third = ROWS.T @ (p * (1 - p) * (1 - 2 * p) * along**2)
    acceleration = -np.linalg.solve(bend, 2 * own @ velocity + third)

    def proximal(at):
        """∇ of the divergences from θ, of the points that stay; and the pull of those that go."""
        moved = pulls(at) - pulls(theta)
        slope = ~mine @ moved - pull + 0.4 * (at - theta)
        return slope, bend_of(at, ~mine) + damping

    return [
        without - theta,
        np.linalg.solve(bend, pull),
        np.linalg.solve(bend_of(without, ~mine), pulls(without)[mine].sum(axis=0)),
        np.linalg.solve(bend + damping, pull),
        np.linalg.solve(bend - own, pull),
        -velocity + acceleration / 2,
        without - theta,
        np.linalg.solve(bend + damping, pull),
        stationary(proximal, theta) - theta,
    ]


@pytest.mark.parametrize("place", range(len(ESTIMATORS)))
def test_estimators_of_classes(place):
    weighted, _ = pair("logistic")
    theta, points = minimum(1.0), [1, DELETED]
    change = hm.predict(weighted, ESTIMATORS[place], theta, points=points)
    assert bool(change.successful.all())
    known = np.array([changes_of_classes(theta, COPIES[row])[place] for row in points])
    same(change.delta, known, 1e-7)
    slopes = np.array([pulls(theta)[COPIES[row]].sum(axis=0) for row in points])
    same(change.linearised(hm.OwnLoss()), np.sum(slopes * known, axis=1), 1e-6)


COSTS = [None, hm.deletion.PredictionDistance(), hm.OwnLoss()]


def test_deletions():
    problems = pair("regression")
    for cost in COSTS:
        asked = [
            hm.Deletion(problem, start(problem), terminal_cost=cost, start=0.1, horizon=1.0)
            for problem in problems
        ]
        values = [deletion.value_and_gradient(hm.Step(0.4)) for deletion in asked]
        same(values[0][0], values[1][0], 1e-7)
        same(values[0][1].switch, values[1][1].switch, 1e-6)
        residuals = [deletion.pmp_residual(hm.Step(0.4)) for deletion in asked]
        same(residuals[0], residuals[1], 1e-6)
        phis = [deletion.switching_function(hm.Step(0.4))(0.7) for deletion in asked]
        same(phis[0], phis[1], 1e-6)


def test_deletions_of_classes():
    """Costs of θ(T) by hand, and what moves θ(T): the switch, and a push at 0.7."""
    weighted, _ = pair("logistic")
    until, _ = follow(start(weighted), [0.0, 0.4], 1.0)
    later = -(OF_DELETED @ pulls(until[-1]))[:, None]
    between, moved = follow(until[-1], [0.4, 0.7], 0.0, later)
    pushed = np.column_stack([moved[:, 0, -1], OF_DELETED @ pulls(between[-1])])
    final, moved = follow(between[-1], [0.7, 1.0], 0.0, pushed)
    final, (switch, push) = final[-1], moved[:, :, -1].T
    apart = final - minimum(0.0)
    margins = np.where(LABELS == 1, -1.0, 1.0) * (ROWS @ final)
    costs = [
        (0.5 * apart @ apart, apart),
        (0.5 * np.sum((ROWS @ apart) ** 2), ROWS.T @ ROWS @ apart),
        (np.logaddexp(0.0, margins)[OF_DELETED].sum(), OF_DELETED @ pulls(final)),
    ]
    for cost, (value, slope) in zip(COSTS, costs, strict=True):
        deletion = hm.Deletion(
            weighted, start(weighted), terminal_cost=cost, start=0.1, horizon=1.0
        )
        found = jax.value_and_grad(deletion.dynamics.cost)(jnp.asarray(final))
        same(found[0], value, 1e-7)
        same(found[1], slope, 1e-6)
        # What moves θ(T) is the same for all costs, and one program of it enough.
        if isinstance(cost, hm.deletion.PredictionDistance):
            found = deletion.value_and_gradient(hm.Step(0.4))
            same(found[0], value, 1e-7)
            same(found[1].switch, slope @ switch, 1e-6)
            same(deletion.switching_function(hm.Step(0.4))(0.7), slope @ push, 1e-6)


def test_the_certified_optimum():
    weighted, copies = pair("regression")
    found = [
        hm.optimise(hm.Deletion(p, [1.0, -1.0, 0.5], start=0.1, horizon=0.4), hm.Everything())
        for p in (weighted, copies.deleting(COPIES[DELETED]))
    ]
    # Of the copies, which share ε(t), only the cost is compared: its certificate is for a group.
    assert found[0].successful and found[0].gap < 1e-6 * found[0].cost
    same(found[0].cost, found[1].cost, 1e-5)
    residual = hm.Deletion(weighted, [1.0, -1.0, 0.5], start=0.1, horizon=0.4)
    assert float(residual.pmp_residual(found[0].schedule)) < 1e-6


def test_other_points_of_the_same_weighted_data():
    weighted, _ = pair("regression")
    for row, problem in enumerate(weighted.deleting_each()):
        rest = np.delete(np.arange(8), row)
        expected = sm.WLS(Y[rest], X[rest], weights=COUNTS[rest]).fit().params
        same(problem.deleted_fit(), expected)
        same(weighted.deleting(row).deleted_fit(), expected)
    both = np.delete(np.arange(8), [2, 5])
    expected = sm.WLS(Y[both], X[both], weights=COUNTS[both]).fit().params
    same(weighted.deleting([2, 5]).deleted_fit(), expected)


def test_a_formula_takes_weights():
    data = pd.DataFrame({"y": Y, "a": X[:, 1], "b": X[:, 2]})
    problem = hm.LinearRegression.from_formula("y ~ a + b", data, deleted=0, weights=COUNTS)
    same(problem.full_fit(), sm.WLS(Y, X, weights=COUNTS).fit().params)


# Diagnostics against statsmodels ------------------------------------------------------------


def test_diagnostics_equal_weighted_least_squares():
    weights = np.random.default_rng(2).uniform(0.2, 3.0, 8)
    found = hm.regression_diagnostics(hm.LinearRegression(X, Y, deleted=0, weights=weights))
    fit = sm.WLS(Y, X, weights=weights).fit()
    same(found.theta, fit.params)
    same(found.residuals, fit.resid)
    same(found.fitted, fit.fittedvalues)
    assert np.isclose(found.sigma2, fit.scale, rtol=1e-12)
    glm = sm.GLM(Y, X, var_weights=weights).fit().get_influence()
    same(found.leverage, glm.hat_matrix_diag)
    same(found.cooks_distance, glm.cooks_distance[0])
    same(found.dfbeta, glm.d_params)
    # As of R's lm: the influence measures of the scaled rows.
    root = np.sqrt(weights)
    rows = sm.OLS(root * Y, root[:, None] * X).fit().get_influence()
    same(found.studentised_internal, rows.resid_studentized_internal)
    same(found.studentised_external, rows.resid_studentized_external)
    same(found.dffits, rows.dffits[0])
    same(found.dfbetas, rows.dfbetas)
    for row in range(8):
        rest = np.delete(np.arange(8), row)
        refit = sm.WLS(Y[rest], X[rest], weights=weights[rest]).fit()
        same(found.leave_one_out_fits[row], refit.params)
        same(found.leave_one_out_residuals[row], Y[row] - X[row] @ refit.params)


@pytest.mark.parametrize("kind", ["logistic", "softmax"])
def test_the_leverage_of_a_point_is_that_of_its_copies(kind):
    weighted, copies = pair(kind)
    theta = weighted.full_fit()
    several = hm.leverage(copies, theta)
    same(hm.leverage(weighted, theta), [several[rows].sum() for rows in COPIES])


# What is refused, and what weights of None cost ------------------------------------------------


@pytest.mark.parametrize(
    ("weights", "words"),
    [
        (np.r_[1.0, 0.0, np.ones(6)], r"weights: expected positive weights, got 0.0 in row 1; "),
        (-np.ones(8), r"weights: expected positive weights, got -1.0 in row 0; leave out"),
        (np.ones(7), r"weights: expected 8 weights, one a row of X, got \(7,\)"),
        (np.r_[np.nan, np.ones(7)], r"weights: "),
        (["a"] * 8, r"weights: "),
    ],
)
@pytest.mark.usefixtures("without_shape_checks")
def test_weights_that_are_refused(weights, words):
    for call in (
        lambda: hm.LinearRegression(X, Y, deleted=0, weights=weights),
        lambda: hm.Problem(hm.linear_model(3), hm.SquaredError(), X, Y, deleted=0, weights=weights),
    ):
        with pytest.raises(ValueError, match=f"^{words}"):
            call()


def test_no_weights_change_nothing():
    problem = hm.LinearRegression(X, Y, deleted=0)
    assert problem.point_weights is None
    assert problem.point_loss is problem.loss and problem.targets is problem.y
    ones = hm.LinearRegression(X, Y, deleted=0, weights=np.ones(8))
    same(ones.full_fit(), problem.full_fit(), 1e-14)
    with_ones = jax.make_jaxpr(lambda p, at: p.gradient(at))(ones, jnp.ones(3))
    without = jax.make_jaxpr(lambda p, at: p.gradient(at))(problem, jnp.ones(3))
    assert len(without.eqns) < len(with_ones.eqns)
