"""The method of Dormand and Prince with two estimates: its conditions of order, SciPy, flows."""

import math
from functools import cache
from itertools import combinations_with_replacement

import diffrax
import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import DOP853, solve_ivp

import homotopy as hm
from homotopy.flows import backward
from homotopy.flows.dormand_prince import _ERRORS, DormandPrince853
from homotopy.flows.explicit_steps import ExplicitSteps, square

MATRIX, NODES = square(DormandPrince853.tableau)
WEIGHTS = DormandPrince853.tableau.b_sol


def test_coefficients_are_those_of_scipy():
    np.testing.assert_array_equal(MATRIX[:12, :12], DOP853.A)
    np.testing.assert_array_equal(NODES[:12], DOP853.C)
    np.testing.assert_array_equal(WEIGHTS, np.append(DOP853.B, 0.0))
    np.testing.assert_array_equal(MATRIX[12], WEIGHTS)  # so that its slope is the next one's first
    np.testing.assert_array_equal(_ERRORS, [DOP853.E5, DOP853.E3])


@cache
def trees(order):
    """Rooted trees of so many nodes, each the sorted tuple of what hangs on its root."""
    return sorted(forests(order - 1, order - 1))


@cache
def forests(nodes, largest):
    """Multisets of trees of at most `largest` nodes, with so many in all."""
    if nodes == 0:
        return [()]
    found = []
    for size in range(1, min(nodes, largest) + 1):
        for count in range(1, nodes // size + 1):
            rests = forests(nodes - size * count, size - 1)
            chosen = combinations_with_replacement(trees(size), count)
            found += [tuple(sorted(pick + rest)) for pick in chosen for rest in rests]
    return found


def size(tree):
    return 1 + sum(map(size, tree))


def density(tree):
    return size(tree) * math.prod(map(density, tree))


def stages(tree):
    """Πⱼ Σ a·stages(child): what a stage has of the elementary differential."""
    return math.prod((MATRIX @ stages(child) for child in tree), start=np.ones(13))


def test_conditions_of_order():
    # Butcher: order p where Σ bᵢ Φᵢ(t) = 1/γ(t) for all trees of at most p nodes.
    assert [len(trees(order)) for order in range(1, 9)] == [1, 1, 2, 4, 9, 20, 48, 115]
    broken = dict.fromkeys(("step", "fifth", "third"), 9)
    for order in range(1, 9):
        for tree in trees(order):
            parts = np.abs(WEIGHTS) @ np.abs(stages(tree)) + 1.0
            misses = {
                "step": WEIGHTS @ stages(tree) - 1.0 / density(tree),
                "fifth": _ERRORS[0] @ stages(tree),
                "third": _ERRORS[1] @ stages(tree),
            }
            for name, miss in misses.items():
                if abs(miss) > 1e-13 * parts:
                    broken[name] = min(broken[name], order)
    assert broken == {"step": 9, "fifth": 6, "third": 4}


def field(t, y, args):
    return jnp.sin(1.7 * y[::-1]) - t * y


@eqx.filter_jit
def one_step(solver, y0, t0=0.2, t1=0.9):
    given = diffrax.ODETerm(field), jnp.asarray(t0), jnp.asarray(t1), y0, None
    return solver.step(*given, solver.init(*given), False)[:2]


@pytest.mark.parametrize("ours", [False, True], ids=["by diffrax", "in few operations"])
def test_the_estimate_is_the_books(ours):
    # Of sizes that differ, so that the weights matter.
    y0, rtol, atol = np.geomspace(1e-4, 10.0, 6), 1e-7, 1e-9

    def estimated(solver):
        return one_step(ExplicitSteps(solver) if ours else solver, jnp.asarray(y0))

    def slope(t, y):
        return np.sin(1.7 * y[::-1]) - t * y

    slopes = []
    for row, node in zip(DOP853.A, DOP853.C, strict=True):
        point = y0 + 0.7 * sum(a * k for a, k in zip(row, slopes, strict=False))
        slopes.append(slope(0.2 + 0.7 * node, point))
    y1 = y0 + 0.7 * DOP853.B @ slopes
    fifth, third = (0.7 * weights[:12] @ slopes for weights in (DOP853.E5, DOP853.E3))
    scale = atol + rtol * np.maximum(np.abs(y0), np.abs(y1))
    (squares5, squares3) = (np.sum((error / scale) ** 2) for error in (fifth, third))
    expected = squares5 / np.sqrt(y0.size * (squares5 + 0.01 * squares3))

    end, error = estimated(DormandPrince853(rtol, atol))
    # Slopes of order ten, by coefficients that add up to a hundred.
    np.testing.assert_allclose(end, y1, rtol=0, atol=1e-12)
    found = np.sqrt(np.mean((np.asarray(error) / scale) ** 2))
    largest = np.argmax(np.abs(fifth) / scale)
    np.testing.assert_allclose(found, expected, rtol=1e-12 / np.abs(fifth[largest]))
    # Number by number, where the tolerances are not known: never less.
    each = np.asarray(estimated(DormandPrince853())[1])
    combined = fifth**2 / np.sqrt(fifth**2 + 0.01 * third**2)
    np.testing.assert_allclose(np.abs(each), combined, rtol=0, atol=1e-13)
    assert np.sqrt(np.mean((each / scale) ** 2)) > found


def test_no_error_is_none_and_an_infinite_one_is_told():
    for solver in (DormandPrince853(), DormandPrince853(1e-7, 1e-9)):
        # No step is one of no length.
        assert np.all(one_step(solver, jnp.ones(6), 0.5, 0.5)[1] == 0.0)
        error = one_step(solver, jnp.array([1.0, jnp.inf, 0.5, 1.0, 2.0, 3.0]))[1]
        assert not np.all(np.isfinite(error))


def test_steps_are_those_of_scipy():
    start, rtol, atol = np.array([1.0, 0.5, 2.0]), 1e-9, 1e-12
    theirs = solve_ivp(
        lambda t, y: np.sin(1.7 * y[::-1]) - t * y, (0.0, 4.0), start, "DOP853", rtol=rtol,
        atol=atol,
    )  # fmt: skip
    ours = diffrax.diffeqsolve(
        diffrax.ODETerm(field), DormandPrince853(rtol, atol), 0.0, 4.0, None, jnp.asarray(start),
        stepsize_controller=diffrax.PIDController(rtol=rtol, atol=atol),
    )  # fmt: skip
    np.testing.assert_allclose(ours.ys[-1], theirs.y[:, -1], rtol=1e-8)
    # The control differs in what a first step, and one that follows a rejected one, may be.
    assert abs(int(ours.stats["num_accepted_steps"]) - (theirs.t.size - 1)) <= 2


TIMES = np.array([0.0, 0.5, 0.9, 1.7])
SWITCHES = jnp.array([0.3, 0.9])


def method(rtol=1e-11, atol=1e-13, **options):
    return hm.Adaptive(rtol, atol, DormandPrince853(), **options)


def test_flows_and_their_gradients_against_the_exact_ones(linear):
    problem, theta0 = linear

    def value(method):
        def of(theta0, switches, times):
            states = method.states(problem, hm.BangBang(switches, 1), theta0, times)[0]
            return jnp.sum(jnp.sin(jnp.arange(1.0, states.size + 1)).reshape(states.shape) * states)

        return jax.jit(jax.value_and_grad(of, argnums=(0, 1, 2)))

    times = TIMES[[1, 3]]  # none at a switch
    found, expected = (value(each)(theta0, SWITCHES, times) for each in (method(), hm.Exact()))
    assert np.isclose(found[0], expected[0], rtol=1e-9)
    for ours, theirs in zip(found[1], expected[1], strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-8, atol=1e-9)


def test_gradients_go_back_step_by_step(perceptron):
    """To rounding as by diffrax's own adjoint, of the same steps."""
    problem, theta0 = perceptron
    assert backward.applies(DormandPrince853(), theta0.size)

    def slope(**options):
        def value(theta0, switches):
            given = problem, hm.BangBang(switches, 1), theta0, jnp.asarray(TIMES[-1:])
            return jnp.sum(jnp.cos(method(1e-9, 1e-12, **options).states(*given)[0]))

        return jax.jit(jax.grad(value, argnums=(0, 1)))(theta0, SWITCHES)

    pairs = zip(slope(), slope(adjoint=diffrax.RecursiveCheckpointAdjoint()), strict=True)
    for ours, theirs in pairs:
        # The steps differ by rounding, and the states with them by less than the tolerance.
        np.testing.assert_allclose(ours, theirs, rtol=1e-7, atol=1e-9)


def test_of_many_weights_in_single_precision_and_when_it_fails(perceptron, linear):
    problem, theta0 = perceptron
    epsilons, times = np.array([0.0, 0.3, 1.0]), TIMES[1:]
    surface = hm.homotopy(problem, theta0, times, epsilons, method=method())
    alone = hm.flow(problem, hm.Constant(0.3), theta0, times)  # by Dopri8, to 1e-9
    np.testing.assert_allclose(surface.theta[1], alone.theta, rtol=1e-7, atol=1e-9)

    regression, start = linear
    single = hm.LinearRegression(regression.X, regression.y, deleted=[2, 4], dtype=jnp.float32)
    exact = hm.flow(regression, hm.Constant(1.0), start, times).theta
    found = hm.flow(single, hm.Constant(1.0), start, times, method=method(1e-5, 1e-6))
    assert found.theta.dtype == jnp.float32
    np.testing.assert_allclose(found.theta, exact, rtol=1e-4, atol=1e-4)

    failed = hm.flow(
        problem, hm.Constant(1.0), theta0, [9.0], method=method(max_steps=2), throw=False
    )
    assert failed.status == hm.flows.FlowStatus.step_limit
    assert int(failed.stats["steps"]) >= 2


@pytest.mark.parametrize(
    ("arguments", "name"),
    [((-1.0, 1e-3), "rtol"), ((1e-3, 2.0), "atol"), ((1e-3,), "both"), ((0.0, 0.0), "positive")],
)
def test_bad_arguments(arguments, name):
    with pytest.raises(ValueError, match=name):
        DormandPrince853(*arguments)
