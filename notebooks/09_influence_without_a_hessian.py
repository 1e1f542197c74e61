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
# # Influence without a Hessian
#
# Influence functions solve a linear equation with the Hessian. Let θ be *random* instead, with
# the density exp(−βR(θ) − (γ/2)‖θ − θ_ref‖²) around the trained parameters. Then the derivative of
# any expectation in the weight of a point is a **covariance**, −β Cov(ℓⱼ, φ), exactly, whatever
# the loss. What is it worth: when is it the influence function, how sure is one of it, and does it
# predict retraining where the Hessian is singular?

# %%
import matplotlib.pyplot as plt
import numpy as np

import homotopy as hm
from homotopy.bayesian import Reweighting, ThermodynamicIntegration, posterior_deletion
from homotopy.datasets import diabetes, standardise

hm.enable_x64()
hm.keep_programs()
plt.style.use("homotopy.plotting.homotopy")
plt.rcParams["figure.dpi"] = 140

# %% [markdown]
# ## Least squares: it is the damped influence function
#
# The posterior of a linear regression is normal, and covariances are known in closed form. Of θ
# itself they give the damped influence function, to rounding, with the damping δ = γ/β. No
# Hessian was inverted for it that a sampler would need: 4,000 draws find the same within their
# errors.

# %%
data, _ = standardise(diabetes())
order = np.random.default_rng(0).permutation(len(data.y))
rows, others = order[:60], order[60:]
problem = hm.LinearRegression(data.X[rows], data.y[rows], deleted=0)
theta, loss = problem.full_fit(), hm.TestLoss(data.X[others], data.y[others])
posterior = hm.LocalPosterior(beta=5.0, localisation=10.0)

estimator = hm.BayesianInfluence(posterior, hm.GaussianMoments())
by_covariance = hm.predict(problem, estimator, points=range(60)).delta
damped = hm.predict(problem, hm.GaussNewton(damping=2.0), points=range(60)).delta
assert np.allclose(by_covariance, damped, rtol=0.0, atol=1e-12)

exact = hm.bayesian_influence(problem, theta, loss, posterior, sampler=hm.GaussianMoments())
found = hm.bayesian_influence(problem, theta, loss, posterior, sampler=hm.GaussianDraws(1000))
z = (found.change - exact.change) / found.standard_error
assert np.sqrt(np.mean(z**2)) < 1.5
print(found)

# %% [markdown]
# ## A change of an expectation, not of a number
#
# Of a loss there is a second term, K²/(2β): without a point one is less sure of θ, and the
# *expected* loss grows with that. It vanishes as β grows. At β = 5 it is a part of what is seen.

# %%
linear = hm.predict(problem, hm.GaussNewton(damping=2.0), points=range(60)).linearised(loss)
fig, ax = plt.subplots(figsize=(3.6, 3.0))
for beta in (0.5, 5.0, 500.0):
    near = hm.LocalPosterior(beta, 2.0 * beta)
    change = hm.bayesian_influence(problem, theta, loss, near, sampler=hm.GaussianMoments()).change
    ax.plot(linear, change, ".", ms=4, label=f"β = {beta:g}")
ends = np.array([linear.min(), linear.max()])
ax.plot(ends, ends, color="black", lw=0.8)
ax.set(xlabel="damped influence", ylabel="β Cov(ℓⱼ, φ)")
ax.legend()
assert np.allclose(change, linear, rtol=0.0, atol=1e-4)  # at β = 500
assert np.all(np.asarray(exact.change) > np.asarray(linear))  # the second term is positive

# %% [markdown]
# ## The whole deletion: a homotopy in the weight
#
# The covariance is a first order. The same covariance, integrated along the weight from 1 to 0, is
# the whole change; and the draws with all points, weighted by e^{βℓⱼ}, give it as well, as long as
# the weights have a finite variance: in least squares, as long as the damped leverage is below ½.
# The fitted shape k̂ of their tail tells it in general.

