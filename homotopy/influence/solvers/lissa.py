"""Inverse-Hessian products by a stochastic Neumann series."""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from homotopy._checks import fraction, integer, positive
from homotopy.influence.solvers.arnoldi import lanczos
from homotopy.influence.solvers.base import (
    AbstractSolver,
    InverseProduct,
    graded,
    relative_residual,
)

_KRYLOV = 24  # dimension in which the largest eigenvalue of the whole operator is bounded
_BATCH_KRYLOV = 10  # and that of a minibatch: few points, few eigenvalues of importance
_BATCHES = 16  # minibatches that are measured
_MARGIN = 1.1


class Lissa(AbstractSolver):
    """The Neumann series of the inverse, of minibatches (Agarwal, Bullins, Hazan 2017).

    Koh and Liang's (2017) iteration for influence functions: from x = b,

        x ← b + (Id − A/σ)x,    and x/σ at the end,

    with A the curvature of a minibatch drawn afresh each step, times n/batch_size, plus the
    shift ρ + δ. In expectation it is the series σ⁻¹ Σ_{j ≤ steps} (Id − A/σ)ʲ b of the whole
    operator, and with `batch_size=None` exactly that.

    **The scale** σ makes A/σ smaller than one: the series converges where the eigenvalues of A
    lie in (0, 2σ), the slowest part by the factor 1 − λ_min/σ a step, so that about
    (σ/λ_min) log(1/tolerance) steps are needed, with λ_min ≥ ρ + δ if C is positive semidefinite.
    With fewer steps, or too little damping, the status is `not_converged`. Minibatches need a
    scale above the eigenvalues of theirs, which for a few points are much larger than those of
    all; and they leave a noise that `repeats`, larger batches and a larger scale with more steps
    reduce.

    The status is `diverged` where an iterate is not finite, where it grows beyond what a
    convergent series can reach, ‖x_k‖ ≤ (k + 1)‖b‖ (twice that), or where the whole operator
    leaves a residual above ‖b‖. The last iterate before that is returned. It is `indefinite`
    where the search for the scale met a negative eigenvalue.

    Parameters
    ----------
    steps : int
        Products of each run.
    batch_size : int, optional
        Points a minibatch, drawn without replacement; default: the whole operator.
    repeats : int
        Independent runs, whose mean is the result. The whole operator is run once.
    scale : float, optional
        σ. Default: 1.1 times a bound on the largest eigenvalue of the whole operator, by Lanczos,
        or times that of 16 minibatches where it is larger. A factor of two is left to minibatches
        that were not among them.
    seed : int
        Of the minibatches.
    tolerance : float
        Largest relative residual that counts as solved.

    Raises
    ------
    ValueError
        Naming the argument; `batch_size` > n is known when `solve` is called.

    Examples
    --------
    >>> import homotopy as hm
    >>> hm.enable_x64()
    >>> problem = hm.LinearRegression([[1.0], [1.0]], [0.0, 1.0], deleted=1)
    >>> estimator = hm.Influence(solver=hm.Lissa(steps=50, scale=4.0))
    >>> hm.predict(problem, estimator).delta.round(12).tolist()
    [-0.25]
    """

    steps: int = 1000
    batch_size: int | None = eqx.field(default=None, static=True)
    repeats: int = eqx.field(default=1, static=True)
    scale: float | None = None
    seed: int = 0
    tolerance: float = 1e-2

    def __check_init__(self):
        integer("steps", self.steps)
        integer("repeats", self.repeats)
        integer("seed", self.seed, 0)
        if self.batch_size is not None:
            integer("batch_size", self.batch_size)
        if self.scale is not None:
            positive("scale", self.scale)
        fraction("tolerance", self.tolerance)

    def _solve(self, curvature, vectors):
        n = curvature.weights.shape[0]
        if self.batch_size is not None and self.batch_size > n:
            raise ValueError(
                f"batch_size: expected at most the {n} points there are, got {self.batch_size}."
            )
        # Three independent streams: the searches for the scale, and the runs.
        search, measured, runs = jax.random.split(jax.random.key(self.seed), 3)
        indefinite = jnp.zeros((), bool)
        if self.scale is None:
            scale, indefinite = self._found_scale(curvature, search, measured)
        else:
            scale = jnp.asarray(self.scale, vectors.dtype)

        if self.batch_size is None:
            solution, diverged = self._run(curvature, vectors, scale, runs)
            repeats = 1
        else:
            keys = jax.random.split(runs, self.repeats)
            # One after the other: together they would take `repeats` times the memory.
            solutions, each = jax.lax.map(
                lambda key: self._run(curvature, vectors, scale, key), keys
            )
            solution, diverged = jnp.mean(solutions, axis=0), jnp.any(each, axis=0)
            repeats = self.repeats
        residual = relative_residual(curvature, solution, vectors)
        if self.batch_size is None:
            # It is (Id − A/σ)ᵏb, which does not grow where the series converges.
            diverged = diverged | (residual > 1.0 + jnp.finfo(vectors.dtype).eps ** 0.5)
        return InverseProduct(
            solution,
            residual,
            graded(jnp.where(diverged, jnp.inf, residual), self.tolerance, indefinite),
            jnp.full(vectors.shape[0], self.steps * repeats),
        )

    def _run(self, curvature, vectors, scale, key):
        """x/σ after the steps, and which rows diverged."""
        sizes = jnp.linalg.norm(vectors, axis=1)

        def step(state):
            k, x, active = state
            image = self._products(curvature, jax.random.fold_in(key, k), x)
            following = vectors + x - image / scale
            # False for a NaN, too. From x_0 on, ‖x_k‖ ≤ (k + 1)‖b‖ while ‖Id − A/σ‖ ≤ 1.
            active = active & (jnp.linalg.norm(following, axis=1) <= 2.0 * (k + 2) * sizes)
            return k + 1, jnp.where(active[:, None], following, x), active

        start = (jnp.zeros((), int), vectors, jnp.ones(vectors.shape[0], bool))
        _, x, active = jax.lax.while_loop(
            lambda state: (state[0] < self.steps) & jnp.any(state[2]), step, start
        )
        return x / scale, ~active

    def _products(self, curvature, key, vectors):
        """The operator of one minibatch, or the whole one."""
        if self.batch_size is None:
            return curvature.products(vectors)
        n = curvature.weights.shape[0]
        rows = jax.random.choice(key, n, (self.batch_size,), replace=False)
        scale = jnp.asarray(n / self.batch_size, vectors.dtype)
        return curvature.sample_products(rows, scale, vectors) + curvature.shift * vectors

    def _found_scale(self, curvature, search, measured) -> tuple[Float[Array, ""], Bool[Array, ""]]:
        """A scale for which the series converges, and whether the operator is indefinite."""
        like = jnp.zeros_like(curvature.theta)
        values, bound = _spectrum(
            lambda vector: curvature.products(vector[None, :])[0], search, like, _KRYLOV
        )
        rounding = curvature.dimension * jnp.finfo(like.dtype).eps * bound
        indefinite = values[0] < -rounding
        if self.batch_size is not None:

            def batch_bound(key):
                return _spectrum(
                    lambda vector: self._products(curvature, key, vector[None, :])[0],
                    search,
                    like,
                    _BATCH_KRYLOV,
                )[1]

            keys = jax.random.split(measured, _BATCHES)
            bound = jnp.maximum(bound, jnp.max(jax.lax.map(batch_bound, keys)))
        # An operator that is zero needs none.
        return jnp.where(bound > 0.0, _MARGIN * bound, 1.0), indefinite


def _spectrum(product, key, like, steps):
    """Ritz values, rising, and a bound on the largest |eigenvalue| (Zhou and Li 2011)."""
    matrix, _, rest = lanczos(product, key, like, min(steps, like.shape[0]))
    values, rotation = jnp.linalg.eigh(matrix)
    return values, jnp.max(jnp.abs(values) + rest * jnp.abs(rotation[-1]))
