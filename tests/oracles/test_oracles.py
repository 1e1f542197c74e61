"""The oracles against one another: two ways to each number, to thirty digits."""

from itertools import pairwise

import numpy as np
import pytest
from mpmath import mp, mpf

from . import control, flow, problems, ramp, response, sensitivity
from .arithmetic import (
    DIGITS,
    NormalEquations,
    combine,
    regression,
    spectrum,
    stationary,
    to_float64,
    vector,
)

each_problem = pytest.mark.parametrize("data", problems.ALL.values(), ids=problems.ALL)
each_regular = pytest.mark.parametrize("data", problems.REGULAR.values(), ids=problems.REGULAR)
BREAKPOINTS, VALUES = [0.125, 0.125, 0.35], [1.0, 0.3, 0.0, 0.7]


def assert_same(actual, expected, digits=30):
    """Largest difference over largest entry, of nested lists of multiple-precision numbers."""
    with mp.workdps(DIGITS):
        actual, expected = _flat(actual), _flat(expected)
        assert len(actual) == len(expected)
        size = max(abs(entry) for entry in expected)
        error = max(abs(a - b) for a, b in zip(actual, expected, strict=True))
        assert error <= mpf(10) ** -digits * size, mp.nstr(error / size if size else error, 5)


def _flat(nested):
    if isinstance(nested, list | tuple):
        return [number for item in nested for number in _flat(item)]
    return [nested]


def arguments(data, ridge=0.0):
    return data.X, data.y, data.deleted, ridge, data.theta0


# ------------------------------------------------------------------------------------ flow


@each_problem
@pytest.mark.parametrize("ridge", [0.0, 0.5])
def test_flow_by_spectra_is_flow_by_matrix_exponential(data, ridge):
    times = [1.0, 0.0, 0.125, 0.2]
    problem = (*arguments(data, ridge), BREAKPOINTS, VALUES, times)
    assert_same(flow.flow_digits(*problem), flow.flow_by_exponential_digits(*problem))
    np.testing.assert_array_equal(flow.flow(*problem)[1], data.theta0)


@pytest.mark.parametrize("data", [problems.well_conditioned(d=3), problems.ill_conditioned(d=3)])
def test_flow_is_the_matrix_exponential_when_stiff(data):
    largest = np.linalg.norm(data.X, 2) ** 2
    problem = (*arguments(data), [10 / largest], [1.0, 0.0], [1e4 / largest])
    assert_same(flow.flow_digits(*problem), flow.flow_by_exponential_digits(*problem))


def test_flow_solves_the_differential_equation():
    data = problems.well_conditioned(d=2, n=6, seed=3)
    actual = flow.flow_digits(*arguments(data), [], [0.25], [0.2])
    assert_same(actual, [_by_odefun(data, lambda t: mpf(1) / 4, mpf(0.2))])


def _by_odefun(data, weight, time):
    with mp.workdps(40):
        halves = regression(data.X, data.y, data.deleted)

        def velocity(t, theta):
            kept, deleted = halves.kept.gradient(theta), halves.deleted.gradient(theta)
            return [-a - weight(t) * b for a, b in zip(kept, deleted, strict=True)]

        return list(mp.odefun(velocity, 0, vector(data.theta0))(time))


@each_problem
@pytest.mark.parametrize("stiffness", [1.0, 1e4, 1e10])
def test_fifty_digits_are_enough(data, stiffness):
    """λ_max T up to 1e10: ninety digits say the same."""
    horizon = stiffness / np.linalg.norm(data.X, 2) ** 2
    problem = (*arguments(data), [0.5 * horizon], [1.0, 0.0], [horizon])
    with mp.workdps(90):
        longer = flow.flow_digits.__wrapped__(*problem)
    assert_same(flow.flow_digits(*problem), longer)


@pytest.mark.parametrize(
    ("data", "stiffness"),
    [
        (problems.well_conditioned(), 50.0),
        (problems.ill_conditioned(), 1e4),
        (problems.ill_conditioned(), 1e10),
        (problems.underdetermined(), 1e2),
    ],
)
def test_seventy_digits_are_enough_for_differences(data, stiffness):
    horizon = stiffness / np.linalg.norm(data.X, 2) ** 2
    problem = (*arguments(data), [0.2 * horizon], [0.6, 0.0], horizon)
    with mp.workdps(120):
        longer = control.value_gradient_digits.__wrapped__(*problem)
    for a, b in zip(control.value_gradient_digits(*problem), longer, strict=True):
        assert_same([a], [b], 20)


