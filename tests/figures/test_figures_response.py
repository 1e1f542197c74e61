"""The numbers of Figure 3: recomputed, or held against what they must satisfy."""

import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.optimize import minimize

from figures import fig03_perceptron_paths as fig03
from figures.output import as_text, write
from homotopy.teacher import teacher_example

MODULES = {
    "fig03_perceptron_paths": fig03,
}


@pytest.fixture(scope="module")
def numbers():
    # The first example that has such a pair; that those before have none, the figure sees.
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fig03, "SEEDS", range(5, 40))
        return {
            name: json.loads(as_text(module.compute(fast=True))) for name, module in MODULES.items()
        }


def test_figure_3_shows_a_near_point_that_bends_and_a_far_one_that_does_not(numbers):
    data = numbers["fig03_perceptron_paths"]
    curved, straight = data["cases"]["curved"], data["cases"]["nearly straight"]
    for case in (curved, straight):
        path = np.array(case["neuron"])
        chord = path[-1] - path[0]
        normal = np.array([-chord[1], chord[0]]) / np.linalg.norm(chord)
        bend = np.max(np.abs((path - path[0]) @ normal)) / np.linalg.norm(chord)
        assert np.isclose(case["bend_of_neuron"], bend, rtol=1e-9)
        assert case["largest_gradient_norm"] < 1e-11 and case["smallest_eigenvalue"] > 0.0
        assert case["velocity_change"] <= case["velocity_change_bound"]
        row = case["deleted"]
        clean = np.interp(data["X"][row], data["grid"], data["target_function"])
        away = case["distance_from_target_function"]
        assert np.isclose(away, abs(clean - data["y"][row]), atol=2e-3)
    assert curved["bend_of_neuron"] > fig03.CURVED > straight["bend_of_neuron"]
    assert curved["distance_from_target_function"] < straight["distance_from_target_function"]


def test_the_fits_of_figure_3_are_those_of_another_optimiser(numbers):
    data = numbers["fig03_perceptron_paths"]
    example = teacher_example(data["seed"], noise=fig03.NOISE)
    case = data["cases"]["curved"]
    problem = example.problem(case["deleted"], fig03.RIDGE)
    value = jax.jit(jax.value_and_grad(lambda theta: problem.risk(theta, 0.0)))
    grid = np.array(data["grid"])[:, None]
    # From several starts: which of its minima the flow finds is not this test's business.
    distances = []
    for key in range(8):
        start = np.random.default_rng(key).normal(size=problem.dimension)
        start = np.asarray(example.theta0) if key == 0 else start
        found = minimize(
            lambda at: tuple(map(np.asarray, value(jnp.asarray(at)))),
            start,
            jac=True,
            method="BFGS",
            options={"gtol": 1e-9, "maxiter": 5000},
        )
        outputs = problem.predict(jnp.asarray(found.x), jnp.asarray(grid))
        distances.append(np.max(np.abs(np.asarray(outputs) - case["deleted_fit"])))
    assert min(distances) < 1e-4


@pytest.mark.parametrize("name", MODULES)
def test_every_figure_draws_from_its_json(name, numbers, tmp_path):
    paths = write(name, numbers[name], MODULES[name].draw, tmp_path)
    assert sorted(path.suffix for path in paths) == [".json", ".pdf", ".png"]
    assert json.loads((tmp_path / f"{name}.json").read_text()) == numbers[name]
