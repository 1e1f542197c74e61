"""Time and memory against rows, columns, parameters, workers and the certificate's dimension.

Each measurement runs in a fresh process, after a small call that imports and compiles. Seconds are
processor time, which others on the machine disturb least; of workers both kinds are given. A slope
is that of a straight line through the logarithms.
"""

import functools
import itertools
import multiprocessing
import resource
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import jax
import numpy as np
from threadpoolctl import threadpool_limits

import homotopy as hm
from benchmarks.optimum import random_data
from benchmarks.scorecard import Mark, Scorecard
from homotopy import chunks

ROWS, DIMENSIONS = (100_000, 300_000, 1_000_000), (10, 20, 40, 80, 160)
WIDTHS = (8, 24, 72, 216)  # of networks 8–w–w–1
CERTIFIED = (10, 32, 100, 316, 1_000)
CASES = 16  # of a sweep
BLOCK = 2**17  # rows
LARGE, WORKER_MEMORY = 10_000_000, 1.0  # rows of 20 columns; GiB a worker


def run() -> Iterator[Scorecard]:
    yield _rows()
    yield _dimensions()
    yield _parameters()
    yield _certificate()
    yield _workers()
    yield _larger_than_memory()


def measured(function: Callable, *arguments) -> tuple[float, float]:
    """Processor seconds of a call in a fresh process, and MiB that it takes at most beyond."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(_measured, function, arguments).result()


def _measured(function, arguments):
    hm.enable_x64()
    call = function(*arguments)
    before = peak_memory()
    with threadpool_limits(1, "blas"):  # whose threads, waiting for each other, count as work
        begin = time.process_time()
        call()
        seconds = time.process_time() - begin
    return seconds, peak_memory() - before


def peak_memory() -> float:
    """MiB of this process so far; what getrusage says includes that of who started it."""
    status = Path("/proc/self/status")
    if not status.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10
    line = next(one for one in status.read_text().splitlines() if one.startswith("VmHWM"))
    return int(line.split()[1]) / 2**10


def slope(sizes, values) -> float:
    """Of log value against log size."""
    return float(np.polyfit(np.log(sizes), np.log(values), 1)[0])


def drawn(size: int, dimension: int):
    """Chunks of random numbers, drawn when they are read."""

    def begin():
        for number, first in enumerate(range(0, size, BLOCK)):
            generator = np.random.default_rng(number)
            X = generator.standard_normal((min(BLOCK, size - first), dimension))
            yield X, X.sum(axis=1) + generator.standard_normal(len(X))

    return chunks.from_iterable(begin)


def only_drawing(size, dimension):
    """What drawing them takes, and float64 Gram matrices of them, for comparison."""
    return lambda: [None for _ in drawn(size, dimension)]


def plain(size, dimension):
    """AᵀA in float64, of the same chunks."""

    def call():
        total = 0.0
        for chunk in drawn(size, dimension):
            rows = chunk.load()
            A = np.column_stack([rows.X, rows.y])
            total = total + A.T @ A
        return total

    return call


def first_pass(size, dimension):
    """`chunks.moments`."""
    chunks.moments(drawn(1000, dimension))
    return lambda: chunks.moments(drawn(size, dimension), keep=[3])


def second_pass(size, dimension):
    """`row_diagnostics` to Parquet."""
    problem = hm.LinearRegression.from_chunks(drawn(size, dimension), deleted=3)
    folder = tempfile.TemporaryDirectory()
    small = drawn(1000, dimension)
    few = hm.LinearRegression.from_chunks(small, deleted=3)
    hm.row_diagnostics(few, small, Path(folder.name) / "few")

    def call():
        hm.row_diagnostics(problem, drawn(size, dimension), Path(folder.name) / "rows")
        folder.cleanup()

    return call


def _table(title, heading, sizes, kinds, notes=(), marks=()) -> Scorecard:
    """Seconds and MiB of several computations at several sizes, and their slopes."""
    found = {name: [measured(kind, *size) for size in sizes] for name, kind in kinds.items()}
    lengths = [size[0] for size in sizes]
    rows = []
    for place, size in enumerate(lengths):
        cells = (f"{found[n][place][0]:.3g} s, {found[n][place][1]:.0f} MiB" for n in kinds)
        rows.append((f"{size:,}", *cells))
    last = (f"{slope(lengths, [one[0] for one in found[name]]):.2f}" for name in kinds)
    rows.append(("slope of seconds", *last))
    return Scorecard(title, (heading, *kinds), tuple(rows), marks, notes)


def _rows() -> Scorecard:
    kinds = {
        "drawing": only_drawing, "and float64 Gram": plain, "and first pass": first_pass,
        "and second pass, Parquet": second_pass,
    }  # fmt: skip
    title = "rows: both passes over chunks, d = 20; processor time, memory beyond what was there"
    return _table(title, "n", [(size, 20) for size in ROWS], kinds)


def _dimensions() -> Scorecard:
    size = 100_000

    def turned(kind):
        return functools.partial(_turned, kind, size)

    kinds = {"drawing": turned(only_drawing), "and float64 Gram": turned(plain),
             "and first pass": turned(first_pass)}  # fmt: skip
    title = f"columns: one pass over {size:,} rows"
    return _table(title, "d", [(dimension,) for dimension in DIMENSIONS], kinds)


def _turned(kind, size, dimension):
    return kind(size, dimension)


def predictions(width):
    """Damped Gauss–Newton predictions of 20 points of a network 8–w–w–1, 500 rows."""
    generator = np.random.default_rng(0)
    X = generator.normal(size=(500, 8))
    y = np.tanh(X[:, 0]) + 0.1 * generator.normal(size=500)
    model = hm.mlp([8, width, width, 1])
    problem = hm.Problem(model, hm.SquaredError(), X, y, deleted=0, ridge=0.1)
    theta = model.initial_parameters(jax.random.key(0))
    estimator = hm.GaussNewton(1.0, hm.ConjugateGradient())

    def call():
        return hm.predict(problem, estimator, theta, points=range(20), throw=False)

    call()
    return call


def _parameters() -> Scorecard:
    def size(width):
        return hm.mlp([8, width, width, 1]).dimension

    found = [measured(predictions, width) for width in WIDTHS]
    lengths = [size(width) for width in WIDTHS]
    rows = [
        (f"{length:,}", f"{seconds:.3g}", f"{memory:.0f}")
        for length, (seconds, memory) in zip(lengths, found, strict=True)
    ]
    rows.append(("slope", f"{slope(lengths, [seconds for seconds, _ in found]):.2f}", ""))
    title = "parameters: 20 Gauss–Newton predictions by conjugate gradients, 500 rows"
    return Scorecard(title, ("parameters", "s", "MiB beyond"), tuple(rows))


def certified(dimension, warm=True):
    """The certificate of one row of 4d, at T = 2/λ_min; problem and spectra included."""
    if warm:
        certified(10, warm=False)()
    X, y, theta0, least = random_data(4 * dimension, dimension, 0)
    span = 2.0 / least

    def call():
        problem = hm.LinearRegression(X, y, deleted=0)
        deletion = hm.Deletion(problem, theta0, start=0.2 * span, horizon=span)
        return hm.optimise(deletion, over=hm.Everything(time_limit=300.0))

    return call


def _certificate() -> Scorecard:
    found = [measured(certified, dimension) for dimension in CERTIFIED]
    rows = [
        (f"{dimension:,}", f"{seconds:.3g}", f"{memory:.0f}")
        for dimension, (seconds, memory) in zip(CERTIFIED, found, strict=True)
    ]
    seconds = [one[0] for one in found]
    rows.append(("slope", f"{slope(CERTIFIED, seconds):.2f}", ""))
    title = "the certificate of one row of n = 4d, after one of d = 10"
    return Scorecard(title, ("d", "s", "MiB beyond"), tuple(rows))


def case(seed: int) -> float:
    """A sweep's case: values of 400 points from 10,000 orders, on one thread: about a second."""
    hm.enable_x64()  # the first call in a process does not come by way of `sweep`
    X, y, _, _ = random_data(400, 10, seed)
    problem = hm.LinearRegression(X, y, deleted=0, ridge=1.0)
    method = hm.Permutations(10_000, seed=seed)
    values = hm.data_values(problem, hm.TestLoss(X[:9], y[:9]), method, devices=1, throw=False)
    return float(values.values[0])


