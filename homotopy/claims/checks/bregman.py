"""Bregman divergences of the losses, and the Bregman risk of a perceptron."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

from homotopy.claims.checks.perceptron import gauss_newton, perceptron, stopped
from homotopy.influence.objectives import ProximalBregman as Objective
from homotopy.losses import AbstractLoss, Logistic, SoftmaxCrossEntropy, SquaredError
from homotopy.precision import enable_x64


def _outputs():
    """Two outputs of three classes, far enough apart to tell a tangent from the loss."""
    enable_x64()
    return jnp.array([1.0, -0.5, 2.0]), jnp.array([-0.3, 0.8, 0.4])


def divergence():
    """D of the softmax loss, and ℓ(a) − ℓ(b) − ∇ℓ(b)·(a − b)."""
    loss, target = SoftmaxCrossEntropy(), jnp.asarray(1)

    @jax.jit
    def both(a, b):
        tangent = loss.value(b, target) + loss.gradient(b, target) @ (a - b)
        return loss.bregman(a, b, target), loss.value(a, target) - tangent

    return [both(*_outputs())]


def integral():
    """D, and ∫₀¹(1 − s)(a − b)ᵀ∇²ℓ(b + s(a − b))(a − b)ds, of two losses."""
    nodes, weights = np.polynomial.legendre.leggauss(24)
    parts, target = jnp.asarray((1 + nodes) / 2), jnp.asarray(1)

    def compare(loss, a, b):
        def integrand(s):
            hessian = loss.hessian(b + s * (a - b), target)
            return (1 - s) * jnp.sum((a - b) * jnp.dot(hessian, a - b))

        return loss.bregman(a, b, target), weights @ jax.vmap(integrand)(parts) / 2

    @jax.jit
    def both(a, b):
        return compare(SoftmaxCrossEntropy(), a, b), compare(Logistic(), a[0], b[0])

    return both(*_outputs())


def squared():
    """D by its definition, and ½‖a − b‖²."""
    a, b = _outputs()
    found = AbstractLoss.bregman(SquaredError(), a, b, jnp.array([0.2, 0.1, -0.7]))
    return [(found, 0.5 * np.sum(np.asarray(a - b) ** 2))]


def optimal():
    """The curvature of Σ D at θˢ along a direction, and vᵀGv; how often Σ D is larger, and 1."""
    problem, theta, step = perceptron(), jnp.asarray(stopped()), 1e-3
    risk = jax.jit(Objective(problem, jnp.zeros(problem.size), theta, jnp.zeros(())).__call__)
    v = np.cos(np.arange(theta.size))
    second = (risk(theta + step * v) + risk(theta - step * v) - 2 * risk(theta)) / step**2
    away = np.random.default_rng(7).standard_normal((10, theta.size))
    larger = np.mean([risk(theta + move) > risk(theta) for move in away])
    return [(second, v @ gauss_newton(stopped()) @ v), (larger, 1.0)]
