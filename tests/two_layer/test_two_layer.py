"""Two-layer networks: the flow against networks and differences; scales and peaks."""

import math

import numpy as np
import pytest
from scipy.integrate import solve_ivp

import homotopy as hm

STAGES = [1.0, 1.0, 0.8, 0.6], [1.0, 0.9, 0.7, 0.6]


def single(target=STAGES[0], activation=STAGES[1]):
    return hm.two_layer.single_index(target, activation)


def staircase():
    """z₁ + z₁z₂/2 + he₂(z₂)/3, for an activation of three degrees."""
    terms = {(1, 0): 1.0, (1, 1): 0.5, (0, 2): 1 / 3}
    return hm.two_layer.Target(terms, [0.3, 0.9, 0.7])


# The flow -----------------------------------------------------------------------------------------


def population(target, inputs, nodes=8):
    """Gauss's points of the normal law, exact for polynomials up to degree 15 in each input."""
    z, w = np.polynomial.hermite_e.hermegauss(nodes)
    grid = np.array(np.meshgrid(*[z] * inputs)).reshape(inputs, -1).T
    weights = np.prod(np.array(np.meshgrid(*[w] * inputs)).reshape(inputs, -1), axis=0)
    return grid, target(grid[:, : target.directions]), weights / weights.sum()


@pytest.mark.parametrize("target", [single(), staircase()], ids=["one", "two"])
def test_the_exact_flow_is_that_of_the_network_itself(target):
    """Against θ̇ = −m∇R of the network with parameters, on all of the population."""
    ratio, m, d = 0.2, 3, 2
    beside = hm.two_layer.student(target, ratio, size=5, inputs=d, width=m, seed=1)
    X, y, weights = population(target, d)
    problem = hm.Problem(beside.model, hm.SquaredError(), X, y, deleted=0, weights=weights)
    times = np.array([0.05, 0.4, 1.5])
    path = hm.flow(problem, hm.Constant(1.0), beside.theta0, m * times)
    found = hm.two_layer.learn(
        target, ratio, beside.amplitudes, directions=beside.directions, times=times,
        reduction=hm.two_layer.FiniteWidth(beside.overlaps),
    )  # fmt: skip
    learned = beside.learned(path.theta)
    np.testing.assert_allclose(found.learned, learned, atol=2e-7)
    assert np.abs(learned[-1] - learned[0]).max() > 0.1
    for place, theta in enumerate(path.theta):
        u = np.asarray(beside.model.unravel(theta)[1])
        np.testing.assert_allclose(found.overlaps[place], u @ u.T, atol=2e-7)
        risk = float(problem.risk(theta, 1.0))
        np.testing.assert_allclose(found.risk[place], risk, atol=2e-7)


def test_the_velocity_is_the_projected_gradient_of_the_risk():
    """By differences of R(a, u), d = 6, m = 4: early times of the flow from a state."""
    generator = np.random.default_rng(0)
    d, m, phi, sigma = 6, 4, np.array([0.3, 1.0, -0.8, 0.6]), np.array([0.5, 0.9, 0.7, -0.4])
    a, u = generator.normal(size=m), generator.normal(size=(m, d))
    u /= np.linalg.norm(u, axis=1)[:, None]
    powers = np.arange(4)

    def risk(a, u):
        shared = (u[:, :1] ** powers) @ (phi * sigma)
        own = (u @ u.T)[..., None] ** powers @ sigma**2
        return 0.5 * phi @ phi - np.mean(a * shared) + 0.5 * a @ own @ a / m**2

    h, short = 1e-6, 1e-6
    by_a = np.array([(risk(a + h * e, u) - risk(a - h * e, u)) / (2 * h) for e in np.eye(m)])
    by_u = np.zeros((m, d))
    for place in np.ndindex(m, d):
        e = np.zeros((m, d))
        e[place] = h
        by_u[place] = (risk(a, u + e) - risk(a, u - e)) / (2 * h)
    turned = -m * (by_u - np.sum(by_u * u, axis=1)[:, None] * u)
    found = hm.two_layer.learn(
        single(phi, sigma), 1.0, a, directions=u[:, :1], times=[short],
        reduction=hm.two_layer.FiniteWidth(u @ u.T), rtol=1e-12,
    )  # fmt: skip
    # One Euler step of 1e-6: second derivatives leave 1e-5, differences 1e-9.
    np.testing.assert_allclose((found.amplitudes[0] - a) / short, -m * by_a, atol=1e-4)
    np.testing.assert_allclose((found.directions[0] - u[:, :1]) / short, turned[:, :1], atol=1e-4)
    known = turned @ u.T + u @ turned.T
    np.fill_diagonal(known, 0.0)
    np.testing.assert_allclose((found.overlaps[0] - u @ u.T) / short, known, atol=1e-4)


