"""Curvature of networks by layers, block conjugate gradients and EK-FAC, against NumPy's matrices.

The matrices are put together here, point by point and layer by layer, from θ and the data alone.
"""

import copy
import itertools
import math

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.linalg

import homotopy as hm
from homotopy._jit import filter_jit_numbers
from homotopy.influence.curvature import GaussNewtonCurvature, HessianCurvature
from homotopy.influence.solvers import InverseStatus
from homotopy.influence.solvers.preconditioning import race
from homotopy.point_gradients import gradient_norms, jacobian_norms

EPS = np.finfo(float).eps


class Network:
    """A perceptron in NumPy: ā, ∂f/∂z, ∂²ℓ/∂ŷ² and G of all layers, W (out, in + 1) row by row."""

    def __init__(self, sizes, n, seed, loss, linear=False, scale=1.0):
        generator = np.random.default_rng(seed)
        self.sizes, self.n, self.k = sizes, n, sizes[-1]
        self.weights = [
            generator.normal(size=(out, into + 1)) / math.sqrt(into + 1)
            for into, out in itertools.pairwise(sizes)
        ]
        self.X = generator.normal(size=(n, sizes[0])) * np.geomspace(1.0, scale, sizes[0])
        self.loss, self.linear = loss, linear
        targets = generator.normal(size=(n, self.k)), generator.integers(0, self.k, n)
        self.y = targets[loss == "softmax"]
        if loss == "squared" and self.k == 1:
            self.y = self.y[:, 0]
        self._evaluate()

    def _evaluate(self):
        self.inputs, self.slopes, self.hessians, self.outputs = [], [], [], []
        for x in self.X:
            inputs, jacobians, output = self._point(x)
            self.inputs.append(inputs)
            self.slopes.append(jacobians)
            self.outputs.append(output)
            self.hessians.append(self._hessian(output))

    def _point(self, x):
        inputs, zs = [], []
        for layer, weights in enumerate(self.weights):
            inputs.append(np.append(x, 1.0))
            zs.append(weights @ inputs[-1])
            x = zs[-1] if self.linear or layer == len(self.weights) - 1 else np.tanh(zs[-1])
        jacobian = np.eye(self.k)
        jacobians = [jacobian]
        for layer in range(len(self.weights) - 1, 0, -1):
            slope = 1.0 if self.linear else 1.0 - np.tanh(zs[layer - 1]) ** 2
            jacobian = (jacobian @ self.weights[layer][:, :-1]) * slope
            jacobians.insert(0, jacobian)
        return inputs, jacobians, zs[-1]

    def _hessian(self, output):
        if self.loss == "squared":
            return np.eye(self.k)
        p = np.exp(output - output.max())
        p /= p.sum()
        return np.diag(p) - np.outer(p, p)

    def jacobian(self, point):
        """(k, d), the weights of a layer with their biases, row by row."""
        pairs = zip(self.slopes[point], self.inputs[point], strict=True)
        return np.concatenate([np.kron(d, a[None, :]) for d, a in pairs], axis=1)

    def matrix(self, weights=None):
        weights = np.ones(self.n) if weights is None else weights
        jacobians = [self.jacobian(point) for point in range(self.n)]
        return sum(
            w * j.T @ h @ j for w, j, h in zip(weights, jacobians, self.hessians, strict=True)
        )

    def blocks(self, matrix):
        """Its diagonal blocks, those that couple layers being zero."""
        ends = np.cumsum([weights.size for weights in self.weights])[:-1]
        parts = [np.split(rows, ends, axis=1)[i] for i, rows in enumerate(np.split(matrix, ends))]
        return scipy.linalg.block_diag(*parts)

    def kronecker(self, corrected=True):
        """EK-FAC, or KFAC, of the sum risk, from the definitions of theory §13."""
        blocks = []
        for layer in range(len(self.weights)):
            a = [inputs[layer] for inputs in self.inputs]
            d = [slopes[layer] for slopes in self.slopes]
            into = sum(np.outer(x, x) for x in a) / self.n
            out = sum(s.T @ h @ s for s, h in zip(d, self.hessians, strict=True)) / self.n
            if not corrected:
                blocks.append(self.n * np.kron(out, into))
                continue
            basis = np.kron(np.linalg.eigh(out)[1], np.linalg.eigh(into)[1])
            block = sum(
                np.kron(s.T @ h @ s, np.outer(x, x))
                for s, h, x in zip(d, self.hessians, a, strict=True)
            )
            blocks.append(basis @ np.diag(np.diag(basis.T @ block @ basis)) @ basis.T)
        return scipy.linalg.block_diag(*blocks)

    @property
    def order(self):
        """Where the entries of the package's θ stand here: weights, then biases, by layers."""
        places, begin = [], 0
        for weights in self.weights:
            here = begin + np.arange(weights.size).reshape(weights.shape)
            places += [here[:, :-1].ravel(), here[:, -1]]
            begin += weights.size
        return np.concatenate(places)

    @property
    def theta(self):
        return np.concatenate([w.ravel() for w in self.weights])[self.order]

    def at(self, theta):
        """The same data at another θ, in the package's order."""
        moved = copy.copy(self)
        whole = np.empty(len(theta))
        whole[self.order] = theta
        ends = np.cumsum([weights.size for weights in self.weights])[:-1]
        parts = zip(np.split(whole, ends), self.weights, strict=True)
        moved.weights = [part.reshape(weights.shape) for part, weights in parts]
        moved._evaluate()
        return moved

    def gaps(self):
        """∂ℓ/∂ŷ of the cross-entropies: probabilities minus targets."""
        p = np.exp(self.outputs - np.max(self.outputs, axis=1, keepdims=True))
        return p / p.sum(axis=1, keepdims=True) - np.eye(self.k)[self.y]

    def problem(self, **options):
        loss = hm.SquaredError() if self.loss == "squared" else hm.SoftmaxCrossEntropy()
        model = hm.mlp(self.sizes, _identity if self.linear else jnp.tanh)
        return hm.Problem(model, loss, self.X, self.y, deleted=0, **options)

    def ours(self, matrix):
        return matrix[np.ix_(self.order, self.order)]


