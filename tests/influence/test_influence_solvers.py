"""Inverse-Hessian products against numpy.linalg.solve of matrices assembled independently."""

import dataclasses
import functools
import re
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from oracles import problems

import homotopy as hm
from homotopy._jit import filter_jit_numbers
from homotopy.influence.curvature import (
    AbstractCurvature,
    GaussNewtonCurvature,
    HessianCurvature,
)
from homotopy.influence.solvers import (
    Arnoldi,
    ConjugateGradient,
    Dense,
    InverseStatus,
    Lissa,
    Nystrom,
)
from homotopy.point_gradients import point_gradients

SIZE, INPUTS = 24, 3
GENERATOR = np.random.default_rng(7)
INPUT = GENERATOR.normal(size=(SIZE, INPUTS))
BINARY = (INPUT @ np.array([1.0, -0.5, 0.3]) + GENERATOR.logistic(size=SIZE) > 0).astype(int)
THREE = GENERATOR.integers(0, 3, size=SIZE)
REAL = np.sin(INPUT[:, 0]) + INPUT[:, 1] * INPUT[:, 2]
# Points deleted, halved and doubled among the ordinary ones.
WEIGHTS = np.where(np.arange(SIZE) % 5 == 0, 0.0, np.linspace(0.5, 2.0, SIZE))
SHIFT = 1.5


class Case(NamedTuple):
    curvature: AbstractCurvature
    matrix: np.ndarray  # C + shift Id, from numpy or jax.hessian


@filter_jit_numbers
def solve(solver, curvature, vectors):
    return solver.solve(curvature, vectors)


@filter_jit_numbers
def solve_each(solvers, curvature, vectors):
    """In one program, for those that share much or are used once."""
    return [solver.solve(curvature, vectors) for solver in solvers]


@filter_jit_numbers
def approximation(sketch, curvature):
    return sketch.approximation(curvature)


def right_sides(curvature, rows=3, seed=0):
    vectors = np.random.default_rng(seed).normal(size=(rows, curvature.dimension))
    return jnp.asarray(vectors, curvature.theta.dtype)


def exact(matrix, vectors):
    return np.linalg.solve(np.asarray(matrix), np.asarray(vectors).T).T


def error(solution, expected):
    """The largest relative error of a row."""
    difference = np.linalg.norm(np.asarray(solution) - expected, axis=1)
    return np.max(difference / np.linalg.norm(expected, axis=1))


def has(product, status):
    return np.asarray(product.status == status)


def assert_true_residual(product, matrix, vectors, atol=1e-12):
    left = np.asarray(vectors) - np.asarray(product.solution) @ matrix
    expected = np.linalg.norm(left, axis=1) / np.linalg.norm(vectors, axis=1)
    np.testing.assert_allclose(product.residual, expected, rtol=1e-6, atol=atol)


# ------------------------------------------------------------------------------------- problems


def curvature_of(kind, problem, theta, weights=None, damping=0.0):
    weights = np.ones(problem.size) if weights is None else weights
    dtype = problem.X.dtype
    return kind(
        problem,
        jnp.asarray(theta, dtype),
        jnp.asarray(weights, dtype),
        jnp.asarray(damping, dtype),
    )


def linear(X, ridge=0.0, damping=0.0, kind=GaussNewtonCurvature, weights=None) -> Case:
    # Not hm.LinearRegression, which takes its spectrum with care.
    problem = hm.Problem(
        hm.linear_model(X.shape[1]),
        hm.SquaredError(),
        X,
        np.ones(X.shape[0]),
        deleted=0,
        ridge=ridge,
    )
    weights = np.ones(X.shape[0]) if weights is None else weights
    curvature = curvature_of(kind, problem, np.zeros(X.shape[1]), weights, damping)
    return Case(curvature, (X.T * weights) @ X + (ridge + damping) * np.eye(X.shape[1]))


def spectrum(eigenvalues, shift=0.0, seed=0, rows=None) -> Case:
    """Linear regression with these eigenvalues of XᵀX, and random eigenvectors.

    Of five eigenvalues and SIZE rows, most of them zero, it is of the shape of "ridge", and solved
    by its programs.
    """
    d = len(eigenvalues)
    rotation = np.linalg.qr(np.random.default_rng(seed).normal(size=(d, d)))[0]
    X = np.zeros((d if rows is None else rows, d))
    X[:d] = np.sqrt(np.asarray(eigenvalues))[:, None] * rotation.T
    return linear(X, damping=shift)


def _softmax_curvature(logits):
    p = np.exp(logits) / np.exp(logits).sum()
    return np.diag(p) - np.outer(p, p)


