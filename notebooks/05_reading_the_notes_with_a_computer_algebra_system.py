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
# # Reading the notes with a computer algebra system
#
# The research notes state definitions, propositions, derivations and conjectures. Some are wrong in
# a factor, a sign or a conclusion, and whoever builds on them should know which. **What of the
# notes can be built on?** Here one derivation is done again with sympy, line by line; its slip is
# found, its stationary point corrected, and the counterexamples are drawn. The same has been done
# for every numbered equation and every claim in running text: that ledger is `homotopy.claims`, and
# the command `homotopy claims`. Every number in the text is asserted by the cell below it.

# %%
from collections import Counter
from itertools import pairwise

import matplotlib.pyplot as plt
import numpy as np
import sympy
from scipy.integrate import solve_ivp
from scipy.optimize import brentq

import homotopy as hm
from homotopy.claims import LEDGER, BrokenProof, Statement, find
from homotopy.claims.machinery.export import refutation
from homotopy.plotting.style import PALETTE

hm.enable_x64()
hm.keep_programs()  # what is compiled once starts at once the next time
plt.style.use("homotopy.plotting.homotopy")  # the house style, for the whole notebook
plt.rcParams["figure.dpi"] = 140

verdicts = Counter(claim.verdict.value for claim in LEDGER)
for verdict, count in verdicts.most_common():
    print(f"{count:3d} {verdict}")
assert verdicts["fails"] >= 10 and verdicts["holds with a correction"] >= 30

# %% [markdown]
# ## The derivation of the best step, done again
#
# A point is forgotten by the step $\mathbb{1}_{[0,\tau]}$: train with it up to $\tau$, without it
# up to $T$. The notes put $H = H_- = \mathrm{Id}$ and ask for the $\tau$ that makes
# $\mathcal{E} = \tfrac12\|\theta(T) - \theta^*_-\|^2$ smallest. With
# $a = \theta_0 - \theta^*$ and $\Delta = \theta^* - \theta^*_-$,
# $$\theta(T) - \theta^*_- = e^{-(T-\tau)}\,w(\tau), \qquad w(\tau) = e^{-\tau}a + \Delta .$$
# The vectors enter by three numbers only: $\|a\|^2$, $\langle a, \Delta\rangle$, $\|\Delta\|^2$. So
# the derivation holds in every dimension.

# %%
tau, T = sympy.symbols("tau T", positive=True)
aa, ad, dd = sympy.symbols("aa ad dd", real=True)  # ‖a‖², ⟨a, Δ⟩, ‖Δ‖²


def inner(first, second):
    """⟨·, ·⟩ of vectors given by their coefficients of a and Δ."""
    (p, q), (r, s) = first, second
    return sympy.expand(p * r * aa + (p * s + q * r) * ad + q * s * dd)


w = (sympy.exp(-tau), sympy.Integer(1))
g = tuple(sympy.exp(-(T - tau)) * part for part in w)
cost = inner(g, g) / 2
slope = sympy.factor(sympy.diff(cost, tau))
print("dg/dτ, coefficients of a and Δ:", tuple(sympy.simplify(sympy.diff(part, tau)) for part in g))
print("dℰ/dτ =", slope)
assert sympy.diff(g[0], tau).equals(0)
assert sympy.diff(g[1], tau).equals(sympy.exp(-(T - tau)))

# %% [markdown]
# The part along $a$ does not depend on $\tau$ at all: the start is forgotten at the same rate with
# and without the point. What moves is the part along $\Delta$, and
# $$\frac{d\mathcal{E}}{d\tau}
# = e^{\tau - 2T}\big(\langle a, \Delta\rangle + e^{\tau}\|\Delta\|^2\big).$$
#
# ### Where the notes slip
#
# They differentiate $e^{-(T-\tau)}$ as if the inner derivative were $\tau$. Line by line, what it
# is against what they write:

