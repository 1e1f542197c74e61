"""Preconditioners of conjugate gradients, and whether one helps: a race of the two on one vector.

EK-FAC drops what couples layers, and where layers cancel each other the whole matrix is small while
its blocks are large: preconditioned eigenvalues go down to δ/Λ, and the iteration may take longer
than without. The Ritz values of a few steps do not tell: they know the large eigenvalues, which it
mends, before the small ones, which it makes (theory §13).
"""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from homotopy._module import Module
from homotopy.influence.curvature import AbstractCurvature
from homotopy.influence.solvers.base import AbstractSolver
from homotopy.influence.solvers.eigenvalue_kronecker import EigenvalueKronecker
from homotopy.influence.solvers.nystrom import Nystrom


class Race(Module):
    """Conjugate gradients with and without a preconditioner, until one of them is done.

    Attributes
    ----------
    residuals : (2,)
        ‖b − Ax‖/‖b‖ by the recurrence: without it, and with it.
    steps : ()
        That both took.
    """

    residuals: Float[Array, " 2"]
    steps: Int[Array, ""]

    @property
    def helps(self) -> Bool[Array, ""]:
        """Whether the preconditioned one came further."""
        return self.residuals[1] < self.residuals[0]


def race(
    products: Callable[[Float[Array, "2 d"]], Float[Array, "2 d"]],
    precondition: Callable[[Float[Array, "1 d"]], Float[Array, "1 d"]],
    right: Float[Array, " d"],
    tolerance: float | Float[Array | np.ndarray, ""],
    max_steps: int | Int[Array | np.ndarray, ""],
) -> Race:
    """Both at once, a step each, until one has the tolerance.

    Takes at most twice the products of the better one, on one vector.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> diagonal = jnp.array([[1.0, 4.0, 9.0]])
    >>> done = race(lambda p: diagonal * p, lambda r: r / diagonal, jnp.ones(3), 1e-6, 10)
    >>> done.steps.item(), bool(done.helps)
    (1, True)
    """

    def both(rows):
        return jnp.concatenate([rows[:1], precondition(rows[1:])])

    size = jnp.linalg.norm(right)

    def going(state):
        *_, residuals, steps = state
        return jnp.all(residuals > tolerance) & (steps < max_steps)

    def step(state):
        r, p, rz, _, steps = state
        image = products(p)
        bend = jnp.sum(p * image, axis=1)
        # One that meets no positive curvature stays where it is.
        length = jnp.where(bend > 0.0, rz / jnp.where(bend > 0.0, bend, 1.0), 0.0)
        r = r - length[:, None] * image
        z = both(r)
        new = jnp.sum(r * z, axis=1)
        turn = new / jnp.where(rz > 0.0, rz, 1.0)
        return r, z + turn[:, None] * p, new, jnp.linalg.norm(r, axis=1) / size, steps + 1

    r = jnp.broadcast_to(right, (2, right.shape[0]))
    z = both(r)
    unit = jnp.where(size > 0.0, 1.0, 0.0) * jnp.ones(2, right.dtype)
    state = (r, z, jnp.sum(r * z, axis=1), unit, jnp.zeros((), int))
    *_, residuals, steps = jax.lax.while_loop(going, step, state)
    return Race(residuals, steps)


def checked_preconditioner(value: AbstractSolver | None) -> None:
    """A `ValueError` for what is no preconditioner."""
    if value is not None and not isinstance(value, EigenvalueKronecker | Nystrom):
        raise ValueError(
            f"preconditioner: expected None, an EigenvalueKronecker or a Nystrom, got "
            f"{type(value).__name__}."
        )


def preconditioner_of(
    value: AbstractSolver | None,
    curvature: AbstractCurvature,
    products: Callable,
    vectors: Float[Array, "m d"],
    tolerance: float | Float[Array | np.ndarray, ""],
    max_steps: int | Int[Array | np.ndarray, ""],
) -> Callable:
    """The function of rows; the identity where there is none, or where it would not help.

    An EK-FAC is asked on the sum of the right-hand sides at length one, with random signs that are
    the same every time.
    """
    if value is None:
        return _identity
    precondition = value.preconditioner(curvature)
    if not isinstance(value, EigenvalueKronecker):
        return precondition
    sizes = jnp.linalg.norm(vectors, axis=1)
    signs = jax.random.rademacher(jax.random.key(0), sizes.shape, vectors.dtype)
    right = jnp.where(sizes > 0.0, signs / jnp.where(sizes > 0.0, sizes, 1.0), 0.0) @ vectors
    right = right.astype(curvature.theta.dtype)
    helps = race(products, precondition, right, tolerance, max_steps).helps
    return lambda rows: jax.lax.cond(helps, precondition, _identity, rows)


def _identity(rows):
    return rows
