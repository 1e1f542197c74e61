"""Algorithms that delete: the same as plain loops, with bounds that hold and are that sharp."""

import math

import numpy as np
import pytest
from oracles.unlearning import rewinding_distance
from scipy import optimize
from shared import (
    CURVED,
    SigmoidLoss,
    by_loop,
    classification,
    data,
    diabetes,
    diabetes_run,
    regression,
)

import homotopy as hm
from homotopy import unlearning
from homotopy.unlearning import CertificateKind, ComparedTo

STEPS = 20


def by_route(result):
    return {(one.route, one.compared_to): one for one in result.certificates}


def truth_of(found, certificate, gone):
    """The distance that a certificate bounds, by running what it is compared to."""
    if certificate.compared_to is ComparedTo.retraining:
        return found.distance
    if certificate.compared_to is ComparedTo.minimum:
        return found.distance_to_minimum
    retrained = hm.unlearn(found.run, gone, hm.Retrain()).theta
    return np.linalg.norm(np.asarray(found.theta) - np.asarray(retrained))


@pytest.mark.parametrize("kind", ["full", "batches", "epochs"])
def test_algorithms_are_plain_loops(kind):
    """Twenty steps of rounding of a few units: below 1e-13."""
    problem, theta0, gone, rewound = classification(), data()[2], [3, 11], 7
    method = {
        "full": unlearning.ProjectedDescent(0.05, radius=2.0),
        "batches": unlearning.ProjectedSGD(0.01, 4, seed=5),
        "epochs": unlearning.ProjectedSGD(0.01, 4, unlearning.Epochs(), seed=5),
    }[kind]
    run = hm.training_run(problem, theta0, STEPS, method, checkpoints=[STEPS - rewound])
    batches = None
    if kind != "full":
        batches = method.sampling.batches(5, problem.size, 4, 0, STEPS + rewound)
    options = {"radius": method.radius}

    def loop(steps, without):
        sizes = np.full(steps, float(method.step_size))
        some = None if batches is None else batches[:steps]
        return by_loop(problem, theta0, sizes, gone, without, some, **options)[-1]

    cases = {
        hm.RewindToDelete(rewound): (STEPS, rewound),
        hm.DescendToDelete(rewound): (STEPS + rewound, rewound),
        hm.Retrain(): (STEPS, STEPS),
    }
    for way, (steps, without) in cases.items():
        found = hm.unlearn(run, gone, way)
        np.testing.assert_allclose(found.theta, loop(steps, without), rtol=0, atol=1e-13)
        np.testing.assert_allclose(found.reference, loop(steps, steps), rtol=0, atol=1e-13)
        each = problem.size - 2 if kind == "full" else 4
        assert found.work == without * each and found.steps == without


def test_rewinding_to_the_start_is_retraining_bit_for_bit():
    for method in (hm.GradientDescent(0.01), unlearning.ProjectedSGD(0.01, 4)):
        run = hm.training_run(regression(), data()[2], STEPS, method)
        found = hm.unlearn(run, 4, hm.RewindToDelete(STEPS))
        np.testing.assert_array_equal(found.theta, hm.unlearn(run, 4, hm.Retrain()).theta)
        np.testing.assert_array_equal(found.theta, found.reference)
        assert found.certificate.distance == 0.0
        assert found.certificate.kind is CertificateKind.exact


def test_descending_is_rewinding_on_a_longer_horizon():
    problem, theta0 = classification(), data()[2]
    short = hm.training_run(problem, theta0, STEPS, hm.GradientDescent(0.05))
    one = by_route(hm.unlearn(short, [2, 5], hm.DescendToDelete(6)))
    # The first STEPS steps of a longer run are those of the shorter.
    longer = short.resume(STEPS + 6)
    other = by_route(hm.unlearn(longer, [2, 5], hm.RewindToDelete(6)))
    for route in ("pathwise", "largest gradient"):
        key = route, ComparedTo.retraining
        assert one[key].distance == pytest.approx(other[key].distance, rel=1e-13)


