"""Response paths of any problem against refits by SciPy, exact folds and branch points, series.

The two-parameter problems have the risk ½(u² − 1)²-like terms of one parameter u, and
½(v − u²)², which bends the path without changing where it folds: v = u² along all of it.
"""

import diffrax
import equinox as eqx
import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np
import pytest
from scipy.optimize import fsolve, root

import homotopy as hm

Kind, Status = hm.results.EventKind, hm.results.ResponseStatus
PERCEPTRON = hm.mlp([1, 3, 1])
GRID = np.linspace(0.0, 1.0, 21)


def features(theta, x):
    u, v = theta
    return jnp.dot(x, jnp.array([u, u**2, v - u**2, u * v]))


U, UU, BENT, UV = np.eye(4)
TWO_PARAMETERS = hm.function_model(features, dimension=2)


def plane_problem(rows, targets, ridge=0.0):
    """½ Σ (row·(u, u², v − u², uv) − target)², the last row deleted."""
    return hm.Problem(
        TWO_PARAMETERS, hm.SquaredError(), np.array(rows), targets, deleted=3, ridge=ridge
    )


def folding_problem():
    """Along v = u²: 2u³ − u + 1 + ε(u − 3/2) = 0, with a fold at u = 1/4, ε = 5/8.

    The minima for ε above it have u > 1/4; at ε = 0 there is only u = −1.
    """
    return plane_problem([UU, U, BENT, U], [1.0, -1.0, 0.0, 1.5])


def pitchfork_problem():
    """Along v = u²: 2u³ − 2u + 4εu = 0. The minimum u = 0 gives way to u² = 1 − 2ε at ε = ½."""
    return plane_problem([UU, 0 * U, BENT, 2 * U], [1.0, 0.0, 0.0, 0.0])


def merging_problem():
    """Along v = u²: 4u + 8εu(u² − 1) = 0. The minima u² = 1 − 1/(2ε) merge into u = 0 at ε = ½."""
    return plane_problem([2 * U, 0 * U, BENT, 2 * UU], [0.0, 0.0, 0.0, 2.0])


def perceptron_problem(seed=0, ridge=1e-2, deleted=3):
    """20 points from a perceptron of three neurons, plus noise."""
    rng = np.random.default_rng(seed)
    x, truth = rng.uniform(-2, 2, 20), jnp.asarray(1.5 * rng.normal(size=PERCEPTRON.dimension))
    y = np.asarray(jax.vmap(lambda at: PERCEPTRON(truth, at))(jnp.asarray(x)[:, None])).reshape(20)
    y = y + 0.1 * rng.normal(size=20)
    problem = hm.Problem(PERCEPTRON, hm.SquaredError(), x[:, None], y, deleted=deleted, ridge=ridge)
    return problem, rng.normal(size=PERCEPTRON.dimension)


@jax.jit
def perceptron_gradient(problem, theta, epsilon):
    """∇R_ε without any of the package's weights: the sum written out."""

    def risk(theta):
        outputs = jax.vmap(lambda x: PERCEPTRON(theta, x))(problem.X).reshape(problem.y.shape)
        losses = 0.5 * (outputs - problem.y) ** 2
        kept = jnp.sum(losses) - jnp.sum(losses[problem.deleted])
        deleted = epsilon * jnp.sum(losses[problem.deleted])
        return kept + deleted + 0.5 * problem.ridge * theta @ theta

    return jax.grad(risk)(theta)


perceptron_hessian = jax.jit(jax.jacfwd(perceptron_gradient, argnums=1))


def refit(problem, epsilon, start):
    """A stationary point next to `start`, by MINPACK."""
    found = root(
        lambda theta: np.asarray(perceptron_gradient(problem, jnp.asarray(theta), epsilon)),
        np.asarray(start),
        jac=lambda theta: np.asarray(perceptron_hessian(problem, jnp.asarray(theta), epsilon)),
        method="hybr",
        options={"xtol": 1e-14},
    )
    assert np.linalg.norm(found.fun) < 1e-11
    return found.x


@pytest.fixture(scope="module")
def perceptron_path():
    problem, theta0 = perceptron_problem()
    return problem, hm.response(problem, GRID, theta0)