def _swept(client):
    begin = time.perf_counter()
    found = hm.sweep(case, range(CASES), client=client)
    return time.perf_counter() - begin, found


def _spent(_=None):
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def _workers() -> Scorecard:
    """Of two processes beside one: processor time that goes into cases, and the clock."""
    from dask.distributed import Client, LocalCluster

    rows, costs, clocks, spent = [], [], [], []
    for workers in (1, 2):
        options = {"n_workers": workers, "threads_per_worker": 1, "dashboard_address": None}
        with LocalCluster(**options) as cluster, Client(cluster) as client:
            client.run(functools.partial(case, 0))  # compiled in each
            before, own = sum(client.run(_spent).values()), _spent()
            seconds, found = _swept(client)
            spent.append(sum(client.run(_spent).values()) - before + _spent() - own)
        clocks.append(seconds)
        costs.append(found)
        rows.append((f"{workers}", f"{seconds:.3g}", f"{spent[-1]:.3g}"))
    same = costs[0] == costs[1]
    by_work, by_clock = spent[0] / spent[1], clocks[0] / (2.0 * clocks[1])
    notes = (
        f"efficiency by the clock {by_clock:.0%}, which others on the machine disturb",
        f"results are {'the same to the last bit' if same else 'DIFFERENT'}",
    )
    return Scorecard(
        f"workers: a sweep of {CASES} samples of values over processes of a dask cluster",
        ("processes", "s", "processor s, all of them"),
        tuple(rows),
        (Mark("efficiency of 2 processes, by processor time", by_work, 0.85),),
        notes,
    )


