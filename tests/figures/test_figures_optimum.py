"""Figures 7 to 11: what they claim, by 50-digit costs and properties of the numbers shown."""

import json

import matplotlib.pyplot as plt
import numpy as np
import pytest
from oracles import control

import homotopy as hm
from figures import (
    fig07_optimal_schedules,
    fig08_synthesis_map,
    fig09_certificate,
    fig10_optimal_portraits,
    fig11_diabetes_gains,
)
from figures.deletions import REACHED, deletions_on, random_deletion, structure_of
from figures.output import as_text, write
from homotopy.datasets import diabetes, standardise
from homotopy.deletion.optimum_curves import sample_optimum
from homotopy.plotting.optimum import LABELS, OptimumCurves

MODULES = {
    "fig07_optimal_schedules": fig07_optimal_schedules,
    "fig08_synthesis_map": fig08_synthesis_map,
    "fig09_certificate": fig09_certificate,
    "fig10_optimal_portraits": fig10_optimal_portraits,
    "fig11_diabetes_gains": fig11_diabetes_gains,
}
GAP = 1e-6


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


def data_of(deletion):
    """(X, y, deleted, ridge, θ₀) for the oracles."""
    problem = deletion.problem
    arrays = (np.asarray(part) for part in (problem.X, problem.y, problem.deleted))
    return (*arrays, 0.0, np.asarray(deletion.theta0))


def switched(structure, start):
    """Values of ε for "1→0 with switch at …", and its switch times."""
    arrows, _, times = structure.partition(" with ")
    values = [float(value) for value in arrows.removesuffix(" throughout").split("→")]
    times = [float(time) for time in times.split(" at ")[-1].split(", ")] if times else []
    return [start, *times], [1.0, *values]


# --- Figure 7


def test_every_column_of_figure_7_is_a_certified_optimum_of_its_structure(numbers):
    columns = numbers["fig07_optimal_schedules"]["columns"]
    assert list(columns) == ["1", "1→0", "0→1", "0→1→0"]  # the fifth is slow
    for structure, column in columns.items():
        assert column["structure"].split(" ")[0] == structure
        assert column["status"].startswith("a global optimum")
        assert 0.0 <= column["gap"] <= GAP
        assert column["lower_bound"] <= column["cost"]
        assert column["pmp_residual"] <= 1e-9
        assert column["gain"] > 1.05
        assert column["controllability_margin"] > 0.0
        switches = [column["start"], *column["curves"]["switches"], column["horizon"]]
        arcs = np.diff(np.unique(switches)) / (column["horizon"] - column["start"])
        assert arcs.min() > 0.04  # to be seen


@pytest.mark.parametrize("structure", ["1", "1→0", "0→1", "0→1→0"])
def test_the_costs_of_figure_7_in_50_digits(numbers, structure):
    column = numbers["fig07_optimal_schedules"]["columns"][structure]
    data = data_of(random_deletion(column["seed"], 2))
    assert np.array_equal(data[-1], column["theta0"])
    start, horizon = column["start"], column["horizon"]
    times, values = switched(column["structure"], start)
    # Six digits of stationary switch times: an error of second order.
    assert control.cost(*data, times, values, horizon) == pytest.approx(column["cost"], rel=1e-8)
    baseline = control.cost(*data, [start], [1.0, 0.0], horizon)
    assert column["gain"] == pytest.approx(baseline / column["cost"], rel=1e-9)
    # Schedules of every kind stay above the bound.
    generator = np.random.default_rng(0)
    for _ in range(10):
        edges = np.sort(generator.uniform(start, horizon, 4))
        values = [1.0, *generator.choice([0.0, 0.3, 1.0], 4)]
        rival = control.cost(*data, [start, *edges[1:]], values, horizon)
        assert rival >= column["lower_bound"]


