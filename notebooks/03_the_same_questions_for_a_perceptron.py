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
# # The same questions for a perceptron
#
# For linear regression everything about forgetting a point is closed-form: the path
# $\theta(\varepsilon)$ of fits is a straight segment, the training flow a matrix exponential, the
# best schedule comes with a proof. **What is left of this for a small neural network?**
#
# The setting is that of the notes' Figure 3: a perceptron with three hidden neurons learns 20
# points which another one has made. Its risk is not convex, nothing is closed-form, and every
# answer below is a number from a solver, with its evidence. Every number in the text is asserted by
# the cell below it, but for those of the last section.

# %%
import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np

import homotopy as hm
from homotopy.plotting.style import PALETTE, WEIGHT_COLOURS
from homotopy.teacher import teacher_example

hm.enable_x64()
hm.keep_programs()  # what is compiled once starts at once the next time
plt.style.use("homotopy.plotting.homotopy")  # the house style, for the whole notebook
plt.rcParams["figure.dpi"] = 140

example = teacher_example(seed=5)
row = 10  # a point less than 0.1 from the target function
problem = example.problem(row, ridge=0.005)

fig, ax = plt.subplots(figsize=(3.6, 2.2))
ax.plot(example.X, example.target_function(example.X), color=PALETTE[2], label="target function")
ax.plot(example.X, example.y, "o", ms=3, color=PALETTE[0], label="data")
ax.plot(example.X[row], example.y[row], "o", ms=5, color="#CC0000", label="to be forgotten")
ax.set(xlabel="input x", ylabel="output y")
ax.legend()
print(f"{problem.dimension} parameters, {problem.size} points")

# %% [markdown]
# ## Training, to the end
#
# `train` follows the gradient flow until it is almost at rest, finishes by Newton's method, and
# says where it came to: here to a minimum, with the gradient zero to rounding and a positive
# definite Hessian. The flat directions are why a ridge is needed: without it the same training
# falls on along them, and says so.

# %%
trained = hm.train(problem, example.theta0)
print(hm.results.TrainingStatus[trained.status])
print(f"‖∇R‖ = {trained.gradient_norm:.1e}, smallest eigenvalue {trained.smallest_eigenvalue:.1e}")
assert trained.gradient_norm < 1e-12 and 0 < trained.smallest_eigenvalue < 0.1

bare = hm.train(example.problem(row, ridge=0.0), example.theta0, throw=False)
print(hm.results.TrainingStatus[bare.status])
assert bool(bare.status != hm.results.TrainingStatus.successful)

# %% [markdown]
# ## The path of fits bends
#
# `response` follows the minimum $\theta(\varepsilon)$ of the risk from $\varepsilon = 1$ to
# $\varepsilon = 0$ by continuation. In linear regression the path is straight; here its bend, the
# largest distance from the chord over the chord's length, is 0.13 for this point. Among the 20
# points most paths are nearly straight (the median bend is below 0.05), though none exactly.

# %%
epsilons = np.linspace(0.0, 1.0, 21)
path = hm.response(problem, epsilons, example.theta0)
print(hm.results.ResponseStatus[path.status], f"bend = {path.bend:.2f}")
assert 0.10 < path.bend < 0.15

bends = []
for other in range(problem.size):
    found = hm.response(example.problem(other, ridge=0.005), epsilons, example.theta0, throw=False)
    if bool(found.status == hm.results.ResponseStatus.successful):
        bends.append(float(found.bend))
print(f"{len(bends)} regular paths, bends from {min(bends):.1e} to {max(bends):.2f}")
assert np.median(bends) < 0.05 < max(bends)

fig, ax = plt.subplots(figsize=(3.4, 2.4))
neuron = np.asarray(path.theta)[:, [0, 6]]
ax.plot(*neuron[[0, -1]].T, ":", color="0.6", lw=0.8)
points = ax.scatter(*neuron.T, c=epsilons, cmap=WEIGHT_COLOURS, s=12)
ax.set(xlabel="input weight of the first neuron", ylabel="its output weight")
_ = fig.colorbar(points, label="weight ε of the point")

# %% [markdown]
# ## Which influence function?
#
# An influence function is the velocity $\dot\theta(\varepsilon)$ at one end, $\varepsilon = 1$ by
# custom. As a prediction of the whole change, both miss here, by 40 % and 59 % of it. The velocity
# changes less than the bound $\max\|\ddot\theta\|$ allows. Taylor's model at $\varepsilon = 1$
# gains a digit with every order for a tenth of the deletion, but for all of it order three still
# misses by a quarter.

# %%
change = path.ends[1] - path.ends[0]
size = jnp.linalg.norm(change)
errors = [float(jnp.linalg.norm(v - change) / size) for v in path.end_velocities]
print(f"relative error of the prediction: at ε = 0 {errors[0]:.2f}, at ε = 1 {errors[1]:.2f}")
print(f"‖θ̇(1) − θ̇(0)‖ = {path.velocity_change:.2f} ≤ {path.velocity_change_bound:.2f}")
assert path.velocity_change <= path.velocity_change_bound
for order in (1, 2, 3):
    model = hm.taylor(problem, path.ends[1], 1.0, order)
    error = jnp.linalg.norm(model(0.0) - path.ends[0]) / size
    near = jnp.linalg.norm(model(0.9) - path.theta[18]) / size
    print(f"order {order}: relative error {error:.2f} at ε = 0, {near:.1e} at ε = 0.9")
