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
# # What question do influence functions answer?
#
# Influence functions are asked: *what would this model be, had it not seen that point?* On neural
# networks the answers are known to be poor. Bae et al. (2022), with whom the notes begin, turned
# the matter round: **if influence functions are the answer, then what is the question?** Here both
# questions are put to the same models, and the difference is taken apart. Every number in the text
# is asserted by the cell below it.

# %%
import jax
import matplotlib.pyplot as plt
import numpy as np
import optax
from scipy.stats import spearmanr

import homotopy as hm
from homotopy import datasets
from homotopy.influence._gaps import GAPS
from homotopy.plotting.style import PALETTE

hm.enable_x64()
hm.keep_programs()  # what is compiled once starts at once the next time
plt.style.use("homotopy.plotting.homotopy")  # the house style, for the whole notebook
plt.rcParams["figure.dpi"] = 140

# %% [markdown]
# ## Where everything is known: linear regression
#
# For a linear regression all the estimators have closed forms. With the leverage $P$ of a point,
# the influence function at $\varepsilon = 1$ is $(1 - P)$ times the true change
# $\theta(0) - \theta(1)$, the one at $\varepsilon = 0$ is $1/(1 - P)$ times it, a Taylor polynomial
# of order $k$ misses $P^k$ of it, and one Newton step is exact. `hm.predict` asks any estimator the
# same question: one sign, one scale, for one point or for all.

# %%
data, _ = datasets.standardise(datasets.diabetes())
problem = hm.LinearRegression(data.X, data.y, deleted=0)
points = np.arange(problem.size)
truth = hm.predict(problem, hm.LeaveOneOut(), points=points)
leverage = hm.leverage(problem)


def ratio(estimator):
    change = hm.predict(problem, estimator, points=points).delta
    return np.sum(change * truth.delta, axis=1) / np.sum(truth.delta**2, axis=1)


for name, estimator, expected in (
    ("influence at 1", hm.Influence(), 1 - leverage),
    ("influence at 0", hm.Influence(at=0.0), 1 / (1 - leverage)),
    ("Taylor, order 3", hm.Taylor(3), 1 - leverage**3),
    ("Newton step", hm.NewtonStep(), 1 + 0 * leverage),
):
    found = ratio(estimator)
    print(f"{name:16} {found.min():.4f} to {found.max():.4f} of the true change")
    np.testing.assert_allclose(found, expected, rtol=1e-9)

# %% [markdown]
# The influence loss difference $\mathcal Q$, the predicted change of the loss on the point itself,
# is leverage times squared residual: an influential point has both.

# %%
first_order = hm.predict(problem, hm.Influence(), points=points)
own = first_order.linearised(hm.OwnLoss())
residuals = data.y - data.X @ np.asarray(problem.full_fit())
np.testing.assert_allclose(own, leverage * residuals**2, rtol=1e-9)

fig, ax = plt.subplots(figsize=(3.6, 2.5))
dots = ax.scatter(leverage, np.abs(residuals), c=own, s=9, cmap="cividis")
ax.set(xlabel="leverage", ylabel="|residual|")
_ = fig.colorbar(dots, label="influence on the own loss")

# %% [markdown]
# ## A perceptron, trained as people train
#
# Now 200 mixtures of concrete and a perceptron of four neurons ($d = 41$), trained by Adam until
# the loss on other mixtures stops falling. Nobody has been at a minimum: $\nabla R$ is not zero,
# and the toolkit will not pretend otherwise.

# %%
data, _ = datasets.standardise(datasets.concrete())
order = np.random.default_rng(0).permutation(len(data.y))
train, other = order[:200], order[200:]
model = hm.mlp([8, 4, 1])
problem = hm.Problem(model, hm.SquaredError(), data.X[train], data.y[train], deleted=0, ridge=0.2)
stopped = hm.influence.early_stopping(
    problem,
    model.initial_parameters(jax.random.key(0)),
    data.X[other],
    data.y[other],
    optimiser=optax.adam(1e-2),
    max_epochs=200,
    patience=10,
)
print(f"stopped after epoch {stopped.epoch}, ‖∇R(θˢ)‖ = {stopped.gradient_norm:.1f}")
assert stopped.gradient_norm > 1.0
try:
    hm.predict(problem, hm.Influence(), stopped.theta)
