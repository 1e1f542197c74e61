"""Limits in high dimension, against closed forms, integrals, and data of 300 and 1000 rows."""

import math
from functools import cache

import mpmath as mp
import numpy as np
import pytest
from scipy import integrate, optimize, stats
from scipy.linalg import lapack
from sklearn.linear_model import RidgeCV

import homotopy as hm

NOISE, SIGNAL = 0.5, 2.0


def limits(gamma, ridge=0.0, population=None):
    options = {"noise_variance": NOISE, "signal": SIGNAL, "population": population}
    return hm.asymptotics.ridge(gamma, ridge, **options)


# Closed forms -------------------------------------------------------------------------------------


@pytest.mark.parametrize("gamma", [0.1, 0.5, 0.95, 1.05, 2.0, 10.0])
def test_ridgeless_isotropic_rows(gamma):
    found = limits(gamma)
    if gamma < 1.0:
        bias, variance = 0.0, NOISE * gamma / (1 - gamma)
        size, lever, cook = NOISE * gamma / (1 - gamma) ** 2, gamma, 1 / (1 - gamma)
    else:
        bias, variance = SIGNAL * (1 - 1 / gamma), NOISE / (gamma - 1)
        size, lever = NOISE * gamma / (gamma - 1) ** 2 + SIGNAL / gamma, 1.0
        cook = (NOISE + bias + variance) / (gamma * NOISE)
    known = [bias, variance, bias + variance + NOISE, bias + variance + NOISE, size, cook]
    np.testing.assert_allclose(
        [
            found.bias[0], found.variance[0], found.leave_one_out[0],
            found.generalised_cross_validation[0], found.deletion_size[0], found.cooks_distance[0],
        ],
        known, rtol=1e-12, atol=1e-12,
    )  # fmt: skip
    np.testing.assert_allclose(found.influence_over_truth, [[1 - lever]], rtol=1e-12)
    np.testing.assert_allclose(found.velocity_ratio, [[(1 - lever) ** 2]], rtol=1e-12)
    assert bool(found.successful[0]) == (abs(gamma - 1) >= 0.05)


def stieltjes(ridge, gamma):
    """m(−λ) of Marchenko and Pastur's law."""
    root = mp.sqrt((1 - gamma + ridge) ** 2 + 4 * gamma * ridge)
    return (-(1 - gamma + ridge) + root) / (2 * gamma * ridge)


@pytest.mark.parametrize("gamma", [0.5, 1.0, 2.0])
@pytest.mark.parametrize("ridge", [1e-3, 0.3, 30.0])
def test_isotropic_ridge_by_the_stieltjes_transform(gamma, ridge):
    found = limits(gamma, ridge)
    with mp.workdps(40):
        m = stieltjes(mp.mpf(ridge), gamma)
        slope = -mp.diff(lambda x: stieltjes(x, gamma), ridge)
        known = SIGNAL * ridge**2 * slope, NOISE * gamma * (m - ridge * slope)
    np.testing.assert_allclose([found.bias[0], found.variance[0]], np.array(known, float), 1e-11)
    # All leverages are 1 − λ/κ.
    np.testing.assert_allclose(found.leverage[0], [1 - ridge / found.effective_ridge[0]], rtol=1e-9)
    assert bool(found.successful[0])


@pytest.mark.parametrize("gamma", [0.5, 2.0])
def test_the_best_ridge(gamma):
    found = limits(gamma)
    best = NOISE * gamma / SIGNAL
    np.testing.assert_allclose(found.optimal_ridge_per_point, [best], rtol=1e-12)
    np.testing.assert_allclose(
        found.optimal_risk, [NOISE * gamma * float(stieltjes(best, gamma))], rtol=1e-9
    )
    for other in (0.5 * best, 2.0 * best):
        assert limits(gamma, other).risk[0] > found.optimal_risk[0]


def directed(scales=1.0):
    """Three variances; b leans to the smallest."""
    masses, signal = [0.3, 0.3, 0.4], [0.6, 0.3, 0.1]
    return hm.asymptotics.Population([0.3, 1.0, 3.0], masses, signal, scales)