def test_every_bound_is_above_the_truth():
    """Of all losses, samplings, m = 1..4 and K; the truth is that of computed steps."""
    worst = {}
    for seed in range(24):
        draw = np.random.default_rng(seed)
        _, _, theta0 = data(seed)
        problem, bend = [
            (regression(seed), 1.0),
            (classification(seed, 0.5), 0.25),
            (classification(seed, 0.0), 0.25),
            (classification(seed, 0.0, SigmoidLoss()), CURVED),
        ][seed % 4]
        sampling = (None, unlearning.WithReplacement(), unlearning.Epochs())[seed // 4 % 3]
        X = np.asarray(problem.X)
        upper = bend * np.linalg.norm(X, 2) ** 2 + float(problem.ridge)
        if sampling is not None:
            upper = bend * len(X) * np.max(np.sum(X**2, axis=1)) + float(problem.ridge)
        size = draw.uniform(0.1, 0.9) / upper
        method = unlearning.ProjectedDescent(size)
        if sampling is not None:
            method = unlearning.ProjectedSGD(size, 4, sampling, seed=seed)
        curvature = unlearning.Curvature(-upper, upper) if seed % 4 == 3 else None
        rewound = int(draw.integers(0, STEPS))
        run = hm.training_run(
            problem, theta0, STEPS, method, checkpoints=[STEPS - rewound], curvature=curvature
        )
        gone = draw.choice(len(X), 1 + seed % 4, replace=False)
        for way in (hm.RewindToDelete(rewound), hm.DescendToDelete(rewound)):
            found = hm.unlearn(run, gone, way)
            for one in found.certificates:
                truth = truth_of(found, one, gone)
                slack = 1e-14 if one.route == "exact" else 0.0
                assert one.distance >= truth - slack and one.proved, (seed, one)
                if truth > 0.0:
                    ratio = one.distance / truth
                    worst[one.route] = min(worst.get(one.route, math.inf), ratio)
    assert {"pathwise", "largest gradient", "gradient over curvature", "exact"} <= set(worst)
    assert "pathwise and drift" in worst
    assert worst["exact"] == pytest.approx(1.0, abs=1e-9)


def test_bounds_are_ordered_and_of_groups_at_most_their_sum():
    run = diabetes_run()
    found = unlearning.deletion_distances(run, [100, 1900])
    assert np.all(found.exact <= found.pathwise) and np.all(
        found.pathwise <= found.largest_gradient
    )
    assert np.all(found.largest_gradient <= found.worst_gradient)
    for rows in ([169, 123], [0, 1, 2, 3]):
        group = by_route(hm.unlearn(run, rows, hm.RewindToDelete(100)))
        alone = run.group_accumulators[run.at(1900)][rows].sum()
        assert group["pathwise", ComparedTo.retraining].distance <= alone


# Equality in one parameter: ℓ_G = mLθ, R₋ = hθ²/2 -------------------------------------------------


@pytest.mark.parametrize("curvature", [0.3, 0.0, -0.3])
def test_the_lemma_is_attained(curvature):
    size, gradient, steps, rewound = 0.7, 1.3, 12, 5
    with_point = without = 0.4
    for step in range(steps):
        with_point -= size * (curvature * with_point + gradient * (step < steps - rewound))
        without -= size * curvature * without
    bound = unlearning.lemma_distance(
        size, gradient, curvature, max(curvature, 0.1), steps=steps, rewound=rewound
    )
    assert bound == pytest.approx(abs(with_point - without), rel=1e-13)
    # Of many small steps the lemma is that of the flow: a first-order difference.
    fine = 20_000
    near = unlearning.lemma_distance(8.4 / fine, gradient, curvature, 0.3, fine, 5 * fine // 12)
    flow = unlearning.flow_distance(gradient, curvature, 8.4, 3.5)
    assert near == pytest.approx(flow, rel=2e-3)


def test_steps_of_one_size_and_of_several_have_one_lemma():
    """Against the recursion itself, Δ ← qΔ + η mL before the request and qΔ after."""
    draw = np.random.default_rng(1)
    for lower in (0.4, 0.0, -0.4):
        sizes, total = draw.uniform(0.1, 0.9, 30), 0.0
        for step, size in enumerate(sizes):
            factor = max(abs(1 - size * lower), abs(1 - size * 2.0))
            total = factor * total + size * 1.5 * (step < 18)
        rates = unlearning.steps.log_factor(sizes, lower, 2.0)
        found = unlearning.lemma.log_distance_of_steps(sizes, 1.5, rates, 12)
        assert math.exp(found) == pytest.approx(total, rel=1e-13)


def test_the_rewind_point_is_the_least_that_will_do():
    def distance(rewound, steps, factor):
        powers = factor ** np.arange(rewound, steps)
        return 0.6 * powers.sum()

    for factor in (0.9, 0.99, 1.0, 1.01, 1.1):
        for steps in (10, 100):
            for part in (0.01, 0.1, 0.5, 0.9):
                goal = part * distance(0, steps, factor)
                least = next(
                    k for k in range(steps + 1) if distance(k, steps, factor) <= goal * (1 + 1e-12)
                )
                lower = (1.0 - factor) / 0.3
                found = unlearning.rewind_point(goal, 0.3, 2.0, lower, max(lower, 0.1), steps)
                assert found == least
    assert unlearning.rewind_point(0.0, 0.3, 2.0, 0.0, 1.0, 10) == 10


def test_powers_that_overflow_are_kept_as_logarithms():
    log = unlearning.lemma.log_distance(0.1, 1.0, -10.0, 10.0, 10_000, 10)
    assert log == pytest.approx(10_000 * math.log(2.0), rel=1e-3)
    assert unlearning.lemma_distance(0.1, 1.0, -10.0, 10.0, 10_000, 10) == math.inf
    run = hm.training_run(
        classification(loss=SigmoidLoss(), ridge=0.0), data()[2], 4000, hm.GradientDescent(0.05),
        curvature=unlearning.Curvature(-10.0, 10.0),
    )  # fmt: skip
    found = by_route(hm.unlearn(run, 1, hm.RewindToDelete(400)))
    largest = found["largest gradient", ComparedTo.retraining]
    assert largest.log_distance == pytest.approx(4000 * math.log(1.5), rel=1e-2)
    assert largest.distance == math.inf and "e^16" in largest.vacuous
    assert "too large for a float" in found["pathwise", ComparedTo.retraining].vacuous


# Least squares -----------------------------------------------------------------------------------


def test_exact_distances_have_fifteen_digits_of_fifty():
    X, y, _ = diabetes()
    X, y = X[:60], y[:60]  # products of fifty digits take their time
    size = 1.0 / np.linalg.eigvalsh(X.T @ X)[-1]
    problem = hm.LinearRegression(X, y, deleted=0)
    for row in (0, 17):
        for count in (0, 1999):
            found = unlearning.exact_distances(
                problem, np.zeros(10), size, 2000, [count], points=[row]
            )[0, 0]
            truth = rewinding_distance(X, y, [row], 0.0, np.zeros(10), size, 2000, count)
            assert found == pytest.approx(truth, rel=1e-13)


@pytest.mark.parametrize("size", [0.03, 0.09])
def test_exact_distances_of_groups_ridges_and_steps_that_overshoot(size):
    """η λ_max is about 4: half of the modes change their sign in every step."""
    X, y, theta0 = data(2)
    problem, gone = hm.LinearRegression(X, y, deleted=0, ridge=0.7), [1, 4, 20]
    run = hm.training_run(problem, theta0, 9, hm.GradientDescent(size), checkpoints=[5])
    for rows in ([7], gone):
        found = hm.unlearn(run, rows, hm.RewindToDelete(4))
        truth = rewinding_distance(X, y, rows, 0.7, theta0, size, 9, 4)
        exact = by_route(found)["exact", ComparedTo.retraining]
        assert exact.distance == pytest.approx(truth, rel=1e-12)
        kept = np.delete(np.arange(len(y)), rows)
        fit = np.linalg.solve(X[kept].T @ X[kept] + 0.7 * np.eye(3), X[kept].T @ y[kept])
        length = np.linalg.norm(np.asarray(found.theta) - fit)
        assert by_route(found)["exact", ComparedTo.minimum].distance == pytest.approx(length)


def test_exact_distances_of_singular_data_twins_and_rows_of_zeros():
    X = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [1.0, 1.0, 0.0], [1.0, 1.0, 0.0], [0.0] * 3])
    y, theta0 = np.array([1.0, -1.0, 2.0, 2.0, 5.0]), np.array([0.3, -0.2, 7.0])
    problem = hm.LinearRegression(X, y, deleted=0)
    found = unlearning.exact_distances(problem, theta0, 0.2, 30, [0, 9, 30])
    for place, count in enumerate((0, 9, 30)):
        truth = [rewinding_distance(X, y, [row], 0.0, theta0, 0.2, 30, count) for row in range(5)]
        np.testing.assert_allclose(found[place], truth, rtol=1e-12, atol=1e-30)
    np.testing.assert_allclose(found[:, 2], found[:, 3], rtol=1e-14)
    assert np.all(found[:, 4] == 0.0)
    run = hm.training_run(problem, theta0, 30, hm.GradientDescent(0.2), checkpoints=[21])
    nothing = hm.unlearn(run, 4, hm.RewindToDelete(9))
    assert nothing.certificate.distance == 0.0
    mechanism = hm.GaussianMechanism(1.0, 1e-5)
    released = nothing.release(mechanism, unlearning.PerInstance(), seed=0)
    assert released.noise == 0.0 and released.pair.privacy_epsilon(1e-5) == 0.0
    # θ₃ is seen by none, and stays.
    assert float(nothing.theta[2]) == 7.0


