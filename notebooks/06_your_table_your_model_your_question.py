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
# # Your table, your model, your question
#
# You have a data frame, a model that you wrote, and a number that you care about. **What would
# that number be without this row, and how sure is the answer?** Here for a table of 32 cars, three
# models of their fuel consumption, and the miles per gallon predicted for a heavy car. Every number
# in the text is asserted by the cell below it.

# %%
import io

import equinox as eqx
import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

import homotopy as hm

hm.enable_x64()
hm.keep_programs()  # what is compiled once starts at once the next time
plt.style.use("homotopy.plotting.homotopy")
plt.rcParams["figure.dpi"] = 140

CARS = """\
car,mpg,hp,wt
Mazda RX4,21.0,110,2.620
Mazda RX4 Wag,21.0,110,2.875
Datsun 710,22.8,93,2.320
Hornet 4 Drive,21.4,110,3.215
Hornet Sportabout,18.7,175,3.440
Valiant,18.1,105,3.460
Duster 360,14.3,245,3.570
Merc 240D,24.4,62,3.190
Merc 230,22.8,95,3.150
Merc 280,19.2,123,3.440
Merc 280C,17.8,123,3.440
Merc 450SE,16.4,180,4.070
Merc 450SL,17.3,180,3.730
Merc 450SLC,15.2,180,3.780
Cadillac Fleetwood,10.4,205,5.250
Lincoln Continental,10.4,215,5.424
Chrysler Imperial,14.7,230,5.345
Fiat 128,32.4,66,2.200
Honda Civic,30.4,52,1.615
Toyota Corolla,33.9,65,1.835
Toyota Corona,21.5,97,2.465
Dodge Challenger,15.5,150,3.520
AMC Javelin,15.2,150,3.435
Camaro Z28,13.3,245,3.840
Pontiac Firebird,19.2,175,3.845
Fiat X1-9,27.3,66,1.935
Porsche 914-2,26.0,91,2.140
Lotus Europa,30.4,113,1.513
Ford Pantera L,15.8,264,3.170
Ferrari Dino,19.7,175,2.770
Maserati Bora,15.0,335,3.570
Volvo 142E,21.4,109,2.780
"""
cars = pd.read_csv(io.StringIO(CARS), index_col="car")
row = cars.index.get_loc("Chrysler Imperial")
cars.loc[["Chrysler Imperial", "Fiat 128"]]

# %% [markdown]
# ## A linear regression, and its classical diagnostics
#
# A data frame goes in as it is: `X` with a column of ones, as no intercept is added, `y`, and the
# number of the row that may go. Names of columns and rows stay with the problem. Standardised
# columns make gradient flows converge evenly.

# %%
inputs = cars[["wt", "hp"]]
table = (inputs - inputs.mean()) / inputs.std()
table.insert(0, "intercept", 1.0)
linear = hm.LinearRegression(table, cars["mpg"], deleted=row)
print(linear.parameter_names, linear.labels.row(row))

diagnostics = hm.regression_diagnostics(linear)
ranking = pd.DataFrame(
    {
        "leverage": diagnostics.leverage,
        "t": diagnostics.studentised_external,
        "Cook's distance": diagnostics.cooks_distance,
    },
    index=cars.index,
).sort_values("Cook's distance", ascending=False)
print(ranking.head(4).round(3))
assert ranking.index[0] == "Chrysler Imperial"

# %% [markdown]
# ## A measurement of your own
#
# Any function of $\theta$ is one. Here: what the model predicts for a car of 5000 lb and 200 hp.
# The estimators say what deleting each row does to $\theta$, and `linearised` what that does to the
# measurement. The truth for the Imperial is −1.11 miles per gallon; influence functions, which
# leave out the row's leverage, say −0.90.

# %%
heavy_car = (pd.Series({"wt": 5.0, "hp": 200.0}) - inputs.mean()) / inputs.std()
at = jnp.array([1.0, *heavy_car])


def heavy(theta):
    return theta @ at


every = range(linear.size)
truth = hm.predict(linear, hm.LeaveOneOut(), points=every).linearised(heavy)
first_order = hm.predict(linear, hm.Influence(), points=every).linearised(heavy)
print(f"{heavy(linear.full_fit()):.2f} mpg; without the Imperial {truth[row]:+.2f}")
print(f"influence: {first_order[row]:+.2f}, less by 1 − P: {1 - diagnostics.leverage[row]:.3f}")
assert np.isclose(truth[row], -1.11, atol=0.005) and np.isclose(first_order[row], -0.90, atol=0.005)
assert np.isclose(first_order[row] / truth[row], 1 - diagnostics.leverage[row], rtol=1e-12)

# %% [markdown]
# ## An answer with a certificate
#
# A row is asked to be forgotten at $t = 0.1$, while training from zero has until $t = 0.5$. What
# should its weight do in between? For linear regression the best of **all** schedules
# $\varepsilon(t)$ is found with a lower bound that no other can beat: here it is to delete at once.

