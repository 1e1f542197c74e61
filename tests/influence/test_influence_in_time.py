"""Influence in training time: against retraining, hand derivatives and closed forms."""

import json

import diffrax
import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np
import pytest
from scipy.integrate import solve_ivp

import homotopy as hm
from figures import fig20_influence_in_time as fig20
from figures.output import as_text, write
from homotopy.datasets import diabetes, standardise
from homotopy.influence._influence_in_time import (
    InfluenceInTime,
    InfluenceInTimeStatus,
    influence_in_time,
)
from homotopy.linear_networks import hierarchy_example, linear_network, mode_strength

TIMES = np.array([0.0, 0.02, 0.1, 0.5])
# Compiles sooner than the default solver.
METHOD = hm.Adaptive(rtol=1e-10, atol=1e-13, solver=diffrax.Tsit5())


@pytest.fixture(scope="module")
def regression():
    """A linear regression with a start, and test data."""
    generator = np.random.default_rng(3)
    X, y = generator.normal(size=(12, 3)), generator.normal(size=12)
    test_X, test_y = generator.normal(size=(5, 3)), generator.normal(size=5)
    return X, y, generator.normal(size=3), test_X, test_y


@pytest.fixture(scope="module")
def numbers():
    """What the figure computes, as its JSON file holds it."""
    return json.loads(as_text(fig20.compute(fast=True)))


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def linear_problem(regression, deleted=0):
    return hm.LinearRegression(regression[0], regression[1], deleted=deleted)


# Against retraining ------------------------------------------------------------------------------


def difference(problem, theta0, times, measure, method=None, step=1e-2):
    """−∂/∂w at w = 1 of a measurement of models retrained with other weights of the deleted point.

    From five weights at most one, as no schedule counts a point more: the error is O(step⁴).
    """

    def at(weight):
        path = hm.flow(problem, hm.Constant(weight), theta0, times, method=method)
        return np.array([measure(np.asarray(theta)) for theta in path.theta])

    coefficients = np.array([25.0, -48.0, 36.0, -16.0, 3.0]) / 12
    return -sum(c * at(1 - k * step) for k, c in enumerate(coefficients)) / step


def test_linear_regression_retrained_with_other_weights(regression):
    X, y, theta0, test_X, test_y = regression
    j = 4
    test = influence_in_time(
        linear_problem(regression), theta0, hm.TestLoss(test_X, test_y), TIMES, points=[7, j]
    )
    own = influence_in_time(linear_problem(regression), theta0, hm.OwnLoss(), TIMES, points=[7, j])
    predictions = influence_in_time(
        linear_problem(regression), theta0, hm.Predictions(test_X), TIMES, points=[7, j]
    )
    assert test.points.tolist() == [7, j]
    assert test.influence.shape == own.influence.shape == (4, 2)
    assert predictions.influence.shape == (4, 2, 5)
    # The value has an axis of the points only where it depends on them.
    assert test.value.shape == (4,) and predictions.value.shape == (4, 5)
    losses = 0.5 * (np.asarray(own.theta) @ X.T - y) ** 2
    np.testing.assert_allclose(own.value, losses[:, [7, j]], rtol=1e-12)

    measures = {
        "test": (test, lambda theta: np.mean(0.5 * (test_X @ theta - test_y) ** 2)),
        "own": (own, lambda theta: 0.5 * (X[j] @ theta - y[j]) ** 2),
        "predictions": (predictions, lambda theta: test_X @ theta),
    }
    for name, (result, measure) in measures.items():
        expected = difference(linear_problem(regression, j), theta0, TIMES, measure)
        np.testing.assert_allclose(result.influence[:, 1], expected, atol=1e-8, err_msg=name)
        assert result.status == InfluenceInTimeStatus.successful
        np.testing.assert_array_equal(result.influence[0], 0.0)


SMALL_TIMES, ITEM = np.array([0.2, 0.5, 0.9, 1.6, 3.0]), 1


@pytest.fixture(scope="module")
def small():
    """A hierarchy of two items: the influence of both on the loss of item 0, and on their own."""
    example = hierarchy_example(1, (4.0, 1.5), hidden=2, scale=0.1)
    problem = example.problem(ITEM)
    measurements = (hm.TestLoss(example.X[:1], example.y[:1]), hm.OwnLoss())
    return example, [
        influence_in_time(problem, example.theta0, measurement, SMALL_TIMES, method=METHOD)
        for measurement in measurements
    ]


