"""Sampled values: unbiased, efficient in every order, with errors that hold what they say."""

import itertools

import numpy as np
import pytest
from coalitions import instance, loss_game, semivalue, shapley_weights
from scipy import optimize, stats

import homotopy as hm
from homotopy.measurements import as_measurement
from homotopy.valuation import kernels
from homotopy.valuation.games import AbstractGame, game_of
from homotopy.valuation.measures import measure_of
from homotopy.valuation.moments import Moments
from homotopy.valuation.permutations import _Sampler


def setting(n=9, d=3, ridge=0.5, seed=0):
    X, y, X_test, y_test = instance(n, d, seed=seed)
    return hm.LinearRegression(X, y, deleted=0, ridge=ridge), hm.TestLoss(X_test, y_test)


def exact(n=9, ridge=0.5):
    return semivalue(loss_game(*instance(n), ridge), n, shapley_weights(n))


def sampler(problem, loss, method, semivalue=None):
    game = game_of(problem, measure_of(loss, problem))
    return _Sampler(method, game, semivalue or hm.Shapley())


def test_the_mean_over_all_orders_is_the_value_and_each_order_is_efficient():
    problem, loss = setting(6)
    orders = np.array(list(itertools.permutations(range(6))), np.int32)
    sample = sampler(problem, loss, hm.Permutations(2))
    changes, work = sample.changes(orders)
    assert work == orders.size
    np.testing.assert_allclose(changes.mean(axis=0), exact(6), atol=1e-14)
    np.testing.assert_allclose(changes.sum(axis=1), float(sample.total), atol=1e-14)
    # Another measure of coalitions, by weights of places: the same sum by definition.
    beta = hm.BetaShapley(3, 1)
    weighted = semivalue(loss_game(*instance(6), 0.5), 6, beta.coalition_weights(6))
    found = sampler(problem, loss, hm.Permutations(2), beta).changes(orders)[0].mean(axis=0)
    np.testing.assert_allclose(found, weighted, atol=1e-14)


@pytest.mark.parametrize("options", [{}, {"antithetic": False}, {"strata": 9}, {"strata": 4}])
def test_samples_lie_about_the_value_within_their_errors(options):
    problem, loss = setting()
    found = hm.data_values(problem, loss, hm.Permutations(20_000, seed=5, **options))
    z = (np.asarray(found.values) - exact()) / np.asarray(found.standard_error)
    assert np.max(np.abs(z)) < 4.0  # of nine values: by chance once in 1,800
    assert np.sum(z**2) < stats.chi2.isf(1e-4, 9)
    assert abs(float(found.efficiency_gap)) < 1e-14


def test_strata_bring_every_point_to_every_place_once():
    problem, loss = setting()
    sample = sampler(problem, loss, hm.Permutations(2, antithetic=False, strata=9))
    orders = sample.orders(0, 5).reshape(5, 9, 9)
    for unit in orders:
        places = np.argsort(unit, axis=1)
        np.testing.assert_array_equal(np.sort(places, axis=0), np.arange(9)[:, None].repeat(9, 1))


def test_strata_and_reverses_lower_the_variance_at_equal_cost():
    problem, loss = setting()
    methods = ({"antithetic": False}, {}, {"antithetic": False, "strata": 9})
    plain, reverses, strata = (
        hm.data_values(problem, loss, hm.Permutations(9000, **each)).standard_error
        for each in methods
    )
    assert np.mean(np.asarray(reverses) ** 2) < 0.9 * np.mean(np.asarray(plain) ** 2)
    assert np.mean(np.asarray(strata) ** 2) < 0.7 * np.mean(np.asarray(plain) ** 2)


class PairGame(AbstractGame):
    """m of a coalition is a sum over its members and their pairs."""

    unit, most, shape = "sums", 9, ()

    def __init__(self, single, pairs):
        self.single, self.pairs, self.size = single, pairs, len(single)

    def values(self, members):
        inside = members.astype(float)
        return -(inside @ self.single + np.sum(inside @ self.pairs * inside, axis=1))


def test_one_order_and_its_reverse_are_exact_for_games_of_pairs():
    generator = np.random.default_rng(0)
    single, pairs = generator.normal(size=7), np.triu(generator.normal(size=(7, 7)), 1)
    sample = _Sampler(hm.Permutations(2), PairGame(single, pairs), hm.Shapley())
    changes = sample.changes(sample.orders(0, 3))[0].reshape(3, 2, 7).mean(axis=1)
    known = single + (pairs + pairs.T).sum(axis=1) / 2
    np.testing.assert_allclose(changes, np.tile(known, (3, 1)), atol=1e-12)


def test_intervals_hold_the_value_as_often_as_they_say():
    """Of 200 samples with nine values each; the whole sets of bounds too."""
    problem, loss = setting()
    known, alone, together = exact(), [], []
    for seed in range(200):
        found = hm.data_values(problem, loss, hm.Permutations(600, seed=seed))
        low, high = found.interval(0.95)
        alone.append((low <= known) & (known <= high))
        low, high = found.interval(0.95, simultaneous=True)
        together.append(np.all((low <= known) & (known <= high)))
    assert abs(np.mean(alone) - 0.95) < 0.03
    assert np.mean(together) > 0.92


