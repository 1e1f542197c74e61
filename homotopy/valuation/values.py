"""What points are worth, with the evidence: the result of `data_values`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import equinox as eqx
import numpy as np
from jaxtyping import Array, Float, Int

from homotopy._checks import integer
from homotopy._display import DisplayedByFields, Entries, largest, number
from homotopy._intervals import students_interval
from homotopy._module import Module
from homotopy._result import Result, in_order
from homotopy._status import Reported, Status
from homotopy._tables import Table, by_output
from homotopy.valuation.moments import Moments

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_DRAWS = 4000  # of values with their errors, for the chance of a ranking


class ValueStatus(Status):
    """How values were found, or why they are not to be relied on."""

    not_settled = (
        "the permutations asked for were spent before the tolerance was reached: ask for more, or "
        "go on with resume"
    )
    heavy_tails = (
        "the changes that are averaged have tails so heavy that their standard errors say nothing, "
        "as where coalitions of about d points are fitted without a ridge: add a ridge, set "
        "smallest, or use FiniteTime(time)"
    )
    inaccurate = (
        "the values do not sum to m(∅) − m(N) to within rounding: a larger ridge makes fits better "
        "conditioned"
    )
    jumps = (
        "the path of minima jumps as the weights fall: what m changes by there belongs to no point "
        "and is `jump`, and the values share out the rest; throw=False gives them"
    )
    not_resolved = (
        "the integral was not resolved with the nodes allowed, as where the path of minima jumps: "
        "raise max_nodes, or compare efficiency_gap with the jump"
    )
    diverged = "training diverged: a smaller step size keeps it stable"
    interrupted = "it was interrupted: the values are those of the permutations done"


class Sampling(DisplayedByFields, Module):
    """What sampled values are means of, so that more can be added.

    Attributes
    ----------
    units : ()
        Independent samples: permutations, or pairs or blocks of them that belong together.
    parts : ()
        Parts of the stream of random numbers that are used up.
    second, third, fourth : (k,)
        Sums of powers of the samples' distances from their mean, of each value.
    """

    units: Int[Array, ""]
    parts: Int[Array, ""]
    second: Float[Array, " k"]
    third: Float[Array, " k"]
    fourth: Float[Array, " k"]


class PermutationCheck(DisplayedByFields, Module):
    """How values compare with a sample of permutations, within its errors.

    Attributes
    ----------
    permutations : ()
        How many.
    difference : ()
        ‖values − sampled‖ / ‖sampled‖.
    noise : ()
        ‖standard errors‖ / ‖sampled‖: what `difference` is when the values are exact.
    chi_square, degrees_of_freedom : ()
        ‖values − sampled‖² over what it is on average when the values are exact, times the degrees
        of freedom that it then has (Satterthwaite; errors of different points go together).
    p_value : ()
        The probability of a larger one if they were: small where the permutations can tell the
        values from the exact ones. An approximation, the better the more permutations.
    """

    permutations: Int[Array, ""]
    difference: Float[Array, ""]
    noise: Float[Array, ""]
    chi_square: Float[Array, ""]
    degrees_of_freedom: Float[Array, ""]
    p_value: Float[Array, ""]


class DataValues(Result, Reported, Module):
    """What each point is worth: the change of the measurement on its deletion, over coalitions.

    Attributes
    ----------
    values : (n, *out)
        Δ_j: m without the point minus m with it, averaged over coalitions of others; the scale and
        sign of leave-one-out. Of a test loss, a helpful point has a positive value.
    standard_error : (n, *out), optional
        Of sampled values; None where nothing is sampled.
    total : (*out)
        m(∅) − m(N), m of no data minus m of all.
    efficiency_gap : (*out)
        The sum of the values, and of `jump`, minus `total`: of Shapley values an error, free of
        charge; of other semivalues what they do not share out.
    quadrature_error : (*out), optional
        The largest change of a value when the nodes of an integral were doubled.
    work : ()
        How much was done, in the unit of `unit`.
    unit : str
        Insertions of a point into a fit, refits, solves.
    kind : str
        "exact", "sampled", "approximate" (by a theory without a bound) or "quadrature".
    status : ValueStatus
    sampling : Sampling, optional
        Of sampled values, for `resume`.
    permutation_check : PermutationCheck, optional
        Of `EffectiveMedium`: how the values compare with a sample.
    jump : (*out), optional
        Of `AumannShapley`, where the minima end in folds on the way: what m changes by there as
        the weights fall, which is part of `total` and of no point's value.
    """

    values: Float[Array, "n ..."]
    standard_error: Float[Array, "n ..."] | None
    total: Float[Array, ...]
    efficiency_gap: Float[Array, ...]
    quadrature_error: Float[Array, ...] | None
    work: Int[Array, ""]
    status: ValueStatus
    unit: str = eqx.field(static=True)
    kind: str = eqx.field(static=True)
    sampling: Sampling | None = None
    permutation_check: PermutationCheck | None = None
    jump: Float[Array, ...] | None = None

    _axes = (("values", None), ("work", 0))

    def _sizes(self) -> np.ndarray:
        """|Δ_j| over the outputs."""
        values = np.asarray(self.values)
        return np.linalg.norm(values.reshape(len(values), -1), axis=1)

    def _entries(self) -> Entries:
        values = np.asarray(self.values)
        single = values.ndim == 1
        shown = values if single else self._sizes()
        yield "value" if single else "‖value‖", largest(shown, self._names.row)
        error = self.standard_error
        yield (
            "standard error",
            (None if error is None else f"at most {number(float(np.max(np.asarray(error))), 2)}"),
        )
        gap = float(np.max(np.abs(np.asarray(self.efficiency_gap))))
        yield "m(∅) − m(N)", self.total
        yield "jump", self.jump
        yield "efficiency gap", number(gap, 2)
        check = self.permutation_check
        yield (
            "beside permutations",
            (
                None
                if check is None
                else f"{number(float(check.difference), 2)} apart, their noise "
                f"{number(float(check.noise), 2)}, p {number(float(check.p_value), 2)}"
            ),
        )
        yield "work", f"{int(self.work)} {self.unit}, {self.kind}"
        yield "status", self.status

    def _table(self) -> Table:
        values = np.asarray(self.values)
        columns = by_output([("value", values), ("standard error", self.standard_error)])
        index = [(self._names.row_heading, self._names.rows_of(range(len(values))))]
        about = "what each point is worth: m without it minus m with it, largest first"
        return Table(columns, index, in_order(self._sizes()), about)

    def plot(self, ax: Axes | None = None, **options) -> Axes:
        """The value of each point, with the names of the largest; bars of two standard errors.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            A new figure's by default.
        **options
            Of the dots, for `Axes.plot`.
        """
        from homotopy.plotting.by_row import draw_by_row

        values, rows = np.asarray(self.values), np.arange(len(self.values))
        single = values.ndim == 1
        names = [self._names.row(row) for row in rows]
        drawn = values if single else self._sizes()
        shown = single and self.standard_error is not None
        error = np.asarray(self.standard_error) if shown else None
        label = "value" if single else "‖value‖"
        return draw_by_row(rows, drawn, names, label, ax, errors=error, **options)

    def interval(
        self, confidence: float = 0.95, simultaneous: bool = False
    ) -> Float[np.ndarray, "2 n ..."]:
        """Bounds that hold each value with a probability, by Student's law.

        Parameters
        ----------
        confidence : float
            In (0, 1).
        simultaneous : bool
            Whether all of them hold together with it (Bonferroni), not each alone.

        Raises
        ------
        ValueError
            Naming `confidence` or `simultaneous`; or where the values are not sampled.
        """
        samples = None if self.sampling is None else int(self.sampling.units)
        return students_interval(
            self.values, self.standard_error, samples, confidence, simultaneous, "values", self.kind
        )

    def settled(self, top: int, seed: int = 0) -> float:
        """The probability that the points of largest value are the right ones.

        By draws of the values from normal laws of their standard errors, each on its own: the share
        of draws with the same `top` points on top.

        Parameters
        ----------
        top : int
            How many points, fewer than there are.
        seed : int
            Of the draws.

        Raises
        ------
        ValueError
            Naming `top` or `seed`; or where there are several outputs.
        """
        values = self._single("settled")
        top = integer("top", top, 1, max(1, values.size - 1))
        generator = np.random.default_rng(integer("seed", seed, 0))
        if self.standard_error is None:
            return 1.0
        error = np.asarray(self.standard_error)
        chosen = np.argsort(-values, kind="stable")[:top]
        others = np.setdiff1d(np.arange(values.size), chosen)
        draws = values + error * generator.normal(size=(_DRAWS, values.size))
        return float(np.mean(draws[:, chosen].min(axis=1) >= draws[:, others].max(axis=1)))

    def of_groups(self, labels: Sequence) -> dict:
        """The sums of the values of points with one label.

        Of Aumann–Shapley values the value of the group as one player; of Shapley values a summary,
        as merging changes that game (theory §8.3).

        Parameters
        ----------
        labels : (n,)

        Raises
        ------
        ValueError
            Naming `labels`; or where there are several outputs.
        """
        values = self._single("of_groups")
        known = np.asarray(labels, object)
        if known.shape != values.shape:
            raise ValueError(
                f"labels: expected {values.size} labels, one a point, got shape {known.shape}."
            )
        found: dict = {}
        for label, value in zip(known.tolist(), values.tolist(), strict=True):
            found[label] = found.get(label, 0.0) + value
        return found

    def _single(self, what: str) -> np.ndarray:
        values = np.asarray(self.values)
        if values.ndim != 1:
            raise ValueError(f"{what}: expected values of one output, got {values.shape[1:]}.")
        return values


def moments_of(values: DataValues) -> Moments:
    """The moments of sampled values."""
    sampling = values.sampling
    parts = (np.asarray(part) for part in (sampling.second, sampling.third, sampling.fourth))
    return Moments(int(sampling.units), np.asarray(values.values).reshape(-1), *parts)
