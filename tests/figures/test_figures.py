"""The figures' numbers: the claims of the notes' captions, and independent computations."""

import json

import matplotlib.pyplot as plt
import numpy as np
import pytest
from oracles import control, flow
from scipy.integrate import solve_ivp

from figures import NAMES, __main__, fig02_homotopy, fig04_phase_portraits, fig05_deletion_time
from figures import fig06_diabetes as fig06
from figures.instance import MARGIN, circle, find_instance
from figures.output import as_numbers, as_text, significant, write
from homotopy.datasets import diabetes, standardise

MODULES = {
    "fig02_homotopy": fig02_homotopy,
    "fig04_phase_portraits": fig04_phase_portraits,
    "fig05_deletion_time": fig05_deletion_time,
    "fig06_diabetes": fig06,
}


@pytest.fixture(scope="module")
def numbers():
    """What every figure computes, as its JSON file holds it."""
    return {name: json.loads(as_text(MODULES[name].compute(fast=True))) for name in MODULES}


@pytest.fixture(scope="module")
def notes(numbers):
    return numbers["fig04_phase_portraits"]


def oracle_arguments(data):
    instance = data["instance"]
    return np.array(instance["X"]), np.array(instance["y"]), [instance["deleted"]], 0.0


# --- Figure 4


def test_the_caption_of_figure_4_holds(notes):
    assert len(notes["claims"]) == 4
    assert all(notes["claims"].values()), notes["claims"]
    cost = notes["costs"]
    # Said again here from the numbers, so that the claims themselves are tested.
    assert cost["c"] < cost["b"] < cost["d"] < cost["a"]
    assert cost["e"] < cost["f"]


def test_the_panels_of_figure_4_are_those_of_the_notes(notes):
    schedules = {panel: entry["schedule"] for panel, entry in notes["panels"].items()}
    assert schedules["b"] == schedules["e"] == "Step(switch=0.5)"
    assert schedules["c"] == schedules["f"] == "Step(switch=1)"
    assert schedules["a"].startswith("Ramp(")
    assert np.shape(notes["instance"]["X"]) == (20, 2)
    assert all(panel["admissible"] for panel in notes["panels"].values())
    starts = {panel: tuple(entry["start"]) for panel, entry in notes["panels"].items()}
    assert len({starts[panel] for panel in "abcd"}) == 1
    assert starts["e"] == starts["f"] != starts["a"]


@pytest.mark.parametrize("panel", "abcdef")
def test_the_costs_of_figure_4_in_50_digits(notes, panel):
    which = "other_theta0" if panel in "ef" else "theta0"
    arguments = (*oracle_arguments(notes), np.array(notes["instance"][which]))
    horizon = notes["horizon"]
    if panel == "a":
        expected = control.ramp_cost(*arguments, notes["start"], horizon, 1.0, horizon)
        accuracy = 1e-9
    else:
        switch = {"b": 0.5, "c": 1.0, "d": 2.5, "e": 0.5, "f": 1.0}[panel]
        expected = control.cost(*arguments, [switch], [1.0, 0.0], horizon)
        accuracy = 1e-11
    assert notes["costs"][panel] == pytest.approx(expected, rel=accuracy)
    (path,) = notes["panels"][panel]["paths"].values()
    miss = np.array(path["points"][-1]) - np.array(notes["panels"][panel]["deleted_fit"])
    assert 0.5 * miss @ miss == pytest.approx(expected, rel=1e-8)


def test_the_linear_decay_follows_the_ode(notes):
    X, y, deleted, _ = oracle_arguments(notes)
    start, horizon = notes["start"], notes["horizon"]

    def velocity(t, theta):
        weights = np.ones(20)
        weights[deleted] = np.clip((horizon - t) / (horizon - start), 0.0, 1.0)
        return -X.T @ (weights * (X @ theta - y))

    solution = solve_ivp(
        velocity, (0, horizon), notes["instance"]["theta0"], "DOP853", rtol=1e-11, atol=1e-12
    )
    (path,) = notes["panels"]["a"]["paths"].values()
    assert np.allclose(path["points"][-1], solution.y[:, -1], rtol=1e-7)


def test_the_instance_is_the_first_that_the_rule_allows(notes):
    instance = find_instance()
    assert instance.seed == instance.seeds_rejected == notes["instance"]["seed"]
    starts = circle().tolist()
    assert instance.theta0.tolist() in starts and instance.other_theta0.tolist() in starts
    cost = notes["costs"]
    factors = [cost["b"] / cost["c"], cost["d"] / cost["b"], cost["a"] / cost["d"]]
    assert min(*factors, cost["f"] / cost["e"]) >= MARGIN
    # The deleted point is the one whose deletion moves the fit most, by refitting without each.
    X, y, (deleted,), _ = oracle_arguments(notes)
    full = np.linalg.lstsq(X, y, rcond=None)[0]
    moves = []
    for row in range(20):
        kept = np.arange(20) != row
        moves.append(np.linalg.norm(np.linalg.lstsq(X[kept], y[kept], rcond=None)[0] - full))
    assert deleted == np.argmax(moves)


