"""The numbers of the figures on Bayesian influence, of few draws."""

import numpy as np
from drawing import drawn
from scipy import integrate, special

from figures import fig28_bayesian_influence, fig29_singular_networks


def test_changes_tend_to_their_limits_and_chains_have_the_law_of_their_step():
    data = fig28_bayesian_influence.compute(fast=True)
    X, y, X_test, y_test = fig28_bayesian_influence.data()
    row, delta = data["row"], fig28_bayesian_influence.DAMPING
    theta = np.linalg.lstsq(X, y)[0]
    inverse = np.linalg.inv(X.T @ X + delta * np.eye(3))

    # Around the fit, with the damping, and with β = 1: by NumPy's normal laws.
    def expected_loss(weights, beta):
        precision = beta * ((X.T * weights) @ X + delta * np.eye(3))
        mean = np.linalg.solve(precision, beta * (X.T @ (weights * y) + delta * theta))
        spread = X_test[0] @ np.linalg.solve(precision, X_test[0])
        return 0.5 * ((y_test[0] - X_test[0] @ mean) ** 2 + spread)

    without = np.ones(12)
    without[row] = 0.0
    assert len(data["betas"]) == 3
    for beta, deletion in zip(data["betas"], data["deletion"], strict=True):
        change = expected_loss(without, beta) - expected_loss(np.ones(12), beta)
        assert abs(deletion - change) < 1e-9
    k = X[row] @ inverse @ X_test[0]
    limit = (y - X @ theta)[row] * (y_test - X_test @ theta)[0] * k
    assert abs(data["limits"][0] - limit) < 1e-12
    assert abs(data["influence"][-1] / limit - 1.0) < 0.01
    assert abs(data["deletion"][-1] / data["limits"][1] - 1.0) < 0.01
    biases = np.array(data["biases"])
    predicted = np.interp(data["steps"], data["step_grid"], data["bias_formula"])
    assert np.max(np.abs(biases[:, 0] - predicted) / biases[:, 1]) < 4.0
    axes = drawn(fig28_bayesian_influence, data)
    assert len(axes) == 3


def test_a_singular_point_is_seen_by_its_law():
    data = fig29_singular_networks.compute(fast=True)
    _, x, _ = fig29_singular_networks.singular()
    H, beta = x @ x, data["grid"][20]

    def density(p):
        return special.k0(p) * np.exp(-0.5 * beta * H * p**2)

    top = 30.0 / np.sqrt(beta * H)
    above = integrate.quad(lambda p: p**2 * density(p), 0.0, top, limit=200)[0]
    below = integrate.quad(density, 0.0, top, limit=200)[0]
    assert abs(data["law"][20] - beta * H * above / below) < 1e-5
    # The expansion's next term is smaller than 1/log², and nothing at the end.
    assert abs(data["law"][-1] - data["expansion"][-1]) < 1e-4
    law = np.interp(np.log(data["sampled_betas"]), np.log(data["grid"]), data["law"])
    found, error = np.array(data["sampled"]).T
    assert np.all(np.abs(found - law) < 4.0 * np.abs(error) + 0.01)
    assert np.array(data["correlations"]).shape == (1, 1, 2, 3)
    np.testing.assert_allclose(np.array(data["of_damped_influence"])[:, :, 0], 1.0)
    assert len(drawn(fig29_singular_networks, data)) == 3
