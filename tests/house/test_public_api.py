"""The promised names, what importing does not do, and every example of the documentation."""

import ast
import doctest
import enum
import importlib
import inspect
import json
import pkgutil
import subprocess
import sys
import textwrap

import pytest
from public_face import DOCUMENTED, FLAT, PUBLIC

import homotopy as hm

# The names that design.md promises and that exist so far.
PROMISED = [
    "Adaptive",
    "Arnoldi",
    "AumannShapley",
    "BangBang",
    "BangBangs",
    "Banzhaf",
    "BayesianInfluence",
    "BetaShapley",
    "BlockConjugateGradient",
    "Cells",
    "ConjugateGradient",
    "Constant",
    "Deletion",
    "Dense",
    "EffectiveMedium",
    "EigenvalueKronecker",
    "Enumeration",
    "DescendToDelete",
    "Everything",
    "Exact",
    "FiniteTime",
    "GaussNewton",
    "GaussianDraws",
    "GaussianMechanism",
    "GaussianMoments",
    "GradientDescent",
    "Influence",
    "LeaveOneOut",
    "LinearRegression",
    "Lissa",
    "LocalPosterior",
    "Logistic",
    "MALA",
    "MultiOutputRegression",
    "NUTS",
    "Network",
    "Networks",
    "NewtonStep",
    "Nystrom",
    "OwnLoss",
    "PathIntegration",
    "Permutations",
    "PointLosses",
    "PiecewiseConstant",
    "Polynomial",
    "Polynomials",
    "Predictions",
    "Problem",
    "ProximalBregman",
    "Ramp",
    "Ramps",
    "Retrain",
    "RewindToDelete",
    "SGLD",
    "Separately",
    "Shapley",
    "SoftmaxCrossEntropy",
    "Spline",
    "Splines",
    "SquaredError",
    "Step",
    "Steps",
    "StochasticGradientDescent",
    "Taylor",
    "TestLoss",
    "WhenCertified",
    "audit",
    "bayesian_influence",
    "best_step",
    "check",
    "cooks_distance",
    "data_values",
    "enable_x64",
    "explore",
    "flow",
    "from_sklearn",
    "function_model",
    "gaps",
    "greedy",
    "homotopy",
    "influence_at",
    "influence_in_time",
    "keep_programs",
    "knn_shapley",
    "least_time",
    "leverage",
    "linear_model",
    "load",
    "measurement_influence",
    "mlp",
    "module_model",
    "optimise",
    "portrait",
    "predict",
    "reachable",
    "regression_diagnostics",
    "row_diagnostics",
    "response",
    "sensitivity",
    "soft_weights",
    "sweep",
    "taylor",
    "train",
    "train_network",
    "training_run",
    "unlearn",
]
MODULES = ["homotopy", *(m.name for m in pkgutil.walk_packages(hm.__path__, "homotopy."))]
public_objects = pytest.mark.parametrize("name", DOCUMENTED)


@pytest.mark.parametrize("name", PROMISED)
def test_promised_names_are_public(name):
    assert name in hm.__all__
    assert callable(getattr(hm, name))


def test_the_flat_names_are_few_and_each_exists_once():
    assert len(set(hm.__all__)) == len(hm.__all__)
    loaded = {name for name in dir(hm) if not name.startswith("_")}
    rooms = {name for name in loaded if inspect.ismodule(getattr(hm, name))}
    assert loaded - rooms == set(FLAT)
    assert set(PROMISED) <= set(FLAT) and len(FLAT) <= len(PROMISED) + 2, set(FLAT) - set(PROMISED)


def test_no_module_is_hidden_by_what_has_its_name():
    for module in MODULES[1:]:
        parent, _, name = module.rpartition(".")
        importlib.import_module(module)
        assert inspect.ismodule(getattr(importlib.import_module(parent), name)), module


@pytest.mark.parametrize(
    ("name", "attributes"),
    [
        ("Problem", "dimension risk gradient hessian hvp full_fit deleted_fit unravel"),
        ("LinearRegression", "dimension risk gradient hessian hvp full_fit deleted_fit unravel"),
        ("schedules.AbstractSchedule", "breakpoints __call__ integral membership plot"),
        ("results.Trajectory", "evaluate plot"),
        ("results.ResponsePath", "plot velocity_change velocity_change_bound"),
        (
            "Deletion",
            "cost value_and_gradient costate switching_function final_state membership "
            "pmp_residual",
        ),
    ],
)
def test_promised_attributes(name, attributes):
    for attribute in attributes.split():
        assert hasattr(PUBLIC[f"homotopy.{name}"], attribute), attribute


# Documentation -----------------------------------------------------------------------------------


def sections(docstring):
    return {
        line.strip()
        for line, under in zip(docstring.splitlines(), docstring.splitlines()[1:], strict=False)
        if under.strip() and set(under.strip()) == {"-"}
    }