def test_a_hierarchy_retrained_with_other_weights(small):
    example, results = small
    x, y = np.asarray(example.X), np.asarray(example.y)

    def losses(theta):
        first, second = theta[:4].reshape(2, 2), theta[4:].reshape(3, 2)
        return 0.5 * np.sum((x @ first.T @ second.T - y) ** 2, axis=1)

    expected = difference(
        example.problem(ITEM), example.theta0, SMALL_TIMES, losses, METHOD, step=4e-3
    )
    for result, item in zip(results, (0, ITEM), strict=True):
        np.testing.assert_allclose(result.influence[:, ITEM], expected[:, item], atol=1e-6)
    assert np.all(np.abs(expected).max(axis=0) > 0.1)


# Against the chain rule, the adjoint and the limit -----------------------------------------------


def test_chain_rule_by_hand(regression):
    theta0 = regression[2]
    problem = linear_problem(regression)

    def measurement(theta):
        return jnp.stack([jnp.sin(theta[0]) * theta[1], jnp.sum(theta**3)])

    result = influence_in_time(problem, theta0, measurement, TIMES)
    theta = np.asarray(hm.flow(problem, hm.Constant(1.0), theta0, TIMES).theta)
    moved = np.asarray(hm.sensitivity(problem, theta0, TIMES).derivative)
    first = np.stack(
        [np.cos(theta[:, 0]) * theta[:, 1], np.sin(theta[:, 0]), 0 * theta[:, 0]], axis=1
    )
    slopes = np.stack([first, 3 * theta**2], axis=1)  # (m, 2, d)
    np.testing.assert_allclose(
        result.influence, -np.einsum("mod,mkd->mko", slopes, moved), rtol=1e-11, atol=1e-13
    )
    np.testing.assert_allclose(result.theta, theta, rtol=1e-12)
    np.testing.assert_allclose(result.value[:, 1], np.sum(theta**3, axis=1), rtol=1e-12)


def test_agrees_with_the_adjoint(small):
    example, (result, _) = small
    problem, at = example.problem(), 2
    adjoint = hm.flows.measurement_sensitivity(
        problem,
        example.theta0,
        lambda theta: problem.losses(theta)[0],
        SMALL_TIMES[at],
        method=METHOD,
    )
    np.testing.assert_allclose(result.influence[at], adjoint.influence, rtol=1e-6)
    np.testing.assert_allclose(result.value[at], adjoint.value, rtol=1e-8)


def test_late_influence_is_the_influence_function(regression):
    X, y, theta0, test_X, test_y = regression
    problem = linear_problem(regression)
    late = 60.0 / np.linalg.svd(X, compute_uv=False)[-1] ** 2
    fit = np.linalg.lstsq(X, y, rcond=None)[0]
    # Deletion moves θ by −θ̇(1) = H⁻¹∇ℓ_j.
    changes = np.linalg.solve(X.T @ X, X.T * (X @ fit - y)).T
    slope = test_X.T @ (test_X @ fit - test_y) / len(test_y)
    test = influence_in_time(problem, theta0, hm.TestLoss(test_X, test_y), [late])
    np.testing.assert_allclose(test.influence[0], changes @ slope, rtol=1e-10, atol=1e-14)
    own = influence_in_time(problem, theta0, hm.OwnLoss(), [late])
    leverage = np.sum(X * np.linalg.solve(X.T @ X, X.T).T, axis=1)
    np.testing.assert_allclose(own.influence[0], leverage * (X @ fit - y) ** 2, rtol=1e-9)


# Zeros and peaks ---------------------------------------------------------------------------------


def made_up(influence, times=None):
    influence = jnp.asarray(influence, float)
    times = jnp.arange(float(len(influence))) if times is None else jnp.asarray(times)
    points = jnp.arange(influence.shape[1]) + 5
    zeros = jnp.zeros((len(influence), 1))
    status = InfluenceInTimeStatus.successful
    return InfluenceInTime(times, points, influence, zeros, zeros[:, 0], status)


def test_sign_changes_and_peaks_of_known_lines():
    lines = np.array([[0, 1, 3, -1, -2], [0, 1e-9, -1, -1e-9, -2.0], [0, 0, 0, 0, 0]]).T
    result = made_up(lines)
    np.testing.assert_allclose(result.sign_changes(5), [2.75])
    # A sign that only rounding gave is none; unless rounding is let in.
    assert result.sign_changes(6).size == result.sign_changes(7).size == 0
    np.testing.assert_allclose(result.sign_changes(6, tolerance=0.0), [1.0], atol=1e-8)
    assert result.peak_times.tolist() == [2.0, 4.0, 0.0]
    # Across an exact zero there is one change, where the zero is.
    np.testing.assert_allclose(made_up([[1.0], [0.0], [-1.0]]).sign_changes(5), [1.0])
    assert made_up([[1.0], [0.0], [1.0]]).sign_changes(5).size == 0
    # Small values on the way do not hide a change, nor make it several.
    small = made_up([[1.0], [1e-8], [-1e-8], [1e-8], [-1.0]])
    np.testing.assert_allclose(small.sign_changes(5), [1.5])
    outputs = made_up(np.stack([lines, -lines[::-1]], axis=2))
    np.testing.assert_allclose(outputs.sign_changes(5, 1), [4 - 2.75])
    assert outputs.peak_times.shape == (3, 2)


