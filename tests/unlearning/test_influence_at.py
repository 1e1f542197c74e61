"""Influence at steps of a run, against loops of NumPy with other weights, and closed forms."""

import jax
import numpy as np
import pytest

import homotopy as hm

GENERATOR = np.random.default_rng(0)
X = GENERATOR.normal(size=(8, 2))
Y = X @ np.array([1.0, -1.0]) + 0.3 * GENERATOR.normal(size=8)
STEPS = [0, 3, 300]


def regression(ridge=0.0):
    return hm.LinearRegression(X, Y, deleted=0, ridge=ridge)


def batches_of(method, size, steps):
    """Rows of all steps, drawn at once."""
    if not isinstance(method, hm.unlearning.ProjectedSGD):
        return np.tile(np.arange(size), (steps, 1))
    return np.asarray(method.sampling.batches(method.seed, size, method.batch_size, 0, steps))


def retrained(method, weights, steps, start, ridge=0.0):
    """θ after steps of projected descent on weighted squares, by a loop."""
    size, theta, found = len(Y), np.array(start, float), {0: np.array(start, float)}
    sizes, batches, scale = method.sizes(0, max(steps)), batches_of(method, size, max(steps)), 1.0
    if batches.shape[1] < size:
        scale = size / method.batch_size
    for step, (eta, rows) in enumerate(zip(sizes, batches, strict=True)):
        residual = weights[rows] * (X[rows] @ theta - Y[rows])
        theta = theta - eta * (scale * residual @ X[rows] + ridge * theta)
        length = np.linalg.norm(theta)
        if length > method.radius:
            theta *= method.radius / length
        found[step + 1] = theta
    return np.array([found[step] for step in steps])


METHODS = {
    "full": hm.unlearning.ProjectedDescent(0.02),
    "steps that change, projected": hm.unlearning.ProjectedDescent([0.1, 0.03], radius=0.9),
    "with replacement": hm.unlearning.ProjectedSGD(0.01, 3, seed=1),
    "epochs": hm.unlearning.ProjectedSGD(0.01, 3, hm.unlearning.Epochs(), seed=2),
}


@pytest.mark.parametrize("name", METHODS)
def test_theta_after_steps_with_other_weights(name):
    method, start, ridge = METHODS[name], [0.7, 0.5], 0.1
    run = hm.training_run(regression(ridge), start, 300, method)
    found = hm.influence_at(run, STEPS)
    np.testing.assert_allclose(
        found.theta, retrained(method, np.ones(8), STEPS, start, ridge), rtol=1e-10, atol=1e-12
    )
    h, known = 1e-4, []
    for row in range(8):
        ends = []
        for sign in (1, -1):
            weights = np.ones(8)
            weights[row] += sign * h
            ends.append(retrained(method, weights, STEPS, start, ridge))
        known.append(-(ends[0] - ends[1]) / (2 * h))
    # Central differences: h² times a third derivative, about 1e-8.
    np.testing.assert_allclose(found.influence, np.moveaxis(known, 0, 1), atol=1e-7)
    assert found.times.tolist() == STEPS and np.any(np.abs(known) > 1e-3)


def test_backwards_and_forwards_give_the_same():
    run = hm.training_run(regression(), [0.7, 0.5], 300, METHODS["epochs"])
    loss = hm.TestLoss(X[:3], Y[:3] + 1.0)
    all_points = hm.influence_at(run, [290], loss)  # one output, eight points: backwards
    few = hm.influence_at(run, [3, 290], loss, points=[5, 1])  # forwards
    np.testing.assert_allclose(few.influence[1], all_points.influence[0, [5, 1]], rtol=1e-9)
    whole = hm.influence_at(run, 290)
    theta = np.asarray(whole.theta[0])
    gradient = (X[:3] @ theta - Y[:3] - 1.0) @ X[:3] / 3
    np.testing.assert_allclose(all_points.influence[0], whole.influence[0] @ gradient, rtol=1e-9)
    np.testing.assert_allclose(
        all_points.value[0], 0.5 * np.mean((X[:3] @ theta - Y[:3] - 1.0) ** 2), rtol=1e-12
    )


def test_own_losses_are_each_of_their_point():
    run = hm.training_run(regression(), [0.7, 0.5], 20, METHODS["full"])
    found = hm.influence_at(run, [20], hm.OwnLoss(), points=[2, 4])
    theta, moved = hm.influence_at(run, 20, points=[2, 4]).theta[0], None
    moved = np.asarray(hm.influence_at(run, 20, points=[2, 4]).influence[0])
    for place, row in enumerate((2, 4)):
        slope = (X[row] @ np.asarray(theta) - Y[row]) * X[row]
        np.testing.assert_allclose(found.influence[0, place], moved[place] @ slope, rtol=1e-9)


def test_many_steps_end_at_the_influence_function():
    problem = regression(0.5)
    run = hm.training_run(problem, [0.7, 0.5], 2000, hm.GradientDescent(0.05))
    found = hm.influence_at(run, run.steps).influence[0]
    known = hm.predict(problem, hm.Influence(), points=range(8)).delta
    # η ≥ 0.05·0.5 a step: nothing is left after 2000.
    np.testing.assert_allclose(found, known, rtol=1e-8)
    # And short steps follow the flow: an error of the order of η.
    start, loss = [0.7, 0.5], hm.TestLoss(X[:3], Y[:3])
    errors = []
    for count in (50, 100):
        small = hm.training_run(regression(), start, count, hm.GradientDescent(0.5 / count))
        flow = hm.influence_in_time(regression(), start, loss, [0.5]).influence[0]
        errors.append(np.abs(hm.influence_at(small, count, loss).influence[0] - flow).max())
    assert 1.6 < errors[0] / errors[1] < 2.4


def test_a_perceptron_by_refits_with_other_weights():
    """Through the package's own runs of problems with weights: SGD on a network."""
    model = hm.mlp([2, 3, 1])
    start = model.initial_parameters(jax.random.key(0))
    method = hm.unlearning.ProjectedSGD(0.02, 4, hm.unlearning.WithoutReplacement(), seed=3)

    def end(weights):
        problem = hm.Problem(model, hm.SquaredError(), X, Y, deleted=0, weights=weights)
        return hm.training_run(problem, start, 30, method)

    run = end(np.ones(8))
    found = hm.influence_at(run, 30, points=[1, 6]).influence[0]
    for place, row in enumerate((1, 6)):
        weights, h = np.ones(8), 1e-4
        weights[row] += h
        above = np.asarray(end(weights).theta)
        weights[row] -= 2 * h
        below = np.asarray(end(weights).theta)
        np.testing.assert_allclose(found[place], -(above - below) / (2 * h), atol=1e-7)


@pytest.mark.usefixtures("without_shape_checks")
def test_bad_input_is_refused_by_name():
    run = hm.training_run(regression(), [0.7, 0.5], 4, METHODS["full"])
    with pytest.raises(ValueError, match="steps: expected an integer from 0 to 4, got 5"):
        hm.influence_at(run, [5])
    with pytest.raises(ValueError, match="steps: expected at least one"):
        hm.influence_at(run, [])
    with pytest.raises(ValueError, match="points: expected row numbers from 0 to 7"):
        hm.influence_at(run, 4, points=[8])
    with pytest.raises(TypeError, match="run: expected a TrainingRun"):
        hm.influence_at(regression(), 4)
