"""Pontryagin's residual by plain quadrature, and what an optimum says of itself."""

import itertools
from functools import cache

import numpy as np
import pytest
from matplotlib import pyplot

import homotopy as hm
from homotopy.deletion.optimum import LocalMinimum

Status = hm.results.OptimumStatus


@cache
def deletion(scale=1.0, horizon=0.4):
    rng = np.random.default_rng(1)
    X = rng.standard_normal((20, 4))
    y = X @ rng.standard_normal(4) + 0.5 * rng.standard_normal(20)
    problem = hm.LinearRegression(X, scale * y, deleted=0)
    return hm.Deletion(problem, scale * 3 * rng.standard_normal(4), 0.05, horizon)


def by_quadrature(deletion, schedule, count=20_000):
    """The residual by the midpoint rule on parts of the pieces."""
    rows = np.asarray(deletion.problem.X)[np.atleast_1d(deletion.problem.deleted)]
    start, horizon = float(deletion.start), float(deletion.horizon)
    inside = np.clip(np.asarray(schedule.breakpoints), start, horizon)
    edges = np.concatenate([[start], inside, [horizon]])
    fractions = (np.arange(count) + 0.5) / count
    numerator = denominator = 0.0
    for left, right in itertools.pairwise(edges):
        if not left < right:
            continue
        times = left + (right - left) * fractions
        residual, sigma = map(np.asarray, deletion.switching_function(schedule).factors(times))
        phi, p = np.sum(sigma * residual, axis=1), np.asarray(deletion.costate(schedule)(times))
        size = np.linalg.norm(p, axis=1) * np.linalg.norm(residual @ rows, axis=1)
        best = (phi > 0.0).astype(float)
        distance = np.abs(np.asarray(schedule(times)) - best)
        numerator += (right - left) * np.mean(np.abs(phi) * distance)
        denominator += (right - left) * np.mean(size)
    return numerator / denominator


SCHEDULES = {
    "two values": hm.PiecewiseConstant([0.05, 0.1, 0.17], [1.0, 0.3, 0.8, 0.0]),
    "two more": hm.PiecewiseConstant([0.05, 0.21, 0.35], [1.0, 0.1, 0.6, 0.0]),
    "past the horizon": hm.PiecewiseConstant([0.05, 0.3, 0.9], [1.0, 0.0, 0.5, 0.0]),
}


@pytest.mark.parametrize("name", list(SCHEDULES))
def test_residual_of_schedules_that_are_not_optimal(name):
    expected = by_quadrature(deletion(), SCHEDULES[name])
    assert 0.01 < expected < 1.0
    assert deletion().pmp_residual(SCHEDULES[name]) == pytest.approx(expected, rel=1e-6)


def test_residual_of_a_varying_schedule():
    schedule = hm.Polynomial(0.05, 0.4, 2.0)
    expected = by_quadrature(deletion(), schedule, count=2000)
    assert deletion().pmp_residual(schedule) == pytest.approx(expected, rel=1e-5)


def test_residual_has_no_unit_and_tells_good_from_bad_however_small_the_cost():
    schedule = SCHEDULES["two values"]
    usual = deletion().pmp_residual(schedule)
    assert deletion(scale=1e-6).pmp_residual(schedule) == pytest.approx(usual, rel=1e-9)
    late = deletion(horizon=12.0)
    assert float(late.cost(schedule)) < 1e-30
    # Close to T, where φ is largest: early, a mistake is forgotten.
    found = late.pmp_residual(hm.BangBang([0.05, 11.0, 11.9], initial=1))
    best = hm.optimise(late, over=hm.BangBangs(3))
    assert best.pmp_residual <= 1e-9 < found


