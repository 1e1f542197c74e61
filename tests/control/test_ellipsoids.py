"""Ellipsoids that hold all states: against their equations, and simulated schedules."""

import dataclasses
from functools import cache, partial

import numpy as np
import pytest
import switched_flows
from numpy.polynomial import Polynomial
from scipy.integrate import quad, solve_ivp
from scipy.interpolate import CubicHermiteSpline

from homotopy.control.certificate import (
    ResidualSystem,
    cubics,
    ellipsoid,
    ellipsoid_defects,
)
from homotopy.control.certificate.ascent import maximise
from homotopy.control.certificate.dual import support_point
from homotopy.control.certificate.regions import root_node
from homotopy.control.certificate.residual_range import RangeFinder
from homotopy.control.certificate.rounding import DataErrors
from homotopy.control.certificate.several_rows import time_grid

# (dimension, deleted rows, one control for all or each its own)
SHAPES = [(2, 2, "each"), (5, 3, "one"), (5, 3, "each"), (10, 2, "one"), (3, 5, "one")]
SCALES = (1.0, 3.0)  # of the deleted rows
CORNERS = {"one": [(0.0,), (1.0,), (0.5,)]}


@cache
def regression(shape, scale, seed=0) -> ResidualSystem:
    """Least squares of 20 points, the deleted rows so many times as long, T = 2/λ_min."""
    dimension, points, owner = shape
    generator = np.random.default_rng([seed, dimension, points])
    X, y = generator.normal(size=(20, dimension)), generator.normal(size=20)
    X[:points] *= scale
    y[:points] *= scale
    rates, vectors = np.linalg.eigh(X[points:].T @ X[points:])
    fit = np.linalg.lstsq(X[points:], y[points:], rcond=None)[0]
    span = 2.0 / rates[0]
    rates, rows = span * rates, np.sqrt(span) * (X[:points] @ vectors)
    return ResidualSystem(
        rates=rates,
        rows=rows,
        residual=np.sqrt(span) * (y[:points] - X[:points] @ fit),
        start=vectors.T @ (2.0 * generator.normal(size=dimension) - fit),
        goal=np.zeros(dimension),
        span=1.0,
        control=np.arange(points) if owner == "each" else np.zeros(points, dtype=int),
        decompose=lambda weights: np.linalg.eigh(np.diag(rates) + (rows.T * weights) @ rows),
    )


def visited(system, owner, times, generator, count=1000):
    """States (m, N+1, d) of so many schedules, and of those of feedbacks that go to extremes."""
    rows = len(system.rows)
    corners = CORNERS.get(owner) or [
        tuple(map(float, corner)) for corner in generator.integers(0, 2, size=(6, rows))
    ] + [(0.0,) * rows, (1.0,) * rows]
    flow = switched_flows.of_system(system, corners)
    drawn = switched_flows.random_choices(generator, count, times.size - 1, flow.modes)
    shares = np.asarray(corners)[:, system.control]
    directions = generator.normal(size=(100, system.rates.size))

    def greedy(now):
        pushed = np.einsum(
            "kg,mg,gd->mkd", shares, now @ system.rows.T - system.residual, system.rows
        )
        return np.argmin(np.einsum("md,mkd->mk", directions, pushed), axis=1)

    found = [flow.run(system.start, times, drawn)]
    found.append(flow.run(np.tile(system.start, (100, 1)), times, greedy))
    return np.concatenate(found)