# The two-layer linear network --------------------------------------------------------------------


def test_modes_of_an_aligned_start_follow_the_exact_solution():
    """a(t) = s e^{2st}/(e^{2st} − 1 + s/a₀) (Saxe, McClelland, Ganguli, 2014)."""
    example, start = hierarchy_example(0, (4.0, 2.0, 1.0), hidden=5), 1e-3
    times = np.array([0.0, 0.5, 1.0, 1.5, 2.5, 4.0, 8.0])
    theta0 = example.aligned_start(start)
    path = hm.flow(example.problem(), hm.Constant(1.0), theta0, times, method=METHOD)
    s = np.array([4.0, 2.0, 1.0, 1.0])
    np.testing.assert_allclose(example.singular_values, s)
    growth = np.exp(2 * s * times[:, None])
    expected = s * growth / (growth - 1 + s / start)
    strengths = np.asarray(example.strengths(path.theta))
    np.testing.assert_allclose(strengths, expected, rtol=1e-7)
    closed = np.stack([np.asarray(mode_strength(times, float(one), start)) for one in s], axis=1)
    np.testing.assert_allclose(closed, expected, rtol=1e-12)
    # The network is these modes and nothing else.
    left, right = np.asarray(example.property_modes), np.asarray(example.item_modes)
    learned = np.asarray(jax.vmap(example.model.end_to_end)(path.theta))
    np.testing.assert_allclose(learned, (left * expected[:, None, :]) @ right.T, atol=1e-7)
    # Half learned at log(s/a₀ − 1)/(2s).
    half = np.log(s / start - 1) / (2 * s)
    np.testing.assert_allclose(
        [float(mode_strength(*pair, start)) for pair in zip(half, s, strict=True)], s / 2
    )
    assert float(mode_strength(1e4, 4.0, start)) == 4.0  # e^{2st} would overflow


def test_modes_are_the_singular_vectors_of_the_data():
    example = hierarchy_example()
    y = np.asarray(example.y)
    np.testing.assert_allclose(
        np.linalg.svd(y, compute_uv=False), [8, 4, 2, 2, 1, 1, 1, 1], rtol=1e-12
    )
    for modes in (np.asarray(example.item_modes), np.asarray(example.property_modes)):
        np.testing.assert_allclose(modes.T @ modes, np.eye(8), atol=1e-12)
    # Items share the properties of the nodes above both: canary and robin three, canary and oak 1.
    shared = (y > 0).astype(int) @ (y > 0).astype(int).T
    assert shared[0].tolist() == [4, 3, 2, 2, 1, 1, 1, 1]
    again, other = hierarchy_example(), hierarchy_example(1)
    np.testing.assert_array_equal(again.theta0, example.theta0)
    assert not np.allclose(other.theta0, example.theta0)


def test_linear_network_is_the_product_of_its_layers():
    model = linear_network([3, 2, 4, 1])
    generator = np.random.default_rng(0)
    theta, x = generator.normal(size=model.dimension), generator.normal(size=3)
    assert model.dimension == 6 + 8 + 4
    first, second, third = theta[:6].reshape(2, 3), theta[6:14].reshape(4, 2), theta[14:]
    expected = third @ second @ first @ x
    assert model(jnp.asarray(theta), jnp.asarray(x)).shape == ()
    np.testing.assert_allclose(model(jnp.asarray(theta), jnp.asarray(x)), expected)
    np.testing.assert_allclose(model.end_to_end(jnp.asarray(theta)) @ x, expected[None])
    assert model.initial_parameters(jax.random.key(0)).shape == (18,)
    with pytest.raises(ValueError, match=r"theta must have shape \(18,\)"):
        model(jnp.zeros(17), jnp.zeros(3))


# The figure --------------------------------------------------------------------------------------


