"""The numbers of the figure on soft weights, by scikit-learn's refits."""

import numpy as np
from sklearn.linear_model import LogisticRegression

from figures import fig24_soft_weights
from homotopy.datasets import diabetes


def test_soft_weights_reach_their_targets_and_the_closed_form_misses_them():
    data = fig24_soft_weights.compute(fast=True)
    before = np.array(data["before"])
    table = diabetes()
    age, y = table.X[:, table.feature_names.index("age")], table.y > np.median(table.y)
    rows = np.random.default_rng(0).permutation(442)
    train, *parts = np.split(rows, [222, 332])
    X = (table.X - table.X[train].mean(axis=0)) / table.X[train].std(axis=0)
    X = np.column_stack([np.ones(442), X])
    # The intercept is penalised as every parameter.
    fit = LogisticRegression(C=1.0, fit_intercept=False, tol=1e-12, max_iter=10_000)
    p = fit.fit(X[train], y[train]).predict_proba(X)[:, 1]
    group = age > np.median(age)
    for place, part in enumerate(parts):
        disparity = p[part][group[part]].mean() - p[part][~group[part]].mean()
        assert abs(abs(disparity) - abs(before[place, 0])) < 1e-6
        loss = -np.mean(np.log(np.where(y[part], p[part], 1 - p[part])))
        assert abs(loss - before[place, 1]) < 1e-6
    soft, published, hard = data["kinds"]
    for step, part in enumerate((0.75, 0.25)):
        target = part * before[0, 0]
        assert soft[step]["refit"][0][0] <= target + 1e-8
        assert soft[step]["refit"][0][1] <= before[0, 1] + 0.01 + 1e-8
        assert hard[step]["refit"][0][0] <= target
        assert published[step]["refit"][0][0] > target  # linear, it promises the target itself
        assert abs(published[step]["predicted"][0] - target) < 1e-10
        assert soft[step]["moved"] < published[step]["moved"] < hard[step]["moved"]
