"""Figures 12 and 15: what they show, by SciPy's solvers with derivatives written out by hand."""

import json

import matplotlib.pyplot as plt
import numpy as np
import pytest
from scipy.integrate import solve_ivp
from scipy.optimize import root

from figures import fig12_perceptron_homotopy as fig12
from figures import fig15_diabetes_perceptron as fig15
from figures.fig03_perceptron_paths import NOISE, RIDGE
from figures.output import as_text, write
from homotopy.datasets import diabetes, standardise
from homotopy.teacher import teacher_example

MODULES = {"fig12_perceptron_homotopy": fig12, "fig15_diabetes_perceptron": fig15}


@pytest.fixture(scope="module")
def numbers():
    """What every figure computes, as its JSON file holds it."""
    return {
        name: json.loads(as_text(module.compute(fast=True))) for name, module in MODULES.items()
    }


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


class Perceptron:
    """A tanh perceptron with one hidden layer, and its squared risk with a weight for each row."""

    def __init__(self, X, y, ridge):
        self.X, self.y, self.ridge = np.asarray(X), np.asarray(y), ridge

    def outputs(self, theta, X=None):
        inner, outer, offset = self._layers(theta, self.X if X is None else X)
        return inner @ outer + offset

    def jacobian(self, theta, X=None):
        X = self.X if X is None else np.asarray(X)
        inner, outer, _ = self._layers(theta, X)
        slopes = (1.0 - inner**2) * outer
        weights = (slopes[:, :, None] * X[:, None, :]).reshape(len(X), -1)
        return np.hstack([weights, slopes, inner, np.ones((len(X), 1))])

    def velocity(self, theta, weights):
        """−∇R: −Jᵀr − ρθ, a layer at a time from the output back."""
        inner, outer, offset = self._layers(theta, self.X)
        residuals = weights * (inner @ outer + offset - self.y)
        slopes = (1.0 - inner * inner) * outer * residuals[:, None]
        parts = (slopes.T @ self.X).ravel(), slopes.sum(0), residuals @ inner, [residuals.sum()]
        return -np.concatenate(parts) - self.ridge * theta

    def flow(self, theta0, weights, times):
        def field(t, theta):
            return self.velocity(theta, weights)

        span = (0.0, times[-1])
        solution = solve_ivp(field, span, theta0, "LSODA", times, rtol=1e-10, atol=1e-12)
        return solution.y.T

    def fit(self, start, weights):
        """The stationary point near a start, to rounding."""
        found = root(self.velocity, start, args=(weights,), tol=1e-14)
        size = np.linalg.norm(self.jacobian(found.x), 2) * np.linalg.norm(self.y)
        assert np.linalg.norm(found.fun) < 1e-11 * size
        return found.x

    def weights(self, row, epsilon):
        weights = np.ones(len(self.y))
        weights[row] = epsilon
        return weights

    def _layers(self, theta, X):
        X = np.asarray(X)
        width = (theta.size - 1) // (X.shape[1] + 2)
        bias, outer = theta[:-1].reshape(-1, width)[-2:]
        inner = np.tanh(X @ theta[: width * X.shape[1]].reshape(width, -1).T + bias)
        return inner, outer, theta[-1]


def projected(plane, theta):
    return (theta - np.array(plane["centre"])) @ np.array(plane["directions"]).T


# --- Figure 12


@pytest.fixture(scope="module")
def homotopies(numbers):
    """Each case with its perceptron, θ₀, times and independent trajectories at ε = 0, ½, 1."""
    data = numbers["fig12_perceptron_homotopy"]
    example = teacher_example(data["seed"], noise=NOISE)
    perceptron, theta0 = Perceptron(example.X, example.y, RIDGE), np.asarray(example.theta0)
    times = np.array(data["times"])
    found = {}
    for name, case in data["cases"].items():
        weights = [perceptron.weights(case["deleted"], epsilon) for epsilon in (0.0, 0.5, 1.0)]
        theta = np.array([perceptron.flow(theta0, weight, times) for weight in weights])
        found[name] = case, theta
    return data, perceptron, theta0, found


def test_the_trajectories_of_figure_12_by_another_solver(homotopies):
    data, _, _, found = homotopies
    epsilons = np.array(data["epsilons"])
    for case, theta in found.values():
        points = np.array(case["trajectories"])[np.searchsorted(epsilons, [0.0, 0.5, 1.0])]
        assert np.allclose(points, projected(case["plane"], theta), rtol=0.0, atol=1e-5)
        directions = np.array(case["plane"]["directions"])
        assert np.allclose(directions @ directions.T, np.eye(2), atol=1e-12)
        effect = np.linalg.norm(theta[-1] - theta[0], axis=1)
        assert np.allclose(case["effect"], effect, rtol=1e-4, atol=1e-6)
        assert case["trajectories"][0][0] == case["trajectories"][-1][0]


