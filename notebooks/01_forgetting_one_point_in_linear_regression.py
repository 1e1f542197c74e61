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
# # Forgetting one point in linear regression
#
# **What does a linear regression become while one of its points is forgotten, and is it best to
# delete that point at once?**
#
# We let the point weigh $\varepsilon$: with $\varepsilon = 1$ it counts like any other, with
# $\varepsilon = 0$ it is gone. The risk is a *sum*,
# $R_\varepsilon(\theta) = \sum_{i \neq j} \ell_i(\theta) + \varepsilon\, \ell_j(\theta)$ with
# $\ell_i(\theta) = \tfrac12 (x_i^\top\theta - y_i)^2$, and training is gradient flow,
# $\dot\theta = -\nabla R_\varepsilon(\theta)$. Because the risk is a sum, 20 points give rates of
# about 20: the times below are small numbers.
#
# Every claim in the text is checked by the cell below it. Where the text rests on a number, the
# cell asserts it.

# %%
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np

import homotopy as hm
from homotopy import datasets
from homotopy.plotting.style import PALETTE, WITH, WITHOUT

hm.enable_x64()  # the toolkit computes in float64 and never changes this setting by itself
hm.keep_programs()  # what is compiled once starts at once the next time
plt.style.use("homotopy.plotting.homotopy")  # the house style, for the whole notebook
plt.rcParams["figure.dpi"] = 140

# %% [markdown]
# ## 1. A line, and a point that pulls on it
#
# Nineteen points scatter about the line $y = \tfrac12 + x$. The twentieth lies far to the right and
# far below. The parameters are $\theta = (\text{intercept}, \text{slope})$; `LinearRegression` adds
# no intercept, so the column of ones is ours.

# %%
generator = np.random.default_rng(1)
x = np.append(generator.uniform(-1, 1, 19), 2.5)
y = np.append(0.5 + x[:19] + 0.25 * generator.standard_normal(19), -0.5)
X = np.column_stack([np.ones(20), x])
j = 19

problem = hm.LinearRegression(X, y, deleted=j)
full, deleted = problem.full_fit(), problem.deleted_fit()
leverage = X[j] @ np.linalg.solve(X.T @ X, X[j])

figure, ax = plt.subplots(figsize=(5, 2.9))
ends = np.array([-1.2, 2.8])
ax.plot(ends, full[0] + full[1] * ends, color=WITH, label="all data: $\\theta^*$")
ax.plot(ends, deleted[0] + deleted[1] * ends, color=WITHOUT, label="without: $\\theta^*_-$")
ax.plot(x[:j], y[:j], "o", color="0.5")
ax.plot(x[j], y[j], "s", color=WITH, markersize=7, label="the point to forget")
ax.set(xlabel="x", ylabel="y", title="One point out of twenty turns the line")
ax.legend()

print(f"slope with the point {full[1]:.3f}, without it {deleted[1]:.3f}")
print(f"leverage of the point {leverage:.3f} (the average is d/n = {2 / 20:.2f})")

# %% [markdown]
# ## 2. The road between the two fits
#
# The minimiser $\theta(\varepsilon)$ of $R_\varepsilon$ joins $\theta(1) = \theta^*$ to
# $\theta(0) = \theta^*_-$. For linear regression it is a straight segment, whatever the data. But
# it is not travelled at constant speed: with the leverage $P$ of the point,
# $$\frac{\|\dot\theta(1)\|}{\|\dot\theta(0)\|} = (1 - P)^2 .$$
#
# This is why influence functions, which extrapolate the speed at $\varepsilon = 1$ over the whole
# way, fall short: they predict $(1 - P)$ times the true change.

# %%
path = hm.response(problem, jnp.linspace(0.0, 1.0, 11))
speed = np.linalg.norm(path.velocity, axis=1)
change = path.theta[0] - path.theta[-1]
predicted = -path.velocity[-1]

figure, (left, right) = plt.subplots(1, 2, figsize=(7, 2.8))
path.plot(left, markersize=7)
left.set(xlabel="intercept θ₁", ylabel="slope θ₂", title="θ(ε) at ε = 0, 0.1, …, 1")
right.plot(path.epsilons, speed / speed[0], "o-")
right.axhline((1 - leverage) ** 2, color="0.4", linestyle="--", label="$(1 - P)^2$")
right.set(xlabel="weight ε", ylabel="speed relative to ε = 0", ylim=(0, 1.05), title="Uneven speed")
right.legend()

