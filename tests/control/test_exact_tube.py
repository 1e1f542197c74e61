"""The exact tube of one row, and what nodes know: against schedules by the thousand, and digits."""

import copy
import dataclasses
import itertools
from functools import cache

import numpy as np
import pytest
import switched_flows
from mpmath import mp
from switched_flows import ExactFlow

from homotopy.control.certificate import ResidualSystem, certified_optimum
from homotopy.control.certificate.one_row import order, search
from homotopy.control.certificate.one_row.changes import dipping, equal_gaps, most_changes
from homotopy.control.certificate.one_row.kernels import units
from homotopy.control.certificate.one_row.node import copied
from homotopy.control.certificate.rounding import OUTWARD, UNIT, DataErrors

LEVELS = ((0.0,), (1.0,), (0.5,))
SEEDS = range(12)
PARTS = 2  # of a cell, looked at


@cache
def influential(seed: int) -> ResidualSystem:
    """One row with ‖b‖²T from 1 to 1e4, h from 0.1 to 100, a slow mode, and starts of any sign."""
    generator = np.random.default_rng([seed, 16])
    d = (1, 2, 3, 5, 10, 4)[seed % 6]
    squared, h = 10.0 ** generator.uniform(0, 4), 10.0 ** generator.uniform(-1, 2)
    rates = np.sort(squared / h * 10.0 ** generator.uniform(-1.2, 1.2, d))
    rates[0] = generator.uniform(0.2, 3.0)
    row = np.sqrt(squared * generator.dirichlet(np.ones(d))) * generator.choice([-1.0, 1.0], d)
    start = generator.normal(size=d)
    if seed % 2:  # many zeros of the free residual
        start = np.abs(start) * np.sign(row) * (-1.0) ** np.arange(d)
    residual = 0.5 * generator.normal() * np.linalg.norm(row * start)
    return system_of(rates, row[None], np.array([residual]), start)


def system_of(rates, rows, residual, start, errors=None, span=1.0):
    return ResidualSystem(
        rates, rows, residual, start, np.zeros(rates.size), span, np.zeros(1, dtype=int),
        lambda weights: np.linalg.eigh(np.diag(rates) + (rows.T * weights) @ rows), errors=errors,
    )  # fmt: skip


@cache
def known(seed):
    """Its bounder and tube, and (times, v, χ·u, u) of many schedules, feedbacks among them."""
    system = influential(seed)
    bounder, tube = search.exact_tube(system)
    inner = tube.edges[:-1, None] + np.diff(tube.edges)[:, None] * np.arange(PARTS) / PARTS
    times = np.append(inner.ravel(), tube.edges[-1])
    flow = switched_flows.of_system(system, LEVELS)
    generator = np.random.default_rng(seed)
    drawn = switched_flows.random_choices(generator, 250, times.size - 1, flow.modes)
    visited = [flow.run(system.start, times, drawn)]
    for sign in (1.0, -1.0):
        for noise in (0.0, 0.1):  # towards an end of the tube, with mistakes

            def choose(now, sign=sign, noise=noise):
                wanted = (sign * (now @ system.rows[0] - system.residual[0]) > 0.0).astype(int)
                return np.where(generator.random(len(now)) < noise, 1 - wanted, wanted)

            copies = 30 if noise else 1
            visited.append(flow.run(np.tile(system.start, (copies, 1)), times, choose))
    states = np.concatenate(visited)
    return bounder, tube, states @ system.rows[0] - system.residual[0], states


def assert_inside(bounder, tube, values, states):
    """v at the edges and in the cells, and c in the cells."""
    scale = bounder.row.flow.scale
    slack = 1e-12 * scale
    at_edges = values[:, ::PARTS]
    assert np.all(at_edges >= tube.low - slack) and np.all(at_edges <= tube.high + slack)
    pulls = states @ bounder.row.turning - bounder.row.rayleigh * bounder.row.residual
    loose = 1e-12 * bounder.row.feedback * scale
    cells = tube.cell_low.size
    for part in range(PARTS + 1):
        now = slice(part, part + PARTS * cells, PARTS)
        assert np.all(values[:, now] >= tube.cell_low - slack)
        assert np.all(values[:, now] <= tube.cell_high + slack)
        assert np.all(pulls[:, now] >= tube.pull_low - loose)
        assert np.all(pulls[:, now] <= tube.pull_high + loose)