def test_the_curves_of_figure_7_satisfy_pontryagins_principle(numbers):
    for column in numbers["fig07_optimal_schedules"]["columns"].values():
        curves = OptimumCurves.from_numbers(column["curves"])
        phi = np.asarray(curves.switching_function)
        product = np.sum(curves.residual * curves.sigma, axis=1)
        assert np.allclose(phi, product, rtol=1e-4, atol=1e-6 * np.abs(phi).max())
        middle = (phi[1:] + phi[:-1]) / 2
        free = curves.times[:-1] >= curves.start
        clear = free & (np.abs(middle) > 1e-3 * np.abs(phi[:-1][free]).max())
        assert np.array_equal(curves.weights[clear], (middle[clear] > 0.0) * 1.0)
        inside = curves.switches[curves.switches > curves.start]
        zeros = np.concatenate([curves.vanishing(curves.residual), curves.vanishing(curves.sigma)])
        assert np.array_equal(np.sort(zeros), inside)


# --- Figure 8


def test_the_evidence_of_figure_8(numbers):
    solver = numbers["fig08_synthesis_map"]["solver"]
    assert solver["certified_points"] == 4 * 4
    assert solver["largest_gap"] <= GAP
    assert solver["structures_changed"] == 0
    assert solver["largest_excess_of_cost"] <= 1e-9
    assert solver["largest_pmp_residual"] <= 1e-9


def test_the_maps_of_figure_8(numbers):
    data = numbers["fig08_synthesis_map"]
    keys = data["structures"]
    for panel in data["maps"].values():
        gain, structure = np.array(panel["gain"]), np.array(panel["structure"])
        reached = structure == keys.index(REACHED)
        assert np.array_equal(gain == 0.0, reached)
        assert np.all(gain[~reached] >= 1.0 - 1e-9)
        assert np.allclose(gain[structure == keys.index("0")], 1.0, rtol=1e-9)
        assert sum(panel["shares"].values()) == pytest.approx(1.0)
        assert panel["shares"]["other"] == 0.0
    shares = data["maps"]["a"]["shares"]
    assert all(shares[key] > 0.0 for key in ("0", "1→0", "1", "0→1"))
    # Panel (d) shows where deleting at once is not the best: at early requests and short times.
    panel = data["maps"]["d"]
    assert all(panel["shares"][key] > 0.0 for key in ("0", "1", "0→1"))
    gain = np.array(panel["gain"])
    # The map is drawn to five digits.
    assert panel["largest_finite_gain"] == pytest.approx(gain.max(), rel=1e-4)
    assert gain.max() > 1.01
    beyond = np.add.outer(panel["y"], panel["x"]) > 1.7
    assert np.allclose(gain[beyond], 1.0, rtol=1e-9)


