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
# # Forgetting in an ill-conditioned problem
#
# **When data hardly see a direction, what is forgotten, and which numbers can be trusted?**
#
# A polynomial of degree 7 in the monomials $1, u, \dots, u^7$ on $[0, 1]$ is a harmless curve and a
# terrible set of parameters. We delete one of 30 points, an outlier in the middle. Exact rational
# arithmetic says what the deleted fit is; against it we see how many digits the usual routes keep.
# The toolkit computes its spectra once, in twice the working precision, and keeps them all.

# %%
from fractions import Fraction

import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np

import homotopy as hm
from homotopy.plotting.style import WITH, WITHOUT

hm.enable_x64()
hm.keep_programs()
plt.style.use("homotopy.plotting.homotopy")
plt.rcParams["figure.dpi"] = 140
generator = np.random.default_rng(0)

# %%
u = np.linspace(0.0, 1.0, 30)
V = np.vander(u, 8, increasing=True)
z = np.sin(2 * np.pi * u) + 0.2 * generator.standard_normal(30)
z[15] += 1.0
retained = np.arange(30) != 15
V_kept, z_kept = V[retained], z[retained]
stiff = hm.LinearRegression(V, z, deleted=15)


def exact_fit(X, y):
    """Normal equations by Gauss–Jordan elimination in fractions: no rounding at all."""
    rows = [[Fraction(value) for value in row] for row in np.column_stack([X, y]).tolist()]
    size = X.shape[1]
    system = [[sum(row[a] * row[b] for row in rows) for b in range(size + 1)] for a in range(size)]
    for k in range(size):
        system[k] = [value / system[k][k] for value in system[k]]
        for i in range(size):
            if i != k:
                factor = system[i][k]
                system[i] = [a - factor * b for a, b in zip(system[i], system[k], strict=True)]
    return np.array([float(row[-1]) for row in system])


exact = exact_fit(V_kept, z_kept)
routes = {
    "normal equations": np.linalg.solve(V_kept.T @ V_kept, V_kept.T @ z_kept),
    "least squares (SVD)": np.linalg.lstsq(V_kept, z_kept)[0],
    "homotopy": np.asarray(stiff.deleted_fit()),
}
errors = {name: np.linalg.norm(r - exact) / np.linalg.norm(exact) for name, r in routes.items()}
print(f"condition number of the Hessian: {np.linalg.cond(V_kept) ** 2:.1e}")
for name, error in errors.items():
    print(f"relative error of the deleted fit, {name:20s} {error:.1e}")
assert errors["homotopy"] < 1e-14 < 1e-12 < errors["normal equations"]

# %% [markdown]
# ## The dynamics
#
# They are ill-conditioned too: the fastest rate is about $10^{10}$ times the slowest. By
# $t = 1000$ the *predictions* have gone almost nine tenths of the way to those of the deleted fit,
# and the *parameters* less than one hundredth. Never deleting leaves the predictions a quarter
# farther from there than deleting at once, and the parameters hardly a thousandth.
#
# So $\mathcal{E}$, a distance between parameters, cannot tell these two schedules apart. It is a
# good measure of forgetting only where training has had time to move every direction.

# %%
times = jnp.concatenate([jnp.zeros(1), jnp.geomspace(1e-3, 1e10, 300)])
pair = hm.homotopy(stiff, jnp.zeros(8), times, [0.0, 1.0])
gap = np.asarray(pair.theta - stiff.deleted_fit()[None, None, :])
in_parameters = np.linalg.norm(gap, axis=2)
in_predictions = np.linalg.norm(gap @ V_kept.T, axis=2)

figure, axes = plt.subplots(1, 2, figsize=(7, 2.8), sharex=True)
panels = (("predictions", in_predictions), ("parameters", in_parameters))
for ax, (name, distance) in zip(axes, panels, strict=True):
    ax.loglog(times[1:], distance[0, 1:], color=WITHOUT, label="deleted at once, ε = 0")
    ax.loglog(times[1:], distance[1, 1:], color=WITH, label="never deleted, ε = 1")
    ax.axvline(1000.0, color="0.4", linestyle=":")
    low, high = distance[1].min() / 5, distance.max() * 2
    ax.set(xlabel="time t", ylabel=f"distance in {name}", title=f"To θ*₋, {name}", ylim=(low, high))
axes[0].legend()

at = int(np.argmin(np.abs(times - 1000.0)))
way = [1 - distance[0, at] / distance[0, 0] for distance in (in_predictions, in_parameters)]
rate = stiff.modal.eigenvalues
print(f"slowest rate {rate.min():.1e}, fastest {rate.max():.0f}")
print(f"t = {times[at]:.0f}: of the way to θ*₋, predictions {way[0]:.1%}, parameters {way[1]:.2%}")
ratios = [distance[1, at] / distance[0, at] for distance in (in_predictions, in_parameters)]
print(f"distance, never over at once: predictions {ratios[0]:.2f}, parameters {ratios[1]:.5f}")
assert way[0] > 0.85 and way[1] < 0.01
assert ratios[0] > 1.25 and abs(ratios[1] - 1) < 0.001

# %% [markdown]
# ## What we saw
#
# - Closed forms are only as good as the spectra they start from: normal equations lose as many
#   digits as the condition number has, the toolkit's spectra none.
# - Predictions forget long before parameters do, and $\mathcal{E}$, a distance of parameters, does
#   not notice. `hm.Deletion(..., terminal_cost=hm.deletion.PredictionDistance())` asks of
#   predictions instead.