@pytest.mark.parametrize("shape", SHAPES)
def test_no_schedule_leaves_an_ellipsoid(shape):
    # Sampled: the ellipsoid itself for several γ, and the range of functionals between the times.
    generator, outermost = np.random.default_rng(1), 0.0
    for scale in SCALES:
        system = regression(shape, scale)
        times = time_grid(system)
        grid = ellipsoid._grid(system, times)
        states = visited(system, shape[2], grid, generator)
        for share in (0.0, 2.0, 8.0):
            found = ellipsoid.ellipsoids(system, grid, share * system.rates[0])
            count = found.radii.size
            away = states[:, :count] - found.cubics.centres
            inverse = np.linalg.inv(found.cubics.shapes)
            q = np.einsum("mnd,nde,mne->mn", away, inverse, away)
            excess = q / np.maximum(found.radii, 1e-300)
            assert np.all(q <= found.radii * (1.0 + 1e-9) + 1e-18)
            outermost = max(outermost, excess[:, 5:].max())
        functionals = np.concatenate([system.rows, generator.normal(size=(4, system.rates.size))])
        low, high, cell_low, cell_high = ellipsoid.functional_range(system, times, functionals)
        values = states @ functionals.T
        rounding = 1e-12 * np.abs(values).max()
        at = np.searchsorted(grid, times)
        assert np.all((low - rounding <= values[:, at]) & (values[:, at] <= high + rounding))
        for cell in range(times.size - 1):
            inside = values[:, at[cell] : at[cell + 1] + 1]
            assert np.all(inside >= cell_low[cell] - rounding)
            assert np.all(inside <= cell_high[cell] + rounding)
    assert outermost > 0.5  # they are not so large that anything would pass


@pytest.mark.parametrize("seed", range(3))
def test_the_ellipsoid_is_the_one_of_its_differential_equations(seed):
    # Integrated by SciPy, without the cubics and the Hamiltonian; ours is inflated by a floor.
    system = regression((4, 2, "one"), 2.0, seed)
    rates, rows = system.rates, system.rows
    grid = ellipsoid._grid(system, time_grid(system))
    forgetting = 1.5 * rates[0]
    found = ellipsoid.ellipsoids(system, grid, forgetting)

    def velocity(_, state):
        Y, c = state[:16].reshape(4, 4), state[16:20]
        left = rows.T - Y @ rows.T
        v = rows @ c - system.residual
        shape = (forgetting - rates[:, None] - rates) * Y + 0.5 * left @ left.T
        radius = 0.5 * v @ v - forgetting * state[-1]
        return np.concatenate([shape.ravel(), -rates * c - 0.5 * left @ v, [radius]])

    begin = np.concatenate([np.zeros(16), system.start, [0.0]])
    exact = solve_ivp(velocity, (0, 1), begin, "LSODA", grid, rtol=1e-9, atol=1e-12).y.T
    widths = np.einsum("gd,nde,ge->ng", rows, exact[:, :16].reshape(-1, 4, 4), rows)
    ours = np.einsum("gd,nde,ge->ng", rows, found.cubics.shapes, rows)
    # The floor is 10⁻⁴; ϱ also bears what the cubics miss.
    squares, centres, radii = np.sum(rows**2, axis=1), exact[:, 16:20], exact[:, -1]
    assert np.all(ours >= widths - 1e-7 * squares)
    assert np.all(ours <= widths + 1e-3 * squares)
    np.testing.assert_allclose(found.cubics.centres, centres, atol=1e-3 * np.abs(centres).max())
    assert np.all(found.radii >= radii - 1e-3 * radii.max())
    assert np.all(found.radii <= 1.05 * radii + 1e-2 * radii.max())


