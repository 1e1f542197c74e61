"""Newton's method for three questions, trust regions, and what each says where it fails."""

import ast
from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.optimize import minimize

import homotopy
import homotopy as hm
from homotopy.evidence import gradient_rounding
from homotopy.minima import (
    AbstractObjective,
    by_trust_region,
    minimise_each,
    to_flow_limit,
    to_stationary_point,
)
from homotopy.numerics.conjugate_gradient import conjugate_gradient, from_zero


class Posed(AbstractObjective):
    """A function of θ and an argument; its terms are as large as its gradient where it matters."""

    function: object = eqx.field(static=True)
    argument: jax.Array

    def __call__(self, theta):
        return self.function(theta, self.argument)

    def gradient_scale(self, theta):
        return jnp.sum(jnp.abs(self.argument))

    def rounding(self, theta):
        return 1e-12 * self.gradient_scale(theta)


def minima(function, arguments, starts, kind=Posed):
    make = eqx.Partial(kind, function)
    return minimise_each(make, (jnp.asarray(arguments),), np.asarray(starts), 1e-10, 100)


def double_well(theta, tilt=0.0):
    """Minima at ±1, a maximum at 0, where tilt is none."""
    return 0.25 * jnp.sum((theta**2 - 1.0) ** 2) + jnp.sum(tilt * theta)


# --- three questions


def test_each_question_has_its_answer():
    # Next to 0.3 is the maximum; in the basin of the flow, and downhill, a minimum.
    at, resting = to_stationary_point(double_well, jnp.array([0.3]))
    assert abs(float(at[0])) < 1e-15 and bool(resting)
    limit, _ = to_flow_limit(double_well, jnp.array([0.7]), lambda at, largest: 1e-14)
    assert float(limit[0]) == pytest.approx(1.0, abs=1e-15)
    found = minima(double_well, [[0.2], [-0.2]], [[0.3], [0.3]])
    at = np.asarray(found.theta)[:, 0]
    np.testing.assert_allclose(at**3 - at + [0.2, -0.2], 0.0, atol=1e-14)
    assert np.all(found.reached) and np.all(3.0 * at**2 > 1.0)


def test_at_a_saddle_where_the_flow_rests_newton_stays():
    def saddle(theta):
        return theta[0] ** 2 - theta[1] ** 2 + theta[1] ** 4

    at, _ = to_flow_limit(saddle, jnp.array([1e-3, 1e-9]), lambda at, largest: 1e-14)
    np.testing.assert_allclose(at, 0.0, atol=1e-15)


def test_minima_of_many_are_those_of_scipy():
    generator = np.random.default_rng(0)
    tilts, starts = generator.normal(size=(5, 3)) * 0.3, generator.normal(size=(5, 3))
    starts[0] = [2.0, 2.0, 2.0]  # where Newton's method alone comes to rest
    done = []
    found = minimise_each(
        eqx.Partial(Posed, double_well), (jnp.asarray(tilts),), starts, 1e-10, 100, done.append
    )
    assert np.all(found.reached) and done[-1] == 5 and done == sorted(done)
    for tilt, at in zip(tilts, np.asarray(found.theta), strict=True):
        np.testing.assert_allclose(at**3 - at + tilt, 0.0, atol=1e-13)
        assert np.all(3.0 * at**2 > 1.0)
    best = minimize(lambda t: 0.25 * np.sum((t**2 - 1) ** 2) + tilts[0] @ t, starts[0], tol=1e-12)
    np.testing.assert_allclose(found.theta[0], best.x, atol=1e-6)