# %%
decay = sympy.exp(-(T - tau))
one, zero = sympy.Integer(1), sympy.Integer(0)
g_written = (  # τe^(−(T−τ))w − τe^(−T)a
    tau * decay * w[0] - tau * sympy.exp(-T),
    tau * decay * w[1],
)
cost_slope_written = tau * decay**2 * (inner(w, w) + inner((one, zero), w))
lines = {
    "g', along a": (sympy.diff(g[0], tau), g_written[0]),
    "g', along Δ": (sympy.diff(g[1], tau), g_written[1]),
    "⟨g, g'⟩ with their g'": (inner(g, g_written), cost_slope_written),
}
for line, (is_, said) in lines.items():
    agrees = sympy.simplify(is_ - said).equals(0)
    print(f"{line:22s} {'agrees' if agrees else 'differs: by'}", end=" ")
    print("" if agrees else sympy.factor(sympy.simplify(said - is_)))
ratio = sympy.simplify(g_written[1] / sympy.diff(g[1], tau))
assert ratio == tau and sympy.simplify(g_written[0]).equals(0)
lost = tau * decay**2 * (1 + sympy.exp(-tau)) * inner((one, zero), w)
assert sympy.simplify(cost_slope_written - inner(g, g_written) - lost).equals(0)

# %% [markdown]
# So there are two slips. The first puts a factor $\tau$ before all of $g'$: it does no harm but to
# add a zero at $\tau = 0$. The second is in the line after it, where $-e^{-\tau}\langle a,
# w\rangle$ becomes $+\langle a, w\rangle$: that moves the stationary point.
#
# ### The corrected stationary point
#
# $d\mathcal{E}/d\tau$ is a positive factor times $\langle a, \Delta\rangle + e^\tau\|\Delta\|^2$,
# which rises with $\tau$. It has one zero, and there $\mathcal{E}$ has its minimum:
# $$\tau^* = \log\frac{\langle\theta^* - \theta_0,\,\Delta\rangle}{\|\Delta\|^2} .$$

# %%
pull = sympy.symbols("pull", positive=True)  # ⟨θ* − θ₀, Δ⟩ = −⟨a, Δ⟩
(stationary,) = sympy.solve(slope.subs(ad, -pull), tau)
assert sympy.simplify(sympy.exp(stationary) - pull / dd).equals(0)
print("τ* =", sympy.simplify(stationary))

proof = find("stationary step")
print(f"the ledger: {proof.key}: {proof.verdict.value}\n  {refutation(proof)}")
assert proof.prove() is proof.verdict

# %% [markdown]
# Against the toolkit's flow. A regression is as near to $H = H_- = \mathrm{Id}$ as we like if its
# deleted row is short and its target far off. Three starts: for the first deleting at once is best,
# for the second waiting pays, for the third one should not delete before $T$. Diamonds mark
# $\tau^*$, or the end of $[s, T]$ that is nearer to it; crosses mark where the condition of the
# notes would put the optimum.

# %%
s, horizon, short = 0.5, 3.0, 1e-6
direction = np.array([0.8, 0.6])
X = np.vstack([np.eye(2), short * direction])
y = np.append([1.0, -0.5], 0.3 / short)
regression = hm.LinearRegression(X, y, deleted=2)
full, without = np.asarray(regression.full_fit()), np.asarray(regression.deleted_fit())
change = full - without
across = np.array([-direction[1], direction[0]])
taus = np.linspace(s, horizon, 300)

figure, ax = plt.subplots(figsize=(6, 3.2))
for colour, weight in zip(PALETTE, (1.2, 5.0, 30.0), strict=False):
    theta0 = full - weight * change + 0.6 * across
    deletion = hm.Deletion(regression, theta0, start=s, horizon=horizon)
    values = 0.5 * np.sum((np.asarray(deletion.final_state(taus)) - without) ** 2, axis=1)
    formula = np.log((full - theta0) @ change / (change @ change))
    best = float(hm.optimise(deletion, over=hm.Steps()).schedule.switch)
    assert np.isclose(best, np.clip(formula, s, horizon), atol=1e-6)
    ax.semilogy(taus, values, color=colour, label=f"τ* = {formula:.2f}")
    ax.plot(best, float(deletion.cost(hm.Step(best))), "D", color=colour, markersize=7)

    def condition(at, a=theta0 - full):
        state = np.exp(-at) * a + change
        return state @ state + a @ state

    if condition(s) * condition(horizon) < 0:
        claimed = brentq(condition, s, horizon)
        print(f"τ* = {formula:.2f}, best step {best:.2f}, by the notes' condition {claimed:.2f}")
        ax.plot(claimed, float(deletion.cost(hm.Step(claimed))), "X", color=colour, markersize=8)
        assert abs(claimed - best) > 0.1
    else:
        print(f"τ* = {formula:.2f}, best step {best:.2f}, the notes' condition has no solution")