except RuntimeError as refusal:
    print(refusal)
else:
    raise AssertionError("an influence function was taken where there is none")

# %% [markdown]
# ## Retraining is not the question
#
# Damped Gauss–Newton influence $(G + \delta\,\mathrm{Id})^{-1}\nabla\ell_j$ can be computed at
# $\theta^s$ all the same. To retraining to a minimum it is not related here. Against the
# **proximal Bregman response**, which keeps the outputs near those of $\theta^s$ but for the
# deleted point, it is nearly exact: that is the question it answers.

# %%
points = np.random.default_rng(1).choice(problem.size, 12, replace=False)
damping = 2.0
changes = {
    "influence": hm.predict(problem, hm.GaussNewton(damping), stopped.theta, points=points),
    "PBRF": hm.predict(problem, hm.ProximalBregman(damping), stopped.theta, points=points),
    "retraining": hm.predict(problem, hm.LeaveOneOut(tolerance=1e-8), stopped.theta, points=points),
}
own = {name: np.asarray(change.measured(hm.OwnLoss())) for name, change in changes.items()}
agreement = {
    name: spearmanr(own["influence"], own[name]).statistic for name in ("PBRF", "retraining")
}
print({name: round(float(value), 3) for name, value in agreement.items()})
assert agreement["PBRF"] > 0.98
assert agreement["retraining"] < 0.6

fig, ax = plt.subplots(figsize=(3.4, 2.6))
for (name, marker), colour in zip((("PBRF", "o"), ("retraining", "^")), PALETTE, strict=False):
    ax.plot(own[name], own["influence"], marker, color=colour, mfc="none", label=name)
# One scale for both axes, so that y = x is straight.
ax.set_xscale("symlog", linthresh=0.01)
ax.set_yscale("symlog", linthresh=0.01)
ends = [min(own["influence"]), max(own["influence"])]
ax.plot(ends, ends, color="black", lw=0.8, label="equal")
ax.set(xlabel="change of the own loss", ylabel="by damped influence")
_ = ax.legend()

# %% [markdown]
# ## The five gaps
#
# Between retraining and an influence function as computed lie five differences. Three of them are
# changes of the question: where retraining starts, that it may go far from $\theta^s$, that
# $\theta^s$ was not a minimum. Only the last two, linearisation and solver, are errors of the
# answer, and they are the small ones.

# %%
gaps = hm.gaps(
    problem,
    stopped.theta,
    points=points[:6],
    cold_starts=[model.initial_parameters(jax.random.key(seed)) for seed in (1, 2)],
    damping=damping,
)
sizes, errors = np.asarray(gaps.mean_size), np.asarray(gaps.standard_error())
for name, size, error in zip(GAPS, sizes, errors, strict=True):
    print(f"{name:16} {size:.4f} ± {error:.4f}")
np.testing.assert_allclose(gaps.gaps.sum(-1), gaps.total, rtol=0, atol=1e-12)
assert sizes[:3].min() > 2 * sizes[3:].max()

_ = gaps.plot()

# %% [markdown]
# ## What to take away
#
# - At a minimum, for one point of small leverage, an influence function predicts retraining, to
#   first order in the leverage. `hm.NewtonStep()` and `hm.Taylor(k)` are the better answers to that
#   question where the leverage is not small, and `hm.LeaveOneOut()` is the truth.
# - At an early-stopped network it predicts the proximal Bregman response: what the model would be
#   if this point counted less *and everything else it does stayed as it is*. `hm.ProximalBregman`
#   computes that without linearising.
# - What is missing on the way to retraining is mostly not error. `hm.gaps` says how much of it is
#   what, for your model and your measurement.