@pytest.mark.parametrize("start", [2.0, 0.1])  # the Hessian is positive there, or negative
def test_many_that_are_alike_end_in_minima_of_their_own(start):
    """By chords where they converge, and by what is done without them for the others."""
    tilts = np.random.default_rng(1).normal(size=(60, 3)) * 0.2
    tilts[40:] = 2.0  # so steep that no minimum is left near the start
    starts, done = np.full((60, 3), start), []
    objectives = eqx.Partial(Posed, double_well), (jnp.asarray(tilts),)
    found = minimise_each(*objectives, starts, 1e-10, 100, done.append, alike=True)
    at = np.asarray(found.theta)
    np.testing.assert_allclose(at**3 - at + tilts, 0.0, atol=1e-13)
    assert np.all(found.reached) and np.all(3.0 * at**2 > 1.0)
    assert np.all(np.asarray(found.steps) > 0) and done[-1] == 60
    if start == 2.0:
        each = minimise_each(*objectives, starts, 1e-10, 100)
        np.testing.assert_allclose(at[:40], each.theta[:40], atol=1e-14)


def test_chords_that_end_in_a_saddle_do_not_count():
    """From where the gradient leads to it, of every second function; the first has a minimum."""

    def bowl_or_saddle(theta, sign):
        x, y = theta
        return x**2 + jnp.sum(sign * y**2 + 0.5 * (1.0 - sign) * y**4)

    signs = np.where(np.arange(40) % 2, -1.0, 1.0)[:, None]
    objectives = eqx.Partial(Posed, bowl_or_saddle), (jnp.asarray(signs),)
    found = minimise_each(*objectives, np.tile([0.5, 0.0], (40, 1)), 1e-10, 200, alike=True)
    assert np.all(found.reached)
    at = np.asarray(found.theta)
    np.testing.assert_allclose(at[:, 0], 0.0, atol=1e-9)
    np.testing.assert_allclose(at[::2, 1], 0.0, atol=1e-9)
    np.testing.assert_allclose(np.abs(at[1::2, 1]), np.sqrt(0.5), rtol=1e-9)


# --- trust regions


class Quartic(Posed):
    """Next to nothing of a gradient at zero, where the curvature is −8e10; minima near ±√2."""

    def gradient_scale(self, theta):
        sizes, at = self.argument, jnp.abs(theta[0])
        return sizes[0] + sizes[1] * (at + at**3 / 2.0)


def quartic(theta, sizes):
    return sizes[0] * theta[0] + sizes[1] * (theta[0] ** 4 / 8.0 - theta[0] ** 2 / 2.0)


def test_where_scipy_has_no_step_to_return_the_descent_goes_on():
    with pytest.raises(UnboundLocalError):  # the fault of SciPy's that this is about
        minimize(
            lambda t: (4e-6 * t[0] - 4e10 * t[0] ** 2, np.array([4e-6 - 8e10 * t[0]])),
            np.zeros(1),
            jac=True,
            hess=lambda t: np.array([[-8e10]]),
            method="trust-exact",
            options={"gtol": 1e-9},
        )
    found = minima(quartic, [[4e-6, 8e10]], [[0.0]], Quartic)
    assert bool(found.reached[0])
    np.testing.assert_allclose(found.theta[0], -np.sqrt(2.0), rtol=1e-12)


def test_a_function_without_curvature_is_stationary_and_no_minimum():
    found = minima(lambda theta, argument: jnp.sum(argument * theta), [[0.0]], [[0.5]])
    assert bool(found.stationary[0]) and not bool(found.reached[0])
    assert float(found.theta[0, 0]) == 0.5


def rooted(theta, slope):
    return jnp.sum(jnp.abs(theta) ** 1.5 - slope * theta)


def test_a_hessian_that_is_not_finite_is_a_status():
    """|θ|^1.5 − θ at 0, where its second derivative is infinite; its minimum is at 4/9."""
    at, steps = by_trust_region(eqx.Partial(rooted, slope=1.0), jnp.zeros(1), 1e-9, 50)
    assert at.tolist() == [0.0] and steps == 0
    # Past the dimensions whose Hessians are factorised: not fifty times the same step, a NaN.
    at, steps = by_trust_region(eqx.Partial(rooted, slope=1.0), jnp.zeros(60), 1e-9, 50)
    assert np.all(at == 0.0) and steps == 0
    found = minima(rooted, [[1.0], [1.0]], [[0.0], [0.3]])
    assert np.asarray(found.reached).tolist() == [False, True]
    np.testing.assert_allclose(found.theta[1], 4.0 / 9.0, rtol=1e-12)


