"""Influence of every training point on test data, against dattri (PyTorch), and at full size."""

import resource

import jax
import numpy as np

import homotopy as hm
from benchmarks.comparison import Comparison, Contender
from benchmarks.scorecard import Mark, Scorecard
from benchmarks.timing import relative_difference, timed, timed_once
from homotopy.datasets import concrete, standardise

SIZE, TEST, RIDGE = 1030, 100, 1e-2  # RIDGE: damping of the mean risk


def run() -> list:
    return [_all_points(), *_against_dattri()]


def _all_points() -> Scorecard:
    """Gauss–Newton influence of all 1030 points on each of 100 test losses, 5000 parameters."""
    problem, theta, X, y = _trained([8, 64, 64, 1])
    estimators = {
        "Dense, by the (n, n) matrix": hm.GaussNewton(RIDGE * SIZE),
        "conjugate gradients": hm.GaussNewton(
            RIDGE * SIZE, hm.ConjugateGradient(tolerance=1e-8, max_steps=2000)
        ),
    }
    rows, seconds, reference = [], [], None
    for name, estimator in estimators.items():
        timing, change = timed(
            lambda estimator=estimator: (
                hm.measurement_influence(problem, estimator, theta, _losses(problem, X, y)).change
            ),
            1,
        )
        reference = change if reference is None else reference
        seconds.append(timing.best)
        rows.append(
            (
                name,
                f"{timing.best:.3g}",
                f"{timing.first:.3g}",
                f"{relative_difference(change, reference):.1e}",
            )
        )
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    return Scorecard(
        f"Gauss–Newton influence of {SIZE} points on {TEST} losses, d = {problem.dimension}",
        ("", "s", "first call, s", "difference"),
        tuple(rows),
        (
            Mark("seconds, the slower", max(seconds), 60.0, at_least=False),
            Mark("memory of the process so far, GiB", memory, 4.0, at_least=False),
        ),
    )


def _against_dattri() -> list:
    try:
        import torch
        from dattri.algorithm.influence_function import IFAttributorCG, IFAttributorExplicit
        from dattri.task import AttributionTask
    except ImportError:
        return [
            Scorecard(
                "against dattri", ("not measured",), (),
                notes=("pip install 'homotopy[peers]' brings PyTorch and dattri.",),
            )
        ]  # fmt: skip
    torch.set_default_dtype(torch.float64)
    comparisons = []
    for hidden, name, tests in ((32, "explicit", TEST), (32, "conjugate gradients", 10)):
        problem, theta, X, y = _trained([8, hidden, 1])
        X, y = X[:tests], y[:tests]
        solver = hm.Dense() if name == "explicit" else hm.ConjugateGradient(1e-8, 2000)
        # Where the model stands the Hessian need not be definite: a damping that makes it so.
        lowest = float(np.linalg.eigvalsh(problem.hessian(theta))[0])
        damping = RIDGE + max(0.0, -1.5 * lowest / SIZE)
        estimator = hm.Influence(damping=damping * SIZE, solver=solver)
        ours, change = timed(
            lambda problem=problem, theta=theta, estimator=estimator, X=X, y=y: (
                hm.measurement_influence(
                    problem, estimator, theta, _losses(problem, X, y), throw=False
                ).change
            ),
            3,
        )
        model = _torch_model(torch, problem, theta)
        data = [
            torch.utils.data.TensorDataset(torch.tensor(np.array(a)), torch.tensor(np.array(b)))
            for a, b in ((problem.X, problem.y), (X, y))
        ]
        loaders = [torch.utils.data.DataLoader(part, batch_size=len(part)) for part in data]

        def loss(params, pair, model=model):
            inputs, targets = pair
            outputs = torch.func.functional_call(model, params, inputs)
            return 0.5 * torch.mean((outputs.squeeze(-1) - targets) ** 2)

        def target(params, pair, model=model):
            inputs, targets = pair
            outputs = torch.func.functional_call(model, params, inputs.unsqueeze(0))
            return 0.5 * (outputs.squeeze() - targets.squeeze()) ** 2

        def attribute(loss=loss, target=target, model=model, loaders=loaders, name=name,
                      damping=damping):  # fmt: skip
            task = AttributionTask(
                loss_func=loss, model=model, checkpoints=model.state_dict(), target_func=target
            )
            if name == "explicit":
                attributor = IFAttributorExplicit(task, regularization=damping)
            else:
                attributor = IFAttributorCG(
                    task, regularization=damping, max_iter=200, tol=1e-8, mode="rev-fwd"
                )
            attributor.cache(loaders[0])
            return attributor.attribute(*loaders).detach().numpy()

        theirs, scores = timed_once(attribute)
        # Theirs is ∇mᵀ(H/n + λ)⁻¹∇ℓ of the mean risk: n times ours.
        difference = relative_difference(scores / SIZE, change)
        comparisons.append(
            Comparison(
                f"influence of {SIZE} points on {tests} losses, Hessian, d = {problem.dimension}, "
                f"{name}",
                (Contender("homotopy", ours, 0.0), Contender("dattri", theirs, difference)),
                {"dattri": 1.0},
            )
        )
    return comparisons


def _trained(sizes):
    """A perceptron on the concrete data after a few epochs of Adam, and 100 test points."""
    data, _ = standardise(concrete())
    rows = np.random.default_rng(0).permutation(SIZE)[:TEST]
    model = hm.mlp(sizes)
    problem = hm.Problem(model, hm.SquaredError(), data.X, data.y, deleted=0)
    trained = hm.influence.early_stopping(
        problem, model.initial_parameters(jax.random.key(0)), data.X[rows], data.y[rows],
        max_epochs=20,
    )  # fmt: skip
    generator = np.random.default_rng(1)
    X = data.X[rows] + 0.1 * generator.standard_normal((TEST, 8))
    return problem, trained.theta, X, data.y[rows]


def _losses(problem, X, y):
    """The loss of each test point."""
    return jax.tree_util.Partial(_test_losses, problem, X, y)


def _test_losses(problem, X, y, theta):
    return jax.vmap(problem.loss.value)(problem.predict(theta, X), y)


def _torch_model(torch, problem, theta):
    """The same network with the same parameters."""
    layers = []
    for layer in problem.unravel(theta).layers:
        if hasattr(layer, "weight"):
            linear = torch.nn.Linear(*layer.weight.shape[::-1])
            weight, bias = np.array(layer.weight), np.atleast_1d(np.array(layer.bias))
            linear.weight.data = torch.tensor(weight.reshape(linear.weight.shape))
            linear.bias.data = torch.tensor(bias)
            layers.append(linear)
        else:
            layers.append(torch.nn.Tanh())
    return torch.nn.Sequential(*layers).eval()
