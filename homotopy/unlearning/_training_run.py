"""Training that can be unlearned: checkpoints, and scalars that certify every later deletion."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from homotopy._checks import ArrayInput, concrete, flag, integer, sequence
from homotopy._display import Entries, largest, number
from homotopy._module import Module
from homotopy._progress import clock
from homotopy._result import Result, in_order, named
from homotopy._status import Reported, Status
from homotopy._tables import Table
from homotopy._wording import described
from homotopy.flows.method import AbstractMethod
from homotopy.problem import Problem, a_problem
from homotopy.unlearning.curvature import (
    Curvature,
    known_curvature,
    point_curvatures,
    row_lower_bounds,
)
from homotopy.unlearning.steps import Bounds, advance, row_scales
from homotopy.unlearning.training_methods import AbstractDescent, ProjectedSGD, a_descent

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_PARTS = 10  # checkpoints by default


class TrainingRunStatus(Status):
    """How training ended."""

    diverged = "the parameters left the finite numbers: the step size is too large for the risk"
    interrupted = "interrupted: resume() goes on"


class TrainingRun(Result, Reported, Module):
    """A training run, with what it takes to unlearn any of its points later.

    The checkpoints, the scalars and θ itself hold the points that are unlearned later: a
    certificate is about what is released, and these are to be kept secret or made anew.

    Attributes
    ----------
    theta : (d,)
        After `steps` steps.
    theta0 : (d,)
    steps : int
        T, made so far.
    asked : int
        Steps that were asked for.
    checkpoints : (c,)
        Numbers of steps after which there is a checkpoint; the first is 0 and the last `steps`.
    checkpoint_theta : (c, d)
    scalars : (c, j, n)
        What `accumulators`, `group_accumulators` and `largest_gradients` are made of.
    row_lower_bounds : (n,)
        Of ∇²R₋ without each row alone, which `accumulators` use.
    curvature : Curvature or None
    problem, method, status
    """

    theta: Float[Array, " d"]
    theta0: Float[Array, " d"]
    steps: int
    asked: int
    checkpoints: Int[np.ndarray, " c"]
    checkpoint_theta: Float[np.ndarray, "c d"]
    scalars: Float[np.ndarray, "c j n"]
    row_lower_bounds: Float[np.ndarray, " n"]
    curvature: Curvature | None
    problem: Problem
    method: AbstractDescent
    status: TrainingRunStatus

    _axes = (("theta", 1), ("theta0", 1))

    def _entries(self) -> Entries:
        names = self._names.parameter_names(self.theta.size)
        more = "" if self.steps == self.asked else f" of {self.asked}"
        yield "steps", f"{self.steps}{more}, {self.checkpoints.size} checkpoints"
        yield "θ", largest(self.theta, names)
        yield "method", repr(self.method)
        known = self.curvature
        yield (
            "curvature",
            "unknown: only what is measured afterwards can be certified"
            if known is None
            else f"{number(known.lower, 4)} to {number(known.upper, 4)}"
            f"{', estimated' if known.estimated else ''}",
        )
        yield "status", self.status

    def _table(self) -> Table:
        rows = np.arange(self.problem.size)
        columns = [
            ("accumulated", self.accumulators[-1]),
            ("largest gradient", self.largest_gradients[-1]),
        ]
        index = [(self._names.row_heading, self._names.rows_of(rows))]
        return Table(columns, index, in_order(columns[0][1]), "what may be left of each row")

    def plot(self, ax: Axes | None = None, **options) -> Axes:
        """The accumulator of every row: how far θ may be from training without it.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            A new figure's by default.
        **options
            Of the dots, for `Axes.plot`.
        """
        from homotopy.plotting.by_row import draw_by_row

        rows = np.arange(self.problem.size)
        names = [self._names.row(row) for row in rows]
        known = self.curvature is not None
        values = self.accumulators[-1] if known else self.largest_gradients[-1]
        label = "bound of what the row has moved θ by" if known else "largest ‖∇ℓᵢ‖ met"
        return draw_by_row(rows, values, names, label, ax, **options)

    @property
    def accumulators(self) -> Float[np.ndarray, "c n"]:
        """s_i ← q s_i + η‖∇ℓ_i(θ)‖: bounds what row i alone has moved θ by, at each checkpoint.

        NaN where no bound of the curvature is known.
        """
        return self._scaled(0)

    @property
    def group_accumulators(self) -> Float[np.ndarray, "c n"]:
        """The same with a q that holds whatever is deleted: those of a group add up."""
        return self._scaled(-2)

    @property
    def largest_gradients(self) -> Float[np.ndarray, "c n"]:
        """max ‖∇ℓ_i(θ_t)‖ of every row, until each checkpoint."""
        return self.scalars[:, -1] * row_scales(self.problem)

    def _scaled(self, row: int):
        if self.curvature is None:
            return np.full(self.scalars[:, 0].shape, np.nan)
        return self.scalars[:, row] * row_scales(self.problem)

    def at(self, step: int) -> int:
        """The place of the checkpoint after a number of steps.

        Parameters
        ----------
        step : int

        Raises
        ------
        ValueError
            Naming `step`, with the steps that have one.
        """
        step = integer("step", step, 0, self.steps)
        found = np.flatnonzero(self.checkpoints == step)
        if found.size == 0:
            raise ValueError(
                f"step: expected a step with a checkpoint, one of {self.checkpoints.tolist()}, got "
                f"{step}; training_run(..., checkpoints=[{step}]) keeps it, and "
                "unlearning.step_back computes it where rounding allows."
            )
        return int(found[0])

    def bounds(self) -> Bounds | None:
        """What the scalars are computed with."""
        return _bounds(self.problem, self.method, self.curvature, self.row_lower_bounds)

    def resume(
        self,
        steps: int | None = None,
        checkpoints: ArrayInput = (),
        *,
        progress: bool | None = None,
    ) -> TrainingRun:
        """The same run with more steps, bit for bit as if it had not been interrupted.

        Parameters
        ----------
        steps : int, optional
            T in all; those that were asked for by default.
        checkpoints : sequence of int
            Further ones, after steps that are still to be made.
        progress : bool, optional

        Raises
        ------
        ValueError
            Naming `steps` or `checkpoints`.
        """
        total = self.asked if steps is None else integer("steps", steps, self.steps)
        wanted = _places(checkpoints, total, self.steps)
        return _continued(dataclasses.replace(self, asked=total), wanted, progress, throw=True)


def training_run(
    problem: Problem,
    theta0: ArrayInput,
    steps: int,
    method: AbstractDescent | AbstractMethod,
    *,
    checkpoints: ArrayInput | None = None,
    curvature: Curvature | None = None,
    throw: bool = True,
    progress: bool | None = None,
) -> TrainingRun:
    """Train by projected gradient descent, and keep what certifies every later deletion.

    Beside θ two numbers for each point are kept at checkpoints: the largest gradient met, and
    s ← q s + η‖∇ℓ_i(θ)‖, which bounds the distance to training without the point, for all points at
    once and for groups by their sum (theory §6.1). For a linear model they cost O(n) a step.
    Deleted points of the problem play no part: all take part in training. Runs outside `jax.jit`.

    Parameters
    ----------
    problem : Problem
    theta0 : (d,)
        θ₀.
    steps : int
        T ≥ 1.
    method : GradientDescent, unlearning.ProjectedDescent or unlearning.ProjectedSGD
        With a step η on the **sum** risk: a step α of the mean risk is η = α/n.
    checkpoints : sequence of int, optional
        After which steps θ and the scalars are kept, beside the first and the last; ten, evenly
        spread, by default.
    curvature : unlearning.Curvature, optional
        Bounds of ∇²R₋, with batches of (n/b) Σ_{batch} ∇²ℓ_i + ρ. Known of linear models with the
        squared or the logistic loss; elsewhere, without it, only distances that are measured
        afterwards can be certified.
    throw : bool
        Whether divergence raises.
    progress : bool, optional
        By default a line shows the time that it has taken, in a terminal or a notebook, after two
        seconds; True shows it always, False never.

    Returns
    -------
    TrainingRun
        Where it was interrupted, with what is done: `resume()` goes on, also after
        `save` and `load`.

    Raises
    ------
    TypeError
        Naming `problem`, `method` or `curvature`.
    ValueError
        Naming `theta0`, `steps`, `checkpoints` or an argument of the method that does not fit.
    RuntimeError
        With the status, where it diverged.

    Examples
    --------
    >>> import homotopy as hm
    >>> hm.enable_x64()
    >>> problem = hm.LinearRegression([[1.0], [1.0]], [0.0, 1.0], deleted=1)
    >>> run = hm.training_run(problem, [0.0], 4, hm.GradientDescent(0.25), checkpoints=[2])
    >>> run.theta.tolist(), run.checkpoints.tolist()
    ([0.46875], [0, 2, 4])
    >>> run.accumulators[-1].round(6).tolist()
    [0.214844, 0.46875]
    """
    theta0 = a_problem(problem).parameters(theta0)
    if concrete(theta0) is None:
        raise TypeError("theta0: expected known numbers, outside jax.jit and jax.vmap.")
    steps = integer("steps", steps)
    flag("throw", throw)
    method = a_descent(method, problem.size)
    if curvature is not None and not isinstance(curvature, Curvature):
        raise TypeError(
            "curvature: expected None or unlearning.Curvature(lower, upper), got "
            f"{described(curvature)}."
        )
    spread = np.linspace(0, steps, _PARTS + 1).round().astype(int)
    wanted = _places(spread if checkpoints is None else checkpoints, steps)
    known = known_curvature(problem) if curvature is None else curvature
    own = row_lower_bounds(problem) if curvature is None else None
    if own is None or isinstance(method, ProjectedSGD):
        own = np.full(problem.size, 0.0 if known is None else known.lower)
    run = TrainingRun(
        theta=theta0,
        theta0=theta0,
        steps=0,
        asked=steps,
        checkpoints=np.zeros(1, int),
        checkpoint_theta=np.asarray(theta0)[None],
        scalars=np.zeros((1, 1 + _sums(known, own), problem.size), theta0.dtype),
        row_lower_bounds=own,
        curvature=known,
        problem=problem,
        method=method,
        status=TrainingRunStatus.successful,
    )
    return _continued(run, wanted, progress, throw)


def _places(checkpoints, steps: int, made: int = 0) -> list[int]:
    """Steps still to be made after which to keep a checkpoint, the last among them."""
    if isinstance(checkpoints, np.ndarray):
        checkpoints = checkpoints.tolist()
    given = sequence("checkpoints", checkpoints, "a sequence of numbers of steps")
    return sorted({integer("checkpoints", one, 0, steps) for one in given} | {steps} - {made})


def _sums(curvature, own) -> int:
    """How many sums each row has: one where all rows share a bound."""
    return 0 if curvature is None else 1 + bool(np.any(own != curvature.lower))


def _bounds(problem, method, curvature, own) -> Bounds | None:
    if curvature is None:
        return None
    upper, points = curvature.upper, None
    # One that was given holds for batches too.
    if isinstance(method, ProjectedSGD) and curvature == known_curvature(problem):
        upper, points = float(np.max(problem.ridge)), point_curvatures(problem)
    shared = np.full(problem.size, curvature.lower)
    lower = [own, shared] if _sums(curvature, own) == 2 else [shared]
    return Bounds(np.stack(lower), upper, points)


def _continued(run: TrainingRun, wanted, progress, throw) -> TrainingRun:
    """The run until the last checkpoint wanted, or as far as it came."""
    problem, theta, scalars = run.problem, run.theta, jnp.asarray(run.scalars[-1])
    bounds, ones = run.bounds(), np.ones(problem.size)
    kept, made, status = [], run.steps, TrainingRunStatus.successful
    with clock(progress, "training"):
        try:
            for stop in (place for place in wanted if place > run.steps):
                theta, scalars = advance(
                    problem, run.method, theta, scalars, bounds, made, stop, ones
                )
                made = stop
                kept.append((stop, np.asarray(theta), np.asarray(scalars)))
                if not np.all(np.isfinite(kept[-1][1])):
                    status = TrainingRunStatus.diverged
                    break
        except KeyboardInterrupt:
            if not kept and not run.steps:
                raise
            status = TrainingRunStatus.interrupted
    if kept:
        places, thetas, sums = zip(*kept, strict=True)
        run = dataclasses.replace(
            run,
            theta=jnp.asarray(thetas[-1]),
            steps=made,
            checkpoints=np.append(run.checkpoints, places),
            checkpoint_theta=np.concatenate([run.checkpoint_theta, thetas]),
            scalars=np.concatenate([run.scalars, sums]),
        )
    run = dataclasses.replace(run, status=status)
    if throw and bool(status == TrainingRunStatus.diverged):
        raise RuntimeError(TrainingRunStatus[status])
    return named(run, problem)


def a_run(value, name: str = "run") -> TrainingRun:
    """The value if it is a training run; a `TypeError` otherwise."""
    if not isinstance(value, TrainingRun):
        raise TypeError(f"{name}: expected a TrainingRun, of training_run, got {described(value)}.")
    return value
