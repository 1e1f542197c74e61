"""Training that can be unlearned: the same as plain loops, and as itself when interrupted."""

import dataclasses

import numpy as np
import pytest
from shared import by_loop, classification, data, diabetes, gradients, regression

import homotopy as hm
from homotopy import unlearning
from homotopy.unlearning import _training_run

STEPS = 12
SIZES = np.geomspace(0.02, 0.004, STEPS)


def methods():
    return {
        "full": unlearning.ProjectedDescent(0.01),
        "projected": unlearning.ProjectedDescent(0.02, radius=0.8),
        "several sizes": unlearning.ProjectedDescent(SIZES),
        "replacement": unlearning.ProjectedSGD(0.005, 4, radius=1.5, seed=3),
        "epochs": unlearning.ProjectedSGD(0.005, 5, unlearning.Epochs(), seed=1),
        "distinct": hm.StochasticGradientDescent(0.005, 4, seed=2),
    }


def batches_of(method, problem, steps=STEPS):
    method = unlearning.training_methods.a_descent(method, problem.size)
    if not isinstance(method, unlearning.ProjectedSGD):
        return method, None
    draw = method.sampling.batches
    return method, draw(method.seed, problem.size, method.batch_size, 0, steps)


@pytest.mark.parametrize("name", methods())
@pytest.mark.parametrize("problem", [regression(), classification()], ids=["squared", "logistic"])
def test_a_run_is_the_plain_loop(name, problem):
    """A step adds rounding of a dozen units of what it adds up: below 1e-13 in twelve steps."""
    theta0 = data()[2]
    method, batches = batches_of(methods()[name], problem)
    run = hm.training_run(problem, theta0, STEPS, method, checkpoints=[3, 7])
    sizes = np.resize(method.step_size, STEPS)
    path = by_loop(problem, theta0, sizes, batches=batches, radius=method.radius)
    assert run.checkpoints.tolist() == [0, 3, 7, STEPS]
    np.testing.assert_allclose(run.checkpoint_theta, path[[0, 3, 7, STEPS]], rtol=0, atol=1e-13)
    lengths = np.array([np.linalg.norm(gradients(problem)(at), axis=1) for at in path[:-1]])
    count = np.ones((STEPS, problem.size))
    if batches is not None:
        count = np.array([np.bincount(each, minlength=problem.size) for each in batches])
    met = np.max(np.where(count > 0, lengths, 0.0), axis=0)
    np.testing.assert_allclose(run.largest_gradients[-1], met, rtol=1e-12)
    # s ← q s + η‖∇ℓ_i‖, a hit of a batch counting n/b.
    if batches is None:
        lower, upper = run.row_lower_bounds, run.curvature.upper
        total = np.zeros(problem.size)
        for eta, each in zip(sizes, lengths, strict=True):
            total = np.maximum(abs(1 - eta * lower), abs(1 - eta * upper)) * total + eta * each
        np.testing.assert_allclose(run.accumulators[-1], total, rtol=1e-12)
        assert np.all(run.group_accumulators[-1] >= run.accumulators[-1] * (1 - 1e-12))
    else:
        scale = problem.size / method.batch_size
        bends = 1.0 if isinstance(problem, hm.LinearRegression) else 0.25
        points = bends * np.sum(np.asarray(problem.X) ** 2, axis=1)
        ridge, total = float(problem.ridge), np.zeros(problem.size)
        for eta, each, hits, batch in zip(sizes, lengths, count, batches, strict=True):
            upper = ridge + scale * points[batch].sum()
            factor = max(abs(1 - eta * ridge), abs(1 - eta * upper))
            total = factor * total + eta * scale * hits * each
        np.testing.assert_allclose(run.accumulators[-1], total, rtol=1e-12)


