"""Nothing that runs under jit is for processors only: the verbs' programs are lowered for CUDA.

Lowering needs no such device; an operation that has no rule for the platform raises. Whether the
numbers agree is for `make gpu-check`, which needs one.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import homotopy as hm
from benchmarks import accelerator

GENERATOR = np.random.default_rng(0)
X = GENERATOR.normal(size=(12, 2))
Y = GENERATOR.integers(0, 2, 12)


def network():
    return hm.Problem(hm.mlp([2, 3, 2]), hm.SoftmaxCrossEntropy(), X, Y, deleted=0, ridge=0.1)


def logistic():
    return hm.Problem(hm.linear_model(2), hm.Logistic(), X, Y, deleted=0, ridge=0.1)


def influence(solver, estimator=hm.GaussNewton):
    def program(theta):
        found = hm.predict(
            network(), estimator(damping=1.0, solver=solver), theta, points=[0, 1], throw=False
        )
        return found.delta

    return program, 17


PROGRAMS = {
    # diffrax checks arguments of its own in calls to the host, which any device can make, but which
    # JAX does not lower for another platform than the one it runs on.
    "flow": (
        lambda theta: (
            hm.flow(
                logistic(), hm.Step(0.3), theta, [0.0, 1.0], method=hm.GradientDescent(0.1),
                throw=False,
            ).theta
        ),
        2,
    ),
    "train": (lambda theta: hm.train(logistic(), theta, throw=False).theta, 2),
    "dense": influence(hm.Dense()),
    "conjugate gradients": influence(hm.ConjugateGradient(), hm.Influence),
    "block": influence(hm.BlockConjugateGradient(working_dtype=jnp.float32)),
    "preconditioned": influence(
        hm.BlockConjugateGradient(preconditioner=hm.EigenvalueKronecker())
    ),
    "EK-FAC": influence(hm.EigenvalueKronecker()),
    "Lissa": influence(hm.Lissa(5)),
    "Arnoldi": influence(hm.Arnoldi(3)),
    "Nystrom": influence(hm.Nystrom(3)),
    "measurement": (
        lambda theta: (
            hm.measurement_influence(
                network(), hm.GaussNewton(1.0, hm.BlockConjugateGradient()), theta,
                hm.Predictions(X[:2]), throw=False,
            ).change
        ),
        17,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", PROGRAMS)
def test_programs_are_lowered_for_cuda(name):
    program, dimension = PROGRAMS[name]
    traced = jax.jit(program).trace(jnp.full(dimension, 0.1))
    assert traced.lower(lowering_platforms=("cuda",)).as_text()


def test_what_is_for_processors_only_would_be_found():
    traced = jax.jit(jax.scipy.linalg.schur).trace(jnp.eye(2))
    with pytest.raises(NotImplementedError, match="schur"):
        traced.lower(lowering_platforms=("cuda",))


def test_without_an_accelerator_the_check_says_so(monkeypatch, capsys):
    monkeypatch.setattr(jax, "devices", lambda *_: [type("", (), {"platform": "cpu"})()])
    assert accelerator.main([]) == 77
    assert "finds the processor only. Status 77." in capsys.readouterr().out


@pytest.mark.parametrize(("shift", "status"), [(0.0, 0), (1e-5, 1), (np.nan, 1)])
def test_the_check_fails_where_numbers_differ(monkeypatch, capsys, shift, status):
    """On a device that is claimed to be another, with a reference that is moved."""
    values = jnp.arange(1.0, 4.0)
    monkeypatch.setattr(accelerator, "CHECKS", {"one": (lambda: values, 1e-6)})
    moved = {"one": np.asarray(values) * (1.0 + shift)}
    monkeypatch.setattr(accelerator, "_on_the_processor", lambda: moved)
    assert accelerator.main(["--anything"]) == status
    assert ("DIFFERS" in capsys.readouterr().out) == bool(status)