# --- regular paths


def test_continuation_is_what_refits_from_the_neighbour_find(perceptron_path):
    problem, path = perceptron_path
    assert path.status == Status.successful and path.minimum.all() and path.events == ()
    theta = np.asarray(path.theta)
    for below, above in zip(range(20), range(1, 21), strict=True):
        found = refit(problem, GRID[below], theta[above])
        np.testing.assert_allclose(theta[below], found, rtol=0, atol=1e-8)
        back = refit(problem, GRID[above], theta[below])
        np.testing.assert_allclose(theta[above], back, rtol=0, atol=1e-8)
    assert np.linalg.norm(theta[0] - theta[-1]) > 1e-2
    np.testing.assert_allclose(path.ends, theta[[0, -1]], rtol=0, atol=1e-12)
    for index in (0, 10, 20):
        spectrum = np.linalg.eigvalsh(perceptron_hessian(problem, theta[index], GRID[index]))
        assert float(path.smallest_eigenvalue[index]) == pytest.approx(spectrum[0], rel=1e-8)


@pytest.mark.parametrize("index", [0, 10, 20])
def test_derivatives_are_those_of_refits(perceptron_path, index):
    problem, path = perceptron_path
    h, theta, epsilon = 2e-3, path.theta[index], GRID[index]
    refits = {k: refit(problem, epsilon + k * h, theta) for k in (-2, -1, 1, 2)}
    first = (8 * (refits[1] - refits[-1]) - (refits[2] - refits[-2])) / (12 * h)
    pairs = 16 * (refits[1] + refits[-1]) - (refits[2] + refits[-2])
    second = (pairs - 30 * np.asarray(theta)) / (12 * h**2)
    np.testing.assert_allclose(path.velocity[index], first, rtol=0, atol=1e-6)
    np.testing.assert_allclose(
        path.acceleration[index], second, rtol=0, atol=1e-4 * np.linalg.norm(second)
    )


def test_a_path_of_linear_regression_is_its_closed_form():
    rng = np.random.default_rng(3)
    X, y = rng.normal(size=(20, 4)), rng.normal(size=20)
    problem = hm.LinearRegression(X, y, deleted=[2, 5], ridge=0.1)
    exact = hm.response(problem, GRID)
    path = hm.response(problem, GRID, method=hm.responses.Continuation(solver=diffrax.Tsit5()))
    assert path.status == Status.successful and exact.status == Status.successful
    for name in ("theta", "velocity", "acceleration", "ends", "end_velocities", "bend"):
        theirs = np.asarray(getattr(exact, name))
        np.testing.assert_allclose(
            getattr(path, name), theirs, rtol=0, atol=1e-10 * np.abs(theirs).max(), err_msg=name
        )
    np.testing.assert_allclose(path.smallest_eigenvalue, exact.smallest_eigenvalue, rtol=1e-12)
    assert path.minimum.all() and exact.minimum.all()
    assert path.compare(exact).parting is None
    # And past where it is asked for: every point of the branch.
    branch = path.branches[0]
    np.testing.assert_allclose(
        branch.theta, hm.response(problem, branch.epsilons).theta, rtol=0, atol=1e-10
    )


def test_twenty_seeds_end_with_a_path():
    kinds, events = (Kind.fold, Kind.lost_definiteness, Kind.merging), []
    for seed in range(20):
        problem, theta0 = perceptron_problem(seed, ridge=0.1 if seed < 10 else 0.01)
        path = hm.response(problem, GRID, theta0)
        assert path.minimum.all()
        assert path.status == (Status.jumped if path.events else Status.successful)
        for theta, epsilon in zip(path.theta, GRID, strict=True):
            assert np.linalg.norm(perceptron_gradient(problem, theta, epsilon)) < 1e-11
            assert np.linalg.eigvalsh(perceptron_hessian(problem, theta, epsilon))[0] > 0
        for event in path.events:
            hessian = np.asarray(perceptron_hessian(problem, event.theta, event.epsilon))
            scale = np.linalg.norm(hessian)
            assert np.linalg.norm(perceptron_gradient(problem, event.theta, event.epsilon)) < 1e-8
            assert np.linalg.norm(hessian @ event.direction) < 1e-6 * scale
        if path.events:
            # Another way along the same branches.
            finer = hm.response(
                problem, GRID, theta0, method=hm.responses.Continuation(largest_step=0.03)
            )
            assert path.compare(finer).parting is None
        events += [kind for event in path.events for kind in kinds if event.kind == kind]
    # All three happen to perceptrons.
    assert all(any(event == kind for event in events) for kind in kinds)