def _network(kind, outputs) -> Case:
    model = hm.mlp([INPUTS, 4, outputs])
    loss, y = (hm.SquaredError(), REAL) if outputs == 1 else (hm.SoftmaxCrossEntropy(), THREE)
    problem = hm.Problem(model, loss, INPUT, y, deleted=[4, 11], ridge=0.5)
    theta = jnp.asarray(0.7 * np.random.default_rng(1).normal(size=model.dimension))
    curvature = curvature_of(kind, problem, theta, WEIGHTS, SHIFT - 0.5)
    if kind is HessianCurvature:
        matrix = jax.jit(jax.hessian(problem.weighted_risk))(theta, jnp.asarray(WEIGHTS))
        return Case(curvature, np.asarray(matrix) + (SHIFT - 0.5) * np.eye(model.dimension))
    jacobian = np.asarray(jax.jit(jax.jacobian(problem.predict))(theta)).reshape(SIZE, outputs, -1)
    logits = np.asarray(problem.predict(theta)).reshape(SIZE, outputs)
    matrix = SHIFT * np.eye(model.dimension)
    for weight, rows, output in zip(WEIGHTS, jacobian, logits, strict=True):
        inner = np.eye(1) if outputs == 1 else _softmax_curvature(output)
        matrix = matrix + weight * rows.T @ inner @ rows
    return Case(curvature, matrix)


@functools.cache
def case(name) -> Case:
    if name == "well conditioned":
        X = problems.well_conditioned(d=5, n=SIZE).X
        return linear(X, kind=HessianCurvature, weights=WEIGHTS)
    if name == "ridge":
        X = problems.ill_conditioned(d=5, n=SIZE, condition=1e12).X
        return linear(X, ridge=0.5, damping=SHIFT - 0.5, weights=WEIGHTS)
    if name.startswith("logistic"):
        problem = hm.Problem(
            hm.linear_model(INPUTS), hm.Logistic(), INPUT, BINARY, deleted=[2], ridge=0.5
        )
        theta = np.array([0.5, -1.0, 2.0])
        probability = 1 / (1 + np.exp(-INPUT @ theta))
        matrix = (INPUT.T * (WEIGHTS * probability * (1 - probability))) @ INPUT
        kind = HessianCurvature if "Hessian" in name else GaussNewtonCurvature
        curvature = curvature_of(kind, problem, theta, WEIGHTS, SHIFT - 0.5)
        return Case(curvature, matrix + SHIFT * np.eye(INPUTS))
    return {
        "perceptron": functools.partial(_network, GaussNewtonCurvature, 1),
        "softmax": functools.partial(_network, GaussNewtonCurvature, 3),
        "perceptron Hessian": functools.partial(_network, HessianCurvature, 1),
    }[name]()


DEFINITE = [
    "well conditioned",
    "ridge",
    "logistic",
    "logistic Hessian",
    "perceptron",
    "softmax",
]


# ------------------------------------------------------------------------------------ curvature


@pytest.mark.parametrize("name", ["logistic", "softmax", "perceptron Hessian"])
def test_the_operators_are_the_matrices_of_the_definitions(name):
    curvature, matrix = case(name)
    size = np.abs(matrix).max()
    vectors = right_sides(curvature)
    rows = jnp.asarray([3, 5, 3])

    # The points 3, 5 and 3 again, twice: the whole operator with those weights.
    weights = np.zeros(SIZE)
    weights[3], weights[5] = 4 * curvature.weights[3], 2 * curvature.weights[5]

    @eqx.filter_jit
    def everything(curvature, vectors):
        some = eqx.tree_at(lambda c: c.weights, curvature, jnp.asarray(weights))
        samples = curvature.sample_products(rows, jnp.asarray(2.0), vectors)
        factor = curvature.factor() if isinstance(curvature, GaussNewtonCurvature) else None
        return (
            (curvature.products(vectors), curvature.matrix(), factor),
            (samples, some.data_products(vectors)),
            point_gradients(curvature.problem, curvature.theta).sum(axis=0),
            curvature.problem.gradient(curvature.theta),
        )

    (products, assembled, factor), (sampled, expected), slope, total = everything(
        curvature, vectors
    )
    np.testing.assert_allclose(products, vectors @ matrix, rtol=0, atol=1e-12 * size)
    np.testing.assert_allclose(assembled, matrix, rtol=0, atol=1e-13 * size)
    np.testing.assert_allclose(sampled, expected, rtol=0, atol=1e-12 * size)
    assert np.abs(sampled).max() > 1e-3
    if factor is not None:
        shift = float(curvature.shift) * np.eye(curvature.dimension)
        np.testing.assert_allclose(factor.T @ factor + shift, matrix, rtol=0, atol=1e-13 * size)
    ridge = curvature.problem.ridge * curvature.theta
    np.testing.assert_allclose(slope + ridge, total, rtol=0, atol=1e-11)


