"""Schedules against their definitions written out in plain Python, quadrature and differences."""

from functools import partial

import equinox as eqx
import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.integrate import quad

from homotopy.schedules import (
    AbstractSchedule,
    BangBang,
    Constant,
    PiecewiseConstant,
    Polynomial,
    Ramp,
    Step,
)
from homotopy.schedules.reversed import Reversed

# Compiled once per family and number of pieces, not once per example.
value_at = jax.jit(lambda schedule, t: schedule(t))
piece_at = jax.jit(lambda schedule, index, t: schedule.piece(index, t))
integral = jax.jit(lambda schedule, a, b: schedule.integral(a, b))
gradient = jax.jit(jax.grad(lambda arguments: jnp.sum(arguments[0].integral(*arguments[1:]))))
piece_gradient = jax.jit(jax.grad(lambda schedule, index, t: schedule.piece(index, t)))

# Multiples of 1/64: exact in binary, and coinciding often.
time = st.integers(0, 640).map(lambda i: i / 64)
weight = st.floats(0, 1)
power = st.floats(0.25, 6)


def sorted_times(unique=False):
    return st.lists(time, max_size=3, unique=unique).map(sorted)


@st.composite
def schedules(draw, unique=False):
    """One schedule of any family, with the plain-Python function it should be."""
    family = draw(st.sampled_from(["constant", "step", "ramp", "polynomial", "values", "bang"]))
    if family == "constant":
        value = draw(weight)
        return Constant(value), lambda t: value
    if family == "step":
        switch = draw(time)
        return Step(switch), lambda t: 1.0 if t <= switch else 0.0
    if family in ("ramp", "polynomial"):
        start, stop = sorted(draw(st.lists(time, min_size=2, max_size=2, unique=unique)))
        exponent = 1.0 if family == "ramp" else draw(power)

        def decay(t):
            if t <= start:
                return 1.0
            return ((stop - t) / (stop - start)) ** exponent if t < stop else 0.0

        return (Ramp(start, stop) if family == "ramp" else Polynomial(start, stop, exponent)), decay
    times = draw(sorted_times(unique))
    if family == "values":
        values = draw(st.lists(weight, min_size=len(times) + 1, max_size=len(times) + 1))
        schedule = PiecewiseConstant(times, values)
    else:
        initial = draw(st.sampled_from([0, 1]))
        values = [initial if i % 2 == 0 else 1 - initial for i in range(len(times) + 1)]
        schedule = BangBang(times, initial)
    return schedule, lambda t: values[sum(b < t for b in times)]


def quadrature(function, breakpoints, a, b):
    """The integral piece by piece, so that quad sees smooth functions."""
    if b < a:
        return -quadrature(function, breakpoints, b, a)
    inner = [float(c) for c in breakpoints if a < c < b]
    total = 0.0
    for left, right in zip([a, *inner], [*inner, b], strict=True):
        if left < right:
            total += quad(function, left, right, epsabs=1e-12, epsrel=1e-12)[0]
    return total


def numbers_of(tree):
    return np.concatenate([np.ravel(leaf) for leaf in jax.tree.leaves(tree)])


def of_numbers(tree, numbers):
    """A tree of this shape that holds these numbers."""
    leaves, structure = jax.tree.flatten(tree)
    parts = np.split(numbers, np.cumsum([np.size(leaf) for leaf in leaves])[:-1])
    shaped = [part.reshape(np.shape(leaf)) for part, leaf in zip(parts, leaves, strict=True)]
    return jax.tree.unflatten(structure, shaped)


# Values ------------------------------------------------------------------------------------------


@given(schedules(), st.lists(st.floats(0, 12), min_size=3, max_size=3))
def test_values_are_those_of_the_definition_and_in_the_unit_interval(pair, extra):
    schedule, reference = pair
    times = np.array([*extra, *np.asarray(schedule.breakpoints)])
    values = np.asarray(value_at(schedule, times))
    np.testing.assert_allclose(values, [reference(t) for t in times], rtol=1e-13, atol=1e-15)
    assert np.all((values >= 0) & (values <= 1))


