"""Several algorithms for one deletion: work, distances, noise and what it costs, in one table."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Array, Float

from homotopy._checks import ArrayInput, instance
from homotopy._display import Entries, number
from homotopy._result import Result, named
from homotopy._tables import Table
from homotopy.measurements import TestLoss
from homotopy.unlearning._training_run import TrainingRun
from homotopy.unlearning._unlearn import unlearn
from homotopy.unlearning.certificate import ComparedTo, smallest
from homotopy.unlearning.expected_loss import expected_loss
from homotopy.unlearning.gaussian_mechanism import GaussianMechanism, a_mechanism
from homotopy.unlearning.methods import AbstractUnlearning, WhenCertified
from homotopy.unlearning.unlearned import Unlearned

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class UnlearningComparison(Result):
    """Ways to delete the same points, with the noise that each takes.

    Attributes
    ----------
    names : tuple of str
    results : tuple of Unlearned
    to_reference : (k,)
        ‖θ_U − θ_R‖, to what each is compared with: what the noise has to cover.
    to_minimum : (k,)
        ‖θ_U − θ*₋‖.
    certified : (k,)
        The smallest proved distance to what each is compared with that is not computed from the
        truth itself.
    test_loss : (k,)
        Expected on test data with the certified noise; NaN where no data were given.
    test_loss_error : (k,)
        Its standard error: 0 of linear regression, which has it exactly; of others it is a mean
        of 256 draws.
    mechanism : GaussianMechanism
    theta : (d,)
        Before unlearning.
    """

    names: tuple[str, ...]
    results: tuple[Unlearned, ...]
    to_reference: Float[np.ndarray, " k"]
    to_minimum: Float[np.ndarray, " k"]
    certified: Float[np.ndarray, " k"]
    test_loss: Float[np.ndarray, " k"]
    test_loss_error: Float[np.ndarray, " k"]
    mechanism: GaussianMechanism
    theta: Float[Array, " d"]

    _axes = (("theta", 1),)

    @property
    def work(self) -> np.ndarray:
        """Gradients of single losses after the request."""
        return np.array([one.work for one in self.results])

    @property
    def bytes_stored(self) -> np.ndarray:
        """What was kept of training."""
        return np.array([one.bytes_stored for one in self.results])

    @property
    def noise(self) -> np.ndarray:
        """σ for the certified distance."""
        return self.certified / self.mechanism.ratio

    @property
    def exact_noise(self) -> np.ndarray:
        """σ for the true one, which nobody knows who does not retrain."""
        return self.to_reference / self.mechanism.ratio

    @property
    def squared_error(self) -> np.ndarray:
        """E‖θ_U + σξ − θ*₋‖² = ‖θ_U − θ*₋‖² + dσ², with the certified σ."""
        return self.to_minimum**2 + self.theta.size * self.noise**2

    def _entries(self) -> Entries:
        asked = self.mechanism
        yield "asked for", f"ε = {number(asked.privacy_epsilon)}, δ = {number(asked.delta)}"
        order = np.argsort(self.squared_error)[:5]
        for place in order:
            yield (
                self.names[place],
                f"work {self.work[place]}, certified {number(self.certified[place], 4)}, "
                f"σ = {number(self.noise[place], 4)}",
            )

    def _table(self) -> Table:
        columns = [
            ("work", self.work),
            ("bytes stored", self.bytes_stored),
            ("to reference", self.to_reference),
            ("to minimum", self.to_minimum),
            ("certified", self.certified),
            ("noise", self.noise),
            ("noise, exact", self.exact_noise),
            ("squared error", self.squared_error),
        ]
        if np.any(np.isfinite(self.test_loss)):
            columns.append(("test loss", self.test_loss))
            columns.append(("test loss, standard error", self.test_loss_error))
        return Table(columns, [("method", list(self.names))], about="distances are without noise")

    def plot(self, ax: Axes | None = None, **options) -> Axes:
        """Work against the true distance to what each is compared with, and the certified one.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            A new figure's by default.
        **options
            Of the dots, for `Axes.plot`.
        """
        from homotopy.plotting.work import draw_work

        return draw_work(self.work, self.to_reference, self.certified, self.names, ax, **options)


def compare(
    run: TrainingRun,
    points: ArrayInput | str,
    methods: Mapping[str, AbstractUnlearning | tuple[AbstractUnlearning, WhenCertified]],
    mechanism: GaussianMechanism,
    *,
    test: TestLoss | None = None,
) -> UnlearningComparison:
    """Delete the same points by several methods, and compute what each is compared with.

    Parameters
    ----------
    run : TrainingRun
    points : int or str, sequence of them, or (n,) of bool
    methods : mapping of str to method
        Or to a method and when it stops.
    mechanism : GaussianMechanism
        ε and δ that the noise is for.
    test : TestLoss, optional
        Data on which the parameters are judged, with the noise that each takes.

    Returns
    -------
    UnlearningComparison

    Raises
    ------
    TypeError
        Naming `methods`, `mechanism` or `test`, and as `unlearn`.
    ValueError
        Naming `methods`, where there are none, and as `unlearn`.

    Examples
    --------
    >>> import homotopy as hm
    >>> hm.enable_x64()
    >>> problem = hm.LinearRegression([[1.0], [1.0]], [0.0, 1.0], deleted=1)
    >>> run = hm.training_run(problem, [0.0], 4, hm.GradientDescent(0.25), checkpoints=[2])
    >>> methods = {"rewind": hm.RewindToDelete(2), "descend": hm.DescendToDelete(2)}
    >>> found = hm.unlearning.compare(run, 1, methods, hm.GaussianMechanism(1.0, 1e-5))
    >>> found.to_reference.round(4).tolist()
    [0.2109, 0.2637]
    """
    if not isinstance(methods, Mapping) or not methods:
        kind = ValueError if isinstance(methods, Mapping) else TypeError
        raise kind(f"methods: expected a mapping of names to methods, got {methods!r}.")
    for name, given in methods.items():
        method = given[0] if isinstance(given, tuple) and given else given
        if not isinstance(method, AbstractUnlearning) or not isinstance(name, str):
            raise TypeError(
                f"methods: expected names and ways to unlearn, got {name!r}: {given!r}."
            )
    a_mechanism(mechanism)
    if test is not None:
        instance("test", test, TestLoss, "None or TestLoss(X, y)")
    results = tuple(
        unlearn(run, points, *(given if isinstance(given, tuple) else (given,)))
        for given in methods.values()
    )
    certified = np.array([_certified(one) for one in results])
    losses = np.full((len(results), 2), np.nan)
    if test is not None:
        for place, one in enumerate(results):
            noise = float(certified[place] / mechanism.ratio)
            losses[place] = expected_loss(run.problem, one.theta, noise, test)
    found = UnlearningComparison(
        names=tuple(methods),
        results=results,
        to_reference=np.array([one.distance for one in results]),
        to_minimum=np.array([one.distance_to_minimum for one in results]),
        certified=certified,
        test_loss=losses[:, 0],
        test_loss_error=losses[:, 1],
        mechanism=mechanism,
        theta=run.theta,
    )
    return named(found, run.problem)


def _certified(result: Unlearned) -> float:
    """The smallest bound of the distance to what it is compared with, the closed form left out."""
    goal = ComparedTo.minimum if result.compared_steps is None else ComparedTo.retraining
    bounds = [one for one in result.certificates if one.route != "exact"]
    best = smallest(bounds, goal)
    return math.inf if best is None else best.distance
