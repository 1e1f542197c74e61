"""The surface θ(t, ε): d = 50, 101 ε × 201 times, against expm at each node and diffrax.

Up to t = 2/λ_min, for three designs: Gaussian inputs, 50 pixels of real digits, and inputs whose
covariance falls off as a power law, as those of raw real data do. A Runge–Kutta method takes the
more steps the larger the condition number is; the exact flow does not. The ratio to diffrax that
the project promises is that of the third.
"""

import diffrax
import jax
import jax.numpy as jnp
import numpy as np
import scipy.linalg
from sklearn.datasets import load_digits

import homotopy as hm
from benchmarks.comparison import Comparison, Contender
from benchmarks.timing import relative_difference, timed, timed_once

DIMENSION, EPSILONS, TIMES = 50, 101, 201


def run() -> list[Comparison]:
    return [
        _compare("Gaussian", *_gaussian(), promised=False),
        _compare("digits", *_digits(), promised=False),
        _compare("power law", *_power_law(), promised=True),
    ]


def _gaussian():
    rng = np.random.default_rng(0)
    return rng.normal(size=(200, DIMENSION)), rng.normal(size=200)


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


def _compare(name, X, y, promised: bool) -> Comparison:
    theta0 = np.random.default_rng(1).normal(size=DIMENSION)
    problem = hm.LinearRegression(X, y, deleted=0)
    rates = np.linalg.eigvalsh(X[1:].T @ X[1:])
    epsilons, times = np.linspace(0, 1, EPSILONS), np.linspace(0, 2 / rates[0], TIMES)

    ours, surface = timed(lambda: hm.homotopy(problem, theta0, times, epsilons).theta, 15)

    def by_expm():
        theta = np.empty((EPSILONS, TIMES, DIMENSION))
        state = np.append(theta0, 1.0)
        for i, epsilon in enumerate(epsilons):
            generator = _generator(X, y, epsilon)
            for k, time in enumerate(times):
                theta[i, k] = (scipy.linalg.expm(generator * time) @ state)[:-1]
        return theta

    expm, expm_surface = timed_once(by_expm)
    contenders = [
        Contender("homotopy (Exact)", ours, 0.0),
        Contender(
            "scipy.linalg.expm at each node", expm, relative_difference(expm_surface, surface)
        ),
    ]
    for solver in (diffrax.Tsit5(), diffrax.Dopri8(), diffrax.Kvaerno5()):
        integrate = _diffrax_surface(X, y, theta0, times, solver)
        timing, theta = timed(lambda f=integrate: f(jnp.asarray(epsilons)), 3)
        label = f"diffrax {type(solver).__name__}, vmapped, 1e-8"
        contenders.append(Contender(label, timing, relative_difference(theta, surface)))
    targets = {contenders[1].name: 200.0}
    if promised:
        targets |= {contender.name: 20.0 for contender in contenders[2:]}
    condition = rates[-1] / rates[0]
    size = f"d = {DIMENSION}, {EPSILONS} ε × {TIMES} times"
    return Comparison(
        f"surface θ(t, ε), {name} design, condition {condition:.3g}; {size}",
        tuple(contenders),
        targets,
    )


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