def test_residual_where_the_target_is_met_is_zero():
    problem = hm.LinearRegression([[1.0], [1.0]], [0.0, 1.0], deleted=1)
    met = hm.Deletion(problem, [-1.0], start=0.0, horizon=1.0)
    assert met.pmp_residual(hm.Step(0.5 * np.log(3.0))) == 0.0  # up to rounding
    assert met.pmp_residual(hm.Step(0.55)) > 0.01
    at_rest = hm.Deletion(problem, [0.0], start=0.0, horizon=1.0)
    assert at_rest.pmp_residual(hm.Step(0.0)) == 0.0


# --- the result


def optimum(schedule, **options):
    cost = float(deletion().cost(schedule))
    return hm.results.Optimum(schedule, cost, deletion(), Status.local_optimum, **options)


def test_gap_is_relative_to_the_cost():
    schedule = hm.Step(0.05)
    found = optimum(schedule, lower_bound=0.0)
    assert found.gap == 1.0
    assert optimum(schedule, lower_bound=0.75 * found.cost).gap == pytest.approx(0.25)
    assert hm.results.Optimum(schedule, 0.0, deletion(), Status.certified).gap == 0.0


@pytest.mark.parametrize(
    ("schedule", "structure"),
    [
        (hm.Step(0.05), "0 throughout"),
        (hm.Step(0.4), "1 throughout"),
        (hm.Step(2.0), "1 throughout"),
        (hm.Step(0.1), "1→0 with switch at 0.1"),
        (hm.BangBang([0.05, 0.1, 0.3], 1), "0→1→0 with switches at 0.1, 0.3"),
        (hm.BangBang([0.1, 0.2, 0.2], 1), "1→0 with switch at 0.1"),
        (hm.BangBang([0.05, 0.3, 0.4], 1), "0→1 with switch at 0.3"),
        (SCHEDULES["two values"], "0.3→0.8→0 with switches at 0.1, 0.17"),
        (hm.Ramp(0.05, 0.1), "varying, Ramp(start=0.05, stop=0.1)"),
        (
            hm.PiecewiseConstant(np.linspace(0.05, 0.4, 12), np.linspace(1, 0, 13)),
            "11 values between 0.08333 and 0.9167",
        ),
    ],
)
def test_structure_in_words(schedule, structure):
    assert (
        hm.results.Optimum(schedule, 1.0, deletion(), Status.local_optimum).structure == structure
    )


def test_representation_says_what_is_known():
    found = optimum(hm.Step(0.1))
    assert repr(found).startswith("Optimum\n") and "1→0 with switch at 0.1" in repr(found)
    assert "lower bound" not in repr(found) and "a local optimum" in repr(found)
    assert "gap 5.0e-01" in repr(optimum(hm.Step(0.1), lower_bound=0.5 * found.cost))


def test_evidence_is_that_of_the_deletion():
    schedule = SCHEDULES["two values"]
    found, times = optimum(schedule), [0.05, 0.2, 0.4]
    np.testing.assert_array_equal(found.costate(times), deletion().costate(schedule)(times))
    expected = deletion().switching_function(schedule)(times)
    np.testing.assert_array_equal(found.switching_function(times), expected)
    assert found.pmp_residual == deletion().pmp_residual(schedule)
    minimum = LocalMinimum(schedule, found.cost)
    assert optimum(schedule, minima=(minimum,)).minima[0] is minimum


def test_plot_shows_the_schedule_above_its_switching_function():
    found = optimum(hm.BangBang([0.05, 0.1, 0.3], 1))
    upper, _, _, lower = found.plot()
    assert "ε(t)" in upper.get_ylabel() and "φ" in lower.get_ylabel()
    drawn = max(lower.get_lines(), key=lambda line: len(line.get_xdata()))
    times, values = drawn.get_xdata(), drawn.get_ydata()
    np.testing.assert_allclose(values, found.switching_function(np.asarray(times)), rtol=1e-12)
    _, axes = pyplot.subplots(4)
    assert found.plot(list(axes))[0] is axes[0]
    assert found.plot(ax=axes[1]) is axes[1]
    pyplot.close("all")