def test_values_have_the_shape_of_the_times():
    schedule = Ramp(0.5, 1.5)
    assert schedule(1).shape == ()
    np.testing.assert_array_equal(schedule(np.array([[0.5], [1.0]])), [[1.0], [0.5]])


@given(schedules())
def test_left_continuous_with_one_sided_limits_on_the_closed_pieces(pair):
    schedule, _ = pair
    breakpoints = np.asarray(schedule.breakpoints)
    # The steepest decay, u^(1/4) over one part in 64, moves by less than this in one rounding.
    close = {"rtol": 0, "atol": 2e-3}
    for b in breakpoints[breakpoints > 0]:
        before, here, after = value_at(schedule, np.array([np.nextafter(b, 0), b, b + 1e-14]))
        np.testing.assert_allclose(here, before, **close)
        ends_here, begins_here = np.sum(breakpoints < b), np.sum(breakpoints <= b)
        # Either is within half of this of the reference, as in the test before.
        np.testing.assert_allclose(piece_at(schedule, ends_here, b), here, rtol=2e-13, atol=2e-15)
        np.testing.assert_allclose(piece_at(schedule, begins_here, b), after, **close)


@given(schedules())
def test_description_of_the_pieces(pair):
    schedule, _ = pair
    edges = np.array([0.0, *np.asarray(schedule.breakpoints), 20.0])
    assert np.all(np.diff(edges) >= 0)
    assert len(schedule.constant_pieces) == len(schedule.piece_values) == edges.size - 1
    for index, constant in enumerate(schedule.constant_pieces):
        left, right = edges[index], edges[index + 1]
        if left < right:
            begin, end = (float(piece_at(schedule, np.asarray(index), t)) for t in (left, right))
            assert begin == schedule.piece_values[index]
            assert (begin == end) == constant


@pytest.mark.parametrize("schedule", [Step(0.5), BangBang([0.5, 1.0], 0)])
def test_values_of_switching_families_are_known_when_tracing(schedule):
    known = []

    @jax.jit
    def trace(schedule):
        known.append(schedule.piece_values)
        return schedule.breakpoints

    trace(schedule)
    assert isinstance(known[0], np.ndarray)


# Integrals ---------------------------------------------------------------------------------------


@given(schedules(), st.floats(0, 12), st.floats(0, 12))
def test_integral_equals_quadrature(pair, a, b):
    schedule, reference = pair
    expected = quadrature(reference, schedule.breakpoints, a, b)
    np.testing.assert_allclose(integral(schedule, a, b), expected, rtol=1e-11, atol=1e-11)


@given(schedules(unique=True), st.integers(0, 600), st.integers(1, 600))
@settings(max_examples=40)
def test_derivatives_of_the_integral_equal_central_differences(pair, a, length):
    schedule, _ = pair
    # Between the multiples of 1/64 on which the breakpoints lie, where the integral is smooth.
    a = (a + 0.5) / 64
    arguments = (schedule, jnp.asarray(a), jnp.asarray(a + length / 64))
    flat, step, differences = numbers_of(arguments), 1e-5, []
    for direction in np.eye(flat.size):
        after, before = (
            float(integral(*of_numbers(arguments, flat + s * direction))) for s in (step, -step)
        )
        differences.append((after - before) / (2 * step))
    derivatives = numbers_of(gradient(arguments))
    np.testing.assert_allclose(derivatives, differences, rtol=1e-6, atol=1e-7)


@given(schedules(), time, time)
def test_derivatives_in_the_limits_are_the_left_continuous_values(pair, a, b):
    schedule, reference = pair
    slopes = gradient((schedule, jnp.asarray(a), jnp.asarray(b)))[1:]
    np.testing.assert_allclose(slopes, [-reference(a), reference(b)], rtol=1e-12, atol=1e-14)


