"""Optimal switch times against brute force by another code, closed forms and differences."""

import itertools
import math
from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.linalg

import homotopy as hm
from homotopy.control import switched
from homotopy.control.switched.starts import switch_starts
from homotopy.deletion.bridges import switched_flow
from homotopy.deletion.bridges.switched_flow import switched_flows

DIMENSION, SIZE, COUNT = 4, 20, 12
Status = hm.results.OptimumStatus


def random_deletion(seed):
    """Noisy regression of random data, from a far start; s = 0 for every third."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((SIZE, DIMENSION))
    y = X @ rng.standard_normal(DIMENSION) + 0.5 * rng.standard_normal(SIZE)
    problem = hm.LinearRegression(X, y, deleted=0)
    horizon = (2.0 if seed % 2 else 0.5) * np.linalg.norm(np.linalg.inv(X[1:].T @ X[1:]), 2)
    start = 0.2 * horizon if seed % 3 else 0.0
    return hm.Deletion(problem, 3 * rng.standard_normal(DIMENSION), start, horizon)


@cache
def deletions():
    return [random_deletion(seed) for seed in range(COUNT)]


@cache
def optima():
    return hm.optimise(deletions(), over=hm.BangBangs(3))


class Affine:
    """The same flow by SciPy's matrix exponential of the augmented system: nothing in common."""

    def __init__(self, deletion):
        X, y = np.asarray(deletion.problem.X), np.asarray(deletion.problem.y)
        self.start, self.horizon = float(deletion.start), float(deletion.horizon)
        self.generators = []
        for epsilon in (0.0, 1.0):
            weights = np.ones(y.size)
            weights[np.asarray(deletion.problem.deleted)] = epsilon
            generator = np.zeros((X.shape[1] + 1,) * 2)
            generator[:-1, :-1] = -(X.T * weights) @ X
            generator[:-1, -1] = (X.T * weights) @ y
            self.generators.append(generator)
        opening = self.propagator(1, self.start) @ np.append(deletion.theta0, 1.0)
        self.opening, self.target = opening, np.append(deletion.target, 1.0)

    def propagator(self, value, time):
        return scipy.linalg.expm(self.generators[value] * time)

    def cost(self, switches):
        """ℰ of 1 → 0 → 1 → ... at these times."""
        edges = np.clip([self.start, *switches, self.horizon], self.start, self.horizon)
        state = self.opening
        for index, (left, right) in enumerate(itertools.pairwise(edges)):
            state = self.propagator(1 - index % 2, right - left) @ state
        return 0.5 * np.sum((state - self.target) ** 2)

    def least_on_grid(self, cells=24):
        """The least ℰ of all schedules with at most three switches, on a grid of times."""
        unit = (self.horizon - self.start) / cells
        powers = [[self.propagator(v, k * unit) for k in range(cells + 1)] for v in (0, 1)]
        powers = np.array(powers)
        best = np.inf
        for first in (0, 1):
            states = np.einsum("kab,b->ka", powers[first], self.opening)
            used = np.arange(cells + 1)
            for arc in range(1, 4):
                value = first if arc % 2 == 0 else 1 - first
                states = np.einsum("kab,ib->ika", powers[value], states)
                used = used[:, None] + np.arange(cells + 1)[None, :]
                keep = (used <= cells) if arc < 3 else (used == cells)
                states, used = states[keep], used[keep]
            best = min(best, float(np.min(0.5 * np.sum((states - self.target) ** 2, axis=1))))
        return best


@pytest.mark.parametrize("index", range(COUNT))
def test_no_schedule_on_a_grid_of_switch_times_is_better(index):
    deletion, optimum = deletions()[index], optima()[index]
    other = Affine(deletion)
    assert optimum.status == Status.local_optimum
    assert optimum.cost == pytest.approx(other.cost(optimum.schedule.switches), rel=1e-8)
    assert optimum.cost <= other.least_on_grid() * (1 + 1e-12)
    assert deletion.membership(optimum.schedule)
    assert optimum.cost == pytest.approx(float(deletion.cost(optimum.schedule)), rel=1e-11)


def test_switch_times_are_stationary_and_pontryagin_holds():
    inside = 0
    for deletion, optimum in zip(deletions(), optima(), strict=True):
        switches = np.asarray(optimum.schedule.switches)
        free = (switches > float(deletion.start)) & (switches < float(deletion.horizon))
        assert optimum.pmp_residual <= 1e-9
        if not free.any():
            continue
        inside += int(free.sum())
        times = jnp.linspace(deletion.start, deletion.horizon, 50)
        largest = float(jnp.max(jnp.abs(optimum.switching_function(times))))
        slopes = np.abs(np.asarray(optimum.switching_function(switches[free])))
        assert np.all(slopes <= 1e-10 * largest)
        other, shift = Affine(deletion), 1e-3 * float(deletion.horizon)
        for index in np.flatnonzero(free):
            for sign in (-1, 1):
                moved = switches + sign * shift * (np.arange(switches.size) == index)
                assert other.cost(moved) > optimum.cost
    assert inside >= 6


