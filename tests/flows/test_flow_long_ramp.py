"""Ramps that last many relaxation times: few steps, and the limit that theory gives."""

import jax.numpy as jnp
import numpy as np
import pytest

import homotopy as hm


@pytest.mark.parametrize("length", [1e2, 1e4, 1e6])
def test_a_slow_ramp_follows_the_response_path(length):
    # θ lags behind θ(ε(t)) by H⁻¹ dθ(ε)/dt, and so ends at θ*₋ + r M⁻²x/L + O(L⁻²).
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(20, 4)), rng.normal(size=20)
    problem = hm.LinearRegression(X, y, deleted=3)
    deletion = hm.Deletion(problem, np.zeros(4), start=1.0, horizon=1.0 + length)
    distance = deletion.dynamics.final_costate(hm.Ramp(1.0, 1.0 + length))

    rest = np.delete(X, 3, axis=0)
    hessian = rest.T @ rest
    residual = y[3] - X[3] @ np.linalg.solve(hessian, rest.T @ np.delete(y, 3))
    expected = residual * np.linalg.solve(hessian, np.linalg.solve(hessian, X[3])) / length
    scale = np.linalg.norm(expected)
    lag = np.linalg.norm(problem.modal.parameters(distance) - expected)
    assert lag < 10.0 * scale / (np.linalg.eigvalsh(hessian)[0] * length)

    path = hm.flow(problem, hm.Ramp(1.0, 1.0 + length), np.zeros(4), jnp.asarray([1.0 + length]))
    assert int(path.stats["collocation_steps"]) < 100
    # The costate, run from a small distance, relies on relative accuracy.
    assert np.all(np.isfinite(deletion.costate(hm.Ramp(1.0, 1.0 + length))(1.0 + length / 2)))
