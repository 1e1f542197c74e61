"""Does a minimum exist: the linear programme against exact enumeration, and every verb by it."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from oracles.separation import separable
from scipy.optimize import minimize
from scipy.special import log_softmax

import homotopy as hm
from homotopy.existence import are_near, decide_existence
from homotopy.minima import decide_separation
from homotopy.minima.affine import is_affine
from homotopy.minima.separation import Overlap

# Ones and x; without row 2 all of class 0 lie below all of class 1.
X = np.column_stack([np.ones(6), np.arange(6.0)])
LABELS = [0, 0, 1, 0, 1, 1]


def logistic(X, y, deleted=0, **options):
    X = np.asarray(X, float)
    return hm.Problem(hm.linear_model(X.shape[1]), hm.Logistic(), X, y, deleted=deleted, **options)


def signed(X, y):
    return np.where(np.asarray(y) == 1, 1, -1)[:, None] * np.asarray(X)


def random_design(generator):
    """Small integers; often with an intercept, a collinear column, or classes that touch."""
    n, d, largest = generator.integers(5, 10), generator.integers(1, 5), generator.integers(1, 6)
    X = generator.integers(-largest, largest + 1, (n, d))
    if generator.random() < 0.6:
        X[:, 0] = 1
    if d > 2 and generator.random() < 0.3:
        X[:, 2] = X[:, 0] - X[:, 1]
    y = generator.integers(0, 2, n)
    if generator.random() < 0.5:
        outputs = X @ generator.integers(-2, 3, d)
        y = np.where(outputs == 0, y, outputs > 0)
    return X, y


# --- the linear programme


def test_directions_that_separate_are_found_wherever_there_are_any():
    generator = np.random.default_rng(0)
    counts = {True: 0, False: 0}
    for _ in range(400):
        margins = signed(*random_design(generator))
        exists = separable(margins)
        found = decide_separation(margins.astype(float))
        assert found.overlap is (Overlap.separated if exists else Overlap.overlapping), margins
        if exists:
            products = margins @ found.direction
            assert products.min() > -1e-13 and products.max() > 1e-3
        counts[exists] += 1
    assert min(counts.values()) > 100


def test_three_classes():
    """Rows of an own class's logit against another's, of a softmax over three."""
    generator = np.random.default_rng(1)
    answers = set()
    for _ in range(60):
        x = np.column_stack([np.ones(6, int), generator.integers(0, 5, 6)])
        y = np.sort(generator.integers(0, 3, 6)) if generator.random() < 0.5 else np.arange(6) % 3
        y = y[np.argsort(x[:, 1], kind="stable").argsort()]
        margins = []
        for row, own in zip(x, y, strict=True):
            for other in set(range(3)) - {own}:
                margin = np.zeros((3, 2), int)
                margin[own], margin[other] = row, -row
                margins.append(margin.ravel())
        exists = separable(margins)
        assert (decide_separation(np.array(margins, float)).overlap is Overlap.separated) == exists
        answers.add(exists)
    assert answers == {True, False}


def test_ties_are_kept():
    margins = np.array([[1.0, 0.0], [1.0, 1.0]])
    assert decide_separation(margins).overlap is Overlap.separated
    tied = decide_separation(margins, np.array([[1.0, 0.0]]))
    np.testing.assert_array_equal(tied.direction, [0.0, 1.0])
    assert decide_separation(margins, np.eye(2)).overlap is Overlap.overlapping


@pytest.mark.parametrize("shift", [0.0, 1e4, 1e8])
@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
def test_units_and_origins_do_not_matter(shift, scale):
    for x, exists in (([0, 1, 2, 2, 3, 4], True), ([0, 1, 2, 3, 3, 4], False)):
        design = np.column_stack([np.ones(6), scale * (np.array(x) + shift)])
        found = decide_separation(signed(design, LABELS).astype(float))
        assert (found.overlap is Overlap.separated) == exists


def test_an_overlap_is_told_from_a_touch_for_as_long_as_rounding_can():
    for overlap in (1e-3, 1e-6, 1e-8):
        x = [0.0, 1.0, 2.0, 2.0 + overlap, 3.0, 4.0]
        margins = signed(np.column_stack([np.ones(6), x]), LABELS)
        assert decide_separation(margins).overlap is Overlap.overlapping
        margins = signed(np.column_stack([np.ones(6), x]), [0, 0, 0, 1, 1, 1])
        assert decide_separation(margins).overlap is Overlap.separated
    # From a fit even where the linear programme cannot: θ₂ grows by log(10) for each digit.
    slopes = []
    for overlap in (1e-8, 1e-10):
        x = [0.0, 1.0, 2.0, 2.0 + overlap, 3.0, 4.0]
        slopes.append(logistic(np.column_stack([np.ones(6), x]), LABELS).full_fit()[1])
    assert slopes[1] - slopes[0] == pytest.approx(np.log(100.0), rel=1e-4)
    x = [0.0, 1.0, 2.0, np.nextafter(2.0, 3.0), 3.0, 4.0]
    margins = signed(np.column_stack([np.ones(6), x]), LABELS)
    assert decide_separation(margins).overlap is not Overlap.overlapping


# --- which models it is about


@pytest.mark.parametrize(
    ("model", "affine"),
    [
        (hm.linear_model(3), True),
        (hm.mlp([3, 1]), True),
        (hm.mlp([3, 2]), True),
        (hm.mlp([3, 2, 1]), False),
        (hm.module_model(eqx.nn.Linear(3, 2, key=jax.random.key(0))), True),
        (hm.function_model(lambda t, x: t @ jnp.concatenate([x, x**2]), 6), True),
        (hm.function_model(lambda t, x: jnp.where(x[0] > 0, t @ x, t[0]), 3), True),
        (hm.function_model(lambda t, x: jax.jit(jnp.dot)(t, x) / x[0], 3), True),
        # Affine almost everywhere is not affine, and a derivative of zero no constant.
        (hm.function_model(lambda t, x: jax.nn.relu(t @ x), 3), False),
        (hm.function_model(lambda t, x: jnp.where(t[0] > 0, t @ x, x[0]), 3), False),
        (hm.function_model(lambda t, x: t @ x + jnp.round(t[0]), 3), False),
        (hm.function_model(lambda t, x: x[0] / t[0] + t[1] * x[1], 3), False),
        (hm.function_model(lambda t, x: (t * t) @ x, 3), False),
    ],
)
def test_affine_models_are_known_by_their_operations(model, affine):
    theta, x = jax.ShapeDtypeStruct((model.dimension,), float), jax.ShapeDtypeStruct((3,), float)
    assert is_affine(model, theta, x) == affine


# --- fits


def test_a_deletion_that_separates_has_no_minimum():
    problem = logistic(X, LABELS, deleted=2)
    with pytest.raises(RuntimeError, match="no minimum exists: the classes can be separated"):
        hm.predict(problem, hm.LeaveOneOut(), points=2)
    with pytest.raises(RuntimeError, match=r"no minimum exists.* along \(-1, 0.333\); add a ridge"):
        problem.deleted_fit()
    change = hm.predict(problem, hm.LeaveOneOut(), points=list(range(6)), throw=False)
    expected = [separable(np.delete(signed(X, LABELS).astype(int), row, 0)) for row in range(6)]
    np.testing.assert_array_equal(change.status == hm.results.ChangeStatus.no_minimum, expected)
    np.testing.assert_array_equal(
        change.status == hm.results.ChangeStatus.successful, ~np.array(expected)
    )
    assert np.all(np.isfinite(change.delta)) and expected[2] and not expected[0]


@pytest.mark.parametrize(
    ("x", "y"),
    [
        ([0, 1, 2, 2, 3, 4], LABELS),  # touching at x = 2
        ([0, 0, 0, 1, 1, 1], [0, 1, 0, 1, 1, 1]),  # a cell of 2 × 2 is empty
        ([0, 1, 2, 3, 4, 5], [1, 1, 1, 1, 1, 1]),  # one class
    ],
)
def test_fits_that_do_not_exist_are_not_returned(x, y):
    with pytest.raises(RuntimeError, match="no minimum exists"):
        logistic(np.column_stack([np.ones(6), x]), y).full_fit()


def test_deletions_of_tidy_designs():
    """96 of them, of each whether a minimum exists without the point, by enumeration."""
    generator = np.random.default_rng(3)
    none, wrong, designs = 0, [], 0
    while designs < 12:
        x = generator.integers(0, 6, 8)
        y = (x + generator.normal(0, 1.2, 8) > 2.5).astype(int)
        design = np.column_stack([np.ones(8, int), x])
        margins = signed(design, y)
        if separable(margins):
            continue
        designs += 1
        problem = logistic(design, y)
        change = hm.predict(problem, hm.LeaveOneOut(), points=list(range(8)), throw=False)
        kinds = hm.results.ChangeStatus
        found, without = (
            np.asarray(change.status == kind) for kind in (kinds.successful, kinds.no_minimum)
        )
        for row in range(8):
            exists = not separable(np.delete(margins, row, 0))
            none += not exists
            if not (found if exists else without)[row]:
                wrong.append((x, y, row))
    assert not wrong and none >= 10


def test_what_no_row_sees_separates_nothing():
    group = np.array([0.0, 1, 0, 1, 1, 0, 1, 0])
    design = np.column_stack([np.ones(8), group, 1 - group])
    overlapping, separated = [0, 1, 1, 0, 1, 0, 0, 1], [0, 1, 0, 1, 1, 0, 1, 1]
    theta = logistic(design, overlapping).full_fit()
    # Half of each group.
    np.testing.assert_allclose(design @ theta, 0.0, atol=1e-8)
    with pytest.raises(RuntimeError, match="no minimum exists"):
        logistic(design, separated).full_fit()


def test_softmax_of_an_affine_network():
    x = np.arange(6.0)
    model = hm.mlp([1, 3])

    def softmax(y):
        return hm.Problem(model, hm.SoftmaxCrossEntropy(), x[:, None], y, deleted=0)

    y = [0, 1, 0, 2, 1, 2]
    theta = np.asarray(softmax(y).full_fit())

    def risk(theta):
        logits = np.outer(x, theta[:3]) + theta[3:]
        return -log_softmax(logits, axis=1)[np.arange(6), y].sum()

    assert risk(theta) <= minimize(risk, np.zeros(6), tol=1e-12).fun + 1e-10
    with pytest.raises(RuntimeError, match="no minimum exists"):
        softmax([0, 0, 1, 1, 2, 2]).full_fit()
    # Probabilities above zero of all classes: a minimum exists wherever the points lie.
    soft = np.full((6, 3), 0.1) + 0.7 * np.eye(3)[[0, 0, 1, 1, 2, 2]]
    assert decide_existence(softmax(soft), np.ones(6)).overlap is Overlap.overlapping


def test_a_ridge_or_a_proximity_gives_a_minimum():
    ridged = logistic(X, LABELS, deleted=2, ridge=0.1)
    assert np.all(np.isfinite(ridged.deleted_fit()))
    change = hm.predict(logistic(X, LABELS), hm.LeaveOneOut(damping=0.1), points=2)
    assert np.linalg.norm(change.delta) < 5.0


def test_a_fit_that_is_proved_needs_no_linear_programme(monkeypatch):
    def refuse(*arguments, **options):
        raise AssertionError("linprog was called")

    monkeypatch.setattr("scipy.optimize.linprog", refuse)
    problem = logistic(X, LABELS)
    problem.full_fit()
    hm.predict(problem, hm.LeaveOneOut(), points=[0, 1, 4])


def test_nothing_is_proved_on_the_way_to_infinity():
    """Newton's steps where classes touch: the gradient vanishes, and the proof fails all along."""
    problem = logistic(np.column_stack([np.ones(6), [0, 1, 2, 2, 3, 4]]), LABELS)
    design, y, theta = np.asarray(problem.X), np.asarray(LABELS), np.zeros(2)
    thetas = []
    for _ in range(30):
        p = 1 / (1 + np.exp(-design @ theta))
        hessian = design.T @ (design * (p * (1 - p))[:, None])
        gradient = design.T @ (p - y)
        theta = theta - np.linalg.lstsq(hessian, gradient, rcond=None)[0]
        thetas.append(theta)
    assert np.linalg.norm(gradient) < 1e-9
    row, unchanged = jnp.full((30, 1), 2), jnp.zeros((30, 1))
    assert not np.any(are_near(problem, jnp.asarray(thetas), row, unchanged))
    # Of a minimum: from it, not from far away; nor where every probability has underflowed.
    fit = np.asarray(logistic(X, LABELS).full_fit())
    there = jnp.asarray([fit, 0.98 * fit, 3.0 * fit, [-4953.395, 1415.284]])
    amounts = jnp.asarray([[0.0], [0.0], [0.0], [-1.0]])
    near = are_near(logistic(X, LABELS), there, row[:4], amounts)
    np.testing.assert_array_equal(near, [True, True, False, False])


