"""What dattri and kronfluence make of influence in a network, and what they solve on the way.

Neither says how well it solved. Each function returns its scores (points, losses), and, caught on
the way, the gradients of the losses and what was made of them, both (losses, d), from which the
residual can be computed. Their parameters stand as ours: weights, then biases, layer by layer.
"""

import copy
import tempfile
from typing import NamedTuple

import numpy as np
import torch

from homotopy.influence.curvature import GaussNewtonCurvature, HessianCurvature


def torch_data(problem, X, y) -> list:
    """The points and the losses that are asked about, as data sets."""
    return [
        torch.utils.data.TensorDataset(
            torch.tensor(np.array(a, np.float32)), torch.tensor(np.array(b, np.int64))
        )
        for a, b in ((problem.X, problem.y), (X, y))
    ]


def torch_model(problem, theta):
    """The same perceptron."""
    layers = []
    for layer in problem.unravel(theta).layers:
        if hasattr(layer, "weight"):
            linear = torch.nn.Linear(*layer.weight.shape[::-1])
            linear.weight.data = torch.tensor(np.array(layer.weight))
            linear.bias.data = torch.tensor(np.array(layer.bias))
            layers.append(linear)
        else:
            layers.append(torch.nn.Tanh())
    return torch.nn.Sequential(*layers).eval()


def dattri(model, data, damping):
    """Conjugate gradients of the Hessian, each loss on its own."""
    from dattri.algorithm.influence_function import IFAttributorCG
    from dattri.task import AttributionTask

    def loss(params, pair):
        inputs, targets = pair
        outputs = torch.func.functional_call(model, params, inputs)
        return torch.nn.functional.cross_entropy(outputs, targets)

    def target(params, pair):
        inputs, targets = pair
        outputs = torch.func.functional_call(model, params, inputs.unsqueeze(0))
        return torch.nn.functional.cross_entropy(outputs.reshape(1, -1), targets.reshape(1))

    loaders = [torch.utils.data.DataLoader(part, batch_size=len(part)) for part in data]
    task = AttributionTask(
        loss_func=loss, model=model, checkpoints=model.state_dict(), target_func=target
    )
    caught = []

    class Catching(IFAttributorCG):
        def transform_test_rep(self, ckpt_idx, test_rep):
            solution = super().transform_test_rep(ckpt_idx, test_rep)
            caught.append((test_rep.detach().numpy(), solution.detach().numpy()))
            return solution

    attributor = Catching(task, regularization=damping, max_iter=10, mode="rev-fwd")
    attributor.cache(loaders[0])
    scores = attributor.attribute(*loaders).detach().numpy()
    right, solution = (np.concatenate(part) for part in zip(*caught, strict=True))
    return scores, right, solution


def kronfluence(model, data, damping):
    """EK-FAC alone, as an inverse."""
    from kronfluence.analyzer import Analyzer, prepare_model
    from kronfluence.arguments import FactorArguments, ScoreArguments
    from kronfluence.factor.config import FactorConfig, FactorStrategy
    from kronfluence.task import Task

    class Digits(Task):
        def compute_train_loss(self, batch, model, sample=False):
            logits = model(batch[0])
            targets = batch[1]
            if sample:
                with torch.no_grad():
                    targets = torch.multinomial(logits.softmax(-1), 1).flatten()
            return torch.nn.functional.cross_entropy(logits, targets, reduction="sum")

        def compute_measurement(self, batch, model):
            return self.compute_train_loss(batch, model)

    task, caught = Digits(), []
    kind = FactorConfig.CONFIGS[FactorStrategy.EKFAC]
    made = kind.precondition_gradient

    def catching(gradient, storage):
        right = gradient.clone()
        solution = made(gradient=gradient, storage=storage)
        caught.append((right, solution.clone()))
        return solution

    kind.precondition_gradient = catching
    with tempfile.TemporaryDirectory() as folder:
        analyzer = Analyzer(
            "digits", prepare_model(copy.deepcopy(model), task), task, cpu=True, output_dir=folder,
            disable_tqdm=True,
        )  # fmt: skip
        analyzer.fit_all_factors(
            "factors", data[0], per_device_batch_size=500,
            factor_args=FactorArguments(strategy="ekfac"), overwrite_output_dir=True,
        )  # fmt: skip
        analyzer.compute_pairwise_scores(
            "scores", "factors", data[1], data[0], per_device_query_batch_size=len(data[1]),
            per_device_train_batch_size=500, score_args=ScoreArguments(damping_factor=damping),
            overwrite_output_dir=True,
        )  # fmt: skip
        scores = analyzer.load_pairwise_scores("scores")
    del kind.precondition_gradient
    # From the last layer to the first, (losses, out, in and the bias).
    right, solution = (
        np.concatenate([_flat(layer) for layer in part[::-1]], axis=1)
        for part in zip(*caught, strict=True)
    )
    return scores["all_modules"].numpy().T, right, solution


def _flat(layer):
    layer = layer.numpy()
    weights, biases = layer[:, :, :-1], layer[:, :, -1]
    return np.concatenate([weights.reshape(len(layer), -1), biases], axis=1)


class System(NamedTuple):
    """What a peer's answer is a solution of."""

    curvature: type
    matrix: str
    gauss_newton: bool


PEERS = {
    "kronfluence, EK-FAC": (kronfluence, System(GaussNewtonCurvature, "Gauss–Newton", True)),
    "dattri, CG": (dattri, System(HessianCurvature, "Hessian", False)),
}
