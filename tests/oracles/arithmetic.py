"""What the oracles share: exact input, weighted normal equations, spectra and rounding."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from mpmath import mp, mpf

DIGITS = 50

Vector = list[mpf]
Matrix = list[list[mpf]]


def number(value) -> mpf:
    """A float64 (or int, or mpf) as an exact multiple-precision number."""
    return value if isinstance(value, mpf) else mpf(float(value))


def vector(values) -> Vector:
    """A sequence of float64 as exact multiple-precision numbers."""
    return [number(value) for value in values]


def matrix(rows) -> Matrix:
    """A two-dimensional array of float64 as exact multiple-precision numbers."""
    return [vector(row) for row in rows]


def to_float64(nested) -> np.ndarray:
    """Nested lists of multiple-precision numbers, each rounded once to the nearest float64."""
    if isinstance(nested, list):
        return np.array([to_float64(item) for item in nested], dtype=np.float64)
    return np.float64(float(nested))


def dot(left: Sequence[mpf], right: Sequence[mpf]) -> mpf:
    """Inner product, rounded once."""
    return mp.fdot(left, right)


def apply(rows: Matrix, column: Vector) -> Vector:
    """Matrix times vector."""
    return [mp.fdot(row, column) for row in rows]


def combine(left: Vector, factor: mpf, right: Vector) -> Vector:
    """left + factor · right."""
    return [a + factor * b for a, b in zip(left, right, strict=True)]


class NormalEquations(NamedTuple):
    """Gram matrix and right-hand side: ∇R(θ) = gram θ − moment."""

    gram: Matrix
    moment: Vector

    def gradient(self, theta: Vector) -> Vector:
        """∇R(θ)."""
        return [dot(row, theta) - c for row, c in zip(self.gram, self.moment, strict=True)]


class Regression(NamedTuple):
    """The two halves of R_ε = R_{−G} + ε Σ_G ℓ_i (theory §1); the ridge is never re-weighted."""

    kept: NormalEquations
    deleted: NormalEquations

    @property
    def dimension(self) -> int:
        """Number of parameters d."""
        return len(self.kept.moment)

    def at(self, weight) -> NormalEquations:
        """Normal equations of R_ε with ε = weight."""
        weight = number(weight)
        gram = [
            combine(a, weight, b) for a, b in zip(self.kept.gram, self.deleted.gram, strict=True)
        ]
        return NormalEquations(gram, combine(self.kept.moment, weight, self.deleted.moment))


def normal_equations(X: Matrix, y: Vector, weights: Vector, dimension: int, ridge=0):
    """Σ wᵢ xᵢ xᵢᵀ + ridge · Id and Σ wᵢ xᵢ yᵢ."""
    columns = [[row[k] for row in X] for k in range(dimension)]
    weighted = [[w * entry for w, entry in zip(weights, c, strict=True)] for c in columns]
    gram = [[mpf(0)] * dimension for _ in range(dimension)]
    for i in range(dimension):
        for j in range(i + 1):
            gram[i][j] = gram[j][i] = dot(weighted[i], columns[j])
        gram[i][i] += number(ridge)
    return NormalEquations(gram, [dot(column, y) for column in weighted])


def regression(X, y, deleted, ridge=0.0) -> Regression:
    """Split the data into kept and deleted points; ``deleted`` is an int or a sequence of ints."""
    X, y = np.asarray(X, dtype=np.float64), np.asarray(y, dtype=np.float64)
    gone = np.zeros(len(y), dtype=bool)
    gone[np.atleast_1d(np.asarray(deleted, dtype=int))] = True

    def part(mask, ridge):
        ones = [mpf(1)] * int(mask.sum())
        return normal_equations(matrix(X[mask]), vector(y[mask]), ones, X.shape[1], ridge)

    return Regression(part(~gone, ridge), part(gone, 0))


class Spectrum(NamedTuple):
    """Eigenvalues (kernel exactly 0), eigenvectors as rows, and the moment in that basis."""

    values: Vector
    vectors: Matrix
    moment: Vector

    def coordinates(self, theta: Vector) -> Vector:
        """Components of θ along the eigenvectors."""
        return apply(self.vectors, theta)

    def assemble(self, coordinates: Vector) -> Vector:
        """The vector with these components."""
        return [dot(entries, coordinates) for entries in zip(*self.vectors, strict=True)]


def spectrum(equations: NormalEquations) -> Spectrum:
    """Eigendecomposition at the working precision.

    An eigenvalue below 10^(−0.7 digits) of the largest is the kernel (1e-35 at 50 digits); one
    that is neither clearly rounding nor clearly positive is an error, not a guess.
    """
    values, columns = mp.eigsy(mp.matrix(equations.gram))
    d = len(equations.moment)
    vectors = [[columns[i, k] for i in range(d)] for k in range(d)]
    largest = max(abs(value) for value in values)
    kernel, noise = mpf(10) ** (-0.7 * mp.dps), mpf(10) ** (-0.9 * mp.dps)
    cleaned = []
    for value in values:
        if noise * largest < abs(value) < kernel * largest:
            raise ArithmeticError(
                f"eigenvalue {mp.nstr(value, 5)} beside {mp.nstr(largest, 5)}: "
                f"cannot be told from zero at {mp.dps} digits"
            )
        cleaned.append(mpf(0) if abs(value) <= noise * largest else value)
    return Spectrum(cleaned, vectors, apply(vectors, equations.moment))


def relaxation(rate: mpf, duration: mpf) -> mpf:
    """φ(λ, t) = (1 − e^{−λt})/λ, with the limit t at λ = 0 (theory §3)."""
    return duration if rate == 0 else -mp.expm1(-rate * duration) / rate


def propagate(basis: Spectrum, theta: Vector, duration: mpf) -> Vector:
    """θ after ``duration`` of gradient flow with the risk held fixed (theory §3)."""
    moved = [
        mp.exp(-rate * duration) * start + relaxation(rate, duration) * push
        for rate, start, push in zip(
            basis.values, basis.coordinates(theta), basis.moment, strict=True
        )
    ]
    return basis.assemble(moved)


def decay(basis: Spectrum, vector: Vector, duration: mpf) -> Vector:
    """e^{−H · duration} applied to a vector."""
    moved = [
        mp.exp(-rate * duration) * start
        for rate, start in zip(basis.values, basis.coordinates(vector), strict=True)
    ]
    return basis.assemble(moved)


def stationary(basis: Spectrum, theta0: Vector) -> Vector:
    """Limit of the flow as t → ∞: minimum on the range, the kernel part of θ₀ kept."""
    limit = [
        start if rate == 0 else push / rate
        for rate, start, push in zip(
            basis.values, basis.coordinates(theta0), basis.moment, strict=True
        )
    ]
    return basis.assemble(limit)