def test_influences_flip_between_stages_and_peak_at_them(numbers):
    """Measured (161 times, seed 0): levels half learned at 0.89, 1.98, 3.26, 6.85."""
    network = numbers["network"]
    times, half = np.array(network["times"]), np.array(network["half_learned"])
    influence = np.array(network["influence"])
    np.testing.assert_allclose(half, [0.894, 1.984, 3.261, 6.853], rtol=0.02)
    # As from the closed form with a₀ = scale².
    np.testing.assert_allclose(half, np.log(1e6) / (2 * np.array([8.0, 4, 2, 1])), rtol=0.16)
    # All are largest at the first transition, between 0.84 and 0.87.
    assert np.all(np.abs(np.log(np.array(network["peak_times"]) / half[0])) < 0.15)
    # And robin again when the animals are set apart, then when it is from the canary.
    robin = influence[:, network["names"].index("robin")]
    flips = network["sign_changes"][network["names"].index("robin")]
    np.testing.assert_allclose(flips, [3.13, 5.36], rtol=0.05)
    assert np.all(robin[(times > flips[0]) & (times < flips[1])] < 0) and robin.min() < -0.3
    peaks = [i for i in range(1, len(times) - 1) if robin[i - 1] < robin[i] > robin[i + 1]]
    peaks = [times[i] for i in peaks if robin[i] > 0.2]
    np.testing.assert_allclose(peaks, [half[0], half[1], half[3]], rtol=0.2)
    # The canary never gains from its own deletion.
    assert network["sign_changes"][0] == []
    assert np.min(influence[:, 0]) > -1e-6
    # Plateaus: at the middle of each in log time the loss is the square sum of the modes to come.
    squares = np.array([64.0, 16.0, 8.0, 4.0]) / 2
    risk = np.array(network["risk"])
    middle = np.interp(np.log(np.sqrt(half[0] * half[1])), np.log(times), risk)
    assert abs(middle / squares[1:].sum() - 1) < 0.05
    assert abs(risk[0] / squares.sum() - 1) < 1e-3 and risk[-1] < 1e-3


def test_deletion_in_truth_by_another_solver(numbers):
    """The network trained without the robin, by SciPy with derivatives written out by hand."""
    network = numbers["network"]
    example = hierarchy_example(fig20.SEED)
    y, times = np.asarray(example.y), np.array(network["times"])
    weights = np.ones(8)

    def field(t, theta):
        first, second = theta[:64].reshape(8, 8), theta[64:].reshape(15, 8)
        error = (second @ first - y.T) * weights  # the inputs are one-hot
        return -np.concatenate([(second.T @ error).ravel(), (error @ first.T).ravel()])

    losses = []
    for weight in (1.0, 0.0):
        weights[network["deleted"]] = weight
        start = np.asarray(example.theta0)
        path = solve_ivp(
            field, (0, times[-1]), start, "DOP853", t_eval=times, rtol=1e-8, atol=1e-11
        ).y.T
        outputs = [
            theta[64:].reshape(15, 8) @ theta[:64].reshape(8, 8)[:, fig20.MEASURED]
            for theta in path
        ]
        losses.append(0.5 * np.sum((np.array(outputs) - y[fig20.MEASURED]) ** 2, axis=1))
    np.testing.assert_allclose(network["value"], losses[0], rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(network["deletion"], losses[1] - losses[0], atol=1e-4)


def test_diabetes_influences_end_at_the_influence_function(numbers):
    part = numbers["diabetes"]
    dataset, _ = standardise(diabetes())
    held_out = np.arange(442) % 4 == 0
    X, y = dataset.X[~held_out], dataset.y[~held_out]
    hessian, fit = X.T @ X, np.linalg.lstsq(X, y, rcond=None)[0]
    slope = dataset.X[held_out].T @ (dataset.X[held_out] @ fit - dataset.y[held_out])
    expected = (X * (X @ fit - y)[:, None]) @ np.linalg.solve(hessian, slope / held_out.sum())
    np.testing.assert_allclose(part["influence_function"], expected, rtol=1e-5, atol=1e-9)
    influence = np.array(part["influence"])
    assert influence.shape == (len(part["times"]), 331)
    np.testing.assert_allclose(influence[-1], expected, rtol=1e-4, atol=1e-9)
    # Earlier it is something else: more than half of the points change sign at least once.
    flips = np.array(part["numbers_of_sign_changes"])
    assert part["number_with_sign_changes"] == np.sum(flips > 0) > 331 / 2
    for row in part["shown"]:
        assert influence[:, row].max() > 0 > influence[:, row].min() and flips[row] > 0


def test_the_figure_draws_from_its_json(numbers, tmp_path):
    name = "fig20_influence_in_time"
    paths = write(name, numbers, fig20.draw, tmp_path)
    assert sorted(path.suffix for path in paths) == [".json", ".pdf", ".png"]
    assert json.loads((tmp_path / f"{name}.json").read_text()) == numbers


def test_plot_marks_zeros_and_peaks():
    result = made_up(np.array([[0.0, 1, 3, -1, -2], [0, -1, -2, -3, -1.0]]).T)
    ax = result.plot(linewidth=2.0)
    _, one, zeros, peak, other, none, _ = ax.lines
    assert one.get_label() == "j = 5" and one.get_linewidth() == 2.0
    np.testing.assert_allclose(zeros.get_xydata(), [[2.75, 0.0]])
    np.testing.assert_allclose(peak.get_xydata(), [[2.0, 3.0]])
    assert none.get_xydata().size == 0 and other.get_color() != one.get_color()
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["j = 5", "j = 6"]
    named = result.plot(names=["a", "b"])
    assert [text.get_text() for text in named.get_legend().get_texts()] == ["a", "b"]
    crowd = made_up(np.ones((3, 9))).plot()
    assert crowd.get_legend() is None and len(crowd.lines) == 10
    with pytest.raises(ValueError, match="names: expected one for each of 2 points, got 1"):
        result.plot(names=["a"])


# Bad input ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"points": 12}, ValueError, r"points: expected row numbers from 0 to 11, got \[12\]"),
        ({"times": [1.0, 0.5]}, ValueError, "times: expected ascending times"),
        ({"theta0": np.zeros(2)}, ValueError, "theta0: expected a vector of length 3"),
        ({"measurement": 3.0}, TypeError, "measurement: expected OwnLoss"),
        ({"measurement": hm.Predictions(np.ones((1, 2)))}, ValueError, "measurement: expected in"),
        ({"measurement": lambda theta: jnp.argmax(theta)}, TypeError, "measurement: .*floating"),
        ({"method": hm.GradientDescent(0.01)}, TypeError, "method: expected Exact"),
    ],
)
def test_bad_input_is_named(regression, change, error, message):
    arguments = {"theta0": np.zeros(3), "times": TIMES, "measurement": hm.OwnLoss()} | change
    with pytest.raises(error, match=message):
        influence_in_time(linear_problem(regression), **arguments)