def test_flow_is_the_scalar_solution_in_each_coordinate():
    eigenvalues = [2.0**34, 2.0**34, 1.0, 2.0**-34]
    data = problems.repeated_eigenvalues(eigenvalues=eigenvalues)
    time = 2.0  # λ_max t = 3.4e10
    actual = flow.flow_digits(*arguments(data), [], [0.0], [time])[0]
    with mp.workdps(DIGITS):
        expected = []
        for rate, y, start in zip(eigenvalues, data.y[1:], data.theta0, strict=True):
            goal = mpf(y) / mp.sqrt(rate)
            expected.append(goal + mp.exp(-mpf(rate) * time) * (start - goal))
    for a, b in zip(actual, expected, strict=True):
        assert_same([a], [b])


def test_flow_freezes_the_coordinate_without_data():
    data = problems.identity_design(d=3, deleted=[1])
    with mp.workdps(DIGITS):
        reached, frozen = (-mp.expm1(-mpf(t)) for t in (1e6, 0.5))
    actual = flow.flow_digits(*arguments(data), [0.5], [1.0, 0.0], [1e6])[0]
    assert_same(actual, [reached, frozen, reached])


@each_problem
def test_flow_ends_at_the_fit(data):
    for epsilon in (0, 1):
        slowest = min(
            (abs(v) for v in np.linalg.eigvalsh(_gram(data, epsilon)) if abs(v) > 1e-11), default=1
        )
        actual = flow.flow_digits(*arguments(data), [], [epsilon], [1000 / slowest])[0]
        fit = response.fit_digits(*arguments(data)[:4], epsilon, data.theta0)
        assert_same(actual, fit)


def _gram(data, epsilon):
    weights = np.ones(len(data.y))
    weights[data.deleted] = epsilon
    return (data.X.T * weights) @ data.X


def test_the_kernel_is_not_guessed():
    with mp.workdps(DIGITS):
        diagonal = [[mpf(1), mpf(0)], [mpf(0), mpf(10) ** -40]]
        with pytest.raises(ArithmeticError, match="cannot be told from zero"):
            spectrum(NormalEquations(diagonal, [mpf(0), mpf(0)]))


def test_schedules_out_of_order_are_refused():
    data = problems.well_conditioned()
    with pytest.raises(ValueError, match="ascending"):
        flow.flow(*arguments(data), [0.2, 0.1], [1.0, 0.0, 1.0], [1.0])
    with pytest.raises(ValueError, match="one entry more"):
        flow.flow(*arguments(data), [0.2, 0.3], [1.0, 0.0], [1.0])


# ------------------------------------------------------------------------------------ ramps


def test_ramp_solves_the_differential_equation():
    data = problems.well_conditioned(d=2, n=6, seed=3)
    for power, time in ((1, 0.25), (2, 0.25), (0.5, 0.125)):
        actual = ramp.ramp_flow_digits(*arguments(data), 0.0, 0.25, power, [time])
        expected = _by_odefun(data, lambda t, p=power: (1 - 4 * t) ** p, mpf(time))
        assert_same(actual, [expected])


@pytest.mark.parametrize("power", [0.5, 1, 2.5, 3])
def test_ramp_in_one_dimension_is_an_integral(power):
    data = problems.well_conditioned(d=1, n=6, seed=2)
    start, stop, end = 0.25, 1.5, 2.0
    actual = ramp.ramp_flow_digits(*arguments(data), start, stop, power, [end])[0]
    with mp.workdps(DIGITS):
        halves = regression(data.X, data.y, data.deleted)
        (m,), (g,) = halves.kept.gram[0], halves.deleted.gram[0]
        (c,), (k,) = halves.kept.moment, halves.deleted.moment
        length = mpf(stop) - mpf(start)

        def weight(t):
            inside = (max(stop - t, 0) / length) ** power
            return mpf(1) if t <= start else inside

        def decline(t):  # ∫ ε from t to the end
            inside = length / (power + 1) * (max(stop - t, 0) / length) ** (power + 1)
            return length / (power + 1) + start - t if t <= start else inside

        def kernel(t):
            return mp.exp(-m * (end - t) - g * decline(t))

        forced = mp.quad(lambda t: kernel(t) * (c + weight(t) * k), [0, start, stop, end])
        expected = kernel(mpf(0)) * mpf(data.theta0[0]) + forced
    assert_same(actual, [expected])


