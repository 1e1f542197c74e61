"""Eigendecomposition of a symmetric matrix in double-double, from LAPACK's in float64.

LAPACK's eigenvectors make the matrix diagonal up to rounding. Where the eigenvalues are well apart,
rotations of first order in what is left, all at once, square it with every step (Ogita and
Aishima, Japan J. Indust. Appl. Math. 35, 2018): a few matrix products. Two or three sweeps of
cyclic Jacobi finish it otherwise, whatever the clusters (Demmel and Veselić, SIAM J. Matrix Anal.
Appl. 13, 1992, on why Jacobi and not QR). A sweep visits the pairs in rounds of a round-robin
tournament, so that the d/2 rotations of a round are done at once.
"""

import numpy as np

from homotopy.numerics.double_double import DoubleDouble, matmul

_UNIT_ROUNDOFF = 2.0**-104
_MAXIMUM_SWEEPS = 30
_STEPS = 4  # of first order: 1e-4 → 1e-8 → 1e-16 → 1e-32
_SMALL = 1e-4  # norm of a rotation that is made of first order
_TINY = 1e-9  # norm of a rotation whose fourth power is a rounding


def tournament(size: int) -> np.ndarray:
    """All pairs of {0, …, size−1} in size−1 rounds of disjoint pairs; (rounds, size/2, 2).

    `size` must be even.

    Examples
    --------
    >>> tournament(4).shape
    (3, 2, 2)
    """
    rounds = []
    ring = list(range(1, size))
    for turn in range(size - 1):
        seats = [0, *ring[turn:], *ring[:turn]]
        rounds.append([sorted((seats[i], seats[size - 1 - i])) for i in range(size // 2)])
    return np.array(rounds, dtype=int).reshape(max(size - 1, 0), size // 2, 2)


def _orthonormalised(vectors: np.ndarray | DoubleDouble) -> DoubleDouble:
    """Vectors that are orthonormal to a float64 rounding made so in double-double."""
    identity = np.eye(vectors.shape[-1])
    defect = identity - matmul(vectors.T, vectors)
    return matmul(vectors, identity + defect * 0.5)  # one Newton–Schulz step: 1e-16 → 1e-32


def _rotate(matrix: DoubleDouble, first, second, cosine, sine) -> None:
    """Replace rows p, q by c·p − s·q and s·p + c·q, in place."""
    p, q = matrix.at(first), matrix.at(second)
    matrix.put(first, cosine * p - sine * q)
    matrix.put(second, sine * p + cosine * q)


def _is_diagonal(matrix: np.ndarray, scale: float) -> bool:
    rest = np.max(np.abs(matrix - np.diag(np.diag(matrix))))
    return bool(rest <= 4.0 * (len(matrix) + len(matrix) % 2) * _UNIT_ROUNDOFF * scale)


def _turned_at_once(
    matrix: DoubleDouble, vectors: DoubleDouble
) -> tuple[DoubleDouble, DoubleDouble]:
    """VᵀAV and V after as many steps of first order as are small rotations."""
    size = matrix.shape[-1]
    for _ in range(_STEPS):
        product = vectors.T @ matrix @ vectors
        if _is_diagonal(product.high, np.max(np.abs(product.high))):
            break
        diagonal = product.at((np.arange(size), np.arange(size)))
        gaps = (diagonal.at(None) - diagonal.at(np.s_[:, None])).high
        np.fill_diagonal(gaps, 1.0)
        with np.errstate(divide="ignore", invalid="ignore"):
            turn = np.where(product.high == 0.0, 0.0, product.high / gaps)
        turn = 0.5 * (turn - turn.T)
        if not np.linalg.norm(turn) <= _SMALL:
            break
        # exp(turn), but for the identity and terms of fourth order.
        change = turn + turn @ turn @ (0.5 * np.eye(size) + turn / 6.0)
        vectors = vectors + matmul(vectors, change)
        if not np.linalg.norm(turn) <= _TINY:
            vectors = _orthonormalised(vectors)
    else:
        product = vectors.T @ matrix @ vectors
    return product, vectors


def symmetric_eigen(matrix: DoubleDouble) -> tuple[DoubleDouble, DoubleDouble]:
    """Eigenvalues (d,), ascending, and orthonormal eigenvectors (d, d), in columns.

    Parameters
    ----------
    matrix : DoubleDouble
        Symmetric, (d, d).

    Returns
    -------
    eigenvalues, vectors : DoubleDouble
        With matrix = V diag(λ) Vᵀ up to about 1e-31 times its norm.

    Raises
    ------
    ArithmeticError
        Where the sweeps do not converge, which no finite symmetric matrix should cause.
    """
    matrix = DoubleDouble.of(matrix)
    size = matrix.shape[-1]
    vectors = _orthonormalised(np.linalg.eigh(matrix.high)[1])
    if size == 1:
        return matrix.at((0,)), vectors
    product, vectors = _turned_at_once(matrix, vectors)
    scale = np.max(np.abs(product.high))
    if not _is_diagonal(product.high, scale):
        product, vectors = _swept(product, vectors, scale)
    diagonal = product.at((np.arange(size), np.arange(size)))
    order = np.argsort(diagonal.high, kind="stable")
    return diagonal.at(order), vectors.at(np.s_[:, order])


def _swept(
    product: DoubleDouble, vectors: DoubleDouble, scale: float
) -> tuple[DoubleDouble, DoubleDouble]:
    """VᵀAV and V after sweeps of cyclic Jacobi."""
    size = product.shape[-1]
    even = size + size % 2  # an odd size gets a decoupled row, which no rotation touches
    work = DoubleDouble(np.zeros((even, even)), np.zeros((even, even)))
    work.put(np.s_[:size, :size], product)
    rows = DoubleDouble(np.zeros((even, size)), np.zeros((even, size)))  # eigenvectors in rows
    rows.put(np.s_[:size], vectors.T)
    rounds = tournament(even)
    for _ in range(_MAXIMUM_SWEEPS):
        if _is_diagonal(work.high, scale):
            break
        for pairs in rounds:
            first, second = pairs[:, 0], pairs[:, 1]
            coupling = work.high[first, second]
            difference = (work.at((second, second)) - work.at((first, first))).high
            with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
                ratio = difference / (2.0 * coupling)
                tangent = np.copysign(1.0, ratio) / (np.abs(ratio) + np.sqrt(1.0 + ratio**2))
            tangent = np.where(coupling == 0.0, 0.0, tangent)[:, None]
            # The angle need only be good to float64; the rotation must be orthogonal to 1e-32.
            cosine = 1.0 / (DoubleDouble.of(tangent) * tangent + 1.0).sqrt()
            sine = cosine * tangent
            _rotate(work, first, second, cosine, sine)
            _rotate(work.T, first, second, cosine, sine)
            _rotate(rows, first, second, cosine, sine)
    else:
        raise ArithmeticError(
            f"Jacobi rotations did not converge in {_MAXIMUM_SWEEPS} sweeps "
            f"(matrix of order {size}, largest entry {scale:.3g})."
        )
    return work.at(np.s_[:size, :size]), rows.at(np.s_[:size]).T