def test_what_the_cubics_miss_is_bounded_between_the_times_as_well():
    # On a coarse grid, against SciPy's cubics: q̇ of random states and controls, and ∫½|v_c|².
    system, generator = regression((4, 2, "each"), 2.0), np.random.default_rng(7)
    grid = ellipsoid._grid(system, np.linspace(0.0, 1.0, 9))[::3]
    forgetting = 2.0 * system.rates[0]
    found = ellipsoid.ellipsoids(system, grid, forgetting)
    cubic, grid = found.cubics, grid[: found.radii.size]
    inflation = 2e-4 * np.maximum(system.rates - 0.5 * forgetting, 0.0)
    bounds = ellipsoid_defects.defects_of(system, cubic, np.diff(grid), forgetting, inflation)
    centre = CubicHermiteSpline(grid, cubic.centres, cubic.centre_slopes)
    shape = CubicHermiteSpline(grid, cubic.shapes, cubic.shape_slopes)
    used, steps = 0, range(grid.size - 1)
    for step in steps:
        for time in generator.uniform(grid[step], grid[step + 1], 5):
            c, Y = centre(time), shape(time)
            driven = 0.5 * np.sum((system.rows @ c - system.residual) ** 2)
            for _ in range(20):
                away = np.linalg.cholesky(Y) @ generator.normal(size=4)
                away *= 10.0 ** generator.uniform(-2, 4)
                v = system.rows @ (c + away) - system.residual
                # The extremal w, and others that are admissible or need not be.
                z = np.linalg.solve(Y, away)
                w = 0.5 * (v - system.rows @ z) if used % 2 else generator.uniform(size=2) * v
                velocity = -system.rates * (c + away) - system.rows.T @ w - centre(time, 1)
                rate = 2.0 * z @ velocity - z @ shape(time, 1) @ z + 2.0 * w @ (v - w)
                rate += z @ (inflation * z)  # of which no use is made
                q = away @ z
                most = (bounds.growth[step] - forgetting) * q + driven
                most += 2.0 * bounds.shift[step] * np.sqrt(q)
                assert rate <= most + 1e-9 * (abs(rate) + abs(most))
                used += 1

    def density(time):
        return 0.5 * np.sum((system.rows @ centre(time) - system.residual) ** 2)

    for step in steps:
        left, right = grid[step], grid[step + 1]
        whole = quad(density, left, right, epsrel=1e-12)[0]
        exact = quad(lambda t, end=right: density(t) * np.exp(forgetting * (t - end)), left, right)
        assert bounds.driven[step] == pytest.approx(whole, rel=1e-9)
        # The chord lies above e^{−x} by at most x²/8.
        exponent = forgetting * (right - left)
        assert exact[0] * (1.0 - 1e-9) <= bounds.kept[step]
        assert bounds.kept[step] <= exact[0] + whole * exponent**2 / 8 * (1.0 + 1e-9)


def test_one_mode_without_decay_has_the_closed_form():
    # Λ = 0, r = 0, d = 1: with τ = b²t/2, |v − v₀/(1 + τ)| ≤ v₀ τ/(1 + τ): between −v₀ and v₀.
    system = ResidualSystem(
        rates=np.array([0.0]),
        rows=np.array([[2.0]]),
        residual=np.array([0.0]),
        start=np.array([1.5]),
        goal=np.array([0.0]),
        span=1.0,
        control=np.zeros(1, dtype=int),
        decompose=lambda weights: (4.0 * weights, np.eye(1)),
    )
    times = np.linspace(0.0, 1.0, 9)
    low, high, _, _ = ellipsoid.functional_range(system, times, system.rows)
    tau = 2.0 * times[1:]
    # γ = 0 is the first of several; the others only narrow it. ε ≡ 0 and ε ≡ 1 are inside.
    assert np.all(high[1:, 0] >= 3.0) and np.all(high[1:, 0] <= 3.01)
    assert np.all(low[1:, 0] <= 3.0 * np.exp(-2.0 * tau))
    assert np.all(low[1:, 0] >= 3.0 * (1.0 - tau) / (1.0 + tau) - 0.01)


@pytest.mark.parametrize("owner", ["one", "each"])
def test_influential_rows_get_a_lower_bound_that_sweeps_alone_do_not_give(owner, monkeypatch):
    system = regression((5, 3, owner), 2.0)
    times = time_grid(system)
    found = RangeFinder(system, times).find()
    monkeypatch.setattr(RangeFinder, "_within_ellipsoids", lambda self, crude: crude)
    swept = RangeFinder(system, times).find()
    assert np.all((found.high - found.low)[-1] <= 0.5 * (swept.high - swept.low)[-1])
    # q of the best of many schedules, of which none is below the bound.
    states = visited(system, owner, ellipsoid._grid(system, times), np.random.default_rng(2))
    costs = 0.5 * np.sum(states[:, -1] ** 2, axis=1)
    bounds = []
    for known in (found, swept):
        dual = partial(support_point, system, root_node(known, system.control))
        bounds.append(maximise(dual, states[costs.argmin(), -1], costs.min(), 60)[0].bound)
    assert bounds[1] == 0.0 and 0.0 < bounds[0] <= costs.min()


