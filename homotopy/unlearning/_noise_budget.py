"""What a schedule should end at, where noise has to hide how far it is from retraining."""

from __future__ import annotations

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from homotopy._checks import ArrayInput, time
from homotopy.flows import flow
from homotopy.problem import Problem, a_problem
from homotopy.schedules import Constant
from homotopy.unlearning.gaussian_mechanism import GaussianMechanism, a_mechanism


class NoiseBudget(NamedTuple):
    """The target of a deletion whose noise is paid for.

    Attributes
    ----------
    target : (d,)
        c = (θ*₋ + (d/r²)θ_R)/(1 + d/r²).
    weight : float
        1 + d/r²: E‖θ + σξ − θ*₋‖² is this times ‖θ − c‖², and `least`.
    least : float
        What no θ can avoid.
    minimum, retrained : (d,)
        θ*₋, and θ_R: the flow without the points, from θ₀ until the horizon.
    """

    target: Float[Array, " d"]
    weight: float
    least: float
    minimum: Float[Array, " d"]
    retrained: Float[Array, " d"]


def noise_budget(
    problem: Problem, theta0: ArrayInput, horizon: float, mechanism: GaussianMechanism
) -> NoiseBudget:
    """The point c whose distance is the expected squared error, noise included (theory §6.4).

    With σ = ‖θ − θ_R‖/r, the least noise for θ,

        E‖θ + σξ − θ*₋‖² = ‖θ − θ*₋‖² + (d/r²)‖θ − θ_R‖² = (1 + d/r²)‖θ − c‖² + const.

    So `Deletion(problem, theta0, start, horizon, target=c)` asks for the best schedule under a
    noise budget, and `optimise(..., hm.Everything())` proves what it finds.

    Parameters
    ----------
    problem : Problem
        With a minimum without the deleted points.
    theta0 : (d,)
    horizon : float
        T ≥ 0.
    mechanism : GaussianMechanism
        ε and δ.

    Returns
    -------
    NoiseBudget

    Raises
    ------
    TypeError
        Naming `problem` or `mechanism`.
    ValueError
        Naming `theta0` or `horizon`.

    Examples
    --------
    >>> import homotopy as hm
    >>> hm.enable_x64()
    >>> problem = hm.LinearRegression([[1.0], [1.0]], [0.0, 1.0], deleted=1)
    >>> budget = hm.unlearning.noise_budget(problem, [2.0], 0.7, hm.GaussianMechanism(1.0, 1e-5))
    >>> deletion = hm.Deletion(problem, [2.0], start=0.2, horizon=0.7, target=budget.target)
    >>> round(budget.weight, 3), round(float(budget.target[0]), 4)
    (14.918, 0.9266)
    """
    start = a_problem(problem).parameters(theta0)
    horizon = time("horizon", horizon)
    ratio = a_mechanism(mechanism).ratio
    share = start.size / ratio**2
    minimum = problem.deleted_fit()
    retrained = flow(problem, Constant(0.0), start, [horizon]).theta[-1]
    target = (np.asarray(minimum) + share * np.asarray(retrained)) / (1.0 + share)
    apart = float(np.sum((np.asarray(minimum) - np.asarray(retrained)) ** 2))
    return NoiseBudget(
        jnp.asarray(target), 1.0 + share, share / (1.0 + share) * apart, minimum, retrained
    )