ax.plot([], [], "D", color="0.4", label="the best step")
ax.plot([], [], "X", color="0.4", markersize=8, label="by the notes' condition")
ax.set(xlabel="time of deletion τ", ylabel="ℰ(1_[0,τ])", title="H = Id: the best step")
_ = ax.legend(loc="upper left", bbox_to_anchor=(0.02, 0.9), fontsize=8)

# %% [markdown]
# So the notes' question *is $\mathbb{1}_{[0,s]}$ the best step?* has the answer *no, not even with
# $H = \mathrm{Id}$*, to which they ascribe the exceptions of their Figure 4. Without that
# assumption the condition becomes $\varphi(\tau) = p\cdot\nabla\ell_j = 0$ with the costate $p$
# (entry 0.11).
#
# ## The counterexamples, drawn
#
# ### The greedy argument
#
# *At each time $\varepsilon = 0$ brings $\theta$ closer to $\theta^*_-$ the fastest.* By sympy,
# with $u = \theta - \theta^*_-$ and the deleted residual $r$, the weight changes $\tfrac{d}{dt}
# \tfrac12\|u\|^2$ by $-\varepsilon\,(x^\top u)(x^\top u - r)$: of either sign. In the plane of two
# parameters $\varepsilon = 0$ is the faster one only in a strip.

# %%
u = sympy.Matrix(sympy.symbols("u1 u2", real=True))
x = sympy.Matrix(sympy.symbols("x1 x2", real=True))
r, epsilon, m1, m2 = sympy.symbols("r epsilon m1 m2", positive=True)
velocity = -sympy.diag(m1, m2) * u - epsilon * (x.dot(u) - r) * x
effect = sympy.diff(u.dot(velocity), epsilon)
assert (effect + x.dot(u) * (x.dot(u) - r)).equals(0)

point, residual = np.array([1.0, 1.0]), 1.0
axis = np.linspace(-1.6, 1.6, 401)
grid = np.stack(np.meshgrid(axis, axis), axis=-1)
gain = (grid @ point) * (grid @ point - residual)

figure, ax = plt.subplots(figsize=(4.2, 3.8))
ax.contourf(axis, axis, gain, levels=[-1e9, 0, 1e9], colors=["#FFFFFF", PALETTE[4]], alpha=0.35)
ax.contour(axis, axis, gain, levels=[0], colors="0.4", linewidths=1)
ax.plot(0, 0, "o", color="black")
ax.annotate("θ*$_{-}$", (0, 0), (-0.14, -0.24), ha="right")
ax.text(0.55, 0.95, "ε = 1 is faster")
ax.text(-1.4, -0.8, "ε = 1 is faster")
ax.text(0.02, 0.3, "ε = 0", rotation=-45)
ax.set(xlabel="u₁", ylabel="u₂", title="Which weight is greedy, x = (1, 1), r = 1")
ax.set_aspect("equal")
assert gain[200, 10] > 0 and gain[-10, -10] > 0 and gain[220, 230] < 0

# %% [markdown]
# ### Is a step function the best choice? Is a step better than polynomial decay?
#
# Take $M = H_-$ diagonal and $x = (1, 1)$, $r = 1$. Choose a schedule that is *no* step, begin at
# $u = 0$, and follow the flow backwards: from that start the schedule ends exactly at $\theta^*_-$.
# The ends of all steps from the same start are a curve, and in two dimensions a curve need not
# meet a point. Left, *delete first and include later*, $0 \to 1$; right, a ramp.

