"""Pontryagin's condition: how far a schedule is from minimising the Hamiltonian (theory §4)."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from homotopy.control.pontryagin import Samples, residual_of
from homotopy.deletion.dynamics.costate import SwitchingFunction
from homotopy.numerics.gauss_legendre import quadrature, to_coefficients
from homotopy.weighted_rows import least_squares_rows

_COUNT = 16
_PADDED = 1024  # nodes
_NODES, _WEIGHTS = quadrature(_COUNT)
_TO_COEFFICIENTS = to_coefficients(_COUNT)


def relative_residual(switching: SwitchingFunction) -> float:
    """`homotopy.control.PontryaginResidual.relative` on [s, T]; see `Deletion.pmp_residual`.

    Of a switching function with factors, as linear regression has.
    """
    request, schedule = switching.request, switching.schedule
    edges = _intervals(request, schedule)
    lefts, rights = edges[:-1], edges[1:]
    lengths = rights - lefts
    times = lefts[:, None] + lengths[:, None] * _NODES[None, :]
    flat, shape = times.reshape(-1), times.shape
    phi = np.asarray(switching(flat)).reshape(shape)
    epsilon = np.asarray(schedule(flat)).reshape(shape)
    rows = np.asarray(least_squares_rows(request.problem)[0])[
        np.atleast_1d(request.problem.deleted)
    ]
    costate = np.asarray(switching.costate(flat)).reshape(*shape, -1)
    field = (np.asarray(switching.residual(flat)) @ rows).reshape(*shape, -1)

    # One sign, in all nodes and at both ends of the interpolating polynomial: as it is. Otherwise
    # split where the polynomial has its zeros.
    coefficients = phi @ _TO_COEFFICIENTS.T
    signs = np.concatenate([phi, _at_ends(coefficients)], axis=1) > 0.0
    mixed = np.any(signs != signs[:, :1], axis=1)
    weights = lengths[:, None] * _WEIGHTS[None, :]
    columns = [weights, epsilon, phi, _norm(costate) * _norm(field)]
    parts = [np.stack([column[~mixed].reshape(-1) for column in columns])]
    for index in np.flatnonzero(mixed):
        smooth = np.column_stack([phi[index], epsilon[index], costate[index], field[index]])
        series = _TO_COEFFICIENTS @ smooth
        for left, right in _parts(coefficients[index]):
            nodes = left + (right - left) * _NODES
            values = np.polynomial.legendre.legvander(nodes, _COUNT - 1) @ series
            size = _norm(values[:, 2 : 2 + rows.shape[1]]) * _norm(values[:, 2 + rows.shape[1] :])
            given = np.clip(values[:, 1], 0.0, 1.0)
            parts.append(np.stack([weights[index] * (right - left) / 2, given, values[:, 0], size]))
    samples = _samples(np.concatenate(parts, axis=1))
    return float(residual_of(samples, np.zeros(()), np.ones(())).relative)


def _norm(vectors):
    return np.linalg.norm(vectors, axis=-1)


def _samples(values) -> Samples:
    """Of weights, ε, φ and ‖p‖ ‖f₁‖, (4, q); padded, so that few sizes are compiled."""
    weights, epsilon, phi, size = np.pad(values, ((0, 0), (0, -values.shape[1] % _PADDED)))
    nowhere = np.zeros_like(weights)
    return Samples(nowhere, weights, nowhere.astype(int), epsilon, -phi, size)


def _intervals(request, schedule) -> np.ndarray:
    """Edges of intervals on which φ is smooth: dyadic towards both ends of every piece.

    Fast modes decay from the left end of a piece, and their costates towards its right end.
    """
    start, horizon = float(request.start), float(request.horizon)
    inside = np.clip(np.asarray(schedule.breakpoints), start, horizon)
    edges = np.concatenate([[start], inside, [horizon]])
    fastest = float(np.max(np.asarray(request.problem.modal.full.eigenvalues)))
    longest = float(np.max(np.diff(edges)))
    # In steps of eight, so that most problems share a compilation.
    depth = int(np.ceil(np.log2(1.0 + fastest * longest) / 8.0)) * 8 + 1
    towards = 0.5 ** np.arange(depth, 0.0, -1.0)
    if not all(schedule.constant_pieces):
        towards = np.union1d(towards, np.arange(1, 17) / 32)
    fractions = np.concatenate([[0.0], towards, 1.0 - towards[-2::-1]])
    lengths = np.diff(edges)
    parts = edges[:-1, None] + lengths[:, None] * fractions[None, :]
    return np.append(parts.reshape(-1), horizon)


def _at_ends(coefficients) -> np.ndarray:
    """Legendre series at −1 and 1, (m, 2)."""
    signs = np.resize([1.0, -1.0], _COUNT)
    return np.stack([coefficients @ signs, coefficients.sum(axis=1)], axis=1)


def _parts(coefficients) -> list[tuple[float, float]]:
    """Intervals of [−1, 1] between the zeros of a Legendre series."""
    small = 1e-15 * np.max(np.abs(coefficients))
    roots = np.polynomial.legendre.legroots(np.polynomial.legendre.legtrim(coefficients, small))
    real = roots.real[(np.abs(roots.imag) < 1e-9) & (np.abs(roots.real) < 1.0)]
    cuts = [-1.0, *np.sort(real).tolist(), 1.0]
    return list(pairwise(cuts))