# --- folds and branch points


@pytest.fixture(scope="module")
def folded():
    problem = folding_problem()
    return problem, hm.response(
        problem, GRID, [1.0, 1.0], method=hm.responses.Continuation(beyond=40)
    )


def reduced_fold(u, epsilon):
    return 2 * u**3 - u + 1 + epsilon * (u - 1.5)


def test_a_fold_is_located_where_it_is(folded):
    problem, path = folded
    assert path.status == Status.jumped and path.minimum.all()
    (event,) = path.folds
    assert event.kind == Kind.fold
    assert float(event.epsilon) == pytest.approx(5 / 8, abs=1e-12)
    np.testing.assert_allclose(event.theta, [1 / 4, 1 / 16], rtol=0, atol=1e-8)

    def singular(unknown):
        theta, epsilon = jnp.asarray(unknown[:2]), jnp.asarray(unknown[2])
        hessian = np.asarray(problem.hessian(theta, epsilon))
        return [*np.asarray(problem.gradient(theta, epsilon)), np.linalg.det(hessian)]

    found = fsolve(singular, [0.3, 0.1, 0.6], xtol=1e-13)
    np.testing.assert_allclose([*event.theta, event.epsilon], found, rtol=0, atol=1e-8)
    # The kernel of H along v = u², towards smaller u, where the saddles are.
    np.testing.assert_allclose(event.direction, -np.array([1, 0.5]) / np.hypot(1, 0.5), atol=1e-6)


def test_below_a_fold_the_path_goes_on_where_descent_goes(folded):
    problem, path = folded
    (event,) = path.jumps
    u, v = np.asarray(path.theta).T
    np.testing.assert_allclose(v, u**2, atol=1e-12)
    np.testing.assert_allclose(reduced_fold(u, GRID), 0.0, atol=1e-12)
    assert np.all(u[GRID > 5 / 8] > 1 / 4) and np.all(u[GRID < 5 / 8] < -0.5)
    np.testing.assert_allclose(path.theta[0], [-1.0, 1.0], atol=1e-12)
    landing = event.landing
    assert landing.status == hm.results.TrainingStatus.successful
    assert problem.risk(landing.theta, event.landing_epsilon) < problem.risk(
        event.theta, event.landing_epsilon
    )
    # The other root of (u − 1/4)²(2u + 1) = 0.
    assert float(event.jump) == pytest.approx(np.hypot(3 / 4, 3 / 16), rel=1e-3)
    assert float(event.landing_epsilon) == pytest.approx(5 / 8 - 1e-4, abs=1e-9)


def test_the_branch_goes_on_beyond_its_fold(folded):
    _, path = folded
    branch = path.branches[0]
    u = np.asarray(branch.theta)[:, 0]
    np.testing.assert_allclose(reduced_fold(u, np.asarray(branch.epsilons)), 0.0, atol=1e-10)
    minima, away = np.arange(u.size) < branch.minima, np.abs(u - 1 / 4) > 1e-8
    assert np.all(u[minima & away] > 1 / 4) and np.all(u[~minima] < 1 / 4)
    # Saddles between the folds 4u³ − 9u² + ½ = 0, and minima again.
    other = np.sort(np.roots([4, -9, 0, 0.5]))[0]
    np.testing.assert_array_equal(branch.stable[away], (u < other)[away] | (u > 1 / 4)[away])
    assert np.sum((u > other) & ~minima) > 3 and u.min() < other
    assert np.all(np.diff(branch.arclength) > 0)


