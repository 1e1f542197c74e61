"""The numbers of Figures 13 and 14: recomputed, or held against what they must satisfy."""

import json

import numpy as np
import pytest
from scipy.stats import spearmanr

from figures import fig13_learned_schedules as fig13
from figures import fig14_perceptron_answers as fig14
from figures.output import as_text, write
from figures.perceptrons import NOISE, drawn_point
from homotopy.teacher import teacher_example

MODULES = {
    "fig13_learned_schedules": fig13,
    "fig14_perceptron_answers": fig14,
}


# Of the hundred examples of Figure 14 those whose paths have an event, the one without a minimum,
# and some of the others, which are all alike: one branch of minima.
SEEDS = (*range(5), 25, 40, 68, 74, 94, 97)
ENDS = {"one branch", "fold and jump", "symmetry breaks", "branches merge", "no minimum at ε = 1"}


@pytest.fixture(scope="module")
def numbers():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fig14, "SEEDS", SEEDS)
        # Shorter flows have fewer steps. Here one switch is an extremal, and inside of its window.
        for module in MODULES.values():
            patch.setattr(module, "START", 1.0)
            patch.setattr(module, "HORIZON", 3.0)
        patch.setattr(fig13, "AROUND", 0.2)
        return {
            name: json.loads(as_text(module.compute(fast=True))) for name, module in MODULES.items()
        }


def test_learned_schedules_are_no_worse_than_deleting_at_once(numbers):
    entries = numbers["fig13_learned_schedules"]["entries"]
    once = entries["delete at once"]["cost"]
    best = entries["bang-bang"]
    assert best["cost"] <= once * (1 + 1e-9)
    assert best["pmp_residual"] <= entries["delete at once"]["pmp_residual"] + 1e-9
    weights, phi = np.array(best["weights"]), np.array(best["switching_function"])
    clear = np.abs(phi) > 1e-4 * np.abs(phi).max()
    assert best["pmp_residual"] < 1e-6 < 1e-3 < entries["delete at once"]["pmp_residual"]
    assert np.array_equal(weights[clear] > 0.5, phi[clear] > 0.0)


def test_the_switch_is_seen_in_figure_13(numbers):
    data = numbers["fig13_learned_schedules"]
    best, near = data["entries"]["bang-bang"], np.array(data["times_near_switch"])
    weights = np.array(best["weights_near_switch"])
    switch = near[np.flatnonzero(np.diff(weights))[0]]
    # The grid is symmetric around it, and agrees with the curve that is drawn in full.
    assert weights[0] == 1.0 and weights[-1] == 0.0
    assert switch == pytest.approx(near.mean(), abs=near[1] - near[0])
    assert np.all((near >= data["start"]) & (near <= data["horizon"]))
    times, full = np.array(data["times"]), np.array(best["weights"])
    assert abs(times[np.flatnonzero(full < 0.5)[0]] - switch) <= 2 * np.diff(times).max()


def test_answers_follow_from_the_numbers_shown(numbers):
    data = numbers["fig14_perceptron_answers"]
    responses = data["responses"]
    # Unattended: every example ends with a path, or a status that says why there is none.
    assert sum(responses["ended"].values()) == responses["seeds"] == len(SEEDS)
    assert set(responses["ended"]) == ENDS  # as the caption says
    paths = responses["paths"]
    ended = responses["seeds"] - responses["ended"].get("no minimum at ε = 1", 0)
    ended -= responses["ended"].get("unresolved", 0)
    assert len(set(paths["seed"])) == len(paths["seed"]) == ended
    assert all(np.all(np.isfinite(column)) for column in paths.values())
    for name, rho in data["rank_correlation_with_bend"].items():
        assert np.isclose(rho, spearmanr(paths["bend"], paths[name]).statistic, atol=0.05)
    seed, row = paths["seed"][0], paths["row"][0]
    assert row == drawn_point(int(seed))
    example = teacher_example(int(seed), noise=NOISE)
    clean = example.target_function(example.X)[int(row)]
    away = abs(float(clean - example.y[int(row)]))
    assert np.isclose(paths["distance_from_target_function"][0], away, rtol=1e-5)
    assert all(np.array(paths["velocity_change"]) > 0.0)
    schedules = data["schedules"]
    for costs in schedules["costs"]:
        assert 0.0 < costs["best step"] <= min(costs["never"], 1.0) * (1 + 1e-5)
        # Both fixed weights are among the cells.
        assert 0.0 < costs["16 cells"] <= min(costs["never"], 1.0) * (1 + 1e-5)
    assert all(0.0 <= weight <= 1.0 for cells in schedules["cells"] for weight in cells)
    assert len(schedules["costs"]) == len(schedules["distances"]) == 2
    assert all(line[-1] == 1.0 for line in schedules["distances"])


@pytest.mark.parametrize("name", MODULES)
def test_every_figure_draws_from_its_json(name, numbers, tmp_path):
    paths = write(name, numbers[name], MODULES[name].draw, tmp_path)
    assert sorted(path.suffix for path in paths) == [".json", ".pdf", ".png"]
    assert json.loads((tmp_path / f"{name}.json").read_text()) == numbers[name]
