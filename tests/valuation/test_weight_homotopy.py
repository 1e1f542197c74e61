"""Values from the homotopy in all weights, by integrals to thirty digits and by exact values."""

import jax.numpy as jnp
import mpmath as mp
import numpy as np
import pytest
from coalitions import instance, loss_game, semivalue, shapley_weights
from scipy import integrate, optimize, stats

import homotopy as hm
from homotopy.valuation.measures import Quadratic
from homotopy.valuation.medium import Medium
from homotopy.valuation.values import ValueStatus


def setting(n=9, d=3, m=20, seed=0, ridge=0.5):
    X, y, X_test, y_test = instance(n, d, m, seed)
    return hm.LinearRegression(X, y, deleted=0, ridge=ridge), hm.TestLoss(X_test, y_test)


def valued(method, *arguments, semivalue=None, **options):
    found = hm.data_values(*setting(*arguments, **options), method, semivalue or hm.Shapley())
    return np.asarray(found.values)


# Aumann and Shapley -------------------------------------------------------------------------------


def in_closed_form(X, y, X_test, y_test, ridge):
    """−y zᵀu + zᵀWz in the eigenbasis of XᵀX; integrals of rational functions, to 30 digits."""
    with mp.workdps(30):
        spectrum, V = np.linalg.eigh(X.T @ X)
        Z, b = X @ V, V.T @ (X.T @ y)
        A, g = V.T @ X_test.T @ X_test @ V / len(y_test), V.T @ X_test.T @ y_test / len(y_test)
        rates, d = [mp.mpf(float(each)) for each in spectrum], len(spectrum)

        def of(*modes):
            """∫ ε^{k−1} / Π(ελ + ρ) over k modes."""

            def integrand(e):
                parts = [e * rates[mode] + ridge for mode in modes]
                return e ** (len(modes) - 1) / mp.fprod(parts)

            return float(mp.quad(integrand, [0, 0.1, 1]))

        one = np.array([of(k) for k in range(d)])
        two = np.array([[of(k, i) for i in range(d)] for k in range(d)])
        three = np.array([[[of(*sorted((k, i, j))) for j in range(d)] for i in range(d)]
                          for k in range(d)])  # fmt: skip
    u = np.einsum("kl,l,kl->k", A, b, two) - g * one
    W = b[None, :] * (np.einsum("kl,l,klm->km", A, b, three) - g[:, None] * two)
    return -y * (Z @ u) + np.einsum("jk,km,jm->j", Z, W, Z)


@pytest.mark.parametrize("ridge", [0.5, 1e-3])
def test_aumann_shapley_is_its_closed_form_and_efficient(ridge):
    found = hm.data_values(*setting(ridge=ridge), hm.AumannShapley())
    known = in_closed_form(*instance(), ridge)
    np.testing.assert_allclose(found.values, known, atol=1e-12 * np.abs(known).max())
    assert abs(float(found.efficiency_gap)) < 1e-12 and float(found.quadrature_error) < 1e-11


def test_aumann_shapley_of_the_reference_instance():
    known = [-0.0274, 0.0037, 0.2228, 0.1645, 0.2289, 0.0372, 0.0035, 0.1000, 0.0098]
    np.testing.assert_allclose(valued(hm.AumannShapley()), known, atol=5.1e-5)


def test_a_point_in_two_halves_is_worth_two_halves():
    """Which Shapley values are not; groups are worth the sum of their points."""
    X, y, X_test, y_test = instance()
    loss, rows = hm.TestLoss(X_test, y_test), [0, *range(9)]
    weights = [0.5, 0.5, *[1.0] * 8]
    split = hm.LinearRegression(X[rows], y[rows], deleted=0, ridge=0.5, weights=weights)
    found = hm.data_values(split, loss, hm.AumannShapley())
    whole = valued(hm.AumannShapley())
    np.testing.assert_allclose(found.values, [whole[0] / 2, whole[0] / 2, *whole[1:]], atol=1e-13)
    assert found.of_groups(["a", "a", *range(8)])["a"] == pytest.approx(whole[0], abs=1e-13)
    pair = np.asarray(hm.data_values(split, loss, hm.Enumeration()).values)[:2]
    assert pair.sum() == pytest.approx(-0.0133, abs=5.1e-5)  # the point is worth −0.0179


