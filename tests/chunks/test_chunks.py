"""Linear regressions of data in chunks: as those of the data in memory, from every source."""

import functools

import dask.array
import dask.dataframe
import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest
from rounding import UNIT

import homotopy as hm
from homotopy import chunks

SIZE, DIMENSION = 203, 4
NAMES = ["one", "two", "three", "four"]


@functools.cache
def data():
    generator = np.random.default_rng(0)
    X = generator.normal(size=(SIZE, DIMENSION)) * np.array([1.0, 1e3, 1e-3, 1.0])
    return X, X.sum(axis=1) + generator.normal(size=SIZE), generator.uniform(0.5, 2.0, SIZE)


@functools.cache
def table():
    X, y, weights = data()
    return pd.DataFrame(X, columns=NAMES).assign(target=y, weight=weights)


def mapped(folder, name, array):
    np.save(folder / f"{name}.npy", array)
    return np.load(folder / f"{name}.npy", mmap_mode="r")


def parquet(folder):
    table().iloc[:120].to_parquet(folder / "a.parquet", row_group_size=50)
    table().iloc[120:].to_parquet(folder / "b.parquet", row_group_size=50)
    return chunks.from_parquet(folder, "target", features=NAMES, weights="weight")


def sources(folder):
    X, y, weights = data()
    blocks = dask.array.from_array(X, chunks=(60, 2))
    frame = dask.dataframe.from_pandas(table(), npartitions=3)
    cut = [slice(0, 1), slice(1, 100), slice(100, None)]
    arrays = [mapped(folder, name, part) for name, part in zip("Xyw", data(), strict=True)]
    (folder / "files").mkdir()
    return {
        "arrays": chunks.from_arrays(X, y, weights=weights, rows=50),
        "mapped files": chunks.from_arrays(*arrays[:2], weights=arrays[2], rows=50),
        "dask": chunks.from_arrays(blocks, y, weights=weights),
        "dask of unknown lengths": chunks.from_arrays(
            frame[NAMES].to_dask_array(), frame["target"].to_dask_array(), weights=weights
        ),
        "data frame": chunks.from_frame(frame, "target", features=NAMES, weights="weight"),
        "Parquet": parquet(folder / "files"),
        "iterable": chunks.from_iterable([(X[one], y[one], weights[one]) for one in cut]),
        "generator": chunks.from_iterable((X[one], y[one], weights[one]) for one in cut),
        "data frames": chunks.from_iterable(
            lambda: ((table()[NAMES][o], table()["target"][o], table()["weight"][o]) for o in cut)
        ),
    }


def in_memory(ridge=0.0, deleted=(3, 150), weighted=True):
    X, y, weights = data()
    options = {"ridge": ridge, "weights": weights if weighted else None}
    return hm.LinearRegression(X, y, deleted=list(deleted), **options)


@pytest.mark.parametrize("ridge", [0.0, 0.5])
def test_every_source_has_the_fits_of_the_data_in_memory(tmp_path, ridge):
    """In double-double before they are rounded: a unit in the last place, as of the data."""
    known = in_memory(ridge)
    for name, source in sources(tmp_path).items():
        found = hm.LinearRegression.from_chunks(source, deleted=[3, 150], ridge=ridge)
        for fit in ("full_fit", "deleted_fit"):
            ours, theirs = (np.asarray(getattr(one, fit)()) for one in (found, known))
            np.testing.assert_allclose(ours, theirs, rtol=4 * UNIT, err_msg=name)
        assert int(found.moments.size) == SIZE, name


