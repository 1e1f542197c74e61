"""What `hm.check` says of problems whose answers are known by hand."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import homotopy as hm

X = np.linspace(-1.0, 1.0, 6)[:, None]


def test_a_sound_problem_passes_and_its_numbers_are_right(capsys):
    problem = hm.Problem(
        hm.function_model(lambda theta, x: jnp.sin(theta[0] * x[0]), 1),
        hm.SquaredError(), X, X[:, 0], deleted=1, ridge=0.5,
    )  # fmt: skip
    found = hm.check(problem, [0.7])
    assert found.successful and found.finite and not found.affine and not found.stationary
    # Five points in the last place of cube-root differences: 1e-9 at most.
    assert found.gradient_error < 1e-8 and found.curvature_error < 1e-8
    x, s, c = X[:, 0], np.sin(0.7 * X[:, 0]), np.cos(0.7 * X[:, 0])
    curvature = np.sum(x**2 * (c**2 - (s - x) * s)) + 0.5
    assert np.isclose(found.smallest_eigenvalue, curvature, rtol=1e-12)
    assert 0.0 < found.gradient_seconds < 1.0
    printed = capsys.readouterr().out
    assert "hm.train(problem, theta0)" in printed and "X (6, 1)" in printed
    assert "\n" not in repr(found)


def test_a_wrong_derivative_is_found():
    @jax.custom_jvp
    def twice(z):
        return 2.0 * z

    twice.defjvp(lambda primals, tangents: (twice(*primals), 3.0 * tangents[0]))
    model = hm.function_model(lambda theta, x: twice(theta[0] * x[0]), 1)
    problem = hm.Problem(model, hm.SquaredError(), X, X[:, 0], deleted=1)
    found = hm.check(problem, [2.0], show=False)
    # All terms have the sign of their sum: a derivative of 3 in place of 2 is a third too large.
    assert np.isclose(found.gradient_error, 1.0 / 3.0, rtol=1e-6)
    assert "custom derivative" in found.findings[0]


def test_what_is_not_finite_is_named_by_its_row():
    pandas = pytest.importorskip("pandas")
    table = pandas.DataFrame({"x": [1.0, 4.0, 9.0]}, index=["a", "b", "c"])
    model = hm.function_model(lambda theta, x: jnp.log(x[0] - 4.0 * theta[0]), 1)
    problem = hm.Problem(model, hm.SquaredError(), table, [0.0, 1.0, 2.0], deleted=2)
    found = hm.check(problem, [0.5], show=False)
    assert not found.finite and "at a: " in found.findings[0] and np.isnan(found.gradient_error)


def test_separated_classes_have_no_minimum():
    classes = (X[:, 0] > 0).astype(int)
    separated = hm.Problem(hm.linear_model(1), hm.Logistic(), X, classes, deleted=1)
    found = hm.check(separated, show=False)
    assert found.minimum is False and "add a ridge" in found.findings[-1]
    turned = hm.Problem(hm.linear_model(1), hm.Logistic(), X, 1 - classes, deleted=1)
    assert hm.check(turned, show=False).minimum is False
    overlapping = [1, 0, 0, 1, 0, 1]
    problem = hm.Problem(hm.linear_model(1), hm.Logistic(), X, overlapping, deleted=1)
    assert hm.check(problem, show=False).minimum is True


def test_units_and_singular_hessians_are_told():
    wide = np.column_stack([X[:, 0], 1e5 * X[:, 0] ** 2])
    found = hm.check(hm.LinearRegression(wide, X[:, 0], deleted=1), show=False)
    assert len(found.findings) == 1 and "standardise" in found.findings[0]
    twins = np.column_stack([X, X])
    found = hm.check(hm.LinearRegression(twins, X[:, 0], deleted=1), show=False)
    assert len(found.findings) == 1 and "singular" in found.findings[0]


def test_at_a_minimum_it_says_so():
    problem = hm.Problem(
        hm.mlp([1, 2, 1]), hm.SquaredError(), X, np.sin(X[:, 0]), deleted=1, ridge=0.1
    )
    trained = hm.train(problem, problem.model.initial_parameters(jax.random.key(0)))
    found = hm.check(problem, trained.theta, show=False)
    assert found.stationary and found.smallest_eigenvalue > 0.0
    assert any("theta is a minimum" in step for step in found.next_steps)


@pytest.mark.parametrize(
    ("activation", "named"),
    [
        (jax.nn.relu, "relu"),
        (jax.nn.leaky_relu, "leaky_relu"),
        (lambda x: jnp.maximum(x, 0.0), "maximum"),
        (jnp.abs, "abs"),
        (jnp.tanh, None),
        (jax.nn.softplus, None),
        (jax.nn.gelu, None),
        (jax.nn.silu, None),
    ],
)
def test_kinks_are_named(activation, named):
    model = hm.mlp([1, 2, 1], activation)
    problem = hm.Problem(model, hm.SquaredError(), X, X[:, 0], deleted=1, ridge=0.1)
    found = hm.check(problem, show=False)
    assert found.successful == (named is None)
    assert named is None or f"kinks ({named})" in found.findings[0]