# --- the other verbs


def test_training_says_that_there_is_no_minimum():
    problem = logistic(X, LABELS, deleted=2)
    assert hm.train(problem, [0.0, 0.0]).status == hm.results.TrainingStatus.successful
    trained = hm.train(problem, [0.0, 0.0], 0.0, throw=False)
    assert trained.status == hm.results.TrainingStatus.separated
    with pytest.raises(RuntimeError, match="no minimum exists"):
        hm.Deletion(problem, [0.0, 0.0], start=0.0, horizon=1.0)


def test_estimators_of_a_fit_that_does_not_exist():
    problem = logistic(X, LABELS)
    for estimator in (hm.ProximalBregman(), hm.PathIntegration(), hm.Influence(at=0.0)):
        change = hm.predict(problem, estimator, points=list(range(6)), throw=False)
        none = np.asarray(change.status == hm.results.ChangeStatus.no_minimum)
        np.testing.assert_array_equal(none, [False, False, True, True, False, False])
        assert np.all(np.isfinite(change.delta[~none]))
    # θ given, of vanishing gradient, where all the data have no minimum: the classes touch.
    touching = logistic(np.column_stack([np.ones(6), [0, 1, 2, 2, 3, 4]]), LABELS)
    change = hm.predict(touching, hm.Influence(), [-72.7, 36.35], points=0, throw=False)
    assert change.stationary and change.status == hm.results.ChangeStatus.no_minimum


