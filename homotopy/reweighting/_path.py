"""The model along a path of weights: θ(w(τ)), w(τ) = 1 + τω, by continuation."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from homotopy._checks import ArrayInput, concrete, vector
from homotopy.problem import Problem, a_problem
from homotopy.responses import Continuation, ResponsePath, response
from homotopy.responses.method import AbstractResponse
from homotopy.reweighting.start import training_start


class Reweighted(Problem):
    """A problem whose ε turns weights w into 1: point i weighs ε + (1 − ε)wᵢ."""

    end: Float[Array, " n"]

    def __init__(self, problem: Problem, end: Float[Array, " n"]):
        for field in dataclasses.fields(Problem):
            setattr(self, field.name, getattr(problem, field.name))
        self.end = end

    def weights(self, epsilon=1.0):
        epsilon = jnp.asarray(epsilon, self.X.dtype)
        return epsilon + (1.0 - epsilon) * self.end

    def known_weights(self, epsilon=1.0):
        value, end = concrete(epsilon), concrete(self.end)
        return None if value is None or end is None else value + (1.0 - value) * end

    def deleted_loss(self, theta):
        """dR/dε."""
        return jnp.sum((1.0 - self.end) * self.losses(theta))


def weight_path(
    problem: Problem,
    weights: ArrayInput,
    epsilons: ArrayInput,
    theta0: ArrayInput | None = None,
    *,
    method: AbstractResponse | None = None,
    throw: bool = True,
    devices: int | Sequence | None = None,
    client: Any = None,
) -> ResponsePath:
    """θ where point i weighs ε + (1 − ε)wᵢ: from the model as it was, ε = 1, to that with w.

    As `response`, along a direction of weights in place of a deletion: by continuation, which finds
    the folds and broken symmetries on the way, where there are any.

    Parameters
    ----------
    problem : Problem
    weights : (n,)
        w ≥ 0.
    epsilons : (k,)
        In [0, 1]; τ = 1 − ε.
    theta0 : (d,), optional
        Where training begins; zeros by default for linear models, needed for others.
    method : AbstractResponse, optional
        `Continuation()` by default.
    throw, devices, client
        As of `response`.

    Raises
    ------
    ValueError
        Naming `weights`, or what `response` names.

    Examples
    --------
    >>> import homotopy as hm
    >>> hm.enable_x64()
    >>> problem = hm.LinearRegression([[1.0], [1.0]], [0.0, 1.0], deleted=1)
    >>> path = hm.reweighting.weight_path(problem, [1.0, 0.5], [0.0, 0.5, 1.0])
    >>> path.theta[:, 0].round(9).tolist()  # w/(1 + w) at w = 0.5, 0.75, 1
    [0.333333333, 0.428571429, 0.5]
    """
    a_problem(problem)
    end = vector("weights", weights, problem.size, problem.X.dtype)
    if np.any(np.asarray(end) < 0.0):
        raise ValueError(f"weights: expected numbers >= 0, got {float(jnp.min(end)):g}.")
    method = Continuation() if method is None else method
    start = training_start(problem, theta0, "theta0")
    return response(
        Reweighted(problem, end), epsilons, start,
        method=method, throw=throw, devices=devices, client=client,
    )  # fmt: skip
