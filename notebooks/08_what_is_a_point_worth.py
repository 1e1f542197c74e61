# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # What is a point worth?
#
# Leave-one-out asks what a model loses without a point, when it has *all the others*. A point
# that has a twin is then worth little, and so is its twin. The Shapley value asks it for every
# coalition of other points, and averages. **How well is that known, what does it cost, and what
# does the homotopy have to do with it?** Every number in the text is asserted by the cell below
# it.

# %%
import time

import matplotlib.pyplot as plt
import numpy as np

import homotopy as hm
from homotopy.datasets import diabetes

hm.enable_x64()
hm.keep_programs()
plt.style.use("homotopy.plotting.homotopy")
plt.rcParams["figure.dpi"] = 140

# %% [markdown]
# ## Two points, by hand
#
# One parameter, x = 1 and 1, y = 1 and 3, a ridge of 1, and the loss ½(2 − θ)² on another point.
# Without data θ = 0 and the loss is 2; with one point θ is ½ or 1½, with both 4/3. So the losses
# are 2, 9/8, 1/8 and 2/9. The second point is worth (2 − 1/8) when it comes first and (9/8 − 2/9)
# when it comes last: 25/18 on average, and the first 7/18. Together they are worth 16/9 = 2 −
# 2/9: Shapley values are **efficient**. Leave-one-out says −7/72 of the first point: beside the
# second it does harm.

# %%
two = hm.LinearRegression([[1.0], [1.0]], [1.0, 3.0], deleted=0, ridge=1.0)
loss = hm.TestLoss([[1.0]], [2.0])
exact = hm.data_values(two, loss, hm.Enumeration())
print(exact)
assert np.allclose(exact.values, [7 / 18, 25 / 18], rtol=0.0, atol=1e-12)
assert abs(float(exact.total) - 16 / 9) < 1e-12
alone = hm.predict(two, hm.LeaveOneOut(), points=[0, 1]).measured(loss)
assert np.allclose(alone, [-7 / 72, 65 / 72], rtol=0.0, atol=1e-12)

# %% [markdown]
# ## Real data: 332 patients
#
# All coalitions of 332 points cannot be gone through. Orders of the points can be sampled: each
# point is worth what the loss falls by when it is put in, and each order shares out the whole
# exactly. Putting a point into a ridge regression takes O(d²) operations, so that a thousand
# orders take a fraction of a second.

# %%
data = diabetes()
rows = np.random.default_rng(0).permutation(len(data.y))
train, test = rows[:332], rows[332:]
mean, scale = data.X[train].mean(axis=0), data.X[train].std(axis=0)
X, y = (data.X - mean) / scale, (data.y - data.y[train].mean()) / data.y[train].std()
problem = hm.LinearRegression(X[train], y[train], deleted=0, ridge=10.0)
loss = hm.TestLoss(X[test], y[test])

sampled = hm.data_values(problem, loss, hm.Permutations(1000))
begin = time.perf_counter()
sampled = hm.data_values(problem, loss, hm.Permutations(10_000), resume=sampled)
print(f"{time.perf_counter() - begin:.1f} seconds for 10,000 more orders")
print(sampled)
assert int(sampled.work) == 11_000 * 332
assert abs(float(sampled.efficiency_gap)) < 1e-12

# %%
ax = sampled.plot()

# %% [markdown]
# The bars are two standard errors. How sure is the order of the points? The most helpful point is
# the right one with near certainty; the ten most helpful, as a set, are not. The intervals of all
# values together, which hold with 95 %, tell the most harmful from the most helpful.

# %%
low, high = sampled.interval(0.95, simultaneous=True)
values = np.asarray(sampled.values)
for top in (1, 10):
    print(f"the {top} most helpful are the right ones with probability {sampled.settled(top):.2f}")
assert sampled.settled(1) > 0.9 > sampled.settled(10)
assert high[np.argmin(values)] < low[np.argmax(values)]

