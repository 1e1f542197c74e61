"""Plain pickle and `copy.deepcopy` keep every public kind bit for bit, also in another process."""

import copy
import inspect
import multiprocessing
import os
import pickle
import subprocess
import sys
import textwrap
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from instances import everything, models, problems, schedules
from public_face import DOCUMENTED, PUBLIC
from same import assert_same

import homotopy as hm

ROOT = Path(__file__).resolve().parents[2]


def test_every_public_kind_is_tried():
    """Abstract kinds and enumerations apart; what is only found inside another counts as well."""
    inside = {
        # Of a path with folds, of a prediction, of an optimum's list, of what `progress` is told;
        # of a certificate.
        "Branch", "Event", "InverseProduct", "LocalMinimum", "Progress", "Model",
        # Of Bayesian influence.
        "Chains",
        # Of values of points.
        "PermutationCheck", "Sampling",
        "CertificateKind", "ComparedTo",
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


LOAD_EACH = """
    import pickle, sys
    import homotopy
    errors = []
    for pickled in pickle.load(sys.stdin.buffer):
        try:
            pickle.loads(pickled)
            errors.append("none: it was loaded")
        except Exception as error:
            errors.append(str(error))
    pickle.dump(errors, sys.stdout.buffer)
"""


def test_float64_is_not_loaded_as_float32():
    """JAX would round without a word where 64-bit mode is off."""
    names = ["linear regression", "perceptron", "step", "module"]
    result = relay(LOAD_EACH, [pickle.dumps(everything()[name]) for name in names])
    assert result.returncode == 0, result.stderr.decode()
    for name, error in zip(names, pickle.loads(result.stdout), strict=True):
        assert "call homotopy.enable_x64() before" in error, name


def test_a_spawned_worker_computes_the_same():
    problem = problems()["perceptron"]
    start = jnp.full(problem.dimension, 0.25)
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context, initializer=hm.enable_x64) as pool:
        there = pool.submit(type(problem).gradient, problem, start).result()
    np.testing.assert_allclose(there, problem.gradient(start), rtol=1e-12, atol=1e-14)