def risk_of(gamma, ridge, rows):
    """By Brent's method, and Hastie et al.'s formulas."""
    s = rows.eigenvalues

    def excess(kappa):
        return gamma * (s / (s + kappa)) @ rows.masses + ridge / kappa - 1

    kappa = optimize.brentq(excess, 1e-12, 1e6, xtol=1e-15, rtol=1e-14)
    second = gamma * (s / (s + kappa)) ** 2 @ rows.masses
    bias = SIGNAL * kappa**2 * (s / (s + kappa) ** 2) @ rows.signal_masses
    return (bias + NOISE * second) / (1 - second)


def test_the_best_ridge_of_a_b_with_a_direction_is_found_by_search():
    rows = directed()
    found = limits([0.5, 2.0], population=rows)
    for place, gamma in enumerate((0.5, 2.0)):
        known = optimize.minimize_scalar(
            lambda x, gamma=gamma: risk_of(gamma, math.exp(x), rows),
            bounds=(-8, 4), method="bounded", options={"xatol": 1e-8},
        )  # fmt: skip
        assert abs(found.optimal_risk[place] - known.fun) < 1e-10
        # A minimum is as flat as its square: 1e-10 of risk is 1e-5 of log λ, and more of λ.
        assert abs(np.log(found.optimal_ridge_per_point[place]) - known.x) < 1e-4


def test_ends_of_the_best_ridge():
    rows = directed()
    quiet = hm.asymptotics.ridge(2.0, noise_variance=0.0, signal=1.0, population=rows)
    still = hm.asymptotics.ridge(2.0, noise_variance=1.0, signal=0.0, population=rows)
    assert np.isfinite(quiet.optimal_ridge_per_point[0])
    assert np.isinf(still.optimal_ridge_per_point[0]) and still.optimal_risk[0] == 0.0


@pytest.mark.parametrize(
    ("size", "ridge"), [(40, 0.0), (40, 7.0), (15, 0.0), (15, 7.0), (15, 1e-9)]
)
def test_the_effective_ridge_of_any_spectrum(size, ridge):
    eigenvalues = np.geomspace(0.05, 4.0, 20)
    found = hm.asymptotics.effective_ridge(eigenvalues, size, ridge)

    def excess(kappa):
        return np.sum(eigenvalues / (eigenvalues + kappa)) + ridge / kappa - size

    known = optimize.brentq(excess, 1e-12, 1e4, xtol=1e-15) if ridge or size < 20 else 0.0
    np.testing.assert_allclose(found, known, rtol=1e-9, atol=1e-15)


def test_a_population_of_matrices_is_that_of_its_eigenvalues():
    generator = np.random.default_rng(0)
    A, b = generator.normal(size=(9, 6)), generator.normal(size=6)
    covariance = A.T @ A / 9
    rows = hm.asymptotics.Population.of(covariance, b)
    found = hm.asymptotics.ridge(
        6 / 20, 0.1, noise_variance=NOISE, signal=float(b @ b), population=rows
    )
    # κ²bᵀΣ(Σ+κ)⁻²b/(1 − df₂/n), by matrices.
    kappa = hm.asymptotics.effective_ridge(np.linalg.eigvalsh(covariance), 20, 2.0)
    R = np.linalg.inv(covariance + kappa * np.eye(6))
    second = np.trace(covariance @ R @ covariance @ R) / 20
    np.testing.assert_allclose(found.effective_ridge, [kappa], rtol=1e-9)
    np.testing.assert_allclose(
        found.bias, [kappa**2 * b @ R @ covariance @ R @ b / (1 - second)], rtol=1e-9
    )
    np.testing.assert_allclose(found.variance, [NOISE * second / (1 - second)], rtol=1e-9)


# Simulation --------------------------------------------------------------------------------------


RIDGES = [0.0, 0.3]


def populated(elliptical):
    return directed([0.5, 2.0] if elliptical else 1.0)


def symmetric_inverse(matrix):
    factor, failed = lapack.dpotrf(matrix, lower=1)
    assert failed == 0
    inverse, _ = lapack.dpotri(factor, lower=1)
    return np.tril(inverse) + np.tril(inverse, -1).T