def test_what_is_not_finite_is_said(regression):
    def logarithm(theta):
        return jnp.log(-(theta[0] ** 2))

    problem = linear_problem(regression)
    result = influence_in_time(problem, regression[2], logarithm, TIMES, throw=False)
    assert result.status == InfluenceInTimeStatus.not_finite
    with pytest.raises(RuntimeError, match="the measurement, or its derivative, is not finite"):
        influence_in_time(problem, regression[2], logarithm, TIMES)
    far = np.full(3, 1.7e308)  # one coordinate in the eigenbasis is larger than any number
    result = influence_in_time(problem, far, hm.OwnLoss(), TIMES, throw=False)
    assert result.status == InfluenceInTimeStatus.diverged
    with pytest.raises(RuntimeError, match="the trajectory left the finite numbers"):
        influence_in_time(problem, far, hm.OwnLoss(), TIMES)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: made_up(np.ones((2, 2))).sign_changes(3), r"point: expected one of \[5, 6\], got"),
        (lambda: made_up(np.ones((2, 2))).sign_changes(5, 0), r"output: .*of shape \(\), got 0"),
        (lambda: made_up(np.ones((2, 2, 3))).sign_changes(5), r"output: .*of shape \(3,\), got"),
        (lambda: made_up(np.ones((2, 2))).sign_changes(5, tolerance=1.0), "tolerance: expected"),
        (lambda: linear_network([3]), "sizes: expected the widths of at least two layers"),
        (lambda: linear_network([3, 0]), r"sizes\[1\]: expected an integer >= 1, got 0"),
        (lambda: hierarchy_example(singular_values=(1.0, 2.0)), "singular_values: expected desc"),
        (lambda: hierarchy_example(singular_values=(1.0, 0.0)), "singular_values: expected desc"),
        (lambda: hierarchy_example(hidden=0), "hidden: expected an integer >= 1, got 0"),
        (lambda: hierarchy_example(scale=0.0), "scale: expected a finite number > 0, got 0"),
        (lambda: hierarchy_example().aligned_start(0.0), "initial: expected a finite number > 0"),
        (lambda: hierarchy_example(hidden=3).aligned_start(0.1), "initial: 8 uncoupled modes"),
    ],
)
def test_bad_input_of_the_others_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
