"""Seeded regression data for the tests, as plain NumPy.

Every generator returns a :class:`Data` (X (n, d), y (n,), deleted list of indices, theta0 (d,)).
Where a name promises something exact (a repeated eigenvalue, a duplicated column, a point inside
a span), it holds for the float64 numbers themselves, not only up to rounding.
"""

from typing import NamedTuple

import numpy as np


class Data(NamedTuple):
    """What a linear-regression deletion problem is made of."""

    X: np.ndarray
    y: np.ndarray
    deleted: list[int]
    theta0: np.ndarray


def _finish(X, generator, deleted) -> Data:
    """Targets with noise, and a start, from the same generator."""
    n, d = X.shape
    scale = np.sqrt(np.sum(X**2) / (n * d))
    y = X @ generator.normal(size=d) + 0.5 * scale * generator.normal(size=n)
    return Data(X, y, list(deleted), generator.normal(size=d))


def _orthogonal(generator, n, d):
    return np.linalg.qr(generator.normal(size=(n, d)))[0]


def well_conditioned(d=4, n=20, seed=0, deleted=(0,)) -> Data:
    """Gaussian rows: the condition number of H is of order one for n well above d."""
    generator = np.random.default_rng(seed)
    return _finish(generator.normal(size=(n, d)), generator, deleted)


def ill_conditioned(d=4, n=20, seed=0, condition=1e10, deleted=(0,)) -> Data:
    """H = XᵀX with this condition number (so X has its square root), eigenvectors rotated.

    Eigenvalues run geometrically from 1 to n, n/condition.
    """
    generator = np.random.default_rng(seed)
    singular = np.sqrt(n) * np.geomspace(1.0, condition**-0.5, d)
    X = (_orthogonal(generator, n, d) * singular) @ _orthogonal(generator, d, d).T
    return _finish(X, generator, deleted)


def badly_scaled(d=4, n=20, seed=0, condition=1e10, deleted=(0,)) -> Data:
    """Gaussian columns in units that differ: the condition number of H is near this one."""
    generator = np.random.default_rng(seed)
    X = generator.normal(size=(n, d)) * np.geomspace(1.0, condition**-0.5, d)
    return _finish(X, generator, deleted)


def repeated_eigenvalues(d=4, seed=0, eigenvalues=None) -> Data:
    """H_{−G} diagonal, its eigenvalues exactly repeated; the deleted point is generic.

    Kept rows are multiples of unit vectors, a row for each coordinate and some twice.
    ``eigenvalues`` (squares of float64 numbers, default 4 in the first half and 1 in the second).
    """
    generator = np.random.default_rng(seed)
    if eigenvalues is None:
        eigenvalues = np.where(np.arange(d) < (d + 1) // 2, 4.0, 1.0)
    kept = np.diag(np.sqrt(np.asarray(eigenvalues, dtype=float)))
    return _finish(np.vstack([generator.normal(size=d), kept]), generator, [0])


def repeated_eigenvalues_rotated(d=4, seed=0) -> Data:
    """H_{−G} a full matrix with exactly repeated eigenvalues d and 4d; d is a power of two.

    Kept rows are those of a Hadamard matrix, half of them doubled.
    """
    generator = np.random.default_rng(seed)
    kept = hadamard(d)
    kept[: d // 2] *= 2.0
    return _finish(np.vstack([generator.normal(size=d), kept]), generator, [0])


def point_in_one_eigenspace(d=4, seed=0) -> Data:
    """As :func:`repeated_eigenvalues`, the deleted row in the eigenspace of the eigenvalue 4.

    (M, x) is not controllable: only one direction feels the deletion.
    """
    data = repeated_eigenvalues(d, seed)
    X = data.X.copy()
    X[0, (d + 1) // 2 :] = 0.0
    return data._replace(X=X)


def identity_design(d=4, deleted=(0,), theta0=0.0) -> Data:
    """The notes' example X = Id, y = 1: without the point, its coordinate freezes."""
    return Data(np.eye(d), np.ones(d), list(deleted), np.full(d, float(theta0)))


def underdetermined(d=4, n=3, seed=0, deleted=(0,)) -> Data:
    """n − 1 < d, generic rows: H_{−G} is singular and the deleted point leaves the span."""
    if n - 1 >= d:
        raise ValueError("underdetermined needs n - 1 < d")
    return well_conditioned(d, n, seed, deleted)


def underdetermined_in_span(d=4, n=3, seed=0) -> Data:
    """n − 1 < d, and the deleted row is exactly a combination of two kept rows."""
    if n < 3 or n - 1 >= d:
        raise ValueError("underdetermined_in_span needs 3 <= n <= d")
    generator = np.random.default_rng(seed)
    X = generator.integers(-8, 9, size=(n, d)) / 4.0
    X[0] = X[1] - 0.5 * X[2]
    return _finish(X, generator, [0])


def duplicated_columns(d=4, n=20, seed=0, deleted=(0,)) -> Data:
    """The last column repeats the first exactly: one kernel direction, with and without j."""
    generator = np.random.default_rng(seed)
    X = generator.normal(size=(n, d))
    X[:, -1] = X[:, 0]
    return _finish(X, generator, deleted)


def duplicated_columns_leaving_span(d=4, n=20, seed=0) -> Data:
    """As :func:`duplicated_columns`, but the deleted row alone tells the two columns apart.

    H is regular, H_{−G} is not.
    """
    generator = np.random.default_rng(seed)
    X = generator.normal(size=(n, d))
    X[1:, -1] = X[1:, 0]
    return _finish(X, generator, [0])


def group(d=4, n=20, seed=0, size=3) -> Data:
    """``size`` deleted points, not the first ones; take size > d for more points than parameters.

    H_{−G} is regular as long as n − size ≥ d.
    """
    data = well_conditioned(d, n, seed)
    generator = np.random.default_rng([seed, size])
    return data._replace(deleted=sorted(int(i) for i in generator.permutation(n)[:size]))


def hadamard(d) -> np.ndarray:
    """Sylvester's Hadamard matrix (d, d), d a power of two."""
    if d < 1 or d & (d - 1):
        raise ValueError("d must be a power of two")
    H = np.ones((1, 1))
    while len(H) < d:
        H = np.block([[H, H], [H, -H]])
    return H


REGULAR = {
    "well conditioned": well_conditioned(),
    "ill conditioned": ill_conditioned(),
    "badly scaled": badly_scaled(),
    "repeated eigenvalues": repeated_eigenvalues(),
    "repeated eigenvalues, rotated": repeated_eigenvalues_rotated(),
    "point in one eigenspace": point_in_one_eigenspace(),
    "group of three": group(size=3),
    "group larger than d": group(size=6),
    "one parameter": well_conditioned(d=1, n=6),
}
SINGULAR = {
    "identity design": identity_design(),
    "underdetermined": underdetermined(),
    "underdetermined, point in the span": underdetermined_in_span(),
    "duplicated columns": duplicated_columns(),
    "duplicated columns, point leaves the span": duplicated_columns_leaving_span(),
    "group that takes the rank": group(d=4, n=8, size=5),
}
ALL = REGULAR | SINGULAR