def test_damping_and_ridge_add_to_the_diagonal_of_the_sum():
    X = problems.well_conditioned(d=3, n=8).X
    curvature, matrix = linear(X, ridge=0.25, damping=2.0)
    assert float(curvature.shift) == 2.25
    np.testing.assert_allclose(curvature.matrix(), X.T @ X + 2.25 * np.eye(3), rtol=1e-13)
    np.testing.assert_allclose(curvature.matrix(), matrix, rtol=1e-13)


# --------------------------------------------------------------------------- all of the solvers

ACCURATE = {
    "Dense": (Dense(), 1e-11),
    "ConjugateGradient": (ConjugateGradient(), 1e-8),
    "preconditioned": (ConjugateGradient(preconditioner=Nystrom(3)), 1e-8),
    "Lissa": (Lissa(steps=600, tolerance=1e-6), 1e-5),
}


@pytest.mark.parametrize(
    ("name", "solver"),
    [(name, solver) for name in DEFINITE for solver in ("Dense", "ConjugateGradient")]
    + [(name, solver) for name in ("ridge", "softmax") for solver in ("preconditioned", "Lissa")],
)
def test_accurate_solvers_against_numpy(name, solver):
    curvature, matrix = case(name)
    method, tolerance = ACCURATE[solver]
    vectors = right_sides(curvature)
    product = solve(method, curvature, vectors)
    assert has(product, InverseStatus.successful).all()
    assert error(product.solution, exact(matrix, vectors)) < tolerance
    assert np.all(product.residual <= method.tolerance)
    assert_true_residual(product, matrix, vectors)
    assert product.steps.shape == (3,) and np.all(product.steps >= 1)


def test_dense_takes_the_smaller_of_the_two_matrices():
    # n = 6 points, d = 10 parameters: the 6 × 6 matrix; and the same operator as a Hessian.
    X = np.random.default_rng(3).normal(size=(6, 10))
    dual, matrix = linear(X, damping=1e-3)
    primal = linear(X, damping=1e-3, kind=HessianCurvature).curvature
    vectors = right_sides(dual)
    for curvature in (dual, primal):
        product = solve(Dense(), curvature, vectors)
        assert has(product, InverseStatus.successful).all()
        assert error(product.solution, exact(matrix, vectors)) < 1e-9


def test_dense_and_conjugate_gradients_solve_ill_conditioned_systems_to_a_small_residual():
    # Of the shape of "well conditioned".
    X = problems.ill_conditioned(d=5, n=SIZE, condition=1e8).X
    case_ = linear(X, kind=HessianCurvature)
    solution = np.random.default_rng(0).normal(size=(3, 5))
    vectors = jnp.asarray(solution @ case_.matrix)
    for solver in (Dense(), ConjugateGradient()):
        product = solve(solver, case_.curvature, vectors)
        assert has(product, InverseStatus.successful).all()
        assert np.all(product.residual < 1e-10)
        assert error(product.solution, solution) < 1e-10 * 1e8


ALL = {
    "Dense": Dense(),
    "ConjugateGradient": ConjugateGradient(),
    "preconditioned": ConjugateGradient(preconditioner=Nystrom(3)),
    "Lissa": Lissa(steps=50),
    "minibatches": Lissa(steps=50, batch_size=4, repeats=2),
    "Arnoldi": Arnoldi(rank=4),
    "Nystrom": Nystrom(rank=4),
}


@pytest.mark.parametrize("solver", ALL)
def test_jit_changes_nothing_and_a_zero_row_has_a_zero_solution(solver):
    curvature, matrix = case("ridge")
    vectors = right_sides(curvature).at[1].set(0.0)
    jitted, eager = solve(ALL[solver], curvature, vectors), ALL[solver].solve(curvature, vectors)
    np.testing.assert_allclose(jitted.solution, eager.solution, rtol=1e-9, atol=1e-12)
    assert np.all(jitted.status == eager.status) and np.all(jitted.steps == eager.steps)
    np.testing.assert_array_equal(jitted.solution[1], 0.0)
    assert jitted.residual[1] == 0.0 and has(jitted, InverseStatus.successful)[1]
    others = jnp.asarray([0, 2])
    product = jax.tree.map(lambda leaf: leaf[others], jitted)
    assert_true_residual(product, matrix, vectors[others])


@pytest.mark.parametrize("solver", ALL)
def test_single_precision(solver):
    X = problems.well_conditioned(d=4, n=SIZE).X
    problem = hm.LinearRegression(X, np.ones(SIZE), deleted=0, dtype=jnp.float32)
    curvature = curvature_of(GaussNewtonCurvature, problem, np.zeros(4), damping=5.0)
    # Gradients as small as those of a converged network: their squares underflow.
    vectors = 1e-25 * right_sides(curvature)
    method = {
        "ConjugateGradient": ConjugateGradient(tolerance=1e-5),
        "preconditioned": ConjugateGradient(tolerance=1e-5, preconditioner=Nystrom(3)),
        "Dense": Dense(tolerance=1e-5),
    }.get(solver, ALL[solver])
    product = solve(method, curvature, 1e20 * vectors)
    assert product.solution.dtype == product.residual.dtype == jnp.float32
    matrix = X.T @ X + 5.0 * np.eye(4)
    expected = exact(matrix, 1e20 * np.asarray(vectors, float))
    assert error(product.solution, expected) < (0.6 if solver == "minibatches" else 1e-4)
    if solver.startswith(("Conj", "pre")):
        small = solve(method, curvature, vectors)
        assert error(1e20 * np.asarray(small.solution, float), expected) < 1e-4
        assert np.all(small.steps > 1)


STOCHASTIC = {
    "minibatches": lambda seed: Lissa(steps=30, batch_size=4, scale=200.0, seed=seed),
    "Arnoldi": lambda seed: Arnoldi(rank=3, steps=5, seed=seed),
    "Nystrom": lambda seed: Nystrom(rank=4, seed=seed),
}


@pytest.mark.parametrize("solver", STOCHASTIC)
def test_the_seed_determines_the_result(solver):
    curvature, _ = spectrum(np.arange(1.0, 13.0), shift=1.0)
    vectors = right_sides(curvature)
    first, again, other = (
        solve(STOCHASTIC[solver](seed), curvature, vectors).solution for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(first, again)
    assert error(other, np.asarray(first)) > 1e-6


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: ConjugateGradient(tolerance=0.0), "tolerance: expected"),
        (lambda: ConjugateGradient(max_steps=0), "max_steps: expected an integer >= 1, got 0"),
        (lambda: ConjugateGradient(preconditioner="Jacobi"), "preconditioner: expected None, an"),
        (lambda: Lissa(steps=0), "steps: expected an integer >= 1, got 0"),
        (lambda: Lissa(steps=1.5), "steps: expected an integer >= 1, got 1.5"),
        (lambda: Lissa(repeats=0), "repeats: expected"),
        (lambda: Lissa(batch_size=0), "batch_size: expected an integer >= 1, got 0"),
        (lambda: Lissa(scale=-1.0), "scale: expected a finite number > 0, got -1.0"),
        (lambda: Lissa(scale=np.nan), "scale: expected"),
        (lambda: Lissa(seed=-1), "seed: expected an integer >= 0, got -1"),
        (lambda: Lissa(tolerance=2.0), "tolerance: expected a number in (0, 1), got 2.0"),
        (lambda: Arnoldi(rank=0), "rank: expected an integer >= 1, got 0"),
        (lambda: Arnoldi(rank=5, steps=4), "steps: expected an integer >= 5, got 4"),
        (lambda: Arnoldi(rank=1, seed=0.5), "seed: expected"),
        (lambda: Arnoldi(rank=1, tolerance=0.0), "tolerance: expected"),
        (lambda: Nystrom(rank=0), "rank: expected an integer >= 1, got 0"),
        (lambda: Nystrom(rank=1, seed=-1), "seed: expected"),
        (lambda: Nystrom(rank=1, tolerance=1.0), "tolerance: expected"),
    ],
)
def test_bad_arguments_are_named(make, message, without_shape_checks):
    with pytest.raises(ValueError, match=re.escape(message)):
        make()


@pytest.mark.parametrize(
    ("solver", "message"),
    [
        (Arnoldi(rank=6), "rank: expected at most the 5 parameters there are, got 6"),
        (Nystrom(rank=6), "rank: expected at most the 5 parameters there are, got 6"),
        (Lissa(batch_size=9), "batch_size: expected at most the 8 points there are, got 9"),
    ],
)
def test_arguments_beyond_the_problem_are_named(solver, message):
    curvature = linear(problems.well_conditioned(d=5, n=8).X, damping=1.0).curvature
    with pytest.raises(ValueError, match=re.escape(message)):
        solver.solve(curvature, right_sides(curvature))


# --------------------------------------------------------------------------- negative curvature


@functools.cache
def indefinite() -> Case:
    """The Hessian of the perceptron at random parameters, barely damped."""
    curvature, matrix = case("perceptron Hessian")
    damped = eqx.tree_at(lambda c: c.damping, curvature, jnp.asarray(0.0))
    return Case(damped, matrix - (SHIFT - 0.5) * np.eye(curvature.dimension))


@pytest.mark.parametrize(
    "solver", [Dense(), ConjugateGradient(), Arnoldi(rank=21), Lissa(), Nystrom(rank=21)]
)
def test_an_indefinite_hessian_is_reported(solver):
    curvature, matrix = indefinite()
    values, vectors = np.linalg.eigh(matrix)
    assert values[0] < -0.5 and values[-1] > 0.5 and curvature.dimension == 21
    along = np.outer([1.0, -1.0, 2.0], vectors[:, 0])
    product = solve(solver, curvature, jnp.asarray(along))
    assert has(product, InverseStatus.indefinite).all()
    assert np.all(np.isfinite(product.solution))
    assert_true_residual(product, matrix, along)


