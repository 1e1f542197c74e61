"""The certificate's parts against simulated schedules: every bound holds, and is attained."""

import dataclasses
from functools import cache, partial

import numpy as np
import pytest
import switched_flows
from mpmath import mp
from switched_flows import ExactFlow

from homotopy.control.bang_bang_control import BangBangControl
from homotopy.control.certificate import ResidualSystem, certified_optimum
from homotopy.control.certificate.ascent import maximise
from homotopy.control.certificate.branching import alternatives
from homotopy.control.certificate.dual import support_point
from homotopy.control.certificate.regions import (
    Knowledge,
    Region,
    refreshed,
    replaced,
    root_node,
)
from homotopy.control.certificate.residual_range import RangeFinder
from homotopy.control.certificate.several_rows import time_grid
from homotopy.control.certificate.switching import (
    cost,
    cost_and_derivatives,
    final_deviation,
    polish,
    states,
)

WEIGHTS = ((0.0,), (1.0,), (0.3,), (0.65,))
# (dimension, deleted points, one control for all or each its own)
SHAPES = [(1, 1, "one"), (2, 1, "one"), (5, 1, "one"), (3, 2, "one"), (3, 2, "each")]
SEEDS = range(4)


def decomposition(rates, rows):
    return lambda weights: np.linalg.eigh(np.diag(rates) + (rows.T * weights) @ rows)


def accurate_decomposition(rates, rows):
    """Small eigenvalues to full relative accuracy."""

    def decompose(weights):
        with mp.workdps(50):
            matrix = mp.diag(rates.tolist())
            for row, weight in zip(rows, weights, strict=True):
                matrix += float(weight) * mp.matrix(row.tolist()) * mp.matrix(row.tolist()).T
            values, vectors = mp.eigsy(matrix)
            size = rates.size
            return (
                np.array([float(value) for value in values]),
                np.array([[float(vectors[i, j]) for j in range(size)] for i in range(size)]),
            )

    return decompose


