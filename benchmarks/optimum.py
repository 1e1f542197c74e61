"""The best schedule, against CasADi + IPOPT (direct multiple shooting, 100 cells).

All contenders take turns on the same instances, for equally long, and each keeps its least time.
In the search alone what is built once is not timed: our modal form, its copy for the compiled
search, and compilation; IPOPT's derivatives and starting point. End to end, from X, y and θ₀ to the
schedule, of one point with its certificate or of all points, building is timed on both sides: ours
of `hm.LinearRegression` and `hm.Deletion` or `hm.deletions`, IPOPT's of its numbers by NumPy;
compilation is not, and stated. Costs are ℰ of the schedules returned, under the exact flow.
"""

import time
from collections import Counter
from collections.abc import Iterator
from unittest import mock

import numpy as np

import homotopy as hm
from benchmarks.scorecard import Mark, Scorecard
from benchmarks.shooting import Shooting, modal_numbers
from homotopy.deletion._optimise import optimise
from homotopy.deletion.searches.bang_bangs import BangBangs
from homotopy.deletion.searches.everything import Everything
from homotopy.numerics import loops_of_python

SIZES = {2: 20, 8: 20, 30: 60}
INSTANCES, ROUNDS, TURN = 5, 3, 0.4  # TURN in seconds
POINTS, PEER_POINTS = 200, 5  # IPOPT solves so many of the points, evenly chosen
END_TO_END = {2: 10.0, 8: 30.0, 30: 1000.0}  # least ratios
SWITCHES = BangBangs(3)
HEADINGS = ("", "BangBangs(3)", "Everything()", "IPOPT", "its steps", "its ℰ/ours − 1")
HEADINGS += ("our gap", "ratio", "certified", "with building")


def run() -> Iterator[Scorecard]:
    # Small problems are built by Python until that has taken two seconds, on a new machine: here
    # the loops are compiled at once, as all else that is timed.
    with mock.patch.object(loops_of_python, "_WORTH_IT", 0.0):
        _deletion(*random_data(20, 2, 0))
    for dimension in SIZES:
        yield _single(dimension)
        yield _batch(dimension)


def random_data(size: int, dimension: int, seed: int):
    """X, y = Xβ + ½·noise, θ₀ ~ 3·N(0, I), and the least eigenvalue of the Gram matrix X₋ᵀX₋."""
    rng = np.random.default_rng([dimension, seed])
    X = rng.normal(size=(size, dimension))
    y = X @ rng.normal(size=dimension) + 0.5 * rng.normal(size=size)
    theta0 = 3.0 * rng.normal(size=dimension)
    return X, y, theta0, np.linalg.eigvalsh(X[1:].T @ X[1:])[0]


def _deletion(X, y, theta0, least, point=0):
    problem = hm.LinearRegression(X, y, deleted=point)
    return hm.Deletion(problem, theta0, start=0.4 / least, horizon=2.0 / least)


def _numbers(X, y, theta0, least, point=0):
    """The peer's, of the same problem."""
    return modal_numbers(X, y, point, theta0, start=0.4 / least, horizon=2.0 / least)


def _seconds(call):
    began = time.perf_counter()
    value = call()
    return time.perf_counter() - began, value


def _least(call):
    """The least of the seconds that a call reports, for as long as a turn lasts; and its value."""
    least, began = np.inf, time.perf_counter()
    while not np.isfinite(least) or time.perf_counter() - began < TURN:
        seconds, value = call()
        least = min(least, seconds)
    return least, value


def _single(dimension: int) -> Scorecard:
    size = SIZES[dimension]
    data = [random_data(size, dimension, seed) for seed in range(INSTANCES)]
    deletions = [_deletion(*numbers) for numbers in data]
    everything = Everything()
    first = [
        _seconds(lambda s=search: optimise(deletions[0], over=s))[0]
        for search in (SWITCHES, everything)
    ]
    shooting = Shooting(deletions)
    rows, ratios, excess, theirs_excess = [], ([], [], []), [], []
    statuses = Counter()
    for seed, deletion in enumerate(deletions):
        rounds = [
            (
                _least(lambda d=deletion: _seconds(lambda: optimise(d, over=SWITCHES))),
                _least(lambda d=deletion: _seconds(lambda: optimise(d, over=everything))),
                _least(lambda d=deletion: shooting.solve(d)),
                _least(
                    lambda n=data[seed]: _seconds(lambda: optimise(_deletion(*n), over=everything))
                ),
                _least(lambda n=data[seed]: _seconds(lambda: _numbers(*n))),
            )
            for _ in range(ROUNDS)
        ]
        *times, peer_time, whole, built = (
            min(row[place][0] for row in rounds) for place in range(5)
        )
        switches, certified, peer, *_ = (value for _, value in rounds[-1])
        for place in (0, 1):
            ratios[place].append(peer_time / times[place])
        ratios[2].append((peer_time + built) / whole)
        excess.append(max(switches.cost, certified.cost) / peer.cost - 1.0)
        theirs_excess.append(peer.cost / certified.cost - 1.0)
        statuses[peer.status] += 1
        rows.append(
            (
                f"seed {seed}",
                *(f"{1e3 * seconds:.3g}" for seconds in (*times, peer_time)),
                str(peer.iterations),
                f"{theirs_excess[-1]:.1e}",
                f"{certified.gap:.0e}",
                f"{ratios[0][-1]:.3g}×",
                f"{ratios[1][-1]:.3g}×",
                f"{ratios[2][-1]:.3g}×",
            )
        )
    name = f"d = {dimension}, n = {size}"
    return Scorecard(
        f"one optimum, {name}; ms",
        HEADINGS,
        tuple(rows),
        (
            Mark(f"one optimum, {name}, median ratio", float(np.median(ratios[0])), 10.0),
            Mark(f"with certificate, {name}, median ratio", float(np.median(ratios[1])), 10.0),
            Mark(
                f"with certificate and building, {name}, median ratio",
                float(np.median(ratios[2])),
                10.0,
            ),
            Mark(f"our ℰ / IPOPT's − 1, {name}, largest", max(excess), 1e-6, at_least=False),
        ),
        (
            f"least ratios {', '.join(f'{min(part):.3g}×' for part in ratios)}; "
            f"first calls {1e3 * first[0]:.0f} and {1e3 * first[1]:.0f} ms, {_peer(shooting)}; "
            f"{_counts(statuses)}",
        ),
    )