def reduced(ratio, phi, sigma, a, times):
    """εȧ = Σσρsᵏ, ṡ = a(1 − s²)Σkσρsᵏ⁻¹ of one direction by LSODA: what is learned."""
    m, root, k = a.size, math.sqrt(ratio), np.arange(len(phi))[:, None]

    def parts(a, s):
        return phi - sigma * np.mean(a * s**k, axis=1)

    def rate(t, z):
        a, s = z[:m], root * z[m:]
        c = sigma * parts(a, s)
        slope = c @ np.where(k > 0, k * s ** np.maximum(k - 1, 0), 0.0)
        return np.concatenate([c @ s**k / ratio, a * (1 - s**2) * slope / root])

    start = np.concatenate([a, np.zeros(m)])
    options = {"method": "LSODA", "t_eval": times, "rtol": 1e-10, "atol": 1e-13}
    found = solve_ivp(rate, (0, times[-1]), start, **options)
    return np.array([phi - parts(z[:m], root * z[m:]) for z in found.y.T])


def test_the_flow_of_many_neurons_by_another_solver():
    phi, sigma = map(np.array, STAGES)
    a, times = np.random.default_rng(3).normal(size=6), np.array([1e-7, 1e-3, 0.01, 0.1, 0.5])
    found = hm.two_layer.learn(single(), 1e-6, a, times=times)
    known = reduced(1e-6, phi, sigma, a, times)
    # Solvers of 1e-9 a step; where a component is just being learned errors grow by its influence.
    np.testing.assert_allclose(found.learned, known, atol=1e-6)
    np.testing.assert_allclose(found.risk, 0.5 * np.sum((phi - known) ** 2, axis=1), atol=1e-6)


def test_many_neurons_are_the_limit_of_m_in_high_dimension():
    """Random directions of infinite dimension overlap with nothing: errors of order 1/m."""
    times, errors = [0.02, 0.05], []
    for m in (4, 8):
        a = np.resize([1.2, -0.7, 0.4, 0.9], m)
        # Errors of 1e-2 are compared: a solver of 1e-6 does.
        limit = hm.two_layer.learn(staircase(), 0.05, a, times=times, rtol=1e-6)
        finite = hm.two_layer.learn(
            staircase(), 0.05, a, times=times, reduction=hm.two_layer.FiniteWidth(), rtol=1e-6
        )
        errors.append(np.abs(limit.learned - finite.learned).max())
    assert 1.6 < errors[0] / errors[1] < 2.4 and errors[1] < 0.01


# Time-scales --------------------------------------------------------------------------------------


def test_time_scales_of_the_first_three_components():
    found = hm.two_layer.time_scales(single(STAGES[0][:3], STAGES[1][:3]), [1e-8, 1e-14, 1e-20])
    np.testing.assert_allclose(found.constants[:, 0], found.predicted_constants[0], rtol=1e-4)
    np.testing.assert_allclose(found.predicted_constants[1], 1 / (4 * 0.9), rtol=1e-12)
    # theory §11.3, to the digits given there.
    assert abs(found.measured_constants[1] - 0.2778) < 5e-4
    np.testing.assert_allclose(found.constants[:, 2], [1.58, 1.60, 1.63], atol=0.005)
    np.testing.assert_allclose(found.measured_exponents[[0, 2]], [1.0, 0.25], atol=2e-3)
    np.testing.assert_allclose(found.measured_exponents[1], 0.5, atol=0.02)
    assert found.predicted_exponents.tolist() == [1.0, 0.5, 0.25]
    assert len(found.plot().lines) == 6


def test_leaps_come_later():
    two = hm.two_layer.time_scales(single([1.0, 1.0, 0.0, 0.6]), [1e-6, 1e-10])
    np.testing.assert_allclose(two.half_times[:, 3], [0.537, 0.529], atol=0.001)
    assert two.predicted_exponents.tolist() == [1.0, 0.5, math.inf, 0.0]
    target = single([1.0, 1.0, 0.0, 0.0, 0.6], [1.0, 0.9, 0.7, 0.6, 0.5])
    assert hm.two_layer.predicted_exponents(target).tolist()[-1] == -0.25
    three = hm.two_layer.time_scales(target, [1e-6, 1e-8])
    np.testing.assert_allclose(three.constants[:, 4], [0.364, 0.346], atol=0.001)
    # What is learned after a leap waits for it.
    late = hm.two_layer.single_index([0, 1, 0, 0, 1, 1], [1] * 6)
    assert hm.two_layer.predicted_exponents(late).tolist()[-2:] == [-0.25, -0.25]


