"""The risk of a problem and its derivatives, each one program where numbers are asked for."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from homotopy._jit import jit_outermost


@jit_outermost
def outputs(problem, theta, X):
    return problem.model.outputs(theta, X)


@jit_outermost
def weights(problem, epsilon):
    return jnp.ones(problem.size, problem.X.dtype).at[problem.deleted].set(epsilon)


@jit_outermost
def losses(problem, theta):
    found = problem.model.outputs(theta, problem.X)
    return jax.vmap(problem.point_loss.value)(found, problem.targets)


@jit_outermost
def weighted_risk(problem, theta, weights):
    return jnp.sum(weights * problem.losses(theta)) + problem.penalty(theta)


@jit_outermost
def risk(problem, theta, epsilon):
    return problem.weighted_risk(theta, problem.weights(epsilon))


@jit_outermost
def gradient(problem, theta, epsilon):
    return jax.grad(problem.risk)(theta, epsilon)


@jit_outermost
def hessian(problem, theta, epsilon):
    return jax.hessian(problem.risk)(theta, epsilon)


@jit_outermost
def hvp(problem, theta, vector, epsilon):
    return jax.jvp(lambda at: problem.gradient(at, epsilon), (theta,), (vector,))[1]


@jit_outermost
def deleted_loss(problem, theta):
    return jnp.sum(problem.losses(theta)[problem.deleted])


@jit_outermost
def deleted_gradient(problem, theta):
    return jax.grad(problem.deleted_loss)(theta)
