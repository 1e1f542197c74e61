"""All single deletions from one run: bounds for every row at once, and the truth where known."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float, Int

from homotopy._checks import ArrayInput, integer, positive, sequence
from homotopy._display import Entries, number
from homotopy._result import Result, in_order, named
from homotopy._tables import Table
from homotopy.linear import LinearRegression
from homotopy.unlearning import exact_distance
from homotopy.unlearning._training_run import TrainingRun, a_run
from homotopy.unlearning.gaussian_pair import GaussianPair, a_delta
from homotopy.unlearning.lemma import log_distance, log_distance_of_steps
from homotopy.unlearning.steps import contraction
from homotopy.unlearning.training_methods import ProjectedDescent

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class DeletionDistances(Result):
    """‖θ_U − θ_R‖ of rewinding for every row of the data, by several routes.

    Attributes
    ----------
    rewound : (m,)
        K.
    steps : int
        T.
    exact : (m, n)
        NaN but of least squares by full batches with one step size.
    pathwise : (m, n)
        q^K s_i(T − K).
    largest_gradient : (m, n)
        ηL_i(q^T − q^K)/(q − 1), L_i the largest ‖∇ℓ_i‖ that the row met.
    worst_gradient : (m, n)
        The same with the largest that any row met: what is known of a row beforehand.
    """

    rewound: Int[np.ndarray, " m"]
    steps: int
    exact: Float[np.ndarray, "m n"]
    pathwise: Float[np.ndarray, "m n"]
    largest_gradient: Float[np.ndarray, "m n"]
    worst_gradient: Float[np.ndarray, "m n"]

    _axes = (("exact", 2),)

    @property
    def tightness(self) -> dict[str, Float[np.ndarray, "m n"]]:
        """Each bound over the exact distance, by name."""
        names = ("pathwise", "largest_gradient", "worst_gradient")
        with np.errstate(divide="ignore", invalid="ignore"):
            return {name: getattr(self, name) / self.exact for name in names}

    def privacy_epsilon(self, noise: float, delta: float) -> Float[np.ndarray, "m n"]:
        """The exact ε at δ of each row's deletion, where noise σ is on both outputs.

        Parameters
        ----------
        noise : float
            σ > 0.
        delta : float
            δ in (0, 1).

        Raises
        ------
        ValueError
            Naming `noise` or `delta`; or where the exact distances are not known.
        """
        noise, delta = positive("noise", noise), a_delta(delta)
        if not np.all(np.isfinite(self.exact)):
            raise ValueError(
                "privacy_epsilon: expected exact distances, as least squares by full batches has "
                "them, got none."
            )
        ratios = self.exact / noise
        found = [GaussianPair(ratio).privacy_epsilon(delta) for ratio in ratios.ravel().tolist()]
        return np.array(found).reshape(ratios.shape)

    def _entries(self) -> Entries:
        rows = self.exact.shape[1]
        yield "rows", f"{rows}, each deleted alone; T = {self.steps}"
        for place, count in enumerate(self.rewound[:5].tolist()):
            known = self.exact if np.all(np.isfinite(self.exact)) else self.pathwise
            worst = int(np.argmax(known[place]))
            yield (
                f"K = {count}",
                f"at most {number(known[place].max(), 4)} ({self._names.row(worst)}), median "
                f"{number(np.median(known[place]), 4)}, pathwise bound at most "
                f"{number(self.pathwise[place].max(), 4)}",
            )

    def _table(self) -> Table:
        count, size = self.exact.shape
        names = ("exact", "pathwise", "largest_gradient", "worst_gradient")
        columns = [(name.replace("_", " "), getattr(self, name).ravel()) for name in names]
        rows = self._names.rows_of(np.tile(np.arange(size), count))
        index = [("K", np.repeat(self.rewound, size)), (self._names.row_heading, rows)]
        return Table(columns, index, in_order(columns[1][1]), "distances to retraining")

    def plot(self, ax: Axes | None = None, **options) -> Axes:
        """The distances of every row at the first K: exact, and the two bounds above it.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            A new figure's by default.
        **options
            Of the dots, for `Axes.plot`.
        """
        from homotopy.plotting.tightness import draw_tightness

        bounds = {
            "pathwise": self.pathwise[0],
            "largest gradient of the row": self.largest_gradient[0],
            "largest gradient of all rows": self.worst_gradient[0],
        }
        return draw_tightness(self.exact[0], bounds, ax, **options)


def deletion_distances(run: TrainingRun, rewound: ArrayInput) -> DeletionDistances:
    """Bounds of rewinding for every row at once, from what training recorded; nothing is run.

    Parameters
    ----------
    run : TrainingRun
        By full batches, with a known curvature.
    rewound : sequence of int
        K, each such that there is a checkpoint after T − K steps.

    Returns
    -------
    DeletionDistances

    Raises
    ------
    TypeError
        Naming `run` or `rewound`.
    ValueError
        Naming `rewound`, where there is no checkpoint; or `run`.

    Examples
    --------
    >>> import homotopy as hm
    >>> hm.enable_x64()
    >>> problem = hm.LinearRegression([[1.0], [1.0]], [0.0, 1.0], deleted=1)
    >>> run = hm.training_run(problem, [0.0], 4, hm.GradientDescent(0.25), checkpoints=[2])
    >>> found = hm.unlearning.deletion_distances(run, [2])
    >>> found.exact.round(4).tolist(), found.pathwise.round(4).tolist()
    ([[0.0352, 0.2109]], [[0.0352, 0.2109]])
    """
    a_run(run)
    if run.curvature is None or not isinstance(run.method, ProjectedDescent):
        raise ValueError(
            "run: expected full batches and a known curvature, got "
            f"{run.method!r} with {run.curvature!r}."
        )
    given = rewound.tolist() if isinstance(rewound, np.ndarray) else rewound
    given = sequence("rewound", given, "a sequence of numbers of steps")
    if not given:
        raise ValueError("rewound: expected at least one number of steps, got none.")
    counts = [integer("rewound", one, 0, run.steps) for one in given]
    places = []
    for count in counts:
        try:
            places.append(run.at(run.steps - count))
        except ValueError as error:
            message = str(error).removeprefix("step: ")
            raise ValueError(f"rewound: {count} of {run.steps} steps: {message}") from None
    size, steps = run.problem.size, run.steps
    exact = np.full((len(counts), size), np.nan)
    usable = run.method.constant and math.isinf(run.method.radius)
    if isinstance(run.problem, LinearRegression) and usable:
        made = exact_distance.single_deletions(run.problem, run.theta0, np.arange(size))
        step = float(run.method.sizes(0, 1)[0])
        for row, count in enumerate(counts):
            moved = exact_distance.differences(made, step, steps, count)
            exact[row] = np.linalg.norm(moved, axis=1)
    pathwise, largest, worst = (np.empty_like(exact) for _ in range(3))
    for row, (count, place) in enumerate(zip(counts, places, strict=True)):
        met = run.largest_gradients[place]
        for point, lower in enumerate(run.row_lower_bounds.tolist()):
            rates = contraction(run.method, steps - count, steps, lower, run.curvature.upper)
            pathwise[row, point] = math.exp(min(float(np.sum(rates)), 709.0))
            per_unit = _per_unit(run, lower, count)
            largest[row, point] = per_unit * met[point]
            worst[row, point] = per_unit * met.max()
        pathwise[row] *= run.accumulators[place]
    margin = 1.0 + 1e-13 + 4e-16 * (steps + run.problem.dimension)
    found = DeletionDistances(
        np.array(counts), steps, exact, pathwise * margin, largest * margin, worst * margin
    )
    return named(found, run.problem)


def _per_unit(run, lower: float, rewound: int) -> float:
    """Δ(K, T) for gradients of at most one."""
    upper, steps = run.curvature.upper, run.steps
    sizes = run.method.sizes(0, steps)
    if run.method.constant:
        found = log_distance(float(sizes[0]), 1.0, lower, upper, steps, rewound)
    else:
        rates = contraction(run.method, 0, steps, lower, upper)
        found = log_distance_of_steps(sizes, 1.0, rates, rewound)
    return math.exp(found) if found < 709.0 else math.inf