@cache
def simulated(elliptical, gamma, size, repeats, seed):
    """Means of the finite quantities with their standard errors, by NumPy alone, for each ridge."""
    rows, found = populated(elliptical), []
    for repeat in range(repeats):
        p = round(gamma * size)
        data = rows.draw(size, p, noise_variance=NOISE, signal=SIGNAL, seed=seed + repeat)
        gram = data.X @ data.X.T if p > size else data.X.T @ data.X
        found.append([of_a_draw(rows, data, gram, rho * size) for rho in RIDGES])
    found = np.array(found)
    means, errors = found.mean(axis=0), found.std(axis=0, ddof=1) / math.sqrt(repeats)
    return dict(zip(RIDGES, zip(means, errors, strict=True), strict=True))


def of_a_draw(rows, data, gram, rho):
    X, y, (size, p) = data.X, data.y, data.X.shape
    inverse = symmetric_inverse(gram + rho * np.eye(len(gram)))
    if p > size:
        # By n × n matrices; without a ridge S is the identity, and 1 − S comes from ρK⁻¹/ρ. What
        # K does to a column of the inverse is 1 − ρ times the column.
        pull, diagonal = inverse @ y, np.diag(inverse)
        theta, left, gcv = X.T @ pull, pull / diagonal, pull / diagonal.mean()
        S, residual = 1 - rho * diagonal, rho * pull
        change = inverse * left
        fitted = np.diag(left) - rho * change
        moved, seen = np.sum(fitted * change, axis=0), np.sum(fitted**2, axis=0)
    else:
        theta, XQ = inverse @ (X.T @ y), X @ inverse
        S, residual = np.sum(XQ * X, axis=1), y - X @ theta
        left, gcv = residual / (1 - S), residual / (1 - S.mean())
        change = XQ * left[:, None]
        moved = np.sum(change**2, axis=1)
        seen = np.sum((change @ gram) * change, axis=1)
    return [
        rows.mean_square_scale * np.sum(data.eigenvalues * (theta - data.coefficients) ** 2),
        np.mean(left**2), np.mean(gcv**2), np.mean(residual**2), size * np.mean(moved),
        size * np.mean(seen) / (p * NOISE),
        *(S[data.scales == tau].mean() for tau in rows.scales),
    ]  # fmt: skip


@pytest.mark.parametrize(("size", "repeats"), [(300, 16), (1000, 6)])
@pytest.mark.parametrize("ridge", RIDGES)
@pytest.mark.parametrize("gamma", [0.5, 2.0])
@pytest.mark.parametrize("elliptical", [False, True])
def test_within_four_standard_errors_of_data(elliptical, gamma, ridge, size, repeats):
    mean, error = simulated(elliptical, gamma, size, repeats, seed=10)[ridge]
    known = limits(gamma, ridge, populated(elliptical))
    said = np.array([
        known.risk[0], known.leave_one_out[0], known.generalised_cross_validation[0],
        known.training_error[0], known.deletion_size[0], known.cooks_distance[0],
        *known.leverage[0],
    ])  # fmt: skip
    # What concentrates has errors below those of order 1/n of the limit itself, 0.3 % at n = 300.
    np.testing.assert_array_less(np.abs(mean - said), 4 * error + said / size + 1e-12)
    if elliptical:
        # Cross-validation that averages leverages is wrong by many standard errors.
        assert abs(mean[2] - known.risk[0] - NOISE) > 8 * error[2]
        assert known.generalised_cross_validation[0] < 0.8 * known.leave_one_out[0]
    else:
        np.testing.assert_allclose(
            known.generalised_cross_validation, known.leave_one_out, rtol=1e-12
        )


def test_leave_one_out_is_what_ridge_cv_finds():
    data = directed().draw(300, 150, noise_variance=NOISE, signal=SIGNAL, seed=3)
    ridges = np.array([0.01, 0.1, 1.0]) * 300
    fit = RidgeCV(ridges, fit_intercept=False, store_cv_results=True).fit(data.X, data.y)
    known = limits(0.5, ridges / 300, directed()).leave_one_out
    # Squares of Gaussians: sd √(2/300) of the mean.
    np.testing.assert_allclose(fit.cv_results_.mean(axis=0), known, rtol=4 * math.sqrt(2 / 300))
    assert ridges[np.argmin(known)] == fit.alpha_