def _batch(dimension: int) -> Scorecard:
    X, y, theta0, least = random_data(POINTS, dimension, 0)
    times = {"start": 0.4 / least, "horizon": 2.0 / least}

    def build():
        return hm.deletions(hm.LinearRegression(X, y, deleted=0), theta0, **times)

    building, deletions = _seconds(build)
    first, _ = _seconds(lambda: optimise(deletions, over=SWITCHES))
    chosen = np.linspace(0, POINTS - 1, PEER_POINTS).astype(int)
    shooting = Shooting([deletions[index] for index in chosen])
    rounds = [
        (
            _least(lambda: _seconds(lambda: optimise(deletions, over=SWITCHES))),
            _least(lambda: _seconds(lambda: optimise(build(), over=SWITCHES))),
            [_least(lambda i=index: shooting.solve(deletions[i])) for index in chosen],
            [
                _least(lambda i=index: _seconds(lambda: modal_numbers(X, y, i, theta0, **times)))
                for index in chosen
            ],
        )
        for _ in range(ROUNDS)
    ]
    alone, whole = (min(row[place][0] for row in rounds) / POINTS for place in (0, 1))
    theirs, theirs_building = (
        np.min([[seconds for seconds, _ in row[place]] for row in rounds], axis=0)
        for place in (2, 3)
    )
    optima, peers = rounds[-1][1][1], [found for _, found in rounds[-1][2]]
    costs = np.array([[optima[i].cost, p.cost] for i, p in zip(chosen, peers, strict=True)])
    ratio = theirs.mean() / alone
    theirs_whole = theirs.mean() + theirs_building.mean()
    name = f"d = {dimension}, n = {POINTS}"
    return Scorecard(
        f"all points in one call, {name}; ms a point",
        ("", "BangBangs(3)", "IPOPT", "its ℰ/ours − 1", "ratio"),
        (
            (
                "search alone",
                f"{1e3 * alone:.3g}",
                f"{1e3 * theirs.mean():.3g}",
                f"{np.max(costs[:, 1] / costs[:, 0] - 1.0):.1e}",
                f"{ratio:.3g}×",
            ),
            (
                "end to end",
                f"{1e3 * whole:.3g}",
                f"{1e3 * theirs_whole:.3g}",
                "",
                f"{theirs_whole / whole:.3g}×",
            ),
        ),
        (
            Mark(f"all points, {name}, search alone, ratio", ratio, 100.0),
            Mark(
                f"all points, {name}, end to end, ratio",
                theirs_whole / whole,
                END_TO_END[dimension],
            ),
            Mark(
                f"our ℰ / IPOPT's − 1, {name}, largest of {PEER_POINTS}",
                float(np.max(costs[:, 0] / costs[:, 1] - 1.0)),
                1e-6,
                at_least=False,
            ),
        ),
        (
            f"ratio to IPOPT's median {np.median(theirs) / alone:.3g}×; first search "
            f"{1e3 * first:.0f} ms, first building {1e3 * building:.0f} ms, both compiling; "
            f"{_peer(shooting)}; {_counts(Counter(found.status for found in peers))}",
        ),
    )


def _peer(shooting: Shooting) -> str:
    how = "compiled to C" if shooting.compiled else "interpreted"
    steps = f"{shooting.substeps} RK4 steps a cell"
    return f"IPOPT's build {1e3 * shooting.build_seconds:.0f} ms ({how}, {steps})"


def _counts(statuses: Counter) -> str:
    return ", ".join(f"{status} {count}" for status, count in statuses.items())