def test_structures_found():
    words = [optimum.structure.split(" with ")[0] for optimum in optima()]
    assert "1 throughout" in words and len(set(words)) >= 4
    for optimum, word in zip(optima(), words, strict=True):
        switches = np.asarray(optimum.schedule.switches)
        values = [int(c) for c in word.replace(" throughout", "").split("→")]
        opening, closing = float(optimum.deletion.start), float(optimum.deletion.horizon)
        assert (switches[:1] == opening).all() if values[0] == 0 else opening not in switches
        assert (closing in switches) == (values[-1] == 1)
        inside = switches[(switches > opening) & (switches < closing)]
        assert inside.size == len(values) - 1
        assert all(f"{time:.6g}" in optimum.structure for time in inside)


@cache
def optima_with(max_switches):
    return hm.optimise(deletions(), over=hm.BangBangs(max_switches))


def test_more_switches_never_cost_more_and_one_contains_the_steps():
    for deletion, few, more in zip(deletions(), optima_with(1), optima(), strict=True):
        step = hm.optimise(deletion, over=hm.Steps())
        assert more.cost <= few.cost * (1 + 1e-12)
        assert few.cost <= step.cost * (1 + 1e-12)
        assert step.status == Status.family_optimum
        assert step.cost == step.minima[0].cost == min(m.cost for m in step.minima)


def test_minima_are_listed_best_first_and_are_minima():
    several = [optimum for optimum in optima() if len(optimum.minima) > 1]
    assert several
    for optimum in optima():
        costs = [minimum.cost for minimum in optimum.minima]
        assert costs == sorted(costs) and costs[0] == optimum.cost
        other = Affine(optimum.deletion)
        for minimum in optimum.minima:
            assert minimum.cost == pytest.approx(other.cost(minimum.schedule.switches), rel=1e-8)


# --- one at a time, warm starts, interruption


def test_a_batch_gives_what_one_at_a_time_gives_in_the_order_asked():
    rng = np.random.default_rng(3)
    pair = hm.LinearRegression(rng.standard_normal((9, 4)), rng.standard_normal(9), deleted=[0, 4])
    group = hm.Deletion(pair, 3 * rng.standard_normal(4), 0.1, 0.6)
    mixed = [deletions()[3], group]  # of different shapes
    together = hm.optimise(mixed, over=hm.BangBangs(3))
    assert all(optimum.deletion is given for optimum, given in zip(together, mixed, strict=True))
    assert together[0].cost == pytest.approx(optima()[3].cost, rel=1e-12)
    assert together[0].structure == optima()[3].structure
    alone = hm.optimise(deletions()[5], over=hm.BangBangs(3))
    assert alone.cost == pytest.approx(optima()[5].cost, rel=1e-12)
    other = Affine(group)
    assert together[1].cost == pytest.approx(other.cost(together[1].schedule.switches), rel=1e-8)
    assert together[1].cost <= other.least_on_grid() * (1 + 1e-12)
    assert hm.optimise([], over=hm.BangBangs(3)) == []


def test_a_warm_start_of_any_family_is_taken_up():
    deletion, optimum = deletions()[5], optima()[5]
    start, horizon = float(deletion.start), float(deletion.horizon)
    given = [
        optimum,
        optimum.schedule,
        hm.Step(0.7 * horizon),
        hm.PiecewiseConstant([start, 0.5 * horizon, horizon], [1.0, 0.2, 0.9, 0.0]),
        hm.BangBang(np.linspace(start, horizon, 9), initial=1),  # more switches than allowed
        hm.Polynomial(start, horizon, 2.0),
    ]
    given += [None] * (COUNT - len(given))
    found = hm.optimise([deletion] * len(given), over=hm.BangBangs(3), warm_start=given)
    for again in found:
        assert again.cost <= optimum.cost * (1 + 1e-12)


def interrupt_at(count):
    calls = []

    def progress(report):
        assert 0 < report.done <= report.total and np.isfinite(report.best)
        calls.append(report)
        if len(calls) == count:
            raise KeyboardInterrupt

    return progress


