"""Training of large networks by minibatches, where the flow's dense Hessians do not fit."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable
from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax.typing import ArrayLike

from homotopy._checks import ArrayInput, flag, fraction, instance, integer, weight
from homotopy._files import whole
from homotopy._progress import checked_progress, counted
from homotopy._result import named
from homotopy._saving import data_hash
from homotopy._threads import interruptible
from homotopy.flows.network_training import NetworkTraining, NetworkTrainingStatus
from homotopy.problem import Problem, a_problem

_BATCH = 128
_SECONDS = 30.0  # between two writings of a checkpoint


def train_network(
    problem: Problem,
    theta0: ArrayInput,
    epsilon: ArrayLike = 1.0,
    *,
    optimiser: optax.GradientTransformation | None = None,
    batch_size: int | None = None,
    max_epochs: int = 50,
    tolerance: float | None = None,
    keep_every: int | None = None,
    seed: int = 0,
    checkpoint: str | os.PathLike | None = None,
    throw: bool = True,
    progress: bool | Callable[[int], None] | None = None,
) -> NetworkTraining:
    """Train a large network on R_ε by minibatches and an optimiser of optax.

    Where `train` follows the flow to a minimum by dense Hessians, and so to hundreds of parameters,
    this goes as far as the optimiser does, to millions: θ is a start for `GaussNewton` and
    `ProximalBregman`, which ask for no minimum, and for `measurement_influence` at each θ of
    `checkpoints`. The gradient of a batch is scaled to one of the mean risk R_ε/n, ridge included.
    Memory is that of a few θ and a batch; risk and gradient of all the data, once an epoch, go
    batch by batch too.

    Parameters
    ----------
    problem : Problem
        In float32 where its `dtype` says so.
    theta0 : (d,)
    epsilon : float
        Weight of the deleted points, in [0, 1]; 0 retrains without them.
    optimiser : optax.GradientTransformation, optional
        Adam with a rate of 1e-3 by default.
    batch_size : int, optional
        From 1 to n; 128 by default, or n where that is less. What is left of n is a smaller batch,
        with as much say.
    max_epochs : int
    tolerance : float, optional
        In (0, 1): training ends where ‖∇R_ε‖ has fallen to it, of what it was at θ₀. By default all
        epochs are made, and the last is success.
    keep_every : int, optional
        Keep θ of every so many epochs, from θ₀ on, as `checkpoints`.
    seed : int
        Of the order of the data, drawn anew every epoch.
    checkpoint : path, optional
        A file that is written after an epoch, every 30 seconds and at the end. Where it exists,
        training goes on from it, to the same numbers as without a break; of another problem,
        optimiser, batch size or seed it is refused.
    throw : bool
        Raise where training diverged or did not come to the tolerance.
    progress : bool or callable, optional
        By default a line shows the epoch, in a terminal or a notebook, after two seconds; True
        shows it always, False never. A callable is called with the epoch. `KeyboardInterrupt` ends
        training: what it came to is returned.

    Returns
    -------
    NetworkTraining

    Raises
    ------
    TypeError, ValueError
        Naming the argument.
    RuntimeError
        With the status.

    Examples
    --------
    >>> import optax
    >>> import homotopy as hm
    >>> hm.enable_x64()
    >>> problem = hm.LinearRegression([[1.0], [1.0]], [0.0, 1.0], deleted=1)
    >>> options = {"optimiser": optax.sgd(0.5), "batch_size": 2, "tolerance": 1e-3}
    >>> trained = hm.train_network(problem, [3.0], **options)
    >>> round(float(trained.theta[0]), 2)
    0.5
    """
    theta = a_problem(problem).parameters(theta0)
    weight("epsilon", epsilon)
    if batch_size is None:
        batch_size = min(_BATCH, problem.size)
    integer("batch_size", batch_size, 1, problem.size)
    integer("max_epochs", max_epochs)
    integer("seed", seed, 0)
    if tolerance is not None:
        fraction("tolerance", tolerance)
    if keep_every is not None:
        integer("keep_every", keep_every)
    flag("throw", throw)
    checked_progress(progress, "the epoch")
    optimiser = optax.adam(1e-3) if optimiser is None else optimiser
    instance(
        "optimiser", optimiser, optax.GradientTransformation, "one of optax, as optax.adam(1e-3)"
    )
    weights = problem.weights(epsilon)
    state = _Run(theta, optimiser.init(theta), [], [], [], [])
    file = None if checkpoint is None else _File(checkpoint, problem, weights, batch_size, seed)
    if file is not None and file.path.exists():
        state = file.read(state)
    else:
        state.measure(problem, weights, batch_size, theta)
        if keep_every is not None:
            state.keep(0)
    status = None
    with contextlib.suppress(KeyboardInterrupt), counted(progress, max_epochs, "training") as told:
        while not (status := state.ended(max_epochs, tolerance)):
            epoch = len(state.risks)
            rows, counts = _batches(problem.size, batch_size, np.random.default_rng([seed, epoch]))
            moved = interruptible(
                _epoch, problem, optimiser, state.theta, state.optimiser, weights, rows, counts
            )
            if not state.measure(problem, weights, batch_size, *moved):
                status = "diverged"
                break
            if keep_every is not None and epoch % keep_every == 0:
                state.keep(epoch)
            if file is not None:
                file.write(state, only_if_due=True)
            told(epoch)
    status = status or "interrupted"
    if file is not None:
        file.write(state)
    result = NetworkTraining(
        theta=state.theta,
        status=getattr(NetworkTrainingStatus, status),
        risk=jnp.asarray(np.array(state.risks), theta.dtype),
        gradient_norm=jnp.asarray(np.array(state.slopes), theta.dtype),
        checkpoint_epochs=jnp.asarray(np.array(state.kept_epochs, int)),
        checkpoints=jnp.asarray(np.array(state.kept).reshape(-1, theta.size), theta.dtype),
    )
    if throw and status in ("diverged", "epoch_limit"):
        raise RuntimeError(
            f"{NetworkTrainingStatus[result.status]} (‖∇R‖ = {state.slopes[-1]:.3g} after "
            f"{result.epoch} epochs, {state.slopes[0]:.3g} at theta0). Pass throw=False for theta."
        )
    return named(result, problem)


class _Run:
    """Where training stands, after a whole epoch."""

    def __init__(self, theta, optimiser, risks, slopes, kept_epochs, kept):
        self.theta, self.optimiser = theta, optimiser
        self.risks, self.slopes = risks, slopes
        self.kept_epochs, self.kept = kept_epochs, kept

    def measure(self, problem, weights, batch_size, theta, optimiser=None) -> bool:
        """Take θ over, with its risk and gradient; False, with nothing changed, if not finite."""
        rows, counts = _batches(problem.size, batch_size)
        found = interruptible(_risk_and_slope, problem, theta, weights, rows, counts)
        risk, slope = map(float, found)
        if not (np.isfinite(risk) and np.isfinite(slope)):
            if not self.risks:
                raise ValueError("theta0: expected one of finite risk and gradient.")
            return False
        self.theta = theta
        self.optimiser = self.optimiser if optimiser is None else optimiser
        self.risks.append(risk)
        self.slopes.append(slope)
        return True

    def keep(self, epoch):
        self.kept_epochs.append(epoch)
        self.kept.append(np.asarray(self.theta))

    def ended(self, max_epochs, tolerance) -> str | None:
        if tolerance is not None and self.slopes[-1] <= tolerance * self.slopes[0]:
            return "successful"
        if len(self.risks) > max_epochs:
            return "successful" if tolerance is None else "epoch_limit"
        return None


class _File:
    """A checkpoint on disk: arrays only, with what they belong to."""

    def __init__(self, path, problem, weights, batch_size, seed):
        try:
            self.path = Path(path)
        except TypeError:
            raise TypeError(f"checkpoint: expected a path, got {path!r}.") from None
        self.path = self.path if self.path.suffix == ".npz" else Path(f"{self.path}.npz")
        data = data_hash(*map(np.asarray, (problem.X, problem.targets, problem.ridge, weights)))
        self.belongs = f"{data} batch_size={batch_size} seed={seed} d={problem.dimension}"
        self.written = time.monotonic()

    def write(self, state, only_if_due=False):
        if only_if_due and time.monotonic() - self.written < _SECONDS:
            return
        leaves = {f"leaf{i}": np.asarray(x) for i, x in enumerate(jax.tree.leaves(state.optimiser))}
        with whole(self.path) as part, open(part, "wb") as stream:
            np.savez(
                stream, theta=state.theta, belongs=self.belongs, risks=state.risks,
                slopes=state.slopes, kept_epochs=np.array(state.kept_epochs, int),
                kept=np.array(state.kept), **leaves,
            )  # fmt: skip
        self.written = time.monotonic()

    def read(self, start):
        try:
            with np.load(self.path, allow_pickle=False) as found:
                known = {name: found[name] for name in found.files}
            belongs, shapes = str(known["belongs"]), jax.tree.leaves(start.optimiser)
            leaves = [known.pop(f"leaf{i}") for i in range(sum("leaf" in n for n in known))]
        except (OSError, ValueError, KeyError) as error:
            raise ValueError(f"checkpoint: {self.path} is no checkpoint of training.") from error
        alike = [np.shape(leaf) for leaf in leaves] == [np.shape(leaf) for leaf in shapes]
        if belongs != self.belongs or not alike:
            raise ValueError(
                f"checkpoint: expected a file of the same problem, epsilon, optimiser, batch_size "
                f"and seed, got {self.path} of others; delete it to begin anew."
            )
        dtypes = [jnp.asarray(leaf).dtype for leaf in shapes]
        leaves = [jnp.asarray(leaf, dtype) for leaf, dtype in zip(leaves, dtypes, strict=True)]
        optimiser = jax.tree.unflatten(jax.tree.structure(start.optimiser), leaves)
        return _Run(
            jnp.asarray(known["theta"], start.theta.dtype), optimiser,
            known["risks"].tolist(), known["slopes"].tolist(),
            known["kept_epochs"].tolist(), list(known["kept"]),
        )  # fmt: skip


def _batches(size, batch_size, generator=None):
    """Rows of every batch, and whether each counts: the last is filled up by row 0."""
    order = np.arange(size) if generator is None else generator.permutation(size)
    count = -(-size // batch_size)
    rows, counts = np.zeros(count * batch_size, int), np.zeros(count * batch_size, bool)
    rows[:size], counts[:size] = order, True
    return rows.reshape(count, batch_size), counts.reshape(count, batch_size)


def _batch_loss(problem, theta, weights, rows, counts):
    outputs = problem.predict(theta, problem.X[rows])
    losses = jax.vmap(problem.point_loss.value)(outputs, problem.targets[rows])
    return jnp.sum(jnp.where(counts, weights[rows] * losses, 0.0))


@eqx.filter_jit
def _epoch(problem, optimiser, theta, state, weights, rows, counts):
    def step(carry, batch):
        theta, state = carry

        def risk(at):
            mean = _batch_loss(problem, at, weights, *batch) / jnp.sum(batch[1])
            return mean + problem.penalty(at) / problem.size

        updates, state = optimiser.update(jax.grad(risk)(theta), state, theta)
        return (optax.apply_updates(theta, updates), state), None

    return jax.lax.scan(step, (theta, state), (rows, counts))[0]


@eqx.filter_jit
def _risk_and_slope(problem, theta, weights, rows, counts):
    """R_ε and ‖∇R_ε‖, batch by batch."""

    def add(total, batch):
        found = jax.value_and_grad(lambda at: _batch_loss(problem, at, weights, *batch))(theta)
        return jax.tree.map(jnp.add, total, found), None

    start = jax.value_and_grad(problem.penalty)(theta)
    (risk, gradient), _ = jax.lax.scan(add, start, (rows, counts))
    return risk, jnp.linalg.norm(gradient)