@cache
def random_system(shape, seed: int) -> ResidualSystem:
    """Seeds 0 and 2 over short intervals, 2 and 3 with large residuals; 3 stiff, from rest."""
    dimension, points, owner = shape
    generator = np.random.default_rng([dimension, points, seed])
    rates = np.sort(generator.uniform(0.2, 6.0, dimension))
    if seed == 3:
        rates[1:] *= np.geomspace(30.0, 1000.0, dimension - 1)
    rows = 1.2 * generator.normal(size=(points, dimension))
    return ResidualSystem(
        rates=rates,
        rows=rows,
        residual=(1.0, 5.0)[seed // 2] * generator.normal(size=points),
        start=2.0 * generator.normal(size=dimension) * (seed != 3),
        goal=0.2 * generator.normal(size=dimension) * (seed % 2),
        span=(0.6, 2.0)[seed % 2],
        control=np.arange(points) if owner == "each" else np.zeros(points, dtype=int),
        decompose=decomposition(rates, rows),
    )


@cache
def range_of(shape, seed):
    system = random_system(shape, seed)
    return RangeFinder(system, time_grid(system)).find()


def fine(times, parts):
    """Every interval divided into equal parts."""
    shares = np.arange(parts) / parts
    inner = times[:-1, None] + np.diff(times)[:, None] * shares
    return np.append(inner.ravel(), times[-1])


def weights_of(system):
    if system.controls == 1:
        return WEIGHTS
    return [(a, b) for a in (0.0, 1.0, 0.5) for b in (0.0, 1.0, 0.5)]


@cache
def trajectories(shape, seed, count=300, parts=4):
    """Times, and states of many schedules; some by feedback, which go to extremes."""
    system = random_system(shape, seed)
    flow = switched_flows.of_system(system, weights_of(system))
    generator = np.random.default_rng(seed)
    times = fine(time_grid(system), parts)
    drawn = switched_flows.random_choices(generator, count, times.size - 1, flow.modes)
    open_loop = flow.run(system.start, times, drawn)
    # Towards and away from v = 0, and v = 0 held where that can be; and greedy for ends.
    shares = np.asarray(weights_of(system))[:, system.control]
    directions = generator.normal(size=(60, system.rates.size))

    def rates(now):
        return -np.einsum("kg,mg,gd->mkd", shares, residuals_of(system, now), system.rows)

    def greedy(now):
        return np.argmax(np.einsum("md,mkd->mk", directions, rates(now)), axis=1)

    def by_sign(sign):
        def choose(now):
            towards = np.einsum("mg,gd,mkd->mk", residuals_of(system, now), system.rows, rates(now))
            return np.argmax(sign * towards, axis=1)

        return choose

    def run(choose, copies):
        return flow.run(np.tile(system.start, (copies, 1)), times, choose)

    closed_loop = [run(greedy, 60), run(by_sign(1.0), 1), run(by_sign(-1.0), 1)]
    return times, np.concatenate([open_loop, *closed_loop])


def residuals_of(system, visited):
    return visited @ system.rows.T - system.residual


def signed_node(system, found):
    """The root where every sign is known, else None."""
    node = root_node(found, system.control)
    return node if all(region.signed for regions in node for region in regions) else None


def pairs(controls):
    return [(control.initial, control.switches) for control in controls]


# ---------------------------------------------------------------------- the simulators
def test_the_simulator_is_the_exact_flow():
    system = random_system((3, 2, "each"), 0)
    weights = [(0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)]
    flow = switched_flows.of_system(system, weights)
    span = system.span
    choices = np.array([[1, 2, 3, 0, 3]])
    ends = flow.ends(system.start, np.linspace(0.0, span, 6), choices)
    fifths = [span * k / 5 for k in range(1, 5)]
    controls = [(1, (fifths[1],)), (0, (fifths[0], fifths[2], fifths[3]))]
    exact = [float(entry) for entry in ExactFlow(system).end(controls)]
    np.testing.assert_allclose(ends[0], exact, rtol=1e-13)
    ours = tuple(BangBangControl(*control) for control in controls)
    np.testing.assert_allclose(states(system, ours, np.array([span]))[0], exact, rtol=1e-13)


# -------------------------------------------------------------------- support function
@pytest.mark.parametrize("shape", SHAPES)
def test_no_schedule_ends_below_the_support_value(shape):
    for seed in SEEDS:
        system, found = random_system(shape, seed), range_of(shape, seed)
        node = root_node(found, system.control)
        _, visited = trajectories(shape, seed)
        ends = visited[:, -1] - system.goal
        generator = np.random.default_rng(seed)
        flow = switched_flows.of_system(system, weights_of(system))
        coarse = np.linspace(0.0, system.span, 41)
        drawn = switched_flows.random_choices(generator, 200, 40, flow.modes)
        for number in range(5):
            direction = generator.normal(size=system.rates.size)
            point = support_point(system, node, direction)
            reached = (ends @ direction).min()
            if number == 0:  # search for schedules that do worse

                def merit(ends, direction=direction):
                    return ends @ direction

                better = switched_flows.improved(
                    generator, flow, system.start, coarse, merit, drawn, rounds=4, kept=20
                )
                more = flow.ends(system.start, coarse, better) - system.goal
                reached = min(reached, (more @ direction).min())
            assert point.value <= reached + 1e-14 * np.abs(ends @ direction).max()
            # What the dual suggests ends no lower, and where signs are known exactly there.
            with mp.workdps(30):
                suggested = ExactFlow(system).support(pairs(point.controls()), direction)
                assert point.value <= suggested
            if signed_node(system, found) is not None:
                scale = np.abs(direction) @ np.abs(system.start) + np.abs(ends @ direction).max()
                assert float(suggested) - point.value <= 1e-12 * scale


def test_some_roots_have_known_signs_and_some_have_not():
    known = [
        signed_node(random_system(shape, seed), range_of(shape, seed)) is not None
        for shape in SHAPES
        for seed in SEEDS
        if shape != (3, 2, "one")
    ]
    assert 4 <= sum(known) <= len(known) - 4


@pytest.mark.parametrize("shape", [shape for shape in SHAPES if shape != (3, 2, "one")])
def test_the_end_is_the_gradient_of_the_support_value(shape):
    # Signs are said to be known, differently in three parts of the interval.
    generator = np.random.default_rng(0)
    checked = switched = 0
    for seed in SEEDS:
        system = random_system(shape, seed)
        edges = system.span * np.array([0.0, 0.3, 0.7, 1.0])
        box = np.full((1, 1), 100.0)
        for _ in range(4):
            node = tuple(
                tuple(
                    Region(
                        generator.choice([Knowledge.positive, Knowledge.negative]),
                        edges[[part, part + 1]],
                        -box,
                        box,
                    )
                    for part in range(3)
                )
                for _ in range(system.controls)
            )
            q = generator.normal(size=system.rates.size)
            point = support_point(system, node, q)
            size = np.linalg.norm(system.start) + np.linalg.norm(point.end)
            # A support function is positively homogeneous: D(q) = q·∇D(q).
            assert abs(q @ point.end - point.value) <= 1e-12 * np.linalg.norm(q) * size
            twice = support_point(system, node, 2.0 * q)
            assert twice.value == pytest.approx(2.0 * point.value, abs=1e-12 * size)
            if point.zero_strengths.max(initial=0.0) > 30.0:
                continue  # near a kink
            step = 1e-5 * np.linalg.norm(q)
            for axis in np.eye(q.size):
                ahead = support_point(system, node, q + step * axis).value
                behind = support_point(system, node, q - step * axis).value
                difference = (ahead - behind) / (2 * step)
                assert abs(difference - axis @ point.end) <= 1e-7 * size
            checked += 1
            switched += point.zero_strengths.size > 0
    assert checked >= 10
    assert switched >= 1 or shape[0] == 1


@pytest.mark.parametrize("sign", [1.0, -1.0])
@pytest.mark.parametrize("knowledge", [Knowledge.positive, Knowledge.negative])
def test_a_costate_that_does_not_see_the_point_at_the_horizon(sign, knowledge):
    # σ(T) = 0 exactly, and of one sign before: the value is continuous in q there.
    rates, rows = np.array([1.0, 2.0]), np.array([[1.0, 1.0]])
    residual = -5.0 if knowledge is Knowledge.positive else 5.0
    system = ResidualSystem(
        rates,
        rows,
        np.array([residual]),
        np.array([1.0, 0.5]),
        np.zeros(2),
        1.0,
        np.zeros(1, dtype=int),
        decomposition(rates, rows),
    )
    box = (0.0, 10.0) if knowledge is Knowledge.positive else (-10.0, 0.0)
    region = Region(knowledge, np.array([0.0, 1.0]), np.array([[box[0]]]), np.array([[box[1]]]))
    q = sign * np.array([1.0, -1.0])
    values = [
        support_point(system, ((region,),), q + shift).value
        for shift in (np.zeros(2), np.array([1e-13, 0.0]), np.array([0.0, 1e-13]))
    ]
    np.testing.assert_allclose(values, values[0], rtol=0, atol=1e-11)


def test_a_costate_that_one_of_two_points_never_sees():
    # A repeated rate and orthogonal rows: σ of the first is zero throughout, to rounding. Between
    # any two samples a zero could hide, and the search for it has to end.
    rates, rows = np.array([2.0, 2.0]), np.array([[1.0, 1.0], [1.0, -1.0]])
    system = ResidualSystem(
        rates, rows, np.array([3.0, -2.0]), np.array([2.0, -2.0]), np.zeros(2), 0.5, np.arange(2),
        decomposition(rates, rows),
    )  # fmt: skip
    box = np.full((1, 1), 10.0)
    edges = np.array([0.0, system.span])
    node = ((Region(Knowledge.negative, edges, -box, box),),
            (Region(Knowledge.positive, edges, -box, box),))  # fmt: skip
    for tilt in (0.0, 1e-17, -1e-17):
        q = np.array([1.0 + tilt, -1.0]) * 0.3
        point = support_point(system, node, q)
        exact = ExactFlow(system).support(pairs(point.controls()), q)
        assert point.value <= exact
        assert float(exact) - point.value <= 1e-5


@pytest.mark.parametrize("seed", range(3))
def test_rounding_is_on_the_safe_side_of_stiff_and_long_flows(seed):
    # Rates from 1e-3 to 1e6 over many of the slowest time constants: the value against fifty
    # digits, at the schedule that attains it, for which the two differ by rounding alone.
    generator = np.random.default_rng(seed)
    rates = np.array([1e-3, 1.0, 1e3, 1e6])[: 3 + seed % 2]
    rows = (np.sqrt(rates) * generator.normal(size=rates.size))[None]
    system = ResidualSystem(
        rates,
        rows,
        np.array([3.0]),
        generator.normal(size=rates.size),
        np.zeros(rates.size),
        span=(3e-3, 10.0, 3e3)[seed],
        control=np.zeros(1, dtype=int),
        decompose=accurate_decomposition(rates, rows),
    )
    exact = ExactFlow(system)
    # Signs are taken as known, whether or not: then the value is that of the schedule that the
    # dual suggests where the residual of its trajectory has that sign.
    for number in range(8):
        knowledge = (Knowledge.positive, Knowledge.negative)[number % 2]
        region = Region(
            knowledge, np.array([0.0, system.span]), np.array([[-1e3]]), np.array([[1e3]])
        )
        point = support_point(system, ((region,),), generator.normal(size=rates.size))
        controls = pairs(point.controls())
        with mp.workdps(50):
            value = exact.support(controls, point.costate)
        scale = np.linalg.norm(point.costate) * np.linalg.norm(system.start)
        assert abs(float(value) - point.value) <= 1e-10 * max(scale, abs(float(value)))
        assert point.value <= value + 1e-15 * abs(value)


# ------------------------------------------------------------------ range of residuals
def assert_inside(system, found, times, visited, keep=slice(None)):
    """Every residual and every rate in its bounds, at the times and throughout the cells."""
    parts = (times.size - 1) // (found.times.size - 1)
    values = residuals_of(system, visited)[keep]
    rates = (visited * system.rates @ system.rows.T)[keep]
    slack = 1e-13 * (np.abs(values).max() + np.abs(rates).max())
    bounds = (
        (values, found.low, found.high, found.cell_low, found.cell_high),
        (
            rates,
            found.rate_low,
            found.rate_high,
            found.cell_rate_low,
            found.cell_rate_high,
        ),
    )
    for seen, low, high, cell_low, cell_high in bounds:
        assert np.all(seen[:, ::parts] >= low - slack)
        assert np.all(seen[:, ::parts] <= high + slack)
        for part in range(parts + 1):
            within = seen[:, part : part + parts * (found.times.size - 1) : parts]
            within = within[:, : found.times.size - 1]
            assert np.all(within >= cell_low - slack)
            assert np.all(within <= cell_high + slack)


@pytest.mark.parametrize("shape", SHAPES)
def test_residuals_stay_in_their_range(shape):
    for seed in SEEDS:
        system = random_system(shape, seed)
        assert_inside(system, range_of(shape, seed), *trajectories(shape, seed))


@pytest.mark.parametrize("shape", SHAPES)
def test_the_range_is_not_much_wider_than_what_is_reached(shape):
    wider = []
    for seed in SEEDS:
        system, found = random_system(shape, seed), range_of(shape, seed)
        times, visited = trajectories(shape, seed)
        values = residuals_of(system, visited)[:, :: (times.size - 1) // (found.times.size - 1)]
        reached = values.max(axis=0) - values.min(axis=0)
        wider.append(np.mean(found.high - found.low) / np.mean(reached))
    assert np.median(wider) < (1.6 if shape[1] == 1 else 4.0)


@pytest.mark.parametrize("shape", SHAPES)
def test_ranges_of_the_better_schedules_are_narrower_and_hold(shape):
    narrowed = []
    for seed in SEEDS:
        system, found = random_system(shape, seed), range_of(shape, seed)
        finder = RangeFinder(system, time_grid(system))
        times, visited = trajectories(shape, seed)
        ends = visited[:, -1] - system.goal
        node = root_node(found, system.control)
        for start in (ends[np.argmin(np.sum(ends**2, axis=1))], np.eye(system.rates.size)[0]):
            normal = start / np.linalg.norm(start)
            along = ends @ normal
            least = support_point(system, node, normal).value
            # So that a twentieth of the schedules are good enough.
            radius = float(np.quantile(along, 0.05))
            if radius <= 0.0:
                normal, along, least = -normal, -along, support_point(system, node, -normal).value
                radius = float(np.quantile(along, 0.05))
            if radius <= 0.0:
                continue
            tight = finder.tighten(found, normal, radius, radius - least)
            keep = along <= radius
            assert keep.sum() >= 15
            assert_inside(system, tight, times, visited, keep)
            narrowed.append(np.sum(tight.high - tight.low) / np.sum(found.high - found.low))
    assert max(narrowed) <= 1.0
    assert min(narrowed) < 0.9
    assert np.median(narrowed) < 0.99


# ------------------------------------------------------------------------------- nodes
def fits(region, times, values):
    """Whether trajectories (m, N+1) of one residual agree with what a region says: (m,)."""
    tolerance = 1e-11 * times[-1]
    inside = (times >= region.left - tolerance) & (times <= region.right + tolerance)
    seen = values[:, inside]
    if region.knowledge is Knowledge.positive:
        return np.all(seen >= 0.0, axis=1)
    if region.knowledge is Knowledge.negative:
        return np.all(seen <= 0.0, axis=1)
    if region.knowledge is Knowledge.unknown:
        return np.ones(len(values), dtype=bool)
    if region.knowledge is Knowledge.vanishing:
        return (seen.min(axis=1) <= 0.0) & (seen.max(axis=1) >= 0.0)
    raise AssertionError(region.knowledge)


def assert_in_box(region, times, values):
    """Trajectories that fit a region keep to the bounds that it gives."""
    slack = 1e-12 * (1.0 + np.abs(values).max())
    edges = zip(
        region.edges[:-1], region.edges[1:], region.low[:, 0], region.high[:, 0], strict=True
    )
    for left, right, low, high in edges:
        inside = (times >= left) & (times <= right)
        assert np.all(values[:, inside] >= low - slack)
        assert np.all(values[:, inside] <= high + slack)


def test_a_zero_says_nothing_of_what_a_fast_feedback_hides_before_it():
    # e^{‖b‖²h} is out of range: so is the bound, without a warning.
    system, found = random_system((1, 1, "one"), 2), range_of((1, 1, "one"), 2)
    edges = np.array([0.0, system.span])
    region = Region(Knowledge.unknown, edges, np.array([[-2.0]]), np.array([[3.0]]))
    for feedback in (1e3, 1e6, 1e300):
        vanishing = region.vanishing(found, 0, feedback / system.span)
        assert vanishing.knowledge is Knowledge.vanishing
        assert (vanishing.low.item(), vanishing.high.item()) == (-2.0, 3.0)


@pytest.mark.parametrize("shape", [(2, 1, "one"), (5, 1, "one"), (3, 2, "each")])
def test_nodes_bound_what_fits_them_and_their_branches_leave_nothing_out(shape):
    bounded = 0
    kinds = set()
    for seed in SEEDS:
        system = random_system(shape, seed)
        finder = RangeFinder(system, time_grid(system))
        times, visited = trajectories(shape, seed)
        costs = 0.5 * np.sum((visited[:, -1] - system.goal) ** 2, axis=1)
        values = residuals_of(system, visited)
        generator = np.random.default_rng(seed)
        for _ in range(4):
            found = range_of(shape, seed)
            node = root_node(found, system.control)
            alive = np.ones(len(costs), dtype=bool)
            for _ in range(3):
                open_regions = [
                    (control, index)
                    for control, regions in enumerate(node)
                    for index, region in enumerate(regions)
                    if not region.signed and len(region.low) > 1
                ]
                if not open_regions:
                    break
                control, index = open_regions[generator.integers(len(open_regions))]
                region = node[control][index]
                mine = values[alive][:, :, control]
                kinds.add(region.knowledge)
                before = node[control][index - 1].knowledge if index > 0 else None
                children = alternatives(region, before, control, found, system)
                fitting = [
                    np.all([fits(piece, times, mine) for piece in pieces], axis=0)
                    for pieces in children
                ]
                assert np.all(np.any(fitting, axis=0))
                for pieces, agree in zip(children, fitting, strict=True):
                    if agree.any():
                        for piece in pieces:
                            assert_in_box(piece, times, mine[agree])
                # On with a child that some trajectories fit.
                chosen = generator.choice([i for i, agree in enumerate(fitting) if agree.any()])
                alive[np.flatnonzero(alive)[~fitting[chosen]]] = False
                node = list(node)
                node[control] = replaced(node[control], index, children[chosen])
                node = tuple(node)
                # The range on the child holds for what fits it, and so does the node made of it.
                for piece in children[chosen]:
                    cells = zip(
                        piece.edges[:-1], piece.edges[1:], piece.low, piece.high, strict=True
                    )
                    for left, right, low, high in cells:
                        found = found.restricted(left, right, control, low[0], high[0])
                found = finder.find(found, 2)
                assert not found.empty()
                assert_inside(system, found, times, visited, alive)
                node = refreshed(node, found)
                for regions, each in zip(node, np.moveaxis(values[alive], 2, 0), strict=True):
                    for region in regions:
                        assert np.all(fits(region, times, each))
                        assert_in_box(region, times, each)
                best = int(np.flatnonzero(alive)[np.argmin(costs[alive])])
                q = visited[best, -1] - system.goal
                point, _ = maximise(partial(support_point, system, node), q, np.inf, 2)
                assert point.bound <= costs[best] * (1 + 1e-13)
                ends = (visited[alive][:, -1] - system.goal) @ point.costate
                assert point.value <= ends.min() + 1e-13 * np.abs(ends).max()
                bounded += 1
    assert bounded >= 12
    assert kinds == {Knowledge.unknown, Knowledge.vanishing}


# --------------------------------------------------------------------------- switching
CONTROLS = {
    "one": (BangBangControl(1, (0.07, 0.2, 0.41)),),
    "each": (BangBangControl(1, (0.07, 0.2)), BangBangControl(0, (0.11, 0.2, 0.5))),
}


def with_switches(controls, switches):
    """(initial, switches) of every control, the switches replaced one after the other."""
    out, position = [], 0
    for control in controls:
        count = len(control.switches)
        out.append((control.initial, list(switches[position : position + count])))
        position += count
    return out


def exact_derivatives(system, controls):
    """Gradient and Hessian of the cost in the switch times, by differences in fifty digits."""
    exact = ExactFlow(system)
    with mp.workdps(50):
        switches = [mp.mpf(t) for control in controls for t in control.switches]
        count, step = len(switches), mp.mpf(10) ** -12

        def value(*moves):
            moved = list(switches)
            for index, size in moves:
                moved[index] += size
            return exact.cost(with_switches(controls, moved))

        gradient = [(value((i, step)) - value((i, -step))) / (2 * step) for i in range(count)]
        hessian = np.empty((count, count))
        for i in range(count):
            for j in range(i + 1):
                corners = (
                    value((i, step), (j, step))
                    - value((i, step), (j, -step))
                    - value((i, -step), (j, step))
                    + value((i, -step), (j, -step))
                )
                hessian[i, j] = hessian[j, i] = float(corners / (4 * step**2))
        return float(value()), np.array(gradient, dtype=float), hessian


@pytest.mark.parametrize("shape", [(1, 1, "one"), (5, 1, "one"), (3, 2, "one"), (3, 2, "each")])
def test_derivatives_in_switch_times_are_differences(shape):
    system, controls = random_system(shape, 1), CONTROLS[shape[2]]
    value, gradient, hessian = cost_and_derivatives(system, controls)
    expected, by_difference, second = exact_derivatives(system, controls)
    assert value == pytest.approx(expected, rel=1e-13)
    assert cost(system, controls) == pytest.approx(expected, rel=1e-13)
    size = np.abs(by_difference).max()
    np.testing.assert_allclose(gradient, by_difference, rtol=1e-10, atol=1e-10 * size)
    if shape[2] == "each":
        # The second switches coincide: mixed derivatives of the two are one-sided.
        mixed = [(1, 3), (3, 1), (1, 1), (3, 3)]
        for place in mixed:
            second[place] = hessian[place]
    np.testing.assert_allclose(hessian, second, rtol=1e-8, atol=1e-8 * np.abs(second).max())


def test_second_derivatives_where_switches_of_two_controls_nearly_coincide():
    system = random_system((3, 2, "each"), 1)
    for shift in (-1e-6, 1e-6):
        controls = (BangBangControl(1, (0.07, 0.2 + shift)), CONTROLS["each"][1])
        _, _, hessian = cost_and_derivatives(system, controls)
        _, _, second = exact_derivatives(system, controls)
        np.testing.assert_allclose(hessian, second, rtol=1e-8, atol=1e-8 * np.abs(second).max())


@pytest.mark.parametrize("shape", SHAPES)
def test_polishing_comes_to_rest_at_a_stationary_point(shape):
    rests = 0
    for seed in SEEDS:
        system = random_system(shape, seed)
        for first in (0.2, 0.6):
            begin = tuple(
                BangBangControl(initial, (first * system.span, 0.8 * system.span))
                for initial in range(system.controls)
            )
            value, controls = polish(system, begin)
            assert value <= cost(system, begin)
            assert value == pytest.approx(float(ExactFlow(system).cost(pairs(controls))), rel=1e-11)
            miss = final_deviation(system, controls)
            for control in controls:
                switches = np.array(control.switches)
                assert np.all(np.diff(switches) > 0)
                assert np.all((switches > 0) & (switches < system.span))
            count = sum(len(control.switches) for control in controls)
            if count == 0 or value < 1e-20:
                continue
            _, gradient, _ = exact_derivatives(system, controls)
            jumps = np.concatenate(
                [
                    np.abs(system.residuals(states(system, controls, np.array([time]))[0]))
                    for control in controls
                    for time in control.switches
                ]
            ).max()
            scale = np.linalg.norm(miss) * np.linalg.norm(system.rows) * jumps
            assert np.abs(gradient).max() <= 1e-10 * max(scale, 1e-3 * value)
            rests += 1
    assert rests >= 1


# -------------------------------------------------------------------- the whole search
@pytest.mark.parametrize("shape", [(1, 1, "one"), (2, 1, "one"), (5, 1, "one"), (3, 2, "each")])
def test_the_certificate_is_exact_on_small_systems(shape):
    for seed in SEEDS if shape[2] == "one" else (0,):
        system = random_system(shape, seed)
        found = certified_optimum(system, max_nodes=60 if shape[2] == "one" else 3)
        exact = float(ExactFlow(system).cost(pairs(found.controls)))
        if found.cost <= found.resolution:
            assert exact <= 10 * found.resolution
            continue
        assert found.cost == pytest.approx(exact, rel=1e-11)
        if system.controls == 1:
            assert found.finished
            assert found.lower_bound >= (1 - 1e-6) * found.cost
        _, visited = trajectories(shape, seed)
        costs = 0.5 * np.sum((visited[:, -1] - system.goal) ** 2, axis=1)
        assert found.lower_bound <= costs.min() * (1 + 1e-13)
        bounds = [bound for _, _, bound in found.history]
        assert bounds == sorted(bounds)
        # The cost that is meant is no less than the first; the second no more than the one found.
        assert found.root_bound <= found.lower_bound + found.cost_error


def test_controls_that_neither_share_nor_separate_are_refused():
    system = random_system((3, 2, "one"), 0)
    with pytest.raises(ValueError, match="control: expected all 0"):
        dataclasses.replace(system, control=np.array([1, 0]))