def test_switch_times_that_meet_have_the_derivative_of_those_about_to_meet():
    slopes = jax.jit(jax.grad(lambda switches: BangBang(switches, 1).integral(0.0, 4.0)))
    np.testing.assert_array_equal(slopes(jnp.array([1.0, 2.0, 2.0])), [1.0, -1.0, 1.0])


def test_integral_broadcasts_its_limits():
    schedule = Ramp(1.0, 2.0)

    def reference(t):
        return float(np.interp(t, [1.0, 2.0], [1.0, 0.0]))

    a, b = np.array([0.0, 0.5]), np.array([[1.0], [3.0], [0.25]])
    expected = [[quadrature(reference, [1.0, 2.0], s, t) for s in a] for t in b[:, 0]]
    np.testing.assert_allclose(integral(schedule, a[None], b), expected, rtol=1e-13)
    np.testing.assert_allclose(integral(schedule, 0.0, b), np.array(expected)[:, :1], rtol=1e-13)


@given(power, st.floats(1.1, 2.9), st.integers(1, 12))
def test_polynomial_integral_keeps_its_digits_over_short_intervals(exponent, a, digits):
    schedule, b = Polynomial(1.0, 3.0, exponent), a + 10.0**-digits
    with mpmath.workdps(50):
        q = mpmath.mpf(exponent) + 1
        u, v = ((3 - mpmath.mpf(t)) / 2 for t in (a, min(b, 3.0)))
        expected = float(2 / q * (u**q - v**q))
    np.testing.assert_allclose(integral(schedule, a, b), expected, rtol=1e-13)


class Chebyshev(AbstractSchedule):
    """(1 + T₃₁(t − 1))/2 up to the end of [0, 2], then 1: the highest degree that is exact."""

    end: jax.Array

    @property
    def breakpoints(self):
        return self.end[None]

    @property
    def constant_pieces(self):
        return (False, True)

    @property
    def piece_values(self):
        return np.array([0.0, 1.0])

    def piece(self, index, t):
        wave = (1 + jnp.cos(31 * jnp.arccos(jnp.clip(t - 1, -1, 1)))) / 2
        return jnp.where(index == 0, wave, 1.0)


def test_default_integral_is_exact_up_to_degree_31():
    polynomial = np.polynomial.Chebyshev([0.5] + 30 * [0] + [0.5], domain=[0, 2]).integ()
    schedule = Chebyshev(jnp.asarray(2.0))
    for a, b in [(0.0, 2.0), (0.125, 1.5), (1.0, 1.75)]:
        expected = polynomial(b) - polynomial(a)
        np.testing.assert_allclose(schedule.integral(a, b), expected, rtol=1e-12)
    whole = polynomial(2.0) - polynomial(0.0)
    np.testing.assert_allclose(schedule.integral(0.0, 3.0), whole + 1, rtol=1e-12)


# Special cases -----------------------------------------------------------------------------------


@given(time, time, st.lists(st.floats(0, 12), min_size=3, max_size=3))
def test_polynomial_of_power_one_is_the_ramp(start, stop, times):
    start, stop = sorted([start, stop])
    ramp, polynomial = Ramp(start, stop), Polynomial(start, stop, 1.0)
    times = jnp.array([*times, start, stop])

    def same(ours, theirs):
        np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=1e-12)

    same(value_at(polynomial, times), value_at(ramp, times))
    same(integral(polynomial, 0.5, times), integral(ramp, 0.5, times))
    begin = jnp.full_like(times, 0.5)
    pairs = [(gradient((polynomial, begin, times))[0], gradient((ramp, begin, times))[0])]
    pairs += [(piece_gradient(polynomial, 1, t), piece_gradient(ramp, 1, t)) for t in times[3:]]
    for ours, theirs in pairs:
        same([ours.start, ours.stop], [theirs.start, theirs.stop])


def ramp(start, stop, _):
    return Ramp(start, stop)


decays = pytest.mark.parametrize(
    ("decay", "exponent"), [(ramp, 1.0), (Polynomial, 0.5), (Polynomial, 3.0)]
)