def test_retraining_says_that_it_did_not_arrive():
    model = hm.function_model(lambda t, x: jnp.sum(jnp.abs(t) ** 1.5) + t[0] * x[0], 1)
    problem = hm.Problem(
        model, hm.SquaredError(), [[1.0], [2.0], [1.5]], [1.0, 1.0, 1.0], deleted=0
    )
    change = hm.predict(problem, hm.LeaveOneOut(), [0.0], throw=False)
    assert change.status == hm.results.ChangeStatus.not_reached
    assert change.delta.tolist() == [0.0]
    with pytest.raises(RuntimeError, match="no minimum was reached"):
        hm.predict(problem, hm.LeaveOneOut(), [0.0])


def test_a_step_to_where_the_function_is_no_number_is_too_long():
    def barrier(theta, slope):
        return jnp.sum(-jnp.log(1.0 - theta**2) + slope * theta + 2.0 * jnp.cos(4.0 * theta))

    slope = 5.0
    at, _ = by_trust_region(eqx.Partial(barrier, slope=slope), jnp.array([0.1]), 1e-9, 200)
    assert -1.0 < at[0] < 1.0
    residual = 2 * at[0] / (1 - at[0] ** 2) + slope - 8.0 * np.sin(4.0 * at[0])
    assert abs(residual) < 1e-6  # √(u |f| f″), where values are rounding


# --- conjugate gradients


def test_conjugate_gradients_solve_and_tell_what_is_not_definite():
    generator = np.random.default_rng(0)
    root = generator.normal(size=(6, 6))
    matrix, right = root @ root.T + np.eye(6), generator.normal(size=(2, 6))
    start = from_zero(jnp.asarray(right))
    found = conjugate_gradient(lambda rows: rows @ matrix, start, 1e-12 * start.norm, 50)
    np.testing.assert_allclose(found.solution, np.linalg.solve(matrix, right.T).T, rtol=1e-9)
    assert not np.any(found.indefinite)
    signs = np.diag([1.0, 1.0, 1.0, 1.0, 1.0, -4.0])
    found = conjugate_gradient(lambda rows: rows @ signs, start, 1e-12 * start.norm, 50)
    assert np.all(found.indefinite)


# --- evidence, and what knows of what


def test_rounding_of_a_gradient_is_that_of_its_terms_and_of_the_parameters():
    X, y, theta = np.array([[1.0, 2.0], [3.0, -1.0], [0.5, 0.5]]), np.array([1.0, 0.0, 2.0]), [1, 2]
    problem = hm.Problem(hm.linear_model(2), hm.SquaredError(), X, y, deleted=1, ridge=0.3)
    terms = np.array([1.0, 0.25, 1.0]) * np.abs(X @ theta - y) * np.linalg.norm(X, axis=1)
    expected = terms.sum() + 0.3 * np.sqrt(5.0) + 7.0
    found = gradient_rounding(problem, jnp.array([1.0, 2.0]), jnp.asarray(0.25), jnp.asarray(7.0))
    np.testing.assert_allclose(found, 32 * np.finfo(float).eps * expected, rtol=1e-14)


