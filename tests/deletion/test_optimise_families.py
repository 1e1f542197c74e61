"""Cells, decays and learned schedules against SciPy's optimiser, grids and differences."""

from functools import cache

import diffrax
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.optimize import minimize

import homotopy as hm
from homotopy.deletion.searches.family import _behind
from homotopy.deletion.searches.ramps import interval

Status = hm.results.OptimumStatus


@cache
def deletion():
    """Its best schedule keeps the point for a while, and deletes it then."""
    rng = np.random.default_rng(5)
    X = rng.standard_normal((20, 4))
    y = X @ rng.standard_normal(4) + 0.5 * rng.standard_normal(20)
    horizon = 2.0 * np.linalg.norm(np.linalg.inv(X[1:].T @ X[1:]), 2)
    problem = hm.LinearRegression(X, y, deleted=0)
    return hm.Deletion(problem, 3 * rng.standard_normal(4), 0.2 * horizon, horizon)


@cache
def bang_bang():
    return hm.optimise(deletion(), over=hm.BangBangs(3))


@cache
def cells(count):
    return hm.optimise(deletion(), over=hm.Cells(count))


def cost_and_gradient(search):
    """ℰ and its gradient in the parameters of a family, in one compiled program."""
    start, horizon = deletion().start, deletion().horizon

    def cost(point):
        return deletion().cost(search.schedule(point, start, horizon))

    return jax.jit(jax.value_and_grad(cost))


def forward_cost_and_gradient(search):
    """The same in forward mode, which compiles in less than half of the time.

    In reverse a varying weight is differentiated in tests/flows/test_flow_ramp.py.
    """
    given = deletion()
    method = hm.Exact(adjoint=diffrax.ForwardMode())
    given = hm.Deletion(given.problem, given.theta0, given.start, given.horizon, method=method)

    def cost(point):
        found = given.cost(search.schedule(point, given.start, given.horizon))
        return found, found

    gradient_and_cost = jax.jit(jax.jacfwd(cost, has_aux=True))
    return lambda point: gradient_and_cost(point)[::-1]


def known_cost_and_gradient(search):
    """The same of numbers that are known, by the derivative in the schedule."""
    start, horizon = deletion().start, deletion().horizon

    @jax.jit
    def pulled_back(point, gradient):
        return jax.vjp(lambda at: search.schedule(at, start, horizon), point)[1](gradient)[0]

    def both(point):
        cost, gradient = deletion().value_and_gradient(search.at(point, deletion()))
        return cost, pulled_back(point, gradient)

    return both


def assert_gradient(both, point, step=1e-5):
    """Against central differences."""
    exact = both(point)[1]
    differences = [
        (both(point + s)[0] - both(point - s)[0]) / (2 * step) for s in step * np.eye(point.size)
    ]
    np.testing.assert_allclose(exact, differences, rtol=0.0, atol=1e-7 * np.max(np.abs(exact)))


# --- cells


def cells_by_numpy(count):
    """ℰ and its gradient in the weights of cells, by spectra and Gauss nodes; δℰ/δε = −p·∇ℓ."""
    start, horizon = float(deletion().start), float(deletion().horizon)
    X, y = np.asarray(deletion().problem.X), np.asarray(deletion().problem.y)
    row, value = X[0], y[0]
    kept, moments = X[1:].T @ X[1:], X[1:].T @ y[1:]
    target = np.linalg.solve(kept, moments)
    length = (horizon - start) / count
    nodes, parts = np.polynomial.legendre.leggauss(16)
    nodes, parts = (nodes + 1.0) / 2.0, parts / 2.0

    def pieces_of(weights):
        rates, vectors = np.linalg.eigh(kept + weights[:, None, None] * np.outer(row, row))
        sides = moments + weights[:, None] * value * row
        return list(
            zip(rates, vectors, np.einsum("kij,ki->kj", vectors, sides) / rates, strict=True)
        )

    ((rates, vectors, fit),) = pieces_of(np.ones(1))
    apart = vectors.T @ np.asarray(deletion().theta0) - fit
    at_request = vectors @ (fit + np.exp(-rates * start) * apart)

    def both(weights):
        pieces, theta = pieces_of(weights), at_request
        residuals, gradient = [], np.empty(count)
        for rates, vectors, fit in pieces:
            away = vectors.T @ theta - fit
            states = fit + np.exp(-np.outer(nodes * length, rates)) * away
            residuals.append(states @ (vectors.T @ row) - value)
            theta = vectors @ (fit + np.exp(-rates * length) * away)
        costate = theta - target
        cost = 0.5 * costate @ costate
        for index in reversed(range(count)):
            rates, vectors, _ = pieces[index]
            own = vectors.T @ costate
            seen = (np.exp(-np.outer((1.0 - nodes) * length, rates)) * own) @ (vectors.T @ row)
            gradient[index] = -length * np.sum(parts * residuals[index] * seen)
            costate = vectors @ (np.exp(-rates * length) * own)
        return cost, gradient

    return both