def _identity(z):
    return z


@filter_jit_numbers
def solved(solver, curvature, vectors):
    return solver.solve(curvature, vectors)


@filter_jit_numbers
def steps_of(solvers, curvature, vectors):
    """In one program, for what they prepare is the same."""
    return [solver.solve(curvature, vectors).steps for solver in solvers]


@eqx.filter_jit
def products(curvature, vectors):
    prepared = curvature.prepared()
    return prepared.products(vectors)


@eqx.filter_jit
def kronecker_inverse(curvature, vectors):
    return hm.EigenvalueKronecker().preconditioner(curvature)(vectors)


def curvature_of(network, damping, weights=None, **options):
    problem = network.problem(**options)
    weights = np.ones(network.n) if weights is None else weights
    return GaussNewtonCurvature(
        problem, jnp.asarray(network.theta), jnp.asarray(weights), jnp.asarray(damping)
    )


def kronecker_matrix(network, weights=None):
    """EK-FAC as the package has it, from its inverse: in the order of entries of `Network`."""
    curvature = curvature_of(network, 1.0, weights)
    d = network.theta.size
    inverse = np.asarray(kronecker_inverse(curvature, jnp.eye(d)))
    back = np.argsort(network.order)
    return np.linalg.inv(inverse[np.ix_(back, back)]) - np.eye(d)


SOFTMAX = Network([5, 12, 8, 3], 200, 1, "softmax")
G = SOFTMAX.matrix()


@pytest.fixture(scope="module")
def right():
    """Jᵢᵀg of some points: what gradients of losses are."""
    generator = np.random.default_rng(3)
    rows = [SOFTMAX.jacobian(i).T @ generator.normal(size=3) for i in range(6)]
    return np.array(rows)


@pytest.mark.parametrize(
    ("network", "options"),
    [
        (Network([3, 4, 2], 17, 0, "softmax"), {}),
        (Network([3, 4, 2], 17, 0, "softmax"), {"ridge": 0.3}),
        (Network([3, 4, 1], 17, 0, "squared"), {"ridge": np.linspace(0.0, 1.0, 21)}),
        (Network([3, 2], 5, 0, "softmax"), {"ridge": 0.1}),
    ],
)
def test_products_by_layers_are_those_of_the_matrix(network, options):
    weights = np.linspace(0.0, 2.0, network.n)
    curvature = curvature_of(network, 0.5, weights, **options)
    d = network.theta.size
    assert type(curvature.prepared()).__name__ == "LayeredProducts"
    expected = network.ours(network.matrix(weights)) + np.diag(
        np.broadcast_to(options.get("ridge", 0.0), d) + 0.5
    )
    vectors = np.random.default_rng(1).normal(size=(4, d))
    # Sums of n k products of numbers of order one, each rounded.
    bound = 16 * network.n * EPS * np.abs(vectors) @ np.abs(expected)
    assert np.all(np.abs(products(curvature, jnp.asarray(vectors)) - vectors @ expected) <= bound)


