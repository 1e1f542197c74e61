"""Bounds are bounds to the last digit, on every processor: against fifty digits."""

import dataclasses
import os
import platform
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from mpmath import mp
from oracles import control as oracle
from switched_flows import ExactFlow

import homotopy as hm
from homotopy import data_spectrum
from homotopy.control.bang_bang_control import BangBangControl
from homotopy.control.certificate import ResidualSystem
from homotopy.control.certificate.dual import support_point
from homotopy.control.certificate.known_cost import cost_interval
from homotopy.control.certificate.regions import root_node
from homotopy.control.certificate.residual_range import RangeFinder
from homotopy.control.certificate.rounding import DataErrors
from homotopy.control.certificate.several_rows import time_grid
from homotopy.control.certificate.switching import final_state, polish
from homotopy.deletion.optimum import OptimumStatus as Status
from homotopy.deletion.searches import everything

ROWS = 8
ROUNDINGS = ("as drawn", "last bits", "rows permuted", "parameters rotated")


def instance(number):
    """Data, θ₀ and times of many sizes: of the units, the condition, the way to go, the horizon."""
    generator = np.random.default_rng([number, 13])
    d = 1 + number % 3
    condition, units = 10.0 ** generator.uniform(0, 8), 10.0 ** generator.uniform(-3, 3)
    X = generator.normal(size=(ROWS, d)) * np.geomspace(1.0, condition**-0.5, d)
    X = units * X @ np.linalg.qr(generator.normal(size=(d, d)))[0]
    y = X @ generator.normal(size=d) + units * 10.0 ** generator.uniform(-3, 1) * generator.normal(
        size=ROWS
    )
    fit = np.linalg.lstsq(X[1:], y[1:], rcond=None)[0]
    near = 10.0 ** generator.uniform(-13, 1) if number % 2 else 10.0
    theta0 = fit + near * np.linalg.norm(fit) * generator.normal(size=d)
    rates = np.linalg.eigvalsh(X[1:].T @ X[1:])
    horizon = 10.0 ** generator.uniform(-1, 0.8) / rates[generator.integers(d)]
    return X, y, theta0, (0.0, 0.2)[number // 2 % 2] * horizon, horizon


def rounded(number, how):
    """The same, computed with in another order or from other last digits."""
    X, y, theta0, start, horizon = instance(number)
    generator = np.random.default_rng([number, 14])
    if how == "last bits":
        X, y, theta0 = (
            np.nextafter(part, generator.choice([-np.inf, np.inf], size=part.shape))
            for part in (X, y, theta0)
        )
    elif how == "rows permuted":
        order = np.append(0, 1 + generator.permutation(ROWS - 1))
        X, y = X[order], y[order]
    elif how == "parameters rotated":
        turn = np.linalg.qr(generator.normal(size=(theta0.size, theta0.size)))[0]
        X, theta0 = X @ turn, turn.T @ theta0
    return X, y, theta0, start, horizon


def rivals(schedule, start, horizon):
    """(breakpoints, values) of a schedule, and of some near to it and far from it."""
    breakpoints = np.asarray(schedule.breakpoints)
    values = np.asarray(schedule.piece_values)
    found = [(breakpoints, values), ([start], [1.0, 0.0]), ([horizon], [1.0, 0.0])]
    for shift in (-1e-9, 1e-3):
        moved = np.clip(breakpoints + shift * (horizon - start), start, horizon)
        found.append((moved, values))
    return found


def optima_of(deletion, search):
    """As users have it, in two compiled calls where these close; and by branch and bound."""
    yield hm.optimise(deletion, over=search)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(everything, "closed_certificate", lambda *_: None)
        yield hm.optimise(deletion, over=search)


def assert_sound(X, y, theta0, start, horizon, max_nodes=1):
    problem = hm.LinearRegression(X, y, deleted=0)
    deletion = hm.Deletion(problem, theta0, start, horizon)
    optima = list(optima_of(deletion, hm.Everything(max_nodes=max_nodes)))
    schedules = rivals(optima[0].schedule, start, horizon)
    schedules += [(np.asarray(one.schedule.breakpoints), np.asarray(one.schedule.piece_values))
                  for one in optima[1:]]  # fmt: skip
    costs = oracle.costs_digits(X, y, [0], 0.0, theta0, schedules, horizon)
    for optimum, own in zip(optima, (costs[0], costs[-1]), strict=True):
        assert optimum.lower_bound <= min(costs)
        assert abs(own - optimum.cost) <= optimum.cost_error
        assert optimum.lower_bound <= optimum.cost
        if optimum.status is Status.certified:
            assert (own - optimum.lower_bound) <= 1e-6 * own
    return optima


# Four hundred instances: a hundred, each computed with in four ways.
@pytest.mark.parametrize("how", ROUNDINGS)
@pytest.mark.parametrize("part", range(4))
def test_no_bound_is_above_the_cost_to_fifty_digits(part, how):
    pairs = [assert_sound(*rounded(number, how)) for number in range(part, 100, 4)]
    for optima in zip(*pairs, strict=True):
        assert sum(optimum.status is Status.certified for optimum in optima) >= 12


@pytest.mark.parametrize("distance", [1e-9, 1e-10, 1e-11, 1e-12, 1e-13])
def test_near_the_target_the_cost_keeps_its_digits(distance):
    # θ₀ − θ*₋ is a difference of numbers that agree to all their digits but a few.
    generator = np.random.default_rng(0)
    X, y = generator.normal(size=(20, 3)), generator.normal(size=20)
    fit = np.linalg.lstsq(X[1:], y[1:], rcond=None)[0]
    theta0 = fit + distance * np.linalg.norm(fit) * generator.normal(size=3)
    horizon = 0.5 / np.linalg.eigvalsh(X[1:].T @ X[1:])[0]
    for optimum in assert_sound(X, y, theta0, 0.0, horizon):
        # Of θ₀ itself θ₀ − θ*₋ has an error of one rounding: 1e-3 of it at the last distance.
        assert optimum.cost_error <= 1e-11 * optimum.cost
        assert optimum.gap <= 0.05


def test_spectra_by_lapack_carry_their_margin(monkeypatch):
    # As for many parameters, where each digit of 50 would take hours.
    monkeypatch.setattr(data_spectrum, "EXTENDED_LIMIT", 0)
    wrong = []
    for seed in range(6):
        generator, d = np.random.default_rng(seed), 2
        turned = [np.linalg.qr(generator.normal(size=shape))[0] for shape in ((ROWS, d), (d, d))]
        X = 3.0 * turned[0] * np.geomspace(1.0, 1e-5, d) @ turned[1]
        y = X @ generator.normal(size=d) + 1e-5 * generator.normal(size=ROWS)
        horizon = 1.0 / np.linalg.eigvalsh(X[1:].T @ X[1:])[0]
        for optimum in assert_sound(X, y, generator.normal(size=d), 0.1 * horizon, horizon):
            assert 0.0 < optimum.cost_error
            schedule = optimum.schedule
            exact = oracle.cost(
                X, y, [0], 0.0, np.asarray(optimum.deletion.theta0),
                np.asarray(schedule.breakpoints), np.asarray(schedule.piece_values), horizon,
            )  # fmt: skip
            wrong.append(abs(optimum.cost - exact) / exact)
    assert max(wrong) > 1e-9  # the case is one


# ------------------------------------------------------------------ the parts, as systems
def decomposition(rates, rows):
    return lambda weights: np.linalg.eigh(np.diag(rates) + (rows.T * weights) @ rows)


def drawn(seed, points=1, scale=1.0, errors=None):
    generator = np.random.default_rng([seed, 15])
    d = 2 + seed % 3
    rates = np.sort(scale * 10.0 ** generator.uniform(-1, 2, d))
    rows = np.sqrt(scale) * generator.normal(size=(points, d))
    return ResidualSystem(
        rates=rates,
        rows=rows,
        residual=3.0 * generator.normal(size=points),
        start=2.0 * generator.normal(size=d),
        goal=0.1 * generator.normal(size=d),
        span=1.0 / scale,
        control=np.arange(points),
        decompose=decomposition(rates, rows),
        errors=errors,
    )


def some_controls(system, generator):
    return tuple(
        BangBangControl(
            int(generator.integers(2)),
            tuple(np.sort(generator.uniform(0, system.span, 3)).tolist()),
        )
        for _ in range(system.controls)
    )


def exact_cost(system, controls):
    return ExactFlow(system).cost([(each.initial, each.switches) for each in controls])


@pytest.mark.parametrize("points", [1, 2])
def test_the_error_of_a_final_state_is_a_bound_and_no_more_than_rounding(points):
    for seed in range(8):
        system = drawn(seed, points, 10.0 ** (seed % 3 * 3))
        controls = some_controls(system, np.random.default_rng(seed))
        state, error = final_state(system, controls)
        exact = ExactFlow(system).end([(each.initial, each.switches) for each in controls])
        with mp.workdps(50):
            miss = mp.norm(mp.matrix(state.tolist()) - exact)
            size = mp.norm(exact)
        assert miss <= error <= 1e-11 * (1 + size)
        low, high = cost_interval(system, controls)
        assert low <= exact_cost(system, controls) <= high


def test_near_the_goal_the_cost_is_known_better_than_the_state():
    ratios = []
    for seed in range(400):
        generator = np.random.default_rng([seed, 44])
        rates = np.sort(10.0 ** generator.uniform(-0.5, 1.5, 2))
        row = 10.0 ** generator.uniform(0.5, 1.5, (1, 2))
        system = ResidualSystem(
            rates, row, 5.0 * generator.normal(size=1), generator.normal(size=2), np.zeros(2), 1.0,
            np.zeros(1, dtype=int), decomposition(rates, row),
        )  # fmt: skip
        value, controls = polish(system, (BangBangControl(1, (0.3,)),))
        (_, error), (low, high) = final_state(system, controls), cost_interval(system, controls)
        by_norm = error * np.sqrt(2.0 * high)
        if value > 1e-15 and by_norm > 1e-9 * value:
            assert low <= exact_cost(system, controls) <= high
            ratios.append((high - low) / by_norm)
    # Of ‖q‖‖e‖ is left what the costate makes of it.
    assert len(ratios) >= 3 and max(ratios) <= 0.1


def test_bounds_hold_for_all_that_is_within_the_errors_of_the_data():
    size = 1e-4

    def moved(part, generator):
        return part * (1.0 + size * generator.choice([-1.0, 1.0], size=part.shape))

    for seed in range(6):
        plain, generator = drawn(seed), np.random.default_rng(seed)
        errors = DataErrors(
            matrix=np.diag(size * plain.rates),
            rows=size * np.abs(plain.rows),
            residual=size * np.abs(plain.residual),
            start=size * np.abs(plain.start),
            goal=size * np.abs(plain.goal),
            force=np.zeros(plain.start.size),
            time=0.0,
        )
        system = drawn(seed, errors=errors)
        times, controls = time_grid(system), some_controls(system, generator)
        finder = RangeFinder(system, times)
        found = finder.find()
        low, high = cost_interval(system, controls)
        for _ in range(4):
            rates, rows, residual, start, goal = (
                moved(part, generator)
                for part in (plain.rates, plain.rows, plain.residual, plain.start, plain.goal)
            )
            other = ResidualSystem(
                *(rates, rows, residual, start, goal, plain.span, plain.control),
                decomposition(rates, rows),
            )
            assert low <= exact_cost(other, controls) <= high
            # The controls that end lowest, as far as is known.
            q, node = generator.normal(size=rates.size), root_node(found, system.control)
            point = support_point(system, node, q)
            lowest = point.controls()
            ends = ExactFlow(other).support([(c.initial, c.switches) for c in lowest], q)
            assert point.value <= ends
            values = _residuals(other, controls, times)
            assert np.all((found.low[:, 0] <= values) & (values <= found.high[:, 0]))


def _residuals(system, controls, times):
    """v of the first row at some times, to fifty digits and rounded."""
    flow, (control,) = ExactFlow(system), controls
    values = []
    for time in times:
        until = [switch for switch in control.switches if switch < time]
        shorter = ExactFlow(dataclasses.replace(system, span=float(time)))
        shorter.known = flow.known
        state = shorter.end([(control.initial, until)])
        with mp.workdps(50):
            row = [mp.mpf(float(entry)) for entry in system.rows[0]]
            values.append(float(mp.fdot(row, state) - mp.mpf(float(system.residual[0]))))
    return np.array(values)


@pytest.mark.parametrize("seed", range(6))
def test_a_multiplier_without_bound_excludes_no_schedule_that_is_good_enough(seed):
    # Where the inequality leaves one schedule only, that schedule stays in the range: the excess
    # of the multiplied inequality is rounding, and so is what the functional is short of.
    system = drawn(seed)
    finder = RangeFinder(system, time_grid(system))
    found = finder.find()
    for normal in np.eye(system.rates.size):
        point = support_point(system, root_node(found, system.control), normal)
        for initial in (0, 1):
            control = BangBangControl(initial, ())
            reached = ExactFlow(system).support([(initial, ())], normal)
            radius = np.nextafter(float(reached), np.inf)
            if radius <= 0.0:
                continue
            tight = finder.tighten(found, normal, radius, max(radius - point.value, 1e-15))
            values = _residuals(system, (control,), finder.times)
            rounding = 1e-15 * np.abs(values).max()
            assert np.all(values >= tight.low[:, 0] - rounding)
            assert np.all(values <= tight.high[:, 0] + rounding)


# ------------------------------------------------------------------ other processors
# Kernels of OpenBLAS that every such processor can run, beside its own.
CORES = ("Haswell", "Nehalem") if platform.machine() in ("x86_64", "AMD64") else ()


@pytest.mark.parametrize("core", CORES)
def test_the_bounds_hold_with_the_kernels_of_other_processors(core):
    here = Path(__file__)
    chosen = (
        "multiplier_without_bound or within_the_errors or (near_the_target and 1e-11)"
        " or (ranges_of_the_better and shape2)"
    )
    files = [here, here.with_name("test_certificate.py")]
    # Of the settings of the tests only what numbers depend on: shapes are checked in this process.
    options = ["-q", "-x", "-p", "no:cacheprovider", "--noconftest"]
    pytest_there = [sys.executable, "-m", "pytest", *options]
    done = subprocess.run(
        [*pytest_there, "-k", chosen, *files],
        env=os.environ | {"OPENBLAS_CORETYPE": core, "JAX_ENABLE_X64": "1"},
        cwd=here.parents[2],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout
