"""Changes of the weights of a linear regression, in closed form from one factorisation.

With S = XᵀX + (ρ + δ) Id, the points G that change, A = −diag(Δw) (a deletion has A = Id) and
P = X_G S⁺X_Gᵀ, the Woodbury identity gives for the risk of the changed weights (theory §2)

    (S − X_GᵀAX_G)⁻¹X_GᵀA e = S⁺X_GᵀA w,    (Id − PA) w = e,

of which every estimator is a case: they differ in the residuals e = Xθ − y that they take, and in
where they stop the series (Id − PA)⁻¹ = Id + PA + …. One factorisation in O(nd²) and O(d²) a
change; no array of changes times points is made.

**Leverages near one.** Of one point with leverage P above ½, as fewer than twice the rank of all
have, 1 − P is not taken by subtraction: with p = XS⁺x on the other rows (a ridge counts as rows),
P(1 − P) = ‖p‖² is a sum of squares, and the residual at the fit is (1 − P)e − p·e. The error is
then a rounding times the condition of X relative to √(1 − P), as it is of a fit without the point.
A group for which Id − P comes near to singular is refitted from its own factorisation.

**Where S is singular.** Displacements start at θ and S⁺ has the rows of X for its range: what no
point sees stays. Where only deleted points saw a direction, no gradient of the others has a part
there, and it stays too.
"""

from __future__ import annotations

import dataclasses
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from homotopy._checks import concrete
from homotopy.influence.diagnostics.inputs import is_linear_regression
from homotopy.influence.diagnostics.orthogonal import orthogonal_factor
from homotopy.influence.weight_changes import WeightChanges
from homotopy.numerics.tall_matrix import compressed, row_blocks
from homotopy.problem import Problem
from homotopy.weighted_rows import least_squares_rows

_EPS = float(np.finfo(np.float64).eps)
_NEAR = 0.5  # a leverage past which 1 − P is not taken by subtraction
_NEAR_GROUP = 0.99  # and an eigenvalue of P past which a group is refitted
_ROUNDINGS = 32.0  # what counts as zero, in units of the last place
_TINY = float(np.finfo(np.float64).tiny)
_UNSOLVED = 1e-6  # a residual of equations that have no solution


class Moved(NamedTuple):
    """Displacements of θ, one for each change.

    delta : (k, d)
    residual : (k,)
        What is left of the equations: relative to what is solved for, or of a retrained model to
        the sum of the norms of its gradient's terms.
    determined : (k,)
        False where the equations have no solution.
    """

    delta: Float[np.ndarray, "k d"]
    residual: Float[np.ndarray, " k"]
    determined: Bool[np.ndarray, " k"]


@dataclasses.dataclass(frozen=True, eq=False)
class LeastSquares:
    """R(θ') + (δ/2)‖θ' − θ‖² of a linear regression, factorised.

    Attributes
    ----------
    X : (n, d), y : (n,)
    ridge, damping : float
        ρ and δ.
    theta : (d,)
    root : (d, r)
        B with S⁺ = BBᵀ.
    undone : (d,)
        From θ to the minimum with all points next to it: rounding, after training to the end.
    gram : (d, d)
        S.
    gradient : (d,)
        ∇R(θ).
    terms : float
        Σ‖xᵢ‖(|yᵢ| + |xᵢᵀθ|) + ρ‖θ‖: the size of what cancels in it.
    saturation : float
        √(1 − P) of a leverage that is 1 to rounding.
    """

    X: Float[np.ndarray, "n d"]
    y: Float[np.ndarray, " n"]
    ridge: float
    damping: float
    theta: Float[np.ndarray, " d"]
    root: Float[np.ndarray, "d r"]
    undone: Float[np.ndarray, " d"]
    gram: Float[np.ndarray, "d d"]
    gradient: Float[np.ndarray, " d"]
    terms: float
    saturation: float

    def first_orders(self, changes: WeightChanges, order: int = 1) -> Moved:
        """So many terms of the series in PA, from the residuals at θ: S⁺X_GᵀA e and on."""

        def move(part: _Part):
            force = term = part.strength * part.residuals
            w = force
            for _ in range(order - 1):
                term = part.strength * _times(part.products, term)
                w = w + term
            # Of the first term: the others have its matrix.
            left = part.of_points(force) - part.effect(force) @ self.gram
            return part.effect(w), part.relative(left, force)

        return self._by_parts(changes, 1.0, move)

    def retrained(self, changes: WeightChanges) -> Moved:
        """To the minimum with the changed weights, where there are several the one nearest to θ."""

        def move(part: _Part):
            delta = part.fit()
            after = part.residuals + part.outputs(delta)
            left = self.gradient + delta @ self.gram - part.of_points(part.strength * after)
            # Displacements are terms too, where they are large and the outputs are not.
            moved = np.linalg.norm(self.gram) * np.linalg.norm(delta, axis=1)
            return delta, np.linalg.norm(left, axis=1) / np.maximum(self.terms + moved, _TINY)

        return self._by_parts(changes, 1.0, move)

    def proximal(self, changes: WeightChanges) -> Moved:
        """To the minimum of ½Σ(1 + Δw)(x·Δ)² + Σ Δw (x·Δ)e + ((ρ + δ)/2)‖Δ‖², e those at θ."""

        def move(part: _Part):
            force = part.strength * part.residuals
            delta = part.product(force)
            return delta, part.relative(part.left(delta, force, self.gram), force)

        return self._by_parts(changes, 1.0, move)

    def velocity(self, changes: WeightChanges, made: float) -> Moved:
        """The response to the changes, to first order, where the part `made` of them was made."""

        def move(part: _Part):
            force = part.given * (part.residuals + part.outputs(part.fit()))
            delta = part.product(force)
            return delta, part.relative(part.left(delta, force, self.gram), force)

        return self._by_parts(changes, made, move)

    def _by_parts(self, changes, made, move) -> Moved:
        """So many changes at once as memory is meant for."""
        rows, amounts = np.asarray(changes.rows), np.asarray(changes.amounts, np.float64)
        width = rows.shape[1]
        done = []
        for some in row_blocks(len(rows), width * (self.theta.size + width)):
            delta, residual = move(_part(self, rows[some], -amounts[some], made))
            done.append(Moved(delta, residual, residual <= _UNSOLVED))
        return Moved(*(np.concatenate(parts) for parts in zip(*done, strict=True)))


def _known(problem, theta) -> list[np.ndarray] | None:
    """X, y, ρ and θ of a linear regression with one ridge, outside `jax.jit`; None of any other."""
    if not is_linear_regression(problem) or problem.ridge.ndim == 1:
        return None
    known = [concrete(part) for part in (*least_squares_rows(problem), problem.ridge, theta)]
    return None if any(part is None for part in known) else known


def regression_gradient(problem: Problem, theta) -> tuple[float, float, float] | None:
    """‖∇R(θ)‖, Σ‖∇ℓᵢ‖ + ρ‖θ‖ and what rounding leaves of them, as `objectives` has it, in NumPy.

    Nothing is compiled for it. None as of `least_squares`.
    """
    known = _known(problem, theta)
    if known is None:
        return None
    X, y, ridge, at = known
    at, ridge = np.asarray(at, np.float64), float(ridge)
    size = float(np.linalg.norm(at))
    gradient, scale, rounding = ridge * at, ridge * size, 0.0
    for rows in row_blocks(y.size, at.size):
        block, targets = np.asarray(X[rows], np.float64), np.asarray(y[rows], np.float64)
        outputs = block @ at
        lengths = np.sqrt(np.einsum("id,id->i", block, block))
        gradient = gradient + (outputs - targets) @ block
        scale += float(lengths @ np.abs(outputs - targets))
        rounding += float(lengths @ (np.abs(outputs) + lengths * size + np.abs(targets)))
    unit = _ROUNDINGS * float(np.finfo(theta.dtype).eps)
    return float(np.linalg.norm(gradient)), scale, unit * rounding