def test_conjugate_gradients_keep_the_best_iterate_of_rows_that_meet_negative_curvature():
    curvature, matrix = indefinite()
    vectors = np.linalg.eigh(matrix)[1]
    # Rows along the negative direction, along positive ones, and mixed: each its own status.
    mixed = vectors[:, -1] + 0.01 * vectors[:, 0]
    rows = jnp.asarray(np.stack([vectors[:, 0], vectors[:, -1] + vectors[:, -2], mixed]))
    product = solve(ConjugateGradient(), curvature, rows)
    np.testing.assert_array_equal(has(product, InverseStatus.indefinite), [True, False, True])
    np.testing.assert_array_equal(has(product, InverseStatus.successful), [False, True, False])
    np.testing.assert_array_equal(product.solution[0], 0.0)
    assert product.residual[0] == 1.0
    assert product.residual[2] < 0.1
    assert error(product.solution[1:2], exact(matrix, rows[1:2])) < 1e-9


def test_dense_still_solves_an_indefinite_system():
    curvature, matrix = indefinite()
    vectors = right_sides(curvature)
    product = solve(Dense(), curvature, vectors)
    assert error(product.solution, exact(matrix, vectors)) < 1e-10


# -------------------------------------------------------------------------- conjugate gradients


def test_conjugate_gradients_take_a_step_for_each_distinct_eigenvalue():
    curvature, matrix = spectrum([1.0] * 5 + [2.0] * 4 + [10.0] * 3)
    vectors = right_sides(curvature)
    # The last row is an eigenvector, which takes one step; the other rows go on without it.
    eigenvector = np.linalg.eigh(matrix)[1][:, -1]
    vectors = jnp.concatenate([vectors, jnp.asarray(eigenvector)[None, :]])
    product = solve(ConjugateGradient(), curvature, vectors)
    np.testing.assert_array_equal(product.steps, [3, 3, 3, 1])
    assert has(product, InverseStatus.successful).all()
    assert np.all(product.residual < 1e-12)


def test_conjugate_gradients_do_what_the_textbook_does():
    curvature, matrix = case("softmax")
    b = right_sides(curvature)
    product = solve(ConjugateGradient(max_steps=4), curvature, b)
    assert has(product, InverseStatus.not_converged).all()
    np.testing.assert_array_equal(product.steps, 4)
    for r, solution in zip(np.array(b), product.solution, strict=True):
        x, p = np.zeros_like(r), r.copy()
        for _ in range(4):
            step = r @ r / (p @ matrix @ p)
            x, new = x + step * p, r - step * matrix @ p
            p, r = new + (new @ new) / (r @ r) * p, new
        np.testing.assert_allclose(solution, x, rtol=1e-9, atol=1e-12)


def test_restarts_reach_what_the_recurrence_alone_does_not():
    # The recurrence drifts from the true residual: without a restart that ends at 9e-13. To round
    # the solution x moves the residual by u‖A‖‖x‖, of which twice is asked for, 8.7e-13.
    curvature, matrix = spectrum(np.geomspace(1e-4, 1.0, 60))
    vectors = right_sides(curvature, rows=2)
    sizes = np.linalg.norm(exact(matrix, vectors), axis=1) / np.linalg.norm(vectors, axis=1)
    tolerance = 2.0**-52 * float(np.max(sizes))
    product = solve(ConjugateGradient(tolerance=tolerance, max_steps=3000), curvature, vectors)
    assert has(product, InverseStatus.successful).all()
    assert np.all(product.residual <= tolerance)


def test_a_tolerance_below_rounding_counts_as_rounding():
    curvature, _ = case("softmax")
    product = solve(ConjugateGradient(tolerance=1e-20), curvature, right_sides(curvature))
    assert has(product, InverseStatus.successful).all()
    assert np.all(product.residual < 64 * np.finfo(float).eps) and np.all(product.steps < 300)


def test_a_nystrom_preconditioner_saves_steps_on_a_power_law():
    curvature, matrix = spectrum(1e4 * np.arange(1.0, 101.0) ** -2.0, shift=1.0)
    vectors = right_sides(curvature)
    solvers = ConjugateGradient(), ConjugateGradient(preconditioner=Nystrom(40))
    plain, helped = solve_each(solvers, curvature, vectors)
    for product in (plain, helped):
        assert has(product, InverseStatus.successful).all()
        assert error(product.solution, exact(matrix, vectors)) < 1e-8
    assert np.max(helped.steps) < 0.3 * np.min(plain.steps)


