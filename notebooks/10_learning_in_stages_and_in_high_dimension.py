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
# # When does a point matter, and in how many dimensions?
#
# An influence function speaks of the end of training, and its theory of few parameters. **What of
# the middle of training, and what of as many parameters as points?** Models that learn in stages
# answer the first question, limits for n, p → ∞ the second. Every number in the text is asserted by
# the cell below it.

# %%
import matplotlib.pyplot as plt
import numpy as np

import homotopy as hm

hm.enable_x64()
hm.keep_programs()
plt.style.use("homotopy.plotting.homotopy")
plt.rcParams["figure.dpi"] = 140

# %% [markdown]
# ## One mode of a linear network
#
# A two-layer linear network learns the singular values of its data one after another. A point moves
# the singular value s of a mode, and so the mode's strength a(t); how much is known in closed form.
# **The influence peaks when the mode is learned**, higher than where it ends, and the peak
# grows with the logarithm of how small the start is.

# %%
for initial in (1e-2, 1e-4, 1e-6, 1e-8):
    peak = hm.linear_networks.mode_peak(3.0, initial)
    late = peak.time / peak.transition
    print(f"from {initial:g}: {peak.height:.2f} at {late:.2f} t*, (1 + log(s/a₀))/4 = "
          f"{peak.predicted_height:.2f}")  # fmt: skip
assert abs(peak.height - 5.18) < 0.005 and abs(late - 1.01) < 0.005

# %% [markdown]
# ## A hierarchy, level by level
#
# Four items on a binary tree: the network learns first what all have in common, then what tells the
# two halves apart, then the items. The influence of item 0 on each mode, to first order, and the
# truth: training once more without it.

# %%
example = hm.linear_networks.hierarchy_example(singular_values=(6.0, 3.0, 1.5), hidden=4)
problem, start = example.problem(), example.aligned_start(1e-3)
times = np.linspace(0.05, 6.0, 120)


def strengths(theta):
    return example.strengths(theta[None])[0]


in_time = hm.influence_in_time(problem, start, strengths, times, points=[0, 1])
truth = hm.influence.leave_one_out_in_time(problem, start, strengths, times, points=[0, 1])
levels = ("all items", "two halves", "pairs")
figure, ax = plt.subplots(figsize=(5.0, 2.8), layout="constrained")
for level, name in enumerate(levels):
    colour = f"C{level}"
    ax.plot(times, in_time.influence[:, 0, level], color=colour, label=name)
    ax.plot(times, truth.influence[:, 0, level], color=colour, ls="--")
    s = float(example.singular_values[level])
    ax.axvline(np.log(s / 1e-3 - 1) / (2 * s), color=colour, ls=":", lw=0.8)
ax.set(xlabel="training time t", ylabel="change of the mode without item 0")
ax.legend()
_ = ax.set_title("item 0: first order, and training without it (dashed)")

# %%
transitions = [np.log(s / 1e-3 - 1) / (2 * s) for s in np.asarray(example.singular_values)[:3]]
peaks = np.asarray(in_time.peak_times)[0, :3]
print("peaks over transitions:", (peaks / transitions).round(2).tolist())

# What items 0 to 3 do to the loss of item 1, along training.
loss_of_one = hm.TestLoss(np.asarray(example.X)[1:2], np.asarray(example.y)[1:2])
on_one = hm.influence_in_time(problem, start, loss_of_one, times)
print("sign changes of items 0 to 3 on the loss of item 1:", on_one.sign_change_counts().tolist())
assert np.all(np.abs(peaks / transitions - 1) < 0.25)

# %% [markdown]
# Each level has its own time at which item 0 matters, near the dotted transition of its mode.
# Dashed is training once more without the item, which the first order estimates.
#
# ## Any training run
#
# `influence_at` takes a run as it was made, stochastic gradient descent and all, and differentiates
# its steps. Of a perceptron: what each of forty points did to the loss on other points, at four
# moments.

# %%
generator = np.random.default_rng(0)
X = generator.normal(size=(40, 2))
y = np.tanh(X[:, 0]) + 0.5 * X[:, 1] ** 2 + 0.1 * generator.normal(size=40)
X_test = generator.normal(size=(50, 2))
y_test = np.tanh(X_test[:, 0]) + 0.5 * X_test[:, 1] ** 2
model = hm.mlp([2, 4, 1])
network = hm.Problem(model, hm.SquaredError(), X, y, deleted=0)
theta0 = 0.5 * generator.normal(size=model.dimension)
method = hm.StochasticGradientDescent(step_size=0.002, batch_size=8)
run = hm.training_run(network, theta0, 2000, method)
steps = [50, 200, 800, 2000]
loss = hm.TestLoss(X_test, y_test)
early_and_late = hm.influence_at(run, steps, loss)
ranks = np.corrcoef(np.asarray(early_and_late.influence))
print("test loss:", np.asarray(early_and_late.value).round(3).tolist())
print(
    "correlation of the influence at each step with that at the end:", ranks[-1].round(2).tolist()
)