def test_risk_gradient_and_hessian_are_those_of_the_data():
    """Rows of the triangle are rounded once: a sum of d + 1 squares beside one of n."""
    X, y, weights = data()
    source = chunks.from_arrays(X, y, weights=weights, rows=50)
    found = hm.LinearRegression.from_chunks(source, deleted=[3, 150], ridge=0.5)
    theta, known = jnp.array([0.9, 1.1, 1.0, 0.8]), in_memory(0.5)
    root = np.sqrt(weights)[:, None]
    size = np.linalg.norm(np.column_stack([root * X, root[:, 0] * y]), axis=0)
    scale = np.abs(np.append(theta, 1.0)) @ size
    limit = 4 * (SIZE + DIMENSION) * UNIT
    for epsilon in (0.0, 0.3, 1.0):
        apart = abs(float(found.risk(theta, epsilon)) - float(known.risk(theta, epsilon)))
        assert apart <= limit * scale**2
        apart = np.abs(found.gradient(theta, epsilon) - known.gradient(theta, epsilon))
        assert np.all(apart <= limit * size[:-1] * scale)
        apart = np.abs(found.hessian(theta, epsilon) - known.hessian(theta, epsilon))
        assert np.all(apart <= limit * np.outer(size[:-1], size[:-1]))


def test_deletions_of_kept_rows_are_those_of_the_data_in_memory():
    X, y, _ = data()
    source = chunks.from_arrays(X, y, rows=50)
    found = hm.LinearRegression.from_chunks(source, deleted=3, keep=[150, 77])
    known = in_memory(deleted=[3], weighted=False)
    theta0 = np.zeros(DIMENSION)
    ours, theirs = (
        hm.optimise(hm.deletions(one, theta0, 0.1, 0.1 + 1e-6, [77, 150]), hm.BangBangs(2))
        for one in (found, known)
    )
    np.testing.assert_allclose([one.cost for one in ours], [one.cost for one in theirs], rtol=1e-12)
    np.testing.assert_allclose(
        found.deleting([77, 150]).deleted_fit(), known.deleting([77, 150]).deleted_fit(),
        rtol=4 * UNIT,
    )  # fmt: skip
    assert repr(ours[0].deletion.problem).count("row 77") == 1
    change = hm.predict(found, hm.LeaveOneOut())
    np.testing.assert_allclose(change.delta, hm.predict(known, hm.LeaveOneOut()).delta, rtol=1e-9)


def test_ill_conditioned_data_keep_all_their_digits():
    """cond(XᵀX) = 1e15: the slow direction of the flow, in chunks as in memory."""
    generator = np.random.default_rng(1)
    X = np.column_stack([np.ones(60), 1.0 + 1e-8 * generator.integers(-9, 9, 60)])
    y = generator.normal(size=60)
    found = hm.LinearRegression.from_chunks(chunks.from_arrays(X, y, rows=7), deleted=5)
    known = hm.LinearRegression(X, y, deleted=5)
    np.testing.assert_allclose(found.modal.eigenvalues, known.modal.eigenvalues, rtol=4 * UNIT)
    np.testing.assert_allclose(found.deleted_fit(), known.deleted_fit(), rtol=4 * UNIT)


def test_sums_of_another_program():
    X, y, _ = data()
    moments = chunks.Moments.of_sums(
        X.T @ X, X.T @ y, float(y @ y), SIZE, X=X[[3, 150]], y=y[[3, 150]], numbers=[3, 150]
    )
    found = hm.LinearRegression.from_moments(moments, deleted=[150])
    known = in_memory(deleted=[150], weighted=False)
    condition = np.linalg.cond(X / np.linalg.norm(X, axis=0)) ** 2
    np.testing.assert_allclose(
        found.deleted_fit(), known.deleted_fit(), rtol=100 * SIZE * UNIT * condition
    )


def test_sums_that_were_rounded_see_no_more_than_they_tell():
    """Two columns that differ by 1e-9: their sums in float64 do not show it, and say nothing."""
    X, y, _ = data()
    X = np.column_stack([X[:, 0], X[:, 0] * (1.0 + 1e-9 * X[:, 3])])
    moments = chunks.Moments.of_sums(X.T @ X, X.T @ y, float(y @ y), SIZE, X=X[:1], y=y[:1])
    found = hm.LinearRegression.from_moments(moments, deleted=0)
    known = np.linalg.lstsq(X[:, :1], y, rcond=None)[0][0]
    np.testing.assert_allclose(found.full_fit(), [known / 2, known / 2], rtol=1e-6)