def test_gains_of_figure_8_in_50_digits(numbers):
    data = numbers["fig08_synthesis_map"]
    instance, panel = data["instance"], data["maps"]["a"]
    problem = np.array(instance["X"]), np.array(instance["y"]), [instance["deleted"]], 0.0
    keep = np.argwhere(np.array(panel["structure"]) == data["structures"].index("1"))
    for row, column in keep[:: len(keep) // 3]:
        theta0 = np.array([panel["x"][column], panel["y"][row]])
        at_once = control.cost(*problem, theta0, [0.5], [1.0, 0.0], 1.5)
        never = control.cost(*problem, theta0, [1.5], [1.0, 0.0], 1.5)
        assert panel["gain"][row][column] == pytest.approx(at_once / never, rel=1e-4)


def test_vectorised_deletions_are_those_built_one_by_one():
    single = random_deletion(0, 2)
    theta0 = np.array([[1.0, 2.0], [-3.0, 0.5]])
    starts, horizon = np.array([0.1, 0.2]), 0.5
    deletions, baselines = deletions_on(single.problem, theta0, starts, horizon)
    for deletion, baseline, point, start in zip(deletions, baselines, theta0, starts, strict=True):
        expected = hm.Deletion(single.problem, point, start, horizon)
        assert float(deletion.cost(hm.Step(start))) == pytest.approx(float(baseline), rel=1e-12)
        assert float(baseline) == pytest.approx(float(expected.cost(hm.Step(start))), rel=1e-12)


# --- Figure 9


def test_the_bounds_of_figure_9(numbers):
    instances = numbers["fig09_certificate"]["instances"]
    for instance in instances.values():
        cost = instance["optimum"]["cost"]
        for way in ("exact", "swept"):
            bounds = np.array(instance[way]["lower_bounds"])
            assert np.all(np.diff(bounds) >= 0.0)
            assert np.all(np.diff(instance[way]["evaluations"]) >= 0)
            assert np.all(bounds <= cost * (1 + 1e-12))
        assert instance["exact"]["gap"] <= GAP and instance["optimum"]["gap"] <= GAP
        assert instance["optimum"]["pmp_residual"] <= 1e-9
    assert instances["influential"]["exact"]["nodes"] == 1
    # What the exact tube is for.
    wide = instances["wide window"]
    assert 1.0 - wide["swept"]["lower_bounds"][-1] / wide["optimum"]["cost"] > 1e4 * GAP


def test_cells_of_figure_9_stay_above_the_bound_and_improve_as_they_get_finer(numbers):
    for instance in numbers["fig09_certificate"]["instances"].values():
        costs = np.array(instance["cell_costs"])
        assert np.all(costs >= instance["optimum"]["lower_bound"])
        # Each count of cells divides the next one.
        assert np.all(np.diff(costs) <= 1e-9 * costs[:-1])


# --- Figure 10


def test_the_optimum_of_figure_10_beats_the_schedules_of_figure_4(numbers):
    data = numbers["fig10_optimal_portraits"]
    problem = data["instance"]
    problem = np.array(problem["X"]), np.array(problem["y"]), [problem["deleted"]], 0.0
    for key, row in data["rows"].items():
        costs, optimum = row["costs"], row["optimum"]
        assert costs["optimum"] == pytest.approx(optimum["cost"], rel=1e-9)
        assert all(optimum["lower_bound"] <= cost for cost in costs.values())
        assert all(optimum["cost"] <= cost * (1 + 1e-12) for cost in costs.values())
        assert optimum["gap"] <= GAP and optimum["pmp_residual"] <= 1e-9
        times, values = switched(optimum["structure"], data["start"])
        theta0 = np.array(data["instance"][key])
        expected = control.cost(*problem, theta0, times, values, data["horizon"])
        # The switch time is shown with six digits.
        assert optimum["cost"] == pytest.approx(expected, rel=1e-6)
        # Pontryagin's principle, from the curves drawn.
        curves = OptimumCurves.from_numbers(row["curves"])
        phi = curves.switching_function
        middle, free = (phi[1:] + phi[:-1]) / 2, curves.times[:-1] >= curves.start
        clear = free & (np.abs(middle) > 1e-3 * np.abs(phi[:-1][free]).max())
        assert clear.sum() > 10
        assert np.array_equal(curves.weights[clear], (middle[clear] > 0.0) * 1.0)
    assert data["rows"]["theta0"]["gain_over_best_of_figure_4"] > 10
    assert data["rows"]["other_theta0"]["gain_over_deleting_at_once"] == pytest.approx(1.0)


# --- Figure 11


def test_the_gains_of_figure_11(numbers):
    data = numbers["fig11_diabetes_gains"]
    for table in (data["patients"], *data["groups"].values()):
        cost, gain = np.array(table["cost"]), np.array(table["gain"])
        assert np.all(gain >= 1.0 - 1e-9)
        assert np.all(np.array(table["lower_bound"]) <= cost * (1 + 1e-11))
        at_once = np.array(table["structure"]) == "0"
        assert np.allclose(gain[at_once], 1.0, rtol=1e-9)
    influential = data["influential"]
    cost, baseline = np.array(influential["cost"]), np.array(influential["baseline_cost"])
    assert np.all(np.array(influential["lower_bound"]) <= cost * (1 + 1e-11))
    clear = cost > 1e-9 * baseline  # nearer to none the gap is rounding's
    assert clear.any() and np.all(np.array(influential["gap"])[clear] <= GAP)
    solver = data["solver"]
    assert solver["fraction_certified_to_1e-6"] == 1.0
    assert solver["largest_excess_of_cost_of_bang_bangs"] <= 1e-6
    assert solver["largest_pmp_residual"] <= 1e-9


def test_costs_of_figure_11_in_50_digits(numbers):
    data = numbers["fig11_diabetes_gains"]
    dataset, _ = standardise(diabetes())
    table = data["patients"]
    for place in (0, 5):
        arguments = dataset.X, dataset.y, [data["rows"][place]], 0.0, np.zeros(10)
        expected = control.cost(*arguments, [data["start"]], [1.0, 0.0], data["horizon"])
        assert table["baseline_cost"][place] == pytest.approx(expected, rel=1e-9)


def test_groups_of_figure_11_are_bounded_honestly(numbers):
    for group in numbers["fig11_diabetes_gains"]["groups"].values():
        for common, separate in zip(group["bounded"], group["separate"], strict=True):
            assert common["lower_bound"] <= common["cost"]
            assert common["gap"] == pytest.approx(1 - common["lower_bound"] / common["cost"])
            # A schedule for each point can do all that a common one can.
            assert separate["cost"] <= common["cost"] * (1 + 1e-9)
            assert separate["lower_bound"] <= separate["cost"]


# --- pictures and files


@pytest.mark.parametrize("name", MODULES)
def test_every_figure_draws_from_its_json(numbers, name, tmp_path):
    paths = write(name, numbers[name], MODULES[name].draw, tmp_path)
    assert sorted(path.suffix for path in paths) == [".json", ".pdf", ".png"]
    assert json.loads((tmp_path / f"{name}.json").read_text(encoding="utf-8")) == numbers[name]
    for entry in ("versions", "solver"):
        assert numbers[name][entry]
    assert "seed" in numbers[name] or "seed" in numbers[name]["instance"]


def test_computing_twice_gives_the_same_text(numbers):
    for name in ("fig07_optimal_schedules", "fig08_synthesis_map"):
        assert as_text(MODULES[name].compute(fast=True)) == as_text(numbers[name])


def test_an_optimum_is_drawn_with_its_reasons():
    deletion = random_deletion(37, 2)
    optimum = hm.optimise(deletion, hm.Everything())
    assert structure_of(optimum) == "0→1"
    axes = optimum.plot()
    assert [ax.get_ylabel() for ax in axes] == list(LABELS)
    start, switch = np.asarray(optimum.schedule.breakpoints)[:2]
    # 1 until s, 0 until the switch, 1 from then on.
    times, weights = axes[0].lines[0].get_data()
    assert np.all(weights[times < start] == 1.0)
    assert np.all(weights[(times > start) & (times < switch)] == 0.0)
    assert np.all(weights[times > switch] == 1.0)
    # Here σ vanishes at the switch, and not v.
    rings = [ax.lines[1].get_xdata() for ax in axes[1:3]]
    assert len(rings[0]) == 0 and np.allclose(rings[1], [switch])
    phi = optimum.switching_function
    times, values = axes[3].lines[0].get_data()
    assert np.allclose(values, phi(times), rtol=1e-9, atol=1e-12)


def test_the_curves_of_an_optimum_survive_json():
    deletion = random_deletion(37, 2)
    curves = sample_optimum(deletion, hm.optimise(deletion, hm.Everything()).schedule)
    again = OptimumCurves.from_numbers(json.loads(json.dumps(curves.numbers())))
    for name, value in curves.numbers().items():
        assert again.numbers()[name] == value


def test_an_optimum_can_be_drawn_into_axes_given():
    _, axes = plt.subplots(4, 1)
    optimum = hm.optimise(random_deletion(37, 2), hm.Everything())
    assert optimum.plot(axes) == list(axes)
    assert all(len(ax.lines) for ax in axes)
