"""Changes of linear regressions in closed form: exact, near leverage one too, and cheap."""

import subprocess
import sys
import time

import mpmath
import numpy as np
import pytest

import homotopy as hm
from homotopy.numerics.tall_matrix import compressed

mpmath.mp.dps = 50


def refitted(X, y, weights, ridge, damping, start):
    """The displacement from `start` of least norm to the minimum of ½Σw(x·θ − y)² + …."""
    d = X.shape[1]
    root = np.sqrt(weights)
    rows = np.vstack([root[:, None] * X, np.sqrt(ridge) * np.eye(d), np.sqrt(damping) * np.eye(d)])
    targets = np.concatenate([root * (y - X @ start), -np.sqrt(ridge) * start, np.zeros(d)])
    return np.linalg.lstsq(rows, targets, rcond=1e-12)[0]


def close(values, reference, tolerance):
    values, reference = np.asarray(values), np.asarray(reference)
    size = max(np.max(np.abs(reference)), 1e-3)
    assert values.shape == reference.shape and np.max(np.abs(values - reference)) < tolerance * size


@pytest.mark.parametrize("damping", [0.0, 0.3])
@pytest.mark.parametrize("ridge", [0.0, 0.7])
@pytest.mark.parametrize("shape", [(30, 4), (8, 7), (5, 9)])
def test_retraining_of_any_shape_and_change_from_anywhere(shape, ridge, damping):
    generator = np.random.default_rng(0)
    n, d = shape
    X, y = generator.standard_normal((n, d)), generator.standard_normal(n)
    problem = hm.Problem(hm.linear_model(d), hm.SquaredError(), X, y, deleted=1, ridge=ridge)
    eye = np.eye(n)
    groups = [[0, 1], [2, 3, 4], [1]]
    asked = {
        "points": (list(range(n)), -eye),
        "groups": (groups, np.stack([-eye[group].sum(axis=0) for group in groups])),
    }
    some = generator.uniform(-1.0, 1.0, (3, n))
    asked["changes"] = (some, some)
    fit = refitted(X, y, np.ones(n), ridge, 0.0, np.zeros(d))
    for start in (np.zeros(d), generator.standard_normal(d), fit):
        for name, (what, changes) in asked.items():
            expected = [refitted(X, y, 1.0 + one, ridge, damping, start) for one in changes]
            for estimator in (hm.LeaveOneOut(damping=damping), hm.NewtonStep(damping)):
                found = hm.predict(problem, estimator, start, **{name: what})
                close(found.delta, expected, 1e-11)
                assert np.max(np.asarray(found.residual)) < 1e-13
    # A cold start keeps of θ₀ what no remaining point sees.
    if damping == 0.0:
        cold = hm.predict(problem, hm.LeaveOneOut(np.ones(d)), fit, points=np.arange(n))
        expected = [
            np.ones(d) + refitted(X, y, 1.0 - one, ridge, 0.0, np.ones(d)) - fit for one in eye
        ]
        close(cold.delta, expected, 1e-11)


def test_velocities_and_proximal_responses_with_a_ridge():
    generator = np.random.default_rng(1)
    X, y = generator.standard_normal((12, 3)), generator.standard_normal(12)
    problem = hm.LinearRegression(X, y, deleted=0, ridge=0.4)
    at = generator.standard_normal(3)
    fit = refitted(X, y, np.ones(12), 0.4, 0.0, np.zeros(3))
    groups = [[0, 1], [2, 3, 4, 5]]
    for group, path, bregman in zip(
        groups,
        hm.predict(problem, hm.Influence(at=0.3), groups=groups).delta,
        hm.predict(problem, hm.ProximalBregman(0.2), at, groups=groups).delta,
        strict=True,
    ):
        weights = np.ones(12)
        weights[group] = 0.3
        there = fit + refitted(X, y, weights, 0.4, 0.0, fit)
        slope = X[group].T @ (X[group] @ there - y[group])
        hessian = X.T @ (weights[:, None] * X) + 0.4 * np.eye(3)
        close(path, np.linalg.solve(hessian, slope), 1e-12)
        rest = np.delete(X, group, axis=0)
        slope = X[group].T @ (X[group] @ at - y[group])
        close(bregman, np.linalg.solve(rest.T @ rest + 0.6 * np.eye(3), slope), 1e-12)