def test_the_preconditioner_is_the_formula_of_the_approximation():
    curvature, _ = case("softmax")
    sketch, shift = Nystrom(rank=5), float(curvature.shift)
    values, basis, _ = approximation(sketch, curvature)
    values, basis = np.asarray(values), np.asarray(basis)
    weights = (values[-1] + shift) / (values + shift)
    expected = (basis.T * weights) @ basis + np.eye(curvature.dimension) - basis.T @ basis
    vectors = right_sides(curvature)
    computed = eqx.filter_jit(lambda rows: sketch.preconditioner(curvature)(rows))(vectors)
    np.testing.assert_allclose(computed, vectors @ expected, rtol=0, atol=1e-12)


def test_not_a_number_stops_everything_and_is_not_success():
    curvature, _ = case("ridge")
    vectors = right_sides(curvature).at[1, 0].set(jnp.nan)
    product = solve(ConjugateGradient(), curvature, vectors)
    np.testing.assert_array_equal(has(product, InverseStatus.diverged), [False, True, False])
    np.testing.assert_array_equal(has(product, InverseStatus.successful), [True, False, True])


# ---------------------------------------------------------------------------------------- LiSSA


@pytest.mark.parametrize("scale", [20.0, 400.0])
def test_the_whole_operator_gives_the_truncated_neumann_series(scale):
    curvature, matrix = spectrum([0.5] * 4 + [3.0] * 4 + [20.0] * 4, shift=2.0)
    vectors = right_sides(curvature)
    factor = np.eye(12) - matrix / scale
    series = sum(np.linalg.matrix_power(factor, j) for j in range(8)) / scale
    product = solve(Lissa(steps=7, scale=scale, repeats=3), curvature, vectors)
    np.testing.assert_allclose(product.solution, vectors @ series, rtol=1e-12)
    np.testing.assert_array_equal(product.steps, 7)


def test_a_minibatch_of_all_points_is_the_whole_operator():
    curvature, _ = case("logistic")
    vectors = right_sides(curvature)
    lissas = Lissa(steps=20, scale=30.0), Lissa(steps=20, scale=30.0, batch_size=SIZE)
    whole, batch = solve_each(lissas, curvature, vectors)
    np.testing.assert_allclose(batch.solution, whole.solution, rtol=1e-10)


def test_minibatches_are_right_on_average():
    curvature, matrix = case("logistic")
    vectors = right_sides(curvature, rows=2)
    runs = 48
    lissa = Lissa(steps=200, batch_size=3, scale=40.0)

    @jax.jit
    @jax.vmap
    def run(key):
        return lissa._run(curvature, vectors, jnp.asarray(40.0), key)[0]

    samples = np.asarray(run(jax.random.split(jax.random.key(5), runs)))
    expected = exact(matrix, vectors)
    deviation = samples.std(axis=0, ddof=1) / np.sqrt(runs)
    assert np.all(deviation > 1e-3 * np.abs(expected).max())
    assert np.all(np.abs(samples.mean(axis=0) - expected) < 4 * deviation)
    # The mean over repeats is one of independent runs: its error falls as one over the root.
    lissas = [Lissa(steps=200, batch_size=3, scale=40.0, repeats=r) for r in (1, runs)]
    one, many = solve_each(lissas, curvature, vectors)
    assert np.all(np.abs(np.asarray(many.solution) - expected) < 4 * deviation)
    assert error(one.solution, expected) > 2 * error(many.solution, expected)
    np.testing.assert_array_equal(many.steps, 200 * runs)


@pytest.mark.parametrize("solver", ["Lissa", "minibatches"])
@pytest.mark.parametrize("units", [1e-3, 1.0, 1e3])
def test_the_scale_is_found_in_any_units(units, solver):
    X = units * problems.well_conditioned(d=5, n=SIZE).X
    curvature, matrix = linear(X, damping=20.0 * units**2)
    vectors = right_sides(curvature)
    product = solve(dataclasses.replace(ALL[solver], steps=300, tolerance=0.5), curvature, vectors)
    assert has(product, InverseStatus.successful).all()
    # The noise of two runs of four points each is a fifth here.
    bound = 1e-6 if solver == "Lissa" else 0.4
    assert error(product.solution, exact(matrix, vectors)) < bound


def test_the_scale_is_above_the_eigenvalues_of_the_whole_and_of_minibatches():
    curvature, matrix = case("softmax")
    largest = np.linalg.eigvalsh(matrix)[-1]
    keys = jax.random.split(jax.random.key(0))

    @eqx.filter_jit
    def found(curvature, keys):
        scales = [each._found_scale(curvature, *keys) for each in (Lissa(), Lissa(batch_size=1))]
        return scales, curvature.factor()

    ((scale, indefinite), (single, _)), factor = found(curvature, keys)
    assert largest < scale < 1.2 * largest and not indefinite
    factor = np.asarray(factor).reshape(SIZE, 3, -1)
    each = [SIZE * np.linalg.norm(rows, 2) ** 2 + SHIFT for rows in factor]
    assert single > np.quantile(each, 0.8) > 2 * scale
    assert max(each) < 2 * single