# %%
h, moved = 1e-4, []
for sign in (1, -1):
    weights = np.ones(40)
    weights[3] += sign * h
    reweighted = hm.Problem(model, hm.SquaredError(), X, y, deleted=0, weights=weights)
    end = hm.training_run(reweighted, theta0, 2000, method).theta
    moved.append(float(loss(network, end, None, None)))
difference = -(moved[0] - moved[1]) / (2 * h)
print(f"point 3, by runs with other weights: {difference:.6f}; "
      f"by influence_at: {float(early_and_late.influence[-1, 3]):.6f}")  # fmt: skip
assert abs(difference - float(early_and_late.influence[-1, 3])) < 1e-5
assert ranks[-1, 0] < 0.9

# %% [markdown]
# The points that matter early are not those that matter in the end.
#
# ## Plateaus of two-layer networks
#
# A wide network with a fast outer layer, ε ≪ 1, learns a function of one direction component by
# component: t₁ ≈ √ε log(1/ε)/(4|φ₁σ₁|), then ε^{1/4}, ε^{1/6}, … Below, measured times beside the
# theory's.

# %%
target = hm.two_layer.single_index([1.0, 1.0, 0.8], [1.0, 0.9, 0.7])
scales = hm.two_layer.time_scales(target, [1e-8, 1e-12, 1e-16])
assert abs(scales.measured_constants[1] * 4 * 0.9 - 1) < 0.005
assert abs(scales.measured_exponents[2] - 0.25) < 0.005
print(scales.summary())

# %%
learned = hm.two_layer.learn(target, 1e-10)
peaks = hm.two_layer.component_influence(learned)
print("peak heights:", peaks.peak_heights.round(2).tolist())
assert np.all(peaks.peak_heights[1:] > 3)
figure, (left, right) = plt.subplots(1, 2, figsize=(7.0, 2.6), layout="constrained")
learned.plot(left)
_ = peaks.plot(right)

# %% [markdown]
# It is the peak of the linear network again: a component matters when it is learned.
#
# ## As many parameters as points
#
# Least squares with p = γn features. At γ = 1 the risk diverges, and falls again beyond; **so does
# the size of what a deletion does**.

# %%
ratios = np.exp(np.linspace(np.log(0.1), np.log(10.0), 121))
limits = hm.asymptotics.ridge(ratios, noise_variance=0.5, signal=2.0)
at_one = hm.asymptotics.ridge(1.0, noise_variance=0.5, signal=2.0)
print(at_one)
assert np.isinf(at_one.deletion_size[0]) and not bool(at_one.successful[0])
_ = limits.plot()

# %% [markdown]
# The influence function predicts 1 − γ of the truth, for every row alike as long as rows are alike:
# at γ = ½ it sees half of what happens. Rows of two lengths are seen differently, and an estimate
# of the risk that puts one leverage for all, generalised cross-validation, fails.

# %%
rows = hm.asymptotics.Population(scales=[0.5, 2.0])
two = hm.asymptotics.ridge(0.5, noise_variance=0.5, signal=2.0, population=rows)
data = rows.draw(300, 150, noise_variance=0.5, signal=2.0, seed=1)
regression = hm.LinearRegression(data.X, data.y, deleted=0)
leverage = np.asarray(hm.leverage(regression))
residual = data.y - data.X @ np.asarray(regression.full_fit())
left_out = np.mean((residual / (1 - leverage)) ** 2)
cross_validated = np.mean((residual / (1 - leverage.mean())) ** 2)
seen = two.influence_over_truth[0]
print(f"influence over truth: {seen[0]:.2f} of short rows, {seen[1]:.2f} of long ones")
print(f"risk + σ² {two.risk[0] + 0.5:.2f}; leave-one-out {two.leave_one_out[0]:.2f} "
      f"(300 rows: {left_out:.2f}); GCV {two.generalised_cross_validation[0]:.2f} "
      f"(300 rows: {cross_validated:.2f})")  # fmt: skip
assert abs(two.generalised_cross_validation[0] - 1.0) < 0.01 and two.leave_one_out[0] > 1.5
assert abs(left_out / two.leave_one_out[0] - 1) < 0.25

# %% [markdown]
# And the best *time* of deletion: it gains over deleting at once, but only at relative order 1/n.

# %%
gain = hm.asymptotics.schedule_gain(0.5, 0.3, 2.0, noise_variance=0.5, signal=2.0)
longer = hm.asymptotics.schedule_gain(0.5, 0.3, 20.0, noise_variance=0.5, signal=2.0)
print(f"n·gain {gain.mean:.2f} at nT = 2, {longer.mean:.1f} at nT = 20")
assert 0.9 < gain.mean < 1.3 and longer.mean > 8

# %% [markdown]
# ## What to take from this
#
# Influence at the end of training is one frame of a film. In the film a point matters when what it
# teaches is being learned, more than it ever will again. And influence functions are a theory of
# p ≪ n: at p = n/2 they see half of a deletion, near p = n next to nothing of it, while the
# deletion itself grows without bound.