@partial(jax.jit, static_argnums=0)
def measured(decay, exponent, times, switch, a):
    """Values, integrals, and their derivatives as both ends move together."""
    return [
        (
            construct(switch)(times),
            construct(switch).integral(a, times),
            jax.jacobian(lambda s, make=construct: make(s)(times))(switch),
            jax.jacobian(lambda s, make=construct: make(s).integral(a, times))(switch),
        )
        for construct in (lambda s: decay(s, s, exponent), Step)
    ]


@decays
@pytest.mark.parametrize("switch", [0.0, 1.5])
def test_decay_of_no_length_is_the_step(decay, exponent, switch):
    times = np.array([0.0, 0.5, 1.5, np.nextafter(1.5, 2), 2.0])
    for a in (0.0, 1.0, 1.5, 3.0):
        for ours, theirs in zip(*measured(decay, exponent, times, switch, a), strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=1e-14, atol=1e-14)


def by_midpoints(schedule):
    """What an integrator does that walks each closed piece in normalised time."""
    total = 0.0
    edges = jnp.concatenate([jnp.zeros(1), schedule.breakpoints, jnp.full(1, 4.0)])
    for index in range(3):
        left, right = edges[index], edges[index + 1]
        nodes = left + (right - left) * (jnp.arange(8) + 0.5) / 8
        total += (right - left) * jax.vmap(schedule.piece, (None, 0))(index, nodes).mean()
    return total


@partial(jax.jit, static_argnums=0)
def slopes_in_the_ends(decay, exponent, start, stop):
    """Of the integral over [0, 4], by midpoints and by itself."""
    return [
        jax.grad(lambda *ends, total=total: total(decay(*ends, exponent)), (0, 1))(start, stop)
        for total in (by_midpoints, lambda schedule: schedule.integral(0.0, 4.0))
    ]


@partial(jax.jit, static_argnums=0)
def slopes_of_a_piece(decay, exponent, index, *ends_and_time):
    return jax.grad(lambda a, b, t: decay(a, b, exponent).piece(index, t), (0, 1, 2))(
        *ends_and_time
    )


@decays
def test_decay_of_no_length_has_the_derivatives_of_a_short_one(decay, exponent):
    expected = [exponent / (exponent + 1), 1 / (exponent + 1)]
    for slopes in slopes_in_the_ends(decay, exponent, 1.5, 1.5):
        np.testing.assert_allclose(slopes, expected, rtol=1e-14)
    for index in range(3):
        for ends in [(1.5, 1.5, 1.5), (1.0, 1.5, 1.0), (1.0, 1.5, 1.5)]:
            assert np.all(np.isfinite(slopes_of_a_piece(decay, exponent, index, *ends)))


def test_rounding_just_outside_a_piece_stays_in_the_unit_interval():
    for schedule in (Ramp(1.0, 2.0), Polynomial(1.0, 2.0, 3.0)):
        assert piece_at(schedule, 1, 2.0 + 1e-14) == 0
        assert piece_at(schedule, 1, 1.0 - 1e-14) == 1


# Membership --------------------------------------------------------------------------------------


@given(schedules(), time, time)
def test_membership_agrees_with_the_definition_on_a_grid(pair, start, horizon):
    schedule, reference = pair
    start, horizon = sorted([start, horizon])
    # Odd multiples of 1/128 lie strictly inside the pieces, and inside every piece lies one.
    grid = (np.arange(1600) + 0.5) / 64
    wanted = all(
        (t >= start or reference(t) == 1) and (t <= horizon or reference(t) == 0) for t in grid
    )
    result = schedule.membership(start, horizon)
    assert bool(result) == result.admissible == wanted, result.reason