def test_predictions_of_figure_12(homotopies):
    data, perceptron, _, found = homotopies
    for case, theta in found.values():
        for place, epsilon in ((0, 0.0), (1, 0.5), (2, 1.0)):
            outputs = [perceptron.outputs(at, [[case["input"]]])[0] for at in theta[place]]
            shown = case["predictions"][data["shown"].index(epsilon)]
            assert np.allclose(shown, outputs, rtol=0.0, atol=1e-5)


def test_first_order_of_figure_12_by_small_changes_of_the_weight(homotopies):
    data, perceptron, theta0, found = homotopies
    times, step = np.array(data["times"]), 1e-4
    for case, _ in found.values():
        row = case["deleted"]
        higher, lower = (
            perceptron.flow(theta0, perceptron.weights(row, 1.0 + change), times)
            for change in (step, -step)
        )
        slope = np.linalg.norm(higher - lower, axis=1) / (2.0 * step)
        assert np.allclose(case["first_order"], slope, rtol=2e-3, atol=1e-4)


def test_limits_of_figure_12_are_fits_and_their_slopes(homotopies):
    _, perceptron, _, found = homotopies
    for case, theta in found.values():
        row = case["deleted"]

        def refit(epsilon, start, row=row):
            return perceptron.fit(start, perceptron.weights(row, epsilon))

        ends = [refit(epsilon, theta[place, -1]) for epsilon, place in ((0.0, 0), (1.0, 2))]
        limits = np.array(case["limits"])
        assert np.allclose(limits[[0, -1]], projected(case["plane"], np.array(ends)), atol=1e-5)
        whole = np.linalg.norm(ends[1] - ends[0])
        assert case["whole_effect"] == pytest.approx(whole, rel=1e-6)
        slopes = {
            "at_0": (refit(1e-4, ends[0]) - ends[0]) / 1e-4,
            "at_1": (ends[1] - refit(1 - 1e-4, ends[1])) / 1e-4,
        }
        for name, slope in slopes.items():
            assert case["influence"][name] == pytest.approx(np.linalg.norm(slope), rel=1e-3)
        assert case["effect"][-1] == pytest.approx(whole, rel=1e-4)
        assert case["first_order"][-1] == pytest.approx(case["influence"]["at_1"], rel=1e-3)
        assert case["largest_distance_from_limit"] < 1e-5
        assert case["smallest_eigenvalue"] > 0.0


def test_the_caption_of_figure_12_holds(numbers):
    data = numbers["fig12_perceptron_homotopy"]
    times = np.array(data["times"])
    curved, straight = data["cases"].values()
    assert np.max(curved["effect"], where=times <= 150, initial=0.0) < 0.155
    assert 0.50 < curved["whole_effect"] < 0.52
    ratios = {name: value / curved["whole_effect"] for name, value in curved["influence"].items()}
    assert ratios == pytest.approx({"at_0": 1.19, "at_1": 0.84}, abs=0.01)
    assert straight["influence"]["at_1"] / straight["whole_effect"] == pytest.approx(1, abs=5e-3)
    peak = np.argmax(straight["effect"])
    assert 12 < times[peak] < 20 and straight["effect"][peak] > 0.28
    assert straight["first_order"][peak] / straight["effect"][peak] < 0.6


# --- Figure 15


@pytest.fixture(scope="module")
def forgotten(numbers):
    """The numbers, the perceptron, and its fits with and without the patient."""
    data = numbers["fig15_diabetes_perceptron"]
    dataset, _ = standardise(diabetes())
    perceptron = Perceptron(dataset.X, dataset.y, data["ridge"])
    row, theta0 = data["deleted"], np.array(data["theta0"])
    fits = []
    for epsilon in (0.0, 1.0):
        weights = perceptron.weights(row, epsilon)
        near = perceptron.flow(theta0, weights, np.array([0.0, 5.0]))[-1]
        fits.append(perceptron.fit(near, weights))
    return data, perceptron, np.array(fits)


def test_the_patient_of_figure_15_by_leverages_of_the_augmented_rows(forgotten):
    data, perceptron, (_, full) = forgotten
    jacobian = perceptron.jacobian(full)
    rows = np.vstack([jacobian, np.sqrt(data["ridge"]) * np.eye(full.size)])
    leverages = np.sum(np.linalg.qr(rows)[0] ** 2, axis=1)[: len(perceptron.y)]
    products = np.abs(perceptron.y - perceptron.outputs(full)) * leverages
    assert np.argmax(products) == data["deleted"]
    assert np.allclose(np.sort(products)[::-1][:5], data["largest_products"], rtol=1e-8)
    assert np.allclose(fig15.leverages(jacobian, data["ridge"]), leverages, rtol=1e-9)


def test_the_response_path_of_figure_15_by_refits(forgotten):
    data, perceptron, (without, full) = forgotten
    row, start = data["deleted"], full
    for place in range(len(data["epsilons"]) - 1, -1, -4):
        start = perceptron.fit(start, perceptron.weights(row, data["epsilons"][place]))
        assert np.allclose(data["path"][place], projected(data["plane"], start), atol=1e-8)
        distance = np.linalg.norm(start - without)
        assert data["distance"][place] == pytest.approx(distance, abs=1e-8)
    assert data["whole_change"] == pytest.approx(np.linalg.norm(full - without), rel=1e-8)