def test_at_all_the_data_it_is_the_influence_function():
    problem, loss = setting()
    found = valued(hm.AumannShapley(), semivalue=hm.valuation.LeaveOneOutValue())
    known = hm.measurement_influence(problem, hm.Influence(), problem.full_fit(), loss).change
    np.testing.assert_allclose(found, known, atol=1e-14)


def test_by_other_measures_it_is_the_mean_of_influences():
    X, y, X_test, y_test = instance()

    def influence(t, j):
        K = t * X.T @ X + 0.5 * np.eye(3)
        theta = np.linalg.solve(K, t * X.T @ y)
        slope = X_test.T @ (X_test @ theta - y_test) / len(y_test)
        return X[j] @ np.linalg.solve(K, slope) * (X[j] @ theta - y[j])

    law = stats.beta(1.5, 3.0)  # of Beta(3, 1.5)
    known = integrate.quad(lambda t: influence(t, 4) * law.pdf(t), 0, 1, epsabs=1e-12)[0]
    found = valued(hm.AumannShapley(), semivalue=hm.BetaShapley(3.0, 1.5))
    assert found[4] == pytest.approx(known, abs=1e-10)
    assert valued(hm.AumannShapley(), semivalue=hm.Banzhaf())[4] == pytest.approx(influence(0.5, 4))


def test_it_tends_to_shapley_where_the_ridge_is_large():
    """At the second power of 1/ρ."""
    errors = []
    for ridge in (100.0, 300.0, 1000.0):
        data = instance(8, 3)
        known = semivalue(loss_game(*data, ridge), 8, shapley_weights(8))
        found = valued(hm.AumannShapley(), 8, ridge=ridge)
        errors.append(np.linalg.norm(found - known) / np.linalg.norm(known))
    slope = np.polyfit(np.log([100.0, 300.0, 1000.0]), np.log(errors), 1)[0]
    assert abs(slope + 2.0) < 0.2


@pytest.mark.parametrize("method", [hm.AumannShapley(), hm.EffectiveMedium()])
def test_without_a_ridge_the_reason_is_told(method):
    with pytest.raises(ValueError, match=r"^problem: expected a ridge > 0 .* diverges as log"):
        hm.data_values(*setting(ridge=0.0), method)


# Other models -------------------------------------------------------------------------------------


def test_a_logistic_model_by_refits_and_by_its_path():
    """Against SciPy's refits of every coalition; both from one path of compiled fits."""
    X, y, X_test, y_test = instance(7, 2)
    labels, test_labels = (y > 0).astype(float), (y_test > 0).astype(float)

    def fit(S):
        S = list(S)

        def risk(theta):
            z = X[S] @ theta
            slope = X[S].T @ (1.0 / (1.0 + np.exp(-z)) - labels[S]) + theta
            value = np.sum(np.logaddexp(0.0, z) - labels[S] * z) + 0.5 * theta @ theta
            return value, slope

        return optimize.minimize(risk, np.zeros(2), jac=True, method="BFGS", tol=1e-11).x

    def game(S):
        z = X_test @ fit(S)
        return np.mean(np.logaddexp(0.0, z) - test_labels * z)

    known = semivalue(game, 7, shapley_weights(7))
    problem = hm.Problem(
        hm.linear_model(2), hm.Logistic(), X, labels.astype(int), deleted=0, ridge=1.0
    )
    loss = hm.TestLoss(X_test, test_labels.astype(int))
    exact = hm.data_values(problem, loss, hm.Enumeration())
    np.testing.assert_allclose(exact.values, known, atol=1e-8)
    assert exact.unit == "refits" and abs(float(exact.efficiency_gap)) < 1e-12
    sampled = hm.data_values(problem, loss, hm.Permutations(128))
    z = (np.asarray(sampled.values) - known) / np.asarray(sampled.standard_error)
    assert np.max(np.abs(z)) < 4.5 and abs(float(sampled.efficiency_gap)) < 1e-12
    path = hm.data_values(problem, loss, hm.AumannShapley())
    assert abs(float(path.efficiency_gap)) < 1e-12
    assert np.linalg.norm(path.values - known) < 0.2 * np.linalg.norm(known)


