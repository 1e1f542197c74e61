"""The range of deleted residuals and their changes of sign, by integration and by sampling."""

from __future__ import annotations

import itertools

import numpy as np
from scipy.integrate import solve_ivp
from scipy.linalg import expm

from homotopy.claims.checks.instances import arrays, regressions
from homotopy.control.certificate import ResidualSystem
from homotopy.control.certificate.ellipsoid import ellipsoids, functional_range
from homotopy.control.certificate.one_row.order import order_bound
from homotopy.control.certificate.one_row.search import exact_tube as tube_of
from homotopy.deletion import Deletion, reachable
from homotopy.deletion.bridges.residual_system import common_schedule
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


def bound_by_order():
    """Lower bounds of ℰ by order, and ℰ of the feedbacks' ends by SciPy, for targets beyond them.

    Beside them 1 + how many of many schedules cost less, and 1.
    """
    for problem, dimension in zip(_influential(), _DIMENSIONS, strict=True):
        horizon = 1.0 / _slowest(problem)
        plain = Deletion(problem, 3.0 * np.ones(dimension), start=0.0, horizon=horizon)
        M, _, x, _, _ = _parts(plain)
        basis = _lanczos(M, x)[: min(dimension, 3)]
        size = np.array([1.0, 0.3, 0.1])[: len(basis)] * (-1.0) ** np.arange(len(basis))
        ends = _sampled_states(plain, np.append(0.0, np.geomspace(1e-4, 1.0, _STEPS)) * horizon)
        for sign in (1, -1):
            # q in the cone, with the sign of the end: (−1)^(k−1) q_k·q ≥ 0.
            end, away = _feedback_states(plain, sign, np.array([0.0, horizon]))[-1], size @ basis
            goal = end - sign * away
            aimed = Deletion(problem, plain.theta0, start=0.0, horizon=horizon, target=goal)
            said = 0.5 * away @ away
            yield order_bound(*tube_of(common_schedule(aimed))), said
            costs = 0.5 * np.sum((ends[:, -1] - goal) ** 2, axis=1)
            yield 1.0 + np.sum(costs < said * (1.0 - 1e-9)), 1.0


def ellipsoid():
    """Y and c at the end by the toolkit, for γ = 0, and by exponentials and SciPy.

    Beside them 1 + how often many schedules of three rows leave the ellipsoids or the range that
    they give, and 1.
    """
    for dimension, common in itertools.product((2, 5), (True, False)):
        generator = np.random.default_rng([dimension, 23])
        rates = np.sort(10.0 ** generator.uniform(-0.5, 1.0, dimension))
        rows, start = 2.0 * generator.normal(size=(3, dimension)), generator.normal(size=dimension)
        residual = generator.normal(size=3)
        system = ResidualSystem(
            rates, rows, residual, start, np.zeros(dimension), 1.0,
            np.zeros(3, dtype=int) if common else np.arange(3), decompose=np.linalg.eigh,
        )  # fmt: skip
        times = np.linspace(0.0, 1.0, 41)
        grid = np.unique(np.concatenate([np.geomspace(1e-6, 1.0, 150), times]))
        found = ellipsoids(system, grid)
        product = rows.T @ rows
        zero = np.zeros((dimension, dimension))
        flow = np.block([[zero, np.diag(rates) + product], [np.diag(rates), zero]])
        total, apart = np.split(expm(flow) @ np.tile(np.eye(dimension), (2, 1)), 2)
        yield found.cubics.shapes[-1], (total - apart) @ np.linalg.inv(total + apart)
        states = _several(rates, rows, residual, start, grid, common, generator)
        away = states - found.cubics.centres
        q = np.einsum("mnd,nde,mne->mn", away, np.linalg.inv(found.cubics.shapes), away)
        yield 1.0 + np.sum(q > found.radii * (1.0 + 1e-9) + 1e-15), 1.0
        low, high, _, _ = functional_range(system, times, rows)
        seen = states[:, np.searchsorted(grid, times)] @ rows.T
        slack = 1e-11 * np.abs(seen).max()
        yield 1.0 + np.sum((seen < low - slack) | (seen > high + slack)), 1.0


def _several(rates, rows, residual, start, grid, common, generator):
    """States under many ε_i of 0 and 1, step by step: (schedules, times, d)."""
    states = np.tile(start, (_SCHEDULES, len(grid), 1))
    weights = np.zeros((_SCHEDULES, len(rows)))
    known = {}
    for step, length in enumerate(np.diff(grid)):
        turned = generator.uniform(size=weights.shape) < 0.05
        turned = turned[:, :1] if common else turned
        weights = np.where(turned, 1.0 - weights, weights)
        for corner in {tuple(each) for each in weights.tolist()}:
            key = corner, f"{length:.12e}"
            if key not in known:
                held = rows.T * np.array(corner)
                whole = np.zeros((len(rates) + 1,) * 2)
                whole[:-1, :-1], whole[:-1, -1] = -np.diag(rates) - held @ rows, held @ residual
                known[key] = expm(whole * length)
            here = np.all(weights == corner, axis=1)
            moved = states[here, step] @ known[key][:-1, :-1].T + known[key][:-1, -1]
            states[here, step + 1] = moved
    return states


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
    """v under "ε = 1 where sign·v > 0"."""
    _, _, x, target, _ = _parts(deletion)
    return _feedback_states(deletion, sign, times) @ x - target


def _feedback_states(deletion, sign, times):
    """θ under that: a Lipschitz feedback, as εv is a part of v."""
    M, pulled, x, target, start = _parts(deletion)

    def velocity(_, theta):
        v = x @ theta - target
        return pulled - M @ theta - x * sign * max(sign * v, 0.0)

    found = solve_ivp(
        velocity, (0.0, times[-1]), start, "LSODA", times, rtol=1e-11, atol=1e-12, max_step=0.01
    )
    return found.y.T


def _sampled(deletion, times):
    _, _, x, target, _ = _parts(deletion)
    return _sampled_states(deletion, times) @ x - target


def _sampled_states(deletion, times):
    M, pulled, x, target, start = _parts(deletion)
    fit = np.linalg.solve(M, pulled)
    rates, basis = np.linalg.eigh(M)
    row, residual = basis.T @ x, target - x @ fit
    generator = np.random.default_rng(3)
    states = _states(np.diag(rates), row, residual, basis.T @ (start - fit), times, generator)
    return fit + states @ basis.T


def _many(M, row, residual, start, times, generator):
    """v of schedules with values 0, ½ and 1: (schedules, times)."""
    return _states(M, row, residual, start, times, generator) @ row - residual


def _states(M, row, residual, start, times, generator):
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
    return states


def _bound(rates, row, residual, start) -> int:
    """Changes of sign in (z_1, …, z_m, −r), by Lanczos from the definition."""
    basis = _lanczos(np.diag(rates), row)
    centre = basis[-1] / rates
    centre = centre * residual / (row @ centre)
    z = (-1.0) ** np.arange(row.size) * (basis @ (start - centre))
    return _changes(np.sign(np.append(z, -residual)))


def _lanczos(M, row) -> np.ndarray:
    """q_1, …, q_d as rows."""
    basis = [row / np.linalg.norm(row)]
    while len(basis) < row.size:
        new = M @ basis[-1]
        for _ in range(2):
            new = new - np.array(basis).T @ (np.array(basis) @ new)
        basis.append(new / np.linalg.norm(new))
    return np.array(basis)


def _changes(signs) -> int:
    kept = [sign for sign in signs if sign]
    return sum(int(one != other) for one, other in itertools.pairwise(kept))
