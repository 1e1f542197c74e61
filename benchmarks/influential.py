"""How often the optimum is certified where deleting the point matters much, by families.

In coordinates in which the Hessian without the point is diagonal, T = 1, s = 0: rates λ, row b,
residual r of the deleted point at the fit without it, start u₀.

| family | instances |
| --- | --- |
| influential | ‖b‖²T in [1, 10⁴] and h = ‖b‖²/λ in [0.1, 100], log-uniform; starts of any sign |
| scaled row | least squares of 20 points, one row of which is 1 to 10 times as long |
| log | λ over four decades, so that many modes are alive at T |
| alt | slow modes that enter v with alternating signs, so that v has many zeros |
"""

import time
from collections.abc import Iterator

import numpy as np

from benchmarks.scorecard import Mark, Scorecard
from homotopy.control.certificate import ResidualSystem, certified_optimum

SECONDS, GAP = 20.0, 1e-6  # an instance
ROUNDING = 1e-16  # of ½‖u₀‖²: an ℰ below it is one of rounding
DIMENSIONS = (2, 3, 5, 8, 10)
HEADINGS = ("", "certified", "of", "rounding", "worst gap", "nodes", "s", "90 %", "most")


def run() -> Iterator[Scorecard]:
    certified(influential(np.random.default_rng(0)))  # compiles
    families = (
        ("influential", influential, 400, 1.0),
        ("scaled row", scaled_row, 200, 0.99),
        ("log", wide, 200, 0.9),
        ("alt", alternating, 100, 0.9),
    )
    rows, marks = [], []
    for number, (name, draw, count, target) in enumerate(families):
        found = [certified(draw(np.random.default_rng([number, seed]))) for seed in range(count)]
        kept = [each for each in found if not each[2]]
        gaps, seconds, _, nodes = (np.array(column) for column in zip(*kept, strict=True))
        done = np.sum(gaps <= GAP)
        times = (f"{value:.2f}" for value in np.quantile(seconds, [0.5, 0.9, 1.0]))
        small = str(count - len(kept))
        worst, most = f"{gaps.max():.0e}", str(nodes.max())
        rows.append((name, str(done), str(len(kept)), small, worst, most, *times))
        marks.append(Mark(f"share of {name} with gap ≤ 1e-6", done / len(kept), target))
    yield Scorecard(
        f"certified optima of influential points within {SECONDS:.0f} s; seconds: median to most",
        HEADINGS,
        tuple(rows),
        tuple(marks),
    )


def certified(system: ResidualSystem) -> tuple[float, float, bool, int]:
    """The gap, the seconds that it took, whether ℰ is one of rounding, and the nodes."""
    began = time.perf_counter()
    found = certified_optimum(system, time_limit=SECONDS)
    seconds = time.perf_counter() - began
    small = found.cost < ROUNDING * 0.5 * float(system.start @ system.start)
    return found.gap, seconds, small, found.nodes


def posed(rates, row, residual, start) -> ResidualSystem:
    order = np.argsort(rates)
    rates, rows, start = rates[order], row[order][None], start[order]
    return ResidualSystem(
        rates, rows, np.array([residual]), start, np.zeros(rates.size), 1.0, np.zeros(1, dtype=int),
        lambda weights: np.linalg.eigh(np.diag(rates) + (rows.T * weights) @ rows),
    )  # fmt: skip


def influential(generator: np.random.Generator) -> ResidualSystem:
    d = int(generator.choice((2, 3, 5, 10)))
    squared, h = 10.0 ** generator.uniform(0, 4), 10.0 ** generator.uniform(-1, 2)
    rates = squared / h * 10.0 ** generator.uniform(-1.2, 1.2, d)
    rates[0] = generator.uniform(0.2, 3.0)
    row = np.sqrt(squared * generator.dirichlet(np.ones(d))) * generator.choice([-1.0, 1.0], d)
    start = generator.normal(size=d)
    return posed(rates, row, 0.5 * generator.normal() * np.linalg.norm(row * start), start)


def scaled_row(generator: np.random.Generator) -> ResidualSystem:
    d, n = int(generator.choice(DIMENSIONS)), 20
    X = generator.normal(size=(n, d)) * 10.0 ** generator.uniform(-1, 0, d)
    y, row = generator.normal(size=n), X[0] * 10.0 ** generator.uniform(0, 1)
    rates, vectors = np.linalg.eigh(X[1:].T @ X[1:])
    fit = np.linalg.lstsq(X[1:], y[1:], rcond=None)[0]
    residual = y[0] * generator.choice([1.0, 3.0]) - row @ fit
    span = generator.choice([1.0, 3.0, 10.0]) / np.median(rates)
    start = vectors.T @ (2.0 * generator.normal(size=d) - fit)
    return posed(rates * span, np.sqrt(span) * (vectors.T @ row), np.sqrt(span) * residual, start)


def wide(generator: np.random.Generator) -> ResidualSystem:
    d = int(generator.choice(DIMENSIONS))
    rates = 10.0 ** generator.uniform(-1, 3, d)
    rates[0] = generator.uniform(0.2, 3.0)
    row = generator.normal(size=d) * 10.0 ** generator.uniform(0, 2)
    start = generator.normal(size=d) * 10.0 ** generator.uniform(-1, 0, d)
    size = generator.choice([0.02, 0.2, 1.0]) * np.linalg.norm(row * start)
    return posed(rates, row, size * generator.normal(), start)


def alternating(generator: np.random.Generator) -> ResidualSystem:
    d = int(generator.choice(DIMENSIONS))
    rates = np.sort(10.0 ** generator.uniform(-0.5, 1.5, d))
    row = np.abs(generator.normal(size=d)) * 10.0 ** generator.uniform(0, 1.7)
    start = generator.normal(size=d) * (-1.0) ** np.arange(d)
    size = generator.choice([0.1, 0.5, 1.0]) * np.linalg.norm(row * start * np.exp(-0.3 * rates))
    return posed(rates, row, size * generator.normal(), start)
