"""The numbers of the figures on unlearning, on coarse grids, against loops of their own."""

import json

import numpy as np
import pytest
from drawing import drawn

from figures import fig21_work_and_distance, fig22_tightness, fig23_noise_budget
from figures.output import as_text
from homotopy.datasets import diabetes, standardise


def numbers(module):
    return json.loads(as_text(module.compute(fast=True)))


def steps(X, y, theta, size, count):
    for _ in range(count):
        theta = theta - size * X.T @ (X @ theta - y)
    return theta


def of_diabetes(row):
    data, _ = standardise(diabetes())
    kept = np.delete(np.arange(442), row)
    size = 1.0 / np.linalg.eigvalsh(data.X.T @ data.X)[-1]
    return (data.X, data.y), (data.X[kept], data.y[kept]), size


def test_work_and_distance():
    data = numbers(fig21_work_and_distance)
    linear, logistic, batches, perceptron = data["panels"]
    everything, kept, size = of_diabetes(169)
    fit = np.linalg.lstsq(*kept, rcond=None)[0]
    for place, count in enumerate(linear["counts"]):
        for name, before in (("rewind", 200 - count), ("descend", 200)):
            entry = linear["ways"][name]
            theta = steps(*kept, steps(*everything, np.zeros(10), size, before), size, count)
            retrained = steps(*kept, np.zeros(10), size, before + count)
            own, away = np.linalg.norm(theta - retrained), np.linalg.norm(theta - fit)
            assert entry["own"][place] == pytest.approx(own, rel=2e-6)
            assert entry["minimum"][place] == pytest.approx(away, rel=2e-6)
            assert entry["work"][place] == 441 * count
            residuals, rows = kept[0] @ theta - kept[1], np.sum(kept[0] ** 2, axis=1)
            for key, distance in (("loss", own), ("certified_loss", entry["bound"][place])):
                noisy = 0.5 * np.mean(residuals**2 + (distance / data["ratio"]) ** 2 * rows)
                assert entry[key][place] == pytest.approx([noisy, 0.0], rel=2e-5)
    for panel in (linear, logistic, batches):
        rewind, descend = panel["ways"]["rewind"], panel["ways"]["descend"]
        # Nearer to its own retraining, farther from the minimum, and certified to be.
        assert rewind["own"][-1] < 0.3 * descend["own"][-1]
        assert rewind["bound"][-1] < 0.3 * descend["bound"][-1]
        assert rewind["minimum"][-1] > descend["minimum"][-1]
        for entry in (rewind, descend):
            assert np.all(np.array(entry["bound"]) >= entry["own"])
        refit = panel["refits"]["conjugate gradients"]
        assert refit["minimum"] <= refit["bound"] <= fig21_work_and_distance.GOAL
        # More noise is more loss, and none has the least.
        for entry in (rewind, descend):
            mean, error = np.transpose(entry["loss"])
            assert np.all(np.transpose(entry["certified_loss"])[0] > mean)
            assert np.all(mean + 2 * error > panel["loss"])
    # Of a risk that is not convex the bound of descending grows with its work.
    assert np.all(np.diff(perceptron["ways"]["descend"]["bound"]) > 0.0)
    assert perceptron["curvature"][0] < 0.0
    axes = drawn(fig21_work_and_distance, data)
    titles = [ax.get_title(loc="left") or ax.get_title() for ax in axes[:8:2]]
    assert titles == [
        f"({letter}) {panel['title']}" for letter, panel in zip("aceg", data["panels"], strict=True)
    ]


def test_tightness_of_the_bounds():
    data = numbers(fig22_tightness)
    for entry in data["lines"]:
        exact = np.array(entry["exact"])
        assert np.all(exact <= np.array(entry["pathwise"]))
        assert np.all(np.array(entry["pathwise"]) <= np.array(entry["worst_gradient"]) * 1.00001)
        row, count = entry["worst_row"], entry["rewound"]
        everything, kept, size = of_diabetes(row)
        before = steps(*everything, np.zeros(10), size, data["steps"] - count)
        unlearned = steps(*kept, before, size, count)
        retrained = steps(*kept, np.zeros(10), size, data["steps"])
        assert exact[row] == pytest.approx(np.linalg.norm(unlearned - retrained), rel=2e-6)
        assert entry["noise"]["exact"] == pytest.approx(3.73063 * exact[row], rel=1e-5)
    for ratios in data["left"].values():
        assert np.min(ratios) >= 1.0
    # Row 169, from θ* on: 1.75 after ten steps, 1.00 after a hundred.
    assert data["left"]["10"][169] == pytest.approx(1.75, abs=0.005)
    assert data["left"]["100"][169] == pytest.approx(1.00, abs=0.005)
    left, right = drawn(fig22_tightness, data)
    assert len(left.lines) == 4 and len(right.lines) == 9


def test_the_best_schedule_under_a_noise_budget():
    """The notes' example at T = 0.3: ‖θ − θ*₋‖² and dσ², and certified to 1e-6."""
    data = numbers(fig23_noise_budget)
    (entry,) = data["schedules"]
    for name, squared, noise in (
        ("at once", 2.0920e-3, 6.85e-5),
        ("best step", 2.1072e-3, 1.87e-5),
        ("best of all", 2.0953e-3, 1.29e-5),
    ):
        assert entry[name]["squared"] == pytest.approx(squared, rel=1e-4)
        assert entry[name]["noise"] == pytest.approx(noise, rel=5e-3)
    assert entry["gap"] < 1e-5 and entry["structure"].startswith(
        "0→1→0 with switches at 0.0966662, 0.154905"
    )
    methods = data["methods"]
    at = methods["gradients"].index(20)
    assert methods["descent"][at] == pytest.approx(0.120, abs=1e-3)
    assert methods["least"][at] <= 1e-13
    assert np.all(np.array(methods["certificate"]) >= methods["descent"])
    assert len(drawn(fig23_noise_budget, data)) == 2
