"""Optimal controls: structures, junctions and costs against known optima and brute force."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from oracles import control_affine
from oracles.control_affine import JACKSON_FAST, JACKSON_SLOW

import homotopy as hm
from homotopy.control import (
    ArcKind,
    ControlAffine,
    Mesh,
    PiecewiseConstantControl,
    SolutionStatus,
    cost,
    follow,
    optimise_cells,
    pontryagin_residual,
    read_arcs,
    solve,
    solve_bang_bang,
)


def jackson(horizon):
    return ControlAffine(
        drift=jackson_drift,
        control_field=jackson_field,
        cost=jackson_cost,
        initial=[1.0, 0.0],
        horizon=horizon,
    )


def jackson_drift(x):
    return jnp.asarray(JACKSON_SLOW) @ x


def jackson_field(x):
    return jnp.asarray(JACKSON_FAST - JACKSON_SLOW) @ x


def jackson_cost(x):
    return x[0] + x[1] - 1


class Decay(eqx.Module):
    """−Λx."""

    rates: jax.Array

    def __call__(self, x):
        return -self.rates * x


class Pull(eqx.Module):
    """−b (b·x − r)."""

    row: jax.Array
    residual: jax.Array

    def __call__(self, x):
        return -self.row * (jnp.dot(self.row, x) - self.residual)


def half_square(x):
    return 0.5 * jnp.sum(x**2)


def successful(solution):
    return solution.status == SolutionStatus.successful


@pytest.fixture(scope="module")
def short_jackson():
    return solve(jackson(1.0))


def test_jackson(short_jackson):
    solution = short_jackson
    value, first, last, level = control_affine.jackson_optimum(1)
    assert successful(solution)
    assert solution.structure == "upper – singular – lower"
    # What the literature prints, and what that is to float64.
    assert solution.cost == pytest.approx(-0.0480556859, abs=1e-10)
    assert solution.cost == pytest.approx(value, rel=1e-12)
    np.testing.assert_allclose(solution.junctions, [first, last], atol=1e-10)
    times = np.linspace(first + 1e-3, last - 1e-3, 50)
    np.testing.assert_allclose(solution.control(times), level, atol=1e-9)
    assert level == pytest.approx(0.2271420827, abs=1e-10)
    assert first == pytest.approx(0.136299, abs=1e-6)
    assert last == pytest.approx(1 - 0.274770, abs=1e-6)


def test_evidence_of_a_singular_arc(short_jackson):
    solution = short_jackson
    assert solution.pmp_residual <= 1e-12
    assert solution.stationarity <= 1e-11
    assert solution.curvature > 1e-6
    assert solution.integration_error < 1e-11
    (singular,) = solution.singular_arcs
    assert singular.arc.kind == ArcKind.singular
    assert singular.order == 1
    assert singular.legendre_clebsch > 0
    # The brackets did not enter the control, which is the minimiser of the cost.
    assert singular.feedback_error < 1e-10
    assert singular.switching < 1e-12
    assert singular.slope < 1e-11


def test_residual_is_positive_off_the_optimum(short_jackson):
    solution = short_jackson
    # A kink in the cost: to first order in the bang part, to second in a junction.
    for shift, least in ((1e-2, 1e-6), (5e-2, 1e-4)):
        edges = solution.control.edges.at[1].add(shift)
        moved = eqx.tree_at(lambda c: c.edges, solution.control, edges)
        trajectory = follow(solution.system, moved, solution.trajectory.mesh)
        assert float(pontryagin_residual(trajectory).relative) > least
        assert float(trajectory.cost) > solution.cost


def test_jackson_with_a_long_singular_arc():
    # p grows by e³⁶ along it, so that shooting with the costate is hopeless.
    solution = solve(jackson(12.0), starts=[0.5])
    value, first, last, level = control_affine.jackson_optimum(12)
    assert successful(solution)
    assert solution.structure == "upper – singular – lower"
    assert solution.cost == pytest.approx(-0.47771202, abs=1e-8)
    assert solution.cost == pytest.approx(value, rel=1e-12)
    np.testing.assert_allclose(solution.junctions, [first, last], atol=1e-10)
    assert first == pytest.approx(0.136299, abs=1e-6)
    assert last == pytest.approx(12 - 0.274770, abs=1e-6)
    np.testing.assert_allclose(solution.control(np.linspace(1, 11, 20)), level, atol=1e-9)
    assert solution.pmp_residual <= 1e-12


def test_timber_harvest():
    system = ControlAffine(
        drift=lambda x: jnp.stack([0.0 * x[0], x[0]]),
        control_field=lambda x: jnp.stack([x[0], -x[0]]),
        cost=lambda x: -x[1],
        initial=[100.0, 0.0],
        horizon=5.0,
    )
    costs = []
    solution = solve(system, cells=32, progress=costs.append)
    assert successful(solution)
    assert solution.structure == "upper – lower"
    assert solution.cost == pytest.approx(-5459.815003314424, rel=1e-12)
    assert solution.cost == pytest.approx(-100 * np.exp(4), rel=1e-12)
    np.testing.assert_allclose(solution.junctions, [4.0], atol=1e-10)
    assert solution.pmp_residual <= 1e-12
    assert len(costs) > 0
    assert min(report.best for report in costs) >= solution.cost * (1 + 1e-9)
    assert set(solution.counts) == {"cells", "evaluations", "newton", "rounds"}


def test_a_singular_control_that_varies():
    # Down to the curve sin t at full speed, then along it: u = cos t, which is not a polynomial.
    system = ControlAffine(
        drift=lambda x: jnp.stack(
            [0.0 * x[0], 1.0 + 0.0 * x[0], 0.5 * (x[0] - jnp.sin(x[1])) ** 2]
        ),
        control_field=lambda x: jnp.array([1.0, 0.0, 0.0]),
        cost=lambda x: x[2],
        initial=[1.0, 0.0, 0.0],
        horizon=6.0,
        lower=-2.0,
        upper=2.0,
    )
    solution = solve(system, cells=32, starts=[0.0])
    value, meeting = control_affine.tracking_optimum(6, 2)
    assert successful(solution)
    assert solution.structure == "lower – singular"
    assert solution.cost == pytest.approx(value, rel=1e-12)
    assert solution.junctions[0] == pytest.approx(meeting, abs=1e-9)
    times = np.linspace(meeting + 1e-3, 6, 40)
    np.testing.assert_allclose(solution.control(times), np.cos(times), atol=1e-9)
    assert solution.singular_arcs[0].feedback_error <= 4e-9
    assert solution.pmp_residual <= 1e-11


@eqx.filter_jit
def least_of(system, mesh, breakpoints, values):
    def one(values):
        return cost(system, PiecewiseConstantControl(breakpoints, values), mesh)

    return jnp.min(jax.vmap(one)(values))


RATES, HORIZON, GRID = [0.3, 2.0], 3.0, 60


@pytest.mark.parametrize("seed", [1, 12, 22])
def test_rank_one_system_against_brute_force(seed):
    rng = np.random.default_rng(seed)
    row, residual, start = rng.normal(size=2), rng.normal(), 3 * rng.normal(size=2)
    system = ControlAffine(
        Decay(jnp.asarray(RATES)),
        Pull(jnp.asarray(row), jnp.asarray(residual)),
        half_square,
        start,
        HORIZON,
    )
    solution = solve(system, cells=60)
    assert successful(solution)
    assert solution.pmp_residual <= 1e-12
    assert solution.stationarity <= 1e-12
    assert ArcKind.singular not in [arc.kind for arc in solution.arcs]
    grid = control_affine.rank_one_grid(RATES, row, residual, start, HORIZON, GRID)
    least, _ = min(grid.values(), key=lambda found: found[0])
    # Not above any of 68 000 bang-bang controls, and below the best by what its grid explains.
    assert solution.cost <= least * (1 + 1e-12)
    first = int(solution.arcs[0].kind == ArcKind.upper)
    best, times = grid[first, len(solution.arcs) - 1]
    bend = 20 * solution.residual.scale / HORIZON**2
    assert best - solution.cost <= bend * (HORIZON / GRID) ** 2
    np.testing.assert_allclose(solution.junctions, times, atol=1.5 * HORIZON / GRID)
    # Nor above random controls on cells.
    mesh = Mesh.uniform(8, 4)
    breakpoints = jnp.linspace(0, HORIZON, 9)[1:-1]
    values = jnp.asarray(rng.uniform(size=(2000, 8)).round(rng.integers(0, 2)))

    assert float(least_of(system, mesh, breakpoints, values)) >= solution.cost * (1 - 1e-9)


def test_a_target_within_reach_is_a_status():
    system = ControlAffine(lambda x: -x, lambda x: jnp.ones(1), half_square, [0.5], 2.0, lower=-1.0)
    solution = solve(system, cells=8)
    assert solution.status == SolutionStatus.degenerate
    assert solution.cost < 1e-20
    # As is a system that the control cannot move.
    still = ControlAffine(lambda x: -x, lambda x: 0.0 * x, half_square, [0.5], 2.0, lower=-1.0)
    solution = solve(still, cells=8)
    assert solution.status == SolutionStatus.degenerate
    assert solution.cost == pytest.approx(0.125 * np.exp(-4), rel=1e-9)


def test_cells_reach_the_optimum_of_a_linear_problem():
    # x(2) = ∫ e^{s−2} u ds: least with u = lower throughout, from any start.
    system = ControlAffine(lambda x: -x, lambda x: jnp.ones(1), lambda x: x[0], [0.0], 2.0)
    optimum = optimise_cells(system, 8)
    np.testing.assert_allclose(optimum.fractions, 0.0)
    assert optimum.cost == pytest.approx(0.0, abs=1e-15)
    np.testing.assert_allclose(optimum.costs, 0.0, atol=1e-15)
    edges = np.linspace(0, 2, 9)
    means = np.diff(np.exp(edges - 2)) / np.diff(edges)
    np.testing.assert_allclose(optimum.switching, means, rtol=1e-9)


def kinds(arcs):
    return [arc.kind.value for arc in arcs]


def ends(arcs):
    return [arc.stop for arc in arcs]


@pytest.mark.parametrize(
    ("fractions", "expected", "stops"),
    [
        ([0, 0, 0, 0, 0, 0], ["lower"], [6]),
        ([1, 1, 0.5, 0, 0, 0], ["upper", "lower"], [2.5, 6]),
        ([0, 0, 0.25, 0.5, 1, 1], ["lower", "upper"], [3.25, 6]),
        # One interior cell between equal neighbours is a short visit to the other bound.
        ([1, 1, 0.5, 1, 1, 1], ["upper", "lower", "upper"], [2.25, 2.75, 6]),
        ([0, 0, 0.5, 0, 0, 0], ["lower", "upper", "lower"], [2.25, 2.75, 6]),
        ([1, 0.4, 0.3, 0.3, 0.4, 0], ["upper", "singular", "lower"], [1, 5, 6]),
        # At an end the cell holds a switch, too.
        ([0.25, 1, 1, 1, 1, 1], ["lower", "upper"], [0.75, 6]),
        ([1, 1, 1, 1, 1, 0.25], ["upper", "lower"], [5.25, 6]),
    ],
)
def test_arcs_read_from_cells(fractions, expected, stops):
    arcs = read_arcs(np.arange(7.0), np.array(fractions, float))
    assert kinds(arcs) == expected
    np.testing.assert_allclose(ends(arcs), stops)
    assert arcs[0].start == 0.0


def test_ripple_and_unfinished_cells():
    rippled = np.array([1.0, 0.3, 0.2, 0.4, 0.0, 0.3, 0.2, 0.3, 0.0])
    assert kinds(read_arcs(np.arange(10.0), rippled)) == ["upper", "singular", "lower"]
    # Interior cells with a clear sign of H₁ are not singular.
    unfinished, switching = np.full(6, 0.5), np.array([-1.0, -1.0, -1.0, 1.0, 1.0, 1.0])
    arcs = read_arcs(np.arange(7.0), unfinished, switching)
    assert kinds(arcs) == ["upper", "lower"]
    assert ends(arcs) == [3.0, 6.0]


def test_bad_input():
    system = jackson(1.0)
    with pytest.raises(ValueError, match="tolerance: expected"):
        solve(system, tolerance=0.0)
    with pytest.raises(ValueError, match="cells: expected an integer >= 2"):
        solve(system, cells=1)
    with pytest.raises(ValueError, match="starts: expected controls in"):
        solve(system, cells=8, starts=[2.0])
    with pytest.raises(ValueError, match="starts: expected at least one"):
        solve(system, cells=8, starts=[])
    with pytest.raises(ValueError, match="time_limit: expected a positive number"):
        solve(system, time_limit=0.0)
    with pytest.raises(TypeError, match="progress"):
        solve(system, progress=3)
    with pytest.raises(ValueError, match="switches: expected an integer >= 0"):
        solve_bang_bang(system, -1)
    with pytest.raises(ValueError, match="refinements: expected"):
        solve(system, refinements=-1)


def test_a_deletion_problem_is_one_instance():
    """What `control` finds without knowing of data, against the certificate that does."""
    generator = np.random.default_rng(5)
    X = generator.standard_normal((20, 4))
    y = X @ generator.standard_normal(4) + 0.5 * generator.standard_normal(20)
    horizon = 2.0 / np.linalg.eigvalsh(X[1:].T @ X[1:])[0]
    problem = hm.LinearRegression(X, y, deleted=0)
    theta0 = jnp.asarray(3.0 * generator.standard_normal(4))
    deletion = hm.Deletion(problem, theta0, 0.2 * horizon, horizon)
    system = deletion.control_system
    np.testing.assert_allclose(
        system.velocity(theta0, 0.3), -problem.gradient(theta0, 0.3), rtol=1e-12
    )
    found, certified = solve(system), hm.optimise(deletion, over=hm.Everything())
    assert certified.gap <= 1e-6 and certified.structure.startswith("1→0 ")
    assert found.cost == pytest.approx(certified.cost, rel=1e-9)
    assert [arc.kind for arc in found.arcs] == [ArcKind.upper, ArcKind.lower]
    np.testing.assert_allclose(found.junctions, certified.schedule.switches, rtol=1e-6)