def test_going_on_is_the_same_as_having_gone_on():
    problem, loss = setting()
    first = hm.data_values(problem, loss, hm.Permutations(128))
    more = hm.data_values(problem, loss, hm.Permutations(256), resume=first)
    whole = hm.data_values(problem, loss, hm.Permutations(384))
    assert int(more.sampling.units) == int(whole.sampling.units) == 192
    np.testing.assert_allclose(more.values, whole.values, rtol=1e-13)
    np.testing.assert_allclose(more.standard_error, whole.standard_error, rtol=1e-12)
    assert int(more.work) == int(whole.work)
    with pytest.raises(ValueError, match=r"^resume: expected sampled values, got exact"):
        exactly = hm.data_values(problem, loss, hm.Enumeration())
        hm.data_values(problem, loss, hm.Permutations(8), resume=exactly)
    with pytest.raises(ValueError, match=r"^resume: expected 8 values"):
        hm.data_values(*setting(8), hm.Permutations(8), resume=first)
    with pytest.raises(ValueError, match=r"^resume: expected values of this problem"):
        hm.data_values(*setting(seed=1), hm.Permutations(8), resume=first)


def test_samples_of_several_processes_are_one_sample():
    problem, loss = setting()
    parts = [hm.data_values(problem, loss, hm.Permutations(60, seed=seed)) for seed in (1, 2, 5)]
    found = hm.valuation.pooled_values(parts)
    samples = []
    for seed in (1, 2, 5):
        sample = sampler(problem, loss, hm.Permutations(60, seed=seed))
        changes = sample.changes(sample.orders(0, 30))[0]
        samples.append(changes.reshape(30, 2, 9).mean(axis=1))
    samples = np.concatenate(samples)
    np.testing.assert_allclose(found.values, samples.mean(axis=0), rtol=1e-13)
    np.testing.assert_allclose(found.standard_error, stats.sem(samples, axis=0), rtol=1e-12)
    assert int(found.work) == 180 * 9 and int(found.sampling.units) == 90
    other = hm.data_values(*setting(seed=1), hm.Permutations(60))
    with pytest.raises(ValueError, match=r"^parts: expected values of one game"):
        hm.valuation.pooled_values([*parts, other])


def test_moments_of_parts_are_those_of_all_samples():
    samples = np.random.default_rng(0).exponential(size=(37, 3)) + 1e3
    found = (
        Moments.of(samples[:5]).merged(Moments.of(samples[5:30])).merged(Moments.of(samples[30:]))
    )
    np.testing.assert_allclose(found.mean, samples.mean(axis=0), rtol=1e-14)
    np.testing.assert_allclose(found.standard_error, stats.sem(samples, axis=0), rtol=1e-12)
    known = stats.kurtosis(samples, axis=0)
    np.testing.assert_allclose(found.excess_kurtosis, known, rtol=1e-9)


def test_it_stops_when_all_values_are_known_well_enough():
    problem, loss = setting()
    found = hm.data_values(problem, loss, hm.Permutations(100_000, tolerance=0.02))
    assert 32 < int(found.sampling.units) < 50_000
    assert np.log2(int(found.sampling.units)) % 1 == 0
    assert np.max(np.abs(found.values - exact())) <= 0.02 * float(found.total)
    # With what is left of 5 % at this look, for all values together.
    look = 1 + np.log2(int(found.sampling.units) / 32)
    risk = 0.05 * 6 / (np.pi * look) ** 2
    low, high = found.interval(1 - risk, simultaneous=True)
    assert 0.006 * float(found.total) < np.max(high - low) / 2 <= 0.02 * float(found.total)
    with pytest.raises(RuntimeError, match="before the tolerance was reached"):
        hm.data_values(problem, loss, hm.Permutations(100, tolerance=1e-4))
    left = hm.data_values(problem, loss, hm.Permutations(100, tolerance=1e-4), throw=False)
    assert left.status == hm.results.ValueStatus.not_settled
    assert 0.0 <= found.settled(3) <= 1.0


def test_an_interruption_keeps_the_permutations_done():
    problem, loss = setting()

    def stop(progress):
        if progress.done >= 128:
            raise KeyboardInterrupt

    found = hm.data_values(problem, loss, hm.Permutations(10_000), throw=False, progress=stop)
    assert found.status == hm.results.ValueStatus.interrupted
    assert 64 <= int(found.sampling.units) < 5000