def test_a_ridge_for_each_parameter_counts_the_largest_in_every_batch():
    """Steps near 2/B, B of the largest ridge: where that were forgotten, q would be too small."""
    X, y, theta0 = data()
    ridge = np.array([0.0, 300.0, 1.0])
    problem = hm.Problem(
        hm.linear_model(3), hm.Logistic(), X, (y > 0).astype(float), deleted=0, ridge=ridge
    )
    run = hm.training_run(problem, theta0, 4, unlearning.ProjectedSGD(1.0 / 160.0, 4, seed=1))
    assert run.bounds().upper == 300.0
    batches = run.method.sampling.batches(1, 24, 4, 0, 4)
    points = 0.25 * np.sum(X**2, axis=1)
    rates = unlearning.steps.contraction(run.method, 0, 4, 0.0, 300.0, points, 24)
    upper = 300.0 + 6.0 * points[batches].sum(axis=1)
    np.testing.assert_allclose(np.exp(rates), np.maximum(1.0, np.abs(1 - upper / 160.0)))
    found = hm.unlearn(run, 3, hm.RewindToDelete(0))
    assert found.distance <= found.certificate.distance


def test_batches_are_what_they_are_called():
    draw = unlearning.Epochs().batches(5, 10, 3, 0, 9)
    for epoch in draw.reshape(3, 9):
        assert len(set(epoch.tolist())) == 9
    assert all(
        len(set(row)) == 4 for row in unlearning.WithoutReplacement().batches(0, 6, 4, 0, 300)
    )
    drawn = unlearning.WithReplacement().batches(0, 5, 4, 0, 5000)
    # 20,000 draws: a standard error of 57 about 4000 each, four of which are allowed.
    assert np.all(np.abs(np.bincount(drawn.ravel()) - 4000) < 4 * 57)
    for sampling in (unlearning.Epochs(), unlearning.WithReplacement()):
        whole = sampling.batches(7, 20, 3, 0, 600)
        np.testing.assert_array_equal(sampling.batches(7, 20, 3, 250, 530), whole[250:530])


def test_batches_of_the_flow_are_drawn_alike():
    problem, method = regression(), methods()["distinct"]
    run = hm.training_run(problem, data()[2], STEPS, method)
    path = hm.flow(problem, hm.Constant(1.0), data()[2], [STEPS * 0.005], method=method)
    np.testing.assert_allclose(run.theta, path.theta[-1], rtol=0, atol=1e-13)