def test_influence_of_components_peaks_where_they_are_learned():
    # Peaks to three digits: the tangents, which grow a thousandfold, at 1e-7 a step.
    learned = hm.two_layer.learn(single(), 1e-10, rtol=1e-7)
    times = learned.half_times
    assert abs(times[3] / 1e-10 ** (1 / 6) - 1.563) < 0.005
    found = hm.two_layer.component_influence(learned)
    np.testing.assert_allclose(found.peak_heights[1:], [3.73, 7.91, 5.31], atol=0.02)
    np.testing.assert_allclose((found.peak_times / times)[1:], [1.02, 1.02, 1.06], atol=0.015)
    np.testing.assert_allclose(found.own[-1], np.ones(4), atol=1e-5)
    for place in (1, 2, 3):
        early = found.own[found.times < 0.5 * times[place], place]
        assert np.abs(early).max() < 0.15


def test_influence_of_components_by_differences():
    h, a, times = 1e-4, [1.0, -0.5, 0.3], [1e-4, 0.02, 0.3]
    aside = [[0.2, -0.1], [0.1, 0.3], [-0.2, 0.1]]
    terms = {(1, 0): 1.0, (1, 1): 0.5, (0, 2): 1 / 3}
    known = []
    for moved in terms:
        ends = []
        for sign in (1, -1):
            target = hm.two_layer.Target(
                {term: value + sign * h * (term == moved) for term, value in terms.items()},
                [0.3, 0.9, 0.7],
            )
            moved_on = hm.two_layer.learn(
                target, 1e-2, a, directions=aside, times=times, rtol=1e-11
            )
            ends.append(moved_on.learned)
        known.append((ends[0] - ends[1]) / (2 * h))
    learned = hm.two_layer.learn(
        staircase(), 1e-2, a, directions=aside, times=times, rtol=1e-11
    )  # fmt: skip
    found = hm.two_layer.component_influence(learned)
    at = np.searchsorted(found.times, times)
    np.testing.assert_allclose(found.influence[at], np.moveaxis(known, 0, 2), atol=2e-6)


# Data ---------------------------------------------------------------------------------------------


def test_a_network_with_data_stands_beside_its_limit():
    """n = 2000 points in d = 10: errors of the order √(d/n)."""
    target = single([0.0, 1.0, 0.5], [0.2, 0.9, 0.7])
    beside = hm.two_layer.student(target, 0.1, size=2000, inputs=10, width=5)
    times = np.array([0.1, 0.5, 2.0])
    path = hm.flow(beside.problem(), hm.Constant(1.0), beside.theta0, beside.flow_times(times))
    found = hm.two_layer.learn(
        target, 0.1, beside.amplitudes, directions=beside.directions, times=times,
        reduction=hm.two_layer.FiniteWidth(beside.overlaps),
    )  # fmt: skip
    np.testing.assert_allclose(beside.learned(path.theta), found.learned, atol=0.1)


def test_targets_are_orthonormal_expansions():
    target = staircase()
    X, y, weights = population(target, 2)
    np.testing.assert_allclose(weights @ y**2, np.sum(target.coefficients**2), rtol=1e-12)
    np.testing.assert_allclose(weights @ (y * X[:, 0]), 1.0, rtol=1e-12)
    np.testing.assert_allclose(weights @ (y * X[:, 0] * X[:, 1]), 0.5, rtol=1e-12)
    assert target.names == ("he₁,₀", "he₁,₁", "he₀,₂")


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: single([1.0, 1.0], [1.0]), "activation: expected coefficients up to the degree 1"),
        (lambda: hm.two_layer.Target({(1,): 1.0, (1, 1): 1.0}, [1] * 3), "terms: .* of one length"),
        (lambda: hm.two_layer.learn(single(), 0.0), "ratio: expected a finite number > 0, got 0"),
        (lambda: hm.two_layer.learn(single([1, 0, 1]), 0.1), "directions: .* are a saddle"),
        (lambda: hm.two_layer.FiniteWidth([[1.0, 2.0], [2.0, 1.0]]), "overlaps: .* unit vectors"),
        (lambda: hm.two_layer.predicted_exponents(staircase()), "target: .* single direction"),
        (lambda: hm.two_layer.time_scales(single(), [0.1]), "ratios: expected at least two"),
    ],
)
def test_bad_input_is_refused_by_name(call, message):
    with pytest.raises(ValueError, match=message):
        call()
