"""Plain pickle and `copy.deepcopy` keep every public kind bit for bit, also in another process."""

import copy
import dataclasses
import enum
import functools
import inspect
import multiprocessing
import os
import pickle
import subprocess
import sys
import textwrap
import types
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from public_face import DOCUMENTED, PUBLIC

import homotopy as hm

ROOT = Path(__file__).resolve().parents[2]
X = np.array([[1.0, 0.5], [1.0, -1.0], [1.0, 2.0], [1.0, 0.25], [1.0, -0.5]])
Y = np.array([0.3, -1.0, 1.5, 0.7, 0.1])
THETA0 = np.array([1.0, -1.0])
TIMES = [0.0, 0.2, 0.5]


def product(theta, x):
    return theta @ x


def first(theta):
    return theta[0]


def problems():
    classes = (Y > 0).astype(int)
    return {
        "linear regression": hm.LinearRegression(X, Y, deleted=2),
        "weighted": hm.LinearRegression(X, Y, deleted=2, weights=[1.0, 2.0, 1.0, 0.5, 1.0]),
        "perceptron": hm.Problem(hm.mlp([2, 2, 1]), hm.SquaredError(), X, Y, deleted=2, ridge=1.0),
        "logistic": hm.Problem(hm.linear_model(2), hm.Logistic(), X, classes, deleted=2, ridge=1.0),
        "counts": hm.Problem(
            hm.linear_model(2), hm.losses.Poisson(), X, classes, deleted=2, ridge=[0.0, 1.0]
        ),
        "softmax": hm.Problem(
            hm.mlp([2, 2], jax.nn.relu), hm.SoftmaxCrossEntropy(), X, classes, deleted=2, ridge=1.0
        ),
        "function": hm.Problem(
            hm.function_model(product, 2), hm.SquaredError(), X, Y, deleted=[1, 2]
        ),
        "float32": hm.LinearRegression(X, Y, deleted=2, dtype=np.float32),
    }


def models():
    key = jax.random.key(0)
    network = eqx.nn.MLP(2, 1, 2, 1, activation=jax.nn.gelu, key=key)
    named = {
        name: hm.mlp([2, 2, 1], getattr(jax.nn, name))
        for name in ("tanh", "relu", "softplus", "gelu", "silu", "sigmoid")
    }
    return {
        **named,
        "sin": hm.mlp([2, 2, 1], jnp.sin),
        "module": hm.module_model(network),
        "linear network": hm.linear_networks.linear_network([2, 2, 1]),
    }


def schedules():
    network = eqx.nn.MLP("scalar", "scalar", 2, 1, jnp.tanh, key=jax.random.key(1))
    return {
        "constant": hm.Constant(0.3),
        "step": hm.Step(0.2),
        "ramp": hm.Ramp(0.1, 0.4),
        "polynomial": hm.Polynomial(0.1, 0.4, 2.0),
        "piecewise": hm.PiecewiseConstant([0.1, 0.3], [1.0, 0.3, 0.0]),
        "bang-bang": hm.BangBang([0.1, 0.2, 0.3], initial=1),
        "spline": hm.Spline([0.1, 0.4], [1.0, -1.0]),
        "network": hm.Network(network, 0.1, 0.4),
    }


def settings():
    """What is asked for: methods, estimators, solvers, searches, measurements, costs."""
    return [
        *(hm.Exact(), hm.Adaptive(), hm.GradientDescent(step_size=0.01)),
        hm.StochasticGradientDescent(0.01, 2),
        *(hm.responses.ClosedForm(), hm.responses.Continuation(), hm.responses.FlowLimits()),
        *(hm.Influence(), hm.NewtonStep(), hm.Taylor(2), hm.PathIntegration(), hm.LeaveOneOut()),
        *(hm.GaussNewton(0.1), hm.ProximalBregman(0.1)),
        *(hm.Dense(), hm.ConjugateGradient(), hm.Lissa(), hm.Arnoldi(2), hm.Nystrom(2)),
        *(hm.Steps(), hm.BangBangs(2), hm.Cells(4), hm.Ramps(), hm.Polynomials()),
        *(hm.Splines(3), hm.Networks(3), hm.Everything(), hm.Separately()),
        *(hm.OwnLoss(), hm.Predictions(X), hm.TestLoss(X, Y)),
        *(hm.deletion.ParameterDistance(), hm.deletion.PredictionDistance(X)),
    ]