# Effective medium ---------------------------------------------------------------------------------


def mean_over_coalitions(X, y, X_test, y_test, ridge, p):
    """The estimate as the theory writes it, with dense systems."""
    n, a = len(y), p.copy()
    for _ in range(500):
        K = (X.T * a) @ X + ridge * np.eye(X.shape[1])
        q = np.einsum("ij,ji->i", X, np.linalg.solve(K, X.T))
        a = 2 * p / (1 + q + np.sqrt((1 + q) ** 2 - 4 * q * p))
    theta, G = np.linalg.solve(K, X.T @ (a * y)), np.linalg.solve(K, X.T)
    M, e = X @ G, y - X @ theta
    inside, outside = (1 - a) / (1 + (1 - a) * q), -a / (1 - a * q)
    v = p * inside**2 + (1 - p) * outside**2
    u = np.linalg.solve(np.eye(n) - v[:, None] * (M**2 - np.diag(q**2)), v * e**2)
    spread = np.sum((X_test @ G) ** 2, axis=0) / len(y_test)
    return 0.5 * np.mean((y_test - X_test @ theta) ** 2) + 0.5 * u @ spread


@pytest.mark.parametrize(("n", "d"), [(9, 3), (4, 3)])
def test_the_mean_over_coalitions_and_its_derivatives(n, d):
    """With more pairs of columns than rows, and with fewer."""
    X, y, X_test, y_test = instance(n, d)
    form = Quadratic(X_test.T @ X_test / 20, X_test.T @ y_test / 20, 0.5 * np.mean(y_test**2))
    p = np.random.default_rng(1).uniform(0.1, 0.9, n)
    value, slope = Medium(X, y, np.full(d, 0.5), form).value_and_gradient(p)
    game = lambda p: mean_over_coalitions(X, y, X_test, y_test, 0.5, p)  # noqa: E731
    assert value == pytest.approx(game(p), rel=1e-13)
    known = optimize.approx_fprime(p, game, 1e-7)
    np.testing.assert_allclose(slope, known, atol=2e-6 * np.abs(known).max())


def test_the_effective_medium_of_the_reference_instance():
    known = [-0.0185, 0.0141, 0.1647, 0.1824, 0.1160, 0.0969, 0.0269, 0.1087, 0.0515]
    found = hm.data_values(*setting(), hm.EffectiveMedium(20_000))
    np.testing.assert_allclose(found.values, known, atol=6e-5)
    check = found.permutation_check
    assert int(check.permutations) == 20_000
    # It is 0.032 from the exact values, which 20,000 permutations see and 60 do not.
    assert float(check.difference) == pytest.approx(0.032, abs=0.01)
    assert float(check.p_value) < 1e-3
    few = hm.data_values(*setting(), hm.EffectiveMedium(60)).permutation_check
    assert float(few.p_value) > 0.01 and float(few.noise) > 0.05


@pytest.mark.parametrize(
    ("ridge", "most"), [(10.0, 0.0013), (1.0, 0.025), (0.1, 0.073), (0.01, 0.17)]
)
def test_the_effective_medium_is_as_close_as_the_theory_says(ridge, most):
    errors = []
    for seed in range(100, 108):
        arguments = 10, 3, 40, seed, ridge
        found = valued(hm.EffectiveMedium(0, tolerance=3e-3), *arguments)
        known = valued(hm.Enumeration(), *arguments)
        errors.append(np.linalg.norm(found - known) / np.linalg.norm(known))
    assert np.mean(errors) <= most