speed_ratio = speed[-1] / speed[0]
reach = float(jnp.linalg.norm(predicted) / jnp.linalg.norm(change))
print(f"bend of the path (0 is straight): {path.bend:.1e}")
print(
    f"speed at ε = 1 over speed at ε = 0: {speed_ratio:.6f};  (1 − P)² = {(1 - leverage) ** 2:.6f}"
)
print(f"influence prediction over true change: {reach:.6f};  1 − P = {1 - leverage:.6f}")
assert path.bend < 1e-14
assert np.isclose(speed_ratio, (1 - leverage) ** 2, rtol=1e-12)
assert np.isclose(reach, 1 - leverage, rtol=1e-12)

# %% [markdown]
# ## 3. Training adds a second clock
#
# $\theta(\varepsilon)$ is where training ends. On the way there, $\theta(t, \varepsilon)$ is a
# surface: one training run for each weight, all from the same $\theta_0$. `homotopy` computes it in
# closed form, so a grid costs next to nothing and its accuracy does not depend on a step size.
#
# The runs leave $\theta_0$ fanned out (the point's gradient is large there), and then each turns
# towards its own end on the segment.

# %%
theta0 = jnp.array([0.0, 2.0])
times = jnp.concatenate([jnp.zeros(1), jnp.geomspace(1e-3, 2.0, 200)])
surface = hm.homotopy(problem, theta0, times, jnp.linspace(0.0, 1.0, 21))

ax = surface.plot()
ax.set(xlabel="intercept θ₁", ylabel="slope θ₂", title="θ(t, ε): one training run for each ε")

ended = hm.response(problem, surface.epsilons).theta
print(f"largest distance of θ(2, ε) from θ(ε): {jnp.abs(surface.theta[:, -1] - ended).max():.1e}")
assert jnp.abs(surface.theta[:, -1] - ended).max() < 1e-4

# %% [markdown]
# ## 4. Influence has a history
#
# The derivative $S_j(t) = \partial\theta(t; w)/\partial w_j$ at full weight is the influence of
# point $j$ on a model trained up to time $t$. `sensitivity` gives it for all points at once.
#
# Early in training the linear prediction $-S_j(t)$ of what deletion does is right: nothing has had
# time to bend. At convergence it is the classical influence function and falls short by $1 - P$.

# %%
influence = hm.sensitivity(problem, theta0, times[1:])
truth = surface.theta[0, 1:] - surface.theta[-1, 1:]  # θ(t, 0) − θ(t, 1)
sizes = np.linalg.norm(influence.derivative, axis=2)
fraction = sizes[:, j] / np.linalg.norm(truth, axis=1)

figure, (left, right) = plt.subplots(1, 2, figsize=(7, 2.8))
left.loglog(influence.times, sizes[:, :j], color="0.75", linewidth=1)
left.loglog(influence.times, sizes[:, j], color=PALETTE[1], label="the point to forget")
left.set(xlabel="time t", ylabel="‖Sᵢ(t)‖", title="Influence of every point", ylim=(1e-4, 10))
left.legend()
right.semilogx(influence.times, fraction, color=PALETTE[1])
right.axhline(1 - leverage, color="0.4", linestyle="--", label="1 − P")
right.set(xlabel="time t", ylabel="predicted / true change", title="How much of it is foreseen")
right.legend()

print(f"predicted over true size: {fraction[0]:.3f} at t = 0.001, {fraction[-1]:.3f} at t = 2")
assert abs(fraction[0] - 1) < 0.02 and np.isclose(fraction[-1], 1 - leverage, rtol=1e-3)

