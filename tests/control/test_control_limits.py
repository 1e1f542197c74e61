"""Optimal control that is hard: arcs off the mesh, chattering, few switches, little time."""

import itertools
import time

import jax.numpy as jnp
import numpy as np
import pytest
from oracles import fishing as oracle

import homotopy._deadline as deadlines
import homotopy.control.search as searches
from homotopy.control import (
    Arc,
    ArcKind,
    ControlAffine,
    SolutionStatus,
    cells,
    cost,
    follow,
    optimise_cells,
    solve,
    solve_bang_bang,
)
from homotopy.control.singular import singular_arc


@pytest.fixture(scope="module")
def turnpike():
    """min ∫₀³ x² dt − x(3), ẋ = u."""
    return ControlAffine(
        drift=lambda x: jnp.stack([0.0 * x[0], x[0] ** 2]),
        control_field=lambda x: jnp.array([1.0, 0.0]),
        cost=lambda x: x[1] - x[0],
        initial=[1.0, 0.0],
        horizon=3.0,
        lower=-1.0,
    )


def fishing_drift(x):
    return jnp.stack([x[0] - x[0] * x[1], -x[1] + x[0] * x[1], (x[0] - 1) ** 2 + (x[1] - 1) ** 2])


def fishing_field(x):
    return jnp.stack([-0.4 * x[0], -0.2 * x[1], 0.0 * x[0]])


def last(x):
    return x[2]


@pytest.fixture(scope="module")
def fishing():
    return ControlAffine(fishing_drift, fishing_field, last, oracle.START, oracle.HORIZON)


def fuller_drift(x):
    return jnp.stack([x[1], 0.0 * x[0], x[0] ** 2])


def push(x):
    return jnp.array([0.0, 1.0, 0.0])


@pytest.fixture(scope="module")
def fuller():
    return ControlAffine(fuller_drift, push, last, [1.0, 0.0, 0.0], 3.0, lower=-1.0)


@pytest.mark.parametrize("count", [7, 20])
def test_turnpike_with_junctions_off_the_mesh(turnpike, count):
    # x = 0 is as low as x² gets: down to it, along it, and up again, where x(3) counts for more.
    solution = solve(turnpike, count, starts=[0.0], time_limit=np.inf)
    assert solution.status == SolutionStatus.successful
    assert solution.structure == "lower – singular – upper"
    assert solution.cost == pytest.approx(-1 / 3, abs=1e-12)
    np.testing.assert_allclose(solution.junctions, [1.0, 2.0], atol=1e-9)
    np.testing.assert_allclose(solution.control(np.linspace(1.01, 1.99, 9)), 0.0, atol=1e-8)
    assert solution.pmp_residual <= 1e-12


def test_fishing_relaxed(fishing):
    solution = solve(fishing, 24, starts=[0.5], time_limit=np.inf)
    assert solution.status == SolutionStatus.successful
    assert solution.structure == "lower – upper – singular"
    assert solution.cost == pytest.approx(1.34408, abs=5e-6)  # as published
    (singular,) = solution.singular_arcs
    # The feedback holds to its accuracy, ten digits, on an arc on which u varies.
    assert singular.order == 1 and singular.feedback_error <= 1e-9
    assert solution.pmp_residual <= 1e-9
    # The like by the integrator of the oracle, in 2000 pieces: to their order in the cost.
    edges = np.linspace(0, oracle.HORIZON, 2001)
    x, length = np.array(oracle.START), edges[1]
    for middle in np.asarray(solution.control((edges[1:] + edges[:-1]) / 2)):
        a = oracle.velocity(x, middle)
        b = oracle.velocity(x + length / 2 * a, middle)
        c = oracle.velocity(x + length / 2 * b, middle)
        x = x + length / 6 * (a + 2 * b + 2 * c + oracle.velocity(x + length * c, middle))
    assert solution.cost == pytest.approx(x[2], abs=length**2)


def test_fuller_is_told_as_chattering(fuller):
    solution = solve(fuller, 32, starts=[0.0], time_limit=np.inf)
    optimum, switches = oracle.fuller_optimum()
    assert solution.status == SolutionStatus.chattering
    # Never below the optimum, and above it by what the switches left out can gain: all that
    # happens after the third is 4.13⁻¹⁵ of the whole, and a constant for it costs some hundreds.
    assert optimum * (1 - 1e-12) <= solution.cost <= optimum * (1 + 1e-5)
    assert solution.junctions[0] == pytest.approx(switches[0], abs=1e-3)
    assert [arc.order for arc in solution.singular_arcs] == [2]