def results():
    made = problems()
    linear, perceptron = made["linear regression"], made["perceptron"]
    pair = hm.LinearRegression(X, Y, deleted=[1, 2])
    fit, start = linear.full_fit(), perceptron.model.initial_parameters(jax.random.key(1))
    deletion = hm.Deletion(linear, THETA0, 0.1, 0.5)
    two = hm.Deletion(pair, THETA0, 0.1, 0.5)
    certified = hm.optimise(deletion, hm.Everything())
    path = hm.response(linear, [0.0, 0.5, 1.0])
    trained = hm.train(perceptron, start)
    return {
        "linear regressions": problems()["linear regression"].deleting_each(),
        "several targets": hm.MultiOutputRegression(X, np.column_stack([Y, Y**2]), deleted=2),
        "hierarchy": hm.linear_networks.hierarchy_example(),
        "deletion": deletion,
        "deletion of a function": hm.Deletion(linear, THETA0, 0.1, 0.5, terminal_cost=first),
        "deletion from a network": hm.Deletion(perceptron, start, 0.1, 0.5),
        "trajectory": hm.flow(linear, hm.Step(0.2), THETA0, TIMES),
        "surface": hm.homotopy(linear, THETA0, TIMES, [0.0, 1.0]),
        "sensitivity": hm.sensitivity(linear, THETA0, TIMES),
        "measurement sensitivity": hm.flows.measurement_sensitivity(linear, THETA0, first, 0.5),
        "training": trained,
        "early stopping": hm.influence.early_stopping(
            perceptron, start, X, Y, optimiser=optax.sgd(0.01), max_epochs=2, batch_size=5
        ),
        "response": path,
        "comparison of paths": path.compare(path),
        "Taylor model": hm.taylor(linear, fit, 1.0, 2),
        "change": hm.predict(linear, hm.Influence(), points=[0, 1]),
        "measurement influence": hm.measurement_influence(linear, hm.Influence(), fit, first),
        "influence in time": hm.influence_in_time(linear, THETA0, first, TIMES, points=[0, 1]),
        "diagnostics": hm.regression_diagnostics(linear),
        "check": hm.check(linear, show=False),
        "GLM diagnostics": hm.diagnostics.glm_diagnostics(made["logistic"], THETA0),
        "duplicates": hm.diagnostics.duplicate_rows(linear),
        "leverage": hm.diagnostics.jacobian_leverage(linear, fit),
        "weight Jacobian": hm.influence.weight_jacobian(linear, fit),
        "ridgeless": hm.diagnostics.ridgeless_leave_one_out(linear),
        "best step": hm.best_step(deletion),
        "optimum": hm.optimise(deletion, hm.BangBangs(2)),
        "certified optimum": certified,
        "separate optimum": hm.optimise(two, hm.Separately()),
        "least time": hm.least_time(deletion, cost=1e-2),
        "greedy": hm.greedy(deletion),
        "portrait": hm.portrait(deletion, {"at once": hm.Step(0.1), "later": hm.Step(0.3)}),
        "gaps": hm.results.Gaps(jnp.ones((1, 2, 6)), jnp.ones((1, 2, 6), bool)),
        "switching function": deletion.switching_function(hm.Step(0.2)),
        "costate": deletion.costate(hm.Step(0.2)),
        "membership": deletion.membership(hm.Step(0.2)),
    }


@functools.cache
def everything():
    listed = {f"setting {type(each).__name__}": each for each in settings()}
    parts = (problems(), models(), schedules(), results())
    return functools.reduce(lambda one, other: one | other, parts, listed)