def test_the_effective_medium_is_exact_for_orthogonal_rows():
    generator = np.random.default_rng(2)
    X = np.linalg.qr(generator.normal(size=(5, 5)))[0] * [1.0, 2.0, 0.5, 1.0, 3.0]
    X, y = X.T[:4], generator.normal(size=4)
    problem = hm.LinearRegression(X, y, deleted=0, ridge=0.3)
    loss = hm.TestLoss(generator.normal(size=(8, 5)), generator.normal(size=8))
    found = hm.data_values(problem, loss, hm.EffectiveMedium(0, tolerance=1e-12))
    known = hm.data_values(problem, loss, hm.Enumeration())
    np.testing.assert_allclose(found.values, known.values, atol=1e-12)


def test_the_check_is_right_as_often_as_it_says():
    """p-values of exact values against samples: uniform, but for the approximation of their law."""
    problem, loss = setting()
    known = valued(hm.Enumeration())
    from homotopy.valuation.effective_medium import checked
    from homotopy.valuation.measures import measure_of
    from homotopy.valuation.method import Asked

    asked = Asked(
        problem, loss, measure_of(loss, problem), hm.Shapley(), None, None, lambda *_: None
    )
    chances = [float(checked(known, asked, 200, seed).p_value) for seed in range(200)]
    assert np.mean(np.array(chances) < 0.05) < 0.12
    assert stats.kstest(chances, "uniform").pvalue > 1e-4
    # Ten pairs have the degrees of freedom that a hundred have, and not those of ten samples.
    freedom = [
        np.mean([float(checked(known, asked, count, s).degrees_of_freedom) for s in range(100)])
        for count in (20, 200)
    ]
    assert freedom[0] == pytest.approx(freedom[1], rel=0.25)


# Finite times -------------------------------------------------------------------------------------


def flow(X, y, start, weights, time):
    H, c = (X.T * weights) @ X, X.T @ (weights * y)
    rates, V = np.linalg.eigh(H)
    safe = np.where(rates > 1e-13, rates, 1.0)
    grown = np.where(rates > 1e-13, -np.expm1(-rates * time) / safe, time)
    return V @ (np.exp(-rates * time) * (V.T @ start) + grown * (V.T @ c))


def test_finite_times_are_the_integral_over_the_weights_of_all_points():
    """∫₀¹ −∂m(θ(T; ε·1))/∂w_j dε by differences, which is nowhere made to be the training path."""
    X, y, X_test, y_test = instance()
    start, time, step = np.array([0.3, -0.2, 0.1]), 0.4, 1e-5
    measured = lambda w: 0.5 * np.mean((y_test - X_test @ flow(X, y, start, w, time)) ** 2)  # noqa: E731
    points, weights = np.polynomial.legendre.leggauss(24)
    known = np.zeros(9)
    for e, weight in zip((1 + points) / 2, weights / 2, strict=True):
        for j, unit in enumerate(np.eye(9)):
            ends = measured(e + step * unit), measured(e - step * unit)
            known[j] -= weight * (ends[0] - ends[1]) / (2 * step)
    problem = hm.LinearRegression(X, y, deleted=0)
    loss = hm.TestLoss(X_test, y_test)
    found = hm.data_values(problem, loss, hm.FiniteTime(time), theta0=start)
    np.testing.assert_allclose(found.values, known, atol=1e-8)
    assert abs(float(found.efficiency_gap)) < 1e-9
    total = measured(np.zeros(9)) - measured(np.ones(9))
    assert float(found.total) == pytest.approx(total, abs=1e-12)
    with pytest.raises(ValueError, match=r"^problem: expected ridge=0 for FiniteTime"):
        hm.data_values(*setting(), hm.FiniteTime(time))
    with pytest.raises(ValueError, match=r"^semivalue: expected Shapley"):
        hm.data_values(problem, loss, hm.FiniteTime(time), hm.Banzhaf())


def test_gradient_steps_are_those_of_the_orders_and_efficient():
    X, y, X_test, y_test = instance(5, 2)
    problem, loss = hm.LinearRegression(X, y, deleted=0), hm.TestLoss(X_test, y_test)
    method = hm.valuation.GradientShapley(0.02, permutations=6, epochs=2, seed=3)
    found = hm.data_values(problem, loss, method)
    orders = np.random.default_rng(3).permuted(np.tile(np.arange(5), (6, 1)), axis=1)
    known = np.zeros(5)
    for order in orders:
        theta = np.zeros(2)
        for j in np.tile(order, 2):
            after = theta + 0.02 * X[j] * (y[j] - X[j] @ theta)
            before, now = (0.5 * np.mean((y_test - X_test @ at) ** 2) for at in (theta, after))
            known[j] += (before - now) / len(orders)
            theta = after
    np.testing.assert_allclose(found.values, known, atol=1e-14)
    assert abs(float(found.efficiency_gap)) < 1e-14


