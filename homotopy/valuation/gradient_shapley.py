"""What each step of one pass of stochastic gradient descent does to the measurement."""

from __future__ import annotations

import functools
from typing import ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from homotopy._checks import integer, positive
from homotopy._jit import filter_jit_numbers
from homotopy.sweeps.sharing import whole_or_in_parts
from homotopy.valuation.method import AbstractValuation, Asked, data_values_of
from homotopy.valuation.moments import Moments
from homotopy.valuation.values import DataValues, Sampling, ValueStatus


class GradientShapley(AbstractValuation):
    """G-Shapley of Ghorbani and Zou: the change of m at the step θ − η∇ℓ_j(θ), over random orders.

    Each pass starts at θ₀ and takes one step a point; its changes sum to m(θ₀) minus m of its end.
    It is the Shapley value of no game of retraining: for η → 0 it tends to η∇m·∇ℓ_j at θ₀, and
    with more epochs to ∫∇m·∇ℓ_j dt along training (theory §8.5). The ridge plays no part. `total`
    is the mean of what the passes share out.

    Parameters
    ----------
    step_size : float
        η > 0, of the loss of one point.
    permutations : int
        Passes, at least 2.
    epochs : int
        Times that each pass goes through its order.
    seed : int

    Raises
    ------
    ValueError
        Naming the argument.

    Examples
    --------
    >>> import homotopy as hm
    >>> hm.enable_x64()
    >>> problem = hm.LinearRegression([[1.0], [1.0]], [1.0, 3.0], deleted=0)
    >>> method = hm.valuation.GradientShapley(0.1, 100)
    >>> values = hm.data_values(problem, hm.TestLoss([[1.0]], [2.0]), method)
    >>> bool(values.values[0] < values.values[1]), bool(abs(values.efficiency_gap) < 1e-12)
    (True, True)
    """

    kind: ClassVar[str] = "sampled"
    in_parts: ClassVar[bool] = True

    step_size: float
    permutations: int = 100
    epochs: int = 1
    seed: int = 0

    def __check_init__(self):
        positive("step_size", self.step_size)
        integer("permutations", self.permutations, 2)
        integer("epochs", self.epochs, 1)
        integer("seed", self.seed, 0)

    def values(self, asked: Asked) -> DataValues:
        asked.require_shapley("GradientShapley(step_size)")
        problem, n = asked.problem, asked.problem.size
        start = asked.start()
        generator = np.random.default_rng(self.seed)
        orders = generator.permuted(np.tile(np.arange(n), (self.permutations, 1)), axis=1)
        options = problem, asked.measurement, start, self.step_size, self.epochs
        some = functools.partial(_some, options, orders)
        found = whole_or_in_parts(some, len(orders), asked.devices, asked.client)
        changes = np.asarray(found)
        shape = changes.shape[2:]
        moments = Moments.of(changes.reshape(len(changes), -1))
        values = moments.mean.reshape(n, *shape)
        sampling = Sampling(
            jnp.asarray(moments.count), jnp.asarray(1),
            *map(jnp.asarray, (moments.second, moments.third, moments.fourth)),
        )  # fmt: skip
        total = np.mean(changes.sum(axis=1), axis=0)
        finite = bool(np.all(np.isfinite(values)))
        status = ValueStatus.successful if finite else ValueStatus.diverged
        return data_values_of(
            self, values, total, changes[..., 0].size if shape else changes.size, "steps", status,
            standard_error=moments.standard_error.reshape(n, *shape), sampling=sampling,
        )  # fmt: skip


def _some(options, orders, places):
    """Passes in some of the orders."""
    return _passes(*options, orders[places])


@filter_jit_numbers
def _passes(problem, measurement, start, step_size, epochs, orders):
    none = jnp.zeros(1, int), jnp.zeros(1, problem.X.dtype)

    def measure(theta):
        return measurement(problem, theta, *none)

    def gradient(theta, row):
        def loss(at):
            return problem.point_loss.value(problem.model(at, problem.X[row]), problem.targets[row])

        return jax.grad(loss)(theta)

    def step(state, row):
        theta, value = state
        theta = theta - step_size * gradient(theta, row)
        there = measure(theta)
        return (theta, there), value - there

    def one(order):
        state = jnp.asarray(start), measure(jnp.asarray(start))
        _, changes = jax.lax.scan(step, state, jnp.tile(order, epochs))
        changes = changes.reshape(epochs, order.size, *changes.shape[1:]).sum(axis=0)
        return jnp.zeros_like(changes).at[order].set(changes)

    return jax.lax.map(one, orders, batch_size=64)
