"""Sensitivities ∂θ(t)/∂w_j of all 442 diabetes points, against one run for each point."""

import jax
import jax.numpy as jnp
import numpy as np

import homotopy as hm
from benchmarks.comparison import Comparison, Contender, Limit
from benchmarks.timing import relative_difference, timed
from homotopy.datasets import diabetes, standardise

STEP = 1e-5
REPEATS = 300  # of a third of a millisecond each: others' work lasts longer than 50 of them


def run() -> list[Comparison]:
    data, _ = standardise(diabetes())
    X, y = np.asarray(data.X), np.asarray(data.y)
    size, dimension = X.shape
    theta0 = np.zeros(dimension)
    problem = hm.LinearRegression(X, y, deleted=0)
    rates = np.linalg.eigvalsh(X.T @ X)
    times = np.linspace(0.0, 2.0 / rates[0], 21)[1:]

    ours, together = timed(lambda: hm.sensitivity(problem, theta0, times).derivative, REPEATS)

    def separately():
        """The same closed form, asked for one point at a time."""
        return jnp.stack(
            [
                hm.sensitivity(problem, theta0, times, points=[j]).derivative[:, 0]
                for j in range(size)
            ],
            1,
        )

    def by_reweighting():
        """Two exact flows for each point, its weight moved up and down (NumPy eigh)."""
        derivative = np.empty((len(times), size, dimension))
        for j in range(size):
            ends = [_flow(X, y, theta0, times, j, 1.0 + sign * STEP) for sign in (1, -1)]
            derivative[:, j] = (ends[0] - ends[1]) / (2 * STEP)
        return derivative

    single, one_by_one = timed(separately, 2)
    by_jvp, tangents = _one_jvp_a_point(X, y, theta0, times)
    differences, differenced = timed(by_reweighting, 5)
    names = (
        "one call of homotopy.sensitivity a point",
        "one compiled forward-mode run a point (jax.jvp through expm)",
        "two re-weighted flows a point (numpy eigh)",
    )
    return [
        Comparison(
            f"sensitivities of all n = {size} points, {len(times)} times, d = {dimension}",
            (
                Contender("homotopy.sensitivity, all at once", ours, 0.0),
                Contender(names[0], single, relative_difference(one_by_one, together)),
                Contender(names[1], by_jvp, relative_difference(tangents, together)),
                Contender(names[2], differences, relative_difference(differenced, together)),
            ),
            dict.fromkeys(names, 50.0),
            _limit(len(times), size, dimension),
        )
    ]


def _limit(times, size, dimension) -> Limit:
    """Of two products of all points with d × d matrices for each time."""
    rng = np.random.default_rng(0)
    rows, matrices = (
        rng.normal(size=(size, dimension)),
        rng.normal(size=(times, dimension, dimension)),
    )
    product, _ = timed(lambda: np.matmul(rows, matrices), REPEATS)
    how = f"{2 * times} products of all points with a d × d matrix, by NumPy, {times} a call"
    return Limit(2 * product.best, how, 1 / 3)


def _flow(X, y, theta0, times, point, weight):
    weights = np.ones(len(y))
    weights[point] = weight
    rates, vectors = np.linalg.eigh((X.T * weights) @ X)
    start, moment = vectors.T @ theta0, vectors.T @ ((X.T * weights) @ y)
    decay = np.exp(-np.outer(times, rates))
    return (decay * start + (1 - decay) / rates * moment) @ vectors.T


def _one_jvp_a_point(X, y, theta0, times):
    inputs, targets = jnp.asarray(X), jnp.asarray(y)

    @jax.jit
    def run_of(point):
        def states(weight):
            weights = jnp.ones(len(y)).at[point].set(weight)
            weighted = inputs.T * weights[None, :]
            top = jnp.concatenate([-weighted @ inputs, (weighted @ targets)[:, None]], axis=1)
            generator = jnp.concatenate([top, jnp.zeros((1, top.shape[1]))])
            state = jnp.append(jnp.asarray(theta0), 1.0)
            return jax.vmap(lambda t: (jax.scipy.linalg.expm(generator * t) @ state)[:-1])(times)

        return jax.jvp(states, (1.0,), (1.0,))[1]

    return timed(lambda: jnp.stack([run_of(j) for j in range(len(y))], axis=1), 1)
