"""How refits ended: at a minimum, on the way to one, or where there is none."""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from homotopy._checks import concrete
from homotopy.existence import Existence, are_near, decide_existence, is_near, may_lack_minimum
from homotopy.influence.change import ChangeStatus
from homotopy.influence.weight_changes import WeightChanges
from homotopy.minima.result import NOT_BEGUN, Minimum
from homotopy.problem import Problem

_DENSE = 600  # parameters up to which a singular Hessian is told from one not reached
_SINGULAR = 256.0  # units in the last place of the largest eigenvalue, for each parameter
_BALANCED = 1e-6  # of the forces: what is left of those of a stationary point


def refit_status(
    problem: Problem,
    found: Minimum,
    changes: WeightChanges,
    forces: Float[Array, "n ..."] | None = None,
    proximity: float = 0.0,
) -> ChangeStatus:
    """The status of each of k descents of R(·; weights), by whether it came to rest and why.

    A vanishing gradient and a short step do not tell a minimum of a logistic or softmax risk from
    none: see `homotopy.existence`. Runs outside `jax.jit`.

    Parameters
    ----------
    problem : Problem
    found : Minimum
    changes : WeightChanges
        Of the k risks that were minimised.
    forces : (n, ...), optional
        A linear term Σ forcesᵢ·f(θ; xᵢ) of what was minimised.
    proximity : float
        Of a term around somewhere: with it there is a minimum.
    """
    reached = np.array(found.reached)
    none = np.zeros_like(reached)
    if proximity == 0.0 and may_lack_minimum(problem):
        near = np.asarray(are_near(problem, found.theta, changes.rows, changes.amounts, forces))
        # Without forces, or with such as balance each other, it is a risk that was minimised.
        risk = forces is None or bool(_balanced(problem, found.theta[0], forces))
        known = Existence(None)
        for index in np.flatnonzero(~(reached & near) & (np.asarray(found.steps) != NOT_BEGUN)):
            known = decide_existence(problem, changes.at(index, problem), found.theta[index], known)
            none[index] = risk and known.denied
            reached[index] &= not known.doubtful
    flat = np.zeros_like(reached)
    if forces is None and proximity == 0.0 and problem.dimension <= _DENSE:
        for index in np.flatnonzero(np.asarray(found.stationary) & ~reached & ~none):
            weights = jnp.asarray(changes.at(index, problem))
            flat[index] = bool(_is_flat(problem, found.theta[index], weights))
    begun = jnp.asarray(np.asarray(found.steps) != NOT_BEGUN)
    return _statuses(jnp.asarray(reached), jnp.asarray(none), jnp.asarray(flat), begun)


def unless_no_minimum(
    problem: Problem,
    status: ChangeStatus,
    theta: Float[Array, "k d"],
    changes: WeightChanges,
) -> ChangeStatus:
    """`no_minimum` where R(·; weights) has none, for any θ; elsewhere the status given of θ."""
    if concrete(theta) is None or not may_lack_minimum(problem):
        return status
    near = np.asarray(are_near(problem, theta, changes.rows, changes.amounts))
    known, none = Existence(None), np.zeros_like(near)
    for index in np.flatnonzero(~near):
        known = decide_existence(problem, changes.at(index, problem), known=known)
        none[index] = known.denied
    return _replaced(jnp.asarray(none), status)


def if_full_minimum(
    problem: Problem, status: ChangeStatus, theta: Float[Array, " d"]
) -> ChangeStatus:
    """`no_minimum` of all where the risk of all the data has none; elsewhere the status given."""
    if concrete(theta) is None or not may_lack_minimum(problem):
        return status
    ones = jnp.ones(problem.size, theta.dtype)
    if is_near(problem, theta, ones):
        return status
    none = decide_existence(problem, ones).denied
    return _replaced(jnp.asarray(np.full(status._value.shape, none)), status)


@eqx.filter_jit
def _replaced(none, status) -> ChangeStatus:
    def one(none, status):
        return ChangeStatus.where(none, ChangeStatus.no_minimum, status)

    return jax.vmap(one)(none, status)


@eqx.filter_jit
def _balanced(problem, theta, forces):
    _, pull = jax.vjp(problem.predict, theta)
    size = jnp.linalg.norm(jnp.ravel(jax.jacfwd(problem.predict)(theta)))
    return jnp.linalg.norm(pull(forces)[0]) <= _BALANCED * size * jnp.linalg.norm(forces)


@eqx.filter_jit
def _is_flat(problem, theta, weights):
    """Whether the Hessian is positive semidefinite to rounding, and singular."""
    hessian = jax.hessian(lambda at: problem.weighted_risk(at, weights))(theta)
    eigenvalues = jnp.linalg.eigvalsh(hessian)
    rounding = _SINGULAR * theta.size * jnp.finfo(theta.dtype).eps * eigenvalues[-1]
    return jnp.abs(eigenvalues[0]) <= rounding


@eqx.filter_jit
def _statuses(reached, none, flat, begun) -> ChangeStatus:
    def one(reached, none, flat, begun):
        ended = ChangeStatus.where(flat, ChangeStatus.singular, ChangeStatus.not_reached)
        ended = ChangeStatus.where(none, ChangeStatus.no_minimum, ended)
        ended = ChangeStatus.where(begun, ended, ChangeStatus.interrupted)
        return ChangeStatus.where(reached, ChangeStatus.successful, ended)

    return jax.vmap(one)(reached, none, flat, begun)
