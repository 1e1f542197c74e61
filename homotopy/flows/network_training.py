"""What training by minibatches comes to, and the evidence."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Array, Float, Int

from homotopy._display import Entries, largest, number
from homotopy._module import Module
from homotopy._result import Result
from homotopy._status import Reported, Status
from homotopy._tables import Table

if TYPE_CHECKING:
    from matplotlib.axes import Axes


class NetworkTrainingStatus(Status):
    """How training by minibatches ended: `successful` at its last epoch or its tolerance."""

    epoch_limit = (
        "the epochs were spent before the gradient fell to the tolerance: raise max_epochs, lower "
        "the learning rate, or take larger batches"
    )
    interrupted = "interrupted: theta is that of the last epoch that was completed"
    diverged = "the risk left the finite numbers: lower the learning rate"


class NetworkTraining(Result, Reported, Module):
    """A model after epochs of minibatches.

    Attributes
    ----------
    theta : (d,)
        After the last epoch: where the status is `diverged`, the last of a finite risk.
    status : NetworkTrainingStatus
    risk, gradient_norm : (e + 1,)
        R_ε and ‖∇R_ε‖ of all the data after each epoch, from θ₀ on.
    checkpoint_epochs : (c,)
        Epochs whose θ was kept.
    checkpoints : (c, d)
    """

    theta: Float[Array, " d"]
    status: NetworkTrainingStatus
    risk: Float[Array, " e"]
    gradient_norm: Float[Array, " e"]
    checkpoint_epochs: Int[Array, " c"]
    checkpoints: Float[Array, "c d"]

    _axes = (("theta", 1), ("risk", 1))

    @property
    def epoch(self) -> int:
        """How many epochs θ has seen."""
        return len(self.risk) - 1

    def _entries(self) -> Entries:
        risk, slope = np.asarray(self.risk), np.asarray(self.gradient_norm)
        yield "θ", largest(self.theta, self._names.parameter_names(self.theta.size))
        yield "epochs", self.epoch
        yield "risk", f"{number(risk[-1])}, from {number(risk[0])}"
        yield "‖∇R‖", f"{number(slope[-1])}, from {number(slope[0])}"
        yield "kept", f"θ of {len(self.checkpoint_epochs)} epochs"
        yield "status", self.status

    def _table(self) -> Table:
        columns = [("risk", np.asarray(self.risk)), ("‖∇R‖", np.asarray(self.gradient_norm))]
        epochs = np.arange(len(self.risk))
        return Table(columns, [("epoch", epochs)], epochs[::-1], "after each epoch, latest first")

    def plot(self, ax: Axes | None = None, **options) -> Axes:
        """The risk after each epoch.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            A new figure's by default.
        **options
            Of the line, for `Axes.plot`.
        """
        from homotopy.plotting.losses import draw_risk

        return draw_risk(np.asarray(self.risk), np.asarray(self.checkpoint_epochs), ax, **options)
