"""The flow of weights that vary, in compiled steps, against SciPy's solvers and spectra."""

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from homotopy.control.switched import SwitchedFlow, weighted
from homotopy.control.switched.propagators import propagators
from homotopy.numerics.legendre_history import collocation_rule

RULE = collocation_rule(12)
NODES = RULE.nodes.size


def flow_of(rates, rows, residual, initial, goal):
    values, rotation = np.linalg.eigh(np.diag(rates) + rows.T @ rows)
    limit = (rotation.T @ (rows.T @ residual)) / values
    parts = rates, values, rotation, rotation.T, rows, residual, limit, initial, goal
    parts = (np.array(part, order="C") for part in parts)
    return SwitchedFlow(*parts, delay=0.0, span=1.0)


def random_flow(seed, rates, count):
    rng = np.random.default_rng(seed)
    rates = np.array(rates)
    rows = rng.standard_normal((count, rates.size))
    parts = rng.standard_normal(count), rng.standard_normal(rates.size)
    return flow_of(rates, rows, *parts, 0.3 * rng.standard_normal(rates.size))


def dyadic(depth):
    """Shares of steps that halve towards both ends."""
    towards = 0.5 ** np.arange(1.0, depth + 1.0)
    return np.diff(np.unique(np.concatenate([[0.0], towards, 1.0 - towards, [1.0]])))


def times_of(edges, pieces, shares):
    """At the nodes, (m, n), and the lengths of the steps."""
    lengths, times = np.diff(edges)[pieces] * shares, np.empty((shares.size, NODES))
    for piece in np.unique(pieces):
        own = pieces == piece
        begins = edges[piece] + np.cumsum(lengths[own]) - lengths[own]
        times[own] = begins[:, None] + lengths[own, None] * RULE.nodes
    return times, lengths


def outcome(flow, edges, kinds, pieces, shares, weight):
    times, lengths = times_of(edges, pieces, shares)
    made = propagators(flow, RULE, lengths)
    steps = weighted.Steps(edges, np.array(kinds), pieces, shares)
    return weighted.outcome(flow, RULE, steps, made, weight(times)), times, lengths


def followed(flow, start, edges, weights, residual):
    """States as functions of time, by SciPy, one for each piece [edges[i], edges[i+1]]."""
    parts = []
    for left, right, weight in zip(edges[:-1], edges[1:], weights, strict=True):

        def field(t, u, weight=weight):
            seen = flow.rows @ u - residual
            return -flow.rates * u - weight(t) * (flow.rows.T @ seen)

        solution = solve_ivp(
            field, (left, right), start, "DOP853", rtol=1e-12, atol=1e-14, dense_output=True
        )
        parts.append(solution.sol)
        start = solution.y[:, -1]
    return parts, start


def test_cost_and_switching_function_against_scipy():
    flow = random_flow(0, [0.0, 0.7, 4.0, 30.0], 2)
    # 1, a piece without length, one that varies, and 0.
    edges = np.array([0.0, 0.3, 0.3, 1.1, 1.5])
    kinds = [weighted.ONE, weighted.VARYING, weighted.VARYING, weighted.ZERO]
    shares = np.concatenate([[1.0], dyadic(4)])
    pieces = np.repeat([1, 2], [1, shares.size - 1])

    def weight(t):
        return 0.5 + 0.4 * np.sin(5.0 * t)

    found, times, lengths = outcome(flow, edges, kinds, pieces, shares, weight)
    assert np.max(found.errors) <= 1e-12

    ends, weights = edges[[0, 1, 3, 4]], [np.ones_like, weight, np.zeros_like]
    states, last = followed(flow, flow.initial, ends, weights, flow.residual)
    assert found.cost == pytest.approx(0.5 * np.sum((last - flow.goal) ** 2), rel=1e-10)
    mirrored = [lambda t, own=own: own(1.5 - t) for own in weights[::-1]]
    costates, _ = followed(flow, last - flow.goal, 1.5 - ends[::-1], mirrored, 0.0)

    def phi(piece, t):
        v = flow.rows @ states[piece](t) - flow.residual[:, None]
        return np.sum((flow.rows @ costates[2 - piece](1.5 - t)) * v, axis=0)

    truth = np.stack([phi(1, own) for own in times[1:]])
    size = np.max(np.abs(truth))
    np.testing.assert_allclose(found.switching[1:], truth, atol=1e-9 * size)
    edge = phi(1, np.array([0.3, 0.3, 1.1]))
    np.testing.assert_allclose(found.at_edges, edge, atol=1e-9 * size)
    np.testing.assert_allclose(found.switching[0], edge[0], atol=1e-9 * size)
    # φ̇: the derivative of the polynomial through SciPy's φ.
    for own, slopes, length in zip(truth, found.slopes[1:], lengths[1:], strict=True):
        series = np.polynomial.legendre.legder(RULE.to_coefficients @ own)
        derivative = np.polynomial.legendre.legval(2.0 * RULE.nodes - 1.0, series) * 2.0 / length
        np.testing.assert_allclose(slopes, derivative, atol=1e-7 * np.max(np.abs(found.slopes)))