# %%
cases = {
    "0 → 1": (np.diag([2.5, 1.0]), hm.BangBang([2 * np.log(1.5)], initial=0.0), 4 * np.log(1.5)),
    "a ramp": (np.diag([1.0, 2.0]), hm.Ramp(0.0, 1.0), 1.0),
}
figure, axes = plt.subplots(1, 2, figsize=(7.4, 3.4), layout="constrained")
for ax, (name, (M, schedule, end)) in zip(axes, cases.items(), strict=True):
    model = hm.LinearRegression(
        np.vstack([np.sqrt(M), point]), [0.0, 0.0, residual], deleted=2
    )  # θ*₋ = 0

    def backwards(time, state, M=M, schedule=schedule, end=end):
        weight = float(schedule(end - time))
        return M @ state + weight * (point @ state - residual) * point

    pieces = np.append(0.0, np.sort(end - np.asarray(schedule.breakpoints)))
    pieces = np.unique(np.append(pieces[(pieces >= 0) & (pieces <= end)], end))
    state = np.zeros(2)
    for first, last in pairwise(pieces):
        inside = (np.nextafter(first, last), np.nextafter(last, first))
        state = solve_ivp(backwards, inside, state, rtol=1e-11, atol=1e-13).y[:, -1]

    deletion = hm.Deletion(model, state, start=0.0, horizon=end)
    ends = np.asarray(deletion.final_state(np.linspace(0.0, end, 400)))
    best = hm.optimise(deletion, over=hm.Steps())
    arrives = float(deletion.cost(schedule, outside="allow"))
    nearest = np.asarray(deletion.final_state([float(best.schedule.switch)]))[0]
    print(f"{name}: ℰ = {arrives:.0e}; the best step has ℰ = {float(best.cost):.3g}")
    assert arrives < 1e-14 < 1e-4 < float(best.cost)

    ax.plot(*ends.T, color=PALETTE[0], label="ends of all steps")
    ax.plot(*nearest, "D", color=PALETTE[0], label="the best step")
    ax.plot(0, 0, "*", color=PALETTE[1], markersize=13, label=f"θ*$_{{-}}$, and the end of {name}")
    span = 1.6 * np.linalg.norm(nearest)
    ax.set(xlim=(-span, span), ylim=(-span, span), xlabel="u₁(T)", title=name)
    ax.set_aspect("equal")
    ax.legend(loc="upper right", fontsize=7)
_ = axes[0].set_ylabel("u₂(T)")

# %% [markdown]
# That no step arrives is proved, not drawn: for $0 \to 1$ all the times were chosen so that every
# exponential is rational, and the two coordinates of the miss are polynomials in $e^{\tau/2}$
# without a common root.

# %%
for key in ("is a step function the best choice", "steps beat polynomial decay"):
    claim = find(key)
    print(f"{claim.key}: {claim.prove().value}\n  {refutation(claim)}\n  {claim.statement.text}\n")
    assert claim.verdict.value == "fails"

# %% [markdown]
# ### The example $X = \mathrm{Id}$
#
# The notes use $H_- = \mathrm{Id}$ there. But without row $j$ nothing moves coordinate $j$:
# $H_- = \mathrm{Id} - e_j e_j^\top$ is singular. Their condition $d(e^{-\tau} + 1) = 2$ goes with
# it; what remains is that deleting at once is best, for every $d$.

# %%
d, n = 3, 3
identity = hm.LinearRegression(np.eye(n), np.ones(n), deleted=n - 1)
deletion = hm.Deletion(identity, np.zeros(d), start=0.2, horizon=2.0)
taus = np.linspace(0.2, 2.0, 7)
measured = [float(deletion.cost(hm.Step(at))) for at in taus]
formula = 0.5 * ((d - 1) * np.exp(-4.0) + (1 - np.exp(-taus)) ** 2)
print("ℰ(1_[0,τ]) rises with τ:", np.round(measured, 4))
assert np.allclose(measured, formula, rtol=1e-9) and np.all(np.diff(measured) > 0)