# %%
row = int(np.argmax(np.abs(exact.change)))
asked = problem, theta, loss, posterior
integral = ThermodynamicIntegration(hm.GaussianMoments(), nodes=12)
whole = posterior_deletion(*asked, points=row, method=integral)
weighted = posterior_deletion(*asked, points=row, method=Reweighting(hm.GaussianDraws(5000)))
print(whole)
print(weighted)
assert abs(float(weighted.change - whole.change)) < 4.0 * float(weighted.standard_error)
mean = posterior_deletion(problem, theta, lambda at: at, posterior, points=row, method=integral)
ratio = np.linalg.norm(by_covariance[row]) / np.linalg.norm(mean.change)
assert abs(ratio - (1.0 - float(mean.damped_leverage))) < 1e-10  # influence is 1 − P of the truth

# %% [markdown]
# ## Chains, and how they fail
#
# Other models need a chain. NUTS and MALA have the posterior's law; SGLD has that of its step: on
# a quadratic the variance along an eigenvector of the precision q is 1/(q(1 − ηq/4)), however long
# it runs. With half of the largest stable step the stiffest direction is twice as wide as it
# should be; with a fiftieth of it the softest ones are hardly crossed in the same time, and R̂
# says so.

# %%
q, vectors = np.linalg.eigh(5.0 * np.asarray(problem.X.T @ problem.X) + 10.0 * np.eye(10))
stiffest, largest = vectors[:, -1], 4.0 / q[-1]
sampled = {
    "MALA": hm.MALA(1000),
    "SGLD, large steps": hm.SGLD(2000, step_size=0.5 * largest),
    "SGLD, small steps": hm.SGLD(500, step_size=0.02 * largest),
}
width, mixed = {}, {}
for name, sampler in sampled.items():
    chains = hm.bayesian_influence(
        problem, theta, lambda at: (stiffest @ (at - theta)) ** 2, posterior, sampler=sampler,
        throw=False,
    )  # fmt: skip
    width[name], mixed[name] = float(chains.expectation * q[-1]), float(chains.r_hat.max())
    print(f"{name}: variance {width[name]:.2f}/q, R̂ at most {mixed[name]:.3f}")
assert abs(width["MALA"] - 1.0) < 0.15 and abs(width["SGLD, large steps"] - 2.0) < 0.3
assert mixed["MALA"] < 1.05 < mixed["SGLD, small steps"]

# %% [markdown]
# ## A singular point
#
# f = θ₁θ₂x at θ = 0, where p = θ₁θ₂ = 0 is the best slope: every gradient is zero, so every damped
# influence is, but retraining without a point moves p. The covariance does not see a Hessian, and
# sees that: the right sign, and a share of the size that tends to one as 1 − 2/(ln(8βH) − γ_E).


# %%
def product(theta, x):
    return theta[0] * theta[1] * x[0]


generator = np.random.default_rng(0)
x, y = generator.normal(size=(2, 20))
y -= x * (x @ y) / (x @ x)
network = hm.Problem(hm.function_model(product, 2), hm.SquaredError(), x[:, None], y, deleted=0)
origin = np.zeros(2)
assert float(np.abs(hm.predict(network, hm.GaussNewton(1.0), origin).delta).max()) == 0.0

change = hm.bayesian_influence(
    network, origin, lambda at: at[0] * at[1], hm.LocalPosterior(1.0, 1.0), sampler=hm.NUTS(1000)
)
retrained = -x * y / (x @ x - x**2)
share = float(np.sum(change.change * retrained) / np.sum(retrained**2))
predicted = 1.0 - 2.0 / (np.log(8.0 * (x @ x)) - np.euler_gamma)
print(f"{share:.2f} of retraining; to leading order {predicted:.2f}")
assert np.corrcoef(change.change, retrained)[0, 1] > 0.9 and 0.4 < share < 0.7

# %% [markdown]
# ## What it predicts of a network
#
# Figure 29 asks it of a perceptron that was stopped early. As β grows Bayesian influence orders the
# points as the proximal Bregman response does, and as damped influence does; with retraining to the
# end none of the three agrees. So the covariance needs no Hessian, and comes with errors; it does
# not answer another question. Its cost is the chain: one for all n × n influences.