def same(one, other):
    for name in ("theta", "checkpoints", "checkpoint_theta", "scalars"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
    assert one.steps == other.steps


@pytest.mark.parametrize("name", ["full", "several sizes", "replacement", "epochs"])
def test_a_run_that_goes_on_is_the_same_bit_for_bit(name, tmp_path):
    problem, method = regression(), methods()[name]
    whole = hm.training_run(problem, data()[2], STEPS, method, checkpoints=[5, 9])
    part = hm.training_run(problem, data()[2], 5, method, checkpoints=[])
    again = hm.load(part.save(tmp_path / "run"))
    same(again, part)
    same(again.resume(STEPS, [9]), whole)


def test_an_interrupted_run_keeps_what_is_done_and_goes_on(monkeypatch, tmp_path):
    problem, method = regression(), methods()["full"]
    whole = hm.training_run(problem, data()[2], STEPS, method, checkpoints=[5, 9])
    advance, calls = _training_run.advance, []

    def interrupted(*arguments):
        calls.append(arguments)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return advance(*arguments)

    monkeypatch.setattr(_training_run, "advance", interrupted)
    part = hm.training_run(problem, data()[2], STEPS, method, checkpoints=[5, 9])
    assert part.steps == 5 and not bool(part.successful)
    monkeypatch.undo()
    same(hm.load(part.save(tmp_path / "run")).resume(checkpoints=[9]), whole)


def test_divergence_raises_or_is_said():
    method = unlearning.ProjectedDescent(1e6)
    with pytest.raises(RuntimeError, match="left the finite numbers"):
        hm.training_run(regression(), data()[2], 200, method)
    run = hm.training_run(regression(), data()[2], 200, method, throw=False)
    assert not bool(run.successful)
    with pytest.raises(ValueError, match=r"^run: expected one that ended at finite parameters"):
        hm.unlearn(run, 0, hm.Retrain())


def test_known_curvature_holds_every_hessian():
    """Of random deletions, at random θ, by eigenvalues of NumPy."""
    draw = np.random.default_rng(0)
    for problem in (regression(ridge=0.3), classification()):
        X = np.asarray(problem.X)
        known = unlearning.curvature.known_curvature(problem)
        for _ in range(50):
            kept = draw.random(problem.size) < 0.8
            bends = np.ones(problem.size)
            if not isinstance(problem, hm.LinearRegression):
                p = 1.0 / (1.0 + np.exp(-X @ draw.normal(size=3)))
                bends = p * (1.0 - p)
            hessian = (X * (kept * bends)[:, None]).T @ X + float(problem.ridge) * np.eye(3)
            values = np.linalg.eigvalsh(hessian)
            assert known.lower <= values[0] * (1 + 1e-12) and values[-1] <= known.upper
    least = unlearning.curvature.row_lower_bounds(regression())
    X = np.asarray(regression().X)
    direct = [np.linalg.eigvalsh(X.T @ X - np.outer(x, x))[0] for x in X]
    np.testing.assert_allclose(least, direct, rtol=1e-10)


@pytest.mark.usefixtures("without_shape_checks")
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"steps": 0}, "^steps: expected an integer >= 1, got 0"),
        ({"steps": 2.5}, "^steps: expected an integer"),
        ({"checkpoints": [13]}, "^checkpoints: expected an integer from 0 to 12"),
        (
            {"method": unlearning.ProjectedSGD(0.1, 99)},
            "^batch_size: expected at most the 24 points",
        ),
        ({"method": hm.Exact()}, "^method: expected GradientDescent"),
        ({"curvature": 3.0}, "^curvature: expected None or unlearning.Curvature"),
    ],
)
def test_bad_arguments_are_refused_by_name(options, message):
    valid = {"steps": STEPS, "method": hm.GradientDescent(0.01)}
    with pytest.raises((ValueError, TypeError), match=message):
        hm.training_run(regression(), data()[2], **(valid | options))


def test_a_step_without_a_checkpoint_is_named_with_those_that_there_are():
    run = hm.training_run(regression(), data()[2], STEPS, methods()["full"], checkpoints=[5])
    with pytest.raises(
        ValueError, match=r"^step: expected .* one of \[0, 5, 12\], got 6; .*step_b"
    ):
        run.at(6)


def test_steps_that_are_undone_are_as_near_as_is_said():
    X, y, size = diabetes()
    problem = hm.LinearRegression(X, y, deleted=0)
    for part, counts in ((0.1, (10, 50, 100)), (0.5, (10, 50))):
        method = hm.GradientDescent(part * size)
        run = hm.training_run(
            problem, np.zeros(10), 400, method, checkpoints=[400 - count for count in counts]
        )
        last = dataclasses.replace(
            run, **{name: getattr(run, name)[[0, -1]] for name in
                    ("checkpoints", "checkpoint_theta", "scalars")}
        )  # fmt: skip
        for count in counts:
            back = unlearning.step_back(last, 400 - count)
            error = np.linalg.norm(
                np.asarray(back.theta) - run.checkpoint_theta[run.at(400 - count)]
            )
            assert error <= back.error
            # 1/(1 − ηλ_max) a step is what rounding of 1e-16 grows by.
            assert back.error <= 1e-11 * (1.0 - part) ** -float(count)
    with pytest.raises(ValueError, match=r"^run: expected steps below 1/B"):
        run = hm.training_run(problem, np.zeros(10), 2, hm.GradientDescent(size), checkpoints=[])
        unlearning.step_back(run, 1)