# --- Figure 2


def test_the_surface_of_figure_2(numbers):
    data = numbers["fig02_homotopy"]
    theta, epsilons = np.array(data["theta"]), np.array(data["epsilons"])
    assert theta.shape == (len(epsilons), len(data["times"]), 2)
    assert (epsilons[0], epsilons[-1]) == (0.0, 1.0)
    for index in (0, 3, len(epsilons) - 1):
        expected = flow.flow(
            *oracle_arguments(data), data["theta0"], [], [epsilons[index]], data["times"]
        )
        assert np.allclose(theta[index], expected, rtol=1e-11, atol=1e-13)
    assert np.allclose(theta[:, 0], data["theta0"], atol=1e-14)
    # All solutions agree at time 0 and end near the segment θ(ε).
    assert data["solver"]["largest_distance_of_last_time_from_response"] < 0.02
    assert data["solver"]["largest_difference_from_adaptive_1e-10"] < 1e-7
    assert data["solver"]["all_successful"] is True


def test_the_response_of_figure_2_is_a_segment_of_refits(numbers):
    data = numbers["fig02_homotopy"]
    X, y, (deleted,), _ = oracle_arguments(data)
    for epsilon, fit in zip(data["epsilons"], data["response"], strict=True):
        weights = np.ones(20)
        weights[deleted] = epsilon
        root = np.sqrt(weights)
        assert np.allclose(fit, np.linalg.lstsq(X * root[:, None], y * root)[0], rtol=1e-10)
    assert data["solver"]["bend_of_response"] < 1e-12
    # θ̇(1)/θ̇(0) = (1 − leverage)², with the leverage in all the data.
    leverage = X[deleted] @ np.linalg.solve(X.T @ X, X[deleted])
    assert data["velocity_ratio"] == pytest.approx((1 - leverage) ** 2, rel=1e-10)


# --- Figure 5


def test_the_minima_of_figure_5(numbers):
    data = numbers["fig05_deletion_time"]
    for curves in data["curves"].values():
        for curve in curves:
            switches, costs = np.array(curve["switches"]), np.array(curve["costs"])
            allowed = switches >= data["start"]
            assert curve["best_cost"] <= costs[allowed].min() * (1 + 1e-12)
            # At its left end the best is the baseline, computed by another program.
            assert curve["best_cost"] <= curve["baseline_cost"] * (1 + 1e-12)
            assert data["start"] <= curve["best_switch"] <= curve["horizon"]
    assert data["solver"]["largest_logarithmic_slope_at_interior_minimum"] < 1e-8
    # From the first θ₀ delaying pays, whatever the horizon; from the other it never does.
    assert all(c["best_switch"] > data["start"] for c in data["curves"]["first"])
    assert all(c["best_switch"] == data["start"] for c in data["curves"]["other"])
    assert any(c["interior_minimum"] for c in data["curves"]["first"])


def test_the_curves_of_figure_5_in_50_digits(numbers):
    data = numbers["fig05_deletion_time"]
    curve = data["curves"]["first"][-1]
    theta0 = data["instance"]["theta0"]
    for index in (0, 13, 40):
        switch, horizon = curve["switches"][index], curve["horizon"]
        expected = control.cost(*oracle_arguments(data), theta0, [switch], [1.0, 0.0], horizon)
        assert curve["costs"][index] == pytest.approx(expected, rel=1e-10)
        end = flow.flow(*oracle_arguments(data), theta0, [switch], [1.0, 0.0], [horizon])[0]
        assert np.allclose(curve["final_states"][index], end, rtol=1e-12)


# --- the diabetes data


def test_the_deleted_patient_and_the_horizon(numbers):
    data = numbers["fig06_diabetes"]
    dataset, _ = standardise(diabetes())
    X, y = dataset.X, dataset.y
    hat = X @ np.linalg.pinv(X)
    products = np.abs(y - hat @ y) * np.diag(hat)
    assert data["deleted"] == np.argmax(products)
    kept = np.delete(X, data["deleted"], axis=0)
    slowest = np.linalg.svd(kept, compute_uv=False)[-1] ** 2
    assert data["horizon"] == pytest.approx(2 / slowest, rel=1e-9)
    assert data["start"] == pytest.approx(data["horizon"] / 10)


def test_the_costs_of_the_diabetes_data_in_50_digits(numbers):
    data = numbers["fig06_diabetes"]
    dataset, _ = standardise(diabetes())
    arguments = (dataset.X, dataset.y, [data["deleted"]], 0.0, np.zeros(10))
    for name, switch in (
        ("deleted at the request", data["start"]),
        ("never deleted", data["horizon"]),
    ):
        expected = control.cost(*arguments, [switch], [1.0, 0.0], data["horizon"])
        assert data["costs"][name] == pytest.approx(expected, rel=1e-9)
    assert data["costs"]["best single step"] == min(data["costs"].values())


