"""What a covariance under the posterior says of each point, with its evidence."""

from __future__ import annotations

from typing import TYPE_CHECKING

import equinox as eqx
import numpy as np
from jaxtyping import Array, Float, Int

from homotopy._display import Entries, largest, number
from homotopy._intervals import students_interval
from homotopy._module import Module
from homotopy._result import Result, in_order
from homotopy._status import Reported, Status
from homotopy._tables import Table, by_output
from homotopy.bayesian.chains import Chains

if TYPE_CHECKING:
    from matplotlib.axes import Axes


class SamplingStatus(Status):
    """How a posterior was sampled, or why what it says is not to be relied on."""

    not_mixed = (
        "the chains disagree, or their halves do (R̂ above 1.05): more burn-in or draws, a sampler "
        "such as NUTS, or more localisation"
    )
    too_few = "fewer than 100 effective draws: more draws, or more steps between them (thinning)"
    seldom_accepted = "fewer than a fifth of the steps are accepted: a smaller step size"
    diverged = "a chain left for infinity: a smaller step size, or more localisation"
    interrupted = "it was interrupted: the numbers are those of the draws done"


class PosteriorInfluence(Result, Reported, Module):
    """The first-order change of a posterior expectation on deletion of each point.

    Attributes
    ----------
    change : (n, *out)
        β Cov(ℓⱼ, φ), the covariance within chains: what leaving out point j adds to E φ, to first
        order. Of a test loss, a helpful point has a positive change.
    standard_error : (n, *out), optional
        Of its sampling; None where moments are known in closed form, as are the next three.
    effective_sample_size : (n, *out), optional
        Independent draws with that error.
    r_hat : (n,), optional
        Split-R̂ of each point's loss.
    between_chains : (n, *out), optional
        What the covariance of the chains' means would have added, as where draws are stacked: far
        from zero beside the errors where chains lie in different basins.
    expectation : (*out)
        E φ.
    shift : (d,)
        The posterior's mean minus θ_ref: the influence is one there.
    relative_shift : ()
        ‖shift‖ over √tr of the posterior's covariance.
    local_learning_coefficient : ()
        β(E R − R(θ_ref)): of a regular model with a wide posterior d/2.
    local_learning_coefficient_error : (), optional
        Its standard error.
    acceptance : (), optional
        The mean probability that a step was accepted, of samplers that refuse some.
    batches : ()
        Over which errors were taken; 0 where there are none.
    status : SamplingStatus
    kind : str
        "exact", "sampled", or "sampled, unadjusted" of chains whose law has the error of a step.
    chains : Chains, optional
        What was recorded, for `resume`.
    """

    change: Float[Array, "n ..."]
    standard_error: Float[Array, "n ..."] | None
    effective_sample_size: Float[Array, "n ..."] | None
    r_hat: Float[Array, " n"] | None
    between_chains: Float[Array, "n ..."] | None
    expectation: Float[Array, ...]
    shift: Float[Array, " d"]
    relative_shift: Float[Array, ""]
    local_learning_coefficient: Float[Array, ""]
    local_learning_coefficient_error: Float[Array, ""] | None
    acceptance: Float[Array, ""] | None
    batches: Int[Array, ""]
    status: SamplingStatus
    kind: str = eqx.field(static=True)
    chains: Chains | None = None

    _axes = (("change", None), ("relative_shift", 0))

    def _sizes(self) -> np.ndarray:
        """|change| over the outputs."""
        change = np.asarray(self.change)
        return np.linalg.norm(change.reshape(len(change), -1), axis=1)

    def _entries(self) -> Entries:
        change = np.asarray(self.change)
        single = change.ndim == 1
        yield (
            "change" if single else "‖change‖",
            largest(change if single else self._sizes(), self._names.row),
        )
        if self.standard_error is not None:
            sizes = np.asarray(self.effective_sample_size)
            error = float(np.max(np.asarray(self.standard_error)))
            yield "standard error", f"at most {number(error, 2)}"
            told = f"at least {number(float(sizes.min()), 3)} effective"
            if self.chains is not None:
                told += f" of {self.chains.count} × {self.chains.draws}"
            told += f", R̂ at most {number(float(np.max(np.asarray(self.r_hat))), 4)}"
            if self.acceptance is not None:
                told += f", {number(float(self.acceptance), 2)} accepted"
            yield "draws", told
        yield "shift of the mean", f"{number(self.relative_shift, 2)} posterior deviations"
        error = self.local_learning_coefficient_error
        known = "" if error is None else f" ± {number(float(error), 2)}"
        yield "learning coefficient", f"{number(self.local_learning_coefficient, 4)}{known}"
        yield "status", self.status

    def _table(self) -> Table:
        change = np.asarray(self.change)
        parts = [
            ("change", change),
            ("standard error", self.standard_error),
            ("effective sample size", self.effective_sample_size),
        ]
        columns = by_output(parts)
        if self.r_hat is not None:
            columns.append(("R̂ of its loss", np.asarray(self.r_hat)))
        index = [(self._names.row_heading, self._names.rows_of(range(len(change))))]
        about = "change of the posterior expectation on deletion, to first order, largest first"
        return Table(columns, index, in_order(self._sizes()), about)

    def plot(self, ax: Axes | None = None, **options) -> Axes:
        """The change of each point, with the names of the largest; bars of two standard errors.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            A new figure's by default.
        **options
            Of the dots, for `Axes.plot`.
        """
        from homotopy.plotting.by_row import draw_by_row

        change, rows = np.asarray(self.change), np.arange(len(self.change))
        single = change.ndim == 1
        names = [self._names.row(row) for row in rows]
        label = "change on deletion (β Cov)"
        drawn = change if single else self._sizes()
        shown = single and self.standard_error is not None
        error = np.asarray(self.standard_error) if shown else None
        label = label if single else f"‖{label}‖"
        return draw_by_row(rows, drawn, names, label, ax, errors=error, **options)

    def interval(
        self, confidence: float = 0.95, simultaneous: bool = False
    ) -> Float[np.ndarray, "2 n ..."]:
        """Bounds that hold each change with a probability, by Student's law of the batches.

        Parameters
        ----------
        confidence : float
            In (0, 1).
        simultaneous : bool
            Whether all of them hold together with it (Bonferroni), not each alone.

        Raises
        ------
        ValueError
            Naming `confidence` or `simultaneous`; or where the changes are not sampled.
        """
        samples = None if self.standard_error is None else int(self.batches)
        return students_interval(
            self.change,
            self.standard_error,
            samples,
            confidence,
            simultaneous,
            "changes",
            self.kind,
        )