@pytest.mark.parametrize(("scale", "steps"), [(10.0, 60), (1e-3, 200)])
def test_a_small_scale_diverges_and_leaves_finite_numbers(scale, steps):
    curvature, _ = spectrum([1.0] * 4 + [2.0] * 4 + [20.0] * 4, shift=0.5)
    vectors = right_sides(curvature)
    product = solve(Lissa(steps=steps, scale=scale, repeats=3), curvature, vectors)
    assert has(product, InverseStatus.diverged).all()
    assert np.all(np.isfinite(product.solution)) and np.all(np.isfinite(product.residual))
    batches = solve(
        Lissa(steps=steps, scale=0.1 * scale, batch_size=1, repeats=2), curvature, vectors
    )
    assert has(batches, InverseStatus.diverged).all()
    assert np.all(np.isfinite(batches.solution)) and np.all(np.isfinite(batches.residual))


def test_the_steps_needed_are_those_that_the_documentation_says():
    curvature, _ = spectrum([0.0] * 8 + [99.0] * 4, shift=1.0)
    vectors = right_sides(curvature)
    needed = 100 * np.log(1e3)
    few, enough = (
        solve(
            Lissa(steps=int(share * needed), scale=100.0, repeats=3, tolerance=1e-3),
            curvature,
            vectors,
        )
        for share in (0.7, 1.1)
    )
    assert has(few, InverseStatus.not_converged).all()
    assert has(enough, InverseStatus.successful).all()


def test_too_little_damping_does_not_converge():
    curvature, _ = spectrum([0.0, 0.0, 1.0, 1.0, 20.0], shift=1e-4, rows=SIZE)
    product = solve(Lissa(steps=300), curvature, right_sides(curvature))
    assert has(product, InverseStatus.not_converged).all()
    assert np.all(product.residual > 0.05)


# -------------------------------------------------------------------------------------- Arnoldi


@pytest.mark.parametrize("name", ["ridge", "softmax", "perceptron Hessian"])
def test_arnoldi_of_full_rank_is_exact(name):
    curvature, matrix = case(name)
    if "Hessian" in name:  # enough damping that it is positive definite
        curvature = eqx.tree_at(lambda c: c.damping, curvature, jnp.asarray(30.0))
        matrix = matrix + (30.5 - SHIFT) * np.eye(curvature.dimension)
    vectors = right_sides(curvature)
    product = solve(Arnoldi(rank=curvature.dimension), curvature, vectors)
    assert has(product, InverseStatus.successful).all()
    assert error(product.solution, exact(matrix, vectors)) < 1e-10
    np.testing.assert_array_equal(product.steps, curvature.dimension)


def test_arnoldi_keeps_the_dominant_eigenvectors():
    eigenvalues = 50.0 / np.arange(1.0, 41.0) ** 2
    curvature, matrix = spectrum(eigenvalues, shift=0.5)
    values, basis = np.linalg.eigh(matrix - 0.5 * np.eye(40))
    vectors = right_sides(curvature)
    # A Krylov space of a default dimension finds them nearly as well.
    solvers = Arnoldi(rank=3, steps=40), Arnoldi(rank=12, steps=40), Arnoldi(rank=3)
    *products, default = solve_each(solvers, curvature, vectors)
    residuals = []
    for rank, product in zip((3, 12), products, strict=True):
        inverse = np.hstack([np.full(40 - rank, 2.0), 1 / (values[40 - rank :] + 0.5)])
        np.testing.assert_allclose(
            product.solution, np.array(vectors) @ (basis * inverse) @ basis.T, rtol=0, atol=1e-10
        )
        assert_true_residual(product, matrix, vectors)
        residuals.append(np.max(product.residual))
    assert residuals[0] > 3 * residuals[-1]
    assert abs(np.max(default.residual) - residuals[0]) < 0.02 * residuals[0]
    assert np.all(default.steps == 23)


def test_arnoldi_without_a_shift_stays_in_the_span_of_its_eigenvectors():
    curvature, matrix = spectrum([1.0, 2.0, 3.0, 5.0, 9.0], rows=SIZE)
    values, basis = np.linalg.eigh(matrix)
    vectors = right_sides(curvature)
    product = solve(Arnoldi(rank=4), curvature, vectors)
    kept = basis[:, 1:]
    expected = np.array(vectors) @ (kept / values[1:]) @ kept.T
    np.testing.assert_allclose(product.solution, expected, rtol=0, atol=1e-12)
    assert has(product, InverseStatus.not_converged).all()