def test_all_systems_within_the_errors_of_the_data_are_held():
    size, generator = 1e-3, np.random.default_rng(5)
    plain = regression((3, 2, "each"), 2.0)
    times = time_grid(plain)
    errors = DataErrors(
        matrix=np.diag(size * plain.rates),
        rows=size * np.abs(plain.rows),
        residual=size * np.abs(plain.residual),
        start=size * np.abs(plain.start),
        goal=np.zeros(3),
        force=np.zeros(3),
        time=0.0,
    )
    system = dataclasses.replace(plain, errors=errors, _spectra={})
    finder = RangeFinder(system, times)
    found = finder._within_ellipsoids(finder._crude())
    narrow = RangeFinder(plain, times)
    narrow = narrow._within_ellipsoids(narrow._crude())
    outside = 0
    for _ in range(30):
        rates, rows, residual, start = (
            part * (1.0 + size * generator.choice([-1.0, 1.0], size=part.shape))
            for part in (plain.rates, plain.rows, plain.residual, plain.start)
        )
        other = dataclasses.replace(
            plain, rates=rates, rows=rows, residual=residual, start=start, _spectra={}
        )
        values = visited(other, "each", times, generator, 60) @ rows.T - residual
        assert np.all((found.low <= values) & (values <= found.high))
        outside += np.sum((values < narrow.low) | (values > narrow.high))
    assert outside > 0  # without the errors, some are not


def test_nothing_is_said_where_too_many_parameters_would_take_too_long(monkeypatch):
    system = regression((5, 3, "one"), 1.0)
    monkeypatch.setattr(ellipsoid, "LARGEST", 4)
    times = time_grid(system)
    low, high, cell_low, cell_high = ellipsoid.functional_range(system, times, system.rows)
    assert np.all(low == -np.inf) and np.all(cell_high == np.inf)
    assert cell_low.shape == (times.size - 1, 3) and np.all(high == np.inf)


def test_cubics_are_those_of_numpy():
    generator = np.random.default_rng(0)
    steps = np.array([0.7, 0.2])
    values, rates = generator.normal(size=(2, 3, 2, 2))
    found = cubics.coefficients(values, rates, steps)
    moving, control = cubics.slopes(found, steps), cubics.bezier(values, rates, steps)
    squares = cubics.products(found, found)
    x = np.linspace(-1.0, 1.0, 41)
    for step in range(2):
        for i, j in np.ndindex(2, 2):
            cubic = Polynomial(found[:, step, i, j])
            for end, at in ((0, -1.0), (1, 1.0)):
                slope = cubic.deriv()(at) * 2.0 / steps[step]
                assert cubic(at) == pytest.approx(values[step + end, i, j], abs=1e-14)
                assert slope == pytest.approx(rates[step + end, i, j], abs=1e-12)
            derivative = Polynomial(moving[:, step, i, j])
            expected = cubic.deriv()(x) * 2 / steps[step]
            np.testing.assert_allclose(derivative(x), expected, atol=1e-12)
            assert control[:, step, i, j].min() - 1e-14 <= cubic(x).min()
            assert cubic(x).max() <= control[:, step, i, j].max() + 1e-14
            product = sum(
                Polynomial(found[:, step, i, k]) * Polynomial(found[:, step, k, j])
                for k in range(2)
            )
            np.testing.assert_allclose(squares[:, step, i, j], product.coef, atol=1e-13)