@each_problem
def test_ramp_is_continuous_in_the_power(data):
    """Integer powers go through Taylor polynomials, others through a singular expansion."""
    with mp.workdps(DIGITS):
        near = 2 + mpf(10) ** -40
    times = [0.5, 0.0, 0.2, 1.0, 0.49]
    integer = ramp.ramp_flow_digits(*arguments(data), 0.1, 0.5, 2, times)
    assert_same(ramp.ramp_flow_digits(*arguments(data), 0.1, 0.5, near, times), integer)


def test_ramp_without_length_is_a_step():
    data = problems.well_conditioned()
    step = flow.flow_digits(*arguments(data), [0.3], [1.0, 0.0], [0.2, 0.3, 0.9])
    steep = ramp.ramp_flow_digits(*arguments(data), 0.3, 0.3, 1, [0.2, 0.3, 0.9])
    assert_same(steep, step)


# --------------------------------------------------------------------------------- response


@each_regular
@pytest.mark.parametrize("ridge", [0.0, 0.5])
def test_response_derivatives_are_differences(data, ridge):
    problem = arguments(data, ridge)[:4]
    with mp.workdps(DIGITS):
        h = mpf(10) ** -12
        epsilons = [mpf(e) + k * h for e in (0.5, 1.0) for k in (-2, -1, 0, 1, 2)]
        theta, velocity, acceleration = response.response_digits(*problem, epsilons)

        def slopes(values):
            return [
                (8 * (d - b) - (e - a)) / (12 * h)
                for a, b, d, e in zip(*(values[k] for k in (0, 1, 3, 4)), strict=True)
            ]

        for centre in (0, 5):
            here = slice(centre, centre + 5)
            # 50 digits, less 12 for the step and up to 10 for the condition number.
            assert_same(slopes(theta[here]), velocity[centre + 2], 24)
            assert_same(slopes(velocity[here]), acceleration[centre + 2], 24)


@each_regular
def test_elimination_is_the_limit_in_the_eigenbasis(data):
    with mp.workdps(DIGITS):
        basis = spectrum(regression(data.X, data.y, data.deleted).at(0))
        limit = stationary(basis, vector(data.theta0))
    assert_same(response.fit_digits(*arguments(data)[:4], 0), limit)
    fit = response.deleted_fit(*arguments(data)[:4])
    np.testing.assert_allclose(fit, to_float64(limit), rtol=3e-16)  # two ways to round a tie


def test_response_is_travelled_on_a_segment():
    """θ̇(1)/θ̇(0) = (1 − P)², with P the leverage of the point (theory §2)."""
    data = problems.well_conditioned()
    _, velocity, _ = response.response_digits(*arguments(data)[:4], [0.0, 1.0])
    with mp.workdps(DIGITS):
        full = regression(data.X, data.y, data.deleted).at(1).gram
        x = vector(data.X[0])
        leverage = mp.fdot(x, list(mp.lu_solve(mp.matrix(full), mp.matrix(x))))
        assert_same(velocity[1], [(1 - leverage) ** 2 * entry for entry in velocity[0]])


def test_singular_response_keeps_the_kernel_and_owns_up():
    data = problems.duplicated_columns_leaving_span()
    path = response.response(*arguments(data)[:4], [0.0, 0.5, 1.0], data.theta0)
    assert np.isnan(path.velocity[0]).all() and np.isnan(path.acceleration[0]).all()
    assert np.isfinite(path.velocity[1:]).all()
    ends = path.theta[0]
    np.testing.assert_allclose(
        ends[0] - ends[-1], data.theta0[0] - data.theta0[-1], rtol=1e-14, atol=0
    )
    np.testing.assert_allclose(_gram(data, 0) @ ends, data.X[1:].T @ data.y[1:], rtol=1e-12)

    data = problems.duplicated_columns()
    path = response.response(*arguments(data)[:4], [0.0, 0.5], data.theta0)
    assert np.isfinite(path.velocity).all()


# ---------------------------------------------------------------------------------- control


SCHEDULE = ([0.125, 0.35, 0.6], [1.0, 0.25, 0.75, 0.0])


