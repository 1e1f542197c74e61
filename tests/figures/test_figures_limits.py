"""The numbers of the figures on high dimension, on coarse grids."""

import numpy as np
from drawing import drawn

from figures import (
    fig30_learning_in_stages,
    fig31_double_descent,
    fig32_influence_in_high_dimension,
)


def test_risk_and_deletion_descend_twice():
    data = fig31_double_descent.compute(fast=True)
    gamma, noise, signal = np.array(data["gamma"]), 0.5, 2.0
    few = gamma < 1
    risk, deletion = np.array(data["risk"]), np.array(data["deletion"])
    below, above = noise * gamma / (1 - gamma), signal * (1 - 1 / gamma) + noise / (gamma - 1)
    np.testing.assert_allclose(risk[0], np.where(few, below, above), rtol=1e-9)
    above = noise * gamma / (gamma - 1) ** 2 + signal / gamma
    known = np.where(few, noise * gamma / (1 - gamma) ** 2, above)
    np.testing.assert_allclose(deletion[0], known, rtol=1e-9)
    # The best ridge has no pole, and is never worse.
    assert np.all(risk[1] <= risk[0]) and risk[1].max() < 2.0 < 30.0 < risk[0].max()
    assert deletion[1].max() < 1.0 < 1e3 < deletion[0].max()
    # Data of 100 rows lie on the limits, up to their errors and one of order 1/n.
    mean, error = np.moveaxis(np.array(data["drawn"]), 2, 0)
    at = [[np.interp(one, gamma, curve) for one in data["ratios"]] for curve in
          (risk[0], risk[1], deletion[0], deletion[1])]  # fmt: skip
    said = np.array(at).reshape(2, 2, -1).transpose(2, 1, 0)
    assert np.all(np.abs(mean - said) < 4 * error + 0.05 * said)
    axes = drawn(fig31_double_descent, data)
    assert len(axes) == 2


def test_influence_misses_a_factor_and_cross_validation_the_scales():
    data = fig32_influence_in_high_dimension.compute(fast=True)
    gamma = np.array(data["gamma"])
    np.testing.assert_allclose(np.array(data["factor"]["isotropic"])[:, 0], 1 - gamma, rtol=1e-12)
    branches = np.array(data["factor"]["elliptical"])
    np.testing.assert_allclose(branches.mean(axis=1), 1 - gamma, rtol=1e-9)
    assert np.all(branches[:, 0] > branches[:, 1])
    for name, curves in data["factor"].items():
        middle = np.array(data["spread"][name])[:, :, 1]
        said = [[np.interp(g, gamma, c) for c in np.array(curves).T] for g in data["ratios"]]
        np.testing.assert_allclose(middle, said, atol=0.02)
    truth, influence = np.array(data["sizes"])
    scales = np.array(data["scales"])
    small = np.median((influence / truth)[scales == 0.5])
    large = np.median((influence / truth)[scales == 2.0])
    assert small > 4 * large and data["rank_correlation"] < 0.75
    mean, error = np.array(data["cross"])[:, 0], np.array(data["cross"])[:, 1]
    said = [[np.interp(g, gamma, c) for c in data["validation"]] for g in data["ratios"]]
    assert np.all(np.abs(mean - said) < 4 * error + 0.03 * mean)
    assert np.all(mean[1:, 1] - mean[1:, 2] > 8 * error[1:, 2])
    assert len(drawn(fig32_influence_in_high_dimension, data)) == 3


def test_components_are_learned_one_after_another():
    data = fig30_learning_in_stages.compute(fast=True)
    half = np.array(data["half_times"])
    assert np.all(np.diff(half) > 0.0)
    # t₀ as predicted, t₁ to the leading order in log(1/ε), the others by their scales.
    np.testing.assert_allclose(half[0], data["predicted"][0], rtol=1e-3)
    np.testing.assert_allclose(half[1], data["predicted"][1], rtol=0.25)
    np.testing.assert_allclose(half[2:] / data["scales"], [1.55, 1.56], atol=0.02)
    risk, times = np.array(data["risk"]), np.array(data["times"])
    assert np.all(np.diff(risk) <= 1e-12)
    for place, level in enumerate(data["plateaus"][:2]):
        between = np.sqrt(half[place] * half[place + 1])
        np.testing.assert_allclose(np.interp(between, times, risk), level, rtol=0.02)
    np.testing.assert_allclose(data["peaks"][1], [1.0, 3.73, 7.91, 5.31], atol=0.05)
    # 500 points in 20 dimensions: errors of √(d/n).
    limit, points = np.array(data["limit"]), np.array(data["data"])
    at = np.searchsorted(data["limit_times"], np.array(data["dots"]) * 0.999)
    assert np.abs(points - limit[at]).max() < 0.6 and np.abs(points - limit[at]).mean() < 0.2
    assert len(drawn(fig30_learning_in_stages, data)) == 4
