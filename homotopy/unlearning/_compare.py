"""Several algorithms for one deletion: work, distances, noise and what it costs, in one table."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from homotopy._checks import ArrayInput, instance
from homotopy._display import Entries, number
from homotopy._result import Result, named
from homotopy._tables import Table
from homotopy.losses import SquaredError
from homotopy.measurements import TestLoss
from homotopy.models import LinearModel
from homotopy.unlearning._training_run import TrainingRun
from homotopy.unlearning._unlearn import unlearn
from homotopy.unlearning.certificate import ComparedTo, smallest
from homotopy.unlearning.gaussian_mechanism import GaussianMechanism, a_mechanism
from homotopy.unlearning.methods import AbstractUnlearning, WhenCertified
from homotopy.unlearning.unlearned import Unlearned

if TYPE_CHECKING:
    from matplotlib.axes import Axes


_DRAWS = 256


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
        Expected on test data with the certified noise: of squared errors exactly, of other losses
        by the mean of 256 draws; NaN where no data were given.
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
    losses = np.full(len(results), np.nan)
    if test is not None:
        noises = certified / mechanism.ratio
        losses = np.array([
            _expected_loss(test, one, noise) for one, noise in zip(results, noises, strict=True)
        ])  # fmt: skip
    found = UnlearningComparison(
        names=tuple(methods),
        results=results,
        to_reference=np.array([one.distance for one in results]),
        to_minimum=np.array([one.distance_to_minimum for one in results]),
        certified=certified,
        test_loss=losses,
        mechanism=mechanism,
        theta=run.theta,
    )
    return named(found, run.problem)


def _expected_loss(test: TestLoss, result: Unlearned, noise: float) -> float:
    """Of θ_U with noise, on test data; infinite where the noise is."""
    problem, none = result.run.problem, (np.zeros(1, int), np.zeros(1))
    if not math.isfinite(noise):
        return math.inf
    plain = float(test(problem, result.theta, *none))
    if isinstance(problem.model, LinearModel) and isinstance(problem.loss, SquaredError):
        return plain + 0.5 * noise**2 * float(np.mean(np.sum(np.asarray(test.X) ** 2, axis=1)))
    drawn = noise * np.random.default_rng(0).standard_normal((_DRAWS, result.theta.size))
    return float(np.mean(_losses(test, problem, result.theta, jnp.asarray(drawn))))


@eqx.filter_jit
def _losses(test, problem, theta, drawn):
    none = jnp.zeros(1, int), jnp.zeros(1)
    return jax.lax.map(lambda noise: test(problem, theta + noise, *none), drawn)


def _certified(result: Unlearned) -> float:
    """The smallest bound of the distance to what it is compared with, the closed form left out."""
    goal = ComparedTo.minimum if result.compared_steps is None else ComparedTo.retraining
    bounds = [one for one in result.certificates if one.route != "exact"]
    best = smallest(bounds, goal)
    return math.inf if best is None else best.distance