def test_the_constants_are_those_of_the_margins():
    assert (units.UNIT, units.OUTWARD) == (UNIT, OUTWARD)


@pytest.mark.parametrize("seed", SEEDS)
def test_no_schedule_leaves_the_tube_and_feedback_attains_it(seed):
    bounder, tube, values, states = known(seed)
    assert_inside(bounder, tube, values, states)
    # The two feedbacks without mistakes, decided anew at every sample only.
    lowest, highest = values[250], values[250 + 31]
    width = np.max(tube.high - tube.low)
    step = np.max(np.diff(tube.edges)) / PARTS * bounder.row.feedback
    near = 1e-12 * bounder.row.flow.scale + min(step, 1.0) * width
    assert np.all(lowest[::PARTS] - tube.low <= near)
    assert np.all(tube.high - highest[::PARTS] <= near)


@pytest.mark.parametrize("seed", SEEDS)
def test_to_fifty_digits_the_ends_are_attained_by_a_bang_bang_schedule(seed):
    system = influential(seed)
    _, tube, _, _ = known(seed)
    for sign, ends in ((1.0, tube.low), (-1.0, tube.high)):
        # ε = 1 where sign·v > 0: by bisection in many digits, from one edge to the next.
        controls, exact, worst = _feedback(system, tube.edges, sign, ends)
        for edge in (len(ends) // 3, 2 * len(ends) // 3, len(ends) - 1):
            value = _value(exact, system, controls, tube.edges[edge])
            with mp.workdps(40):
                outside = sign * (value - mp.mpf(float(ends[edge])))
            assert outside >= 0  # the bound is one, to the last digit
            assert float(outside) <= worst


def _value(exact, system, controls, time):
    """v at a time under a control, in fifty digits."""
    initial, switches = controls
    shorter = ExactFlow(dataclasses.replace(system, span=float(time)))
    shorter.known = exact.known
    state = shorter.end([(initial, [switch for switch in switches if switch < time])])
    with mp.workdps(50):
        row = [mp.mpf(float(entry)) for entry in system.rows[0]]
        return mp.fdot(row, state) - mp.mpf(float(system.residual[0]))


def _feedback(system, edges, sign, ends):
    """The bang-bang control of the feedback, its flow, and what its switch times leave unsure."""
    exact, switches = ExactFlow(system), []
    initial = int(sign * float(_value(exact, system, (0, []), 0.0)) > 0.0)
    for left, right in itertools.pairwise(edges):
        if np.sign(ends[edges == left][0]) == np.sign(ends[edges == right][0]):
            continue
        low, high, at_left = left, right, _value(exact, system, (initial, switches), left)
        for _ in range(60):
            middle = 0.5 * (low + high)
            if _value(exact, system, (initial, switches), middle) * at_left > 0:
                low = middle
            else:
                high = middle
        switches.append(high)
    scale = abs(system.residual[0]) + np.abs(system.rows[0]) @ np.abs(system.start)
    return (initial, switches), exact, 1e-9 * scale


@pytest.mark.parametrize("counted", [False, True])
@pytest.mark.parametrize("seed", SEEDS)
def test_nodes_keep_every_schedule_that_fits_them(seed, counted):
    bounder, tube, values, states = known(seed)
    if counted:  # what the number of changes leaves is used as well
        bounder = copy.copy(bounder)
        bounder.changes = most_changes(influential(seed))
    generator, inside = np.random.default_rng([seed, 1]), 0
    open_edges = np.flatnonzero((tube.low < 0.0) & (tube.high > 0.0))
    if open_edges.size == 0:
        assert all(np.all(part >= 0) or np.all(part <= 0) for part in (values[:, ::PARTS].T))
        return
    for _ in range(12):
        marks = generator.choice(open_edges, size=min(3, open_edges.size), replace=False)
        like = values[generator.integers(len(values))]
        child, fits = copied(tube), np.ones(len(values), dtype=bool)
        for mark in marks:
            sign = 1.0 if like[PARTS * mark] >= 0.0 else -1.0
            fits &= sign * values[:, PARTS * mark] >= 0.0
            if sign > 0.0:
                child.low[mark] = max(child.low[mark], 0.0)
            else:
                child.high[mark] = min(child.high[mark], 0.0)
        assert bounder.narrow(child)
        assert_inside(bounder, child, values[fits], states[fits])
        inside += fits.sum()
        _assert_dips(bounder, child, values[fits], states[fits])
        _assert_bounds(bounder, child, states[fits], generator)
        _assert_cut(bounder, child, values[fits], states[fits], generator)
    assert inside >= 12


def _assert_bounds(bounder, tube, states, generator):
    """D(q) is below q·u(T), for κ as it comes, adjusted, and at random."""
    ends = states[:, -1]
    dual = bounder.dual(tube)
    dual.count_changes(ends[0])
    for number in range(4):
        q = ends[generator.integers(len(ends))] + generator.normal(size=ends.shape[1]) * (
            np.linalg.norm(ends, axis=1).mean() * 10.0 ** generator.uniform(-2, 1)
        )
        point = dual(q)
        reached = ends @ q
        assert point.value <= reached.min() + 1e-13 * np.abs(states[:, 0] * q).sum()
        if number == 1:
            dual.adjust(point)
        elif number == 2:
            top = dual.levels.weights.size
            shuffled = generator.integers(top, size=dual.node.levels.shape)
            dual.node = dual.node._replace(levels=shuffled)


def _assert_dips(bounder, tube, values, states):
    """Schedules that have the other sign in a gap of equal ones are in the tube of those."""
    gap, usual, _ = equal_gaps(tube)
    for number in range(gap.max() + 1):
        cells = np.flatnonzero(gap == number)
        first, last = cells[0], cells[-1] + 1
        dip = dipping(tube, int(first), int(last), bounder.row.feedback)
        inner = usual[first] * values[:, PARTS * first : PARTS * last + 1]
        other = np.min(inner, axis=1) < -1e-12 * bounder.row.flow.scale
        if dip is not None and other.any():
            assert bounder.narrow(dip)
            assert_inside(bounder, dip, values[other], states[other])


def _assert_cut(bounder, tube, values, states, generator):
    """What a cut leaves contains the schedules on its side of the plane."""
    ends = states[:, -1]
    normal = ends[generator.integers(len(ends))]
    if not np.linalg.norm(normal) > 1e-9 * np.linalg.norm(states[0, 0]):
        return
    normal = normal / np.linalg.norm(normal)
    radius = float(np.median(ends @ normal))
    better = ends @ normal <= radius
    dual = bounder.dual(copied(tube))
    places = np.flatnonzero((tube.low < 0.0) & (tube.high > 0.0))[::5]
    if radius <= 0.0 or places.size == 0:
        return
    outward = radius * (1 + 1e-12)
    assert dual.cut(normal, outward, places, True)
    narrower = copied(dual.tube)
    assert bounder.narrow(narrower)
    assert_inside(bounder, narrower, values[better], states[better])


@pytest.mark.parametrize("seed", range(4))
def test_the_tube_holds_for_all_that_is_within_the_errors_of_the_data(seed):
    plain, size = influential(2 + seed), 1e-5
    generator = np.random.default_rng(seed)
    errors = DataErrors(
        matrix=np.diag(size * plain.rates), rows=size * np.abs(plain.rows),
        residual=size * np.abs(plain.residual), start=size * np.abs(plain.start),
        goal=np.zeros(plain.start.size), force=np.zeros(plain.start.size), time=0.0,
    )  # fmt: skip
    parts = plain.rates, plain.rows, plain.residual, plain.start
    _, tube = search.exact_tube(system_of(*parts, errors))
    outside = 0
    exact = known(2 + seed)[1]
    for _ in range(6):
        rates, rows, residual, start = (
            part * (1.0 + size * generator.choice([-1.0, 1.0], part.shape)) for part in parts
        )
        moved = system_of(rates, rows, residual, start)
        other = search.exact_tube(moved)[1]
        # On each grid the ends are attained: at edges that both have.
        at = np.flatnonzero(np.isin(tube.edges, other.edges))
        there = np.searchsorted(other.edges, tube.edges[at])
        slack = 1e-11 * (abs(residual[0]) + np.abs(rows[0]) @ np.abs(start))
        assert np.all(other.low[there] >= tube.low[at] - slack)
        assert np.all(other.high[there] <= tube.high[at] + slack)
        here = np.searchsorted(exact.edges, tube.edges[at]).clip(0, exact.edges.size - 1)
        outside += np.sum(other.low[there] < exact.low[here] - slack)
    assert outside > 0  # without the margins it would not


def aimed(system, goal, errors=None):
    return dataclasses.replace(system, goal=goal, errors=errors, _spectra={})


@pytest.mark.parametrize("seed", SEEDS)
def test_a_bound_by_order_is_below_every_schedule_whatever_the_goal(seed):
    system, (_, _, values, states) = influential(seed), known(seed)
    generator, ends = np.random.default_rng([seed, 3]), states[:, -1]
    lowest, highest = (ends[index(values[:, -1])] for index in (np.argmin, np.argmax))
    found = []
    for trial in range(24):
        # Beyond either end, or anywhere.
        end = (lowest, highest)[trial % 2]
        away = (lowest - highest) * (1.0, -1.0)[trial % 2] * generator.uniform(0.0, 2.0)
        away += generator.normal(size=end.size) * (0.0, 0.03, 1.0)[trial % 3] * np.linalg.norm(away)
        goal = end + away
        bounder, exact = search.exact_tube(aimed(system, goal))
        bound = order.order_bound(bounder, exact)
        least = 0.5 * np.min(np.sum((ends - goal) ** 2, axis=1))
        assert bound <= least + 1e-12 * np.linalg.norm(system.start) * np.sqrt(2.0 * least)
        found.append(bound > 0.99 * least > 0.0)
    # Straight beyond an end, or nearly, it is the optimum: the feedbacks are among the schedules.
    assert sum(found) >= 4


def test_where_nothing_gets_to_the_goal_the_end_is_certified_however_wide_the_window():
    system = system_of(
        np.array([1.4, 39000.0]), np.array([[27.6, -40.0]]), np.array([-6.05]),
        np.array([-0.794, 0.24]),
    )  # fmt: skip
    _, tube = search.exact_tube(system)
    unsigned = (tube.cell_low < 0.0) & (tube.cell_high > 0.0)
    assert np.diff(tube.edges)[unsigned].sum() > 0.8
    found = certified_optimum(system, max_nodes=1)
    assert found.finished and found.nodes == 1 and found.gap < 1e-9
    (control,) = found.controls
    assert control.initial == 1 and len(control.switches) == 1


@pytest.mark.parametrize("seed", range(4))
def test_a_bound_by_order_holds_for_all_that_is_within_the_errors_of_the_data(seed):
    plain, generator = influential(seed), np.random.default_rng([seed, 4])
    size, parts = 1e-9, (plain.rates, plain.rows, plain.residual, plain.start)
    d = plain.rates.size
    errors = DataErrors(
        np.diag(size * plain.rates), size * np.abs(plain.rows), size * np.abs(plain.residual),
        size * np.abs(plain.start), np.zeros(d), np.zeros(d), 0.0,
    )  # fmt: skip
    _, _, values, states = known(seed)
    lowest, highest = (states[index(values[:, -1]), -1] for index in (np.argmin, np.argmax))
    goal, tight = lowest + 1.5 * (lowest - highest), 0
    bound = order.order_bound(*search.exact_tube(aimed(plain, goal, errors)))
    assert bound > 0.0
    for _ in range(20):
        moved = (part * (1.0 + size * generator.choice([-1.0, 1.0], part.shape)) for part in parts)
        other = aimed(system_of(*moved), goal)
        cost = order.order_bound(*search.exact_tube(other))  # attained by the end, to rounding
        assert bound <= cost * (1.0 + 1e-12)
        tight += cost < order.order_bound(*search.exact_tube(aimed(plain, goal)))
    assert tight > 0  # without the margins it would not hold


@pytest.mark.parametrize("seed", SEEDS)
def test_no_certified_bound_is_above_a_schedule(seed):
    system = influential(seed)
    found = certified_optimum(system, max_nodes=1000)  # not by the clock of a busy machine
    states = known(seed)[3]
    costs = 0.5 * np.sum(states[:, -1] ** 2, axis=1)
    blurred = 1e-12 * np.linalg.norm(system.start) * np.sqrt(2.0 * found.cost)
    assert found.lower_bound <= costs.min() + blurred
    assert found.lower_bound <= found.cost + found.cost_error
    least = 0.5 * float(system.start @ system.start)
    assert found.finished or found.cost <= 1e-16 * least