# Minima that end on the way -----------------------------------------------------------------------


WAVES = np.array([[1.0], [1.2], [0.7], [0.9]]), np.array([1.0, 1.1, 0.6, 0.5])
RIDGE = 0.02


def wave(theta, x):
    """Of one parameter, whose risk has several minima."""
    return x[0] * jnp.sin(1.5 * theta[0]) + 0.2 * theta[0] * x[0] ** 2


def slopes(theta, x, y):
    """ℓ'(θ) of points, and ℓ''(θ), by hand."""
    f = x * np.sin(1.5 * theta) + 0.2 * theta * x**2
    first = 1.5 * x * np.cos(1.5 * theta) + 0.2 * x**2
    return (f - y) * first, first**2 - (f - y) * 2.25 * x * np.sin(1.5 * theta)


def weight_of(theta):
    """The ε of which θ is stationary: −ρθ/Σℓ'."""
    return -RIDGE * theta / np.sum(slopes(theta, WAVES[0][:, 0], WAVES[1])[0])


def shares(low, high):
    """−∫ m' ℓ_j'/Σℓ' dθ over a branch: a point's part of what m falls by along it."""

    def part(theta, row):
        each = slopes(theta, WAVES[0][:, 0], WAVES[1])[0]
        return -slopes(theta, 1.1, 0.9)[0] * each[row] / each.sum()

    return [integrate.quad(part, low, high, (row,), epsabs=1e-13)[0] for row in range(4)]


@pytest.mark.parametrize(("start", "turn"), [(1.74, (1.3, 1.6)), (6.595, (5.6, 6.1))])
def test_a_jump_of_the_minima_is_nobodys(start, turn):
    """Both branches by θ in place of ε, whose turning point is where ε(θ) is least."""
    problem = hm.Problem(
        hm.function_model(wave, dimension=1), hm.SquaredError(), *WAVES, deleted=0, ridge=RIDGE
    )
    loss = hm.TestLoss([[1.1]], [0.9])
    # The jump is told of whatever the tolerance: by the fewest nodes.
    rough = hm.AumannShapley(tolerance=0.5)
    with pytest.raises(RuntimeError, match="belongs to no point"):
        hm.data_values(problem, loss, rough, theta0=[start])
    found = hm.data_values(problem, loss, hm.AumannShapley(), theta0=[start], throw=False)
    assert found.status == ValueStatus.jumps and "jump " in repr(found)

    def stationary(weight, low, high):
        def gradient(theta):
            each = slopes(theta, WAVES[0][:, 0], WAVES[1])[0]
            return weight * each.sum() + RIDGE * theta

        return optimize.brentq(gradient, low, high, xtol=1e-15)

    fold = optimize.minimize_scalar(
        weight_of, bounds=turn, method="bounded", options={"xatol": 1e-9}
    )
    upper, below = stationary(1.0, start - 0.05, start + 0.05), stationary(fold.fun, 0.4, 0.56)
    expected = np.add(shares(0.0, below), shares(fold.x, upper))
    np.testing.assert_allclose(found.values, expected, atol=1e-7)  # the turn is known to some 1e-8
    ends = np.array([below, fold.x])
    measured = 0.5 * (1.1 * np.sin(1.5 * ends) + 0.2 * ends * 1.1**2 - 0.9) ** 2
    assert float(found.jump) == pytest.approx(measured[0] - measured[1], abs=1e-7)
    assert float(found.efficiency_gap) == pytest.approx(0.0, abs=1e-10)
    assert np.sum(found.values) + float(found.jump) == pytest.approx(float(found.total), abs=1e-10)