def test_switching_function_against_differences():
    flow = random_flow(1, [0.2, 3.0, 50.0], 1)
    edges, kinds = np.array([0.0, 0.2, 1.0]), [weighted.ONE, weighted.VARYING]
    shares = dyadic(5)
    pieces = np.ones(shares.size, int)

    def cost(size):
        return outcome(
            flow, edges, kinds, pieces, shares, lambda t: 0.5 + 0.3 * t + size * np.cos(7.0 * t)
        )[0].cost

    found, times, lengths = outcome(flow, edges, kinds, pieces, shares, lambda t: 0.5 + 0.3 * t)
    change = -np.sum(lengths[:, None] * RULE.weights * found.switching * np.cos(7.0 * times))
    step = 1e-3
    near, far = cost(step) - cost(-step), cost(2 * step) - cost(-2 * step)
    assert change == pytest.approx((8.0 * near - far) / (12.0 * step), rel=1e-9)


def test_a_stiff_flow_against_its_spectrum():
    """λT = 10⁴, a constant weight taken as one that varies, and three rows for three modes."""
    flow = random_flow(2, [1.0, 1e2, 1e4], 3)
    shares = np.repeat(dyadic(11) / 2.0, 2)
    found = outcome(
        flow,
        np.array([0.0, 1.0]),
        [weighted.VARYING],
        np.zeros(shares.size, int),
        shares,
        lambda t: np.full_like(t, 0.37),
    )[0]
    assert np.max(found.errors) <= 1e-12
    values, vectors = np.linalg.eigh(np.diag(flow.rates) + 0.37 * flow.rows.T @ flow.rows)
    rest = vectors @ (vectors.T @ (0.37 * flow.rows.T @ flow.residual) / values)
    end = rest + vectors @ (np.exp(-values) * (vectors.T @ (flow.initial - rest)))
    # Eigenvalues are known to a rounding of the largest, 10⁻¹² here.
    assert found.cost == pytest.approx(0.5 * np.sum((end - flow.goal) ** 2), rel=1e-11)


@pytest.mark.parametrize("steepness", [3.0, 30.0, 300.0])
def test_errors_are_seen(steepness):
    """What the steps lose of the distance, as far as their estimates say; halved until none."""
    flow = random_flow(3, [0.3, 2.0, 20.0], 1)
    edges, kinds = np.array([0.0, 1.0]), [weighted.VARYING]

    def weight(t):
        return 1.0 / (1.0 + np.exp(steepness * (t - 0.43)))

    def distance(count):
        shares = np.full(count, 1.0 / count)
        found = outcome(flow, edges, kinds, np.zeros(count, int), shares, weight)[0]
        return np.sqrt(2.0 * found.cost), np.sum(found.errors * shares)

    truth, _ = distance(1024)
    size = np.linalg.norm(flow.initial) + np.linalg.norm(flow.residual)
    estimates = []
    for count in (1, 2, 4, 8, 16, 32, 64, 128):
        found, estimate = distance(count)
        assert abs(found - truth) <= size * (estimate + 1e-14)
        estimates.append(estimate)
    assert estimates[0] > 1e-6 and estimates[-1] < 1e-12
