"""Influence in stages: modes of linear networks in closed form, and training without each point."""

import math

import diffrax
import mpmath as mp
import numpy as np
import pytest

import homotopy as hm
from homotopy.linear_networks import hierarchy_example, mode_influence, mode_peak

# Compiles sooner than the default solver.
METHOD = hm.Adaptive(rtol=1e-9, atol=1e-11, solver=diffrax.Tsit5())


def test_the_influence_on_a_mode_by_differentiation_to_forty_digits():
    times, s, start = [0.0, 0.7, 1.1, 3.0, 40.0], 3.0, 1e-3

    def strength(x, t):
        return x / (1 + (x / start - 1) * mp.exp(-2 * x * t))

    with mp.workdps(40):
        known = [float(mp.diff(lambda x, t=t: strength(x, t), s)) for t in times]
    np.testing.assert_allclose(mode_influence(times, s, start), known, rtol=1e-11, atol=1e-14)


def test_the_peak_is_a_logarithm_of_the_start():
    """The heights and places of theory §11.2, to the digits given there."""
    peaks = [mode_peak(3.0, start) for start in (1e-2, 1e-4, 1e-6, 1e-8)]
    np.testing.assert_allclose([p.height for p in peaks], [1.87, 2.93, 4.05, 5.18], atol=0.005)
    late = [p.time / p.transition for p in peaks]
    np.testing.assert_allclose(late, [1.13, 1.04, 1.02, 1.01], atol=0.005)
    grid = np.linspace(0.5, 4.0, 7001)
    for peak, start in zip(peaks, (1e-2, 1e-4, 1e-6, 1e-8), strict=True):
        assert abs(np.max(mode_influence(grid, 3.0, start)) - peak.height) < 1e-5
        assert abs(peak.predicted_height - (1 + math.log(3 / start)) / 4) < 1e-12
    with pytest.raises(ValueError, match=r"initial: expected a number in \(0, 1.5\)"):
        mode_peak(3.0, 2.0)


def test_levels_matter_when_they_are_learned():
    example = hierarchy_example(singular_values=(6.0, 3.0, 1.5), hidden=4)
    problem, start = example.problem(), example.aligned_start(1e-3)
    times = np.linspace(0.05, 6.0, 60)

    def strengths(theta):
        return example.strengths(theta[None])[0]

    # Of the same points as below, so that the flow is compiled once.
    found = hm.influence_in_time(problem, start, strengths, times, points=[0, 1, 2], method=METHOD)
    s = np.asarray(example.singular_values)[:3]
    transitions = np.log(s / 1e-3 - 1) / (2 * s)
    np.testing.assert_allclose(np.asarray(found.peak_times)[0, :3], transitions, rtol=0.15)
    # A helpful item's loss is large at first and smaller later; counts are those of its zeros.
    loss = hm.TestLoss(np.asarray(example.X)[1:2], np.asarray(example.y)[1:2])
    other = hm.influence_in_time(problem, start, loss, times, points=[0, 1, 2], method=METHOD)
    counts = other.sign_change_counts()
    assert counts.tolist() == [len(other.sign_changes(point)) for point in (0, 1, 2)]


@pytest.mark.parametrize("kind", ["linear", "network"])
def test_training_without_a_point_is_the_flow_of_the_others(kind):
    generator = np.random.default_rng(0)
    X, times = generator.normal(size=(6, 2)), [0.1, 0.8]
    y = X @ np.array([1.0, -1.0]) + 0.1 * generator.normal(size=6)
    X_test, y_test = X[:2], y[:2] + 1.0
    loss = hm.TestLoss(X_test, y_test)
    if kind == "linear":
        make = lambda X, y: hm.LinearRegression(X, y, deleted=0)  # noqa: E731
        start = np.array([0.5, 0.2])
    else:
        model = hm.mlp([2, 2, 1])
        make = lambda X, y: hm.Problem(model, hm.SquaredError(), X, y, deleted=0)  # noqa: E731
        start = generator.normal(size=model.dimension)
    problem = make(X, y)
    found = hm.influence.leave_one_out_in_time(problem, start, loss, times, points=[1, 4])
    whole = hm.flow(problem, hm.Constant(1.0), start, times).theta
    for place, row in enumerate((1, 4)):
        keep = np.arange(6) != row
        others = make(X[keep], y[keep])
        theta = hm.flow(others, hm.Constant(1.0), start, times).theta
        known = [
            float(loss(others, one, None, None)) - float(loss(problem, two, None, None))
            for one, two in zip(theta, whole, strict=True)
        ]
        # Adaptive solvers of 1e-9 a step.
        np.testing.assert_allclose(found.influence[:, place], known, atol=1e-7)
    assert bool(found.successful) and found.value.shape == (2,)
