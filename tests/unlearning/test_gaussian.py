"""The Gaussian mechanism: exact calibration, against fifty digits, quadrature and tables."""

import math

import numpy as np
import pytest
from mpmath import mp, mpf
from oracles.unlearning import log_delta
from scipy import stats

import homotopy as hm
from homotopy.unlearning import GaussianPair

# σ/Δ at δ = 1e-5 and a few ε: exact, and by zero-concentrated privacy.
TABLE = {
    0.1: (30.74957, 48.08923),
    0.5: (7.03183, 9.70014),
    1.0: (3.73063, 4.90056),
    2.0: (1.99381, 2.49929),
    5.0: (0.89187, 1.05453),
    10.0: (0.49989, 0.56790),
    40.0: (0.17485, 0.18686),
}


def test_the_calibrations_are_those_of_the_table():
    for epsilon, (exact, concentrated) in TABLE.items():
        mechanism = hm.GaussianMechanism(epsilon, 1e-5)
        assert mechanism.noise(1.0) == pytest.approx(exact, abs=5.1e-6)
        assert mechanism.concentrated_noise(1.0) == pytest.approx(concentrated, abs=5.1e-6)


@pytest.mark.parametrize(
    ("epsilon", "delta"),
    [(1.0, 1e-5), (0.1, 1e-5), (40.0, 1e-5), (1.0, 1e-300), (1e-3, 1e-300), (0.0, 1e-5),
     (1e-8, 1e-3), (100.0, 0.5), (1.0, 1.0 - 1e-9), (500.0, 1e-200)],
)  # fmt: skip
def test_the_ratio_is_exact_and_rounded_down(epsilon, delta):
    """δ at it is at most what is asked for, and above it at what is 2e-12 larger."""
    ratio = hm.GaussianMechanism(epsilon, delta).ratio
    with mp.workdps(400):
        asked = mp.log(mpf(delta))
        assert (
            log_delta(epsilon, ratio) <= asked < log_delta(epsilon, mpf(ratio) * (1 + mpf(2e-12)))
        )


def test_delta_is_the_integral_that_it_stands_for():
    """∫ (p − e^ε q)₊ on a fine grid: the trapezoidal rule's error is below 1e-9 there."""
    x = np.linspace(-16.0, 16.0, 400_001)
    for epsilon in (0.0, 0.1, 1.0, 3.0):
        for ratio in (0.1, 0.5, 1.0, 2.0):
            excess = stats.norm.pdf(x - ratio) - math.exp(epsilon) * stats.norm.pdf(x)
            integral = np.trapezoid(np.maximum(excess, 0.0), x)
            assert GaussianPair(ratio).delta(epsilon) == pytest.approx(integral, abs=1e-9)


def test_delta_rises_with_the_ratio_and_falls_with_epsilon():
    ratios, epsilons = np.geomspace(1e-3, 8.0, 60), np.linspace(0.0, 20.0, 60)
    logs = np.array([[GaussianPair(r).log_delta(e) for e in epsilons] for r in ratios])
    assert np.all(np.diff(logs, axis=0) > 0.0)
    assert np.all(np.diff(logs, axis=1) < 0.0)
    assert GaussianPair(0.0).delta(1.0) == 0.0 and GaussianPair(0.0).privacy_epsilon(1e-9) == 0.0


def test_epsilon_and_delta_are_inverse_to_each_other():
    for ratio in (1e-3, 0.3, 2.0, 15.0):
        pair = GaussianPair(ratio)
        for epsilon in (0.01, 1.0, 7.0):
            if 1e-300 < pair.delta(epsilon) < 0.9:  # near one it does not tell ε
                assert pair.privacy_epsilon(pair.delta(epsilon)) == pytest.approx(epsilon, rel=1e-9)


def test_attacks_are_those_of_the_likelihood_ratio():
    """Against counts of 400,000 draws: standard errors below 8e-4, four of them allowed."""
    ratio, draws = 0.7, np.random.default_rng(0).normal(size=(2, 400_000))
    pair, shifted = GaussianPair(ratio), draws[0] + ratio
    assert np.mean(shifted > ratio / 2) - np.mean(draws[1] > ratio / 2) == pytest.approx(
        pair.advantage, abs=4 * 1.1e-3
    )
    assert np.mean(shifted > draws[1]) == pytest.approx(pair.auc, abs=4 * 8e-4)
    cut = np.quantile(draws[1], 0.9)
    assert np.mean(shifted <= cut) == pytest.approx(pair.trade_off(0.1), abs=4 * 1.3e-3)
    assert pair.trade_off(0.0) == 1.0 and pair.trade_off(1.0) == 0.0


@pytest.mark.parametrize(("delta", "last"), [(1e-5, 8.42), (1e-2, 6.77), (1e-12, 10.25)])
def test_the_classical_noise_is_too_small_from_some_epsilon_on(delta, last):
    assert hm.GaussianMechanism(last - 0.02, delta).classical_holds
    assert not hm.GaussianMechanism(last + 0.02, delta).classical_holds


def test_noise_and_distance_are_inverse_and_what_is_no_distance_is_refused():
    mechanism = hm.GaussianMechanism(1.0, 1e-5)
    assert mechanism.noise(mechanism.distance(0.3)) == pytest.approx(0.3, rel=1e-14)
    assert mechanism.noise(0.0) == 0.0
    with pytest.raises(ValueError, match=r"^distance: expected a finite number .* vacuous"):
        mechanism.noise(math.inf)
    for wrong in (-1.0, math.nan):
        with pytest.raises(ValueError, match=r"^privacy_epsilon: "):
            hm.GaussianMechanism(wrong, 1e-5)
    for wrong in (0.0, 1.0, math.nan):
        with pytest.raises(ValueError, match=r"^delta: expected a number in \(0, 1\)"):
            hm.GaussianMechanism(1.0, wrong)
    for wrong in (0.0, -1.0, math.inf):
        with pytest.raises(ValueError, match=r"^noise: "):
            mechanism.distance(wrong)