@each_problem
def test_breakpoint_gradient_is_a_difference(data):
    problem = (*arguments(data), *SCHEDULE, 0.5)
    actual = control.breakpoint_gradient_digits(*problem)
    assert actual[2] == 0
    assert_same(actual, control.breakpoint_gradient_by_difference_digits(*problem))


@pytest.mark.parametrize(
    "data", [problems.well_conditioned(d=2, n=6), problems.underdetermined(d=3, n=3)]
)
def test_value_gradient_is_the_integral_of_the_switching_function(data):
    problem = (*arguments(data), *SCHEDULE, 0.5)
    actual = control.value_gradient_digits(*problem)
    assert actual[3] == 0
    assert_same(actual, control.value_gradient_by_quadrature_digits(*problem), 25)


def test_value_gradients_of_the_pieces_add_up():
    """Cutting a piece in two splits its gradient; an empty piece has none."""
    data = problems.group()
    whole = control.value_gradient_digits(*arguments(data), [0.2], [1.0, 0.0], 0.5)
    cut = control.value_gradient_digits(
        *arguments(data), [0.1, 0.1, 0.2], [1.0, 0.5, 1.0, 0.0], 0.5
    )
    assert cut[1] == 0
    with mp.workdps(DIGITS):
        assert_same([cut[0] + cut[2], cut[3]], whole)


def test_costate_is_the_gradient_in_the_state():
    """p(0) = ∂ℰ/∂θ₀, with the target held: ℰ is quadratic, so a plain difference is exact."""
    data = problems.well_conditioned(seed=5)
    X, y, deleted, ridge, theta0 = arguments(data)
    target = np.array([1.0, -2.0, 0.5, 3.0])
    actual = control.costate_digits(
        X, y, deleted, ridge, theta0, *SCHEDULE, 0.5, [0.0, 0.5], target
    )
    with mp.workdps(DIGITS):

        def at(index, shift):
            start = [mpf(v) + shift * (k == index) for k, v in enumerate(theta0)]
            return control.cost_digits(X, y, deleted, ridge, start, *SCHEDULE, 0.5, target)

        slopes = [(at(k, mpf(1)) - at(k, mpf(-1))) / 2 for k in range(4)]
        end = flow.flow_digits(X, y, deleted, ridge, theta0, *SCHEDULE, [0.5])[0]
        assert_same(actual, [slopes, combine(end, -1, vector(target))])


def test_switching_function_is_sigma_times_v():
    data = problems.well_conditioned(seed=7)
    times = [0.0, 0.2, 0.5]
    problem = (*arguments(data), *SCHEDULE)
    p = control.costate(*problem, 0.5, times)
    theta = flow.flow(*problem, times)
    x, y = data.X[0], data.y[0]
    np.testing.assert_allclose(
        control.switching_function(*problem, 0.5, times), (p @ x) * (theta @ x - y), rtol=1e-12
    )


def test_cost_of_the_identity_design():
    """H = Id: θ(T) is known, the other coordinates miss by e^{−T} whatever the schedule."""
    data = problems.identity_design(d=2)
    actual = control.cost_digits(*arguments(data), [0.5], [1.0, 0.0], 2.0)
    with mp.workdps(DIGITS):
        expected = (mp.expm1(mpf(-0.5)) ** 2 + mp.exp(-4)) / 2
    assert_same(actual, expected)


def test_best_step_of_the_isotropic_problem():
    """H = H₋ = Id up to scale: the derivative in τ vanishes at τ* (theory §4)."""
    generator = np.random.default_rng(1)
    kept = problems.hadamard(4)
    x, y = np.full(4, 1e-9), generator.normal(size=5)  # H₋ = 4 Id, and H as good as that
    data = problems.Data(np.vstack([x, kept]), y, [0], generator.normal(size=4))
    full, reduced = (f(*arguments(data)[:4]) for f in (response.full_fit, response.deleted_fit))
    delta = full - reduced
    theta0 = full - delta * np.exp(4 * 0.3)  # at four times the rate: τ* = log(...)/4 = 0.3
    slopes = [
        control.breakpoint_gradient(data.X, y, [0], 0.0, theta0, [tau], [1.0, 0.0], 1.0)[0]
        for tau in (0.2999, 0.3, 0.3001)
    ]
    assert slopes[0] * slopes[2] < 0
    assert abs(slopes[1]) < 1e-3 * abs(slopes[0])