@pytest.mark.parametrize(
    ("schedule", "start", "horizon", "reason"),
    [
        (Constant(1.0), 1, 2, "ε must be 0 after 2, but it is 1 at t = 3"),
        (Step(0.5), 1, 2, "ε must be 1 on [0, 1], but it is 0 at t = 0.75"),
        (Step(2.5), 1, 2, "ε must be 0 after 2, but it is 1 at t = 2.25"),
        (Ramp(0.5, 1.5), 1, 2, "ε must be 1 on [0, 1], but it is 0.5 at t = 1"),
        (Ramp(1.0, 3.0), 1, 2, "ε must be 0 after 2, but it is 0.5 at t = 2"),
        (
            PiecewiseConstant([1, 2], [1, 0.25, 0]),
            1,
            1.5,
            "ε must be 0 after 1.5, but it is 0.25",
        ),
        (BangBang([1, 2], 0), 0.5, 2, "ε must be 1 on [0, 0.5], but it is 0 at t = 0.25"),
        (Step(1.0), 1, 2, "ε is 1 on [0, 1] and 0 after 2"),
        (Step(2.0), 1, 2, "ε is 1 on [0, 1] and 0 after 2"),
        (BangBang([0.0, 2.0], 0), 1, 2, "ε is 1 on [0, 1] and 0 after 2"),
        (PiecewiseConstant([1, 2], [1, 0.25, 0]), 1, 2, "ε is 1 on [0, 1] and 0 after 2"),
    ],
)
def test_membership_says_what_fails_where_and_what_was_found(schedule, start, horizon, reason):
    result = schedule.membership(start, horizon)
    assert reason in result.reason
    assert bool(result) == ("must" not in reason)


def test_membership_of_schedules_that_updates_have_spoilt():
    values = PiecewiseConstant([1.0, 2.0], [1.0, 0.5, 0.0])
    too_large = eqx.tree_at(lambda s: s.values, values, jnp.array([1.0, 1.5, 0.0]))
    assert too_large.membership(1, 2).reason == "ε must be in [0, 1], but it is 1.5 at t = 1.5"
    undefined = eqx.tree_at(lambda s: s.values, values, jnp.array([1.0, jnp.nan, 0.0]))
    assert undefined.membership(1, 2).reason == "ε must be in [0, 1], but it is nan at t = 1.5"
    descending = eqx.tree_at(lambda s: s.times, values, jnp.array([2.0, 1.0]))
    assert "ascend, but are [2. 1.]" in descending.membership(1, 2).reason


def test_membership_forgives_rounding_only():
    assert Step(0.3).membership(0.1 + 0.2, 1.0)
    assert not Step(0.3).membership(0.3 + 1e-12, 1.0)


@pytest.mark.parametrize(("start", "horizon"), [(2, 1), (-1, 1), (0, np.inf), (np.nan, 1)])
def test_membership_rejects_impossible_times(start, horizon):
    expected = "start.*horizon.* < inf, got start=|(start|horizon): expected a finite time >= 0"
    with pytest.raises(ValueError, match=expected):
        Step(1.0).membership(start, horizon)


# Transformations ---------------------------------------------------------------------------------

constructors = pytest.mark.parametrize(
    ("construct", "arguments"),
    [
        (Constant, (0.25,)),
        (Step, (0.75,)),
        (Ramp, (0.5, 1.5)),
        (Polynomial, (0.5, 1.5, 2.5)),
        (PiecewiseConstant, (np.array([0.5, 1.0]), np.array([1.0, 0.25, 0.0]))),
        (lambda switches: BangBang(switches, 1), (np.array([0.5, 1.0, 1.25]),)),
    ],
)


@constructors
def test_jit_vmap_and_grad_pass_through_constructors(construct, arguments):
    arguments = tuple(jnp.asarray(x) for x in arguments)

    def value_and_slopes(*arguments):
        everything = tuple(range(len(arguments)))
        return jax.value_and_grad(lambda *x: construct(*x).integral(0.1, 1.2), everything)(
            *arguments
        )

    def through_leaves(arguments):
        schedule, limits = construct(*arguments), (jnp.asarray(0.1), jnp.asarray(1.2))
        return integral(schedule, *limits), gradient((schedule, *limits))[0]

    def same(ours, theirs):
        np.testing.assert_allclose(numbers_of(ours), numbers_of(theirs), rtol=1e-13, atol=1e-15)

    other = tuple(0.9 * np.asarray(x) for x in arguments)
    same(jax.jit(value_and_slopes)(*arguments), through_leaves(arguments))
    both = jax.jit(jax.vmap(value_and_slopes))(
        *(np.stack(x) for x in zip(arguments, other, strict=True))
    )
    for index, separate in enumerate((arguments, other)):
        same(jax.tree.map(lambda x, i=index: np.asarray(x)[i], both), through_leaves(separate))