def _larger_than_memory() -> Scorecard:
    """Both passes over rows in files, on two workers of dask that may take 1 GiB each."""
    rows, marks = [], []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        X, y = _written(folder)
        problem = None

        def gram(client):
            import dask
            import dask.array

            edges = [*range(0, LARGE, BLOCK), LARGE]
            blocks = [
                dask.array.from_delayed(
                    dask.delayed(_block)(folder, first, last), (last - first, 21), float
                )
                for first, last in itertools.pairwise(edges)
            ]
            A = dask.array.concatenate(blocks)
            client.compute(A.T @ A).result()

        def first(client):
            nonlocal problem
            source = chunks.from_arrays(X, y)
            problem = hm.LinearRegression.from_chunks(source, deleted=[3], client=client)

        def second(client):
            source = chunks.from_arrays(X, y)
            hm.row_diagnostics(problem, source, folder / "rows", client=client)

        for title, call in (
            ("plain Gram matrix, dask, float64", gram),
            ("first pass, double-double", first),
            ("second pass, Parquet", second),
        ):
            seconds, spent, memory = _on_a_cluster(call)
            rows.append(
                (title, f"{seconds:.3g}", f"{spent:.3g}", f"{LARGE / spent:.2g}", f"{memory:.2f}")
            )
            if call is not gram:
                marks.append(
                    Mark(f"GiB of a worker, {title}", memory, WORKER_MEMORY, at_least=False)
                )
        written = sum(file.stat().st_size for file in (folder / "rows").iterdir()) / 2**20
    return Scorecard(
        f"{LARGE:,} rows of 20 columns in files, two workers of {WORKER_MEMORY:g} GiB",
        ("", "s", "processor s, all of them", "rows a processor second", "GiB of a worker"),
        tuple(rows), tuple(marks), (f"{written:.0f} MiB of Parquet",),
    )  # fmt: skip


def _written(folder):
    """Random numbers in two files, mapped."""
    X = np.lib.format.open_memmap(folder / "X.npy", "w+", float, (LARGE, 20))
    y = np.lib.format.open_memmap(folder / "y.npy", "w+", float, (LARGE,))
    begin = 0
    for chunk in drawn(LARGE, 20):
        rows = chunk.load()
        end = begin + len(rows.X)
        X[begin:end], y[begin:end] = rows.X, rows.y
        begin = end
    X.flush()
    y.flush()
    return (np.load(folder / name, mmap_mode="r") for name in ("X.npy", "y.npy"))


def _ready():
    """What a worker imports once, whatever it does then."""
    import dask.array  # noqa: F401
    import pyarrow.parquet  # noqa: F401

    hm.enable_x64()


def _block(folder, first, last):
    """Rows as whoever writes the plain sum would read them."""
    X, y = (np.load(folder / name, mmap_mode="r")[first:last] for name in ("X.npy", "y.npy"))
    return np.column_stack([X, y])


def _on_a_cluster(call):
    """Seconds by the clock and of all processors, and the most GiB that a worker took."""
    from dask.distributed import Client, LocalCluster

    limit = f"{WORKER_MEMORY}GiB"
    with (
        LocalCluster(
            n_workers=2, threads_per_worker=1, memory_limit=limit, dashboard_address=None
        ) as cluster,
        Client(cluster) as client,
    ):
        client.run(_ready)
        before, own, begin = sum(client.run(_spent).values()), _spent(), time.perf_counter()
        call(client)
        seconds = time.perf_counter() - begin
        spent = sum(client.run(_spent).values()) - before + _spent() - own
        return seconds, spent, max(client.run(peak_memory).values()) / 2**10