@public_objects
def test_every_public_object_says_what_it_takes(name):
    public = PUBLIC[name]
    assert public.__doc__, name
    constructed = not (inspect.isclass(public) and inspect.isabstract(public))
    takes = [p for p in inspect.signature(public).parameters if p not in ("args", "kwargs")]
    enumeration = type(public) in (enum.EnumType, type(hm.results.Status))
    if takes and constructed and not enumeration:
        assert sections(public.__doc__) & {"Parameters", "Attributes"}, public.__doc__


@pytest.mark.parametrize("name", [name for name in DOCUMENTED if inspect.isclass(PUBLIC[name])])
def test_every_public_method_has_a_docstring(name):
    public = PUBLIC[name]
    for attribute in dir(public):
        if attribute.startswith("_"):
            continue
        value = inspect.getattr_static(public, attribute)
        value = getattr(value, "fget", value)
        if callable(value) and getattr(value, "__module__", "").startswith("homotopy"):
            assert inspect.getdoc(getattr(public, attribute)), attribute


def documented_examples(module):
    """The examples of one module, found in its source: decorators hide functions from `doctest`."""
    source = inspect.getsource(module)
    if ">>>" not in source:
        return
    parser, tree = doctest.DocTestParser(), ast.parse(source)
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef)
    for node in ast.walk(tree):
        text = ast.get_docstring(node) if isinstance(node, documented) else None
        if text and ">>>" in text:
            name = getattr(node, "name", module.__name__)
            line = node.body[0].lineno - 1
            yield parser.get_doctest(
                textwrap.dedent(text), dict(vars(module)), name, module.__file__, line
            )


@pytest.mark.parametrize("name", MODULES)
def test_examples_of_the_documentation_run(name):
    module = importlib.import_module(name)
    runner = doctest.DocTestRunner(optionflags=doctest.REPORT_NDIFF)
    report = []
    for example in documented_examples(module):
        runner.run(example, out=report.append)
    assert runner.failures == 0, "".join(report)


def called_first(public):
    """Functions and what one constructs oneself; results and base classes are shown by those."""
    return "Parameters" in sections(public.__doc__ or "") and not inspect.isabstract(public)


@pytest.mark.parametrize("name", [name for name in DOCUMENTED if called_first(PUBLIC[name])])
def test_what_is_called_first_comes_with_an_example(name):
    assert ">>> " in PUBLIC[name].__doc__


# Importing and precision, in a fresh interpreter -------------------------------------------------

SESSION = """
import json, os, sys, warnings
import jax
import numpy as np
before, environment = dict(jax.config.values), dict(os.environ)
import homotopy as hm
report = {
    "settings": {k: str(v) for k, v in jax.config.values.items() if before.get(k) != v},
    "environment": os.environ == environment,
    "pyplot": "matplotlib.pyplot" in sys.modules,
    "backend": jax._src.xla_bridge.backends_are_initialized(),
}
X, y = np.array([[1.0], [1.0], [1.0]]), np.array([0.0, 1.0, 5.0])
model, loss = hm.linear_model(1), hm.SquaredError()
builders = {
    "linear": lambda **options: hm.LinearRegression(X, y, deleted=2, **options),
    "general": lambda **options: hm.Problem(model, loss, X, y, deleted=2, **options),
}
for name, build in builders.items():
    try:
        build()
    except ValueError as error:
        report[name + " in double"] = str(error)
    single = build(dtype="float32")
    theta = hm.flow(single, hm.Step(1.0), [3.0], [0.0, 50.0]).theta
    report[name + " in single"] = [str(theta.dtype), theta[:, 0].tolist()]
try:
    builders["linear"](dtype="float64")
except ValueError as error:
    report["by name"] = str(error)
hm.enable_x64()
report["after"] = [str(build().full_fit().dtype) for build in builders.values()]
json.dump(report, sys.stdout)
"""


@pytest.fixture(scope="module")
def session():
    """What a session sees that has just started Python; warnings are errors."""
    result = subprocess.run(
        [sys.executable, "-W", "error", "-c", SESSION],
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


def test_importing_changes_no_setting(session):
    assert session["settings"] == {}
    assert session["environment"]
    assert not session["pyplot"]
    assert not session["backend"]  # so that the user may still choose the device


@pytest.mark.parametrize("kind", ["linear", "general"])
def test_a_problem_without_double_precision_names_the_remedy(session, kind):
    assert "homotopy.enable_x64()" in session[f"{kind} in double"]
    assert "dtype=jnp.float32" in session[f"{kind} in double"]


def test_double_precision_by_name_needs_it_switched_on(session):
    assert "homotopy.enable_x64()" in session["by name"]


@pytest.mark.parametrize("kind", ["linear", "general"])
def test_single_precision_by_name_works(session, kind):
    dtype, theta = session[f"{kind} in single"]
    assert dtype == "float32"
    assert theta == pytest.approx([3.0, 0.5], abs=1e-5)


def test_the_remedy_works(session):
    assert session["after"] == ["float64", "float64"]