def test_the_flow_is_the_limit_of_small_steps():
    problem, theta0 = regression(3), data(3)[2]
    flow = unlearning.exact_distances(problem, theta0, None, 0.2, [0.05])
    errors = []
    for count in (200, 400):
        steps = unlearning.exact_distances(problem, theta0, 0.2 / count, count, [count // 4])
        errors.append(np.max(np.abs(steps - flow)))
    assert math.log2(errors[0] / errors[1]) == pytest.approx(1.0, abs=0.2)


# ‖θ_U − θ_R‖ of the diabetes data, T = 2000 steps of 1/λ_max, every row deleted in its turn: K, the
# largest and the median distance, the median of pathwise bound over truth, and the bound by the
# largest gradient of all over the truth at row 169; σ at (1, 1e-5) by each for the worst row.
PAGE = (
    (0, 1.3098e-1, 7.739e-3, 45, 31, 0.489, 8.00, 15.2),
    (100, 1.0688e-1, 4.186e-3, 59, 31, 0.399, 6.44, 12.4),
    (1000, 1.7026e-2, 5.438e-4, 61, 29, 0.0635, 0.845, 1.84),
    (1900, 6.980e-4, 1.793e-5, 63, 25, 0.00260, 0.0273, 0.0645),
)  # fmt: skip


@pytest.mark.parametrize("line", PAGE, ids=lambda line: f"K={line[0]}")
def test_the_table_of_all_diabetes_rows_is_reproduced(line):
    count, largest, median, path, worst, *noises = line
    found = unlearning.deletion_distances(diabetes_run(), [count])
    exact, tight = found.exact[0], found.tightness
    assert int(np.argmax(exact)) == 169
    assert exact.max() == pytest.approx(largest, rel=1e-4)
    assert np.median(exact) == pytest.approx(median, rel=2e-4)
    assert np.median(tight["pathwise"][0]) == pytest.approx(path, abs=1.0)
    assert tight["worst_gradient"][0, 169] == pytest.approx(worst, abs=1.0)
    mechanism = hm.GaussianMechanism(1.0, 1e-5)
    of = exact.max(), found.pathwise[0].max(), found.worst_gradient[0].max()
    for distance, noise in zip(of, noises, strict=True):
        assert mechanism.noise(distance) == pytest.approx(noise, rel=6e-3)


def test_the_noise_for_the_pathwise_bound_hides_far_more_than_was_asked():
    """σ for ε = 1 by the bound of row 169 at K = 100: really ε = 0.110, by its exact distance."""
    found = unlearning.deletion_distances(diabetes_run(), [100])
    noise = hm.GaussianMechanism(1.0, 1e-5).noise(found.pathwise[0, 169])
    told = found.privacy_epsilon(noise, 1e-5)
    assert told[0, 169] == pytest.approx(0.110, abs=5e-4) and told.shape == (1, 442)
    assert np.argmax(told) == 169
    run = hm.training_run(classification(), data()[2], 4, hm.GradientDescent(0.05))
    with pytest.raises(ValueError, match=r"^privacy_epsilon: expected exact distances"):
        unlearning.deletion_distances(run, [4]).privacy_epsilon(1.0, 1e-5)


# T, K: ‖θ_U − θ_R‖, ‖θ_U − θ*₋‖ and E‖out − θ*₋‖² at (1, 1e-5) with exact σ; rewinding, descending.
@pytest.mark.parametrize(
    ("steps", "count", "own", "to_minimum", "squared"),
    [
        (200, 20, (0.0485, 0.0527), (0.310, 0.292), (0.424, 0.471)),
        (200, 100, (0.0249, 0.0447), (0.334, 0.249), (0.198, 0.341)),
        (2000, 100, (0.1069, 0.1069), (0.0968, 0.0986), (1.599, 1.600)),
    ],
)
def test_rewinding_and_descending_at_equal_work(steps, count, own, to_minimum, squared):
    run = diabetes_run() if steps == 2000 else diabetes_run(200, (20, 100))
    methods = {"rewind": hm.RewindToDelete(count), "descend": hm.DescendToDelete(count)}
    found = unlearning.compare(run, 169, methods, hm.GaussianMechanism(1.0, 1e-5))
    assert found.work.tolist() == [count * 441] * 2
    np.testing.assert_allclose(found.to_reference, own, atol=6e-5)
    np.testing.assert_allclose(found.to_minimum, to_minimum, atol=6e-4)
    error = found.to_minimum**2 + 10 * found.exact_noise**2
    np.testing.assert_allclose(error, squared, atol=6e-4)
    assert np.all(found.certified >= found.to_reference)


def test_expected_losses_with_noise_are_those_of_draws():
    """Exactly of squared errors; of others to four of the standard errors that are said."""
    draw, mechanism = np.random.default_rng(0), hm.GaussianMechanism(1.0, 1e-5)
    for problem in (regression(), classification()):
        X, y = np.asarray(problem.X), np.asarray(problem.y)
        run = hm.training_run(problem, data()[2], STEPS, hm.GradientDescent(0.01))
        methods = {"descend": hm.DescendToDelete(5)}
        found = unlearning.compare(run, 3, methods, mechanism, test=hm.TestLoss(X, y))
        theta = np.asarray(found.results[0].theta)
        outputs = (theta + found.noise[0] * draw.normal(size=(20_000, 3))) @ X.T
        squared = isinstance(problem, hm.LinearRegression)
        losses = 0.5 * (outputs - y) ** 2 if squared else np.logaddexp(0, outputs) - y * outputs
        losses = losses.mean(axis=1)
        spread = losses.std() / np.sqrt(20_000)
        said = found.test_loss_error[0]
        # Pairs of opposite draws are never worse than as many that are not paired.
        assert said == 0.0 if squared else 0.0 < said < 1.5 * losses.std() / 16.0
        assert found.test_loss[0] == pytest.approx(losses.mean(), abs=4 * np.hypot(spread, said))
        assert found.squared_error[0] >= found.to_minimum[0] ** 2


def test_single_precision_has_bounds_of_its_own():
    X, y, theta0 = data()
    problem = hm.LinearRegression(X, y, deleted=0, ridge=0.5, dtype=np.float32)
    run = hm.training_run(problem, theta0, STEPS, hm.GradientDescent(0.01), checkpoints=[15])
    assert run.theta.dtype == np.float32 and run.scalars.dtype == np.float32
    for way in (hm.RewindToDelete(5), hm.DescendToDelete(5)):
        found = hm.unlearn(run, 3, way)
        assert all(one.route != "exact" for one in found.certificates)
        for one in found.certificates:
            assert one.distance >= truth_of(found, one, [3])


# Of a point, not of a path -----------------------------------------------------------------------


def logistic_fit(problem, gone):
    """By SciPy, without the rows."""
    X, y = np.delete(np.asarray(problem.X), gone, 0), np.delete(np.asarray(problem.y), gone)
    ridge = float(problem.ridge)

    def risk(theta):
        return np.sum(np.logaddexp(0.0, X @ theta) - y * (X @ theta)) + ridge / 2 * theta @ theta

    def slope(theta):
        return X.T @ (1.0 / (1.0 + np.exp(-X @ theta)) - y) + ridge * theta

    found = optimize.minimize(risk, np.zeros(3), jac=slope, method="BFGS", options={"gtol": 1e-11})
    return found.x


def test_what_the_gradient_says_is_above_the_distance_to_a_fit_of_its_own():
    """SciPy's fit is good to about 1e-9, by its gradient over the ridge."""
    problem, gone = classification(4, 0.5), np.array([2, 9])
    run = hm.training_run(problem, data(4)[2], STEPS, hm.GradientDescent(0.05))
    fit, draw = logistic_fit(problem, gone), np.random.default_rng(0)
    for size in (1e-3, 0.03, 0.3, 3.0):
        for _ in range(10):
            theta = problem.parameters(fit + size * draw.normal(size=3))
            truth = np.linalg.norm(np.asarray(theta) - fit)
            bounds = {one.route: one for one in unlearning.routes.of_the_point(run, gone, theta)}
            for one in bounds.values():
                assert one.distance >= truth - 1e-8
            if size < 0.1:
                assert (
                    bounds["self-concordance"].distance < bounds["gradient over curvature"].distance
                )
    far = unlearning.routes.of_the_point(run, gone, problem.parameters(fit + 60.0))
    assert any("takes less than 1" in one.vacuous for one in far)


def test_the_gradient_tends_to_the_distance_along_a_descent():
    """7.51, 1.75 and 1.00 after 0, 10 and 100 steps: row 169 of the diabetes data, from θ*."""
    X, y, size = diabetes()
    problem = hm.LinearRegression(X, y, deleted=0)
    fit = np.asarray(problem.full_fit())
    run = hm.training_run(problem, fit, 1, hm.GradientDescent(size))
    for steps, ratio in ((0, 7.51), (9, 1.75 * 1.06), (99, 1.00)):
        found = hm.unlearn(run, 169, hm.DescendToDelete(steps))
        bound = by_route(found)["gradient over curvature", ComparedTo.minimum].distance
        assert bound / found.distance_to_minimum == pytest.approx(ratio, rel=0.07)


def test_newton_and_conjugate_gradients_end_at_the_fit():
    problem, gone = classification(4, 0.5), [2, 9]
    run = hm.training_run(problem, data(4)[2], STEPS, hm.GradientDescent(0.05))
    fit = logistic_fit(problem, gone)
    for way in (unlearning.NewtonRefit(6), unlearning.ConjugateGradientRefit(30)):
        found = hm.unlearn(run, gone, way)
        np.testing.assert_allclose(found.theta, fit, atol=1e-8)
        assert found.compared_steps is None and found.certificate.compared_to is ComparedTo.minimum
    for steps in range(1, 8):  # the last of them move θ by rounding only
        found = hm.unlearn(run, gone, unlearning.NewtonRefit(steps))
        for bound in found.certificates:
            assert bound.distance >= found.distance_to_minimum
    one = by_route(hm.unlearn(run, gone, unlearning.NewtonRefit(1)))
    named = [one[route, ComparedTo.minimum].distance for route in
             ("gradient over curvature", "Taylor remainder", "published (Guo et al.)")]  # fmt: skip
    assert named == sorted(named)


def test_stopping_when_certified_takes_the_work_that_it_says():
    """On the diabetes data at Δ̄ = 0.01: conjugate gradients 10 steps at most, descent some 655."""
    X, y, _ = diabetes()
    problem = hm.LinearRegression(X, y, deleted=0)
    values = np.linalg.eigvalsh(X.T @ X)
    method = hm.GradientDescent(2.0 / (values[0] + values[-1]))
    run = hm.training_run(problem, np.asarray(problem.full_fit()), 1, method)
    stop = hm.WhenCertified(0.01)
    for row in (0, 169, 300):
        quick = hm.unlearn(run, row, unlearning.ConjugateGradientRefit(), stop)
        assert quick.steps <= 10 and quick.distance_to_minimum <= quick.certificate.distance <= 0.01
    slow = hm.unlearn(run, 0, hm.DescendToDelete(2000), stop)
    kept = np.delete(np.arange(442), 0)
    M = X[kept].T @ X[kept]
    fit, theta = np.linalg.solve(M, X[kept].T @ y[kept]), np.asarray(run.theta)
    count, least = 0, np.linalg.eigvalsh(M)[0]
    while np.linalg.norm(M @ (theta - fit)) > 0.01 * least:
        theta, count = theta - float(method.step_size) * (M @ (theta - fit)), count + 1
    assert slow.steps == count and slow.work == (count + 1) * 441
    with pytest.raises(RuntimeError, match="before the certificate was reached"):
        hm.unlearn(run, 0, hm.DescendToDelete(3), stop)
    assert not bool(hm.unlearn(run, 0, hm.DescendToDelete(3), stop, throw=False).successful)


def test_rewinding_stops_at_the_last_checkpoint_that_will_do():
    run = diabetes_run()
    for distance in (0.2, 0.05, 0.006, 1e-9):
        found = hm.unlearn(run, 169, hm.RewindToDelete(), hm.WhenCertified(distance))
        places = [*run.checkpoints[run.checkpoints < run.steps].tolist(), run.steps]
        allowed = [
            place for place in places
            if unlearning.exact_distances(
                run.problem, run.theta0, float(run.method.step_size), 2000, [2000 - place],
                points=[169],
            )[0, 0] <= distance
        ]  # fmt: skip
        assert found.started == max(allowed)


def test_the_target_of_a_noise_budget_is_where_the_expected_error_is_least():
    """E‖θ + σξ − θ*₋‖² with σ = ‖θ − θ_R‖/r, at random θ, is (1 + d/r²)‖θ − c‖² + const."""
    problem, mechanism = regression(5, 0.3), hm.GaussianMechanism(0.7, 1e-4)
    budget = unlearning.noise_budget(problem, data(5)[2], 0.1, mechanism)
    X, y = np.asarray(problem.X)[1:], np.asarray(problem.y)[1:]
    M = X.T @ X + 0.3 * np.eye(3)
    fit = np.linalg.solve(M, X.T @ y)
    values, vectors = np.linalg.eigh(M)
    retrained = fit + vectors @ (np.exp(-0.1 * values) * (vectors.T @ (data(5)[2] - fit)))
    np.testing.assert_allclose(budget.minimum, fit, rtol=1e-12)
    np.testing.assert_allclose(budget.retrained, retrained, rtol=1e-12)
    draw, ratio = np.random.default_rng(0), mechanism.ratio
    for _ in range(5):
        theta = draw.normal(size=3)
        noise = np.linalg.norm(theta - retrained) / ratio
        error = np.sum((theta - fit) ** 2) + 3 * noise**2
        away = np.sum((theta - np.asarray(budget.target)) ** 2)
        assert budget.weight * away + budget.least == pytest.approx(error, rel=1e-12)


# Release -----------------------------------------------------------------------------------------


def test_noise_that_was_fixed_before_is_kept_and_noise_of_the_instance_is_said_to_leak():
    run, mechanism = diabetes_run(200, (20, 100)), hm.GaussianMechanism(1.0, 1e-5)
    stop = hm.WhenCertified(mechanism.distance(0.04))
    found = hm.unlearn(run, 169, unlearning.ConjugateGradientRefit(), stop)
    released = found.release(mechanism, 0.04, seed=3)
    assert released.noise == 0.04 and released.leaks == ""
    drawn = np.random.default_rng(3).standard_normal(10)
    np.testing.assert_array_equal(released.theta, np.asarray(found.theta) + 0.04 * drawn)
    assert released.pair.privacy_epsilon(1e-5) <= 1.0
    assert "one release" in released.threat_model and "one release" in found.threat_model
    leaking = found.release(mechanism, unlearning.PerInstance(), seed=3)
    assert "tells of them" in leaking.leaks or "tell" in leaking.leaks
    assert leaking.noise == pytest.approx(found.certificate.distance / mechanism.ratio, rel=1e-14)
    # What the reference may itself be off by counts as well.
    near = found.certificate.distance
    more = found.release(mechanism, unlearning.PerInstance(), reference_distance=near)
    assert more.noise == pytest.approx(2.0 * leaking.noise, rel=1e-12)
    rough = hm.unlearn(run, 169, hm.RewindToDelete(20))
    with pytest.raises(ValueError, match=r"^noise: expected at least 0.18.*, got 0.04; WhenCertif"):
        rough.release(mechanism, 0.04)


def test_a_bound_known_beforehand_does_not_come_from_the_deleted():
    problem = classification()
    run = hm.training_run(problem, data()[2], STEPS, hm.GradientDescent(0.05))
    longest = float(np.max(np.linalg.norm(np.asarray(problem.X), axis=1)))
    found = by_route(hm.unlearn(run, 3, hm.DescendToDelete(50), largest_gradient=longest))
    assert not found["given gradient bound", ComparedTo.retraining].from_deleted
    assert found["largest gradient", ComparedTo.retraining].from_deleted
    with pytest.raises(
        ValueError, match=r"^largest_gradient: expected at least .*: it is no bound"
    ):
        hm.unlearn(run, 3, hm.DescendToDelete(5), largest_gradient=1e-3)


# What cannot be had ------------------------------------------------------------------------------


def test_estimated_curvature_gives_estimates_and_no_certificate():
    problem = classification(loss=SigmoidLoss(), ridge=0.3)
    guess = unlearning.Curvature(0.1, 5.0, estimated=True)
    run = hm.training_run(problem, data()[2], STEPS, hm.GradientDescent(0.05), curvature=guess)
    found = hm.unlearn(run, 3, hm.RewindToDelete(4))
    kinds = {one.kind for one in found.certificates}
    assert kinds == {CertificateKind.estimated} and found.certificate is None
    with pytest.raises(ValueError, match=r"^noise: no noise will do, as nothing is proved"):
        found.release(hm.GaussianMechanism(1.0, 1e-5), 1.0)
    with pytest.raises(ValueError, match=r"^stop: expected bounds .* that are proved"):
        hm.unlearn(run, 3, hm.DescendToDelete(4), hm.WhenCertified(0.1))


def test_unknown_curvature_is_said_to_certify_nothing():
    problem = classification(loss=SigmoidLoss(), ridge=0.3)
    run = hm.training_run(problem, data()[2], STEPS, hm.GradientDescent(0.05))
    found = hm.unlearn(run, 3, hm.RewindToDelete(4))
    assert [one.distance for one in found.certificates] == [math.inf]
    assert "no bound of the curvature is known" in found.certificates[0].vacuous
    with pytest.raises(ValueError, match=r"^noise: no noise will do, as no bound of the curvature"):
        found.release(hm.GaussianMechanism(1.0, 1e-5), unlearning.PerInstance())


def test_steps_that_do_not_contract_are_called_vacuous_and_not_clipped():
    problem = regression()
    upper = unlearning.curvature.known_curvature(problem).upper
    run = hm.training_run(problem, data()[2], 6, hm.GradientDescent(2.5 / upper))
    found = by_route(hm.unlearn(run, 3, hm.RewindToDelete(0)))["pathwise", ComparedTo.retraining]
    assert "more than 2/B" in found.vacuous
    assert found.distance >= hm.unlearn(run, 3, hm.RewindToDelete(0)).distance


@pytest.mark.usefixtures("without_shape_checks")
def test_bad_arguments_are_refused_by_name():
    run = hm.training_run(classification(ridge=0.0), data()[2], STEPS, hm.GradientDescent(0.05))
    for points, message in (
        ([], "^points: "),
        (list(range(24)), "^points: expected some of the 24 rows, got all"),
        ([1, 1], "^points: a row is named twice"),
        (24, "^points: expected row numbers from 0 to 23"),
    ):
        with pytest.raises(ValueError, match=message):
            hm.unlearn(run, points, hm.Retrain())
    for method, message in (
        (hm.RewindToDelete(21), "^steps: expected at most the 20 steps"),
        (hm.RewindToDelete(3), "^steps: rewinding by 3 of 20 steps needs a checkpoint after 17"),
        (hm.RewindToDelete(), "^steps: expected an integer >= 0 where there is no stop"),
    ):
        with pytest.raises(ValueError, match=message):
            hm.unlearn(run, 0, method)
    with pytest.raises(ValueError, match=r"^stop: expected a risk that is strongly convex"):
        hm.unlearn(run, 0, hm.DescendToDelete(3), hm.WhenCertified(0.1))
    with pytest.raises(TypeError, match=r"^method: expected Retrain"):
        hm.unlearn(run, 0, hm.ConjugateGradient())
    for wrong in (2.5, -1):
        with pytest.raises(ValueError, match=r"^steps: "):
            hm.RewindToDelete(wrong)
    with pytest.raises(ValueError, match=r"^upper: "):
        unlearning.Curvature(2.0, 1.0)


def test_published_bounds_are_above_the_sharp_ones_and_agree_with_their_derivation():
    draw = np.random.default_rng(0)
    for _ in range(50):
        size, gone = 40, int(draw.integers(1, 5))
        rewound = int(draw.integers(0, 26))
        arguments = 0.5, 1.3, draw.uniform(0.1, 1.0), size, gone, 25, rewound
        sharp = unlearning.mean_rewind_distance(*arguments)
        assert sharp <= unlearning.published_rewind_distance(*arguments) * (1.0 + 1e-12)
    # The 2 of the mean convention is attained by opposed linear losses.
    size, gone, slope, eta, steps, rewound = 10, 3, 2.0, 0.1, 9, 4
    apart = eta * (steps - rewound) * 2 * gone * slope / size
    near = unlearning.mean_rewind_distance(eta, slope, 1e-9, size, gone, steps, rewound)
    assert near == pytest.approx(apart, rel=1e-7)
    mechanism = hm.GaussianMechanism(1.0, 1e-5)
    noise = unlearning.published_descent_noise(mechanism, 1.0, 0.05, 0.15, 1000, 1)
    root = math.sqrt(math.log(1e5))
    direct = 4 * math.sqrt(2) * 0.5 / (0.05 * 1000 * 0.5 * (math.sqrt(math.log(1e5) + 1) - root))
    assert noise == pytest.approx(direct, rel=1e-12)