def test_a_path_from_each_flow_parts_where_there_are_two_minima(folded):
    problem, _ = folded
    epsilons = 0.41 + 0.59 * GRID
    continued = hm.response(problem, epsilons, [1.0, 1.0])
    # From the left: the other fold of 4u³ − 9u² + ½ = 0 is at ε = 1 − 6u² = 0.697.
    method = hm.responses.FlowLimits(solver=diffrax.Tsit5(), tolerance=1e-4)
    limits = hm.response(problem, epsilons, [-1.0, 1.0], method=method)
    assert limits.status == Status.separate and limits.minimum.all()
    assert jnp.all(limits.training.status == hm.results.TrainingStatus.successful)
    comparison = continued.compare(limits)
    other = 1 - 6 * np.sort(np.roots([4, -9, 0, 0.5]))[0] ** 2
    apart = (epsilons > 5 / 8) & (epsilons < other)
    np.testing.assert_array_equal(comparison.agree, ~apart)
    assert apart.sum() == 2 and comparison.parting == epsilons[apart].max()
    expected = np.linalg.norm(limits.theta - continued.theta, axis=1)
    np.testing.assert_allclose(comparison.distances, expected, rtol=1e-12)
    assert float(comparison.largest) == pytest.approx(expected.max(), rel=1e-12)
    assert expected.max() > 0.5


def test_a_broken_symmetry_is_located_and_the_path_follows_one_arm():
    grid = GRID**2
    path = hm.response(pitchfork_problem(), grid, [0.4, 1.0])
    (event,) = path.events
    assert path.status == Status.jumped and event.kind == Kind.lost_definiteness
    assert path.folds == () and path.minimum.all()
    assert float(event.epsilon) == pytest.approx(0.5, abs=1e-10)
    np.testing.assert_allclose(event.theta, 0.0, atol=1e-8)
    np.testing.assert_allclose(np.abs(event.direction), [1.0, 0.0], atol=1e-8)
    squares = np.maximum(1 - 2 * grid, 0.0)
    u, v = np.asarray(path.theta).T
    np.testing.assert_allclose(np.abs(u), np.sqrt(squares), atol=1e-12)
    np.testing.assert_allclose(v, squares, atol=1e-12)
    assert np.unique(np.sign(u[grid < 0.5])).size == 1
    # A kink: √(1 − 2ε) just below.
    assert float(event.jump) == pytest.approx(np.sqrt(2e-4), rel=1e-3)


def test_two_arms_that_merge_are_followed_to_where_the_symmetry_is_restored():
    grid = GRID**2
    path = hm.response(merging_problem(), grid, [0.9, 1.0])
    (event,) = path.events
    assert path.status == Status.jumped and event.kind == Kind.merging
    assert float(event.epsilon) == pytest.approx(0.5, abs=1e-10)
    np.testing.assert_allclose(event.theta, 0.0, atol=1e-7)
    squares = 1 - 0.5 / np.maximum(grid, 0.5)
    np.testing.assert_allclose(path.theta, np.stack([np.sqrt(squares), squares], 1), atol=1e-12)


def test_at_the_branch_point_itself_nothing_is_claimed():
    path = hm.response(pitchfork_problem(), GRID, [0.4, 1.0], throw=False)
    np.testing.assert_array_equal(path.minimum, GRID != 0.5)
    assert path.status == Status.unresolved
    with pytest.raises(RuntimeError, match="no minimum at 1 of 21 epsilons"):
        hm.response(pitchfork_problem(), GRID, [0.4, 1.0])


# --- what has no path


@pytest.mark.parametrize(
    ("problem", "theta0", "status"),
    [
        # u = 0 is kept by the flow, and is a saddle at ε = 1.
        (merging_problem(), [0.0, 1.0], hm.results.TrainingStatus.saddle),
        # ½(uv − 1)² alone, without ridge: a valley of minima.
        (
            plane_problem([UV, UV, 0 * U, UV], np.ones(4)),
            [1.0, 1.0],
            hm.results.TrainingStatus.degenerate,
        ),
    ],
)
def test_training_that_finds_no_minimum_says_which(problem, theta0, status):
    path = hm.response(problem, GRID, theta0, throw=False)
    assert path.status == Status.training_failed and path.training.status == status
    assert not path.minimum.any() and path.branches == ()
    assert np.isnan(path.theta).all() and np.isnan(path.bend)
    with pytest.raises(RuntimeError, match=r"training from theta0 reached no minimum.*Hessian"):
        hm.response(problem, GRID, theta0)


