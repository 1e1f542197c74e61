"""What unlearning returns: parameters, what they are to be compared with, and the evidence."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Array, Float, Int

from homotopy._display import Entries, largest
from homotopy._module import Module
from homotopy._result import Result
from homotopy._status import Reported, Status
from homotopy._tables import Table
from homotopy.influence._predict import predict
from homotopy.influence.estimators import LeaveOneOut
from homotopy.unlearning._training_run import TrainingRun
from homotopy.unlearning.certificate import (
    THREAT_MODEL,
    Certificate,
    ComparedTo,
    entries,
    smallest,
)
from homotopy.unlearning.methods import AbstractUnlearning, DescendToDelete, WhenCertified
from homotopy.unlearning.release import PerInstance, Release, released
from homotopy.unlearning.routes import kept_weights
from homotopy.unlearning.steps import advance

if TYPE_CHECKING:
    from matplotlib.axes import Axes


class UnlearningStatus(Status):
    """How unlearning ended."""

    not_certified = "all steps were made before the certificate was reached: raise the steps"


class Unlearned(Result, Reported, Module):
    """Parameters from which points were deleted, without noise, and how near they are.

    Attributes
    ----------
    theta : (d,)
        θ_U. What may be released is `release(mechanism, noise).theta`.
    deleted : (m,)
    started : int
        The checkpoint it started from, in steps of training.
    steps : int
        K, made after the request.
    work : int
        Gradients of single losses after the request, those for certificates included.
    bytes_stored : int
        What had to be kept of training.
    certificates : tuple of Certificate
        By every route that holds.
    run, method, stop, status
    """

    theta: Float[Array, " d"]
    deleted: Int[np.ndarray, " m"]
    started: int
    steps: int
    work: int
    bytes_stored: int
    certificates: tuple[Certificate, ...]
    run: TrainingRun
    method: AbstractUnlearning
    stop: WhenCertified | None
    status: UnlearningStatus

    _axes = (("theta", 1), ("deleted", 1))

    def _entries(self) -> Entries:
        names = self._names
        rows = ", ".join(names.row(row) for row in self.deleted[:4])
        yield "deleted", rows + ", …" * (self.deleted.size > 4)
        yield "method", f"{self.method!r}, {self.steps} steps from step {self.started}"
        yield "θ", largest(self.theta, names.parameter_names(self.theta.size))
        yield "work", f"{self.work} gradients, {self.bytes_stored} bytes stored"
        yield from entries(self.certificates)
        yield "status", self.status

    def _table(self) -> Table:
        made = self.certificates
        columns = [
            ("distance", np.array([one.distance for one in made])),
            ("kind", [one.kind.value for one in made]),
            ("smallest", np.array([one in self._smallest for one in made], bool)),
        ]
        index = [
            ("compared to", [one.compared_to.name for one in made]),
            ("route", [one.route for one in made]),
        ]
        return Table(columns, index, about="bounds of the distance, without noise")

    @property
    def _smallest(self) -> list[Certificate | None]:
        return [smallest(self.certificates, goal) for goal in ComparedTo]

    @property
    def certificate(self) -> Certificate | None:
        """The smallest proved distance to what θ_U is to be told from; None where none is proved.

        To retraining by the algorithm, where it has one of its own; to the minimum of refits, and
        of descents that stopped by their distance to it.
        """
        stopped = self.stop is not None and isinstance(self.method, DescendToDelete)
        goal = ComparedTo.minimum if stopped else ComparedTo.retraining
        return smallest(self.certificates, goal) or smallest(self.certificates)

    @property
    def compared_steps(self) -> int | None:
        """Steps of the retraining that it is compared with; None where that is the minimum."""
        refit = type(self.method).__name__.endswith("Refit")
        return None if refit else self.started + self.steps

    @functools.cached_property
    def reference(self) -> Float[np.ndarray, " d"]:
        """θ_R, what it is to be compared with, computed when it is asked for: by all the work.

        `started` + `steps` steps without the points from θ₀, with the same batches; of refits θ*₋.
        """
        if self.compared_steps is None:
            return self.minimum
        run = self.run
        weights = kept_weights(run.problem.size, self.deleted)
        theta, _ = advance(
            run.problem, run.method, run.theta0, None, None, 0, self.compared_steps, weights
        )
        return np.asarray(theta)

    @functools.cached_property
    def minimum(self) -> Float[np.ndarray, " d"]:
        """θ*₋, the minimum without the points, downhill of θ_U."""
        change = predict(
            self.run.problem, LeaveOneOut(), theta=self.theta, groups=[self.deleted.tolist()]
        )
        return np.asarray(self.theta) + np.asarray(change.delta[0])

    @property
    def distance(self) -> float:
        """‖θ_U − θ_R‖, by computing `reference`."""
        return float(np.linalg.norm(np.asarray(self.theta) - self.reference))

    @property
    def distance_to_minimum(self) -> float:
        """‖θ_U − θ*₋‖, by computing `minimum`."""
        return float(np.linalg.norm(np.asarray(self.theta) - self.minimum))

    @property
    def threat_model(self) -> str:
        """What a certificate with noise is a statement about."""
        return THREAT_MODEL

    def release(
        self,
        mechanism,
        noise: float | PerInstance,
        *,
        reference_distance: float = 0.0,
        seed: int | None = None,
    ) -> Release:
        """θ_U with Gaussian noise: what may be published, and what an observer can tell of it.

        Parameters
        ----------
        mechanism : GaussianMechanism
            ε and δ.
        noise : float or PerInstance
            σ > 0, fixed before the request: the certificate has to be at most σ r(ε, δ). Or
            `unlearning.PerInstance()`: the least for this certificate, which then may leak.
        reference_distance : float
            How far what it is compared to may itself be from what its certificate is to: as the
            tolerance to which retraining would be stopped. Adds to the distance.
        seed : int, optional
            Of the noise; from the system by default. Who knows it knows θ_U.

        Returns
        -------
        Release

        Raises
        ------
        TypeError
            Naming `mechanism`.
        ValueError
            Naming `noise`, where it is too small or no certificate is finite; or
            `reference_distance` or `seed`.
        """
        return released(
            self.theta, self.certificate, mechanism, noise, reference_distance, seed,
            self.run.problem,
        )  # fmt: skip

    def plot(self, ax: Axes | None = None, **options) -> Axes:
        """The bounds of the distance, by route, on a logarithmic scale.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            A new figure's by default.
        **options
            Of the dots, for `Axes.plot`.
        """
        from homotopy.plotting.certificates import draw_certificates

        made = self.certificates
        return draw_certificates(
            [one.distance for one in made],
            [f"{one.route}, to {one.compared_to.name}" for one in made],
            [one.kind.value for one in made],
            ax,
            **options,
        )