def nearly_alone(size):
    """A design whose row 4 is nearly the only one to see the third column."""
    generator = np.random.default_rng(2)
    X = np.column_stack([np.ones(12), generator.standard_normal((12, 2))])
    X[:, 2] *= size
    X[4, 2] = 1.0
    # A small residual of row 4 too: at the fit to all rows it is of the order of size².
    return X, X @ np.array([1.0, 2.0, 3.0]) + size * generator.standard_normal(12)


@pytest.mark.parametrize("groups", [False, True])
@pytest.mark.parametrize("size", [1e-3, 1e-5])
def test_leverages_near_one_lose_no_digits(size, groups):
    X, y = nearly_alone(size)
    gone = [4, 7] if groups else [4]
    exact_X, exact_y = mpmath.matrix(X.tolist()), mpmath.matrix(y.tolist())
    kept = [row for row in range(12) if row not in gone]

    def fit(rows):
        A = mpmath.matrix([[exact_X[i, j] for j in range(3)] for i in rows])
        b = mpmath.matrix([exact_y[i] for i in rows])
        return mpmath.lu_solve(A.T * A, A.T * b)

    change = fit(kept) - fit(range(12))
    expected = np.array([float(entry) for entry in change])
    problem = hm.LinearRegression(X, y, deleted=0)
    found = hm.predict(problem, hm.LeaveOneOut(), groups=[gone])
    # A rounding times the condition of what remains, 5/size. By 1 − P it were one over size².
    error = np.linalg.norm(found.delta[0] - expected) / np.linalg.norm(expected)
    assert error < 100 * np.finfo(float).eps / size
    assert np.all(np.asarray(found.status == hm.results.ChangeStatus.successful))


def test_tall_matrices_are_compressed_to_the_same_fits():
    generator = np.random.default_rng(3)
    X = generator.standard_normal((200_000, 6))
    y = X @ np.arange(6.0) + generator.standard_normal(200_000)
    weights = generator.uniform(0.0, 1.0, 200_000)
    nearly = X.copy()
    nearly[:, 5] = X[:, 0] + 1e-9 * X[:, 5]
    for design, tolerance in ((X, 1e-14), (nearly, 1e-5)):
        for w in (None, weights):
            rows, targets = compressed(design, y, w)
            assert rows.shape[0] < 100
            root = np.ones(len(y)) if w is None else np.sqrt(w)
            expected = np.linalg.lstsq(root[:, None] * design, root * y, rcond=None)[0]
            found = np.linalg.lstsq(rows, targets, rcond=None)[0]
            assert np.max(np.abs(found - expected)) < tolerance * np.max(np.abs(expected))


def test_all_points_of_twenty_thousand_take_no_time():
    generator = np.random.default_rng(4)
    X, y = generator.standard_normal((20_000, 6)), generator.standard_normal(20_000)
    problem = hm.Problem(hm.linear_model(6), hm.SquaredError(), X, y, deleted=0)
    hm.predict(problem, hm.LeaveOneOut(), points=[0])  # compiles
    for estimator in (hm.LeaveOneOut(), hm.NewtonStep(), hm.Influence(), hm.Influence(at=0.0)):
        start = time.process_time()
        change = hm.predict(problem, estimator, points=np.arange(20_000))
        assert time.process_time() - start < 1.0  # a tenth of that, alone on the machine
    one = np.delete(np.arange(20_000), 17)
    expected = np.linalg.lstsq(X[one], y[one], rcond=None)[0]
    close(hm.predict(problem, hm.LeaveOneOut(), points=17).delta + change.theta, expected, 1e-12)


MANY_ROWS = """
import resource, time
import numpy as np
import homotopy as hm

hm.enable_x64()

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024

generator = np.random.default_rng(0)
X, y = generator.standard_normal((10**6, 20)), generator.standard_normal(10**6)
problem = hm.Problem(hm.linear_model(20), hm.SquaredError(), X, y, deleted=0)
data = X.nbytes
del X, y
before, start = peak(), time.process_time()
change = hm.predict(problem, hm.LeaveOneOut(), np.zeros(20), points=range(100))
print(time.process_time() - start, (peak() - before) / data, float(abs(change.delta[3]).max()))
"""


def test_a_hundred_points_of_a_million_rows():
    done = subprocess.run(
        [sys.executable, "-c", MANY_ROWS], capture_output=True, text=True, check=True
    )
    seconds, memory, _ = map(float, done.stdout.split())
    assert seconds < 6.0 and memory < 0.5
