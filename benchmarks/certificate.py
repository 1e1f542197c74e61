"""How often, how well and how fast the optimum over all of E_s is certified, on random instances.

n = 20 points, d = 2, 3, 5, 8, T = 2/λ_min and 0.5/λ_min, s = 0.2 T and 0, 25 seeds each; and one
of d = 50, n = 200. λ_min is the least eigenvalue of M = X₋ᵀX₋.
"""

import itertools
import time
from collections import Counter
from collections.abc import Iterator

import numpy as np

import homotopy as hm
from benchmarks.optimum import random_data
from benchmarks.scorecard import Mark, Scorecard
from homotopy.deletion._optimise import optimise
from homotopy.deletion.optimum import OptimumStatus
from homotopy.deletion.searches.everything import Everything

DIMENSIONS, HORIZONS, STARTS, SEEDS = (2, 3, 5, 8), (2.0, 0.5), (0.2, 0.0), 25
SECONDS = 60.0  # an instance
HEADINGS = ("", "≤ 1e-6", "worst", "nodes", "most", "s", "90 %", "most", "gain", "most", "PMP")
MEDIANS = "medians and extremes"
_EXTREMAL = 1e-9  # PMP residual below which a schedule is bang-bang of itself


def run() -> Iterator[Scorecard]:
    yield _many()
    yield _large()


def certify(size, dimension, seed, horizon, start):
    """The certified optimum of a random instance, and the seconds that it took."""
    X, y, theta0, least = random_data(size, dimension, seed)
    span = horizon / least
    problem = hm.LinearRegression(X, y, deleted=0)
    deletion = hm.Deletion(problem, theta0, start=start * span, horizon=span)
    began = time.perf_counter()
    found = optimise(deletion, over=Everything(time_limit=SECONDS))
    return found, time.perf_counter() - began


def _many() -> Scorecard:
    rows, everything, names = [], [], []
    for dimension in DIMENSIONS:
        certify(20, dimension, 0, 2.0, 0.2)  # compiles
        for horizon, start in itertools.product(HORIZONS, STARTS):
            found = [certify(20, dimension, seed, horizon, start) for seed in range(SEEDS)]
            name = f"{dimension}, {horizon:g}/λ_min, {start:g} T"
            rows.append(_row(name, found))
            names += [f"({name}, seed {seed})" for seed in range(SEEDS)]
            everything += found
    rows.append(_row("all", everything))
    optima = [optimum for optimum, _ in everything]
    gaps = np.array([optimum.gap for optimum in optima])
    extremal = [_residual(optimum) <= _EXTREMAL for optimum in optima]
    covered = [bool(optimum.controllability) for optimum in optima]
    structures = Counter(optimum.structure.split(" with ")[0] for optimum in optima)
    statuses = Counter(_status(optimum) for optimum in optima)
    hard = [names[index] for index in np.flatnonzero(gaps > 1e-6)]
    singular = sum(applies and not good for applies, good in zip(covered, extremal, strict=True))
    return Scorecard(
        f"certified optima of {len(optima)} random instances, n = 20, by d, T, s; {MEDIANS}",
        HEADINGS,
        tuple(rows),
        (
            Mark("share with gap ≤ 1e-6", float(np.mean(gaps <= 1e-6)), 0.98),
            Mark("largest gap", float(gaps.max()), 1e-3, at_least=False),
            Mark("largest PMP residual", max(map(_residual, optima)), _EXTREMAL, at_least=False),
            Mark("where a singular arc would be needed", singular, 0, at_least=False),
        ),
        (
            f"structures: {_counts(structures)}; {_counts(statuses)}",
            f"the theorem without singular arcs applies to {sum(covered)}",
            f"not certified to 1e-6: {', '.join(hard) or 'none'}",
        ),
    )


def _large() -> Scorecard:
    certify(200, 50, 1, 2.0, 0.2)  # compiles
    found = certify(200, 50, 0, 2.0, 0.2)
    gap = found[0].gap
    return Scorecard(
        "certified optimum, d = 50, n = 200, T = 2/λ_min, s = 0.2 T",
        HEADINGS,
        (_row(found[0].structure.split(" with ")[0], [found]),),
        (Mark("gap at d = 50", gap, 1e-4, at_least=False),),
    )


def _row(name, found) -> tuple[str, ...]:
    optima = [optimum for optimum, _ in found]
    gaps = np.array([optimum.gap for optimum in optima])
    nodes = np.array([optimum.nodes for optimum in optima])
    seconds = np.array([taken for _, taken in found])
    gains = np.array([_gain(optimum) for optimum in optima])
    median, late, most = np.quantile(seconds, [0.5, 0.9, 1.0])
    return (
        name,
        f"{np.sum(gaps <= 1e-6)}/{len(gaps)}",
        f"{gaps.max():.0e}",
        f"{np.median(nodes):.0f}",
        str(nodes.max()),
        *(f"{seconds:.2f}" for seconds in (median, late, most)),
        f"{np.median(gains):.1%}",
        f"{gains.max():.1%}",
        f"{max(map(_residual, optima)):.0e}",
    )


def _gain(optimum) -> float:
    """By how much of itself ℰ falls below that of 1_[0,s]."""
    at_once = float(optimum.deletion.cost(hm.Step(optimum.deletion.start)))
    return 1.0 - optimum.cost / at_once if at_once > 0.0 else 0.0


def _residual(optimum) -> float:
    """Of Pontryagin's condition; where the target is reached the costate vanishes: none."""
    return 0.0 if _status(optimum) == "reached" else float(optimum.pmp_residual)


def _status(optimum) -> str:
    names = ("certified", "reached", "bounded", "interrupted")
    return next(name for name in names if optimum.status == getattr(OptimumStatus, name))


def _counts(counter: Counter) -> str:
    return ", ".join(f"{name} {count}" for name, count in counter.most_common())
