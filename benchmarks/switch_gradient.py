"""ℰ and its gradient in all switch times of an 8-segment bang-bang schedule, against expm."""

import jax
import jax.numpy as jnp
import jax.scipy.linalg
import numpy as np

import homotopy as hm
from benchmarks.comparison import Comparison, Contender, Limit
from benchmarks.timing import relative_difference, timed

SEGMENTS = 8


def run() -> list[Comparison]:
    return [_compare(20, 10.0), _compare(100, 100.0)]


def _compare(dimension: int, target: float) -> Comparison:
    rng = np.random.default_rng(1)
    size = 2 * dimension
    X = rng.normal(size=(size, dimension)) / np.sqrt(size)
    y = rng.normal(size=size)
    theta0 = 3 * rng.normal(size=dimension)
    problem = hm.LinearRegression(X, y, deleted=0)
    horizon = 10.0
    deletion = hm.Deletion(problem, theta0, start=0.5, horizon=horizon)
    switches = jnp.linspace(1.0, horizon - 1.0, SEGMENTS - 1)

    exact = jax.jit(
        lambda times: jax.value_and_grad(lambda at: deletion.cost(hm.BangBang(at, 1)))(times)
    )
    ours, (_, gradient) = timed(lambda: exact(switches), 200)

    keep = np.arange(1, size)
    generators = []
    for rows in (np.arange(size), keep):
        top = np.hstack([-X[rows].T @ X[rows], (X[rows].T @ y[rows])[:, None]])
        generators.append(jnp.asarray(np.vstack([top, np.zeros((1, dimension + 1))])))
    goal = problem.deleted_fit()

    @jax.jit
    def by_expm(times):
        def cost(at):
            edges = jnp.concatenate([jnp.zeros(1), at, jnp.full(1, horizon)])
            state = jnp.append(jnp.asarray(theta0), 1.0)
            for index in range(SEGMENTS):
                length = edges[index + 1] - edges[index]
                state = jax.scipy.linalg.expm(generators[index % 2] * length) @ state
            return 0.5 * jnp.sum((state[:-1] - goal) ** 2)

        return jax.value_and_grad(cost)(times)

    peer, (_, peer_gradient) = timed(lambda: by_expm(switches), 200 if dimension < 50 else 20)
    name = "jax.scipy.linalg.expm and autodiff"
    return Comparison(
        f"ℰ and gradient in the switch times, {SEGMENTS} segments, d = {dimension}",
        (
            Contender("homotopy (Exact)", ours, 0.0),
            Contender(name, peer, relative_difference(peer_gradient, gradient)),
        ),
        {name: target},
        _products(dimension),
    )


def _products(dimension: int) -> Limit:
    """What the products with rotations alone take: two a segment there, and two back."""
    rng = np.random.default_rng(0)
    matrix, vector = rng.normal(size=(dimension, dimension)), rng.normal(size=dimension)
    result = np.empty(dimension)
    count = 4 * SEGMENTS

    def products():
        for _ in range(count):
            np.dot(matrix, vector, out=result)

    how = f"{count} products of a d × d matrix with a vector, by NumPy"
    return Limit(timed(products, 200)[0].best, how)