def scalar_path(epsilon):
    """Intercept and slope of the logistic fit with weight ε of row 2, by an independent solver."""
    y, weights = np.array(LABELS), np.where(np.arange(6) == 2, epsilon, 1.0)

    def risk(theta):
        outputs = X @ theta
        return weights @ (np.logaddexp(0.0, outputs) - y * outputs)

    def gradient(theta):
        return X.T @ (weights * (1 / (1 + np.exp(-X @ theta)) - y))

    def hessian(theta):
        p = 1 / (1 + np.exp(-X @ theta))
        return X.T @ (X * (weights * p * (1 - p))[:, None])

    options = {"gtol": 1e-13}
    found = minimize(
        risk, np.zeros(2), jac=gradient, hess=hessian, method="trust-exact", options=options
    )
    return found.x


@pytest.mark.parametrize("method", [hm.responses.Continuation(), hm.responses.FlowLimits()])
def test_a_response_that_diverges_exists_above_zero(method):
    problem = logistic(X, LABELS, deleted=2)
    path = hm.response(problem, [0.01, 0.3, 1.0], method=method)
    assert path.status == hm.results.ResponseStatus.diverges and path.minimum.all()
    expected = [scalar_path(epsilon) for epsilon in (0.01, 0.3, 1.0)]
    np.testing.assert_allclose(path.theta, expected, rtol=1e-6)
    assert np.isnan(path.ends[0]).all() and np.isfinite(path.ends[1]).all()
    # As many weights as above with the end at zero: one program.
    epsilons = [0.0, 0.01, 0.3, 1.0]
    whole = hm.response(problem, epsilons, method=method, throw=False)
    np.testing.assert_array_equal(whole.minimum, [False, True, True, True])
    with pytest.raises(RuntimeError, match=r"θ.ε. diverges as ε → 0.* no minimum at 1 of 4"):
        hm.response(problem, epsilons, method=method)