def test_an_interruption_returns_what_was_found():
    # What is finished stays finished; what was not begun is left at "delete at once".
    many = hm.optimise(deletions()[5:6] * 70, over=hm.BangBangs(3), progress=interrupt_at(1))
    statuses = [o.status == Status.interrupted for o in many]
    finished = statuses.index(True)
    assert 0 < finished <= 32 and all(statuses[finished:])
    # In another batch: both at the minimum, whose cost is right to the certificate's rounding.
    costs = np.array([o.cost for o in many[:finished]])
    np.testing.assert_allclose(costs, optima()[5].cost, rtol=1e-12)
    # One after the other: the second is done, the others are left at "delete at once".
    several = hm.optimise(deletions()[:4], over=hm.Steps(), progress=interrupt_at(2))
    assert len(several) == 4
    assert [o.status == Status.interrupted for o in several] == [False, False, True, True]
    for optimum in several[2:]:
        once = hm.Step(optimum.deletion.start)
        assert optimum.cost == float(optimum.deletion.cost(once))


def test_a_progress_bar_leaves_no_trace(capsys):
    hm.optimise(deletions()[5], over=hm.BangBangs(3), progress=True)
    assert capsys.readouterr().out == ""


def test_a_spent_budget_is_a_status():
    short = hm.optimise(deletions(), over=hm.BangBangs(3, max_steps=2))
    assert any(optimum.status == Status.step_limit for optimum in short)
    for optimum, best in zip(short, optima(), strict=True):
        assert optimum.deletion.membership(optimum.schedule)
        assert optimum.cost >= best.cost * (1 - 1e-12)


# --- closed forms


@pytest.mark.parametrize("factor", [2.0, 1.2, 0.5, 5.0])
def test_the_best_step_where_both_hessians_are_the_identity(factor):
    # x → 0 with r x fixed: H = H₋ = Id to rounding, and τ* = log(⟨θ* − θ₀, Δ⟩/‖Δ‖²) (theory §4).
    tiny, delta = 1e-8, np.array([0.3, -0.2, 0.1, 0.4])
    X = np.vstack([np.eye(4), tiny * delta])
    fit = np.array([1.0, -1.0, 0.5, 2.0])
    y = np.append(fit, 1.0 / tiny + tiny * delta @ fit)  # H⁻¹ x r = delta
    problem = hm.LinearRegression(X, y, deleted=4)
    full = fit + delta
    theta0 = full - factor * delta + np.array([0.2, 0.3, 0.0, 0.0])  # the rest is orthogonal
    start, horizon = 0.1, 1.0
    deletion = hm.Deletion(problem, theta0, start, horizon)
    expected = np.clip(math.log(factor), start, horizon)
    step = hm.optimise(deletion, over=hm.Steps())
    assert float(step.schedule.switch) == pytest.approx(expected, rel=1e-7)
    assert hm.optimise(deletion, over=hm.BangBangs(3)).cost <= step.cost * (1 + 1e-12)


def one_dimensional(theta0, start=0.0, horizon=1.0):
    """M = 1, H = 2, θ*₋ = 0, θ* = ½; beside it three coordinates in which nothing happens."""
    X, y = np.vstack([np.eye(4), np.eye(1, 4)]), np.array([0.0, 0.0, 0.0, 0.0, 1.0])
    problem = hm.LinearRegression(X, y, deleted=4)
    return hm.Deletion(problem, [theta0, 0.0, 0.0, 0.0], start, horizon)


def test_one_dimension_by_hand():
    # From above, or from between: delete at once. From below the target itself can be met.
    cases = [(1.0, 0.0), (0.25, 0.0), (-1.0, 0.0), (-5.0, 0.0), (1.0, 0.5)]
    cases += [(1.0, 0.0)] * (COUNT - len(cases))
    found = hm.optimise([one_dimensional(a, s) for a, s in cases], over=hm.BangBangs(3))
    assert [o.structure for o in found[:2]] == ["0 throughout"] * 2
    assert found[0].cost == pytest.approx(0.5 * math.exp(-2.0), rel=1e-13)
    assert found[1].cost == pytest.approx(0.5 * (0.25 * math.exp(-1.0)) ** 2, rel=1e-13)
    assert found[2].cost < 1e-28 and found[2].pmp_residual == 0.0 and found[2].gap <= 1.0
    # From −5, keep all the data: ½ (½ − 5½ e⁻²)².
    assert found[3].structure == "1 throughout"
    assert found[3].cost == pytest.approx(0.5 * (0.5 - 5.5 * math.exp(-2.0)) ** 2, rel=1e-12)
    arrived = 0.5 + 0.5 * math.exp(-1.0)
    assert found[4].cost == pytest.approx(0.5 * (arrived * math.exp(-0.5)) ** 2, rel=1e-13)


