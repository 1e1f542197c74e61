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
from homotopy.bayesian.chains import at_rest, chain_keys, draw_block
from homotopy.bayesian.posterior import target_of
from homotopy.responses.arclength import corrected

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


def predicted(estimator):
    return lambda theta: hm.predict(network(), estimator, theta, points=[0, 1], throw=False).delta


def regression():
    return hm.LinearRegression(X, X.sum(axis=1) + Y, deleted=0, ridge=0.1)


def response_point(theta):
    """What continuation asks of every point."""
    row = jnp.eye(3)[-1]
    point = jnp.append(theta, 0.5)
    return corrected(logistic(), point, row, row, jnp.ones(()), jnp.asarray(5)).point.velocity


def no_u_turn(theta):
    target = target_of(logistic(), theta, hm.LocalPosterior(1.0, 1.0))
    keys, start = chain_keys(0, 2), jnp.broadcast_to(theta, (2, 2))
    kernel, positions = hm.NUTS(16, chains=2).tuned(target, start, keys)
    loss = hm.TestLoss(X, Y)
    running = at_rest(positions)
    return draw_block(kernel, target, loss, running, keys, jnp.asarray(0), 4, 1)[0].positions


TIMES = [0.0, 1.0]
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
    "Newton step": (predicted(hm.NewtonStep()), 17),
    "Taylor": (predicted(hm.Taylor(2)), 17),
    "path integration": (predicted(hm.PathIntegration()), 17),
    "Jacobian of weights": (
        lambda theta: hm.influence.weight_jacobian(logistic(), theta).columns, 2
    ),
    "point of a response": (response_point, 2),
    "response of a regression": (lambda theta: hm.response(regression(), TIMES, theta).theta, 2),
    "surface of a regression": (
        lambda theta: hm.homotopy(regression(), theta, TIMES, TIMES, throw=False).theta, 2
    ),
    "sensitivities of a regression": (
        lambda theta: hm.sensitivity(regression(), theta, TIMES, throw=False).derivative, 2
    ),
    "cost": (lambda theta: hm.Deletion(regression(), theta, 0.0, 1.0).cost(hm.Step(0.3)), 2),
    "chains": (no_u_turn, 2),
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


def test_where_another_device_is_the_default_numbers_are_those_of_numpy(monkeypatch):
    """Known numbers go by NumPy and Numba on a processor, and by JAX elsewhere: to rounding alike.

    The other way is taken here too, on the processor, whose name is changed.
    """
    theta, times, weights = np.ones(2), [0.0, 0.4, 2.0], np.linspace(0.0, 1.0, 40)

    def found():
        return (
            hm.homotopy(regression(), theta, times, weights).theta,
            hm.homotopy(logistic(), theta, times, weights).theta,
            hm.sensitivity(regression(), theta, times).derivative,
        )

    known = found()
    monkeypatch.setattr(jax, "default_backend", lambda: "cuda")
    for name, one, other, bound in zip(
        ("surface", "followed surface", "sensitivities"), known, found(), (1e-12, 1e-9, 1e-12),
        strict=True,
    ):  # fmt: skip
        apart = np.max(np.abs(np.asarray(one) - np.asarray(other)))
        assert apart <= bound * np.max(np.abs(one)), name


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