# %% [markdown]
# ## 5. Deletion as a schedule
#
# Now let the weight depend on time. Up to $s$ the point counts; then comes the request to delete
# it, and at a horizon $T$ we look at how close training came to the model without the point:
# $$\mathcal{E}(\varepsilon) = \tfrac12 \|\theta(T) - \theta^*_-\|^2 .$$
# Deleting at once is the step $1_{[0,s]}$. Deleting later is $1_{[0,\tau]}$ with $\tau > s$. Surely
# there is nothing to gain by waiting?
#
# It depends on where training started. From $\theta_0 = (0, 0)$ deleting at once is the best of
# all steps. From $\theta_0 = (0, 2)$ waiting makes the final distance more than thirty times
# smaller.

# %%
start, horizon = 0.02, 0.3
near = hm.Deletion(problem, [0.0, 0.0], start=start, horizon=horizon)
far = hm.Deletion(problem, [0.0, 2.0], start=start, horizon=horizon)
taus = jnp.linspace(start, horizon, 400)

figure, ax = plt.subplots(figsize=(5, 2.9))
for deletion, colour, name in ((near, PALETTE[0], "θ₀ = (0, 0)"), (far, PALETTE[1], "θ₀ = (0, 2)")):
    ends = deletion.final_state(taus)  # θ(T, τ)
    costs = 0.5 * jnp.sum((ends - deletion.target) ** 2, axis=1)
    best = hm.best_step(deletion)
    ax.semilogy(taus, costs, color=colour, label=name)
    ax.plot(best.schedule.switch, best.cost, "o", color=colour)
    at_once = deletion.cost(hm.Step(start))
    never = deletion.cost(hm.Constant(1.0), outside="allow")  # not a way to delete: not in $E_s$
    print(
        f"{name}: at once ℰ = {at_once:.2e}; best step τ = {best.schedule.switch:.4f}, "
        f"ℰ = {best.cost:.2e}; never ℰ = {never:.2e}"
    )
ax.set(xlabel="time of deletion τ", ylabel="ℰ", title="ℰ of $1_{[0,τ]}$, s = 0.02, T = 0.3")
ax.legend()

assert hm.best_step(near).schedule.switch == start
assert np.sqrt(far.cost(hm.Step(start)) / hm.best_step(far).cost) > 30

# %% [markdown]
# ## 6. Why waiting pays
#
# The costate $p(t)$ says how $\mathcal{E}$ answers to a push on $\theta$ at time $t$, and the
# deleted point pushes along $-\nabla\ell_j$. Their product is the **switching function**
# $\varphi(t) = p(t)^\top \nabla\ell_j(\theta(t))$: raising $\varepsilon$ a little at time $t$
# changes $\mathcal{E}$ at the rate $-\varphi(t)$. So where $\varphi > 0$ the point is worth
# keeping: its pull happens to lead towards $\theta^*_-$.
#
# An optimal schedule has $\varepsilon = 1$ where $\varphi > 0$ and $\varepsilon = 0$ where
# $\varphi < 0$ (Pontryagin). Three schedules, three verdicts:
#
# - from $(0, 0)$, deleting at once: $\varphi < 0$ from $s$ on, the schedule passes;
# - from $(0, 2)$, deleting at once: $\varphi > 0$ all the way, deleted too early;
# - from $(0, 2)$, the best step: $\varphi$ changes sign exactly at $\tau$, the schedule passes.
#
# Passing is necessary, not sufficient: it does not prove that nothing else is better.

# %%
best = hm.best_step(far).schedule
phi_near = near.switching_function(hm.Step(start))
phi_early = far.switching_function(hm.Step(start))
phi_best = far.switching_function(best)

figure, axes = plt.subplots(1, 3, figsize=(8, 2.6))
titles = ("from (0, 0), at once", "from (0, 2), at once", "from (0, 2), best step")
for ax, phi, title in zip(axes, (phi_near, phi_early, phi_best), titles, strict=True):
    phi.plot(ax)
    ax.set_title(title)
    ax.set_ylabel("φ(t)")
axes[2].set_ylim(-3e-4, 1e-4)

before = jnp.linspace(start, best.switch - 1e-6, 100)
after = jnp.linspace(best.switch + 1e-6, horizon, 100)
assert jnp.all(phi_near(after) < 0) and jnp.all(phi_near(before) < 0)
assert jnp.all(phi_early(after) > 0) and jnp.all(phi_early(before) > 0)
assert jnp.all(phi_best(before) > 0) and jnp.all(phi_best(after) < 0)