def test_local_models_of_figure_15_by_refits(forgotten):
    data, perceptron, (without, full) = forgotten
    row, step = data["deleted"], 1e-3

    def refit(epsilon, start):
        return perceptron.fit(start, perceptron.weights(row, epsilon))

    near = [refit(1.0 - k * step, full) for k in range(4)]
    velocities = {
        "at_1": (11 * near[0] - 18 * near[1] + 9 * near[2] - 2 * near[3]) / (6 * step),
    }
    near = [refit(k * step, without) for k in range(4)]
    velocities["at_0"] = (-11 * near[0] + 18 * near[1] - 9 * near[2] + 2 * near[3]) / (6 * step)
    for name, velocity in velocities.items():
        assert data["influence_norms"][name] == pytest.approx(np.linalg.norm(velocity), rel=1e-5)
    assert data["influence"]["at_1"][0] == pytest.approx(
        np.linalg.norm(full - velocities["at_1"] - without), rel=1e-4
    )
    # Of order four in the distance from ε = 1.
    errors = np.abs(np.array(data["taylor"]) - data["distance"])
    assert errors[0] > errors[len(errors) // 2] > errors[-2]
    middle, end = len(errors) // 2, 0
    assert errors[middle] < errors[end] / 8
    scale = standardise(diabetes())[1].target_scale
    changes = scale * (perceptron.outputs(without) - perceptron.outputs(full))
    assert np.allclose(data["changes"], changes, rtol=1e-5, atol=1e-6)
    for name, fit in (("at_0", without), ("at_1", full)):
        predicted = -scale * perceptron.jacobian(fit) @ velocities[name]
        assert np.allclose(data["predicted_changes"][name], predicted, rtol=1e-3, atol=1e-4)


def test_distances_in_time_of_figure_15_by_another_solver(forgotten):
    data, perceptron, (without, _) = forgotten
    row, theta0 = data["deleted"], np.array(data["theta0"])
    start, horizon, best = (data[name] for name in ("start", "horizon", "best_switch"))
    full, deleted = (perceptron.weights(row, epsilon) for epsilon in (1.0, 0.0))

    def cost(switch):
        middle = perceptron.flow(theta0, full, np.array([0.0, switch]))[-1]
        if switch < horizon:
            middle = perceptron.flow(middle, deleted, np.array([0.0, horizon - switch]))[-1]
        return 0.5 * np.sum((middle - without) ** 2)

    switches = {"deleted at the request": start, "best single step": best, "never deleted": horizon}
    for name, switch in switches.items():
        assert data["distances"][name][-1] == pytest.approx(cost(switch), rel=1e-5)
    others = np.linspace(start, horizon, 6)
    assert cost(best) <= min(cost(switch) for switch in others)

    def decaying(t, theta):
        epsilon = np.clip((horizon - t) / (horizon - start), 0.0, 1.0)
        return perceptron.velocity(theta, perceptron.weights(row, epsilon))

    at_start = perceptron.flow(theta0, full, np.array([0.0, start]))[-1]
    end = solve_ivp(decaying, (start, horizon), at_start, "LSODA", rtol=1e-9, atol=1e-11).y[:, -1]
    expected = 0.5 * np.sum((end - without) ** 2)
    assert data["distances"]["linear decay"][-1] == pytest.approx(expected, rel=1e-5)


def test_the_caption_of_figure_15_holds(numbers):
    data = numbers["fig15_diabetes_perceptron"]
    assert data["deleted"] == 256
    whole, influence = data["whole_change"], data["influence_norms"]
    assert influence["at_1"] / whole == pytest.approx(0.85, abs=0.01)
    assert influence["at_0"] / whole == pytest.approx(1.21, abs=0.01)
    assert data["taylor"][0] / whole == pytest.approx(0.02, abs=0.005)
    assert data["best_switch"] / data["horizon"] == pytest.approx(0.64, abs=0.01)
    ends = {name: values[-1] for name, values in data["distances"].items()}
    assert ends["best single step"] < ends["deleted at the request"] / 2
    assert [round(value) for value in data["own_predictions"]] == [227, 244]
    assert data["outcome"] == pytest.approx(346.0)
    assert data["solver"]["distance_of_deleted_fits"] < 1e-10
    assert data["solver"]["smallest_eigenvalue"] > 2.5


# --- pictures and files


@pytest.mark.parametrize("name", MODULES)
def test_every_figure_draws_from_its_json(numbers, name, tmp_path):
    paths = write(name, numbers[name], MODULES[name].draw, tmp_path)
    assert sorted(path.suffix for path in paths) == [".json", ".pdf", ".png"]
    assert json.loads((tmp_path / f"{name}.json").read_text(encoding="utf-8")) == numbers[name]
    for entry in ("versions", "solver"):
        assert numbers[name][entry]
    assert "seed" in numbers[name]
