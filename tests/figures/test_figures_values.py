"""The numbers of the figures on what points are worth, on coarse grids."""

import numpy as np
from drawing import drawn

from figures import fig25_removal_curves, fig26_value_errors, fig27_values_in_training
from homotopy.datasets import diabetes


def test_removal_curves_begin_alike_and_values_find_what_was_turned():
    data = fig25_removal_curves.compute(fast=True)
    loss, found = np.array(data["loss"]), np.array(data["found"])
    assert loss.shape == (2, 2, 6, 26) and found.shape == (2, 6, 200)
    np.testing.assert_allclose(loss[..., 0], loss[:, :1, :1, 0] + np.zeros((2, 2, 6)), rtol=1e-12)
    assert np.all(found[..., -1] == data["turned"])
    names = dict(zip(data["names"], range(6), strict=True))
    # The fit to all rows, by NumPy's least squares of rows that the ridge adds.
    table, generator = diabetes(), np.random.default_rng(0)
    train, _, judged_on = np.split(generator.permutation(442), [200, 300])
    X = (table.X - table.X[train].mean(axis=0)) / table.X[train].std(axis=0)
    y = (table.y - table.y[train].mean()) / table.y[train].std()
    targets = y[train].copy()
    targets[generator.choice(200, 20, replace=False)] *= -1.0
    theta = np.linalg.lstsq(np.vstack([X[train], np.eye(10)]), np.append(targets, np.zeros(10)))[0]
    known = 0.5 * np.mean((y[judged_on] - X[judged_on] @ theta) ** 2)
    np.testing.assert_allclose(loss[0, 0, 0, 0], known, rtol=1e-12)
    # What the caption says.
    late = found[:, :, 79].mean(axis=0)
    assert late[names["Shapley"]] > late[names["influence"]] > late[names["at random"]] + 2
    ends = loss[:, 1, :, -1].mean(axis=0)
    assert ends[names["Shapley"]] < ends[names["leave-one-out"]]
    axes = drawn(fig25_removal_curves, data)
    assert len(axes) == 3 and len(axes[0].lines) == 6


def test_errors_fall_with_the_ridge_and_with_the_permutations():
    data = fig26_value_errors.compute(fast=True)
    errors = np.array(data["by_ridge"]).mean(axis=0)
    medium, aumann, influence = errors[:, 0], errors[:, 1], errors[:, 2]
    assert np.all(medium < aumann) and np.all(aumann < influence)
    assert np.all(np.diff(medium) < 0) and medium[-1] < 1e-5
    sampled = np.array(data["by_count"]).mean(axis=(0, 2))
    slope = np.polyfit(np.log(data["counts"]), np.log(sampled), 1)[0]
    assert abs(slope + 0.5) < 0.1
    levels = np.array(data["levels"]).mean(axis=0)
    assert levels[0] < 0.05 < 0.2 < levels[1]
    axes = drawn(fig26_value_errors, data)
    assert axes[1].lines[-2].get_ydata()[0] == levels[0]


def test_values_of_training_that_stops_are_right_to_first_order():
    data = fig27_values_in_training.compute(fast=True)
    values, exact = np.array(data["values"]), np.array(data["exact"])
    error = np.linalg.norm(values - exact, axis=2) / np.linalg.norm(exact, axis=1)
    assert error[0, 0] < 2e-3 and error[1, 0] < 5e-3 and error[2, 0] > 0.1
    # Both integrals share out the same as the exact values.
    np.testing.assert_allclose(values[:2].sum(axis=2), exact.sum(axis=1)[None] + np.zeros((2, 4)),
                               atol=1e-6)  # fmt: skip
    axes = drawn(fig27_values_in_training, data)
    assert len(axes) == 2 and len(axes[1].lines) == 3
