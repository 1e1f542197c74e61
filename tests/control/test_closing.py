"""Certificates of two compiled calls: against the driver, and against schedules by the hundred."""

import dataclasses
from functools import cache

import numpy as np
import pytest
import switched_flows
from mpmath import mpf
from scipy.linalg import expm

from homotopy._deadline import Deadline
from homotopy.control.certificate import ResidualSystem, certified_optimum, closed_at_once
from homotopy.control.certificate.one_row import closing
from homotopy.control.certificate.one_row.kernels import closed_root
from homotopy.control.certificate.rounding import DataErrors
from homotopy.control.switched import SwitchedFlow

SEEDS = range(60)
GAP = 1e-6
LEVELS = ((0.0,), (1.0,), (0.5,))


def random_system(seed: int) -> ResidualSystem:
    """Least squares of Gaussian data, or a point of much influence; some with a kernel."""
    generator = np.random.default_rng([seed, 7])
    d = (2, 3, 8, 1, 5)[seed % 5]
    if seed % 2:
        X = generator.normal(size=(3 * d + 4, d)) * 10.0 ** generator.uniform(-1, 0.5, d)
        rates, vectors = np.linalg.eigh(X[1:].T @ X[1:])
        row = X[0] @ vectors
        rates, row = rates / rates[0], row / np.sqrt(rates[0])
    else:
        squared, h = 10.0 ** generator.uniform(0, 3), 10.0 ** generator.uniform(-1, 2)
        rates = np.sort(squared / h * 10.0 ** generator.uniform(-1.2, 1.2, d))
        rates[0] = 0.0 if seed % 10 == 4 else generator.uniform(0.2, 3.0)
        row = np.sqrt(squared * generator.dirichlet(np.ones(d))) * generator.choice([-1, 1], d)
    start = generator.normal(size=d)
    residual = generator.choice([0.1, 0.5, 2.0]) * generator.normal() * np.linalg.norm(row * start)
    return system_of(rates, row[None], np.array([residual]), start, generator.normal(size=d) * 0.02)


def system_of(rates, rows, residual, start, goal, errors=None):
    return ResidualSystem(
        rates, rows, residual, start, goal, 1.0, np.zeros(1, dtype=int),
        lambda weights: np.linalg.eigh(np.diag(rates) + (rows.T * weights) @ rows), errors=errors,
    )  # fmt: skip


def flow_of(system: ResidualSystem, delay: float = 0.0) -> SwitchedFlow:
    parts = system.switched._replace(delay=delay)
    return SwitchedFlow(*(np.array(np.asarray(part)[None], order="C") for part in parts))


@cache
def closed(seed: int):
    system = random_system(seed)
    return closed_at_once(flow_of(system), system.errors, 0.0, GAP, Deadline())


def test_most_systems_close_at_once():
    assert sum(closed(seed) is not None for seed in SEEDS) > 0.4 * len(SEEDS)
    by_order = [closed(seed) for seed in SEEDS if closed(seed) is not None]
    assert {found.evaluations for found in by_order} == {0, 1}  # by the order of ends, and the dual


@pytest.mark.parametrize("seed", SEEDS)
def test_the_driver_proves_the_same(seed):
    found = closed(seed)
    if found is None:
        return
    driver = certified_optimum(random_system(seed), GAP, max_nodes=300)
    assert found.finished and found.gap <= GAP
    assert found.lower_bound <= driver.cost + driver.cost_error
    assert driver.lower_bound <= found.cost + found.cost_error
    assert found.resolution == pytest.approx(driver.resolution, rel=1e-12)
    if driver.finished:
        unsure = found.cost_error + driver.cost_error
        assert abs(found.cost - driver.cost) <= GAP * found.cost + unsure


@pytest.mark.parametrize("seed", SEEDS)
def test_no_schedule_beats_the_bound(seed):
    found, system = closed(seed), random_system(seed)
    if found is None:
        return
    flow = switched_flows.of_system(system, LEVELS)
    times = np.linspace(0.0, 1.0, 65)
    drawn = switched_flows.random_choices(np.random.default_rng(seed), 200, 64, flow.modes)
    ends = flow.ends(system.start, times, drawn)
    costs = 0.5 * np.sum((ends - system.goal) ** 2, axis=1)
    blurred = 1e-12 * np.linalg.norm(system.start) * np.sqrt(2.0 * found.cost)
    assert found.lower_bound <= costs.min() + blurred
    # The cost is that of the controls, by another exponential.
    state, now, weight = np.append(system.start, 1.0), 0.0, found.controls[0].initial
    for time in (*found.controls[0].switches, 1.0):
        matrix = np.zeros((state.size, state.size))
        matrix[:-1] = np.column_stack([-flow.matrices[weight], flow.forces[weight]])
        state, now, weight = expm(matrix * (time - now)) @ state, time, 1 - weight
    cost = 0.5 * np.sum((state[:-1] - system.goal) ** 2)
    assert abs(found.cost - cost) <= found.cost_error + blurred