def test_sensitivities_of_the_diabetes_data(numbers):
    data = numbers["fig06_diabetes"]
    dataset, _ = standardise(diabetes())
    X, y = dataset.X, dataset.y

    def state(weights, time):
        rates, basis = np.linalg.eigh(X.T @ (weights[:, None] * X))
        drive = basis.T @ (X.T @ (weights * y))
        return basis @ (-np.expm1(-rates * time) / rates * drive)

    norms, step = np.array(data["sensitivity_norms"]), 1e-4
    assert norms.shape == (len(data["sensitivity_times"]), 442)
    for index, time in ((5, data["sensitivity_times"][5]), (-1, data["sensitivity_times"][-1])):
        for row in (data["deleted"], 7):
            bump = step * (np.arange(442) == row)
            slope = (state(1 + bump, time) - state(1 - bump, time)) / (2 * step)
            assert norms[index, row] == pytest.approx(np.linalg.norm(slope), rel=2e-5)
    assert data["influence_norms"]["deleted"] > data["influence_norms"]["largest_of_others"]


def test_the_response_of_the_diabetes_data_by_refits(numbers):
    data = numbers["fig06_diabetes"]
    dataset, _ = standardise(diabetes())
    kept = np.arange(442) != data["deleted"]
    full = np.linalg.lstsq(dataset.X, dataset.y, rcond=None)[0]
    without = np.linalg.lstsq(dataset.X[kept], dataset.y[kept], rcond=None)[0]
    assert data["response_length"] == pytest.approx(np.linalg.norm(full - without), rel=1e-9)
    # The influence function at 1 falls short, the one at 0 goes too far (theory §2).
    predicted = data["influence_predicts"]
    assert predicted["at_1"] < data["response_length"] < predicted["at_0"]


# --- files


def test_computing_twice_gives_the_same_text(numbers):
    for name in ("fig02_homotopy", "fig05_deletion_time", "fig06_diabetes"):
        assert as_text(MODULES[name].compute(fast=True)) == as_text(numbers[name])


@pytest.mark.parametrize("name", MODULES)
def test_every_figure_draws_from_its_json(numbers, name, tmp_path):
    figures_before = plt.get_fignums()
    paths = write(name, numbers[name], MODULES[name].draw, tmp_path)
    assert sorted(path.suffix for path in paths) == [".json", ".pdf", ".png"]
    assert json.loads((tmp_path / f"{name}.json").read_text(encoding="utf-8")) == numbers[name]
    assert (tmp_path / f"{name}.pdf").read_bytes().startswith(b"%PDF")
    assert b"CreationDate" not in (tmp_path / f"{name}.pdf").read_bytes()
    assert plt.get_fignums() == figures_before
    for entry in ("versions", "solver"):
        assert numbers[name][entry]
    assert "seed" in numbers[name] or "seed" in numbers[name]["instance"]


def test_files_are_the_same_bytes_each_time(numbers, tmp_path):
    name = "fig05_deletion_time"
    first, second = (
        write(name, numbers[name], MODULES[name].draw, tmp_path / folder) for folder in "ab"
    )
    for one, other in zip(first, second, strict=True):
        assert one.read_bytes() == other.read_bytes(), one.suffix


def test_a_figure_that_cannot_be_drawn_leaves_no_file(numbers, tmp_path):
    def draw(data, figure):
        raise RuntimeError("no ink")

    with pytest.raises(RuntimeError, match="no ink"):
        write("fig", {"a": 1}, draw, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_figures_show_finite_numbers_only():
    with pytest.raises(ValueError, match="must be finite"):
        as_numbers({"a": {"b": np.array([1.0, np.nan])}})
    assert as_numbers({"a": (np.float64(1.5), np.arange(2), None, True)}) == {
        "a": [1.5, [0, 1], None, True]
    }


def test_significant_digits():
    rounded = significant([123456.789, -0.000123456789, 0.0, 1.0])
    assert rounded.tolist() == pytest.approx([123457.0, -0.000123457, 0.0, 1.0], rel=1e-12)


# --- the command line


def test_the_list_of_figures(capsys):
    assert __main__.main(["--list"]) == 0
    assert capsys.readouterr().out.split() == list(NAMES)


def test_only_takes_the_beginning_of_a_name():
    assert __main__.parse(["--only", "fig04"]).names == ["fig04_phase_portraits"]
    both = __main__.parse(["--only", "fig06", "--only", "fig02"]).names
    assert both == ["fig02_homotopy", "fig06_diabetes"]
    assert __main__.parse([]).names == list(NAMES)


def test_an_unknown_figure_is_an_error_that_names_the_known_ones(capsys):
    with pytest.raises(SystemExit) as stop:
        __main__.main(["--only", "fig99"])
    assert stop.value.code == 2
    assert "fig04_phase_portraits" in capsys.readouterr().err


def test_the_command_writes_a_figure(tmp_path, capsys):
    assert __main__.main(["--only", "fig05", "--fast", "--out", str(tmp_path)]) == 0
    names = {f"fig05_deletion_time.{kind}" for kind in ("pdf", "png", "json")}
    assert {path.name for path in tmp_path.iterdir()} == {*names, "made.json"}
    assert "fig05_deletion_time" in capsys.readouterr().out