def test_dependent_columns_have_the_fit_of_least_norm():
    X, y, _ = data()
    X = np.column_stack([X, X[:, 0]])
    found = hm.LinearRegression.from_chunks(chunks.from_arrays(X, y, rows=50), deleted=3)
    known = hm.LinearRegression(X, y, deleted=3)
    np.testing.assert_allclose(found.full_fit(), known.full_fit(), rtol=1e-14)
    assert found.full_fit()[0] == pytest.approx(float(found.full_fit()[4]), rel=1e-14)


def test_an_intercept_and_names():
    source = chunks.from_iterable([([[1.0], [2.0]], [1.0, 2.0]), ([[3.0]], [9.0])],
                                  features=["x"], intercept=True)  # fmt: skip
    problem = hm.LinearRegression.from_chunks(source, deleted=2)
    assert problem.parameter_names == ("intercept", "x")
    np.testing.assert_allclose(problem.deleted_fit(), [0.0, 1.0], atol=1e-15)


def test_a_journal_goes_on_where_the_pass_was_killed(tmp_path):
    X, y, _ = data()
    source = chunks.from_arrays(X, y, rows=20)
    whole = chunks.moments(source, keep=[3])

    def stop(done):
        if done >= 100:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        chunks.moments(source, keep=[3], journal=tmp_path / "journal", progress=stop)
    done = len(list((tmp_path / "journal").glob("*.npz")))
    assert done == 5
    resumed = chunks.moments(source, keep=[3], journal=tmp_path / "journal")
    np.testing.assert_array_equal(resumed.high, whole.high)
    np.testing.assert_array_equal(resumed.low, whole.low)
    with pytest.raises(ValueError, match="journal: "):
        chunks.moments(source, keep=[4], journal=tmp_path / "journal")


@pytest.mark.usefixtures("without_shape_checks")
def test_what_needs_rows_says_so_with_the_remedy():
    problem = hm.LinearRegression.from_chunks([data()[:2]], deleted=3)
    theta = np.zeros(DIMENSION)
    for call in (
        lambda: hm.leverage(problem),
        lambda: hm.cooks_distance(problem),
        lambda: hm.regression_diagnostics(problem),
        lambda: hm.predict(problem, hm.Influence(), points=[0]),
        lambda: hm.influence_in_time(problem, theta, lambda at: at[0], [1.0]),
        lambda: hm.data_values(problem, lambda at: at[0], hm.Permutations(4)),
        lambda: hm.training_run(problem, theta, 2, hm.GradientDescent(1e-9)),
        lambda: hm.soft_weights(problem),
    ):
        with pytest.raises(ValueError, match=r"^problem: .*row_diagnostics"):
            call()
    with pytest.raises(ValueError, match=r"^deleted: .*keep="):
        problem.deleting(7)
    with pytest.raises(ValueError, match=r"^X: "):
        problem.predict(theta)
    with pytest.raises(ValueError, match=r"^deleted: all 2 rows"):
        hm.LinearRegression.from_chunks([([[1.0], [2.0]], [0.0, 1.0])], deleted=[0, 1])


@pytest.mark.usefixtures("without_shape_checks")
def test_bad_chunks_are_refused_with_their_place():
    X, y, _ = data()
    holed = X.copy()
    holed[77, 2] = np.nan
    with pytest.raises(ValueError, match=r"X: .*NaN") as caught:
        chunks.moments(chunks.from_arrays(holed, y, rows=50))
    assert "begins with row 50" in "".join(caught.value.__notes__)
    with pytest.raises(ValueError, match="chunks: expected 4 columns"):
        chunks.moments([(X[:9], y[:9]), (X[9:, :2], y[9:])])
    with pytest.raises(ValueError, match="keep: "):
        chunks.moments([(X, y)], keep=[SIZE])
    with pytest.raises(ValueError, match="y: expected 203"):
        chunks.from_arrays(X, y[:-1])
    with pytest.raises(ValueError, match=r"target: .*targett.*target"):
        chunks.from_frame(dask.dataframe.from_pandas(table(), npartitions=1), "targett")
    once = chunks.from_iterable(iter([(X, y)]))
    chunks.moments(once)
    with pytest.raises(ValueError, match="once only"):
        chunks.moments(once)
    with pytest.raises(ValueError, match="weights: "):
        chunks.moments([(X, y, np.zeros(SIZE))])
