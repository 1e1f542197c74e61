"""Directions of θ that no data point sees, of models affine in θ: there θ stays as it is.

Dependent columns, more parameters than points, or the logits of a softmax, which count only up to
a constant: without a ridge the Hessian is singular then, in the same directions at every θ, and no
gradient has a part in them. The gradient flow leaves them as they were, and so does every verb:
they compute in coordinates of what is seen. A parameter with a ridge of its own is seen by that.
"""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from homotopy._checks import concrete
from homotopy.losses import SoftmaxCrossEntropy
from homotopy.minima.affine import is_affine
from homotopy.models import LinearModel, Model
from homotopy.numerics.tall_matrix import compressed, row_blocks

_CLEAR = 1e-8  # of the largest eigenvalue of XᵀX, columns of one length: no doubt of the rank


def seen_directions(
    problem: eqx.Module, retained: Bool[np.ndarray, " n"] | None = None
) -> Float[Array, "d r"] | None:
    """An orthonormal basis of what the points see, or None where that is everything.

    None as well for what is not of this kind: a ridge on all of θ, a model that is not affine in θ,
    a problem that is being traced. With a ridge on some parameters the first columns are of the
    others, and the last are those parameters themselves.

    Parameters
    ----------
    problem : Problem
    retained : (n,), optional
        The points that count; all by default.

    Notes
    -----
    A direction counts as unseen where the singular value of the design, with columns of one length,
    is below max(n, d) units in the last place of the largest (the rule of
    `numpy.linalg.matrix_rank`); in float32 below max(d, 16).

    Examples
    --------
    >>> import homotopy as hm
    >>> hm.enable_x64()
    >>> X = [[1.0, 1.0], [2.0, 2.0]]
    >>> problem = hm.Problem(hm.linear_model(2), hm.SquaredError(), X, [0.0, 1.0], deleted=1)
    >>> basis = seen_directions(problem)
    >>> (basis @ basis.T).round(12).tolist()  # the projection on the diagonal
    [[0.5, 0.5], [0.5, 0.5]]
    """
    design = design_of(problem, retained)
    basis = None if design is None else _row_space(design, problem.X.dtype)
    if basis is None:
        return None
    free = unpenalised(problem)
    rank, penalised = basis.shape[1], np.flatnonzero(~free)
    whole = np.zeros((free.size, rank + penalised.size))
    whole[free, :rank] = basis
    whole[penalised, rank + np.arange(penalised.size)] = 1.0
    return jnp.asarray(whole, problem.X.dtype)


def unpenalised(problem: eqx.Module) -> Bool[np.ndarray, " d"]:
    """Which parameters have no ridge."""
    return np.broadcast_to(np.asarray(problem.ridge) == 0.0, (problem.dimension,))


class AlongDirections(Model):
    """f(c + Qz; x): a model on an affine space of its parameters.

    Attributes
    ----------
    model : Model
    centre : (d,)
    basis : (d, r)
    """

    model: Model
    centre: Float[Array, " d"]
    basis: Float[Array, "d r"]

    @property
    def dimension(self) -> int:
        return self.basis.shape[1]

    def __call__(self, theta, x):
        return self.model(self.centre + self.basis @ theta, x)


def design_of(
    problem: eqx.Module, retained: Bool[np.ndarray, " n"] | None = None
) -> Float[np.ndarray, "m f"] | None:
    """∂f/∂θ of every point in the parameters without a ridge, a row an output.

    None where `seen_directions` has nothing to say.
    """
    if any(concrete(leaf) is None for leaf in jax.tree.leaves(eqx.filter(problem, eqx.is_array))):
        return None
    free = unpenalised(problem)
    if not free.any():
        return None
    if isinstance(problem.model, LinearModel):
        design = np.asarray(problem.X, np.float64)
        design = design if free.all() else design[:, free]
        return design if retained is None else design[retained]
    shapes = (jnp.zeros(problem.dimension, problem.X.dtype), problem.X[0])
    if not is_affine(problem.model, *(jax.ShapeDtypeStruct(a.shape, a.dtype) for a in shapes)):
        return None
    jacobian = np.asarray(_jacobian(problem.model, shapes[0], problem.X), np.float64)
    jacobian = jacobian.reshape(problem.size, -1, problem.dimension)
    if isinstance(problem.loss, SoftmaxCrossEntropy):
        jacobian = jacobian - jacobian.mean(axis=1, keepdims=True)
    if retained is not None:
        jacobian = jacobian[retained]
    return jacobian.reshape(-1, problem.dimension)[:, free]


@eqx.filter_jit
def _jacobian(model, theta, X):
    return jax.vmap(lambda x: jax.jacrev(lambda at: model(at, x))(theta))(X)


def _row_space(design: Float[np.ndarray, "m d"], dtype) -> Float[np.ndarray, "d r"] | None:
    size, dimension = design.shape
    gram = np.zeros((dimension, dimension))
    if size >= dimension:
        for rows in row_blocks(size, dimension):
            gram += design[rows].T @ design[rows]
        lengths = np.sqrt(np.diag(gram))
    else:
        lengths = np.linalg.norm(design, axis=0)
    lengths = np.where(lengths > 0.0, lengths, 1.0)
    if size >= dimension:
        values = np.linalg.eigvalsh(gram / lengths[:, None] / lengths[None, :])
        if values[0] > _CLEAR * values[-1]:
            return None
    rows, _ = compressed(design, np.zeros(size))
    _, strengths, directions = np.linalg.svd(rows / lengths[None, :], full_matrices=False)
    single = jnp.dtype(dtype) == jnp.dtype(jnp.float32)
    many = max(dimension, 16) if single else max(size, dimension)
    rank = int(np.sum(strengths > many * float(jnp.finfo(dtype).eps) * strengths[0]))
    if rank == dimension:
        return None
    return np.linalg.qr(directions[:rank].T * lengths[:, None])[0]
