"""An independent simulator for the tests of certificates: many trajectories at once.

    u̇ = −A_k u + c_k,    k chosen by every schedule, cell by cell of a common grid,

by matrix exponentials of the augmented matrix. Schedules are drawn to be as different as can be,
and `improved` searches for good ones by flipping stretches of them at random.
"""

import numpy as np
from mpmath import mp
from scipy.linalg import expm


class SwitchedFlow:
    """Matrices (k, d, d) and forces (k, d)."""

    def __init__(self, matrices, forces):
        self.matrices, self.forces = np.asarray(matrices), np.asarray(forces)
        self.modes, self.size = self.forces.shape

    def propagators(self, duration: float) -> np.ndarray:
        """(k, d+1, d+1), acting on (u, 1)."""
        augmented = np.zeros((self.modes, self.size + 1, self.size + 1))
        augmented[:, :-1, :-1] = -self.matrices
        augmented[:, :-1, -1] = self.forces
        return expm(augmented * duration)

    def run(self, start, times, choices) -> np.ndarray:
        """States (m, N+1, d) of m schedules.

        `start` is (d,), or (m, d) for a feedback; `choices` is (m, N), which k in which cell, or
        the feedback: from the states (m, d) at the left end of a cell to (m,).
        """
        known = {}
        count = len(start) if callable(choices) else len(choices)
        states = np.empty((count, len(times), self.size))
        states[:, 0] = start
        for cell, duration in enumerate(np.diff(times)):
            key = round(duration, 15)
            if key not in known:
                known[key] = self.propagators(duration)
            now = states[:, cell]
            chosen = choices(now) if callable(choices) else choices[:, cell]
            for mode, step in enumerate(known[key]):
                here = chosen == mode
                if here.any():
                    states[here, cell + 1] = now[here] @ step[:-1, :-1].T + step[:-1, -1]
        return states

    def ends(self, start, times, choices) -> np.ndarray:
        """Only the last states (m, d)."""
        return self.run(start, times, choices)[:, -1]


def of_system(system, weights) -> SwitchedFlow:
    """The flow of a ResidualSystem, where k stands for weights[k] of its controls."""
    shares = np.asarray(weights, dtype=float)[:, system.control]
    rows = system.rows
    matrices = [np.diag(system.rates) + (rows.T * share) @ rows for share in shares]
    return SwitchedFlow(matrices, [rows.T @ (share * system.residual) for share in shares])


def of_data(X, y, deleted, weights, ridge=0.0) -> SwitchedFlow:
    """θ̇ = −∇R_ε(θ) from the data themselves; weights (k,), or (k, g) of every deleted point."""
    deleted = np.atleast_1d(deleted)
    matrices, forces = [], []
    for weight in weights:
        shares = np.ones(len(X))
        shares[deleted] = weight
        matrices.append((X.T * shares) @ X + ridge * np.eye(X.shape[1]))
        forces.append(X.T @ (shares * y))
    return SwitchedFlow(matrices, forces)


def random_choices(generator, count: int, cells: int, modes: int) -> np.ndarray:
    """(count, cells): constant, with few switches, with many, and chosen anew in every cell."""
    choices = np.empty((count, cells), dtype=int)
    for row in range(count):
        switches = (0, 1, 2, 3, 6, 20)[row % 6] if row % 7 else cells - 1
        edges = np.sort(generator.choice(np.arange(1, cells), switches, replace=False))
        # Among all modes, or between the first two, which are 0 and 1.
        values = generator.integers(modes if row % 2 else 2, size=switches + 1)
        choices[row] = np.repeat(values, np.diff([0, *edges, cells]))
    return choices


def improved(generator, flow, start, times, merit, choices, rounds=8, kept=40) -> np.ndarray:
    """Better and better schedules: those of least merit(ends), with stretches of them flipped."""
    cells, copies = len(times) - 1, len(choices) // kept
    for _ in range(rounds):
        values = merit(flow.ends(start, times, choices))
        best = choices[np.argsort(values)[:kept]]
        choices = np.repeat(best, copies, axis=0)
        for row in range(kept, len(choices)):
            left = generator.integers(cells)
            length = 1 + int(cells * generator.random() ** 3)
            choices[row, left : left + length] = generator.integers(flow.modes)
        choices[:kept] = best
    return choices


class ExactFlow:
    """The same flow piece by piece in many digits, for bang-bang controls of a ResidualSystem."""

    digits = 50

    def __init__(self, system):
        self.system, self.known = system, {}

    def _spectrum(self, weights):
        if weights not in self.known:
            system, size = self.system, self.system.rates.size
            matrix = mp.diag([mp.mpf(float(rate)) for rate in system.rates])
            force = mp.zeros(size, 1)
            for row, owner, residual in zip(
                system.rows, system.control, system.residual, strict=True
            ):
                column = mp.matrix([mp.mpf(float(entry)) for entry in row])
                matrix += weights[owner] * column * column.T
                force += weights[owner] * mp.mpf(float(residual)) * column
            values, vectors = mp.eigsy(matrix)
            self.known[weights] = values, vectors, vectors.T * force
        return self.known[weights]

    def end(self, controls):
        """u(T) under (initial value, switch times) of every control, as a column of mpf."""
        with mp.workdps(self.digits):
            changes = sorted(
                (mp.mpf(time), index)
                for index, (_, switches) in enumerate(controls)
                for time in switches
            )
            state = mp.matrix([mp.mpf(float(entry)) for entry in self.system.start])
            weights, now = [initial for initial, _ in controls], mp.mpf(0)
            for time, index in [*changes, (mp.mpf(float(self.system.span)), None)]:
                values, vectors, force = self._spectrum(tuple(weights))
                inside = vectors.T * state
                for mode, rate in enumerate(values):
                    decay = mp.exp(-rate * (time - now))
                    held = (1 - decay) / rate if abs(rate) > mp.mpf(10) ** -40 else time - now
                    inside[mode] = decay * inside[mode] + held * force[mode]
                state, now = vectors * inside, time
                if index is not None:
                    weights[index] = 1 - weights[index]
            return state

    def cost(self, controls):
        """½‖u(T) − goal‖²."""
        with mp.workdps(self.digits):
            goal = mp.matrix([mp.mpf(float(entry)) for entry in self.system.goal])
            miss = self.end(controls) - goal
            return (miss.T * miss)[0] / 2

    def support(self, controls, normal):
        """normal·(u(T) − goal)."""
        with mp.workdps(self.digits):
            end = self.end(controls)
            return mp.fsum(
                mp.mpf(float(part)) * (value - mp.mpf(float(aim)))
                for part, value, aim in zip(normal, end, self.system.goal, strict=True)
            )