def test_minima_know_of_no_problem():
    """What is imported, by whatever it imports, in functions and for type checkers too."""
    root = Path(homotopy.__file__).parent
    seen, waiting = set(), [f"minima.{path.stem}" for path in (root / "minima").glob("*.py")]
    while waiting:
        name = waiting.pop()
        if name in seen or (name == "" and seen):
            continue
        seen.add(name)
        path = root.joinpath(*name.split("."))
        path = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and node.module.startswith("homotopy."):
                waiting.append(node.module.removeprefix("homotopy."))
    assert "minima.newton" in seen and "_checks" in seen
    assert not seen & {"problem", "existence", "evidence", "models", "losses", "seen_directions"}
    ground = "_checks", "_memory", "_module", "_numbers", "_threads", "_wording"
    assert {name.split(".")[0] for name in seen} <= {"minima", "numerics", "precision", *ground}


# --- another value of a number compiles nothing


def small():
    X = np.array([[1.0, 0.2], [1.0, -0.4], [1.0, 0.9], [1.0, -1.0], [1.0, 0.1]])
    return hm.Problem(hm.linear_model(2), hm.Logistic(), X, [0, 1, 1, 0, 1], deleted=0, ridge=0.5)


ESTIMATORS = {
    "LeaveOneOut": lambda damping, tolerance: hm.LeaveOneOut(damping=damping, tolerance=tolerance),
    "ProximalBregman": lambda damping, tolerance: hm.ProximalBregman(damping, tolerance),
    "PathIntegration": lambda damping, tolerance: hm.PathIntegration(tolerance),
    "Influence, Dense": lambda damping, tolerance: hm.Influence(
        damping=damping, solver=hm.Dense(tolerance)
    ),
    "Influence at": lambda damping, tolerance: hm.Influence(at=damping),
    "NewtonStep, ConjugateGradient": lambda damping, tolerance: hm.NewtonStep(
        damping, hm.ConjugateGradient(tolerance, max_steps=int(400 * damping))
    ),
    "GaussNewton, Lissa": lambda damping, tolerance: hm.GaussNewton(
        damping,
        hm.Lissa(steps=int(200 * damping), scale=3.0 + damping, tolerance=1e6 * tolerance),
    ),
    "GaussNewton, Nystrom": lambda damping, tolerance: hm.GaussNewton(
        damping, hm.Nystrom(2, seed=int(8 * damping), tolerance=tolerance)
    ),
    "GaussNewton, Arnoldi": lambda damping, tolerance: hm.GaussNewton(
        damping, hm.Arnoldi(2, tolerance=tolerance)
    ),
}


@pytest.mark.parametrize("name", ESTIMATORS)
def test_another_damping_and_tolerance_compile_nothing(name):
    problem, make = small(), ESTIMATORS[name]
    theta = problem.full_fit()
    first = hm.predict(problem, make(0.25, 1e-9), theta, throw=False)
    with jax.no_tracing():
        second = hm.predict(problem, make(0.5, 2e-9), theta, throw=False)
    if name != "PathIntegration":  # which has no damping
        assert not np.array_equal(first.delta, second.delta)


def test_another_tolerance_of_training_compiles_nothing():
    problem, start = small(), np.zeros(2)
    first = hm.train(problem, start, tolerance=1e-3)
    path = hm.response(problem, [0.5], start, method=hm.responses.FlowLimits(tolerance=1e-3))
    with jax.no_tracing():
        second = hm.train(problem, start, tolerance=1e-6)
        again = hm.response(problem, [0.5], start, method=hm.responses.FlowLimits(tolerance=1e-6))
    assert second.flow_steps > first.flow_steps  # it was heard
    np.testing.assert_allclose(first.theta, second.theta, rtol=1e-13)
    np.testing.assert_allclose(path.theta, again.theta, rtol=1e-12)


def test_numbers_stay_what_they_were_given_as():
    estimator = hm.NewtonStep(0.25, hm.ConjugateGradient(1e-3))
    assert "damping=0.25" in repr(estimator) and "tolerance=0.001" in repr(estimator)
    assert estimator == hm.NewtonStep(0.25, hm.ConjugateGradient(1e-3))
    assert hash(estimator) == hash(hm.NewtonStep(0.25, hm.ConjugateGradient(1e-3)))