# %% [markdown]
# ## Without sampling
#
# The **effective medium** replaces random coalitions by one fit whose weights stand for points
# that are in or out by chance. It is deterministic and efficient, and an approximation without a
# bound. So it is compared with a sample of permutations: 200 of them cannot tell it from the
# exact values.

# %%
medium = hm.data_values(problem, loss, hm.EffectiveMedium())
print(medium)
assert float(medium.permutation_check.p_value) > 0.01
away = np.linalg.norm(np.asarray(medium.values) - values) / np.linalg.norm(values)
noise = np.linalg.norm(sampled.standard_error) / np.linalg.norm(values)
print(f"{away:.3f} from the 11,000 orders, whose own noise is {noise:.3f}")
assert away < 2 * noise

# %% [markdown]
# ## The homotopy in all weights
#
# Let all weights grow together, ε·1 from no data to all. The influence function is the derivative
# of the loss in a weight at ε = 1; averaged over ε it is the **Aumann–Shapley value**, efficient
# too, of any model, with one linear solve at a node for all points. Influence is to leave-one-out
# what Aumann–Shapley is to Shapley. On one scale and with one sign:

# %%
aumann = hm.data_values(problem, loss, hm.AumannShapley())
at_the_end = hm.data_values(problem, loss, hm.AumannShapley(), hm.valuation.LeaveOneOutValue())
influence = hm.measurement_influence(problem, hm.Influence(), problem.full_fit(), loss)
alone = hm.predict(problem, hm.LeaveOneOut(), points=range(332)).measured(loss)
assert np.allclose(at_the_end.values, influence.change, rtol=1e-9, atol=1e-12)

fig, axes = plt.subplots(1, 3, figsize=(7.2, 2.5), sharey=True, layout="constrained")
for ax, (name, other) in zip(
    axes,
    {
        "effective medium": medium.values,
        "Aumann–Shapley": aumann.values,
        "leave-one-out": alone,
    }.items(),
    strict=True,
):
    ax.plot(other, values, "o", markersize=2)
    correlation = np.corrcoef(np.asarray(other), values)[0, 1]
    ax.set(xlabel=name, title=f"correlation {correlation:.3f}")
axes[0].set_ylabel("Shapley, by 11,000 orders")

correlations = [
    np.corrcoef(np.asarray(other), values)[0, 1] for other in (medium.values, aumann.values, alone)
]
assert correlations[0] > 0.995 > correlations[1] > 0.9 > correlations[2]

# %% [markdown]
# Leave-one-out is another question: its values are smaller, by a factor three together, since
# what one of 332 points teaches the others teach as well.

# %%
ratio = np.linalg.norm(alone) / np.linalg.norm(values)
print(f"‖leave-one-out‖ / ‖Shapley‖ = {ratio:.2f}")
assert 0.25 < ratio < 0.4

# %% [markdown]
# ## When there is no ridge
#
# Without a ridge the fit to about d points has errors so large that they have no mean: averages
# over orders never settle, whatever their standard errors say. This is told, not hidden.

# %%
ridgeless = hm.LinearRegression(X[train], y[train], deleted=0)
unsettled = hm.data_values(ridgeless, loss, hm.Permutations(1000), throw=False)
print(hm.results.ValueStatus[unsettled.status])
assert unsettled.status == hm.results.ValueStatus.heavy_tails

# %% [markdown]
# Training that stops early has no such trouble. Without a ridge, the flow under the weights ε·1
# is the flow of all the data, slowed down: so the value of a point for the model at time T is the
# average of its influence in training time, over the logarithm of time.

# %%
in_time = hm.data_values(ridgeless, loss, hm.FiniteTime(0.01))
print(in_time)
assert abs(float(in_time.efficiency_gap)) < 1e-6 * float(in_time.total)

# %% [markdown]
# So a value is an answer to a question about coalitions, and it comes with what it costs to know
# it: exact for a few points, with error bars for many, and from the homotopy for all at once, where
# its own gap says how far to trust it.
