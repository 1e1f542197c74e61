"""The second pass: as statsmodels and actual refits have it, in memory and in Parquet."""

import functools

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from statsmodels.stats.outliers_influence import OLSInfluence

import homotopy as hm
from homotopy import chunks

SIZE = 120


@functools.cache
def data():
    generator = np.random.default_rng(3)
    X = generator.normal(size=(SIZE, 3)) * np.array([1.0, 1e4, 1e-4])
    y = X @ np.array([1.0, 1e-4, 1e4]) + generator.normal(size=SIZE)
    X[5] *= 300.0  # of leverage near 1
    return X, y, generator.uniform(0.5, 2.0, SIZE)


def source(weighted=False):
    X, y, weights = data()
    return chunks.from_arrays(X, y, weights=weights if weighted else None, rows=50)


def refits(ridge, weights):
    """θ*₋ᵢ, each from a QR decomposition of the other rows."""
    X, y, _ = data()
    root, rho = np.sqrt(weights), np.sqrt(ridge) * np.eye(3)
    scale = np.linalg.norm(X, axis=0)
    for row in range(SIZE):
        others = np.delete(np.arange(SIZE), row)
        design = np.vstack([root[others, None] * X[others], rho]) / scale
        target = np.append(root[others] * y[others], np.zeros(3))
        yield np.linalg.lstsq(design, target, rcond=None)[0] / scale


@pytest.mark.parametrize("ridge", [0.0, 2.0])
@pytest.mark.parametrize("weighted", [False, True])
def test_every_column_against_refits(ridge, weighted):
    X, y, weights = data()
    weights = weights if weighted else np.ones(SIZE)
    problem = hm.LinearRegression.from_chunks(source(weighted), deleted=0, ridge=ridge)
    loss = hm.TestLoss(X[:9], y[:9])
    found = hm.row_diagnostics(problem, source(weighted), parameters=True, measurement=loss)
    without = np.array(list(refits(ridge, weights)))
    full = np.asarray(problem.full_fit())
    names = problem.parameter_names
    columns = found.columns
    moved = np.stack([columns[f"leave_one_out on {name}"] for name in names], axis=1)
    # A rounding times the condition of the columns of one length, of which the outlier makes 300.
    scale = np.abs(without).max(axis=0)
    np.testing.assert_allclose((full + moved) / scale, without / scale, atol=1e-11)
    np.testing.assert_allclose(
        columns["leave_one_out_residual"], y - np.sum(X * without, axis=1), rtol=1e-9, atol=1e-9
    )
    share = columns["residual"] / columns["leave_one_out_residual"]
    np.testing.assert_allclose(1.0 - columns["leverage"], share, rtol=1e-8, atol=1e-12)
    first = np.stack([columns[f"influence on {name}"] for name in names], axis=1)
    np.testing.assert_allclose(first, moved * share[:, None], rtol=1e-8, atol=1e-300)
    gradient = X[:9].T @ (X[:9] @ full - y[:9]) / 9
    np.testing.assert_allclose(
        columns["leave_one_out on the measurement"], moved @ gradient, rtol=1e-7, atol=1e-9
    )


def test_what_the_noise_scales_is_statsmodels():
    X, y, _ = data()
    problem = hm.LinearRegression.from_chunks(source(), deleted=0)
    columns = hm.row_diagnostics(problem, source()).columns
    other = OLSInfluence(sm.OLS(y, X).fit())
    kept = np.arange(SIZE) != 5  # there statsmodels' 1 − P has lost digits
    for ours, theirs in (
        ("leverage", other.hat_matrix_diag),
        ("studentised", other.resid_studentized_external),
        ("cooks_distance", other.cooks_distance[0]),
    ):
        np.testing.assert_allclose(columns[ours][kept], theirs[kept], rtol=1e-7, err_msg=ours)


def test_the_largest_rows_and_sums():
    problem = hm.LinearRegression.from_chunks(source(), deleted=0)
    found = hm.row_diagnostics(problem, source())
    distance = found.columns["cooks_distance"]
    np.testing.assert_array_equal(found.top["row"], np.argsort(-distance)[:20])
    assert found.press == pytest.approx(np.sum(found.columns["leave_one_out_residual"] ** 2))
    np.testing.assert_allclose(found.leverage_sums, 3.0, rtol=1e-10)
    residual = np.sum(found.columns["residual"] ** 2)
    np.testing.assert_allclose(found.residual_squares, residual, rtol=1e-10)


def test_parquet_has_all_rows_and_a_journal_goes_on(tmp_path):
    problem = hm.LinearRegression.from_chunks(source(), deleted=0)
    known = hm.row_diagnostics(problem, source()).columns
    folder, journal = tmp_path / "rows", tmp_path / "journal"

    def stop(done):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        hm.row_diagnostics(problem, source(), folder, journal=journal, progress=stop)
    assert len(list(folder.iterdir())) == 1
    begun = next(folder.iterdir()).stat().st_mtime_ns
    found = hm.row_diagnostics(problem, source(), folder, journal=journal)
    assert min(file.stat().st_mtime_ns for file in folder.iterdir()) == begun  # not made again
    frame = pd.read_parquet(found.path)
    for name, column in known.items():
        np.testing.assert_array_equal(frame[name], column)
    assert found.columns is None and len(found.to_frame()) == 20
    with pytest.raises(ValueError, match="path: expected a new or an empty folder"):
        hm.row_diagnostics(problem, source(), folder)
    next(folder.iterdir()).unlink()
    with pytest.raises(ValueError, match="path: expected the 3 files"):
        hm.row_diagnostics(problem, source(), folder, journal=journal)


def test_a_row_that_alone_sees_a_direction_is_undetermined():
    X, y = np.eye(4)[:, :2] + 0.0, np.arange(4.0)
    X[2] = X[0]
    given = [(X, y)]
    problem = hm.LinearRegression.from_chunks(given, deleted=0)
    found = hm.row_diagnostics(problem, given)
    assert found.undetermined == 1
    np.testing.assert_array_equal(
        np.isnan(found.columns["leave_one_out_residual"]), [False, True, False, False]
    )


def test_other_rows_are_found_out():
    problem = hm.LinearRegression.from_chunks(source(), deleted=0)
    X, y, _ = data()
    moved = X.copy()
    moved[7, 0] += 0.1
    for rows in ([(X[:-1], y[:-1])], [(moved, y)]):
        with pytest.raises(RuntimeError, match="not the rows"):
            hm.row_diagnostics(problem, rows)
        found = hm.row_diagnostics(problem, rows, throw=False)
        assert bool(found.status == hm.diagnostics.RowDiagnosticsStatus.other_rows)


def test_what_cannot_be_asked_for():
    X, y, _ = data()
    with pytest.raises(ValueError, match=r"^problem: .*regression_diagnostics"):
        hm.row_diagnostics(hm.LinearRegression(X, y, deleted=0), source())
    problem = hm.LinearRegression.from_chunks(source(), deleted=0)
    with pytest.raises(ValueError, match=r"^measurement: "):
        hm.row_diagnostics(problem, source(), measurement=hm.OwnLoss())
    twice = [(np.column_stack([X, X[:, 0]]), y)]
    dependent = hm.LinearRegression.from_chunks(twice, deleted=0)
    assert hm.row_diagnostics(dependent, twice).rank == 3
    with pytest.raises(ValueError, match=r"^parameters: "):
        hm.row_diagnostics(dependent, twice, parameters=True)