@pytest.mark.parametrize("power", [1, 2, 1.5])
def test_ramp_gradient_is_the_slope_of_the_cost(power):
    data = problems.well_conditioned(d=2, n=6)
    parameters = np.array([0.1, 0.4, power])

    def at(shift):
        return control.ramp_cost(*arguments(data), *(parameters + shift), 0.6)

    h = 1e-4
    slopes = [
        (8 * (at(h * e) - at(-h * e)) - (at(2 * h * e) - at(-2 * h * e))) / (12 * h)
        for e in np.eye(3)
    ]
    actual = control.ramp_gradient(*arguments(data), *parameters, 0.6)
    np.testing.assert_allclose(actual, slopes, rtol=1e-9)


# ------------------------------------------------------------------------------ sensitivity


@each_problem
def test_sensitivity_is_the_variational_equation(data):
    points = [0, len(data.y) - 1]
    times = [0.0, 0.3, 5.0]
    problem = (data.X, data.y, 0.25, data.theta0, times, points)
    assert_same(
        sensitivity.sensitivity_digits(*problem),
        sensitivity.sensitivity_by_exponential_digits(*problem),
        25,
    )
    assert sensitivity.sensitivity(*problem).shape == (3, 2, len(data.theta0))


def test_sensitivity_is_a_flow_difference():
    data = problems.group()
    h = 1e-6
    above, below = (
        flow.flow_digits(data.X, data.y, [2], 0.0, data.theta0, [], [w], [0.1])[0]
        for w in (1 + h, 1 - h)
    )
    slope = (to_float64(above) - to_float64(below)) / (2 * h)
    actual = sensitivity.sensitivity(data.X, data.y, 0.0, data.theta0, [0.1])[0, 2]
    np.testing.assert_allclose(actual, slope, atol=1e-8 * np.abs(actual).max())


# --------------------------------------------------------------------------------- problems


@pytest.mark.parametrize("d", [2, 5, 10])
def test_condition_number_is_that_of_the_hessian(d):
    data = problems.ill_conditioned(d=d, n=30)
    assert np.linalg.cond(data.X) ** 2 == pytest.approx(1e10, rel=1e-4)
    assert 1e9 < np.linalg.cond(problems.badly_scaled(d=d, n=30).X) ** 2 < 1e12


@pytest.mark.parametrize(
    ("data", "values"),
    [
        (problems.repeated_eigenvalues(), [1, 1, 4, 4]),
        (problems.point_in_one_eigenspace(), [1, 1, 4, 4]),
        (problems.repeated_eigenvalues_rotated(), [4, 4, 16, 16]),
    ],
)
def test_eigenvalues_repeat_exactly(data, values):
    gram = _gram(data, 0)
    np.testing.assert_array_equal(gram, np.round(gram))
    with mp.workdps(DIGITS):
        exact = spectrum(regression(data.X, data.y, data.deleted).at(0)).values
        assert_same(sorted(exact), vector(values), 45)


def test_ranks_are_those_promised():
    def rank(data, epsilon):
        with mp.workdps(DIGITS):
            values = spectrum(regression(data.X, data.y, data.deleted).at(epsilon)).values
        return sum(value != 0 for value in values)

    ranks = {name: (rank(data, 1), rank(data, 0)) for name, data in problems.SINGULAR.items()}
    assert ranks == {
        "identity design": (4, 3),
        "underdetermined": (3, 2),
        "underdetermined, point in the span": (2, 2),
        "duplicated columns": (3, 3),
        "duplicated columns, point leaves the span": (4, 3),
        "group that takes the rank": (4, 3),
    }
    for data in problems.REGULAR.values():
        assert rank(data, 1) == rank(data, 0) == data.X.shape[1]


def test_problems_are_seeded_and_finite():
    for data in problems.ALL.values():
        n, d = data.X.shape
        assert data.y.shape == (n,) and data.theta0.shape == (d,)
        assert all(0 <= j < n for j in data.deleted)
        assert all(a < b for a, b in pairwise(data.deleted))
        assert all(np.isfinite(array).all() for array in (data.X, data.y, data.theta0))
    first, again, other = (problems.group(seed=s) for s in (4, 4, 5))
    np.testing.assert_array_equal(first.X, again.X)
    assert first.deleted == again.deleted
    assert not np.array_equal(first.X, other.X)
    assert len(problems.ALL["group larger than d"].deleted) > 4
