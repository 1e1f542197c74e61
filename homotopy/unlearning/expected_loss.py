"""The loss that noise is expected to leave: exact for squared errors, by draws for others."""

from __future__ import annotations

import math

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Array, Float

from homotopy._checks import ArrayInput, number
from homotopy.losses import SquaredError
from homotopy.measurements import TestLoss
from homotopy.models import LinearModel
from homotopy.problem import Problem

_PAIRS = 128  # each of a draw and its negative, which takes the terms of odd order away


def expected_loss(
    problem: Problem, theta: ArrayInput, noise: float, test: TestLoss
) -> tuple[float, float]:
    """E mean ℓ(θ + σξ) over test data, ξ ~ N(0, I), and its standard error.

    Parameters
    ----------
    problem : Problem
        Of which the model and the loss are.
    theta : (d,)
    noise : float
        σ ≥ 0.
    test : TestLoss

    Returns
    -------
    tuple of float
        Of linear regression ½ mean (xᵀθ − y)² + ½σ² mean ‖x‖², whose standard error is 0; else the
        mean over 128 pairs of draws ±σξ, always the same, and its standard error. Infinite where
        the noise is, and then the second is 0.

    Raises
    ------
    ValueError
        Naming `noise` or `theta`.

    Examples
    --------
    >>> import homotopy as hm
    >>> from homotopy.unlearning.expected_loss import expected_loss
    >>> hm.enable_x64()
    >>> problem = hm.LinearRegression([[1.0], [1.0]], [0.0, 1.0], deleted=1)
    >>> expected_loss(problem, [0.0], 2.0, hm.TestLoss([[1.0]], [1.0]))
    (2.5, 0.0)
    """
    noise = number("noise", noise, "a number ≥ 0, infinity included", lambda x: x >= 0.0)
    if not math.isfinite(noise):
        return math.inf, 0.0
    theta = problem.parameters(theta, "theta")
    if isinstance(problem.model, LinearModel) and isinstance(problem.loss, SquaredError):
        plain = float(_losses(test, problem, theta, np.zeros((1, theta.size)))[0])
        return plain + 0.5 * noise**2 * float(np.mean(np.sum(np.asarray(test.X) ** 2, axis=1))), 0.0
    draws = noise * np.random.default_rng(0).standard_normal((_PAIRS, theta.size))
    pairs = np.asarray(_losses(test, problem, theta, np.concatenate([draws, -draws])))
    pairs = pairs.reshape(2, _PAIRS).mean(axis=0)
    return float(pairs.mean()), float(pairs.std(ddof=1) / math.sqrt(_PAIRS))


@eqx.filter_jit
def _losses(
    test: TestLoss, problem: Problem, theta: Array, draws: ArrayLike
) -> Float[Array, " draws"]:
    none = jnp.zeros(1, int), jnp.zeros(1)
    return jax.lax.map(lambda noise: test(problem, theta + noise, *none), jnp.asarray(draws))
