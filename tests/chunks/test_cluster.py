"""A cluster of dask: of its workers one is killed, and nothing is lost."""

import functools
import os
import signal
import warnings

import dask.array
import numpy as np
import pandas as pd
import pytest

import homotopy as hm
from homotopy import chunks


@pytest.fixture(scope="module")
def client():
    from dask.distributed import Client, LocalCluster

    options = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": None}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the cluster's own sockets and loops
        with LocalCluster(**options, silence_logs=50) as cluster, Client(cluster) as made:
            yield made


@functools.cache
def data():
    generator = np.random.default_rng(0)
    X = generator.normal(size=(30_000, 5))
    return X, X.sum(axis=1) + generator.normal(size=30_000)


def killer(client, after):
    """Progress that kills a worker once, in the middle."""
    killed = []

    def progress(done):
        if done >= after and not killed:
            killed.append(next(iter(client.run(os.getpid).values())))
            os.kill(killed[0], signal.SIGKILL)

    progress.killed = killed
    return progress


def source():
    return chunks.from_arrays(*data(), rows=500)


@pytest.mark.filterwarnings("ignore")
def test_both_passes_lose_nothing_where_a_worker_is_killed(client, tmp_path):
    X, y = (dask.array.from_array(part, chunks=(500, *part.shape[1:])) for part in data())
    delayed = chunks.from_arrays(X, y)
    known = chunks.moments(source(), keep=[3, 29_999])
    for given in (source(), delayed):
        progress = killer(client, 5_000)
        found = chunks.moments(given, keep=[3, 29_999], client=client, progress=progress)
        assert progress.killed
        for name in ("high", "low", "X", "y", "numbers", "size"):
            np.testing.assert_array_equal(getattr(found, name), getattr(known, name))
    problem = hm.LinearRegression.from_moments(known, deleted=3)
    columns = hm.row_diagnostics(problem, source()).columns
    progress = killer(client, 5_000)
    second = hm.row_diagnostics(
        problem, delayed, tmp_path / "rows", client=client, progress=progress
    )
    assert progress.killed
    frame = pd.read_parquet(second.path)
    for name, column in columns.items():
        np.testing.assert_array_equal(frame[name], column)


@pytest.mark.filterwarnings("ignore")
def test_a_sweep_of_a_lambda_in_float64(client):
    problem = hm.LinearRegression([[1.0], [1.0]], [0.0, 1.0], deleted=1)
    found = hm.sweep(lambda weight: problem.fit(weight), [0.0, 0.1, 0.5], client=client)
    assert [one.dtype for one in found] == [np.float64] * 3
    np.testing.assert_array_equal(found, [problem.fit(weight) for weight in (0.0, 0.1, 0.5)])
