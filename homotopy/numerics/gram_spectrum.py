"""Spectrum of a Gram matrix FᵀF by one-sided Jacobi rotations of the columns of F.

For groups of deleted points, whose update of the spectrum has rank above one. Rotating the
factor keeps the high relative accuracy of small eigenvalues on graded problems (Demmel and
Veselić, SIAM J. Matrix Anal. Appl. 13, 1992); `eigh` of the product would not. The pairs of a
round-robin round are rotated together.
"""

import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float

from homotopy.numerics.symmetric_eigen import tournament

_SWEEPS = 40
_ORTHOGONAL = 4e-16


def gram_spectrum(
    factor: Float[Array, "m d"],
) -> tuple[Float[Array, " d"], Float[Array, "d d"]]:
    """Eigenvalues and eigenvectors of factorᵀ factor, in the order the columns have.

    Parameters
    ----------
    factor : (m, d)
        F. Zero columns are allowed: they stay unit eigenvectors of eigenvalue zero.

    Returns
    -------
    eigenvalues : (d,)
        Squared norms of the rotated columns; not sorted.
    eigenvectors : (d, d)
        In columns.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> values, vectors = gram_spectrum(jnp.array([[3.0, 0.0], [0.0, 2.0]]))
    >>> values.tolist()
    [9.0, 4.0]
    """
    height, size = factor.shape
    if size == 1:
        return jnp.sum(factor**2, axis=0), jnp.ones((1, 1), factor.dtype)
    even = size + size % 2
    # Row by row: the columns of F, each followed by its row of accumulated rotations.
    stacked = jnp.concatenate([factor, jnp.eye(size, dtype=factor.dtype)]).T
    stacked = jnp.zeros((even, height + size), factor.dtype).at[:size].set(stacked)
    rounds = tournament(even)

    def rotate(state, pairs):
        rows, worst = state
        first, second = rows[pairs[:, 0]], rows[pairs[:, 1]]
        f, g = first[:, :height], second[:, :height]
        a, b, c = jnp.sum(f * f, 1), jnp.sum(g * g, 1), jnp.sum(f * g, 1)
        # Norms before their product: the product of two small squares underflows.
        cosine_between = jnp.abs(c) / jnp.maximum(
            jnp.sqrt(a) * jnp.sqrt(b), np.finfo(np.float64).tiny
        )
        needed = cosine_between > _ORTHOGONAL
        ratio = (b - a) / (2.0 * jnp.where(needed, c, 1.0))
        tangent = jnp.copysign(1.0, ratio) / (jnp.abs(ratio) + jnp.hypot(1.0, ratio))
        tangent = jnp.where(needed, tangent, 0.0)[:, None]
        cosine = lax.rsqrt(1.0 + tangent**2)
        sine = cosine * tangent
        rows = rows.at[pairs[:, 0]].set(cosine * first - sine * second)
        rows = rows.at[pairs[:, 1]].set(sine * first + cosine * second)
        return (rows, jnp.maximum(worst, jnp.max(cosine_between))), None

    def sweep(state):
        rows, _, count = state
        (rows, worst), _ = lax.scan(rotate, (rows, jnp.zeros((), rows.dtype)), jnp.asarray(rounds))
        return rows, worst, count + 1

    rows, _, _ = lax.while_loop(
        lambda state: (state[1] > _ORTHOGONAL * np.sqrt(height)) & (state[2] < _SWEEPS),
        sweep,
        (stacked, jnp.asarray(jnp.inf, stacked.dtype), 0),
    )
    rows = rows[:size]
    return jnp.sum(rows[:, :height] ** 2, axis=1), rows[:, height:].T