SIZE = 3e-12  # of errors of the data, of themselves


def _known(seed, delay, size):
    """The controls and the root's own numbers, for data with such errors; None where it is open."""
    plain = random_system(seed)
    d = plain.rates.size
    errors = DataErrors(
        matrix=np.diag(size * plain.rates), rows=size * np.abs(plain.rows),
        residual=size * np.abs(plain.residual), start=size * np.abs(plain.start),
        goal=size * np.abs(plain.goal), force=np.zeros(d), time=0.0,
    )  # fmt: skip
    posed, control = closing.posed_of(flow_of(plain, delay), errors)
    switches = np.array(control.switches)
    found, *numbers = closed_root(posed, delay, 0.0, control.initial, switches, 1e-2, 8, 8)
    return (control, *numbers[:3]) if found else None


def _cost_of(seed, delay, control, signs):
    """½‖u(T) − goal‖² of other data within the errors, and by how much it may be rounded."""
    plain = random_system(seed)
    parts = plain.rates, plain.rows, plain.residual, plain.start, plain.goal
    rates, rows, residual, start, goal = (
        part * (1.0 + SIZE * signs.choice([-1.0, 1.0], part.shape)) for part in parts
    )
    flow = switched_flows.of_system(system_of(rates, rows, residual, start, goal), LEVELS)
    state, now, weight = np.append(start, 1.0), 0.0, control.initial
    stretches = [(delay, 1)] if delay else []
    for time in (*control.switches, 1.0):
        stretches.append((time - now, weight))
        now, weight = time, 1 - weight
    for duration, mode in stretches:
        state = flow.propagators(duration)[mode] @ state
    apart = state[:-1] - goal
    return 0.5 * float(apart @ apart), 3e-14 * np.linalg.norm(start) * np.linalg.norm(apart)


@pytest.mark.parametrize("delay", [0.0, 0.05])
def test_bounds_hold_for_all_that_is_within_the_errors_of_the_data(delay):
    found, outside = 0, 0
    for seed in range(40):
        known, exact = _known(seed, delay, SIZE), _known(seed, delay, 0.0)
        if known is None or exact is None:
            continue
        found += 1
        control, cost, error, bound = known
        signs = np.random.default_rng([seed, 8])
        for _ in range(6):
            moved, rounded = _cost_of(seed, delay, control, signs)
            assert abs(moved - cost) <= error + rounded
            assert bound <= moved + rounded
            outside += abs(moved - exact[1]) > exact[2] + rounded
    assert found >= 5
    assert outside > 0  # without the margins it would not hold


def test_rounding_alone_stays_within_its_margins_to_fifty_digits():
    """Of data without errors nothing else is left in them."""
    found = 0
    for seed in range(60):
        system = random_system(seed)
        posed, control = closing.posed_of(flow_of(system), system.errors)
        switches = np.array(control.switches)
        known, cost, error, bound, *_ = closed_root(
            posed, 0.0, 0.0, control.initial, switches, 1e-2, 8, 8
        )
        if not known:
            continue
        found += 1
        exact = switched_flows.ExactFlow(system).cost([(control.initial, control.switches)])
        size = float(np.linalg.norm(system.start)) * np.sqrt(2.0 * cost)
        assert abs(mpf(float(cost)) - exact) <= error <= 1e-11 * (cost + size)
        assert bound <= exact
    assert found >= 30


def test_what_it_is_not_for_is_left_to_the_driver():
    system = random_system(1)
    flow, errors = flow_of(system), system.errors
    assert closed_at_once(flow, errors, 0.0, GAP, Deadline()) is not None
    deadline = Deadline(1e-9)
    assert closed_at_once(flow, errors, 0.0, GAP, deadline) is None
    # The goal is reached, to rounding.
    free = system_of(
        system.rates, system.rows, system.residual, system.start,
        system.start * np.exp(-system.rates),
    )  # fmt: skip
    assert closed_at_once(flow_of(free), errors, 0.0, GAP, Deadline()) is None


def test_an_interruption_keeps_what_is_proved():
    system = random_system(1)

    def stop(*_):
        raise KeyboardInterrupt

    found = closed_at_once(flow_of(system), system.errors, 0.0, GAP, Deadline(), stop)
    assert found.interrupted and found.finished
    plain = closed_at_once(flow_of(system), system.errors, 0.0, GAP, Deadline())
    assert found == dataclasses.replace(plain, interrupted=True)