@constructors
def test_a_schedule_is_a_pytree_and_its_pieces_take_a_traced_index(construct, arguments):
    schedule = construct(*arguments)
    times = jnp.array([0.3, 0.75, 2.0])
    np.testing.assert_allclose(
        eqx.filter_jit(lambda s, t: s(t))(schedule, times), schedule(times), rtol=1e-14
    )
    pieces = jnp.arange(len(schedule.constant_pieces))
    at_left_ends = jnp.concatenate([jnp.zeros(1), schedule.breakpoints])
    left_values = jax.jit(jax.vmap(schedule.piece))(pieces, at_left_ends)
    np.testing.assert_allclose(left_values, schedule.piece_values, rtol=1e-14, atol=1e-15)


@pytest.mark.parametrize(
    ("construct", "arguments", "message"),
    [
        (Constant, (1.5,), r"value must lie in \[0, 1\]"),
        (Step, (-1.0,), "switch must be finite and non-negative"),
        (Ramp, (2.0, 1.0), "stop must not precede start"),
        (Polynomial, (0.0, 1.0, 0.0), "power must be finite and positive"),
        (lambda b: BangBang(b, 1), (np.array([2.0, 1.0]),), "switches must be in ascending order"),
    ],
)
def test_traced_arguments_are_checked_at_run_time(construct, arguments, message):
    with pytest.raises(eqx.EquinoxRuntimeError, match=message):
        eqx.filter_jit(construct)(*(jnp.asarray(x) for x in arguments))


# Bad input ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("construct", "message"),
    [
        (lambda: Constant(1.5), r"value must lie in \[0, 1\], got 1.5"),
        (lambda: Constant(-0.1), r"value must lie in \[0, 1\], got -0.1"),
        (lambda: Constant(np.nan), r"value must lie in \[0, 1\], got nan"),
        (
            lambda: Constant(np.ones(2)),
            r"value must be a real number, got an array of shape \(2",
        ),
        (lambda: Constant(1j), "value must be a real number, got 1j"),
        (lambda: Step(-1), "switch must be finite and non-negative, got -1"),
        (lambda: Step(np.inf), "switch must be finite and non-negative, got inf"),
        (lambda: Step(np.nan), "switch must be finite and non-negative, got nan"),
        (lambda: Step(np.ones(1)), "switch must be a real number, got an array of shape"),
        (lambda: Ramp(-1, 1), "start must be finite and non-negative, got -1"),
        (lambda: Ramp(0, np.inf), "stop must be finite and non-negative, got inf"),
        (lambda: Ramp(2, 1), "stop must not precede start, got start = 2 and stop = 1"),
        (lambda: Polynomial(2, 1, 1), "stop must not precede start, got start = 2 and stop = 1"),
        (lambda: Polynomial(0, 1, 0), "power must be finite and positive, got 0"),
        (lambda: Polynomial(0, 1, -2.0), r"power must be finite and positive, got -2."),
        (lambda: Polynomial(0, 1, np.inf), "power must be finite and positive, got inf"),
        (
            lambda: PiecewiseConstant([2, 1], [1, 0, 1]),
            r"times must be in ascending order, got \[2 1\]",
        ),
        (
            lambda: PiecewiseConstant([-1.0, 1], [1, 0, 1]),
            r"times must be finite and non-negative, got \[-1.  1.\]",
        ),
        (lambda: PiecewiseConstant([1], [1, 2]), r"values must lie in \[0, 1\], got \[1 2\]"),
        (
            lambda: PiecewiseConstant([1], [1]),
            "values must have one entry more than times, got 1 values and 1 times",
        ),
        (
            lambda: PiecewiseConstant(1.0, [1, 0]),
            r"times must be a one-dimensional array of real numbers, got an array of shape \(\)",
        ),
        (lambda: BangBang([2.0, 1.0], 1), "switches must be in ascending order"),
        (lambda: BangBang([np.nan], 1), "switches must be finite and non-negative"),
        (lambda: BangBang([1.0], 2), "initial must be 0 or 1, got 2"),
        (lambda: Step(1.0)(-0.5), "t must be finite and non-negative, got -0.5"),
        (lambda: Step(1.0)(np.array([0.5, np.nan])), "t: expected finite numbers, got NaN in"),
        (lambda: Step(1.0).integral(-1.0, 2.0), "a must be finite and non-negative, got -1"),
        (lambda: Step(1.0).integral(0.0, np.inf), "b: expected finite numbers, got inf"),
        (lambda: Step(1.0).plot(horizon=0.0), "horizon: expected a finite number > 0, got 0.0"),
    ],
)
def test_bad_input_is_named(construct, message):
    with pytest.raises(ValueError, match=message):
        construct()