def test_switches_allowed_count_inside_only():
    for count in (0, 1):
        for optimum in optima_with(count):
            start, horizon = float(optimum.deletion.start), float(optimum.deletion.horizon)
            switches = np.asarray(optimum.schedule.switches)
            assert np.sum((switches > start) & (switches < horizon)) <= count
            both = [float(optimum.deletion.cost(hm.Step(t))) for t in (start, horizon)]
            assert optimum.cost <= min(both) * (1 + 1e-12)
            assert count > 0 or optimum.cost == pytest.approx(min(both), rel=1e-12)


# --- degenerate problems


def degenerate():
    rng = np.random.default_rng(7)
    X = rng.standard_normal((SIZE, DIMENSION))
    exact = X @ np.array([1.0, -2.0, 0.5, 1.0])
    y = exact + 0.5 * rng.standard_normal(SIZE)
    theta0 = 3 * rng.standard_normal(DIMENSION)
    repeated = np.vstack([np.eye(4)] * 5)
    unseen = X.copy()
    unseen[1:, 3] = 0.0  # the deleted row alone sees the last direction
    flat = X.copy()
    flat[:, 3] = 0.0  # no row sees it
    fit = np.linalg.lstsq(X[1:], y[1:], rcond=None)[0]

    def deletion(X, y, theta0, start=0.02, horizon=0.2):
        return hm.Deletion(hm.LinearRegression(X, y, deleted=0), theta0, start, horizon)

    return {
        "no residual": deletion(X, exact, theta0),
        "starts at the deleted fit, s = 0": deletion(X, y, fit, start=0.0),
        "repeated eigenvalues": deletion(repeated, y, theta0),
        "singular": deletion(flat, y, theta0),
        "leaves the span": deletion(unseen, y, theta0),
        "long decay": deletion(X, y, theta0, horizon=20.0),
    }


def rounding_of_the_fit():
    """How far LAPACK's least-squares solution is from the true one, at most (Wedin; Higham §20).

    By perturbations of X and y, in norm, by the rounding of as many operations as there are rows.
    """
    problem = degenerate()["starts at the deleted fit, s = 0"].problem
    X, y = np.asarray(problem.X)[1:], np.asarray(problem.y)[1:]
    fit, condition = np.linalg.lstsq(X, y, rcond=None)[0], np.linalg.cond(X)
    residual, size = np.linalg.norm(X @ fit - y), np.linalg.norm(X, 2) * np.linalg.norm(fit)
    unit = SIZE * DIMENSION * np.finfo(float).eps
    return unit * condition * np.linalg.norm(fit) * (2 + (condition + 1) * residual / size)


@cache
def degenerate_optima():
    problems = degenerate()
    more = deletions()[: COUNT - len(problems)]
    found = hm.optimise([*problems.values(), *more], over=hm.BangBangs(3))
    return problems, dict(zip(problems, found, strict=False))


@pytest.mark.parametrize("name", list(degenerate()))
def test_degenerate_problems(name):
    deletion, optimum = degenerate_optima()[0][name], degenerate_optima()[1][name]
    assert optimum.status == Status.local_optimum
    assert deletion.membership(optimum.schedule)
    assert np.isfinite(optimum.cost) and optimum.cost >= 0.0
    assert optimum.pmp_residual <= 1e-9
    if name == "starts at the deleted fit, s = 0":
        # Both are ½‖u‖² of one u, and either u is right to 1e-14 of its norm.
        at_once = float(deletion.cost(hm.Step(0.0)))
        assert optimum.cost <= at_once * (1 + 4e-14)
        assert at_once <= 0.5 * rounding_of_the_fit() ** 2
    elif name == "long decay":  # all costs are of the size e^{−2λT}, beyond the other code
        assert 0.0 < optimum.cost <= float(deletion.cost(hm.Step(0.02))) * (1 + 1e-12)
    else:
        other = Affine(deletion)
        assert optimum.cost == pytest.approx(other.cost(optimum.schedule.switches), rel=1e-8)
        assert optimum.cost <= other.least_on_grid(12) * (1 + 1e-12)


# --- the search's own flow


def flow(deletion):
    return switched.SwitchedFlow(*(part[0] for part in switched_flows([deletion])))


def derivatives(deletion, arcs):
    return switched.derivatives(flow(deletion), arcs)


