"""Many ε from few: the polynomial through Chebyshev points is θ(t, ε) to rounding, or not taken."""

import numpy as np
import pytest
from oracles import flow as oracle
from oracles import problems

import homotopy as hm
from homotopy.flows.known_surface import interpolated, known_surface
from homotopy.flows.weight_interpolation import weight_matrix, weight_nodes
from homotopy.numerics.namespace import in_numpy

EPSILONS = np.linspace(0.0, 1.0, 101)
FEW = np.array([0, 1, 13, 50, 99, 100])


def regression(seed, points, dimension, strength, deleted=0, **options):
    """‖x‖²T of the deleted points, and T."""
    rng = np.random.default_rng(seed)
    X, y = rng.normal(size=(points, dimension)), rng.normal(size=points)
    problem = hm.LinearRegression(X, y, deleted=deleted, **options)
    return problem, strength / np.linalg.norm(X[deleted], 2 if np.ndim(deleted) else None) ** 2


@pytest.mark.parametrize("name", ["well conditioned", "ill conditioned", "duplicated columns"])
def test_against_50_digits(name):
    data = problems.ALL[name]
    deleted = list(data.deleted)
    problem = hm.LinearRegression(data.X, data.y, deleted=deleted)
    horizon = 3.0 / np.linalg.norm(data.X[deleted]) ** 2
    times = np.array([0.0, 0.01, 0.5, 1.0]) * horizon
    given = in_numpy(problem.modal), np.asarray(data.theta0), times, EPSILONS
    found = interpolated(known_surface, *given)
    assert found is not None
    for epsilon, theta in zip(EPSILONS[FEW], found[0][FEW], strict=True):
        expected = oracle.flow(data.X, data.y, deleted, 0.0, data.theta0, [], [epsilon], times)
        error = np.linalg.norm(theta - expected, axis=1) / np.linalg.norm(expected, axis=1)
        # As the flow of one ε, of which the polynomial makes at most some four.
        assert np.all(error < 1e-13)


@pytest.mark.parametrize("strength", [1e-6, 1.0, 30.0])
@pytest.mark.parametrize("shape", [(20, 4), (3, 6), (40, 1)], ids=["tall", "wide", "one column"])
@pytest.mark.parametrize("interval", [(0.0, 1.0), (0.4, 0.9), (0.0, 1e-3)])
def test_it_is_the_flow_of_each_weight(strength, shape, interval):
    problem, horizon = regression(0, *shape, strength)
    times, epsilons = horizon * np.linspace(0.0, 1.0, 9), np.linspace(*interval, 101)
    theta0 = np.linspace(2.0, 1.0, problem.dimension)
    given = in_numpy(problem.modal), theta0, times, epsilons
    expected, _ = known_surface(*given)
    found = interpolated(known_surface, *given)
    sizes = np.linalg.norm(expected, axis=2)
    if found is None:  # nodes are not few, or a state is far smaller than another
        assert strength == 30.0 and interval != (0.0, 1e-3)
        return
    error = np.linalg.norm(found[0] - expected, axis=2) / sizes
    # Roundings of the states, up to 8 times as large as that between them, times the sum of the
    # polynomials' sizes, up to 1 + 2/π log of 50 nodes.
    assert np.max(error) < 8 * 3.5 * 50 * 2.0**-53


def test_the_nodes_are_few_enough_to_gain_and_as_many_as_the_bound_asks_for():
    """Theory §3.3, in 50 digits: one deleted point, one parameter, of whose flow all is known."""
    from mpmath import mp, mpf

    problem, horizon = hm.LinearRegression([[1.0], [1.0]], [0.0, 1.0], deleted=1), 4.0
    modal = in_numpy(problem.modal)
    nodes = weight_nodes(modal, horizon, EPSILONS)
    assert 10 < nodes.size <= 50

    def theta(epsilon):
        """θ̇ = −θ − ε(θ − 1), θ(0) = 2."""
        decay = mp.exp(-(1 + epsilon) * horizon)
        return 2 * decay + epsilon / (1 + epsilon) * (1 - decay)

    def largest(count):
        mp.dps = 50
        few = [mp.sin(mp.pi * j / (2 * (count - 1))) ** 2 for j in range(count)]
        weights = [1 / mp.fprod(4 * (at - other) for other in few if other != at) for at in few]
        errors = []
        for epsilon in map(mpf, [0.003, 0.21, 0.5001, 0.87, 0.9991]):
            terms = [w / (epsilon - at) for w, at in zip(weights, few, strict=True)]
            value = mp.fdot(terms, map(theta, few)) / mp.fsum(terms)
            errors.append(abs(value - theta(epsilon)))
        return float(max(errors))

    # What a step of the deletion moves is 2, of which an ulp in 1,024 is asked for.
    assert largest(nodes.size) < 2.0**-53
    assert largest(nodes.size // 2) > 2.0**-53


def test_the_polynomials_reproduce_their_own_degree():
    nodes = weight_nodes(in_numpy(regression(1, 9, 3, 1.0)[0].modal), 0.1, EPSILONS)
    matrix = weight_matrix(nodes, EPSILONS)
    powers = np.arange(nodes.size)
    np.testing.assert_allclose(
        matrix @ np.polynomial.chebyshev.chebvander(2 * nodes - 1, nodes.size - 1),
        np.polynomial.chebyshev.chebvander(2 * EPSILONS - 1, powers[-1]),
        rtol=0,
        atol=1e-14,
    )
    np.testing.assert_array_equal(matrix[[0, -1]], np.eye(nodes.size)[[0, -1]])


def test_states_that_cancel_are_followed_one_by_one():
    """At one time and ε alone θ passes near 0; its digits are those of the direct way."""
    problem = hm.LinearRegression([[1.0], [1.0]], [-1.0, 1.0], deleted=1)
    # θ̇ = −(θ + 1) − ε(θ − 1): from −1 to 0 at ε = 1, and it stays at −1 without the point.
    times = np.array([0.0, 12.0])
    given = in_numpy(problem.modal), np.array([-1.0]), times, EPSILONS
    assert weight_nodes(given[0], 12.0, EPSILONS) is not None
    assert interpolated(known_surface, *given) is None
    surface = hm.homotopy(problem, [-1.0], times, EPSILONS)
    np.testing.assert_array_equal(surface.theta, known_surface(*given)[0])


@pytest.mark.parametrize("epsilons", [np.full(40, 0.3), np.linspace(0.0, 1.0, 12)])
def test_few_different_weights_are_followed_one_by_one(epsilons):
    problem, horizon = regression(2, 12, 3, 1.0)
    assert weight_nodes(in_numpy(problem.modal), horizon, epsilons) is None
    assert hm.homotopy(problem, np.ones(3), [0.0, horizon], epsilons).successful.all()


def test_several_deleted_points():
    problem, horizon = regression(3, 14, 4, 2.0, deleted=[1, 3, 6], ridge=0.1)
    times, theta0 = horizon * np.linspace(0.0, 1.0, 5), np.ones(4)
    surface = hm.homotopy(problem, theta0, times, EPSILONS)
    assert surface.successful.all() and surface.theta.shape == (101, 5, 4)
    X, y = np.asarray(problem.X), np.asarray(problem.y)
    for index in FEW:
        expected = oracle.flow(X, y, [1, 3, 6], 0.1, theta0, [], [EPSILONS[index]], times)
        np.testing.assert_allclose(surface.theta[index], expected, rtol=0, atol=1e-13)