gradient = far.value_and_gradient(hm.Step(0.05))[1].switch
difference = (far.cost(hm.Step(0.05 + 1e-6)) - far.cost(hm.Step(0.05 - 1e-6))) / 2e-6
print(f"dℰ/dτ at τ = 0.05: exact gradient {gradient:.9f}, central difference {difference:.9f}")
print(f"                   −φ(τ) = {-far.switching_function(hm.Step(0.05))(0.05):.9f}")
assert np.isclose(gradient, difference, rtol=1e-7)

# %% [markdown]
# ## 7. A ramp compared with steps
#
# Is it gentler, and better, to fade the point out? We let a ramp fall linearly from 1 at $s$ to 0
# at $t_1$ and try many $t_1$. The best ramp is worse than the best step, as the theory says it must
# be where the best step is optimal. But it is far better than deleting at once, and its middle sits
# close to the best $\tau$. Here it matters more *when* the point goes than how abruptly.

# %%
stops = np.linspace(0.04, horizon, 14)
ramp_costs = np.array([far.cost(hm.Ramp(start, float(stop))) for stop in stops])
best_ramp = hm.Ramp(start, float(stops[ramp_costs.argmin()]))
schedules = {"at once": hm.Step(start), "best step": best, "best ramp tried": best_ramp}

figure, (left, right) = plt.subplots(1, 2, figsize=(8, 3), width_ratios=(1, 1.3))
for (name, schedule), colour in zip(schedules.items(), PALETTE, strict=False):
    schedule.plot(left, horizon=horizon, color=colour, label=name)
    print(f"{name:16s} ℰ = {far.cost(schedule):.2e}   {schedule}")
left.set_title("Three schedules")
left.legend()
hm.portrait(far, schedules).plot(right)
right.set(xlabel="intercept θ₁", ylabel="slope θ₂", title="Where they lead")

middle = (best_ramp.start + best_ramp.stop) / 2
print(f"middle of the ramp {middle:.3f}, best τ {best.switch:.3f}")
assert far.cost(best) < ramp_costs.min() < far.cost(hm.Step(start)) / 100
assert abs(middle - best.switch) < 0.01

# %% [markdown]
# ## 8. Real data: 442 diabetes patients
#
# Ten features, standardised, and the patient whose deletion moves the coefficients most. The
# slowest direction of training has a rate $\lambda_{\min}$ almost ten times smaller than the next,
# and at $T = 1$ it is all that is left of the error. Under full data that slow coordinate runs
# *through* its target. Deleting at the moment of the crossing leaves nothing to repair.

# %%
data, _ = datasets.standardise(datasets.diabetes())
hessian = data.X.T @ data.X
fit = np.linalg.solve(hessian, data.X.T @ data.y)
leverages = np.einsum("ij,ji->i", data.X, np.linalg.solve(hessian, data.X.T))
changes = np.linalg.solve(hessian, data.X.T) * (data.y - data.X @ fit) / (1 - leverages)
ranking = np.argsort(-np.linalg.norm(changes, axis=0))
patient = int(ranking[0])

patients = hm.LinearRegression(data.X, data.y, deleted=patient)
forget = hm.Deletion(patients, jnp.zeros(10), start=0.05, horizon=1.0)
best_patient = hm.best_step(forget)
tau = float(best_patient.schedule.switch)
rates, directions = np.linalg.eigh(patients.hessian(fit, 0.0))

taus = jnp.linspace(0.05, 1.0, 400)
figure, (left, right) = plt.subplots(1, 2, figsize=(7, 2.8))
ends = forget.final_state(taus)
left.semilogy(taus, 0.5 * jnp.sum((ends - forget.target) ** 2, axis=1))
left.axvline(tau, color="0.4", linestyle=":", label=f"best τ = {tau:.3f}")
left.set(xlabel="time of deletion τ", ylabel="ℰ", title=f"Forgetting patient {patient}, T = 1")
left.legend()
run = hm.flow(patients, hm.Constant(1.0), jnp.zeros(10), jnp.linspace(0.0, 1.0, 200))
slow = (run.theta - forget.target) @ directions[:, 0]
right.plot(run.times, slow * np.sign(slow[0]))
right.axhline(0.0, color="0.3", linewidth=0.8)
right.axvline(tau, color="0.4", linestyle=":")
right.set(xlabel="time t", ylabel="distance from θ*₋", title="The slow coordinate, ε = 1")

