"""The peer: direct multiple shooting with CasADi and IPOPT, as well as we know how to set it up.

It is given the problem in modal coordinates, where M is diagonal, so that a Runge–Kutta stage costs
O(d); derivatives are exact, and at small d compiled to C where there is a compiler. One solver
serves all the instances of a dimension: the numbers of an instance are its parameters. ℰ is divided
by that of deleting at once, for IPOPT's tolerances are absolute.
"""

import contextlib
import shutil
import tempfile
import time
from dataclasses import dataclass

import casadi as ca
import numpy as np

import homotopy as hm
from homotopy.deletion.bridges.residual_system import common_schedule

CELLS = 100
_COMPILED = 10  # largest dimension


@dataclass(frozen=True)
class Solution:
    """What IPOPT returns, and ℰ of its controls under the exact flow."""

    status: str
    iterations: int
    cost: float


def modal_numbers(X, y, point: int, theta0, start: float, horizon: float) -> dict:
    """What the peer's problem is made of, from the data, as one would write it in NumPy."""
    x, kept, targets = X[point], np.delete(X, point, axis=0), np.delete(y, point)
    rates, basis = np.linalg.eigh(kept.T @ kept)
    fit = basis @ ((basis.T @ (kept.T @ targets)) / rates)
    full_rates, full_basis = np.linalg.eigh(X.T @ X)
    full_fit = full_basis @ ((full_basis.T @ (X.T @ y)) / full_rates)
    decay = np.exp(-full_rates * start)
    reached = full_fit + full_basis @ (decay * (full_basis.T @ (theta0 - full_fit)))
    return {
        "rates": rates,
        "row": basis.T @ x,
        "residual": y[point] - x @ fit,
        "start": basis.T @ (reached - fit),
        "span": horizon - start,
    }


class Shooting:
    """The solver for deletion problems of one dimension; its construction is its compilation."""

    def __init__(self, deletions: list[hm.Deletion]):
        systems = [common_schedule(deletion) for deletion in deletions]
        fastest = max(
            system.span / CELLS * (system.rates.max() + np.sum(system.rows**2))
            for system in systems
        )
        self.substeps = int(np.ceil(fastest))  # stable; what is slow, and lasts, to many digits
        began = time.perf_counter()
        self._build(systems[0].rates.size)
        self.build_seconds = time.perf_counter() - began

    def _build(self, size: int) -> None:
        state, control, numbers = ca.SX.sym("u", size), ca.SX.sym("ε"), ca.SX.sym("p", 2 * size + 2)
        rates, row = numbers[:size], numbers[size : 2 * size]
        residual, step = numbers[2 * size], numbers[2 * size + 1] / self.substeps

        def velocity(at):
            return -rates * at - control * row * (ca.dot(row, at) - residual)

        end = state
        for _ in range(self.substeps):
            first = velocity(end)
            second = velocity(end + step / 2 * first)
            third = velocity(end + step / 2 * second)
            fourth = velocity(end + step * third)
            end = end + step / 6 * (first + 2 * second + 2 * third + fourth)
        self.cell = ca.Function("cell", [state, control, numbers], [end])

        unknowns = ca.MX.sym("w", (size + 1) * CELLS + size)
        numbers, start = ca.MX.sym("p", 2 * size + 2), ca.MX.sym("u0", size)
        cells = ca.reshape(unknowns[:-size], size + 1, CELLS)
        states = ca.horzcat(cells[:size, :], unknowns[-size:])
        reached = self.cell.map(CELLS)(states[:, :-1], cells[size, :], ca.repmat(numbers, 1, CELLS))
        at_once = ca.exp(-CELLS * numbers[-1] * numbers[:size]) * start
        program = {
            "x": unknowns,
            "p": ca.vertcat(numbers, start),
            "f": ca.sumsqr(states[:, -1]) / ca.sumsqr(at_once),
            "g": ca.vertcat(states[:, 0] - start, ca.vec(reached - states[:, 1:])),
        }
        options = {"print_time": False, "ipopt.print_level": 0, "ipopt.sb": "yes"}
        # The C code of the Hessian grows fast with d: at d = 30 its compilation fails.
        self.compiled = shutil.which("gcc") is not None and size <= _COMPILED
        if self.compiled:
            flags = {"flags": ["-O2", "-march=native"], "cleanup": False}
            options |= {"jit": True, "compiler": "shell", "jit_options": flags}
            options["jit_cleanup"] = False  # the folder is removed instead
        with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
            self._solver = ca.nlpsol("shooting", "ipopt", program, options)

    def solve(self, deletion: hm.Deletion) -> tuple[float, Solution]:
        """The seconds that IPOPT takes, and what it finds from ε = ½ throughout."""
        system = common_schedule(deletion)
        size, step = system.rates.size, system.span / CELLS
        numbers = np.concatenate([system.rates, system.rows[0], system.residual, [step]])
        state, guess = system.start, []
        for _ in range(CELLS):
            guess.append(np.append(state, 0.5))
            state = np.asarray(self.cell(state, 0.5, numbers)).ravel()
        guess = np.concatenate([*guess, state])
        controls = np.arange(CELLS) * (size + 1) + size
        low, high = np.full(guess.size, -np.inf), np.full(guess.size, np.inf)
        low[controls], high[controls] = 0.0, 1.0
        parameters = np.concatenate([numbers, system.start])
        began = time.perf_counter()
        found = self._solver(x0=guess, p=parameters, lbx=low, ubx=high, lbg=0, ubg=0)
        seconds = time.perf_counter() - began
        weights = np.clip(np.asarray(found["x"]).ravel()[controls], 0.0, 1.0)
        times = np.linspace(float(deletion.start), float(deletion.horizon), CELLS + 1)
        schedule = hm.PiecewiseConstant(times, np.concatenate([[1.0], weights, [0.0]]))
        stats = self._solver.stats()
        cost = float(deletion.cost(schedule))
        return seconds, Solution(stats["return_status"], stats["iter_count"], cost)