# --- models that are not affine


def test_networks_without_a_minimum_have_no_fit():
    model = hm.mlp([1, 2, 1])
    theta0 = model.initial_parameters(jax.random.key(0))
    for y in ([0, 0, 0, 1, 1, 1], LABELS):
        problem = hm.Problem(model, hm.Logistic(), X[:, 1:], y, deleted=0)
        with pytest.raises(RuntimeError, match=r"no (minimum|stationary point)"):
            problem.full_fit(theta0)
        assert hm.train(problem, theta0, throw=False).status != hm.results.TrainingStatus.successful


def test_a_gradient_that_underflows_is_no_fit():
    model = hm.function_model(lambda theta, x: jnp.tanh(theta[0] * x[0]), 1)
    problem = hm.Problem(model, hm.SquaredError(), [[1.0], [2.0]], [1.0, 1.0], deleted=0)
    with pytest.raises(RuntimeError, match="still moving"):
        problem.full_fit([1.0])


def growing(theta, x):
    return jnp.exp(theta[0] * x[0]) + theta[1]


@pytest.mark.parametrize("start", [[-1.0, 0.0], [-20.0, 1.0]])
def test_a_parameter_that_runs_away_is_no_fit(start):
    """exp(θ₁x) + θ₂ → the mean of y as θ₁ → −∞: an infimum there, and no minimum on the way.

    The gradient in θ₁ vanishes with the curvature: the risk is C + a exp(θ₁) to first order.
    """
    problem = hm.Problem(
        hm.function_model(growing, 2),
        hm.SquaredError(),
        [[1.0], [2.0], [3.0]],
        [1.0, 3.0, 2.0],
        deleted=0,
    )
    with pytest.raises(RuntimeError, match="still moving"):
        problem.full_fit(start)
    # The minimum that there is, by SciPy, is found from near it.
    best = minimize(
        lambda t: 0.5 * np.sum((np.exp(t[0] * np.arange(1.0, 4.0)) + t[1] - [1, 3, 2]) ** 2),
        [0.2, 0.3],
        method="Nelder-Mead",
        options={"xatol": 1e-9, "fatol": 1e-15},
    )
    np.testing.assert_allclose(problem.full_fit([0.0, 0.0]), best.x, rtol=1e-6)


def test_parameters_in_very_different_units_are_a_fit():
    """Curvatures of 1 and 1e-16: what is weak is not what runs away."""
    x = np.linspace(-1.0, 1.0, 7)
    X, y = np.column_stack([np.ones(7), 1e-8 * x]), 1.0 + x + x**2
    problem = hm.Problem(hm.linear_model(2), hm.SquaredError(), X, y, deleted=0)
    expected = np.linalg.lstsq(X * [1.0, 1e8], y, rcond=None)[0] * [1.0, 1e8]
    np.testing.assert_allclose(problem.full_fit(), expected, rtol=1e-6)