def test_products_of_linear_networks_and_models():
    X = np.random.default_rng(0).normal(size=(9, 3))
    model = hm.linear_networks.linear_network([3, 2, 2])
    theta = np.arange(1.0, 11.0) / 5
    first, second = theta[:6].reshape(2, 3), theta[6:].reshape(2, 2)
    rows = [np.hstack([np.kron(second, x[None, :]), np.kron(np.eye(2), first @ x)]) for x in X]
    expected = sum(j.T @ j for j in rows)
    problem = hm.Problem(model, hm.SquaredError(), X, X[:, :2], deleted=0)
    curvature = GaussNewtonCurvature(problem, jnp.asarray(theta), jnp.ones(9), jnp.zeros(()))
    np.testing.assert_allclose(products(curvature, jnp.eye(10)), expected, rtol=1e-12, atol=1e-12)

    problem = hm.Problem(hm.linear_model(3), hm.Logistic(), X, (X[:, 0] > 0) * 1, deleted=0)
    p = 1.0 / (1.0 + np.exp(-X @ theta[:3]))
    curvature = GaussNewtonCurvature(problem, jnp.asarray(theta[:3]), jnp.ones(9), jnp.zeros(()))
    expected = X.T @ ((p * (1 - p))[:, None] * X)
    np.testing.assert_allclose(products(curvature, jnp.eye(3)), expected, rtol=1e-12, atol=1e-14)


