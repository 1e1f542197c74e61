"""The notes' experiment: 20 points in the plane of two parameters, one of them deleted.

The notes do not say which data their Figure 4 shows. Here they come from a rule, not from a
choice: for seed 0, 1, 2, …, take `notes_example(seed, noise=2)`, scaled so that the sum risk is
the mean risk (time constants near one), and delete the point that moves the fit most. Look at 24
initial parameters θ₀ on a circle of radius 3. The first seed with a θ₀ at which the inequalities
ℰ(c) < ℰ(b) < ℰ(d) < ℰ(a) of the caption hold by a factor of at least 1.5 each, and another θ₀ at
which (b) and (c) change places by that factor, is the instance; θ₀ is the point of the circle
where the smallest of those factors is largest, and the other one is the first of its kind, going
round from θ₀.
"""

from __future__ import annotations

import dataclasses
from functools import cache

import numpy as np
from jaxtyping import Float

import homotopy as hm
from homotopy.datasets import notes_example
from homotopy.deletion._portrait import sampled_path

NOISE = 2.0
MARGIN = 1.5
ANGLES = 24
RADIUS = 3.0
REQUEST = 0.5  # s, when the deletion is requested
HORIZON = 4.0  # T
SCHEDULES: dict[str, hm.AbstractSchedule] = {
    "linear": hm.Ramp(REQUEST, HORIZON),
    "early": hm.Step(0.5),
    "later": hm.Step(1.0),
    "too late": hm.Step(2.5),
}
SEEDS = range(1000)


@dataclasses.dataclass(frozen=True, eq=False)
class Instance:
    """A linear regression and the two initial parameters of the notes' Figure 4.

    Attributes
    ----------
    seed : int
    problem : LinearRegression
    theta0, other_theta0 : (2,)
        θ₀ of the panels (a)–(d), and of (e) and (f).
    seeds_rejected : int
        How many seeds came before.
    """

    seed: int
    problem: hm.LinearRegression
    theta0: Float[np.ndarray, " 2"]
    other_theta0: Float[np.ndarray, " 2"]
    seeds_rejected: int

    def numbers(self) -> dict:
        """What a figure's JSON says of it."""
        return {
            "seed": self.seed,
            "noise": NOISE,
            "deleted": int(self.problem.deleted[0]),
            "X": np.asarray(self.problem.X),
            "y": np.asarray(self.problem.y),
            "theta0": self.theta0,
            "other_theta0": self.other_theta0,
            "rule": " ".join(__doc__.split("\n\n")[1].split()),
            "margin": MARGIN,
            "seeds_rejected": self.seeds_rejected,
        }


def most_influential(X: Float[np.ndarray, "n d"], y: Float[np.ndarray, " n"]) -> int:
    """The point whose deletion moves the least-squares fit most: largest ‖H⁻¹x‖ |ê| / (1 − P)."""
    hessian = X.T @ X
    influence = np.linalg.solve(hessian, X.T).T
    residuals = y - X @ np.linalg.solve(hessian, X.T @ y)
    leverages = np.sum(influence * X, axis=1)
    return int(np.argmax(np.linalg.norm(influence, axis=1) * np.abs(residuals) / (1 - leverages)))


def regression(seed: int) -> hm.LinearRegression:
    """The notes' example of a seed with its most influential point deleted, in mean-risk scale."""
    dataset = notes_example(seed, noise=NOISE)
    scale = np.sqrt(dataset.y.size)
    X, y = dataset.X / scale, dataset.y / scale
    return hm.LinearRegression(X, y, deleted=most_influential(X, y))


def circle() -> Float[np.ndarray, "k 2"]:
    """The initial parameters looked at, to four decimals."""
    angles = 2 * np.pi * np.arange(ANGLES) / ANGLES
    # Adding zero turns -0.0 into 0.0.
    return np.round(RADIUS * np.stack([np.cos(angles), np.sin(angles)], axis=1), 4) + 0.0


def final_costs(problem: hm.LinearRegression, theta0: np.ndarray) -> dict[str, np.ndarray]:
    """ℰ of every schedule from every θ₀ (k, 2). θ(T) is affine in θ₀: three flows for all."""
    target = np.asarray(problem.deleted_fit())
    deletions = [
        hm.Deletion(problem, start, REQUEST, HORIZON)
        for start in ([0.0, 0.0], [1.0, 0.0], [0.0, 1.0])
    ]
    costs = {}
    for name, schedule in SCHEDULES.items():
        origin, first, second = (sampled_path(each, schedule)[1][-1] for each in deletions)
        final = origin + theta0 @ np.stack([first - origin, second - origin])
        costs[name] = 0.5 * np.sum((final - target) ** 2, axis=1)
    return costs


@cache
def find_instance() -> Instance:
    """The first seed that shows what the caption of the notes' Figure 4 says."""
    starts = circle()
    for rejected, seed in enumerate(SEEDS):
        problem = regression(seed)
        costs = final_costs(problem, starts)
        # Later is better than early, too late is worse than both, linear decay worst of all.
        factors = np.min(
            [
                costs["early"] / costs["later"],
                costs["too late"] / costs["early"],
                costs["linear"] / costs["too late"],
            ],
            axis=0,
        )
        best = int(np.argmax(factors))
        reversed_order = costs["later"] / costs["early"] >= MARGIN
        if factors[best] < MARGIN or not reversed_order.any():
            continue
        round_from_best = (best + np.arange(ANGLES)) % ANGLES
        other = round_from_best[np.argmax(reversed_order[round_from_best])]
        return Instance(seed, problem, starts[best], starts[other], rejected)
    raise RuntimeError(f"no seed below {len(SEEDS)} shows what the caption says.")