def test_gradient_in_cells():
    assert_gradient(cost_and_gradient(hm.Cells(8)), np.random.default_rng(0).uniform(0.1, 0.9, 8))


def test_cells_against_scipy():
    search, optimum = hm.Cells(8), cells(8)
    both = cells_by_numpy(8)

    def scaled(point):
        value, gradient = both(point)
        return value / optimum.cost, gradient / optimum.cost

    found = [
        minimize(scaled, at, jac=True, bounds=[(0, 1)] * 8, options={"ftol": 1e-15, "gtol": 1e-10})
        for at in search.starts()
    ]
    assert optimum.status == Status.local_optimum
    assert optimum.cost <= min(f.fun for f in found) * optimum.cost * (1 + 1e-10)
    # Stationary: no weight can move within its bounds and lower ℰ.
    point = np.asarray(optimum.schedule.values)[1:-1]
    value, gradient = scaled(point)
    assert value == pytest.approx(1.0, rel=1e-11)
    assert np.max(np.abs(point - np.clip(point - gradient, 0.0, 1.0))) <= 1e-8


def test_cells_converge_to_the_bang_bang_optimum_from_above():
    best = bang_bang()
    assert best.structure.startswith("1→0 ")
    gaps = [cells(count).cost / best.cost - 1.0 for count in (4, 8, 16)]
    assert all(gap > 0.0 for gap in gaps)
    assert gaps[2] <= 0.1 * gaps[0] and gaps[2] < 1e-3
    switch = float(best.schedule.switches[0])
    for count in (4, 8, 16):
        schedule = cells(count).schedule
        assert deletion().membership(schedule)
        edges, values = np.asarray(schedule.times), np.asarray(schedule.values)[1:-1]
        lefts, rights = edges[:-1], edges[1:]
        away = (rights < switch) | (lefts > switch)
        np.testing.assert_allclose(values[away], lefts[away] < switch, atol=1e-6)
        # ... and in the cell of the switch no other weight is better.
        for weight in np.linspace(0.0, 1.0, 6):
            changed = np.concatenate([[1.0], np.where(away, values, weight), [0.0]])
            cost = float(deletion().cost(hm.PiecewiseConstant(edges, changed)))
            assert cost >= cells(count).cost * (1 - 1e-12)


def test_a_warm_start_from_cells_leads_to_the_optimum_and_back():
    polished = hm.optimise(deletion(), over=hm.BangBangs(3), warm_start=cells(16))
    assert polished.cost == pytest.approx(bang_bang().cost, rel=1e-13)
    again = hm.optimise(deletion(), over=hm.Cells(16), warm_start=bang_bang())
    assert again.cost == pytest.approx(cells(16).cost, rel=1e-9)


def interrupt(report):
    raise KeyboardInterrupt


def test_an_interrupted_search_and_a_spent_budget():
    stopped = hm.optimise(deletion(), over=hm.Cells(8), progress=interrupt)
    assert stopped.status == Status.interrupted
    assert stopped.cost == pytest.approx(float(deletion().cost(stopped.schedule)), rel=1e-10)
    assert deletion().membership(stopped.schedule)
    short = hm.optimise(deletion(), over=hm.Cells(8, max_steps=2))
    assert short.status == Status.step_limit and short.cost >= cells(8).cost


# --- decays


def test_decays_of_three_parameters():
    search = hm.Polynomials()
    assert_gradient(known_cost_and_gradient(search), np.array([0.2, 0.6, 0.4]))
    optimum = hm.optimise(deletion(), over=search, warm_start=hm.Ramp(0.3, 0.4))
    assert optimum.status == Status.local_optimum
    assert deletion().membership(optimum.schedule)
    start, horizon = float(deletion().start), float(deletion().horizon)
    # Its family holds the steps, and the polynomials below on a grid.
    assert optimum.cost <= hm.optimise(deletion(), over=hm.Steps()).cost * (1 + 1e-10)
    for first in np.linspace(0.0, 1.0, 4):
        for last in np.linspace(first, 1.0, 4):
            for power in (0.3, 1.0, 3.0):
                times = start + (horizon - start) * np.array([first, last])
                cost = float(deletion().cost(hm.Polynomial(*times, power)))
                assert optimum.cost <= cost * (1 + 1e-10)
    # ... and a given one is found again in it.
    for schedule in (hm.Polynomial(0.3, 0.4, 2.5), hm.Ramp(0.3, 0.4)):
        at = search.nearest(schedule, start, horizon)
        near = search.schedule(jnp.asarray(at), start, horizon)
        times = np.linspace(0.0, horizon, 50)
        np.testing.assert_allclose(near(times), schedule(times), atol=0.05)