at_once = forget.cost(hm.Step(0.05))
error = forget.final_state(0.05) - forget.target
share = float((error @ directions[:, 0]) ** 2 / (error @ error))
print(f"rates λ: {rates[0]:.2f}, {rates[1]:.2f}, …, {rates[-1]:.0f}")
print(f"at once ℰ = {at_once:.2e}, of which the slow direction has {share:.10%}")
print(f"best step: τ = {tau:.4f}, ℰ = {best_patient.cost:.1e}")
print(f"τ 1 % late: ℰ = {forget.cost(hm.Step(1.01 * tau)):.1e}")
wait = hm.deletion.time_to_reach(forget, hm.Step(0.05), cost=1e-10)
print(f"to reach ℰ = 1e-10, deleting at once needs time {wait:.2f} instead of 1")
assert rates[1] > 9 * rates[0] and share > 0.999999 and slow[0] * slow[-1] < 0
assert best_patient.cost < 1e-15 and forget.cost(hm.Step(1.01 * tau)) < at_once / 1000

# %% [markdown]
# Two cautions. To know this $\tau$ one has to know $\theta^*_-$, the very thing that training is to
# find: the optimum is a yardstick, not yet an algorithm. And not every patient is like this one:
# for about half of those who move the fit most, deleting at once is the best step.

# %%
others = hm.deletions(patients, jnp.zeros(10), start=0.05, horizon=1.0, points=ranking[:60])
verdicts = [float(hm.best_step(other).schedule.switch) for other in others]
waiting = sum(tau > 0.05 for tau in verdicts)
print(f"of the {len(verdicts)} patients who move the fit most, waiting pays for {waiting}")
print("best τ of the first ten:", ", ".join(f"{tau:.2f}" for tau in verdicts[:10]))
assert len(verdicts) / 4 < waiting < 3 * len(verdicts) / 4

# %% [markdown]
# ## What we saw
#
# - Forgetting moves the fit along a straight segment, $(1 - P)^2$ times as fast at
#   $\varepsilon = 1$ as at $\varepsilon = 0$; influence functions see $(1 - P)$ of the change.
# - Early in training they see all of it.
# - Deleting at once is not always best. The switching function tells when it is not, and why.
# - The best ramp came close to the best step; when mattered more than how.
#
# ## Exercises
#
# 1. Move the twentieth point to $x = 0$ and keep its $y$. What becomes of its leverage, and of the
#    uneven speed in section 2?
# 2. In section 5, set $T$ to 0.1 and to 1. The best $\tau$ hardly moves. Why? (Look at the slower
#    eigenvector of `problem.hessian(full, 0.0)`, as in section 8.)
# 3. Delete three points at once, `deleted=[17, 18, 19]`. Is the path $\theta(\varepsilon)$ still
#    straight? `hm.response(...).bend` knows.
# 4. `hm.BangBang([a, b, c], initial=1)` deletes the point, takes it back and deletes it again. From
#    $\theta_0 = (2.5, 3.3)$ the best step does not pass the test of section 6. Find $a, b, c$ that
#    beat it. How small can $\mathcal{E}$ become?
# 5. Give `hm.flow(...)` in section 8 a `method=hm.GradientDescent(step_size=0.001)`: discrete
#    gradient descent. From which step size on does it tell another story? (Compare it with
#    `2 / rates[-1]`.)
#
# ## Pointers
#
# - [Notebook 11](11_forgetting_in_an_ill_conditioned_problem.py): where data hardly see a
#   direction, predictions forget long before parameters do.
# - On your own data: `homotopy forget DATA.csv --target COLUMN --delete ROW`.
# - `help(hm.Deletion)`, `help(hm.response)`, `help(hm.sensitivity)` state the formulae and signs.
# - Cook and Weisberg, *Residuals and Influence in Regression* (1982): leverage and deletion.
# - Koh and Liang, *Understanding Black-box Predictions via Influence Functions* (2017).