def test_a_singular_arc_of_order_two_by_hand(fuller):
    # At rest in the origin u = 0 keeps H₁ = p₂ = 0, and d⁴H₁/dt⁴ = 2u.
    still = ControlAffine(fuller_drift, push, last, [0.0, 0.0, 0.0], 3.0, lower=-1.0)
    optimum = optimise_cells(still, 4, starts=[0.0])
    trajectory = follow(still, optimum.control, optimum.mesh)
    arc = singular_arc(trajectory, Arc(ArcKind.singular, 0.0, 3.0))
    assert arc.order == 2 and arc.legendre_clebsch == 0.0


@pytest.fixture(scope="module")
def two_switches(fishing):
    return solve_bang_bang(fishing, 2, time_limit=np.inf)


def test_fishing_with_two_switches(two_switches):
    least, switches, first = oracle.best_two_switches()
    assert first == 0 and two_switches.structure == "lower – upper – lower"
    # Nelder–Mead ends within 1e-8 of the switches, so that the costs differ by rounding.
    assert two_switches.cost == pytest.approx(least, abs=1e-10)
    np.testing.assert_allclose(two_switches.junctions, switches, atol=1e-5)
    assert two_switches.stationarity <= 1e-9 and two_switches.curvature > 0
    # More switches would be better, as 1.34408 without the restriction shows.
    assert two_switches.status == SolutionStatus.restricted
    assert two_switches.pmp_residual > 1e-3


def test_few_switches_are_at_most_so_many(fishing, two_switches):
    none = solve_bang_bang(fishing, 0)
    assert none.cost == pytest.approx(min(oracle.cost([], 0), oracle.cost([], 1)), rel=1e-9)
    assert len(none.arcs) == 1 and none.cost > two_switches.cost


class Clock:
    """Goes on by a second whenever somebody looks at it."""

    def __init__(self):
        self.now = itertools.count()

    def perf_counter(self):
        return float(next(self.now))


@pytest.mark.parametrize("seconds", [0.5, 8.0, 60.0])
def test_the_time_limit_returns_the_best_so_far(fishing, monkeypatch, seconds):
    reports, clock = [], Clock()
    monkeypatch.setattr(deadlines, "time", clock)
    solution = solve(fishing, 24, starts=[0.5], time_limit=seconds, progress=reports.append)
    # Looked at once in every evaluation: what comes after the limit is no search any more.
    assert next(clock.now) <= seconds + 8
    assert solution.status == SolutionStatus.time_limit
    assert not solution.finished
    assert 1.3440 <= solution.cost <= float(cost(fishing, cells(fishing, np.full(24, 0.5)))) + 1e-8
    assert all(report.total == int(np.ceil(seconds)) for report in reports)
    assert solution.cost <= min((report.best for report in reports), default=np.inf) + 1e-9


@pytest.mark.parametrize("verb", ["solve", "solve_bang_bang"])
def test_an_interruption_returns_the_best_so_far(fishing, verb):
    reports = []

    def interrupt(report):
        reports.append(report)
        if len(reports) == 3:
            raise KeyboardInterrupt

    if verb == "solve":
        solution = solve(fishing, 24, starts=[0.5], progress=interrupt)
    else:
        solution = solve_bang_bang(fishing, 2, progress=interrupt)
    assert solution.status == SolutionStatus.interrupted and len(reports) == 3
    assert solution.cost <= min(report.best for report in reports) + 1e-9


def test_the_time_limit_does_not_wait_for_what_is_compiled(fishing, monkeypatch):
    """After the first control is found; a compilation is as deaf as `sleep`."""
    first = optimise_cells(fishing, 24, starts=[0.5], time_limit=1e-3)._replace(ended=None)
    solve(fishing, 24, starts=[0.5], time_limit=1e-3)  # all that is needed of the first is compiled
    began = []

    def deaf(*given, **named):
        began.append(time.perf_counter())
        time.sleep(6.0)

    monkeypatch.setattr(searches, "optimise_cells", lambda *given, **named: first)
    monkeypatch.setattr(searches, "resolve", deaf)
    begin, limit = time.perf_counter(), 3.0
    solution = solve(fishing, 24, starts=[0.5], time_limit=limit)
    assert limit <= time.perf_counter() - begin < limit + 2.0
    assert began and solution.status == SolutionStatus.time_limit
    assert solution.cost == pytest.approx(first.cost, rel=1e-7)  # by a finer integration
