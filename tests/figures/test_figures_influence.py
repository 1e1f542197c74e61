"""The numbers of the figures on influence, on coarse grids."""

import numpy as np
import pytest
from drawing import drawn

import homotopy as hm
from figures import (
    early_stopped,
    fig01_gaps,
    fig16_estimators,
    fig17_groups,
    fig18_pbrf,
    fig19_mislabelled,
)


def test_gaps_add_up_and_convex_models_have_no_warm_start_gap(monkeypatch):
    # The two convex rows; the perceptrons take minutes.
    small = lambda: early_stopped.concrete_perceptron(60)  # noqa: E731
    monkeypatch.setattr(fig01_gaps, "concrete_perceptron", small)
    monkeypatch.setattr(fig01_gaps, "digits_perceptron", early_stopped.diabetes_linear)
    data = fig01_gaps.compute(fast=True)
    for row in data["rows"]:
        links = np.array(row["links"])
        sizes = np.abs(np.diff(links, axis=-1)).mean(axis=(0, 1))
        assert row["complete"] == 1.0
        np.testing.assert_allclose(sizes, row["mean_size"], rtol=1e-3, atol=1e-6)
        assert min(row["gradient_norms"]) > 0.1
    for row in data["rows"][:2]:
        assert row["mean_size"][0] < 1e-10 < row["mean_size"][1]
        assert row["mean_size"][3] < 0.2 * row["mean_size"][2]
    axes = drawn(fig01_gaps, data)
    # The warm-start gap of a convex model is rounding.
    assert axes[0].texts[0].get_text() == "0"
    heights = [bar.get_height() for bar in axes[0].patches]
    np.testing.assert_allclose(heights, data["rows"][0]["mean_size"])


def test_estimators_against_retraining():
    data = fig16_estimators.compute(fast=True)
    panels = data["panels"]
    assert data["refits_failed"] == 0 and all(not panel["failed"] for panel in panels.values())
    assert panels["influence at ε = 1"]["slope"] < 1 < panels["influence at ε = 0"]["slope"]
    assert abs(panels["Taylor, order 3"]["slope"] - 1) < 0.05
    assert min(panel["spearman"] for panel in panels.values()) > 0.9
    axes = drawn(fig16_estimators, data)
    assert len(axes) == 6
    truth = np.array(data["truth"])
    for ax, panel in zip(axes, panels.values(), strict=True):
        (ratios,) = [line.get_ydata() for line in ax.lines if len(line.get_ydata()) > 2]
        np.testing.assert_allclose(ratios * truth, panel["predicted"])
        low, middle, high = panel["ratios"]
        assert np.mean(ratios < middle) == pytest.approx(0.5, abs=0.05)
        assert ratios.min() <= low < middle < high <= ratios.max()
        assert np.all((ratios > ax.get_ylim()[0]) & (ratios < ax.get_ylim()[1]))
    # A damped estimator falls short of every change.
    assert panels["Gauss–Newton, δ = 10"]["ratios"][2] < 1.0


def test_sizes_that_are_rounding_are_written_0():
    assert fig01_gaps._number(4e-17, 1.0) == fig01_gaps._number(2e-11, 0.02) == "0"
    assert fig01_gaps._number(2e-4, 0.02) == "0.0002"
    assert fig01_gaps._number(2e-6, 2e-3) == r"$2\cdot 10^{-6}$"


def test_groups_are_underestimated():
    data = fig17_groups.compute(fast=True)
    assert len(data["panels"]) == 9
    for panel in data["panels"]:
        assert panel["largest_residual"] < 1e-10
        assert len(panel["sizes"]) == len(panel["retrained"]) == 12
    adversarial = [panel for panel in data["panels"] if panel["kind"] == "adversarial"]
    for panel in adversarial:
        assert panel["influence_slope"] < min(1.0, panel["newton_slope"])
    assert len(drawn(fig17_groups, data)) == 9


def test_the_response_is_what_influence_predicts():
    data = fig18_pbrf.compute(fast=True)
    errors = np.array(data["linearisation_errors"])[:, 1]
    assert np.all(np.diff(errors) < 0)
    assert np.max(np.abs(np.array(data["slopes"]) - 2.0)) < 0.2
    assert data["spearman_with_influence"]["pbrf"]["own"] > 0.9
    assert len(drawn(fig18_pbrf, data)) == 4


def test_flipped_labels_are_found(monkeypatch):
    monkeypatch.setattr(fig19_mislabelled, "SIZE", 60)
    monkeypatch.setattr(fig19_mislabelled, "FLIPPED", 6)
    data = fig19_mislabelled.compute(fast=True)
    found = np.array(data["found"])
    assert found.shape == (1, 4, 60) and np.all(found[..., -1] == 6)
    # Average precision from the definition: the mean of the precisions at each flipped label.
    for runs, averages in zip(found, data["average_precision"], strict=True):
        for run, average in zip(runs, averages, strict=True):
            at = 1 + np.searchsorted(run, np.arange(1, 7))
            assert average == pytest.approx(np.mean(np.arange(1, 7) / at))
    assert len(drawn(fig19_mislabelled, data)) == 2


def test_settings_are_those_of_the_captions():
    setting = early_stopped.breast_cancer_logistic()
    assert setting.problem.size == 400 and setting.problem.dimension == 31
    assert isinstance(setting.problem.loss, hm.Logistic)
    assert float(setting.problem.ridge) == pytest.approx(0.4)
    assert setting.damping == pytest.approx(4.0)
