"""θ(t) under a polynomial ramp, by power series (theory §3), to fifty digits.

ε = 1 before start, ((stop − t)/(stop − start))^power between, 0 after stop. The ODE is linear and
its coefficients are power series, so a recurrence gives the Taylor coefficients of θ. They are
fixed-point integers in object arrays: Python multiplies those far faster than mpmath's numbers.
"""

import numpy as np
from mpmath import mp, mpf

from .arithmetic import DIGITS, Matrix, Vector, number, regression, to_float64, vector
from .flow import Pieces, in_order

BITS = 320  # 96 digits after the point; a step over λh = 8 loses e⁸, and magnitudes take the rest
ROUNDED_AWAY = 1 << (BITS - 230)  # a term below 1e-69 ends a series
RAMP_DIGITS = DIGITS + 40


def ramp_flow(X, y, deleted, ridge, theta0, start, stop, power, times) -> np.ndarray:
    """θ(t) under a polynomial ramp: (m, d) for ``times`` (m,) in any order.

    ``power`` > 0, integer or not. About 50 digits before rounding. The cost grows with λ_max T:
    keep that below a few thousand.
    """
    digits = ramp_flow_digits(X, y, deleted, ridge, theta0, start, stop, power, times)
    return to_float64(digits)


@mp.workdps(RAMP_DIGITS)
def ramp_flow_digits(X, y, deleted, ridge, theta0, start, stop, power, times) -> Matrix:
    """As :func:`ramp_flow`, unrounded."""
    problem = regression(X, y, deleted, ridge)
    start, stop, power = number(start), number(stop), number(power)
    if not (0 <= start <= stop and power > 0):
        raise ValueError("expected 0 <= start <= stop and power > 0")
    outside = Pieces(problem, [stop], [1, 0])
    inside = _Decline(problem, start, stop, power)

    def advance(theta, now, until):
        if now < start:
            theta = outside.forward(theta, now, min(until, start))
        if now < stop and until > start:
            theta = inside.forward(theta, max(now, start), min(until, stop))
        if until > stop:
            theta = outside.forward(theta, max(now, stop), until)
        return theta

    return in_order(times, vector(theta0), advance)


def _fixed(nested) -> np.ndarray:
    """Multiple-precision numbers as integers in units of 2^−BITS."""
    array = np.array(nested, dtype=object)
    whole = [int(mp.ldexp(value, BITS)) for value in array.ravel()]
    return np.array(whole, dtype=object).reshape(array.shape)


def _unfixed(array) -> Vector:
    return [mp.ldexp(mpf(value), -BITS) for value in array]


class _Decline:
    """The interval [start, stop] of a ramp."""

    def __init__(self, problem, start: mpf, stop: mpf, power: mpf):
        self.kept, self.deleted = problem.kept, problem.deleted
        self.dimension = problem.dimension
        self.stop, self.length, self.power = stop, stop - start, power
        # Only step lengths come from this estimate: its rounding does no harm.
        fastest = float(np.linalg.eigvalsh(to_float64(problem.at(1).gram))[-1])
        self.longest = 8 / mpf(fastest) if fastest > 0 else self.length
        # A power that is no integer is singular at stop: there a series in (stop − t)^power.
        self.singular = 0 if mp.isint(power) else self.longest / 8

    def forward(self, theta: Vector, now: mpf, until: mpf) -> Vector:
        """θ(until) from θ(now)."""
        while now < until:
            left = self.stop - now
            if self.singular and left <= self.singular:
                return self._across_the_end(theta, left, self.stop - until)
            step = min(self.longest, left / 4 if self.singular else left)
            if step >= until - now:
                return self._taylor_step(theta, now, until - now)
            theta, now = self._taylor_step(theta, now, step), now + step
        return theta

    def _scaled(self, factor: mpf):
        """Gram matrices and moments, kept and deleted, times a duration."""
        return [
            (
                _fixed([[entry * factor for entry in row] for row in part.gram]),
                _fixed([entry * factor for entry in part.moment]),
            )
            for part in (self.kept, self.deleted)
        ]

    def _taylor_step(self, theta: Vector, now: mpf, step: mpf) -> Vector:
        """(k+1) θ_{k+1} = −(M θ_k − c) − Σ_m ε_m (G θ_{k−m} − g): the ODE, power by power.

        Time is in units of the step, so that the series is summed at 1.
        """
        (kept, moment), (deleted, deleted_moment) = self._scaled(step)
        left = self.stop - now
        weight = (left / self.length) ** self.power
        weights, forces = [], []
        coefficient = _fixed(theta)
        total, small, order = coefficient, 0, 0
        while small < 4:
            if weight:
                weights.append(int(mp.ldexp(weight, BITS)))
                weight = weight * (-step / left) * (self.power - order) / (order + 1)
            drift, force = (kept @ coefficient) >> BITS, (deleted @ coefficient) >> BITS
            if order == 0:  # the constant terms act once
                drift, force = drift - moment, force - deleted_moment
            forces.append(force)
            used = np.array(weights, dtype=object)
            push = (used @ np.array(forces[: -len(used) - 1 : -1], dtype=object)) >> BITS
            order += 1
            coefficient = -(drift + push) // order
            total = total + coefficient
            small = small + 1 if np.all(abs(coefficient) < ROUNDED_AWAY) else 0
        return _unfixed(total)

    def _across_the_end(self, theta: Vector, start: mpf, stop: mpf) -> Vector:
        """From s = start to s = stop, where s is the time left before ε reaches 0.

        θ = A(s) θ_end + b(s), A and b being series in s^{i + jp}: the fundamental solution that
        starts at the end, where ε is s^p times a constant.
        """
        matrix, offset = self._from_the_end(start)
        end = mp.lu_solve(mp.matrix(matrix), mp.matrix(theta) - mp.matrix(offset))
        matrix, offset = self._from_the_end(stop)
        return list(mp.matrix(matrix) * end + mp.matrix(offset))

    def _from_the_end(self, left: mpf) -> tuple[Matrix, Vector]:
        """A(s) and b(s) at s = left; the last column of the recurrence is b."""
        d = self.dimension
        (kept, moment), (deleted, deleted_moment) = self._scaled(left)
        weight = int(mp.ldexp((left / self.length) ** self.power, BITS))
        zero = np.array([[0] * (d + 1)] * d, dtype=object)
        identity = zero.copy()
        identity[range(d), range(d)] = 1 << BITS
        total, level, order = identity, [identity], 0
        while any(np.any(abs(term) >= ROUNDED_AWAY) for term in level):
            drifts = [(kept @ term) >> BITS for term in level]
            forces = [(deleted @ term) >> BITS for term in level]
            if order == 0:  # the constant terms act once
                drifts[0][:, d] -= moment
                forces[0][:, d] -= deleted_moment
            order += 1
            level = []
            for j, (drift, force) in enumerate(zip([*drifts, zero], [zero, *forces], strict=True)):
                scale = int(mp.ldexp(1 / (order + j * self.power), BITS))
                level.append(((drift + ((weight * force) >> BITS)) * scale) >> BITS)
                total = total + level[-1]
        digits = [_unfixed(row) for row in total]
        return [row[:d] for row in digits], [row[d] for row in digits]