def least_squares(problem: Problem, theta, damping: float = 0.0) -> LeastSquares | None:
    """The factorisation, of a linear regression outside `jax.jit`; None of any other problem."""
    known = _known(problem, theta)
    if known is None:
        return None
    X, y, ridge, theta = (np.asarray(part, np.float64) for part in known)
    dimension, ridge = theta.size, float(ridge)
    residuals, gram = np.empty_like(y), np.zeros((dimension, dimension))
    gradient, terms = ridge * theta, ridge * float(np.linalg.norm(theta))
    for rows in row_blocks(y.size, dimension):
        block = X[rows]
        outputs = block @ theta
        residuals[rows] = outputs - y[rows]
        gram += block.T @ block
        gradient += residuals[rows] @ block
        lengths = np.sqrt(np.einsum("id,id->i", block, block))
        terms += float(lengths @ (np.abs(y[rows]) + np.abs(outputs)))
    root, undone, condition = _factorised(X, -residuals, theta, ridge, damping)
    return LeastSquares(
        X=X,
        y=y,
        ridge=ridge,
        damping=damping,
        theta=theta,
        root=root,
        undone=undone,
        gram=gram + (ridge + damping) * np.eye(dimension),
        gradient=gradient,
        terms=terms,
        saturation=max(X.shape) * _EPS * condition,
    )


def _factorised(X, target, theta, ridge, damping, weights=None):
    """B with BBᵀ = S⁺, the displacement from θ to the minimum next to it, and the condition."""
    rows, target = compressed(X, target, weights)
    shift = ridge + damping
    if shift > 0.0:
        # The ridge is about zero, the damping about θ.
        rows = np.vstack([rows, np.sqrt(shift) * np.eye(theta.size)])
        target = np.append(target, -ridge / np.sqrt(shift) * theta)
    factor = orthogonal_factor(rows)
    return factor.inverse, factor.solve(target)[0], factor.condition


@dataclasses.dataclass(frozen=True, eq=False)
class _Part:
    """Some of the changes, the points of each side by side.

    points, inverse : (k, g, d)
        X_G and X_G S⁺.
    residuals, fitted : (k, g)
        e at θ, and at the minimum with all points.
    given, strength : (k, g)
        A as asked for, and as far as it is made.
    products, complement : (k, g, g)
        P, and Id − P.
    undone : (d,)
    freed : (k,)
        Where a single point is deleted that alone saw the direction `inverse`.
    refitted : dict
        Of the changes that are factorised anew, B and the displacement to the minimum.
    rounding : (k,)
        What ‖X_GᵀAe‖ may be where e = 0.
    """

    points: Float[np.ndarray, "k g d"]
    inverse: Float[np.ndarray, "k g d"]
    residuals: Float[np.ndarray, "k g"]
    fitted: Float[np.ndarray, "k g"]
    given: Float[np.ndarray, "k g"]
    strength: Float[np.ndarray, "k g"]
    products: Float[np.ndarray, "k g g"]
    complement: Float[np.ndarray, "k g g"]
    undone: Float[np.ndarray, " d"]
    freed: Bool[np.ndarray, " k"]
    refitted: dict[int, tuple[Float[np.ndarray, "d r"], Float[np.ndarray, " d"]]]
    rounding: Float[np.ndarray, " k"]

    def fit(self):
        """From θ to the minimum with the weights as far as they are changed."""
        w = self._solve(self.fitted)
        delta = self._stay(self.undone + self.effect(self.strength * w))
        for index, (_, displacement) in self.refitted.items():
            delta[index] = displacement
        return delta

    def product(self, force):
        """(S − X_GᵀAX_G)⁺X_Gᵀ times what is given."""
        delta = self._stay(self.effect(self._solve(force, transposed=True)))
        for index, (root, _) in self.refitted.items():
            delta[index] = root @ ((force[index] @ self.points[index]) @ root)
        return delta

    def left(self, delta, force, gram):
        """What a product leaves of its equations."""
        return self.of_points(force + self.strength * self.outputs(delta)) - delta @ gram

    def relative(self, left, force):
        """‖left‖ over the norm of the right-hand side; 0 where it may be from rounding alone."""
        remaining = np.linalg.norm(left, axis=1)
        size = np.linalg.norm(self.of_points(force), axis=1)
        rounding = remaining <= self.rounding
        return np.where(rounding, 0.0, remaining / np.where(rounding | (size == 0.0), 1.0, size))

    def effect(self, w):
        """S⁺X_Gᵀw."""
        return np.squeeze(w[:, None, :] @ self.inverse, 1)

    def of_points(self, w):
        """X_Gᵀw."""
        return np.squeeze(w[:, None, :] @ self.points, 1)

    def outputs(self, delta):
        """X_G Δ."""
        return _times(self.points, delta)

    def _solve(self, right, transposed=False):
        """(Id − PA)⁻¹ of each row, or (Id − AP)⁻¹; 0 of a freed point."""
        here = self.strength[:, None, :]
        matrix = self.complement * here + np.eye(right.shape[1]) * (1.0 - here)
        if transposed:
            matrix = np.swapaxes(matrix, 1, 2)
        apart = self.freed.copy()
        apart[list(self.refitted)] = True
        matrix[apart] = np.eye(right.shape[1])
        return np.linalg.solve(matrix, np.where(apart[:, None], 0.0, right)[:, :, None])[:, :, 0]

    def _stay(self, delta):
        """Without its part in a direction that no point sees any more."""
        direction = self.inverse[self.freed, 0]
        along = np.sum(delta[self.freed] * direction, axis=1) / np.sum(direction**2, axis=1)
        delta[self.freed] -= along[:, None] * direction
        return delta


