"""The range of the deleted residual and its changes of sign, by integration and by sampling."""

from __future__ import annotations

import itertools

import numpy as np
from scipy.integrate import solve_ivp

from homotopy.claims.checks.instances import arrays, regressions
from homotopy.deletion import Deletion, reachable
from homotopy.linear import LinearRegression
from homotopy.precision import enable_x64

_DIMENSIONS = (1, 2, 3, 5, 10)
_SCHEDULES, _STEPS = 200, 160


def exact_tube():
    """Least and largest residual at three times, and those of the feedbacks by SciPy.

    Beside them 1 + how many of many schedules leave the range, and 1.
    """
    for problem, dimension in zip(_influential(), _DIMENSIONS, strict=True):
        horizon = 1.0 / _slowest(problem)
        deletion = Deletion(problem, 3.0 * np.ones(dimension), start=0.0, horizon=horizon)
        tube = reachable(deletion)
        at = np.searchsorted(tube.times, np.array([0.1, 0.4, 1.0]) * horizon)
        at = at.clip(0, tube.times.size - 1)
        found = np.concatenate([tube.lower[at], tube.upper[at]])
        said = np.concatenate([_feedback(deletion, sign, tube.times[at]) for sign in (1, -1)])
        yield found, said
        values = _sampled(deletion, tube.times)
        slack = 1e-9 * np.abs(values).max()
        outside = np.any((values < tube.lower - slack) | (values > tube.upper + slack), axis=1)
        yield 1.0 + outside.sum(), 1.0


def sign_changes():
    """The most changes of sign of the residual among many schedules, where the bound is attained.

    Beside them 1 + how many schedules of other instances have more than the bound, and 1.
    """
    generator, most = np.random.default_rng(0), {}
    excess = 0
    for _ in range(30):
        dimension = int(generator.integers(1, 5))
        rates, row = 10.0 ** generator.uniform(-0.5, 1.5, dimension), np.ones(dimension)
        row = row * 10.0 ** generator.uniform(-0.3, 0.7, dimension)
        start = (-1.0) ** np.arange(dimension) * 10.0 ** generator.uniform(-0.5, 0.5, dimension)
        residual = 0.3 * generator.normal()
        bound = _bound(rates, row, residual, start)
        values = _many(np.diag(rates), row, residual, start, 3.0 / rates.min(), generator)
        signs = np.sign(np.where(np.abs(values) < 1e-12, 0.0, values))
        seen = max(_changes(each) for each in signs)
        excess += seen > bound
        most[bound] = max(most.get(bound, 0), seen)
    attained = [bound for bound in (1, 2) if bound in most]
    return [([most[bound] for bound in attained], attained), (1.0 + excess, 1.0)]


def _influential():
    """Regressions whose deleted row is scaled so that its leverage is large."""
    enable_x64()
    given = {problem.dimension: problem for problem in regressions()}
    for dimension in _DIMENSIONS:
        generator = np.random.default_rng([dimension, 17])
        if dimension in given:
            X, y, _, _ = arrays(given[dimension])
        else:
            X, y = generator.normal(size=(20, dimension)), generator.normal(size=20)
        X = X * np.array([1.0 if row != 1 else 4.0 for row in range(len(X))])[:, None]
        yield LinearRegression(X, y, deleted=1)


def _slowest(problem) -> float:
    X, _, x, _ = arrays(problem)
    return float(np.linalg.eigvalsh(X.T @ X - np.outer(x, x))[0])


def _parts(deletion):
    """M, Xᵀy without the point, x and its target, and θ₀."""
    X, y, x, target = arrays(deletion.problem)
    return (
        X.T @ X - np.outer(x, x), X.T @ y - x * target, x, target, np.asarray(deletion.theta0)
    )  # fmt: skip


def _feedback(deletion, sign, times):
    """v under "ε = 1 where sign·v > 0": a Lipschitz feedback, as εv is a part of v."""
    M, pulled, x, target, start = _parts(deletion)

    def velocity(_, theta):
        v = x @ theta - target
        return pulled - M @ theta - x * sign * max(sign * v, 0.0)

    found = solve_ivp(
        velocity, (0.0, times[-1]), start, "LSODA", times, rtol=1e-11, atol=1e-12, max_step=0.01
    )
    return found.y.T @ x - target


def _sampled(deletion, times):
    M, pulled, x, target, start = _parts(deletion)
    fit = np.linalg.solve(M, pulled)
    rates, basis = np.linalg.eigh(M)
    row, residual = basis.T @ x, target - x @ fit
    generator = np.random.default_rng(3)
    return _many(np.diag(rates), row, residual, basis.T @ (start - fit), times, generator)


def _many(M, row, residual, start, times, generator):
    """v of schedules with values 0, ½ and 1: (schedules, times)."""
    if np.ndim(times) == 0:
        times = np.append(0.0, np.geomspace(1e-4, 1.0, _STEPS)) * times
    choices = generator.integers(3, size=(_SCHEDULES, len(times) - 1))
    choices = np.sort(choices, axis=1) if len(times) < 3 else choices
    for place in range(0, _SCHEDULES, 2):  # long arcs
        edges = np.sort(generator.integers(1, len(times) - 1, size=place % 7))
        values = generator.integers(3, size=edges.size + 1)
        choices[place] = np.repeat(values, np.diff([0, *edges, len(times) - 1]))
    spectra = [np.linalg.eigh(M + e * np.outer(row, row)) for e in (0.0, 0.5, 1.0)]
    states = np.empty((_SCHEDULES, len(times), row.size))
    states[:, 0] = start
    for cell, step in enumerate(np.diff(times)):
        for mode, (rates, basis) in enumerate(spectra):
            here = choices[:, cell] == mode
            rest = basis @ ((basis.T @ row) * 0.5 * mode * residual / rates)
            turned = (states[here, cell] - rest) @ basis
            states[here, cell + 1] = rest + (turned * np.exp(-rates * step)) @ basis.T
    return states @ row - residual


def _bound(rates, row, residual, start) -> int:
    """Changes of sign in (z_1, …, z_m, −r), by Lanczos from the definition."""
    basis = [row / np.linalg.norm(row)]
    while len(basis) < row.size:
        new = rates * basis[-1]
        for _ in range(2):
            new = new - np.array(basis).T @ (np.array(basis) @ new)
        basis.append(new / np.linalg.norm(new))
    basis = np.array(basis)
    centre = basis[-1] / rates
    centre = centre * residual / (row @ centre)
    z = (-1.0) ** np.arange(row.size) * (basis @ (start - centre))
    return _changes(np.sign(np.append(z, -residual)))


def _changes(signs) -> int:
    kept = [sign for sign in signs if sign]
    return sum(int(one != other) for one, other in itertools.pairwise(kept))