def test_leverages_of_gaussian_rows_have_their_exact_law():
    law = hm.asymptotics.leverage_law(12, 4)
    generator = np.random.default_rng(0)
    X = generator.normal(size=(4000, 12, 4)) @ np.diag([1.0, 2.0, 3.0, 4.0])
    G = np.linalg.inv(np.swapaxes(X, 1, 2) @ X)
    found = np.einsum("ri,rij,rj->r", X[:, 0], G, X[:, 0])
    assert stats.kstest(found, law.cdf).pvalue > 1e-3
    variance = 2 * 4 * 8 / (12**2 * 14)
    np.testing.assert_allclose([law.mean(), law.var()], [4 / 12, variance], rtol=1e-12)


# In time ------------------------------------------------------------------------------------------


def law_integral(f, gamma):
    low, high = (1 - math.sqrt(gamma)) ** 2, (1 + math.sqrt(gamma)) ** 2

    def integrand(x):
        return f(x) * math.sqrt((high - x) * (x - low)) / (2 * math.pi * gamma * x)

    return integrate.quad(integrand, low, high, epsabs=1e-13)[0]


def test_what_a_row_remembers():
    times = [0.0, 0.5, 1.0, 8.0]
    known = [0.3 * law_integral(lambda x, t=t: math.exp(-t * x), 0.3) for t in times]
    np.testing.assert_allclose(hm.asymptotics.memory_kernel(0.3, times), known, rtol=1e-9)


@pytest.mark.parametrize("gamma", [0.1, 0.5])
def test_descend_to_delete_of_isotropic_rows(gamma):
    times = [0.0, 1.0, 4.0, 20.0]
    found = limits(gamma).descend_to_delete(times)[0]
    part = 0.5 * NOISE * gamma * (1 - gamma)
    known = [part * law_integral(lambda x, t=t: math.exp(-2 * t * x) / x**2, gamma) for t in times]
    np.testing.assert_allclose(found, known, rtol=1e-7)


LEFT_TIMES = np.array([0.0, 0.5, 3.0])


@cache
def left_after_a_deletion(gamma, n=80):
    """Means over draws of what is left at the times, with their errors, for each ridge."""
    rows, p, found = directed([0.5, 2.0]), round(gamma * n), []
    for seed in range(60):
        data = rows.draw(n, p, noise_variance=NOISE, signal=SIGNAL, seed=seed)
        left = []
        for row in np.random.default_rng(seed).choice(n, 2, replace=False):
            keep = np.arange(n) != row
            spectrum = np.linalg.eigh(data.X[keep].T @ data.X[keep])
            left.append([of_a_row(data, row, keep, spectrum, ridge * n) for ridge in RIDGES])
        found.append(np.mean(left, axis=0))
    found = np.array(found)
    means, errors = found.mean(axis=0), found.std(axis=0, ddof=1) / math.sqrt(len(found))
    return dict(zip(RIDGES, zip(means, errors, strict=True), strict=True))


def of_a_row(data, row, keep, spectrum, rho):
    (rates, V), (n, p) = spectrum, data.X.shape
    rates = np.where(rates > 1e-8, rates, 0.0) + rho
    inverse = np.divide(1.0, rates, where=rates > 0, out=np.zeros(p))
    x, r = V.T @ data.X[row], V.T @ (data.X[keep].T @ data.y[keep])
    residual = data.y[row] - x @ (inverse * r)
    if rho == 0.0 and p > n:
        unseen = np.where(rates > 0, 0.0, x)
        change = residual * unseen / (unseen @ unseen)
    else:
        change = inverse * x * residual / (1 + x @ (inverse * x))
    decayed = np.exp(-np.outer(LEFT_TIMES, rates) / n) * change
    return 0.5 * n * np.sum(decayed**2, axis=1)


@pytest.mark.parametrize(("gamma", "ridge"), [(0.5, 0.0), (0.5, 0.3), (2.0, 0.3), (2.0, 0.0)])
def test_descend_to_delete_of_any_population_within_four_standard_errors(gamma, ridge, n=80):
    mean, error = left_after_a_deletion(gamma, n)[ridge]
    rows = directed([0.5, 2.0])
    known = limits(gamma, ridge, rows).descend_to_delete(LEFT_TIMES)[0]
    np.testing.assert_array_less(np.abs(mean - known), 4 * error + known / n)


