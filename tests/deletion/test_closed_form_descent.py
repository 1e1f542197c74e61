"""Searches side by side in linear regressions: against the adaptive flow, differences and SciPy."""

from functools import cache

import equinox as eqx
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.optimize import minimize

import homotopy as hm
from homotopy.deletion.searches._closed_form_descent import ClosedFormDescent
from homotopy.deletion.searches.family import AbstractFamily, _first_states

Status = hm.results.OptimumStatus


@cache
def deletion(seed=5, features=4, deleted=(0,), share=2.0, start=0.2, scale=1.0):
    """λT = `share` for the slowest mode."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((20, features)) * np.geomspace(scale, 1.0, features)
    y = X @ rng.standard_normal(features) + 0.5 * rng.standard_normal(20)
    kept = np.delete(X, deleted, axis=0)
    horizon = share * np.linalg.norm(np.linalg.inv(kept.T @ kept), 2)
    problem = hm.LinearRegression(X, y, deleted=list(deleted))
    return hm.Deletion(problem, 3 * rng.standard_normal(features), start * horizon, horizon)


def first_step(family, deletions, points):
    """ℰ and its gradient at points (m, r, p), by the program that a search in the family takes."""
    points = np.asarray(points)
    given, more = points.shape[1], max(0, len(family.starts()) - points.shape[1])
    points = np.concatenate([points, np.repeat(points[:, -1:], more, axis=1)], axis=1)
    descent = ClosedFormDescent(family, deletions, _first_states(points))
    descent.advance()
    return tuple(
        np.asarray(found)[:, :given] for found in (descent.states.cost, descent.states.gradient)
    )


class PastTheHorizon(AbstractFamily):
    """Ramps that may go on after T, which is no part of E_s."""

    max_steps: int = eqx.field(default=50, static=True)

    def bounds(self):
        return np.zeros(2), np.full(2, 3.0)

    def starts(self):
        return np.array([[0.2, 1.0]])

    def schedule(self, parameters, start, horizon):
        first = start + parameters[0] * (horizon - start)
        return hm.Ramp(first, first + parameters[1] * (horizon - start))

    def nearest(self, schedule, start, horizon):
        raise NotImplementedError


FAMILIES = {
    "ramps": (hm.Ramps(), [[0.3, 0.4], [0.9, 0.9]]),
    "polynomials": (hm.Polynomials(), [[0.2, 0.6, 0.4], [0.3, 0.5, -0.9]]),
    "splines": (hm.Splines(4), [[0.5, -1.0, 0.3, 1.0], [9.0, -9.0, 4.0, -8.0]]),
    "networks": (hm.Networks(width=2), None),
    "cells": (hm.Cells(3), [[0.2, 0.9, 0.4]]),
    "past the horizon": (PastTheHorizon(), [[0.2, 1.3], [1.5, 0.5]]),
}
# A group, and a problem with λT = 5000 for the fastest mode.
PROBLEMS = [{}, {"deleted": (0, 3, 4), "seed": 6}, {"scale": 60.0, "start": 0.001, "seed": 7}]


@pytest.mark.parametrize("name", FAMILIES)
def test_cost_and_gradient(name):
    family, points = FAMILIES[name]
    points = family.starts() if points is None else np.array(points)
    for options in PROBLEMS if name == "ramps" else PROBLEMS[1:2]:
        problem = deletion(**options)

        def cost(point, problem=problem):
            return float(problem.cost(family.at(point, problem), outside="allow"))

        costs, gradients = first_step(family, [problem], points[None])
        for point, ours, gradient in zip(points, costs[0], gradients[0], strict=True):
            assert ours == pytest.approx(cost(point), rel=1e-11)
            # Along one direction, which has a part in every parameter.
            way = 1e-4 * np.random.default_rng(0).uniform(0.5, 1.0, point.size)
            near, far = (cost(point + k * way) - cost(point - k * way) for k in (1, 2))
            expected = (8.0 * near - far) / 12.0
            assert abs(way @ gradient - expected) <= 1e-11 * ours + 1e-7 * abs(expected)


def test_a_ramp_without_length_moves_as_a_step_does():
    problem = deletion()
    costs, gradients = first_step(hm.Ramps(), [problem], np.array([[[0.4, 0.0]]]))
    start, horizon = float(problem.start), float(problem.horizon)
    step = hm.Step(0.6 * start + 0.4 * horizon)
    cost, gradient = problem.value_and_gradient(step)
    assert costs[0, 0] == pytest.approx(float(cost), rel=1e-12)
    # Of a short ramp both ends move the step by half.
    moved = float(gradient.switch)
    expected = [(0.5 + 0.5) * moved * (horizon - start), 0.5 * moved * 0.6 * (horizon - start)]
    np.testing.assert_allclose(gradients[0, 0], expected, rtol=1e-11)


def test_more_deleted_points_than_parameters():
    problem = deletion(features=2, deleted=(0, 1, 2, 3))
    family, point = hm.Splines(3), np.array([1.0, -2.0, 0.5])
    costs, _ = first_step(family, [problem], point[None, None])
    assert costs[0, 0] == pytest.approx(float(problem.cost(family.at(point, problem))), rel=1e-11)


def test_problems_side_by_side_as_one_by_one():
    problems = [deletion(seed=seed) for seed in (5, 8, 9)]
    together = hm.optimise(problems, over=hm.Ramps())
    for problem, optimum in zip(problems, together, strict=True):
        alone = hm.optimise(problem, over=hm.Ramps())
        assert optimum.cost == pytest.approx(alone.cost, rel=1e-10)
        assert optimum.cost == pytest.approx(float(problem.cost(optimum.schedule)), rel=1e-11)


# --- the optima, with SciPy's optimiser on the gradient of `value_and_gradient`


def test_ramps_against_scipy():
    problem, family = deletion(), hm.Ramps()
    start, horizon = float(problem.start), float(problem.horizon)
    optimum = hm.optimise(problem, over=family)

    def scaled(point):
        cost, by = problem.value_and_gradient(family.at(point, problem))
        by_start, by_stop, first = float(by.start), float(by.stop), point[0]
        rest = horizon - start - first * (horizon - start)
        slopes = [(by_start + (1.0 - point[1]) * by_stop) * (horizon - start), by_stop * rest]
        return float(cost) / optimum.cost, np.array(slopes) / optimum.cost

    found = [
        minimize(scaled, at, jac=True, bounds=[(0, 1)] * 2, options={"ftol": 1e-15, "gtol": 1e-9})
        for at in family.starts()[[1, 3]]
    ]
    assert optimum.status == Status.local_optimum
    assert min(f.fun for f in found) >= 1.0 - 1e-10
    for minimum in optimum.minima:
        ends = [float(minimum.schedule.start), float(minimum.schedule.stop)]
        first = (ends[0] - start) / (horizon - start)
        rest = horizon - ends[0]
        point = np.array([first, (ends[1] - ends[0]) / rest if rest > 0.0 else 0.0])
        value, gradient = scaled(np.clip(point, 0.0, 1.0))
        assert minimum.cost == pytest.approx(value * optimum.cost, rel=1e-11)
        free = point - np.clip(point - gradient / value, 0.0, 1.0)
        assert np.max(np.abs(free)) <= 1e-6


def test_splines_against_scipy():
    problem, family = deletion(share=0.5), hm.Splines(3, largest_logit=4.0)
    optimum = hm.optimise(problem, over=family)

    def scaled(point):
        cost, by = problem.value_and_gradient(family.at(point, problem))
        return float(cost) / optimum.cost, np.asarray(by.logits) / optimum.cost

    at = np.asarray(optimum.schedule.logits)
    found = minimize(
        scaled, at, jac=True, bounds=[(-4, 4)] * 3, options={"ftol": 1e-15, "gtol": 1e-10}
    )
    assert optimum.status == Status.local_optimum
    assert found.fun >= 1.0 - 1e-10
    gradient = scaled(at)[1]
    assert np.max(np.abs(at - np.clip(at - gradient, -4.0, 4.0))) <= 1e-7


# --- what the steps do not know beforehand


class Tapered(AbstractFamily):
    """A longer hold that is 1 only as long as it is short."""

    max_steps: int = eqx.field(default=50, static=True)

    def bounds(self):
        return np.zeros(1), np.ones(1)

    def starts(self):
        return np.array([[0.02]])

    def schedule(self, parameters, start, horizon):
        held = jnp.minimum(1.0, 1.1 - parameters[0])
        stop = start + parameters[0] * (horizon - start)
        times = jnp.stack([start, stop, horizon])
        return hm.PiecewiseConstant(times, jnp.stack([jnp.ones(()), held, 0.0 * held, 0.0 * held]))

    def nearest(self, schedule, start, horizon):
        raise NotImplementedError


def test_a_piece_that_begins_to_depend_on_a_parameter():
    problem = deletion()
    optimum = hm.optimise(problem, over=Tapered())
    assert float(optimum.schedule.values[1]) < 1.0
    assert optimum.cost == pytest.approx(float(problem.cost(optimum.schedule)), rel=1e-11)


def test_an_interruption_keeps_what_is_found():
    problem, trials = deletion(), []

    def interrupt(progress):
        trials.append(progress.done)
        raise KeyboardInterrupt

    stopped = hm.optimise(problem, over=hm.Splines(4), progress=interrupt)
    assert stopped.status == Status.interrupted and trials == [20]
    assert stopped.cost == pytest.approx(float(problem.cost(stopped.schedule)), rel=1e-11)
    assert stopped.cost < float(problem.cost(hm.Step(problem.start)))


def test_too_few_steps_allowed_are_told():
    given = deletion()
    method = hm.Exact(max_steps=2)
    problem = hm.Deletion(given.problem, given.theta0, given.start, given.horizon, method=method)
    costs, _ = first_step(hm.Splines(4), [problem], np.array([[[9.0, -9.0, 9.0, -9.0]]]))
    assert np.isinf(costs[0, 0])