def test_ramps_begin_where_asked():
    search = hm.Ramps()
    near = search.schedule(search.nearest(hm.Ramp(0.2, 0.7), 0.1, 1.0), 0.1, 1.0)
    np.testing.assert_allclose([near.start, near.stop], [0.2, 0.7], atol=0.02)
    ends = search.schedule(np.array([0.0, 1.0]), 0.1, 0.7)
    assert (float(ends.start), float(ends.stop)) == (0.1, 0.7)


# --- learned schedules


def test_splines_learn():
    search = hm.Splines(4, max_steps=40)
    assert_gradient(forward_cost_and_gradient(search), np.array([0.5, -1.0, 0.3, 1.0]))
    optimum = hm.optimise(deletion(), over=search)
    assert deletion().membership(optimum.schedule)
    at_once = float(deletion().cost(hm.Step(deletion().start)))
    assert bang_bang().cost < optimum.cost < at_once
    # Most of what there is to gain, with the bang-bang optimum as the measure.
    assert optimum.cost - bang_bang().cost < 0.1 * (at_once - bang_bang().cost)
    assert optimum.cost == pytest.approx(float(deletion().cost(optimum.schedule)), rel=1e-9)
    at = search.nearest(hm.Step(0.1), 0.0, 1.0)
    assert at[0] > 0.0 > at[1]


def test_networks_take_the_shape_of_a_warm_start():
    search = hm.Networks(width=6)
    point = search.nearest(hm.Ramp(0.1, 0.9), 0.0, 1.0)
    network = search.schedule(jnp.asarray(point), 0.0, 1.0)
    times = np.linspace(0.05, 0.95, 19)
    np.testing.assert_allclose(network(times), hm.Ramp(0.1, 0.9)(times), atol=0.05)
    start, horizon = float(deletion().start), float(deletion().horizon)
    assert (
        hm.Networks().schedule(hm.Networks().starts()[0], start, horizon).membership(start, horizon)
    )
    assert np.ptp(search.starts(), axis=0).min() > 0.0


# --- arguments


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: hm.Cells(0), "count: expected an integer >= 1, got 0"),
        (lambda: hm.Cells(2.0), "count: expected an integer >= 1, got 2.0"),
        (lambda: hm.Cells(2, max_steps=0), "max_steps: expected an integer >= 1, got 0"),
        (lambda: hm.Splines(1), "count: expected an integer >= 2, got 1"),
        (lambda: hm.Splines(3, largest_logit=0.0), "largest_logit: expected a finite number > 0"),
        (lambda: hm.Networks(width=0), "width: expected an integer >= 1, got 0"),
        (lambda: hm.Networks(seed=-1), "seed: expected an integer >= 0, got -1"),
        (lambda: hm.Networks(largest_weight=-1.0), "largest_weight: expected a finite number > 0"),
        (lambda: hm.Polynomials(largest_power=1.0), "largest_power: expected a finite number > 1"),
        (lambda: hm.Ramps(max_steps=-1), "max_steps: expected an integer >= 1, got -1"),
    ],
)
def test_bad_arguments_are_named(build, message, without_shape_checks):
    with pytest.raises(ValueError, match=message):
        build()


def test_a_decay_of_no_length_does_not_end_before_it_begins():
    """A fraction below a rounding: first (1 − f) + T f may round to below `first`."""
    draw = np.random.default_rng(0)
    ends = np.sort(draw.uniform(size=(2, 20_000)), axis=0)
    parts = np.stack([draw.uniform(size=20_000), 10.0 ** draw.uniform(-18.0, -14.0, 20_000)])
    first, last = interval(parts, *ends)
    naive = first * (1.0 - parts[1]) + ends[1] * parts[1]
    assert np.any(naive < first) and np.all(last >= first)
    slope = jax.grad(lambda f: interval(f, 0.1, 1.0)[1])(jnp.array([0.3, 0.0]))
    np.testing.assert_allclose(slope, [0.9, 0.63], rtol=1e-15)  # whole, though the two are equal


def test_a_search_that_creeps_far_above_another_is_given_up():
    def behind(first, last, done=(True, False), count=40, left=100):
        costs = [np.array([start]) for start in np.geomspace(first, last, count)]
        return _behind(costs, np.array([done]), left)[0].tolist()

    creeping, falling = (1e-20, 1.7e-17), (1.0, 1e-9)
    assert behind((1e-22, 1.8e-17), (1e-22, 1.7e-17)) == [False, True]
    assert behind((1e-22, falling[0]), (1e-22, falling[1])) == [False, False]
    assert behind(creeping, creeping, done=(False, False)) == [False, False]
    assert behind(creeping, creeping, count=20) == [False, False]
    # At its pace it comes there in the points that are left, and not in a few.
    assert behind((1.0, 3.0), (1.0, 2.0), left=100) == [False, False]
    assert behind((1.0, 3.0), (1.0, 2.0), left=20) == [False, True]