def test_truncation_leaves_what_it_says_in_the_efficiency_gap():
    X, y, X_test, y_test = instance(200, 3)
    problem, loss = hm.LinearRegression(X, y, deleted=0, ridge=1.0), hm.TestLoss(X_test, y_test)
    whole = hm.data_values(problem, loss, hm.Permutations(200))
    short = hm.data_values(problem, loss, hm.Permutations(200, truncation=0.05))
    assert int(short.work) < 0.5 * int(whole.work)
    gap = abs(float(short.efficiency_gap))
    assert 1e-6 < gap <= 0.05 * abs(float(short.total))
    assert abs(float(whole.efficiency_gap)) < 1e-13
    # The same orders, cut by hand: m within the share for six places in a row.
    sample = sampler(problem, loss, hm.Permutations(8, truncation=0.05))
    order = sample.orders(0, 1)[:1]
    full = sampler(problem, loss, hm.Permutations(8)).changes(order)[0][0, order[0]]
    within = np.abs(float(sample.total) - np.cumsum(full)) <= 0.05 * abs(float(sample.total))
    stop = next(k for k in range(5, 200) if within[k - 5 : k + 1].all())
    cut = sample.changes(order)[0][0, order[0]]
    np.testing.assert_allclose(cut, np.where(np.arange(200) <= stop, full, 0.0), atol=1e-14)
    with pytest.raises(ValueError, match=r"^method: expected truncation=0"):
        hm.data_values(
            hm.LinearRegression(X, y, deleted=0), loss, hm.Permutations(8, truncation=0.1)
        )


def test_truncation_of_refits_and_of_games():
    """Of refits by hand along one order; a game of two outputs ends where both have settled."""
    X, y, X_test, y_test = instance(24, 2)
    classes, test_classes = (y > 0).astype(int), (y_test > 0).astype(int)
    problem = hm.Problem(hm.linear_model(2), hm.Logistic(), X, classes, deleted=0, ridge=1.0)
    loss = hm.TestLoss(X_test, test_classes)
    share = 0.2
    sample = sampler(problem, loss, hm.Permutations(2, antithetic=False, truncation=share))
    order = sample.orders(0, 1)
    values = []
    for place in range(25):
        rows = order[0, :place]

        def risk(theta, rows=rows):
            z = X[rows] @ theta
            return np.sum(np.logaddexp(0.0, z) - classes[rows] * z) + 0.5 * theta @ theta

        theta = optimize.minimize(risk, np.zeros(2), method="BFGS", options={"gtol": 1e-9}).x
        z = X_test @ theta
        values.append(np.mean(np.logaddexp(0.0, z) - test_classes * z))
    values = np.array(values)
    within = np.abs(values - values[-1]) <= share * abs(values[0] - values[-1])
    stop = next(k for k in range(5, 25) if within[k - 5 : k + 1].all())
    assert stop < 24
    changes, work = sample.changes(order)
    assert work == stop
    cut = np.where(np.arange(24) < stop, -np.diff(values), 0.0)
    np.testing.assert_allclose(changes[0, order[0]], cut, atol=1e-7)


def test_heavy_tails_are_told():
    """Without a ridge fits of about d points have a loss without a mean."""
    X, y, X_test, y_test = instance(30, 5, 50, seed=8)
    problem, loss = hm.LinearRegression(X, y, deleted=0), hm.TestLoss(X_test, y_test)
    with pytest.raises(RuntimeError, match="tails so heavy"):
        hm.data_values(problem, loss, hm.Permutations(3000))
    method = hm.Permutations(3000, smallest=10)
    calm = hm.data_values(problem, loss, method, throw=False)
    assert calm.status != hm.results.ValueStatus.heavy_tails
    assert abs(float(calm.efficiency_gap)) < 1e-10


def test_the_two_ways_along_an_order_agree():
    problem, loss = setting()
    fast = sampler(problem, loss, hm.Permutations(2, smallest=3))
    # As any function of θ, it is not known to be quadratic.
    function = as_measurement(lambda theta: loss(problem, theta, None, None), problem)
    slow = sampler(problem, function, hm.Permutations(2, smallest=3))
    assert fast.game.fast and not slow.game.fast
    orders = fast.orders(0, 7)
    np.testing.assert_allclose(fast.changes(orders)[0], slow.changes(orders)[0], atol=1e-13)
    assert kernels.LANES != len(orders)  # the last lanes are not full


def test_banzhaf_values_by_reuse_of_samples():
    problem, loss = setting()
    method = hm.valuation.SampleReuse(20_000, seed=1)
    found = hm.data_values(problem, loss, method, hm.Banzhaf())
    known = semivalue(loss_game(*instance(), 0.5), 9, np.full(9, 0.5**8))
    z = (np.asarray(found.values) - known) / np.asarray(found.standard_error)
    assert np.max(np.abs(z)) < 4.0
    with pytest.raises(ValueError, match=r"^semivalue: expected Banzhaf\(\)"):
        hm.data_values(problem, loss, method)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"count": 1}, "^count: expected an integer >= 2"),
        ({"strata": 0}, "^strata: expected an integer >= 1"),
        ({"tolerance": 2.0}, "^tolerance: expected a number in"),
    ],
)
def test_bad_settings_are_refused_by_name(arguments, message):
    with pytest.raises(ValueError, match=message):
        hm.Permutations(**arguments)
    with pytest.raises(ValueError, match=r"^method: expected strata <= 9"):
        hm.data_values(*setting(), hm.Permutations(20, strata=10))