def test_the_gain_of_the_best_time_is_of_order_one_over_n():
    """Against data of 100 rows and a grid of times."""
    n, p, start, horizon, gains = 100, 50, 0.3, 2.0, []
    rows = hm.asymptotics.Population()
    for seed in range(200):
        data = rows.draw(n, p, noise_variance=NOISE, signal=SIGNAL, seed=seed)
        X, y = data.X, data.y
        rates, U = np.linalg.eigh(X.T @ X)
        left, V = np.linalg.eigh(X[1:].T @ X[1:])
        fit, target = (U.T @ (X.T @ y)) / rates, (V.T @ (X[1:].T @ y[1:])) / left
        times = np.linspace(start, horizon, 41)
        trained = -np.expm1(-np.outer(times, rates) / n) * fit @ (U.T @ V)
        end = np.exp(-np.outer(horizon - times, left) / n) * (trained - target)
        cost = np.sum(end**2, axis=1)
        gains.append(n * (1 - cost.min() / cost[0]))
    options = {"noise_variance": NOISE, "signal": SIGNAL}
    found = hm.asymptotics.schedule_gain(0.5, start, horizon, **options)
    error = math.hypot(np.std(gains) / math.sqrt(len(gains)), found.standard_error)
    assert error < 0.2 * found.mean and abs(np.mean(gains) - found.mean) < 4 * error
    assert 0.8 < found.mean < 1.4  # n·gain ≈ 1 of theory §12.4
    assert hm.asymptotics.schedule_gain(0.5, start, 20.0, **options).mean > 5 * found.mean


# Near one ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("population", [None, directed([0.5, 2.0])])
@pytest.mark.parametrize("noise", [0.0, 0.5])
def test_at_one_what_diverges_is_infinite_and_nothing_is_nan(population, noise):
    found = hm.asymptotics.ridge(
        [0.9, 0.99, 1.0, 1.01, 1.1], noise_variance=noise, signal=SIGNAL, population=population
    )
    assert found.successful.tolist() == [True, False, False, False, True]
    kinds = hm.asymptotics.LimitStatus
    assert (found.status == kinds.diverges).tolist() == [False, False, True, False, False]
    assert (found.status == kinds.near_one).tolist() == [False, True, False, True, False]
    for values in (found.risk, found.leave_one_out, found.deletion_size, found.cooks_distance,
                   found.generalised_cross_validation, found.training_error):  # fmt: skip
        assert not np.any(np.isnan(values))
    assert np.isinf(found.risk[2]) == (noise > 0.0)
    assert np.isfinite(found.risk[[0, 1, 3, 4]]).all()
    # A ridge takes the pole away.
    assert np.all(hm.asymptotics.ridge(1.0, 0.1, population=population).successful)


def test_a_plot_of_a_sweep_breaks_at_the_pole():
    found = limits(np.append(np.geomspace(0.1, 10.0, 21), 1.0))
    ax = found.plot()
    assert len(ax.lines) == 5  # four curves and the pole
    drawn = ax.lines[0].get_ydata()
    assert np.isnan(drawn).sum() == 2 and np.nanmax(drawn) < 1e3
    by_ridge = limits(0.5, np.geomspace(0.01, 1.0, 5)).plot()
    assert by_ridge.get_xlabel() == "λ = ρ/n" and len(by_ridge.lines) == 4


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: limits(0.0), "gamma: expected finite numbers > 0, got 0"),
        (lambda: limits([0.5, 2.0], [0.1, 0.2, 0.3]), "ridge_per_point: expected one number, or"),
        (lambda: hm.asymptotics.Population([1.0, 2.0], [0.5, 0.6]), "masses: expected shares"),
        (lambda: hm.asymptotics.Population.of([[1.0, 1.0], [1.0, 1.0]]), "covariance: .* definite"),
        (lambda: hm.asymptotics.leverage_law(4, 4), "dimension: expected an integer from 1 to 3"),
        (lambda: hm.asymptotics.schedule_gain(0.5, 1.0, 1.0), "horizon: expected a finite time >"),
    ],
)
def test_bad_input_is_refused_by_name(call, message):
    with pytest.raises(ValueError, match=message):
        call()
