"""`make gpu-check`: the core verbs on whatever accelerator JAX finds, against the processor.

Every check computes the same thing on both, in a process each, and compares to a relative
tolerance: 1e-9 for closed forms and direct solves in float64, with what a condition number of some
hundreds makes of rounding; 1e-6 for what is stepped or iterated to a tolerance of its own; 2e-3 for
float32 at a residual of 1e-4. Exit status: 0 where all agree, 1 where one does not, 77 where JAX
finds no accelerator, as test suites mark what was skipped.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax

import homotopy as hm

NONE = 77
DIRECT, STEPPED, SINGLE = 1e-9, 1e-6, 2e-3


def main(arguments=None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.accelerator", description=__doc__)
    parser.add_argument(
        "--anything", action="store_true", help="also where there is the processor only: a trial"
    )
    parser.add_argument("--write", metavar="FILE", help="compute on the default device, and write")
    given = parser.parse_args(arguments)
    hm.enable_x64()
    if given.write:
        np.savez(given.write, **{name: _timed(check)[1] for name, (check, _) in CHECKS.items()})
        return 0
    device = jax.devices()[0]
    if device.platform == "cpu" and not given.anything:
        print(f"no accelerator: JAX {jax.__version__} finds the processor only. Status {NONE}.")
        return NONE
    print(f"JAX {jax.__version__}: {device.device_kind} against the processor", flush=True)
    references = _on_the_processor()
    failed = 0
    for name, (check, tolerance) in CHECKS.items():
        seconds, ours = _timed(check)
        reference = references[name]
        scale = np.linalg.norm(reference)
        error = np.linalg.norm(ours - reference) / (scale if scale > 0.0 else 1.0)
        good = bool(error <= tolerance)  # false for NaN
        failed += not good
        state = "agrees" if good else "DIFFERS"
        print(f"{name:46s} {error:8.1e} of {tolerance:.0e}  {state:8s}{seconds:6.2f} s", flush=True)
    print("all agree" if not failed else f"{failed} of {len(CHECKS)} differ")
    return 1 if failed else 0


def _on_the_processor() -> dict:
    """The same in a process that knows no other device."""
    with tempfile.TemporaryDirectory() as folder:
        file = str(Path(folder) / "reference.npz")
        command = [sys.executable, "-m", "benchmarks.accelerator", "--write", file]
        subprocess.run(command, check=True, env=os.environ | {"JAX_PLATFORMS": "cpu"})
        with np.load(file) as found:
            return {name: found[name] for name in found.files}


def _timed(check):
    begin = time.perf_counter()
    value = np.asarray(jax.block_until_ready(check()), float).ravel()
    return time.perf_counter() - begin, value


def _regression():
    generator = np.random.default_rng(0)
    X = generator.normal(size=(40, 5))
    y = X @ np.arange(1.0, 6.0) + generator.normal(size=40)
    return hm.LinearRegression(X, y, deleted=3, ridge=0.5)


def _logistic():
    generator = np.random.default_rng(1)
    X = generator.normal(size=(60, 4))
    y = (X[:, 0] + generator.logistic(size=60) > 0).astype(int)
    return hm.Problem(hm.linear_model(4), hm.Logistic(), X, y, deleted=3, ridge=1.0)


def _network(dtype=None):
    generator = np.random.default_rng(2)
    X, y = generator.normal(size=(80, 6)), generator.integers(0, 3, 80)
    model = hm.mlp([6, 16, 3])
    options = {"deleted": 3, "ridge": 0.1, "dtype": dtype}
    problem = hm.Problem(model, hm.SoftmaxCrossEntropy(), X, y, **options)
    theta = generator.normal(size=model.dimension) / 4
    return problem, jnp.asarray(theta, problem.X.dtype)


def _flow():
    return hm.flow(_logistic(), hm.Step(0.3), np.ones(4), [0.0, 0.2, 1.0]).theta


def _surface():
    return hm.homotopy(_regression(), np.ones(5), [0.0, 0.1, 1.0], [0.0, 0.5, 1.0]).theta


def _response(method=None):
    return lambda: hm.response(_logistic(), [0.0, 0.5, 1.0], method=method).theta


def _sensitivities(problem, method):
    return lambda: hm.sensitivity(problem(), np.ones(problem().dimension), [0.1, 1.0],
                                  method=method).derivative  # fmt: skip


def _weight_jacobian():
    problem = _logistic()
    return hm.influence.weight_jacobian(problem, problem.full_fit()).columns


def _in_steps():
    run = hm.training_run(_logistic(), np.ones(4), 40, hm.GradientDescent(0.01))
    return hm.influence_at(run, [10, 40]).influence


def _optimum():
    deletion = hm.Deletion(_regression(), np.ones(5), start=0.01, horizon=0.1)
    return hm.optimise(deletion, over=hm.Cells(6)).cost


def _cost():
    return hm.Deletion(_logistic(), np.ones(4), start=0.1, horizon=1.0).cost(hm.Ramp(0.1, 0.6))


def _values():
    problem = _logistic()
    loss = hm.TestLoss(problem.X[:9], problem.y[:9])
    return hm.data_values(problem, loss, hm.AumannShapley(), theta0=np.zeros(4)).values


def _posterior():
    problem = _regression()
    loss = hm.TestLoss(problem.X[:9], problem.y[:9])
    sampler = hm.GaussianDraws(400)
    return hm.bayesian_influence(
        problem, problem.full_fit(), loss, sampler=sampler, throw=False
    ).change


def _train():
    problem = _logistic()
    return hm.train(problem, np.zeros(4)).theta


def _predict(estimator):
    def check():
        problem = _logistic()
        return hm.predict(problem, estimator, points=[0, 1, 2]).delta

    return check


def _block(dtype, tolerance, **options):
    def check():
        problem, theta = _network(dtype)
        solver = hm.BlockConjugateGradient(tolerance, **options)
        estimator = hm.GaussNewton(2.0, solver)
        return hm.measurement_influence(
            problem, estimator, theta, hm.Predictions(problem.X[:9])
        ).change

    return check


def _kronecker():
    problem, theta = _network()
    estimator = hm.GaussNewton(2.0, hm.EigenvalueKronecker(100.0))
    return hm.predict(problem, estimator, theta, points=[0, 1]).delta


def _network_training():
    problem, theta = _network()
    return hm.train_network(problem, theta, optimiser=optax.adam(0.01), max_epochs=3).theta


CHECKS = {
    "flow under a schedule": (_flow, STEPPED),
    "surface of a linear regression": (_surface, DIRECT),
    "response path": (_response(), STEPPED),
    "response, each weight trained": (_response(hm.responses.FlowLimits()), STEPPED),
    "sensitivities of a linear regression": (_sensitivities(_regression, hm.Exact()), DIRECT),
    "sensitivities along a flow": (_sensitivities(_logistic, hm.Adaptive()), STEPPED),
    "Jacobian of all weights": (_weight_jacobian, STEPPED),
    "influence at steps of training": (_in_steps, DIRECT),
    "cost of a schedule": (_cost, STEPPED),
    "best schedule of cells": (_optimum, STEPPED),
    "Aumann–Shapley values": (_values, STEPPED),
    "Bayesian influence, draws": (_posterior, STEPPED),
    "train": (_train, STEPPED),
    "train_network": (_network_training, STEPPED),
    "predict, influence, dense": (_predict(hm.Influence()), STEPPED),
    "predict, influence, conjugate gradients": (
        _predict(hm.Influence(solver=hm.ConjugateGradient())),
        STEPPED,
    ),
    "predict, retraining": (_predict(hm.LeaveOneOut()), STEPPED),
    "predict, proximal Bregman": (_predict(hm.ProximalBregman(1.0)), STEPPED),
    "measurement_influence, block CG": (_block(None, 1e-9), STEPPED),
    "measurement_influence, float32 within float64": (
        _block(None, 1e-9, working_dtype=jnp.float32),
        STEPPED,
    ),
    "measurement_influence, float32": (_block(jnp.float32, 1e-4), SINGLE),
    "EK-FAC": (_kronecker, DIRECT),
}


if __name__ == "__main__":
    sys.exit(main())