# %% [markdown]
# ### Descending or rewinding, where the risk is not convex
#
# Retained risk $\tfrac12(\theta^2 - 1)^2$ with two wells, and a deleted point that pulls to the
# left, $(\theta + 2)^2$. Training from $\theta_0 = \tfrac12$ ends at $-2^{1/3}$.
# *Descend-to-delete* goes on from there and is caught in the left well; retraining ends in the
# right one. *Rewinding* to an early checkpoint, before training had crossed the ridge, ends where
# retraining does.

# %%
wells = hm.Problem(
    hm.function_model(
        lambda theta, x: x[0] * (theta[0] ** 2 - 1) + x[1] * np.sqrt(2.0) * (theta[0] + 2), 1
    ),
    hm.SquaredError(), [[1.0, 0.0], [0.0, 1.0]], [0.0, 0.0], deleted=1,
)  # fmt: skip
request, end = 1.5, 3.0
times = np.linspace(0.0, end, 301)


def weights(switch):
    return np.asarray(hm.flow(wells, hm.Step(switch), [0.5], times).theta[:, 0])


runs = {
    "trained, then descended": (weights(request), PALETTE[1], "-"),
    "rewound to t = 0.05": (weights(0.05), PALETTE[2], "--"),
    "retrained": (weights(0.0), PALETTE[0], ":"),
}
figure, ax = plt.subplots(figsize=(6, 3))
for name, (path, colour, line) in runs.items():
    ax.plot(times, path, line, color=colour, label=name, linewidth=2)
ax.axvline(request, color="0.6", linewidth=1)
ax.text(request + 0.03, 0.35, "request", color="0.4")
ax.axhline(0.0, color="0.85", linewidth=1, zorder=0)
ax.set(xlabel="time t", ylabel="θ(t)", title="Two wells: descending is not retraining")
ax.legend(loc=(0.62, 0.22))

final = {name: path[-1] for name, (path, *_) in runs.items()}
print({name: round(float(value), 3) for name, value in final.items()})
assert final["trained, then descended"] < -0.99
assert final["rewound to t = 0.05"] > 0.99 and final["retrained"] > 0.99
trained = weights(end)[-1]
assert np.isclose(trained, -(2 ** (1 / 3)), atol=1e-3)

# %% [markdown]
# ## How far the ledger can be trusted
#
# A verdict is computed. What holds is an identity between two sides, one computed from the
# definitions and one stated, proved for all values of its symbols. What does not hold is refuted by
# an instance in exact numbers. A proof that would accept anything is found out by *perturbing* the
# statement: a flipped sign or a factor 2 in any term must be refuted.

# %%
claim = find("0.10")
wrong = list(claim.statement.perturbed())
refuted = sum(not Statement("", lambda pair=pair: [pair]).holds() for _, pair in wrong)
print(f"{claim.key}: {claim.prove().value}; {refuted} of {len(wrong)} perturbations refuted")
assert refuted == len(wrong) > 0

try:
    find("dg/dτ").counterexample.sides(find("dg/dτ").correction)
except BrokenProof as error:
    print("as it should be:", error)
else:
    raise AssertionError("The corrected statement has a counterexample.")

evidence = find("dℰ/dτ").evidence()
print(f"the toolkit's own gradient: relative error {evidence.error():.0e}, and with the sign "
      f"flipped {evidence.error(-1.0):.1f}")  # fmt: skip
assert evidence.passed and evidence.error(-1.0) > 1

# %% [markdown]
# ## What does not hold
#
# The claims whose conclusion falls, each with what holds instead. `homotopy claims` prints the
# whole ledger, `homotopy claims 0.10` one derivation, and `homotopy claims --check` runs everything
# again.

# %%
for claim in LEDGER:
    if claim.verdict.value == "fails":
        print(f"{claim.key}\n    {claim.statement.text}")
assert {"greedy: ε = 0 is optimal", "1_[0,s] is the solution"} <= {
    claim.key for claim in LEDGER if claim.verdict.value == "fails"
}

# %% [markdown]
# *The notes can be built on* where they define and differentiate: Definitions 3 to 6,
# Proposition 0.0.1, Corollary 0.0.1, the linearised PBRF and the closed forms of the flow all
# stand, some with a factor or a condition mended. What falls are the conclusions about schedules:
# neither deleting at once, nor steps, nor the greedy rule is optimal in general.