# Presentation ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("schedule", "text"),
    [
        (Constant(0.5), "Constant(value=0.5)"),
        (Step(1), "Step(switch=1)"),
        (Ramp(0.1, 2), "Ramp(start=0.1, stop=2)"),
        (Polynomial(0, 2, 1 / 3), "Polynomial(start=0, stop=2, power=0.333333)"),
        (PiecewiseConstant([1], [1, 0.25]), "PiecewiseConstant(times=[1], values=[1, 0.25])"),
        (BangBang([1, 2.5], 0), "BangBang(switches=[1, 2.5], initial=0)"),
    ],
)
def test_repr(schedule, text):
    assert repr(schedule) == text


def test_repr_of_a_traced_schedule_shows_its_type():
    shown = []
    jax.jit(lambda switch: shown.append(repr(Step(switch))))(1.0)
    assert shown == ["Step(switch=f64[])"]


@pytest.fixture
def ax():
    import matplotlib.pyplot as plt

    figure, ax = plt.subplots()
    yield ax
    plt.close(figure)


def drawn(ax, style):
    return [line.get_xydata() for line in ax.lines if line.get_linestyle() == style]


def test_plot_of_switches_draws_levels_and_jumps(ax):
    schedule = BangBang([1.0, 2.0, 2.0, 4.0], 1)
    assert schedule.plot(ax, horizon=5.0) is ax
    np.testing.assert_array_equal(
        drawn(ax, "-"), [[(0, 1), (1, 1)], [(1, 0), (2, 0)], [(2, 0), (4, 0)], [(4, 1), (5, 1)]]
    )
    # The two switches at 2 cancel: no jump is drawn there.
    np.testing.assert_array_equal(drawn(ax, "--"), [[(1, 1), (1, 0)], [(4, 0), (4, 1)]])
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("time t", "weight ε(t)")
    assert len({line.get_color() for line in ax.lines}) == 1


def test_plot_of_a_decay_follows_it_to_the_default_horizon(ax):
    Polynomial(1.0, 2.0, 2.0).plot(ax)
    before, decay, after = drawn(ax, "-")
    np.testing.assert_array_equal(before, [(0, 1), (1, 1)])
    np.testing.assert_allclose(decay[:, 1], (2 - decay[:, 0]) ** 2, atol=1e-15)
    assert (decay[0, 0], decay[-1, 0]) == (1, 2)
    np.testing.assert_array_equal(after, [(2, 0), (2.5, 0)])
    assert drawn(ax, "--") == []


def test_plot_stops_at_the_horizon_and_makes_its_own_axes():
    import matplotlib.pyplot as plt

    ax = Ramp(1.0, 3.0).plot(horizon=2.0)
    assert drawn(ax, "-")[-1][-1].tolist() == [2.0, 0.5]
    plt.close(ax.figure)


