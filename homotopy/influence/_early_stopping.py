"""Training by a stochastic optimiser, stopped early: where influence is asked for in practice."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import TYPE_CHECKING

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float

from homotopy._checks import ArrayInput, concrete, instance, integer
from homotopy._display import Entries, largest, number
from homotopy._module import Module
from homotopy._progress import checked_progress, counted
from homotopy._result import Result, named
from homotopy._tables import Table
from homotopy.measurements import TestLoss
from homotopy.problem import Problem, a_problem

if TYPE_CHECKING:
    from matplotlib.axes import Axes


class EarlyStopping(Result, Module):
    """A model at its best validation loss, and how it came there.

    Attributes
    ----------
    theta : (d,)
        θˢ, the parameters at the epoch of least validation loss.
    epoch : ()
        That epoch; 0 is θ₀.
    training_loss, validation_loss : (e + 1,)
        Mean losses after each epoch, from θ₀ on.
    gradient_norm : ()
        ‖∇R(θˢ)‖: it is not zero.
    """

    theta: Float[Array, " d"]
    epoch: Array
    training_loss: Float[Array, " e"]
    validation_loss: Float[Array, " e"]
    gradient_norm: Float[Array, ""]

    _axes = (("theta", 1), ("validation_loss", 1), ("epoch", 0))

    def _entries(self) -> Entries:
        epoch, losses = int(self.epoch), np.asarray(self.validation_loss)
        yield "θˢ", largest(self.theta, self._names.parameter_names(self.theta.size))
        yield "epoch", f"{epoch} of {losses.size - 1}"
        yield "validation loss", f"{number(losses[epoch])}, from {number(losses[0])}"
        yield "training loss", np.asarray(self.training_loss)[epoch]
        yield "‖∇R(θˢ)‖", self.gradient_norm

    def _table(self) -> Table:
        losses = np.asarray(self.validation_loss)
        columns = [("training loss", np.asarray(self.training_loss)), ("validation loss", losses)]
        order = np.argsort(losses, kind="stable")
        about = "mean losses, least validation loss first"
        return Table(columns, [("epoch", np.arange(losses.size))], order, about)

    def plot(self, ax: Axes | None = None, **options) -> Axes:
        """Both losses after each epoch, with a mark where training was stopped.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            A new figure's by default.
        **options
            Of the lines, for `Axes.plot`.
        """
        from homotopy.plotting.losses import draw_losses

        losses = np.asarray(self.training_loss), np.asarray(self.validation_loss)
        return draw_losses(*losses, int(self.epoch), ax, **options)


def early_stopping(
    problem: Problem,
    theta0: ArrayInput,
    X: ArrayInput,
    y: ArrayInput,
    *,
    optimiser: optax.GradientTransformation | None = None,
    batch_size: int = 32,
    max_epochs: int = 500,
    patience: int = 20,
    seed: int = 0,
    progress: bool | Callable[[int], None] | None = None,
) -> EarlyStopping:
    """Train on all the data by minibatches until the loss on validation data stops falling.

    The gradient of a batch is scaled to one of the mean risk R/n, ridge included.

    Parameters
    ----------
    problem : Problem
        Its deleted set plays no part.
    theta0 : (d,)
    X, y
        Validation data.
    optimiser : optax.GradientTransformation, optional
        Of the mean risk; Adam with a rate of 1e-3 by default.
    batch_size : int
        The last batch of an epoch, if smaller, is left out; the order is drawn anew every epoch.
    max_epochs : int
    patience : int
        Epochs without a new least validation loss after which training stops.
    seed : int
        Of the order of the data.
    progress : bool or callable, optional
        By default a line shows the epoch, in a terminal or a notebook, after two seconds; True
        shows it always, False never. A callable is called with the epoch. `KeyboardInterrupt` ends
        training: what it came to is returned.

    Raises
    ------
    ValueError
        Naming the argument.
    RuntimeError
        Where the validation loss is not finite.

    Examples
    --------
    >>> import homotopy as hm
    >>> hm.enable_x64()
    >>> problem = hm.LinearRegression([[1.0], [2.0], [1.5]], [1.0, 2.0, 1.7], deleted=0)
    >>> trained = hm.influence.early_stopping(
    ...     problem, [0.0], [[1.0]], [1.0], batch_size=3, max_epochs=5
    ... )
    >>> trained.validation_loss.shape, int(trained.epoch)
    ((6,), 5)
    """
    theta = a_problem(problem).parameters(theta0)
    integer("max_epochs", max_epochs)
    integer("patience", patience)
    integer("batch_size", batch_size, 1, problem.size)
    integer("seed", seed, 0)
    checked_progress(progress, "the epoch")
    optimiser = optax.adam(1e-3) if optimiser is None else optimiser
    instance(
        "optimiser", optimiser, optax.GradientTransformation, "one of optax, as optax.adam(1e-3)"
    )
    validation = TestLoss(X, y)
    validation.check(problem)
    generator = np.random.default_rng(seed)
    batches = problem.size // batch_size
    state = optimiser.init(theta)
    losses = [_losses(problem, validation, theta)]
    best, best_epoch = theta, 0
    with contextlib.suppress(KeyboardInterrupt), counted(progress, max_epochs, "training") as told:
        for epoch in range(1, max_epochs + 1):
            order = generator.permutation(problem.size)[: batches * batch_size]
            rows = jnp.asarray(order.reshape(batches, batch_size))
            theta, state = _epoch(problem, optimiser, theta, state, rows)
            losses.append(_losses(problem, validation, theta))
            if not np.isfinite(concrete(losses[-1][1])):
                raise RuntimeError(
                    f"the validation loss is not finite after epoch {epoch}: lower the learning "
                    "rate."
                )
            if losses[-1][1] < losses[best_epoch][1]:
                best, best_epoch = theta, epoch
            elif epoch - best_epoch >= patience:
                break
            told(epoch)
    training, validated = (jnp.stack(part) for part in zip(*losses, strict=True))
    norm = jnp.linalg.norm(_gradient(problem, best))
    return named(EarlyStopping(best, jnp.asarray(best_epoch), training, validated, norm), problem)


@eqx.filter_jit
def _epoch(problem, optimiser, theta, state, rows):
    def step(carry, rows):
        theta, state = carry

        def risk(at):
            outputs = problem.predict(at, problem.X[rows])
            losses = jax.vmap(problem.point_loss.value)(outputs, problem.targets[rows])
            return jnp.mean(losses) + problem.penalty(at) / problem.size

        updates, state = optimiser.update(jax.grad(risk)(theta), state, theta)
        return (optax.apply_updates(theta, updates), state), None

    return jax.lax.scan(step, (theta, state), rows)[0]


@eqx.filter_jit
def _losses(problem, validation, theta):
    none = jnp.zeros(1, int), jnp.zeros(1, theta.dtype)
    return jnp.mean(problem.losses(theta)), validation(problem, theta, *none)


@eqx.filter_jit
def _gradient(problem, theta):
    return problem.gradient(theta)
