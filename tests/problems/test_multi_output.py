"""Several targets on the same inputs: each output as if it were alone, fits as of NumPy."""

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

import homotopy as hm

RNG = np.random.default_rng(8)
X = RNG.normal(size=(15, 4))
Y = RNG.normal(size=(15, 3))
WEIGHTS = RNG.uniform(0.5, 2.0, 15)


@pytest.mark.parametrize("deleted", [4, [1, 4]])
@pytest.mark.parametrize("ridge", [0.0, 0.6])
@pytest.mark.parametrize("weights", [None, WEIGHTS], ids=["", "weighted"])
def test_fits_of_all_outputs(deleted, ridge, weights):
    problems = hm.MultiOutputRegression(X, Y, deleted=deleted, ridge=ridge, weights=weights)
    known = np.ones(15) if weights is None else weights
    for fit, rows in (
        (problems.full_fit(), np.arange(15)),
        (problems.deleted_fit(), np.delete(np.arange(15), deleted)),
    ):
        weighted = X[rows].T * known[rows]
        expected = np.linalg.solve(weighted @ X[rows] + ridge * np.eye(4), weighted @ Y[rows])
        np.testing.assert_allclose(fit, expected, rtol=1e-12, atol=1e-14)
        np.testing.assert_allclose(problems.predict(fit), X @ expected, atol=1e-12)


def test_every_output_is_a_regression_of_its_own():
    problems = hm.MultiOutputRegression(X, Y, deleted=4)
    assert len(problems) == 3 and len(problems[1:]) == 2
    for problem, column in zip(problems, Y.T, strict=True):
        alone = hm.LinearRegression(X, column, deleted=4)
        assert problem.X is problems[0].X
        np.testing.assert_array_equal(problem.y, column)
        times = [0.05, 0.2, 1.0]
        flows = [hm.flow(p, hm.Step(0.1), np.ones(4), times).theta for p in (problem, alone)]
        np.testing.assert_allclose(*flows, rtol=1e-14, atol=1e-15)
        costs = [hm.Deletion(p, np.ones(4), 0.1, 0.5).cost(hm.Step(0.2)) for p in (problem, alone)]
        np.testing.assert_allclose(*costs, rtol=1e-13)
        influence = sm.OLS(column, X).fit().get_influence()
        np.testing.assert_allclose(hm.cooks_distance(problem), influence.cooks_distance[0])
        truth = hm.predict(problem, hm.LeaveOneOut(), points=range(15)).delta
        np.testing.assert_allclose(truth, -influence.dfbeta, atol=1e-12)
        for other in (problem.deleting(7), problem.deleting_each([7])[0]):
            rest = np.delete(np.arange(15), 7)
            expected = np.linalg.lstsq(X[rest], column[rest])[0]
            np.testing.assert_allclose(other.deleted_fit(), expected, atol=1e-13)
    moved = problems.deleting([2, 3])
    rest = np.delete(np.arange(15), [2, 3])
    np.testing.assert_allclose(moved.deleted_fit(), np.linalg.lstsq(X[rest], Y[rest])[0])


def test_the_spectrum_is_computed_once(monkeypatch):
    from homotopy import data_spectrum

    asked = []

    def counted(original):
        return lambda *arguments: asked.append(1) or original(*arguments)

    for name in ("symmetric_eigen", "spectrum_of_rows"):  # one of them, by the size
        monkeypatch.setattr(data_spectrum, name, counted(getattr(data_spectrum, name)))
    problems = hm.MultiOutputRegression(X, RNG.normal(size=(15, 8)), deleted=4)
    for problem in problems:
        problem.deleting(5)
    assert len(asked) == 1


def test_names_and_what_is_refused():
    frame = pd.DataFrame(X, columns=list("abcd"), index=[f"row {i}" for i in range(15)])
    targets = pd.DataFrame(Y, columns=["u", "v", "w"], index=frame.index)
    problems = hm.MultiOutputRegression(frame, targets, deleted=4)
    assert problems.names == ("u", "v", "w")
    assert problems[2].parameter_names == ("a", "b", "c", "d")
    assert problems[2].labels.row(4) == "row 4"
    assert hm.MultiOutputRegression(X, Y, deleted=4).names == ("y0", "y1", "y2")
    with pytest.raises(ValueError, match=r"^y: expected a matrix \(n, k\) of targets, got shape"):
        hm.MultiOutputRegression(X, Y[:, 0], deleted=4)
    with pytest.raises(ValueError, match=r"MultiOutputRegression takes several targets"):
        hm.LinearRegression(X, Y, deleted=4)