@given(schedules())
@settings(max_examples=20)
def test_membership_of_the_undeleted_start_is_never_held_against_a_schedule(pair):
    # With s = 0 nothing is asked of [0, s], whatever the schedule begins with.
    schedule, reference = pair
    assume(reference(20.0) == 0)
    assert schedule.membership(0.0, 10.0)


# Run backwards -----------------------------------------------------------------------------------


@given(schedules(), st.integers(1, 640).map(lambda i: i / 64), st.floats(0, 1))
def test_reversed_schedule_is_the_mirror_image(pair, horizon, fraction):
    schedule, reference = pair
    backwards = Reversed(schedule, jnp.asarray(horizon))
    breakpoints = np.asarray(backwards.breakpoints)
    expected = [max(horizon - b, 0.0) for b in np.asarray(schedule.breakpoints)[::-1]]
    np.testing.assert_array_equal(breakpoints, expected)
    # Off the breakpoints, where the two are continuous from different sides.
    t = fraction * horizon
    assume(np.all(np.abs(breakpoints - t) > 1e-9))
    np.testing.assert_allclose(value_at(backwards, t), reference(horizon - t), rtol=1e-9, atol=1e-9)


@given(schedules(), st.integers(1, 640).map(lambda i: i / 64))
def test_pieces_of_a_reversed_schedule(pair, horizon):
    schedule, reference = pair
    backwards = Reversed(schedule, jnp.asarray(horizon))
    edges = np.array([0.0, *np.asarray(backwards.breakpoints), horizon])
    assert np.all(np.diff(edges) >= 0)
    assert backwards.constant_pieces == schedule.constant_pieces[::-1]
    values = np.asarray(backwards.piece_values)
    assert values.shape == (edges.size - 1,)
    for index in range(edges.size - 1):
        left, right = edges[index], edges[index + 1]
        if left < right:
            middle = (left + right) / 2
            ours = piece_at(backwards, np.asarray(index), middle)
            np.testing.assert_allclose(ours, reference(horizon - middle), rtol=1e-12, atol=1e-14)
            at_left = piece_at(backwards, np.asarray(index), left)
            np.testing.assert_allclose(values[index], at_left, rtol=1e-12, atol=1e-14)


@given(schedules(), st.integers(1, 640).map(lambda i: i / 64), st.floats(0, 1), st.floats(0, 1))
def test_integral_of_a_reversed_schedule(pair, horizon, a, b):
    schedule, reference = pair
    a, b = a * horizon, b * horizon
    backwards = Reversed(schedule, jnp.asarray(horizon))
    mirrored = quadrature(reference, schedule.breakpoints, horizon - b, horizon - a)
    np.testing.assert_allclose(integral(backwards, a, b), mirrored, rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize("exponent", [0.3, 2.5])
def test_integral_of_a_reversed_real_power_keeps_its_digits(exponent):
    backwards = Reversed(Polynomial(1.0, 3.0, exponent), jnp.asarray(4.0))
    with mpmath.workdps(50):
        q = mpmath.mpf(exponent) + 1
        # From before the decay has ended, and from its middle, to three quarters of it.
        expected = [float(2 / q * (mpmath.mpf(0.75) ** q - v**q)) for v in (0, mpmath.mpf(0.25))]
    np.testing.assert_allclose(backwards.integral(np.array([0.5, 1.5]), 2.5), expected, rtol=1e-13)


def test_a_switch_at_the_horizon_has_the_derivative_from_inside():
    def opening(switch, horizon):
        return Reversed(Step(switch), horizon).breakpoints[0]

    slopes_at = jax.jit(jax.grad(opening, (0, 1)))
    for switch, slopes in ((1.0, (-1, 1)), (2.0, (-1, 1)), (3.0, (0, 0))):
        assert slopes_at(switch, jnp.asarray(2.0)) == slopes