@pytest.mark.parametrize(
    ("theta0", "ridge", "status"),
    [
        (
            np.zeros(10),
            1e-2,
            hm.results.TrainingStatus.saddle,
        ),  # no neuron works, and none begins to
        (None, 0.0, hm.results.TrainingStatus.falling),
    ],
)
def test_perceptrons_without_a_minimum_say_why(theta0, ridge, status):
    problem, random = perceptron_problem(ridge=ridge)
    theta0 = random if theta0 is None else theta0
    path = hm.response(problem, GRID, theta0, throw=False)
    assert path.status == Status.training_failed and path.training.status == status
    with pytest.raises(RuntimeError, match=r"saddle|add a ridge"):
        hm.response(problem, GRID, theta0)


def test_a_hessian_that_turns_singular_at_zero_weight_ends_the_path_there():
    # Without the deleted point uv = 1 is a valley of minima.
    problem = plane_problem([UV, UV, 0 * U, U], [1.0, 1.0, 0.0, 1.0])
    path = hm.response(problem, GRID, [1.0, 0.5], throw=False)
    np.testing.assert_allclose(path.theta[1:], 1.0, atol=1e-9)
    np.testing.assert_array_equal(path.minimum, GRID > 0)
    assert path.status == Status.stalled and path.events == ()
    assert 0 < float(path.branches[0].epsilons[-1]) < 1e-6
    with pytest.raises(RuntimeError, match="throw=False"):
        hm.response(problem, GRID, [1.0, 0.5])


def test_budgets_end_in_a_status():
    problem = folding_problem()
    for method in (hm.responses.Continuation(max_steps=3), hm.responses.Continuation(max_jumps=0)):
        path = hm.response(problem, GRID, [1.0, 1.0], method=method, throw=False)
        assert path.status == Status.step_limit
        assert path.minimum[-1] and not path.minimum[0]
        np.testing.assert_array_equal(np.isfinite(path.theta).all(1), np.asarray(path.minimum))
    with pytest.raises(RuntimeError, match=r"raise max_steps or max_jumps .*was reached"):
        hm.response(problem, GRID, [1.0, 1.0], method=hm.responses.Continuation(max_steps=3))


# --- Taylor models


def test_taylor_model_of_one_point_is_the_geometric_series():
    rng = np.random.default_rng(3)
    X, y = rng.normal(size=(20, 4)), rng.normal(size=20)
    problem = hm.LinearRegression(X, y, deleted=2)
    kept = np.arange(20) != 2
    inverse = np.linalg.inv(X[kept].T @ X[kept])
    deleted_fit = inverse @ X[kept].T @ y[kept]
    r, h = y[2] - X[2] @ deleted_fit, X[2] @ inverse @ X[2]
    model = hm.taylor(problem, deleted_fit, 0.0, 6)
    # θ*₋ + r M⁻¹x (ε − hε² + h²ε³ − …)
    expected = [deleted_fit] + [r * inverse @ X[2] * (-h) ** k for k in range(6)]
    np.testing.assert_allclose(model.coefficients, expected, rtol=0, atol=1e-10)
    grid = np.array([[0.0, 0.1], [0.5, 1.0]])
    assert model(grid).shape == (2, 2, 4)
    partial = deleted_fit + sum(grid[..., None] ** (k + 1) * expected[k + 1] for k in range(6))
    np.testing.assert_allclose(model(grid), partial, rtol=0, atol=1e-10)
    np.testing.assert_allclose(model(0.5), partial[1, 0], rtol=0, atol=1e-10)


