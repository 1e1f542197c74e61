"""Control-affine problems with known optima, and costs that need no integrator.

``Bilinear`` systems ẋ = (A + u B) x under piecewise constant controls are products of matrix
exponentials; their derivatives are complex steps at fifty digits. The optimum of Jackson's problem
is found in its known structure, where its junctions and its singular control are stationary.
"""

from itertools import pairwise

import numpy as np
from mpmath import mp, mpc, mpf
from scipy.linalg import expm
from scipy.optimize import root

from .arithmetic import DIGITS, to_float64, vector

JACKSON_SLOW = np.diag([0.0, -1.0])
JACKSON_FAST = np.array([[-1.0, 10.0], [1.0, -10.0]])


def _exponential(matrix):
    """exp of a multiple-precision matrix, by Taylor series of a part of it, squared."""
    halvings = max(0, int(mp.ceil(mp.log(mp.mnorm(matrix, 1) + 1, 2))) + 6)
    scaled = matrix / 2**halvings
    total = term = mp.eye(matrix.rows)
    for order in range(1, 60):
        term = term * scaled / order
        total += term
        if mp.mnorm(term, 1) < mpf(10) ** (-mp.dps - 5):
            break
    for _ in range(halvings):
        total = total * total
    return total


def _bilinear_cost(A, B, x0, edges, values, cost):
    A, B, x = mp.matrix(A.tolist()), mp.matrix(B.tolist()), mp.matrix(vector(x0))
    for (left, right), value in zip(pairwise(edges), values, strict=True):
        x = _exponential((A + B * value) * (right - left)) * x
    return cost(list(x))


def _complex_steps(function, parameters):
    step = mpf(10) ** (-DIGITS // 2 - 5)
    gradient = []
    for index in range(len(parameters)):
        moved = list(parameters)
        moved[index] = moved[index] + mpc(0, step)
        gradient.append(mp.im(function(moved)) / step)
    return gradient


def bilinear_gradients(A, B, x0, breakpoints, values, horizon, cost):
    """Cost, ∂/∂breakpoints (k,) and ∂/∂values (k+1,), ∂/∂horizon of ẋ = (A + u B) x on [0, T].

    ``cost`` takes the list of final states and must be analytic.
    """
    with mp.workdps(DIGITS):
        count = len(breakpoints)

        def evaluate(parameters):
            times, levels = parameters[: count + 1], parameters[count + 1 :]
            return _bilinear_cost(A, B, x0, [mpf(0), *times], levels, cost)

        parameters = vector([*breakpoints, horizon, *values])
        slopes = to_float64(_complex_steps(evaluate, parameters))
        value = float(evaluate(parameters))
    return value, slopes[:count], slopes[count + 1 :], slopes[count]


def jackson_optimum(horizon):
    """Cost, the two junctions and the singular control of Jackson's problem, to rounding.

    In its known structure, u = 1, then a constant, then 0: the singular control is constant because
    the singular set is a ray. Stationary in all three, by complex steps through exponentials.
    """

    def cost(first, last, level):
        x = expm(JACKSON_FAST * first) @ np.array([1.0, 0.0])
        x = expm((JACKSON_SLOW + (JACKSON_FAST - JACKSON_SLOW) * level) * (last - first)) @ x
        return np.sum(expm(JACKSON_SLOW * (horizon - last)) @ x) - 1

    def slopes(z):
        return [cost(*(z + 1e-30j * unit)).imag / 1e-30 for unit in np.eye(3)]

    z = root(slopes, [0.1363, horizon - 0.2748, 0.2271], tol=1e-15).x
    assert np.max(np.abs(slopes(z))) < 1e-14
    return cost(*z), *z


def tracking_optimum(horizon, speed):
    """Cost and junction of: ẋ = u, |u| ≤ speed, x(0) = 1, minimise ½∫(x − sin t)² dt.

    Down at full speed to the curve, at t with 1 − speed·t = sin t, then along it: u = cos t.
    """
    with mp.workdps(DIGITS):
        meeting = mp.findroot(lambda t: 1 - speed * t - mp.sin(t), mpf(1) / (speed + 1))
        assert meeting < horizon
        area = mp.quad(lambda t: (1 - speed * t - mp.sin(t)) ** 2 / 2, [0, meeting])
        return float(area), float(meeting)


def rank_one_grid(rates, row, residual, start, horizon, count):
    """Least ½‖x(T)‖² of ẋ = −Λx − u b(b·x − r) over bang-bang controls with up to three switches.

    All switch times on a grid of ``count`` equal steps, by exact propagators of one step. Returns
    the least cost for every first value and number of switches: {(first, switches): (cost, times)}.
    """
    size = len(rates)
    steps = {}
    for value in (0, 1):
        generator = np.zeros((size + 1, size + 1))
        generator[:size, :size] = -np.diag(rates) - value * np.outer(row, row)
        generator[:size, size] = value * residual * np.asarray(row)
        steps[value] = expm(generator * horizon / count)
    best = {}
    for first in (0, 1):
        other = 1 - first
        ahead = [np.append(start, 1.0)]
        for _ in range(count):
            ahead.append(steps[first] @ ahead[-1])
        ahead = np.array(ahead)  # (count + 1, size + 1): under `first` throughout
        powers = {0: [np.eye(size + 1)], 1: [np.eye(size + 1)]}
        for value in (0, 1):
            for _ in range(count):
                powers[value].append(steps[value] @ powers[value][-1])
        powers = {value: np.array(matrices) for value, matrices in powers.items()}
        best[first, 0] = (_half_square(ahead[-1:])[0], ())
        single = np.einsum("kij,kj->ki", powers[other][::-1], ahead)
        costs = _half_square(single)
        best[first, 1] = (costs.min(), (costs.argmin(),))
        found = {2: (np.inf, ()), 3: (np.inf, ())}
        for i in range(count + 1):
            middle = powers[other][: count + 1 - i] @ ahead[i]  # at i, i+1, ..., count
            ends = np.einsum("kij,kj->ki", powers[first][: count + 1 - i][::-1], middle)
            costs = _half_square(ends)
            if costs.min() < found[2][0]:
                found[2] = (costs.min(), (i, i + costs.argmin()))
            for j in range(0, count + 1 - i):
                third = powers[first][: count + 1 - i - j] @ middle[j]
                finish = powers[other][: count + 1 - i - j][::-1]
                costs = _half_square(np.einsum("kij,kj->ki", finish, third))
                if costs.min() < found[3][0]:
                    found[3] = (costs.min(), (i, i + j, i + j + costs.argmin()))
        for switches in (2, 3):
            best[first, switches] = found[switches]
    return {
        key: (cost, np.array(indices) * horizon / count) for key, (cost, indices) in best.items()
    }


def _half_square(states):
    return 0.5 * np.sum(states[:, :-1] ** 2, axis=1)