assert 0.2 < error < 0.3 and near < 1e-4
assert np.allclose(errors, [0.59, 0.40], atol=0.01)

# %% [markdown]
# ## Training with less and less of the point
#
# `homotopy` trains for every $\varepsilon$ at once. Until the flow has begun to resolve the point
# the weight makes no difference; the sensitivity $\partial\theta(t)/\partial w_j$, one linear
# equation along the flow, predicts the first-order effect at every time.

# %%
times = np.geomspace(0.01, 100.0, 25)
surface = hm.homotopy(problem, example.theta0, times, [0.0, 0.5, 1.0])
moved = hm.sensitivity(problem, example.theta0, times, points=row)
apart = np.linalg.norm(surface.theta[2] - surface.theta[0], axis=1)
predicted = np.linalg.norm(moved.derivative[:, 0], axis=1)
fig, ax = plt.subplots(figsize=(3.4, 2.2))
ax.loglog(times, apart, color=PALETTE[0], label="‖θ(t, 1) − θ(t, 0)‖")
ax.loglog(times, predicted, "--", color=PALETTE[1], label="‖∂θ(t)/∂w‖ at w = 1")
ax.set(xlabel="time t", ylabel="distance")
ax.legend()
assert np.allclose(apart[:5], predicted[:5], rtol=0.1)  # early, to first order

# %% [markdown]
# ## When to forget
#
# The deletion problem is the same as ever: all the data until $s$, the point at a weight of our
# choice until $T$, the result judged by its distance from where training without the point ends.
# The cost is differentiated through the solver; $\varphi(t)$, the switching function, says where a
# higher weight would help. For this point it is negative right after the request: deleting at once
# is right to begin with, by a margin that its gradient confirms.

# %%
deletion = hm.Deletion(problem, example.theta0, start=1.0, horizon=4.0)
at_once = hm.Step(1.0)
phi = deletion.switching_function(at_once)
slope = deletion.value_and_gradient(hm.Step(1.5))[1].switch
check = deletion.switching_function(hm.Step(1.5))(1.5)
print(f"ℰ: at once {deletion.cost(at_once):.6f}, never {deletion.cost(hm.Step(4.0)):.6f}")
print(f"dℰ/dτ at 1.5: {slope:+.3e} through the solver, {-check:+.3e} by the costate")
assert np.isclose(slope, -check, rtol=1e-5)
ax = phi.plot()

# %% [markdown]
# ## And the best schedule?
#
# `BangBangs(1)` descends in the switch time from several starts and polishes the best by Newton's
# method. Only *local* optimality is claimed, and `pmp_residual` says how far the schedule is from
# Pontryagin's condition: zero is an extremal. Here it is to delete at once, as long as training
# itself is unfinished: what is left at $T$ is then mostly the slow directions of training, which no
# weight of one point hurries.

# %%
best = hm.optimise(deletion, over=hm.BangBangs(1))
print(best)
print(f"PMP residual {best.pmp_residual:.1e}; gain {1 - best.cost / deletion.cost(at_once):.2%}")
assert best.cost <= deletion.cost(at_once) * (1 + 1e-9)
assert best.cost <= deletion.cost(hm.Step(4.0)) * (1 + 1e-9)

# %% [markdown]
# ## Which points does a prediction depend on?
#
# One costate, integrated backwards, tells for *every* point how any measurement changes, to first
# order, where that point is deleted. Here: the prediction at $x = 0$ after training until $t = 4$.


# %%
def prediction(theta):
    return problem.model(theta, jnp.zeros(1))


found = hm.flows.measurement_sensitivity(problem, example.theta0, prediction, 4.0)
top = int(np.argmax(np.abs(found.influence)))
end = hm.flow(problem, hm.Constant(1.0), example.theta0, [4.0]).theta[0]
forward = hm.sensitivity(problem, example.theta0, [4.0], points=top)
direct = -(forward.derivative[0, 0] @ jax.grad(prediction)(end))  # deletion: the weight falls
print(f"most influential: x = {example.X[top, 0]:.2f}, Δf = {found.influence[top]:+.4f}")
assert np.isclose(found.influence[top], direct, rtol=1e-6)

# %% [markdown]
# ## What is left
#
# The verbs are the same, and so is the adjoint; what goes is the proof. A path of fits bends, may
# fold or meet another, and says so; an influence function is the velocity at one end of it, and
# here neither end predicts the change; an optimal schedule is a stationary point of
# $\mathcal{E}$, no more.
#
# What holds for one example need not hold for the next. Over a hundred of them (Figure 14,
# `python -m figures --only fig14`) the two influence functions differ in length by a factor of 0.58
# in the median, and by what the leverage predicts; how far a path bends goes with the residual of
# the point more than with its distance from the target function, and hardly with its leverage. In
# 24 deletions the learned schedules are bang-bang, and no linear or quadratic decay beats the best
# step; but deleting at once is the best of all in five of them only.