def _part(given: LeastSquares, rows: Int[np.ndarray, "k g"], amounts, made: float) -> _Part:
    used = amounts != 0.0  # what fills up the rows of smaller groups counts for none
    points = np.where(used[:, :, None], given.X[rows], 0.0)
    residuals = np.where(used, points @ given.theta - given.y[rows], 0.0)
    fitted = residuals + points @ given.undone
    seen = points @ given.root
    inverse = seen @ given.root.T
    products = seen @ np.swapaxes(seen, 1, 2)
    strength = made * amounts
    complement = np.eye(rows.shape[1]) - products
    freed, refitted = np.zeros(len(rows), bool), {}
    if rows.shape[1] == 1:
        (near,) = np.nonzero(products[:, 0, 0] > _NEAR)
        squares, forces = _beside(given, inverse[near, 0], rows[near, 0])
        complement[near, 0, 0] = squares / products[near, 0, 0]
        fitted[near, 0] = complement[near, 0, 0] * residuals[near, 0] - forces
        alone = np.sqrt(complement[near, 0, 0]) <= given.saturation
        freed[near] = alone & (strength[near, 0] == 1.0)
    else:
        near = np.linalg.eigvalsh(products)[:, -1] > _NEAR_GROUP
        refitted = {
            int(index): _refitted(given, rows[index], strength[index])
            for index in np.flatnonzero(near)
        }
    lengths = np.linalg.norm(points, axis=2)
    size = np.linalg.norm(given.theta) + np.linalg.norm(given.undone)
    terms = np.abs(amounts) * lengths * (np.abs(given.y[rows]) + lengths * size)
    return _Part(
        points=points,
        inverse=inverse,
        residuals=residuals,
        fitted=fitted,
        given=amounts,
        strength=strength,
        products=products,
        complement=complement,
        undone=given.undone,
        freed=freed,
        refitted=refitted,
        rounding=_ROUNDINGS * _EPS * np.sum(terms, axis=1),
    )


def _beside(given: LeastSquares, inverse: Float[np.ndarray, "m d"], rows: Int[np.ndarray, " m"]):
    """‖p‖² and p·e over the rows that are not the point's own, the ridge's counted."""
    squares = (given.ridge + given.damping) * np.sum(inverse**2, axis=1)
    forces = given.ridge * (inverse @ given.theta)
    if not rows.size:
        return squares, forces
    for some in row_blocks(given.y.size, rows.size + given.theta.size):
        X = given.X[some]
        seen = inverse @ X.T
        (own,) = np.nonzero((rows >= some.start) & (rows < some.stop))
        seen[own, rows[own] - some.start] = 0.0
        squares = squares + np.sum(seen**2, axis=1)
        forces = forces + seen @ (X @ given.theta - given.y[some])
    return squares, forces


def _refitted(given: LeastSquares, rows, strength):
    weights = np.ones(given.y.size)
    weights[rows[strength != 0.0]] -= strength[strength != 0.0]
    target = given.y - given.X @ given.theta
    arguments = given.theta, given.ridge, given.damping
    return _factorised(given.X, target, *arguments, weights=weights)[:2]


def _times(matrices, vectors):
    return np.squeeze(matrices @ vectors[:, :, None], -1)