def test_chunks_of_points_add_up(monkeypatch, right):
    """Layers in chunks of sixteen, whether their factors are kept or not; other models in three."""
    from homotopy.influence import curvature as curvatures
    from homotopy.influence import layered_products

    monkeypatch.setattr(layered_products, "_CHUNK", 1)
    matrix = SOFTMAX.ours(G)
    vectors = jnp.asarray(right[:, SOFTMAX.order])
    for kept in (2**27, 1):
        monkeypatch.setattr(layered_products, "_KEPT", kept)
        curvature = curvature_of(SOFTMAX, 0.0)
        found = eqx.filter_jit(lambda c, v: c.prepared().products(v))(curvature, vectors)
        np.testing.assert_allclose(found, vectors @ matrix, rtol=1e-10, atol=1e-10)
    monkeypatch.setattr(curvatures, "_BATCH", 200 * 12 // 2)
    found = eqx.filter_jit(lambda c, v: c.data_products(v))(curvature, vectors)
    np.testing.assert_allclose(found, vectors @ matrix, rtol=1e-10, atol=1e-10)


def test_norms_by_layers_are_those_of_gradients():
    problem, theta = SOFTMAX.problem(), jnp.asarray(SOFTMAX.theta)
    sizes, gradients = [], []
    for i, output in enumerate(SOFTMAX.outputs):
        p = np.exp(output - output.max())
        p /= p.sum()
        p[SOFTMAX.y[i]] -= 1.0
        sizes.append(np.linalg.norm(SOFTMAX.jacobian(i)))
        gradients.append(np.linalg.norm(SOFTMAX.jacobian(i).T @ p))
    np.testing.assert_allclose(jax.jit(jacobian_norms)(problem, theta), sizes, rtol=1e-12)
    np.testing.assert_allclose(jax.jit(gradient_norms)(problem, theta), gradients, rtol=1e-10)


@pytest.mark.parametrize("block_size", [None, 4])
@pytest.mark.parametrize("working_dtype", [None, jnp.float32])
def test_block_conjugate_gradients_solve(right, block_size, working_dtype):
    solver = hm.BlockConjugateGradient(1e-9, block_size=block_size, working_dtype=working_dtype)
    matrix = SOFTMAX.ours(G) + 0.5 * np.eye(len(G))
    vectors = right[:, SOFTMAX.order]
    # A row of zeros, two rows that are multiples of each other, and one of another size.
    vectors = np.vstack([vectors, 0.0 * vectors[:1], 2.0 * vectors[:1], 1e-12 * vectors[1:2]])
    found = solved(solver, curvature_of(SOFTMAX, 0.5), jnp.asarray(vectors))
    assert np.all(found.status == InverseStatus.successful)
    left = np.linalg.norm(vectors - found.solution @ matrix, axis=1)
    sizes = np.linalg.norm(vectors, axis=1)
    # The residual is the true one, to the rounding of a product.
    np.testing.assert_allclose(found.residual * sizes, left, atol=1e-13 * sizes.max())
    assert np.all(left <= 1.01e-9 * sizes)
    # ‖x − A⁻¹b‖ ≤ ‖r‖/δ.
    exact = np.linalg.solve(matrix, vectors.T).T
    assert np.all(np.linalg.norm(found.solution - exact, axis=1) <= 1.01e-9 * sizes / 0.5)


def test_a_block_takes_fewer_products_than_rows_do():
    """m rows are the whole space of d after d/m steps, in exact arithmetic."""
    network = Network([4, 6, 3], 60, 2, "softmax")
    d = network.theta.size
    vectors = jnp.asarray(np.random.default_rng(0).normal(size=(d // 2, d)))
    curvature = curvature_of(network, 1e-2)
    block = solved(hm.BlockConjugateGradient(1e-8), curvature, vectors)
    alone = solved(hm.ConjugateGradient(1e-8), curvature, vectors)
    assert np.all(block.status == InverseStatus.successful)
    assert np.max(block.steps) <= 4 < 20 < np.min(alone.steps)


def test_block_conjugate_gradients_say_where_they_fail(right):
    vectors = jnp.asarray(right[:, SOFTMAX.order])
    few = solved(hm.BlockConjugateGradient(1e-9, max_steps=2), curvature_of(SOFTMAX, 1e-3), vectors)
    assert np.all(few.status == InverseStatus.not_converged)
    assert np.all(few.steps == 2)
    assert np.all((few.residual > 1e-9) & (few.residual <= 1.0))
    matrix = SOFTMAX.ours(G) + 1e-3 * np.eye(len(G))
    left = np.linalg.norm(vectors - few.solution @ matrix, axis=1)
    np.testing.assert_allclose(few.residual, left / np.linalg.norm(vectors, axis=1), rtol=1e-8)
    # x² − y² has a direction of negative curvature that every block of two rows meets.
    saddle = hm.Problem(
        hm.function_model(lambda theta, x: theta[0] * theta[1] * x[0], 2),
        hm.SquaredError(), [[1.0], [1.0]], [10.0, 10.0], deleted=0,
    )  # fmt: skip
    curvature = HessianCurvature(saddle, jnp.ones(2), jnp.ones(2), jnp.zeros(()))
    found = solved(hm.BlockConjugateGradient(), curvature, jnp.eye(2))
    assert np.all(found.status == InverseStatus.indefinite)


def test_kronecker_is_exact_for_one_layer_of_squared_loss():
    network = Network([4, 3], 9, 0, "squared")
    np.testing.assert_allclose(kronecker_matrix(network), network.matrix(), atol=1e-11)
    np.testing.assert_allclose(network.kronecker(corrected=False), network.matrix(), atol=1e-11)


def test_kronecker_is_exact_for_each_layer_of_a_linear_network():
    network = Network([4, 3, 2], 15, 0, "squared", linear=True)
    matrix = network.matrix()
    np.testing.assert_allclose(kronecker_matrix(network), network.blocks(matrix), atol=1e-10)
    coupled = np.linalg.norm(matrix - network.blocks(matrix)) / np.linalg.norm(matrix)
    assert round(coupled, 2) == 0.56


def test_kronecker_is_exact_for_each_layer_of_one_point():
    network = Network([4, 6, 3], 2, 0, "softmax")
    weights = np.array([1.0, 0.0])
    exact = network.blocks(network.matrix(weights))
    np.testing.assert_allclose(kronecker_matrix(network, weights), exact, atol=1e-11)


def test_kronecker_is_not_exact_for_one_layer_of_softmax_whatever_the_inputs():
    network = Network([4, 3], 4000, 0, "softmax")
    matrix = network.matrix()
    error = np.linalg.norm(kronecker_matrix(network) - matrix) / np.linalg.norm(matrix)
    assert round(error, 2) == 0.23


def test_kronecker_keeps_the_trace_and_is_nearer_than_without_its_eigenvalues():
    found, plain, blocks = kronecker_matrix(SOFTMAX), SOFTMAX.kronecker(False), SOFTMAX.blocks(G)
    np.testing.assert_allclose(found, SOFTMAX.kronecker(), atol=1e-10)
    assert abs(np.trace(found) / np.trace(G) - 1.0) < 1e-12
    assert round(np.trace(plain) / np.trace(G) - 1.0, 3) == 0.066
    error, without = (np.linalg.norm(blocks - m) / np.linalg.norm(G) for m in (found, plain))
    assert error <= without
    assert (round(error, 3), round(without, 3)) == (0.126, 0.147)
    assert round(np.linalg.norm(G - blocks) / np.linalg.norm(G), 2) == 0.73


def test_kronecker_alone_answers_another_question_without_large_damping():
    """Its cosine to the true solution, and its true residual, at four dampings."""
    b = SOFTMAX.jacobian(0).T @ np.array([0.5, -0.2, -0.3])
    right = jnp.asarray(b[SOFTMAX.order])[None]
    cosines = []
    for damping in (1e-4, 1e-2, 1.0, 20.0):
        found = solved(hm.EigenvalueKronecker(), curvature_of(SOFTMAX, damping), right)
        matrix = SOFTMAX.ours(G) + damping * np.eye(len(G))
        x, ours = np.linalg.solve(matrix, right[0]), np.asarray(found.solution[0])
        cosines.append(round(x @ ours / np.linalg.norm(x) / np.linalg.norm(ours), 2))
        left = np.linalg.norm(right[0] - matrix @ ours) / np.linalg.norm(b)
        np.testing.assert_allclose(found.residual[0], left, rtol=1e-9)
        assert np.all(found.status == InverseStatus.inexact)
    assert cosines == [0.40, 0.39, 0.81, 0.91]
    accepted = solved(hm.EigenvalueKronecker(10.0), curvature_of(SOFTMAX, 20.0), right)
    assert np.all(accepted.status == InverseStatus.successful)


@pytest.mark.parametrize(
    ("network", "plain", "preconditioned"),
    [
        (SOFTMAX, 209, 395),
        (Network([6, 10, 1], 300, 3, "squared"), 240, 112),
        (Network([6, 3], 300, 3, "softmax", scale=100.0), 24, 15),
    ],
    ids=["tanh", "squared", "one layer"],
)
def test_a_preconditioner_that_hurts_is_left_out(network, plain, preconditioned):
    """Products to 1e-8 at δ = 0.01, to within what rounding makes of them: a tenth."""
    k = network.k
    slope = {1: [1.0], 3: [1.0, -0.5, -0.5]}[k] if network is not SOFTMAX else [0.5, -0.2, -0.3]
    right = jnp.asarray((network.jacobian(0).T @ np.array(slope))[network.order])[None]
    curvature = curvature_of(network, 1e-2)
    solvers = (
        hm.ConjugateGradient(1e-8, 2000),
        hm.ConjugateGradient(1e-8, 2000, hm.EigenvalueKronecker()),
        hm.BlockConjugateGradient(1e-8, 2000, None, hm.EigenvalueKronecker()),
    )
    taken = min(plain, preconditioned)
    steps = steps_of(solvers, curvature, right)
    for count, known in zip(steps, (plain, taken, taken), strict=True):
        assert abs(int(count[0]) - known) <= 0.1 * known


def test_few_ritz_values_do_not_tell_whether_a_preconditioner_hurts():
    """Ten of them see a spread of 70 for 3,000; in truth it is 14,000 for 17,000, and CG slower."""
    damped = G + 1e-2 * np.eye(len(G))
    inverse = np.linalg.inv(SOFTMAX.kronecker() + 1e-2 * np.eye(len(G)))
    root = np.linalg.cholesky(inverse)
    start = np.random.default_rng(0).normal(size=len(G))
    spreads = []
    for matrix, vector in ((damped, start), (root.T @ damped @ root, root.T @ start)):
        space = [vector]
        for _ in range(9):
            space.append(np.linalg.qr(np.array(space).T)[0][:, -1] @ matrix)
        basis = np.linalg.qr(np.array(space).T)[0]
        values = np.linalg.eigvalsh(basis.T @ matrix @ basis)
        spreads.append((values[-1] / values[0], np.linalg.cond(matrix)))
    (few, whole), (few_after, whole_after) = spreads
    assert few_after < few / 30
    assert whole_after > whole / 2
    right = jnp.asarray(SOFTMAX.jacobian(0).T @ np.array([0.5, -0.2, -0.3]))
    done = jax.jit(
        lambda: race(lambda rows: rows @ damped, lambda rows: rows @ inverse, right, 1e-8, 1000)
    )()
    assert not done.helps
    assert done.residuals[0] <= 1e-8 < done.residuals[1]


def test_kronecker_names_what_it_does_not_take():
    theta = np.ones(2)
    model = hm.function_model(lambda at, x: at @ x, 2)
    problem = hm.Problem(model, hm.SquaredError(), np.eye(2), [0.0, 1.0], deleted=0)
    estimator = hm.GaussNewton(1.0, hm.EigenvalueKronecker())
    with pytest.raises(TypeError, match=r"^solver: expected a model of mlp.* got FunctionModel"):
        hm.predict(problem, estimator, theta)
    problem = Network([2, 1], 4, 0, "squared").problem()
    hessian = hm.Influence(damping=1.0, solver=hm.EigenvalueKronecker())
    with pytest.raises(TypeError, match=r"^solver: expected .*GaussNewton.* HessianCurvature"):
        hm.predict(problem, hessian, np.zeros(3))
    with pytest.raises(
        ValueError, match=r"^preconditioner: expected None, an EigenvalueKr.* Lissa"
    ):
        hm.BlockConjugateGradient(preconditioner=hm.Lissa())
    with pytest.raises(ValueError, match=r"^working_dtype: expected a floating-point type"):
        hm.BlockConjugateGradient(working_dtype=int)


def test_influence_on_many_losses_in_blocks(monkeypatch):
    """∇mᵀ(G + δ)⁻¹∇ℓᵢ of all points, whatever goes together, against NumPy's."""
    from homotopy.influence import _measurement_influence

    network = Network([3, 5, 2], 30, 4, "squared")
    problem, damping = network.problem(), 0.3
    matrix = network.matrix() + damping * np.eye(network.theta.size)
    gradients = np.array(
        [network.jacobian(i).T @ (network.outputs[i] - network.y[i]) for i in range(30)]
    )
    estimator = hm.GaussNewton(damping, hm.BlockConjugateGradient(1e-9))
    # Of another number of outputs, so that the program is another one.
    for count, numbers in ((6, 2**26), (7, 4 * network.theta.size)):
        monkeypatch.setattr(_measurement_influence, "_NUMBERS", numbers)
        slopes = np.concatenate([network.jacobian(i) for i in range(count)])
        # Deletion adds (G + δ)⁻¹∇ℓᵢ to θ.
        expected = (gradients @ np.linalg.solve(matrix, slopes.T)).reshape(30, count, 2)
        bound = 2e-9 / damping * np.linalg.norm(gradients, axis=1).max() * np.linalg.norm(slopes)
        measured = hm.Predictions(network.X[:count])
        found = hm.measurement_influence(problem, estimator, network.theta, measured)
        assert np.max(np.abs(found.change - expected)) <= bound
        assert found.residual.shape == (count, 2)


def proximal_slopes(network, deltas, points, damping):
    """∇ of the proximal Bregman objective in NumPy, and the size of its terms, at each θˢ + Δ."""
    before = network.gaps()
    for delta, point in zip(np.asarray(deltas, float), points, strict=True):
        moved = network.at(network.theta + delta)
        change = moved.gaps() - before
        # The divergence from the deleted point's own output goes with its loss.
        change[point] = -before[point]
        pull = sum(moved.jacobian(i).T @ change[i] for i in range(network.n))
        slope = pull[network.order] + damping * delta
        scale = np.linalg.norm(network.jacobian(point).T @ before[point])
        yield np.linalg.norm(slope), scale + damping * np.linalg.norm(delta)


def test_proximal_responses_of_a_large_network_are_stationary():
    """771 parameters: ∇ of the proximal Bregman objective in NumPy, where the package ended."""
    network, damping, points = Network([8, 64, 3], 40, 5, "softmax"), 0.5, [3, 7, 11]
    problem, start = network.problem(), network.theta
    assert start.size == 771
    found = hm.predict(problem, hm.ProximalBregman(damping, 1e-8), start, points=points)
    linear = hm.predict(problem, hm.GaussNewton(damping), start, points=points)
    for slope, scale in proximal_slopes(network, found.delta, points, damping):
        assert slope <= 1.1e-8 * scale
    for delta, first in zip(*map(np.asarray, (found.delta, linear.delta)), strict=True):
        # And is another than its linearisation's.
        assert np.linalg.norm(delta - first) > 1e-3 * np.linalg.norm(delta)


def test_proximal_responses_in_float32_hold_for_points_below_its_rounding():
    """Of a point whose gradient is less than a sum of all of them in float32 can tell from zero."""
    network, damping = Network([8, 64, 3], 40, 5, "softmax"), 0.5
    network.X = network.X.astype(np.float32).astype(float)
    network.weights[-1] *= 8.0
    network.weights = [one.astype(np.float32).astype(float) for one in network.weights]
    network._evaluate()
    best, second = np.sort(network.outputs, axis=1)[:, :-3:-1].T
    points = [int(np.argmax(best - second)), int(np.argmin(best - second))]
    network.y[points] = np.argmax(np.array(network.outputs)[points], axis=1)
    sizes = [np.linalg.norm(network.jacobian(i).T @ g) for i, g in enumerate(network.gaps())]
    single = np.finfo(np.float32).eps
    assert sizes[points[0]] < 32 * single * sum(sizes) < sizes[points[1]]
    problem = network.problem(dtype=jnp.float32)
    found = hm.predict(problem, hm.ProximalBregman(damping), network.theta, points=points)
    assert found.delta.dtype == jnp.float32
    largest = np.linalg.norm(network.matrix(), 2) + damping
    for delta, (slope, scale) in zip(
        found.delta, proximal_slopes(network, found.delta, points, damping), strict=True
    ):
        # 64 units in the last place, and what rounding Δ to float32 does.
        assert slope <= 65 * single * scale + single * largest * np.linalg.norm(delta)


def test_a_change_that_rounding_hides_has_a_status_of_its_own():
    from homotopy.influence.change import ChangeStatus
    from homotopy.influence.estimators.proximal_bregman import _at_reference, _told
    from homotopy.influence.weight_changes import WeightChanges

    network = Network([2, 3], 4, 0, "softmax")
    changes = WeightChanges(jnp.arange(3)[:, None], -jnp.ones((3, 1)), False)
    reached = jnp.array([True, True, False])
    ended = jax.vmap(
        lambda one: ChangeStatus.where(one, ChangeStatus.successful, ChangeStatus.not_reached)
    )(reached)
    theta = jnp.asarray(network.theta)
    told = _told(_at_reference(network.problem(), theta), theta, changes, jnp.tile(theta, (3, 1)),
                 jnp.array([1.0, 1e-3, 1.0]), ended)  # fmt: skip
    expected = [ChangeStatus.at_rounding, ChangeStatus.successful, ChangeStatus.not_reached]
    for one, status in zip(np.asarray(told[2]._value), expected, strict=True):
        assert one == status._value


def test_chords_leave_to_others_what_they_do_not_bring_to_rest():
    """Of a saddle next to the start: `reached` is false, and the step is taken back."""
    from homotopy.minima import AbstractObjective, minimise_by_chords

    class Hill(AbstractObjective):
        height: jax.Array

        def __call__(self, theta):
            return self.height * jnp.sum(jnp.cos(theta)) + 0.01 * jnp.sum(theta**2)

        def gradient_scale(self, theta):
            return jnp.ones(())

        def rounding(self, theta):
            return jnp.zeros(())

    found = minimise_by_chords(
        Hill, (jnp.array([1.0, -1.0]),), np.full((2, 1), 0.1), lambda rows: 0.5 * rows, 1e-8, 60
    )
    assert found.reached.tolist() == [False, True]
    assert np.all(np.abs(found.theta[1]) < 1e-7)