def assert_same(one, other, where="it"):
    """Bit for bit, through containers, modules and plain objects; functions are the same ones."""
    assert type(one) is type(other), where
    if isinstance(one, jax.Array) and jnp.issubdtype(one.dtype, jax.dtypes.prng_key):
        one, other = jax.random.key_data(one), jax.random.key_data(other)
    if isinstance(one, jax.Array | np.ndarray | np.generic):
        assert one.dtype == other.dtype and one.shape == other.shape, where
        assert np.asarray(one).tobytes() == np.asarray(other).tobytes(), where
    elif isinstance(one, dict):
        assert list(one) == list(other), where
        for key in one:
            assert_same(one[key], other[key], f"{where}[{key!r}]")
    elif isinstance(one, list | tuple):
        assert len(one) == len(other), where
        for index, (a, b) in enumerate(zip(one, other, strict=True)):
            assert_same(a, b, f"{where}[{index}]")
    elif isinstance(one, jax.tree_util.PyTreeDef | enum.Enum | str | bytes | int | float | type):
        assert one == other or one != one, where
    elif isinstance(one, functools.partial):
        parts = ("func", "args", "keywords")
        assert_same(*([getattr(p, part) for part in parts] for p in (one, other)), where)
    elif isinstance(one, types.MethodType):
        assert one.__func__ is other.__func__, where
    elif dataclasses.is_dataclass(one):
        for field in dataclasses.fields(one):
            a, b = getattr(one, field.name, None), getattr(other, field.name, None)
            assert_same(a, b, f"{where}.{field.name}")
    elif one is other or one == other:
        pass
    else:
        assert vars(one) and vars(one).keys() == vars(other).keys(), where
        for name in vars(one):
            assert_same(vars(one)[name], vars(other)[name], f"{where}.{name}")


def test_every_public_kind_is_tried():
    """Abstract kinds and enumerations apart; what is only found inside another counts as well."""
    inside = {
        # Of a path with folds, of a prediction, of an optimum's list, of what `progress` is told.
        "Branch", "Event", "InverseProduct", "LocalMinimum", "Progress", "Model",
    }  # fmt: skip
    tried = {kind.__name__ for value in everything().values() for kind in type(value).__mro__}
    tried |= {type(each.loss).__name__ for each in problems().values()}
    for name in DOCUMENTED:
        kind = PUBLIC[name]
        name = name.rpartition(".")[2]
        if not inspect.isclass(kind) or inspect.isabstract(kind) or name in inside:
            continue
        if issubclass(kind, eqx.Enumeration) or name.startswith("Abstract"):
            continue
        assert name in tried, name


def test_a_pickle_and_a_copy_are_the_same_bit_for_bit():
    for name, value in everything().items():
        assert_same(value, pickle.loads(pickle.dumps(value)), name)
        assert_same(value, copy.deepcopy(value), name)


def test_a_pickled_model_compiles_nothing_anew():
    """It is the same to JAX, also in what is static."""
    for name, value in {**problems(), **models(), **schedules()}.items():
        again = pickle.loads(pickle.dumps(value))
        assert jax.tree.structure(value) == jax.tree.structure(again), name


def test_greedy_feedback_that_slides_comes_back_as_a_function_of_time():
    problem = hm.LinearRegression([[1.0, 0.0], [0.0, 1.0], [2.0, 1.0]], [0.0, 0.0, 3.0], deleted=2)
    rule = hm.greedy(hm.Deletion(problem, [0.5, 1.5], start=0.0, horizon=2.0))
    again = pickle.loads(pickle.dumps(rule))
    times = np.linspace(0.0, 2.0, 9)
    assert np.array_equal(rule.advantage(times), again.advantage(times))


RELAY = """
    import pickle, sys
    import homotopy
    homotopy.enable_x64()
    given = pickle.load(sys.stdin.buffer)
    pickle.dump(given, sys.stdout.buffer)
"""


def relay(program, given, module_path=()):
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), *module_path])}
    environment.pop("JAX_ENABLE_X64", None)
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)],
        input=pickle.dumps(given),
        capture_output=True,
        env=environment,
    )


def test_another_process_gives_everything_back_bit_for_bit():
    result = relay(RELAY, everything(), [str(ROOT / "tests"), str(ROOT / "tests" / "house")])
    assert result.returncode == 0, result.stderr.decode()
    assert_same(everything(), pickle.loads(result.stdout))


@pytest.mark.parametrize("name", ["linear regression", "perceptron", "step", "module"])
def test_float64_is_not_loaded_as_float32(name):
    """JAX would round without a word where 64-bit mode is off."""
    result = relay(RELAY.replace("homotopy.enable_x64()", ""), everything()[name])
    assert result.returncode != 0
    assert "call homotopy.enable_x64() before" in result.stderr.decode()


def test_a_spawned_worker_computes_the_same():
    problem = problems()["perceptron"]
    start = jnp.full(problem.dimension, 0.25)
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context, initializer=hm.enable_x64) as pool:
        there = pool.submit(type(problem).gradient, problem, start).result()
    np.testing.assert_allclose(there, problem.gradient(start), rtol=1e-12, atol=1e-14)