def test_taylor_models_converge_with_their_order(perceptron_path):
    problem, path = perceptron_path
    model = hm.taylor(problem, path.theta[10], GRID[10], 4)
    assert model.coefficients.shape == (5, PERCEPTRON.dimension)
    np.testing.assert_allclose(model.coefficients[1], path.velocity[10], rtol=1e-9)
    np.testing.assert_allclose(2 * model.coefficients[2], path.acceleration[10], rtol=1e-8)
    radius = np.linalg.norm(model.coefficients[3]) / np.linalg.norm(model.coefficients[4])
    for order, size in ((1, 1e-2), (2, 2e-2), (3, 5e-2), (4, 7e-2)):
        steps = np.array([size, 2 * size]) * radius
        exact = np.stack([refit(problem, GRID[10] + step, path.theta[10]) for step in steps])
        lower = hm.results.TaylorModel(model.epsilon, model.coefficients[: order + 1])
        errors = np.linalg.norm(lower(GRID[10] + steps) - exact, axis=1)
        assert errors[0] > 1e-11
        slope = np.log(errors[1] / errors[0]) / np.log(2.0)
        assert slope == pytest.approx(order + 1, abs=0.2), (order, errors)


# --- arguments and pictures


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda p: hm.response(p, [0.5]), "theta0: a FunctionModel has several minima"),
        (lambda p: hm.response(p, [1.5], [1.0, 1.0]), r"epsilons: expected weights in \[0, 1\]"),
        (lambda p: hm.response(p, [0.5], [1.0]), "theta0: expected a vector of length 2"),
        (
            lambda p: hm.responses.Continuation(past=0.0),
            r"past: expected a number in \(0, 1\], got 0.0",
        ),
        (lambda p: hm.responses.Continuation(largest_step=2.0), "largest_step: expected a number"),
        (
            lambda p: hm.responses.Continuation(max_steps=0),
            "max_steps: expected an integer >= 1, got 0",
        ),
        (lambda p: hm.taylor(p, [1.0, 1.0], 1.0, -1), "order: expected an integer >= 0, got -1"),
        (lambda p: hm.taylor(p, [1.0, 1.0], 1.0, 2), "theta: expected a stationary point"),
        (lambda p: hm.taylor(p, [0.25, 0.0625], 0.625, 2), "the Hessian at ε = 0.625 is singular"),
        (lambda p: hm.taylor(p, [1.0, 1.0], -1.0, 2), r"epsilon: expected a weight in \[0, 1\]"),
    ],
)
def test_bad_arguments_are_named(call, message, without_shape_checks):
    with pytest.raises(ValueError, match=message):
        call(folding_problem())


def test_paths_at_different_weights_are_not_compared(folded):
    problem, path = folded
    with pytest.raises(ValueError, match="other: expected a path of shape"):
        path.compare(hm.response(problem, GRID**2, [1.0, 1.0]))
    with pytest.raises(ValueError, match="tolerance: expected a finite number > 0"):
        path.compare(path, tolerance=0.0)


def test_a_picture_breaks_its_line_at_a_jump_and_marks_the_fold(folded, perceptron_path):
    _, path = folded
    _, ax = plt.subplots()
    path.plot(ax)
    gaps = [np.isnan(np.asarray(line.get_xydata(), float)).any() for line in ax.lines]
    assert any(gaps)
    assert any("fold" in str(line.get_label()) for line in ax.lines)
    marks = [np.asarray(line.get_xydata(), float) for line in ax.lines]
    assert any(
        m.shape == (1, 2) and np.allclose(m[0], path.folds[0].theta, atol=1e-9) for m in marks
    )
    _, ax = plt.subplots()
    perceptron_path[1].plot(ax)
    assert len(ax.lines) == PERCEPTRON.dimension
    events = [hm.results.Event(Kind.fold, jnp.array(0.42), jnp.zeros(10), jnp.zeros(10))]
    eventful = eqx.tree_at(lambda path: path.events, perceptron_path[1], tuple(events))
    _, ax = plt.subplots()
    eventful.plot(ax)
    assert [text.get_text() for text in ax.texts] == ["fold"]
    broken = np.asarray(ax.lines[0].get_xydata())
    assert np.flatnonzero(np.isnan(broken[:, 0])).tolist() == [9]  # between ε = 0.40 and 0.45
    plt.close("all")
