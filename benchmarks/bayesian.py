"""Bayesian influence of a network: all pairs from one run, and seconds an effective draw.

Processor time of one thread, as the chains of all contenders are run on one; compilation is apart.
Beside devinterp, whose sampler of single chains is given the same network, data, step, batches and
localisation, and asked for the same record: the losses of all points at every draw. The effective
draws of both are counted in the same way, of the covariances of each point's loss with the mean.
"""

import contextlib
import itertools
import os
import time
import warnings

import jax
import numpy as np

import homotopy as hm
from benchmarks.scorecard import Mark, Scorecard
from homotopy.bayesian.estimates import covariances
from homotopy.bayesian.langevin import largest_stable_step
from homotopy.bayesian.posterior import target_of

SIZE, WIDTH, FEATURES, BETA, LOCALISATION = 500, 66, 8, 10.0, 1000.0
THINNING = 10


def run() -> list:
    problem, theta, loss = _setting()
    return [_all_pairs(problem, theta), _peers(problem, theta, loss)]


def _setting():
    """Targets of another network with noise; trained by Adam for a while."""
    generator = np.random.default_rng(0)
    X = generator.normal(size=(SIZE, FEATURES))
    model = hm.mlp([FEATURES, WIDTH, WIDTH, 1])
    teacher = model.initial_parameters(jax.random.key(1))
    bare = hm.Problem(model, hm.SquaredError(), X, np.zeros(SIZE), deleted=0)
    y = 2.0 * np.asarray(bare.predict(teacher)).reshape(-1) + 0.1 * generator.normal(size=SIZE)
    problem = hm.Problem(model, hm.SquaredError(), X, y, deleted=0)
    theta = hm.influence.early_stopping(
        problem, model.initial_parameters(jax.random.key(2)), X[:50], y[:50], max_epochs=100
    ).theta
    return problem, theta, hm.TestLoss(X, y)


def _all_pairs(problem, theta) -> Scorecard:
    """n × n influences with their errors, from one run."""
    posterior = hm.LocalPosterior(BETA, LOCALISATION)
    step = 0.1 * largest_stable_step(target_of(problem, theta, posterior))
    sampler = hm.SGLD(1000, thinning=THINNING, burn_in=1000, step_size=step, batch_size=64)
    asked = problem, theta, hm.PointLosses(), posterior
    options = {"throw": False, "progress": False}
    hm.bayesian_influence(*asked, sampler=sampler, **options)  # compiled
    seconds, found = _timed(lambda: hm.bayesian_influence(*asked, sampler=sampler, **options))
    recorded = np.asarray(found.chains.losses).nbytes
    change, error = np.asarray(found.change), np.asarray(found.standard_error)
    sizes = np.asarray(found.effective_sample_size)
    rows = [
        ("parameters", f"{problem.dimension:,}"),
        ("influences, each with its error", f"{change.size:,}"),
        ("draws recorded", f"{sampler.chains} × {sampler.draws:,}"),
        ("seconds of the processor", f"{seconds:.3g}"),
        ("MB of losses", f"{recorded / 1e6:.3g}"),
        ("MB that n gradients would be", f"{8e-6 * SIZE * problem.dimension:.3g}"),
        ("‖standard errors‖/‖changes‖", f"{np.linalg.norm(error) / np.linalg.norm(change):.2g}"),
        ("effective draws, median", f"{np.median(sizes):.0f}"),
        ("R̂, largest", f"{float(np.max(found.r_hat)):.3f}"),
    ]
    marks = (
        Mark("seconds of 500 × 500 influences", seconds, 300.0, at_least=False),
        Mark("numbers kept, over draws × n", recorded / 8 / (4000 * SIZE), 1.0, at_least=False),
    )
    return Scorecard("n × n influences of a perceptron, one run", ("", ""), tuple(rows), marks)


def _peers(problem, theta, loss) -> Scorecard:
    rows, marks, notes, own = [], [], [], {}
    step = 0.1 * largest_stable_step(
        target_of(problem, theta, hm.LocalPosterior(BETA, LOCALISATION))
    )
    for batch in (None, 64):
        seconds, losses = _own_chain(problem, theta, loss, step, batch)
        own[batch] = _rate(rows, "homotopy", batch, seconds, losses)
    for batch in (None, 64):
        measured = _devinterp(problem, theta, step, batch or SIZE, 150)
        if measured is None:
            notes.append("devinterp is not installed, and not measured.")
            break
        rate = _rate(rows, "devinterp", batch, *measured)
        name = f"seconds an effective draw, of devinterp over ours, {_words(batch)}"
        marks.append(Mark(name, rate / own[batch], 1.0))
    headings = ("", "s a thousand steps", "effective of a thousand draws", "s an effective draw")
    title = f"SGLD of {problem.dimension:,} parameters, {SIZE} points, ten steps a draw"
    return Scorecard(title, headings, tuple(rows), tuple(marks), tuple(notes))


def _words(batch) -> str:
    return "all points" if batch is None else f"batches of {batch}"


def _rate(rows, name, batch, seconds, losses) -> float:
    """Seconds an effective draw, of the median point; a row of the table."""
    draws = losses.shape[0] * losses.shape[1]
    found = covariances(losses, losses.mean(axis=2, keepdims=True))
    size = float(np.median(found.effective_sample_size))
    rows.append(
        (
            f"{name}, {_words(batch)}",
            f"{1e3 * seconds / (draws * THINNING):.3g}",
            f"{1e3 * size / draws:.0f}",
            f"{seconds / size:.3g}",
        )
    )
    return seconds / size


def _own_chain(problem, theta, loss, step, batch):
    sampler = hm.SGLD(500, chains=1, burn_in=0, thinning=THINNING, step_size=step, batch_size=batch)
    posterior = hm.LocalPosterior(BETA, LOCALISATION)

    def sample():
        asked = problem, theta, loss, posterior
        return hm.bayesian_influence(*asked, sampler=sampler, throw=False, progress=False)

    sample()
    seconds, found = _timed(sample)
    return seconds, np.asarray(found.chains.losses)


def _devinterp(problem, theta, step, batch, draws):
    """Processor seconds and losses of one chain; None where it is not installed."""
    try:
        import torch
        from devinterp.optim import SGMCMC
        from devinterp.slt.sampler import sample_single_chain
    except ImportError:
        return None
    torch.set_num_threads(1)
    sizes, layers = (FEATURES, WIDTH, WIDTH, 1), []
    flat = np.asarray(theta)
    for into, out in itertools.pairwise(sizes):
        layers += [torch.nn.Linear(into, out), torch.nn.Tanh()]
    network = torch.nn.Sequential(*layers[:-1])
    _copy(problem, flat, network, torch)
    X = torch.tensor(np.asarray(problem.X), dtype=torch.float32)
    y = torch.tensor(np.asarray(problem.y), dtype=torch.float32)
    known = np.asarray(problem.losses(theta))
    with torch.no_grad():
        same = 0.5 * (network(X)[:, 0] - y) ** 2
    assert np.allclose(same.numpy(), known, rtol=1e-3, atol=1e-5)

    class Rows(torch.utils.data.Dataset):
        def __len__(self):
            return len(y)

        def __getitem__(self, row):
            return {"input_ids": torch.tensor(row)}

    def evaluate(model, data):
        rows = data["input_ids"]
        return 0.5 * (model(X[rows])[:, 0] - y[rows]) ** 2, {}

    kept = []

    def record(model, **_):
        kept.append((0.5 * (model(X)[:, 0] - y) ** 2).numpy())

    options = {"lr": step, "nbeta": BETA * SIZE, "localization": LOCALISATION}
    with open(os.devnull, "w") as nowhere, contextlib.redirect_stderr(nowhere):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            begin = time.process_time()
            sample_single_chain(
                network, Rows(), evaluate, dict.fromkeys(dict(network.named_parameters())),
                num_draws=draws, num_steps_bw_draws=THINNING, sampling_method=SGMCMC.sgld,
                sampling_method_kwargs=options, seed=0, batch_size=batch, callbacks=[record],
            )  # fmt: skip
            seconds = time.process_time() - begin
    return seconds, np.array(kept, float)[None]


def _copy(problem, flat, network, torch) -> None:
    """θ into the layers of PyTorch, weights and biases layer by layer."""
    leaves = jax.tree.leaves(problem.unravel(flat))
    arrays = [np.array(leaf) for leaf in leaves if hasattr(leaf, "shape")]
    with torch.no_grad():
        for parameter, array in zip(network.parameters(), arrays, strict=True):
            parameter.copy_(torch.tensor(array))


def _timed(call):
    """Processor seconds, and the value."""
    begin = time.process_time()
    value = call()
    return time.process_time() - begin, value
