"""Descending, rewinding and retraining by the toolkit's flows."""

from __future__ import annotations

import numpy as np
from scipy.linalg import expm

from homotopy.claims.checks.instances import arrays, each, starting_point
from homotopy.flows import flow, homotopy, train
from homotopy.linear import LinearRegression
from homotopy.losses import SquaredError
from homotopy.models import function_model
from homotopy.precision import enable_x64
from homotopy.problem import Problem
from homotopy.schedules import Step
from homotopy.unlearning import GaussianPair, lemma_distance, rewind_point

_TRAINED, _WORK = 0.5, 0.2


def _theta(problem, start, time, epsilon):
    """θ after that time under a constant weight 0 or 1."""
    return np.asarray(homotopy(problem, start, [time], [0.0, 1.0]).theta[int(epsilon), 0])


def _retained(problem):
    """M."""
    X, _, x, _ = arrays(problem)
    return X.T @ X - np.outer(x, x)


def as_steps():
    """θ − θ*₋ of the steps 1_[0,T₀] and 1_[0,T₀−K], and e^(−MK)u at the switch."""

    def compare(problem):
        fit = np.asarray(problem.deleted_fit())
        found, said = [], []
        for switch in (_TRAINED, _TRAINED - _WORK):
            checkpoint = _theta(problem, starting_point(problem), switch, 1)
            step = flow(problem, Step(switch), starting_point(problem), [switch + _WORK]).theta[0]
            found.append(np.asarray(step) - fit)
            said.append(expm(-_WORK * _retained(problem)) @ (checkpoint - fit))
        return found, said

    return each(compare)


def descent_rate():
    """The change of ‖u‖² of descent over a short time, and −2uᵀMu."""

    def compare(problem):
        fit, short = np.asarray(problem.deleted_fit()), 1e-7
        u = _theta(problem, starting_point(problem), _TRAINED, 1) - fit
        later = _theta(problem, u + fit, short, 0) - fit
        return (later @ later - u @ u) / short, -2 * u @ _retained(problem) @ u

    return each(compare)


def _wells():
    """Retained risk ½(θ² − 1)², and the deleted (θ + 2)²."""
    enable_x64()
    # Outputs (θ² − 1) for the retained point, and √2 (θ + 2) for the deleted one.
    model = function_model(
        lambda theta, x: x[0] * (theta[0] ** 2 - 1) + x[1] * np.sqrt(2.0) * (theta[0] + 2), 1
    )
    return Problem(model, SquaredError(), [[1.0, 0.0], [0.0, 1.0]], [0.0, 0.0], deleted=1)


def two_wells():
    """Trained, descended and retrained θ, and −2^(1/3), −1, 1."""
    problem, start = _wells(), np.array([0.5])
    trained = train(problem, start, 1.0).theta
    descended, retrained = train(problem, trained, 0.0).theta, train(problem, start, 0.0).theta
    found = [trained[0], descended[0], retrained[0]]
    return [(found, [-(2.0 ** (1 / 3)), -1.0, 1.0])]


def both_sides():
    """Where rewinding ends from checkpoints at 0.3 and −0.3, and 1, −1; K that halves the bound."""
    problem = _wells()
    ends = [(train(problem, np.array([at]), 0.0).theta, np.sign(at)) for at in (0.3, -0.3)]
    size, curved, steps = 0.1, 0.1, 1000
    half = 0.5 * lemma_distance(size, 1.0, -curved, 1.0, steps, 0)
    least = np.log((1.01**steps + 1) / 2) / np.log(1.01)
    return [*ends, (rewind_point(half, size, 1.0, -curved, 1.0, steps), np.ceil(least))]


def neuron():
    """det ∇² of ½(v ReLU(w) − y)² at (v, w) = (0.5, 0.4), y = 1, and (vw)² − (2vw − y)²."""
    import jax
    import jax.numpy as jnp

    enable_x64()
    model = function_model(lambda theta, x: theta[0] * jax.nn.relu(theta[1] * x[0]), 2)
    problem = Problem(model, SquaredError(), [[1.0], [1.0]], [1.0, 1.0], deleted=0)
    hessian = np.asarray(problem.hessian(jnp.array([0.5, 0.4]), 0.0))
    return [(np.linalg.det(hessian), 0.2**2 - (2 * 0.2 - 1) ** 2)]


def rewinding_and_retraining():
    """θ after rewinding to s less θ after retraining, and e^(−M(T₀−s))(θ(s, 1) − θ(s, 0))."""

    def compare(problem):
        start, checkpoint = starting_point(problem), _TRAINED - _WORK
        with_point = _theta(problem, start, checkpoint, 1)
        without = _theta(problem, start, checkpoint, 0)
        found = _theta(problem, with_point, _WORK, 0) - _theta(problem, start, _TRAINED, 0)
        return found, expm(-_WORK * _retained(problem)) @ (with_point - without)

    return each(compare)


def equal_work():
    """θ after rewinding less θ after descending, d = 1, and the formula."""
    enable_x64()
    problem = LinearRegression([[1.0], [0.5], [1.5]], [0.3, 1.0, -0.4], deleted=2)
    start, m, h = np.array([2.0]), 1.25, 3.5
    rewound, descended = (
        _theta(problem, _theta(problem, start, time, 1), _WORK, 0)
        for time in (_TRAINED - _WORK, _TRAINED)
    )
    scale = np.exp(-m * _WORK - h * _TRAINED) * (np.exp(h * _WORK) - 1)
    apart = (rewound - descended, scale * (start - np.asarray(problem.full_fit())))
    steps, count, q = 60, 20, 1.0 - 0.1 * m
    bounds = [lemma_distance(0.1, 1.0, m, h, total, count) for total in (steps, steps + count)]
    return [apart, (bounds[0] / bounds[1], (1.0 - q ** (steps - count)) / (1.0 - q**steps))]


def indistinguishable():
    """δ(ε) of two Gaussians by the toolkit, and ∫(p − e^ε q)₊ by the trapezoidal rule."""
    found, x = [], np.linspace(-12.0, 16.0, 200_001)
    for ratio, epsilon in ((0.5, 0.3), (2.0, 1.0)):
        p, q = (np.exp(-((x - at) ** 2) / 2) / np.sqrt(2 * np.pi) for at in (ratio, 0.0))
        integral = np.trapezoid(np.maximum(p - np.exp(epsilon) * q, 0.0), x)
        found.append((GaussianPair(ratio).delta(epsilon), integral))
    return found