@pytest.mark.parametrize("max_switches", range(5))
def test_searches_start_at_the_best_sample_of_every_structure(max_switches):
    samples = switch_starts(max_switches)
    np.testing.assert_allclose(samples.arcs.sum(axis=1), 1.0, rtol=1e-15)
    assert len(np.unique(samples.arcs, axis=0)) == len(samples.arcs)
    for deletion in deletions()[:4]:
        own, span = flow(deletion), float(deletion.horizon - deletion.start)
        flows = switched.SwitchedFlow(*(np.asarray(part)[None] for part in own))
        found = switched.best_arcs(flows, max_switches, 1, [None])
        known = {row.tobytes(): switched.cost(own, row * span) for row in samples.arcs}
        assert found.cost[0].min() == pytest.approx(min(known.values()), rel=1e-9)
        structures = zip(samples.samples[:-1], samples.samples[1:], strict=True)
        for place, (begin, end) in enumerate(structures):
            at = known.get(found.arcs[0, place].tobytes())
            if at is not None:  # not what a needle has begun
                least = min(known[row.tobytes()] for row in samples.arcs[begin:end])
                assert at == pytest.approx(least, rel=1e-9)


def test_arrays_are_stacked_wherever_they_are():
    few = deletions()[:3]
    expected = switched_flows(few)
    with pytest.MonkeyPatch.context() as patch:
        # As of arrays on an accelerator, whose bytes cannot be read.
        patch.setattr(switched_flow, "bytearray", lambda: b"".join([None]), raising=False)
        for part, other in zip(switched_flows(few), expected, strict=True):
            np.testing.assert_array_equal(part, other)
            assert part.flags.writeable and part.dtype == np.float64


def test_gradient_and_hessian_in_arc_lengths():
    deletion = deletions()[5]
    span = float(deletion.horizon - deletion.start)
    arcs = np.random.default_rng(0).dirichlet(np.ones(6)) * span
    cost, gradient, hessian = derivatives(deletion, arcs)
    times = float(deletion.start) + np.cumsum(arcs)[:-1]
    expected, slopes = deletion.value_and_gradient(hm.BangBang(times, initial=1))
    assert float(cost) == pytest.approx(float(expected), rel=1e-12)
    sums = np.append(np.cumsum(np.asarray(slopes.switches)[::-1])[::-1], 0.0)
    np.testing.assert_allclose(gradient, sums, atol=1e-12 * np.max(np.abs(sums)))

    other, step = Affine(deletion), 3e-4 * span
    differences = [
        (other.cost(times + step * e) - other.cost(times - step * e)) / (2 * step)
        for e in np.eye(5)
    ]
    scale = np.max(np.abs(np.asarray(slopes.switches)))
    np.testing.assert_allclose(slopes.switches, differences, atol=2e-6 * scale)

    # Of the gradient at the expense of the last arc, by central differences.
    for index in range(5):
        shift = (1e-5 * span) * (np.eye(6)[index] - np.eye(6)[5])
        plus = derivatives(deletion, arcs + shift)[1]
        minus = derivatives(deletion, arcs - shift)[1]
        column = (np.asarray(plus) - np.asarray(minus)) / (2e-5 * span)
        exact = np.asarray(hessian[:, index] - hessian[:, 5])
        assert np.max(np.abs(column - exact)) <= 1e-7 * np.max(np.abs(hessian))


# --- arguments


def test_bad_arguments_are_named(without_shape_checks):
    deletion = deletions()[0]
    for value in (-1, 2.5, "three"):
        with pytest.raises(ValueError, match="max_switches: expected an integer >= 0"):
            hm.BangBangs(value)
    with pytest.raises(ValueError, match="max_steps: expected an integer >= 1, got 0"):
        hm.BangBangs(1, max_steps=0)
    with pytest.raises(ValueError, match="grid: expected an integer >= 8, got 4"):
        hm.Steps(grid=4)
    with pytest.raises(TypeError, match="over: expected a search"):
        hm.optimise(deletion, over="steps")
    with pytest.raises(TypeError, match="deletion: expected a Deletion or a sequence of them"):
        hm.optimise(deletion.problem, over=hm.Steps())
    with pytest.raises(TypeError, match="warm_start: expected a schedule or an Optimum, got 3"):
        hm.optimise([deletion], over=hm.Steps(), warm_start=[3])
    with pytest.raises(ValueError, match="warm_start: expected one for each of 2 problems, got 1"):
        hm.optimise([deletion] * 2, over=hm.Steps(), warm_start=[None])
    with pytest.raises(TypeError, match=r"progress: expected True, False or a function .*, got 1"):
        hm.optimise(deletion, over=hm.Steps(), progress=1)


def test_searches_are_pytrees_without_leaves():
    for search in (hm.BangBangs(3), hm.Steps()):
        assert jax.tree.leaves(search) == []
