"""θ(ε) as the limit of the gradient flow, trained at each ε on its own."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from homotopy._checks import concrete, fraction, integer
from homotopy.flows._train import TrainingStatus, flow_limit, with_separation
from homotopy.precision import reachable
from homotopy.problem import Problem
from homotopy.responses.method import AbstractResponse
from homotopy.responses.path import ResponsePath, ResponseStatus, path_of_points, with_ends
from homotopy.sweeps.sharing import whole_or_in_parts

if TYPE_CHECKING:
    import diffrax

_APART = 64  # parameters


class FlowLimits(AbstractResponse):
    """θ(ε) as the limit of the gradient flow of R_ε from the same θ₀, for each ε (theory §2, §3).

    Each ε is trained on its own, so that neighbouring ε may end in different minima:
    `path.compare` with a `Continuation` tells where the two part. What training said of each ε is
    in `path.training`.

    Parameters
    ----------
    tolerance : float
        Of the flow, see `train`.
    solver : diffrax.AbstractSolver, optional
        See `train`.
    max_steps : int
        Of the flow.

    Examples
    --------
    >>> import homotopy as hm
    >>> hm.enable_x64()
    >>> problem = hm.LinearRegression([[1.0], [1.0]], [0.0, 1.0], deleted=1)
    >>> path = hm.response(problem, [0.0, 1.0], [3.0], method=hm.responses.FlowLimits())
    >>> path.theta[:, 0].round(12).tolist(), bool(path.minimum.all())
    ([0.0, 0.5], True)
    """

    tolerance: float = 1e-6
    solver: diffrax.AbstractSolver | None = None
    max_steps: int = 4096

    def __check_init__(self):
        fraction("tolerance", self.tolerance)
        integer("max_steps", self.max_steps)
        if self.solver is not None:
            from homotopy.flows._diffrax import a_solver

            a_solver("solver", self.solver)

    def path(
        self, problem: Problem, epsilons: Float[Array, " k"], theta0: Float[Array, " d"]
    ) -> ResponsePath:
        """θ at each ε; NaN where training reached no minimum."""
        return self.path_over(problem, epsilons, theta0, None, None)

    def path_over(self, problem, epsilons, theta0, devices, client):
        """As `path`: each part of the weights is trained, and looked at, where there is room."""
        # The ends of a usual grid are trained once.
        asked, index = _distinct(with_ends(epsilons))
        known = np.asarray(asked)
        options = reachable(self.tolerance, theta0.dtype), self.solver, self.max_steps
        some = functools.partial(_limits, problem, theta0, known, options)
        training = whole_or_in_parts(some, known.size, devices, client)
        training = with_separation(problem, training, asked)
        arrived = training.status == TrainingStatus.successful
        diverges = (training.status == TrainingStatus.separated) & (asked == 0.0)
        status = ResponseStatus.where(
            jnp.any(diverges), ResponseStatus.diverges, ResponseStatus.separate
        )
        status = ResponseStatus.where(
            jnp.all(arrived | diverges), status, ResponseStatus.training_failed
        )
        arrived, training = arrived[index], jax.tree.map(lambda leaf: leaf[index], training)
        theta = np.where(np.asarray(arrived)[:, None], training.theta, np.nan)
        asked_for = jax.tree.map(lambda leaf: leaf[: epsilons.size], training)
        return path_of_points(
            problem, epsilons, jnp.asarray(theta), status, devices, client, training=asked_for
        )


def _distinct(epsilons):
    known = concrete(epsilons)
    if known is None:
        raise ValueError("epsilons: FlowLimits works outside jax.jit; use train under jax.vmap.")
    values, index = np.unique(known, return_inverse=True)
    return jnp.asarray(values, epsilons.dtype), index


def _limits(problem, theta0, epsilons, options, places):
    return _limit_of_each(problem, theta0, jnp.asarray(epsilons[places]), *options)


@eqx.filter_jit
def _limit_of_each(problem, theta0, epsilons, tolerance, solver, max_steps):
    def limit(epsilon):
        return flow_limit(problem, theta0, epsilon, tolerance, solver, max_steps)

    # Together, each waits for the slowest, and has all Hessians that any of them asks for.
    if theta0.size < _APART:
        return jax.vmap(limit)(epsilons)
    return jax.lax.map(limit, epsilons)
