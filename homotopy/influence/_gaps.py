"""The five gaps between retraining and an influence function as computed (theory §5)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from homotopy._checks import (
    ArrayInput,
    flag,
    fraction,
    instance,
    integer,
    positive,
    sequence,
)
from homotopy._display import Entries, number
from homotopy._module import Module
from homotopy._numbers import as_numbers
from homotopy._progress import checked_progress, counted
from homotopy._result import Result, named
from homotopy._status import is_one_of
from homotopy._tables import Table
from homotopy.influence._predict import predict
from homotopy.influence.change import ChangeStatus
from homotopy.influence.estimators import GaussNewton, LeaveOneOut, ProximalBregman
from homotopy.influence.estimators.base import a_solver
from homotopy.influence.solvers import AbstractSolver, ConjugateGradient
from homotopy.influence.weight_changes import weight_changes
from homotopy.measurements import OwnLoss, as_measurement
from homotopy.problem import Problem, a_problem

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LINKS = (
    "cold-start retraining",
    "warm-start retraining",
    "with proximity",
    "proximal Bregman response",
    "its linearisation",
    "iterative solver",
)
GAPS = ("warm start", "proximity", "non-convergence", "linearisation", "solver")


class Gaps(Result, Module):
    """Predictions of one measured change along the chain of theory §5, and their differences.

    Attributes
    ----------
    links : (r, k, 6)
        m(θ) − m(θˢ) for k deletions and r repetitions (cold starts, times trainings where pooled),
        at the models of `LINKS`: retrained from a cold start, from θˢ, from θˢ with proximity, the
        proximal Bregman response, its linearisation, and that by the iterative solver.
    succeeded : (r, k, 6)
        Whether each was computed as it should be: refits at a minimum to the tolerance, products
        solved to the solver's. The solver's own link counts what it returned.
    """

    links: Float[Array, "r k 6"]
    succeeded: Bool[Array, "r k 6"]

    _axes = (("links", 3), ("succeeded", 3))

    def _numbers(self) -> tuple[np.ndarray, np.ndarray]:
        """The gaps (r, k, 5), and of which deletions and repetitions (r, k) they are complete."""
        links = np.asarray(self.links)
        complete = np.all(np.asarray(self.succeeded)[..., :-1], axis=-1)
        return links[..., :-1] - links[..., 1:], complete

    def _entries(self) -> Entries:
        differences, complete = self._numbers()
        repeats, count = complete.shape
        yield "deletions", f"{count}, each {repeats} times"
        yield "complete", f"{int(complete.sum())} of {complete.size}"
        for name, size in zip(GAPS, _mean_sizes(differences, complete), strict=True):
            yield f"|{name}|", number(size, 4)

    def _table(self) -> Table:
        differences, complete = self._numbers()
        sizes = _mean_sizes(differences, complete)
        errors = np.asarray(self.standard_error()) if complete.size > 1 else np.full(5, np.nan)
        means = np.full(5, np.nan)
        if np.any(complete):
            means = differences[complete].mean(axis=0)
        columns = [("mean |gap|", sizes), ("standard error", errors), ("mean gap", means)]
        return Table(columns, [("gap", list(GAPS))], about="the chain of theory §5")

    @property
    def gaps(self) -> Float[Array, "r k 5"]:
        """Each link minus the next: what is lost at each of `GAPS`, with its sign."""
        return self.links[..., :-1] - self.links[..., 1:]

    @property
    def total(self) -> Float[Array, "r k"]:
        """The first link minus the last: the sum of the gaps."""
        return self.links[..., 0] - self.links[..., -1]

    @property
    def mean_size(self) -> Float[Array, " 5"]:
        """Mean of |gap| over deletions and repetitions that succeeded throughout."""
        return jnp.asarray(_mean_sizes(np.asarray(self.gaps), np.asarray(self._complete)))

    def standard_error(self, resamples: int = 1000, seed: int = 0) -> Float[Array, " 5"]:
        """Of `mean_size`, over deletions and repetitions: the bootstrap's standard deviation.

        Both are drawn anew, with replacement, each on its own: repetitions share deletions.

        Parameters
        ----------
        resamples : int
            ≥ 2.
        seed : int
        """
        integer("resamples", resamples, 2)
        integer("seed", seed, 0)
        generator = np.random.default_rng(seed)
        gaps, complete = np.asarray(self.gaps), np.asarray(self._complete)
        repeats, count = complete.shape
        drawn = []
        for _ in range(resamples):
            picked = np.ix_(
                generator.integers(repeats, size=repeats), generator.integers(count, size=count)
            )
            if np.any(complete[picked]):
                drawn.append(_mean_sizes(gaps[picked], complete[picked]))
        return jnp.asarray(np.std(drawn, axis=0, ddof=1))

    @property
    def _complete(self) -> Bool[Array, "r k"]:
        # How well the iterative solver did is what the last gap tells.
        return jnp.all(self.succeeded[..., :-1], axis=-1)

    @property
    def complete(self) -> Float[Array, ""]:
        """The part of deletions and repetitions of which every link but the last succeeded."""
        return jnp.mean(self._complete)

    def plot(self, ax: Axes | None = None, **options) -> Axes:
        """Bars of the mean sizes, with standard errors; `options` are those of `Axes.bar`."""
        from homotopy.plotting.gaps import draw_gaps
        from homotopy.plotting.layout import turn_long_labels

        sizes, errors = np.asarray(self.mean_size), np.asarray(self.standard_error())
        ax = draw_gaps(GAPS, sizes, errors, ax, **options)
        turn_long_labels(ax)
        return ax


def gaps(
    problem: Problem,
    theta_s: ArrayInput,
    *,
    points: ArrayInput | None = None,
    groups: ArrayInput | None = None,
    measurement=None,
    cold_starts: ArrayInput,
    damping: float,
    solver: AbstractSolver | None = None,
    tolerance: float = 1e-8,
    max_steps: int = 2000,
    throw: bool = False,
    devices: int | Sequence | None = None,
    client: Any = None,
    progress: bool | Callable[[int], None] | None = None,
) -> Gaps:
    """How the error of damped influence at an early-stopped θˢ is made up (theory §5).

    Parameters
    ----------
    problem : Problem
    theta_s : (d,)
        θˢ, where training was stopped.
    points, groups
        What is deleted, as of `predict`.
    measurement
        m, `OwnLoss()` by default. Measured at the model of each link, m(θ) − m(θˢ), also at the
        linearised ones.
    cold_starts : (d,) or (r, d)
        Initial parameters from which the cold-start retraining goes.
    damping : float
        δ > 0 of the proximity term, the Bregman response and the influence (sum risk, δ = nλ).
    solver : AbstractSolver, optional
        Whose error the last gap is; 10 steps of conjugate gradients by default.
    tolerance, max_steps
        Of the refits, as of `LeaveOneOut`.
    throw : bool
        Raise where a refit or the exact linearisation fails.
    devices, client : optional
        Deletions are shared out over them, as by `predict`.
    progress : bool or callable, optional
        As of `predict`, of k (r + 3) refits.

    Returns
    -------
    Gaps

    Raises
    ------
    ValueError
        Naming what does not fit: `theta_s`, `points`, `groups`, `cold_starts`, `damping`,
        `devices`, `client`, …

    References
    ----------
    Bae, Ng, Lo, Ghassemi, Grosse, "If influence functions are the answer, then what is the
    question?", NeurIPS 2022.

    Examples
    --------
    >>> import homotopy as hm
    >>> hm.enable_x64()
    >>> problem = hm.LinearRegression([[1.0], [1.0], [2.0]], [0.0, 1.0, 1.0], deleted=1)
    >>> parts = hm.gaps(problem, [0.4], points=[0, 1, 2], cold_starts=[0.0], damping=0.5)
    >>> parts.gaps.shape, bool(abs(parts.gaps.sum(-1) - parts.total).max() < 1e-15)
    ((1, 3, 5), True)
    """
    theta_s = a_problem(problem).parameters(theta_s, "theta_s")
    damping = positive("damping", damping)
    fraction("tolerance", tolerance)
    integer("max_steps", max_steps)
    flag("throw", throw)
    checked_progress(progress, "the number of refits done")
    wanted = weight_changes(problem, points, groups)
    starts = as_numbers("cold_starts", cold_starts).astype(float)
    starts = starts[None] if starts.ndim == 1 else starts
    if starts.ndim != 2 or starts.shape[1] != problem.dimension or not len(starts):
        raise ValueError(
            f"cold_starts: expected parameters ({problem.dimension},) or (r, "
            f"{problem.dimension}), got shape {np.shape(cold_starts)}."
        )
    measurement = as_measurement(OwnLoss() if measurement is None else measurement, problem)
    if solver is None:
        solver = ConjugateGradient(tolerance=1e-10, max_steps=10)
    a_solver(solver)
    refit = {"tolerance": tolerance, "max_steps": max_steps}
    proximal = (
        LeaveOneOut(**refit),
        LeaveOneOut(damping=damping, **refit),
        ProximalBregman(damping, **refit),
        GaussNewton(damping),
    )
    done = 0

    def measured(report, estimator, raises=throw):
        nonlocal done
        change = predict(
            problem, estimator, theta_s, points=points, groups=groups, throw=raises,
            devices=devices, client=client, progress=lambda now: report(done + now),
        )  # fmt: skip
        if np.any(is_one_of(change.status, ChangeStatus.interrupted)):
            raise KeyboardInterrupt  # the links are of use together only
        values = np.atleast_1d(change.measured(measurement))
        if values.ndim != 1:
            raise ValueError(
                f"measurement: expected a scalar, got shape {values.shape[1:]} for each change."
            )
        done += 0 if isinstance(estimator, GaussNewton) else values.size
        return values, np.atleast_1d(is_one_of(change.status, ChangeStatus.successful))

    rows = []
    with counted(progress, wanted.count * (len(starts) + 3), "refitting") as report:
        shared = [measured(report, one) for one in proximal]
        shared.append(measured(report, GaussNewton(damping, solver), False))
        for start in starts:
            chain = [measured(report, LeaveOneOut(jnp.asarray(start), **refit)), *shared]
            rows.append([np.stack(part, axis=-1) for part in zip(*chain, strict=True)])
    return named(Gaps(*(jnp.asarray(np.stack(p)) for p in zip(*rows, strict=True))), problem)


def pooled_gaps(parts: Sequence[Gaps]) -> Gaps:
    """The gaps of several trainings θˢ of the same deletions, as repetitions of one experiment.

    Parameters
    ----------
    parts : sequence of Gaps

    Raises
    ------
    ValueError
        Naming `parts`, where there are none or their deletions differ in number.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> one = Gaps(jnp.zeros((1, 3, 6)), jnp.ones((1, 3, 6), bool))
    >>> pooled_gaps([one, one]).links.shape
    (2, 3, 6)
    """
    parts = sequence("parts", parts, "a sequence of Gaps")
    for part in parts:
        instance("parts", part, Gaps, "a sequence of Gaps, as of `gaps`")
    if not parts or len({part.links.shape[1] for part in parts}) != 1:
        raise ValueError("parts: expected gaps of the same deletions, one or more.")
    return Gaps(
        jnp.asarray(np.concatenate([part.links for part in parts])),
        jnp.asarray(np.concatenate([part.succeeded for part in parts])),
    )


def _mean_sizes(gaps: np.ndarray, complete: np.ndarray) -> np.ndarray:
    if not np.any(complete):
        return np.full(len(GAPS), np.nan)
    return np.mean(np.abs(gaps[complete]), axis=0)
