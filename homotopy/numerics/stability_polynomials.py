"""Stability polynomials of order four that damp the longest part of the negative axis (theory §15).

R(z) = 1 + z + z²/2 + z³/6 + z⁴/24 + … of degree s has |R| ≤ η on [−ℓ, z₁], z₁ the first point to
the left of zero where it falls to η, with ℓ as large as can be. Such an R has four complex zeros
and s − 4 real ones, and touches ±η once between any two of these and once to the right of them:
as many equations, with the four of the order, as there are zeros. They are solved by Newton's
method in the logarithm of |R|, s by s. What comes out is kept in a file, which

    python -m homotopy.numerics.stability_polynomials

writes anew.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np

from homotopy.numerics.stability_stages import finishing_stages, recurrence

DAMPING = 0.95  # η
FILE = Path(__file__).with_name("stability_polynomials.npz")
_FEWEST, _MOST, _RATIO = 5, 160, 0.06
# Of degree 5: a real zero, and the two complex ones, each with its conjugate.
_FIRST = np.array([-5.67, -0.222, 2.856, -2.011, 1.087])


@cache
def tables() -> dict[str, np.ndarray]:
    """What the solver reads, a row for each degree: see `table`."""
    with np.load(FILE, allow_pickle=False) as file:
        return {name: file[name] for name in file.files}


def degrees() -> list[int]:
    """The degrees that are kept: each to 16, then in steps of a sixteenth."""
    kept = [_FEWEST]
    while kept[-1] < _MOST:
        kept.append(min(_MOST, kept[-1] + max(1, int(_RATIO * kept[-1]))))
    return kept


def table() -> dict[str, np.ndarray]:
    """Of all degrees: `degree`, `reach` ℓ, `step` and `weight` of the stages, and `finish`.

    Stage j of the first s − 4 is g_{j+1} = wⱼ gⱼ + (1 − wⱼ) g_{j−1} + bⱼ h f(gⱼ), with bⱼ in `step`
    and wⱼ in `weight`, padded with zeros; `finish` is what `finishing_stages` returns.
    """
    kept = degrees()
    rows = {"degree": kept, "reach": [], "step": [], "weight": [], "finish": []}
    zeros, before = _FIRST, None
    for degree in kept:
        if degree > _FEWEST:
            zeros = _guess(zeros, degree)
        zeros = optimal_zeros(zeros)
        end = reach(zeros)
        weight, step = recurrence(zeros[:-4], _pairs(zeros), end)
        before = finishing_stages(weight, step, before)
        pad = (0, _MOST - degree)
        for name, row in (("step", np.pad(step, pad)), ("weight", np.pad(weight, pad))):
            rows[name].append(row)
        rows["reach"].append(end)
        rows["finish"].append(before)
    return {name: np.array(row) for name, row in rows.items()}


def optimal_zeros(guess: np.ndarray) -> np.ndarray:
    """The zeros of R: the real ones, ascending, and ξ₁, υ₁, ξ₂, υ₂ of ξ ± iυ."""
    zeros = np.array(guess)
    size = np.inf
    for _ in range(200):
        residual, jacobian = _equations(zeros)
        size, before = np.linalg.norm(residual), size
        if size < 1e-10 and size > 0.5 * before:
            return zeros
        change, part = np.linalg.solve(jacobian, residual), 1.0
        while part > 1e-6:
            moved = zeros - part * change
            if _ordered(moved) and np.linalg.norm(_equations(moved)[0]) < size:
                break
            part /= 2.0
        else:
            break
        zeros = moved
    if size < 1e-10:
        return zeros
    raise ArithmeticError(f"No stability polynomial of degree {zeros.size} was found.")


def reach(zeros: np.ndarray) -> float:
    """ℓ: left of −ℓ is |R| > η."""
    near, far = zeros[0], 2.0 * zeros[0]
    for _ in range(100):
        middle = 0.5 * (near + far)
        inside = _logarithm(np.array([middle]), zeros)[0] < np.log(DAMPING)
        near, far = (middle, far) if inside else (near, middle)
    return -near


def _pairs(zeros):
    return zeros[[-4, -2]] + 1j * zeros[[-3, -1]]


def _ordered(zeros):
    real = zeros[:-4]
    return bool(np.all(np.diff(real) > 0.0) and real[-1] < 0.0)


def _all(zeros):
    pairs = _pairs(zeros)
    return np.concatenate([zeros[:-4], pairs, pairs.conj()])


def _logarithm(points, zeros):
    return np.log(np.abs(1.0 - points[:, None] / _all(zeros))).sum(1)


def _slope(points, zeros):
    return (1.0 / (points[:, None] - _all(zeros))).sum(1).real


def _extrema(zeros):
    """Where |R| is largest between two real zeros, and first to the right of the last."""
    real = zeros[:-4]
    right = real[-1] * (1.0 - np.arange(1, 4001) / 4001)
    slopes = _slope(right, zeros)
    turn = np.argmax((slopes[:-1] > 0.0) & (slopes[1:] <= 0.0))
    low = np.append(real[:-1], right[turn])
    high = np.append(real[1:], right[turn + 1])
    for _ in range(60):
        middle = 0.5 * (low + high)
        rising = _slope(middle, zeros) > 0.0
        low, high = np.where(rising, middle, low), np.where(rising, high, middle)
    return 0.5 * (low + high)


def _equations(zeros):
    """Of order four, Σ z⁻ᵏ = −1, 0, 0, 0, and log |R| = log η at the extrema; the Jacobian.

    At an extremum R does not change with the point.
    """
    points, pairs, real = _extrema(zeros), _pairs(zeros), zeros[:-4]
    powers = np.arange(1, 5)[:, None]
    sums = (_all(zeros) ** -powers.astype(float)).sum(1).real + (powers[:, 0] == 1)
    residual = np.concatenate([sums, _logarithm(points, zeros) - np.log(DAMPING)])

    def derivatives(z):
        order = -powers * z ** -(powers + 1.0)
        height = (points[:, None] / z**2) / (1.0 - points[:, None] / z)
        return np.concatenate([order, height])

    of_pairs = derivatives(pairs)
    parts = np.stack([2.0 * of_pairs.real, -2.0 * of_pairs.imag], -1).reshape(-1, 4)
    return residual, np.concatenate([derivatives(real), parts], 1)


def _guess(zeros, degree):
    """Of the next degree: the angles of the real zeros, stretched; the complex ones stay."""
    real, count = zeros[:-4], degree - 4
    if real.size == 1:
        return np.concatenate([real * [1.9, 1.05][: real.size + 1], zeros[1:]])
    end = reach(zeros)
    growth = (degree / (real.size + 4)) ** 2
    places = (np.arange(real.size) + 0.5) / real.size
    angles = np.arccos(1.0 + 2.0 * real / end)
    fit = np.polynomial.Polynomial.fit(places, angles, min(5, real.size - 1))
    new = fit((np.arange(count) + 0.5) / count)
    return np.concatenate([np.sort(-0.5 * (1.0 - np.cos(new)) * end * growth), zeros[-4:]])


if __name__ == "__main__":
    np.savez_compressed(FILE, **table())
