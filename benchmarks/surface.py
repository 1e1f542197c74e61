"""The surface θ(t, ε): 101 ε × 201 times, against diffrax and, for d = 50, expm at each node.

Up to t = 2/λ_min, for three designs: Gaussian inputs, 50 pixels of real digits, and inputs whose
covariance falls off as a power law, as those of raw real data do. A Runge–Kutta method takes the
more steps the larger the condition number is; the exact flow does not: the project promises to be
20 times faster than diffrax on the third, and 3 times on each. The last table is of d = 200, where
rotating the states is most of the work.
"""

import diffrax
import jax
import jax.numpy as jnp
import numpy as np
import scipy.linalg
from sklearn.datasets import load_digits

import homotopy as hm
from benchmarks.comparison import Comparison, Contender, Limit
from benchmarks.timing import gemm_rate, relative_difference, timed, timed_once

EPSILONS, TIMES = 101, 201
DIMENSION, LARGE = 50, 200
LEAST, PROMISED = 3.0, 20.0
SHARE = 0.3  # of the rate of matrix products, for d = LARGE


def run() -> list[Comparison]:
    solvers = (diffrax.Tsit5(), diffrax.Dopri8(), diffrax.Kvaerno5())
    return [
        _compare("Gaussian", *_gaussian(DIMENSION), solvers, LEAST),
        _compare("digits", *_digits(), solvers, LEAST),
        _compare("power law", *_power_law(), solvers, PROMISED),
        _compare("Gaussian", *_gaussian(LARGE), solvers[:1], LEAST, SHARE),
    ]


def _gaussian(dimension):
    rng = np.random.default_rng(0)
    return rng.normal(size=(4 * dimension, dimension)), rng.normal(size=4 * dimension)


def _digits():
    X, y = load_digits(return_X_y=True)
    X = X[:, np.sort(np.argsort(X.var(axis=0))[-DIMENSION:])]
    return (X - X.mean(axis=0)) / X.std(axis=0), (y - y.mean()) / y.std()


def _power_law():
    rng = np.random.default_rng(0)
    scales = np.arange(1.0, DIMENSION + 1) ** -1.0
    rotation = np.linalg.qr(rng.normal(size=(DIMENSION, DIMENSION)))[0]
    X = rng.normal(size=(200, DIMENSION)) * scales @ rotation
    return X, X @ rng.normal(size=DIMENSION) + 0.5 * rng.normal(size=200)


def _compare(name, X, y, solvers, least: float, share: float | None = None) -> Comparison:
    dimension = X.shape[1]
    theta0 = np.random.default_rng(1).normal(size=dimension)
    problem = hm.LinearRegression(X, y, deleted=0)
    rates = np.linalg.eigvalsh(X[1:].T @ X[1:])
    epsilons, times = np.linspace(0, 1, EPSILONS), np.linspace(0, 2 / rates[0], TIMES)

    ours, surface = timed(lambda: hm.homotopy(problem, theta0, times, epsilons).theta, 15)
    contenders, targets = [Contender("homotopy (Exact)", ours, 0.0)], {}
    if dimension == DIMENSION:
        label = "scipy.linalg.expm at each node"
        expm, theta = timed_once(lambda: _by_expm(X, y, theta0, times, epsilons))
        contenders.append(Contender(label, expm, relative_difference(theta, surface)))
        targets[label] = 200.0
    for solver in solvers:
        integrate = _diffrax_surface(X, y, theta0, times, solver)
        timing, theta = timed(lambda f=integrate: f(jnp.asarray(epsilons)), 3)
        label = f"diffrax {type(solver).__name__}, vmapped, 1e-8"
        contenders.append(Contender(label, timing, relative_difference(theta, surface)))
        targets[label] = least
    rate = gemm_rate()
    rotation = 2 * EPSILONS * TIMES * dimension**2
    limit = Limit(
        rotation / rate,
        f"one product of all states with a d × d matrix, {rotation:.3g} operations, at the "
        f"{1e-9 * rate:.3g} GFlop/s of large products in this process",
        share,
    )
    condition = rates[-1] / rates[0]
    return Comparison(
        f"surface θ(t, ε), {name} design, condition {condition:.3g}; d = {dimension}, "
        f"{EPSILONS} ε × {TIMES} times",
        tuple(contenders),
        targets,
        limit,
    )


def _by_expm(X, y, theta0, times, epsilons):
    theta = np.empty((EPSILONS, TIMES, theta0.size))
    state = np.append(theta0, 1.0)
    for i, epsilon in enumerate(epsilons):
        generator = _generator(X, y, epsilon)
        for k, time in enumerate(times):
            theta[i, k] = (scipy.linalg.expm(generator * time) @ state)[:-1]
    return theta


def _generator(X, y, epsilon):
    """Of the flow as a linear system in (θ, 1)."""
    weights = np.ones(len(y))
    weights[0] = epsilon
    moment = (X.T * weights) @ y
    top = np.hstack([-(X.T * weights) @ X, moment[:, None]])
    return np.vstack([top, np.zeros((1, X.shape[1] + 1))])


def _diffrax_surface(X, y, theta0, times, solver):
    hessian, moment = jnp.asarray(X[1:].T @ X[1:]), jnp.asarray(X[1:].T @ y[1:])
    point, target = jnp.asarray(X[0]), y[0]

    def velocity(t, theta, epsilon):
        return moment - hessian @ theta - epsilon * (point @ theta - target) * point

    def one(epsilon):
        return diffrax.diffeqsolve(
            diffrax.ODETerm(velocity),
            solver,
            t0=0.0,
            t1=times[-1],
            dt0=None,
            y0=jnp.asarray(theta0),
            args=epsilon,
            saveat=diffrax.SaveAt(ts=jnp.asarray(times)),
            stepsize_controller=diffrax.PIDController(rtol=1e-8, atol=1e-8),
            max_steps=100_000,
        ).ys

    return jax.jit(jax.vmap(one))