# %%
deletion = hm.Deletion(linear, np.zeros(3), start=0.1, horizon=0.5)
best = hm.optimise(deletion, over=hm.Everything())
print(best)
assert best.gap < 1e-6 * best.cost and best.structure == "0 throughout"

# %% [markdown]
# ## A model of your own: a function
#
# Consumption falls with weight, but not for ever: $f(\theta; x) = \theta_1 + \theta_2
# e^{-\theta_3 x}$. A function of $(\theta, x)$ for one row is a model. `hm.check` tries it out
# before anything long is asked: shapes, derivatives against differences, the time of a gradient.


# %%
def curve(theta, x):
    return theta[0] + theta[1] * jnp.exp(-theta[2] * x[0])


decay = hm.Problem(
    hm.function_model(curve, 3), hm.SquaredError(), cars[["wt"]], cars["mpg"], deleted=row
)
start = [10.0, 50.0, 0.5]
found = hm.check(decay, start)
assert found.successful and found.gradient_error < 1e-6

# %% [markdown]
# `train` goes to a minimum and says so, with the gradient zero to rounding and a positive definite
# Hessian. The curve levels off at 6.8 miles per gallon, or at 2.4 without the Imperial: what a
# car of infinite weight does hangs on one row.

# %%
trained = hm.train(decay, start)
path = hm.response(decay, np.linspace(0.0, 1.0, 11), trained.theta)
print(hm.results.TrainingStatus[trained.status])
print(f"‖∇R‖ = {trained.gradient_norm:.0e}, eigenvalues from {trained.smallest_eigenvalue:.2f}")
print(f"level: {path.ends[1, 0]:.1f} mpg, without the Imperial {path.ends[0, 0]:.1f}")
assert bool(trained.successful) and bool(path.successful)
assert np.allclose(path.ends[:, 0], [2.4, 6.8], atol=0.05)
ax = path.plot()

# %% [markdown]
# ## A model of your own: a network
#
# Any callable pytree is a model, as an Equinox module; a Flax NNX module or a PyTorch network goes
# in the same way:
#
# ```python
# network = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.Tanh(), torch.nn.Linear(3, 1))
# model = hm.module_model(network)  # θ by the names of its state_dict
# ```
#
# Here a straight line with a small network for what it misses.


# %%
class LineAndMore(eqx.Module):
    line: eqx.nn.Linear
    more: eqx.nn.MLP

    def __init__(self, key):
        self.line = eqx.nn.Linear(2, "scalar", key=key)
        self.more = eqx.nn.MLP(2, "scalar", 2, 1, activation=jnp.tanh, key=key)

    def __call__(self, x):
        return self.line(x) + self.more(x)


model = hm.module_model(LineAndMore(jax.random.key(0)))
scaled = (cars["mpg"] - cars["mpg"].mean()) / cars["mpg"].std()
columns = table[["wt", "hp"]]
network = hm.Problem(model, hm.SquaredError(), columns, scaled, deleted=row, ridge=0.1)
print(model.parameter_names()[:4])
bent = hm.train(network, model.initial_parameters())
print(hm.results.TrainingStatus[bent.status], f"risk {bent.risk:.3f}")
assert bool(bent.successful)

# %% [markdown]
# ## And where there is no answer
#
# Two constants are one too many: without a ridge the bias of the line and that of the network do
# the same, and the network's weights may grow without end. `train` does not make a number of it:
# it says what it found, and the remedy.

# %%
bare = hm.Problem(model, hm.SquaredError(), columns, scaled, deleted=row)
flat = hm.train(bare, model.initial_parameters(), throw=False)
print(hm.results.TrainingStatus[flat.status])
assert not bool(flat.successful)

# %% [markdown]
# ## The same question, three models
#
# What deleting the Imperial does to the prediction for the heavy car, by refitting: −1.11 miles
# per gallon for the line, −0.98 for the curve, −0.91 for the network.


# %%
def by_curve(theta):
    return curve(theta, jnp.array([5.0]))


def by_network(theta):
    return model(theta, at[1:]) * scaled_by


scaled_by = float(cars["mpg"].std())
refit = hm.train(network, bent.theta, 0.0)
assert bool(refit.successful)
answers = {
    "line": float(truth[row]),
    "curve": float(by_curve(path.ends[0]) - by_curve(path.ends[1])),
    "network": float(by_network(refit.theta) - by_network(bent.theta)),
}
print({name: round(value, 2) for name, value in answers.items()})
assert np.allclose(list(answers.values()), [-1.11, -0.98, -0.91], atol=0.005)

# %% [markdown]
# ## What is left
#
# `hm.check` finds what is wrong with a model before it costs an hour; every answer has a status and
# the numbers that it is judged by; a certificate there is for linear regression. Your scikit-learn
# fit, data set and loss go the same way: README says how.