@pytest.mark.parametrize("shift", [0.0, 1e-4])
@pytest.mark.parametrize("eigenvalues", [[0.0] * 9 + [1.0, 3.0], [2.0] * 11, [0.0] * 11])
def test_arnoldi_goes_on_where_the_krylov_space_ends(eigenvalues, shift):
    # Two distinct eigenvalues end the Krylov space after two or three steps.
    if max(eigenvalues) == 0.0:
        curvature, matrix = linear(np.eye(11), damping=shift, weights=np.zeros(11))
    else:
        curvature, matrix = spectrum(eigenvalues, shift=shift)
    vectors = right_sides(curvature)
    expected = vectors @ np.linalg.pinv(matrix, rcond=1e-8, hermitian=True)
    product = solve(Arnoldi(rank=11), curvature, vectors)
    size = max(1.0, np.abs(expected).max())
    np.testing.assert_allclose(product.solution, expected, rtol=0, atol=1e-10 * size)
    solvable = shift > 0 or min(eigenvalues) > 0
    assert has(product, InverseStatus.successful if solvable else InverseStatus.not_converged).all()


# -------------------------------------------------------------------------------------- Nyström


@pytest.mark.parametrize("shift", [1e-6, 1.0])
def test_nystrom_is_exact_at_the_rank_of_the_curvature(shift):
    curvature, matrix = spectrum([0.0] * 6 + [1.0, 2.0, 30.0, 40.0], shift=shift)
    vectors = right_sides(curvature)
    solvers = Nystrom(4), Nystrom(7), Nystrom(3)
    *products, below = solve_each(solvers, curvature, vectors)
    for rank, product in zip((4, 7), products, strict=True):
        assert has(product, InverseStatus.successful).all()
        assert error(product.solution, exact(matrix, vectors)) < 1e-6
        np.testing.assert_array_equal(product.steps, rank)
    assert has(below, InverseStatus.not_converged).all()


def test_nystrom_errors_are_below_their_bound_and_fall_with_the_rank():
    eigenvalues = 100.0 / np.arange(1.0, 61.0) ** 2
    shift = 0.1
    curvature, matrix = spectrum(eigenvalues, shift=shift)
    C = matrix - shift * np.eye(60)
    vectors = right_sides(curvature)
    errors, residuals = [], []

    ranks = 4, 10, 30

    @eqx.filter_jit
    def both(curvature, vectors):
        sketches = [Nystrom(rank) for rank in ranks]
        return [(one.solve(curvature, vectors), one.approximation(curvature)) for one in sketches]

    for rank, found in zip(ranks, both(curvature, vectors), strict=True):
        product, (values, basis, semidefinite) = found
        values, basis = np.asarray(values), np.asarray(basis)
        assert semidefinite and np.all(np.diff(values) <= 0)
        np.testing.assert_allclose(basis @ basis.T, np.eye(rank), rtol=0, atol=1e-12)
        rest = np.linalg.eigvalsh(C - (basis.T * values) @ basis)
        # 0 ≤ C − Ĉ, and no approximation of this rank is better than the eigenvectors.
        assert rest[0] > -1e-10 and rest[-1] >= eigenvalues[rank] * (1 - 1e-9)
        # Their bound on the expectation (Frangella, Tropp, Udell 2023, proposition 2.2).
        bound = min(
            (1 + 2 * (rank - p) / (p - 1)) * eigenvalues[rank - p]
            + 2 * np.e**2 * rank / (p**2 - 1) * eigenvalues[rank - p :].sum()
            for p in range(2, rank - 1)
        )
        assert rest[-1] < bound
        assert np.all(product.residual <= rest[-1] / shift)
        assert_true_residual(product, matrix, vectors)
        errors.append(rest[-1])
        residuals.append(np.max(product.residual))
    assert np.all(np.diff(errors) < 0) and errors[0] > 10 * errors[-1]
    assert np.all(np.diff(residuals) < 0)


def test_nystrom_needs_a_shift():
    curvature, _ = linear(problems.well_conditioned(d=5, n=SIZE).X, weights=WEIGHTS)
    vectors = right_sides(curvature)
    for solver in (Nystrom(4), ConjugateGradient(preconditioner=Nystrom(3))):
        with pytest.raises(ValueError, match=r"damping: expected .* got 0"):
            solver.solve(curvature, vectors)
        # Where the damping is traced it is not known, and the residual tells.
        product = solve(solver, curvature, vectors)
        assert np.all(np.isfinite(product.solution)) and np.all(np.isfinite(product.residual))
        expected = "successful" if isinstance(solver, ConjugateGradient) else "not_converged"
        assert has(product, getattr(InverseStatus, expected)).all()


def test_nystrom_of_a_curvature_that_is_zero():
    X = problems.well_conditioned(d=5, n=SIZE).X
    curvature, _ = linear(X, damping=4.0, weights=np.zeros(SIZE))
    vectors = right_sides(curvature)
    product = solve(Nystrom(4), curvature, vectors)
    np.testing.assert_allclose(product.solution, vectors / 4.0, rtol=1e-12)
