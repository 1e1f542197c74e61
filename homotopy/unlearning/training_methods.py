"""Ways to train that certificates are known of: projected descent, in full and by batches."""

from __future__ import annotations

import abc

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Int

from homotopy._checks import ArrayInput, integer, number
from homotopy._display import DisplayedByFields, array_text
from homotopy._module import Module
from homotopy._numbers import as_numbers
from homotopy._saving import Saved
from homotopy._wording import described
from homotopy.flows.gradient_descent import GradientDescent, StochasticGradientDescent

ROUND = 256  # steps whose batches are drawn together


def step_sizes(name: str, value) -> Float[np.ndarray, "*steps"]:
    """One step size > 0, or one for each step."""
    known = np.asarray(as_numbers(name, value))
    fits = known.ndim in (0, 1) and known.size > 0 and known.dtype.kind in "iuf"
    if not fits or np.any(known <= 0) or isinstance(value, bool | np.bool_):
        raise ValueError(
            f"{name}: expected a number > 0, or one for each step, got {described(value)}."
        )
    return known.astype(float)


class AbstractSampling(DisplayedByFields, Saved, Module):
    """How the rows of a batch are drawn."""

    @abc.abstractmethod
    def batches(
        self, seed: int, size: int, count: int, first: int, last: int
    ) -> Int[np.ndarray, "m b"]:
        """Row numbers of the batches of steps first ≤ t < last, the same whenever asked for."""


class WithReplacement(AbstractSampling):
    """Each slot of each batch holds a row drawn from all of them, independently.

    Examples
    --------
    >>> import homotopy as hm
    >>> hm.unlearning.WithReplacement().batches(0, 5, 3, 0, 2).shape
    (2, 3)
    """

    def batches(self, seed, size, count, first, last):
        def drawn(part):
            return np.random.default_rng([seed, part]).integers(0, size, (ROUND, count))

        return _cut(drawn, ROUND, first, last)


class Epochs(AbstractSampling):
    """The rows in a new order each epoch, cut into batches: each at most once an epoch.

    Where the batch size does not divide n, what is left over at the end of an epoch is not used.

    Examples
    --------
    >>> import homotopy as hm
    >>> batches = hm.unlearning.Epochs().batches(0, 4, 2, 0, 2)
    >>> sorted(batches.ravel().tolist())
    [0, 1, 2, 3]
    """

    def batches(self, seed, size, count, first, last):
        length = size // count

        def drawn(epoch):
            order = np.random.default_rng([seed, epoch]).permutation(size)
            return order[: length * count].reshape(length, count)

        return _cut(drawn, length, first, last)


class WithoutReplacement(AbstractSampling):
    """Each batch holds distinct rows, drawn anew: the batches of `StochasticGradientDescent`.

    Examples
    --------
    >>> import homotopy as hm
    >>> len(set(hm.unlearning.WithoutReplacement().batches(0, 5, 3, 0, 1)[0].tolist()))
    3
    """

    def batches(self, seed, size, count, first, last):
        return _cut(lambda part: _distinct(seed, part * ROUND, size, count), ROUND, first, last)


def _distinct(seed, first, size, count):
    return np.asarray(
        _distinct_jit(jax.random.key(seed), jnp.arange(first, first + ROUND), size, count)
    )


@eqx.filter_jit
def _distinct_jit(key, steps, size, count):
    def one(step):
        return jax.random.choice(jax.random.fold_in(key, step), size, (count,), replace=False)

    return jax.vmap(one)(steps)


def _cut(drawn, length: int, first: int, last: int) -> np.ndarray:
    """Steps first to last of rounds of that length."""
    # One round at least, so that no steps are batches too, of which there are none.
    parts = [
        drawn(part) for part in range(first // length, max(-(-last // length), first // length + 1))
    ]
    begin = first // length * length
    return np.concatenate(parts)[first - begin : last - begin]


class AbstractDescent(DisplayedByFields, Saved, Module):
    """θ ← Π(θ − η g), Π the projection on a ball around 0, g a gradient or an estimate of one.

    Attributes
    ----------
    step_size : () or (steps,)
        η.
    radius : float
        Of the ball.
    """

    step_size: eqx.AbstractVar[Float[np.ndarray, "*steps"]]
    radius: eqx.AbstractVar[float]

    def sizes(self, first: int, last: int) -> Float[np.ndarray, " m"]:
        """η of steps first ≤ t < last; the last of those given goes on."""
        if self.step_size.ndim == 0:
            return np.full(last - first, float(self.step_size))
        places = np.minimum(np.arange(first, last), self.step_size.size - 1)
        return self.step_size[places]

    @property
    def constant(self) -> bool:
        """Whether all steps have one size."""
        return bool(np.all(self.step_size == self.step_size.ravel()[0]))


def _radius(value) -> float:
    return number("radius", value, "a number > 0, or infinity", lambda x: x > 0.0)


class ProjectedDescent(AbstractDescent):
    """Full-batch gradient descent θ ← Π(θ − η∇R(θ)) on the sum risk.

    Parameters
    ----------
    step_size : float or (steps,)
        η > 0, or one for each step; the last goes on after it.
    radius : float
        Of the ball around 0 on which θ is projected; infinity for none.

    Raises
    ------
    ValueError
        Naming `step_size` or `radius`.

    Examples
    --------
    >>> import homotopy as hm
    >>> hm.unlearning.ProjectedDescent(0.1, radius=2.0)
    ProjectedDescent(step_size=0.1, radius=2)
    """

    step_size: Float[np.ndarray, "*steps"]
    radius: float

    def __init__(self, step_size: ArrayInput, radius: float = np.inf):
        self.step_size = step_sizes("step_size", step_size)
        self.radius = _radius(radius)

    def _entries(self):
        yield "step_size", array_text(self.step_size)
        if np.isfinite(self.radius):
            yield "radius", self.radius


class ProjectedSGD(AbstractDescent):
    """Stochastic gradient descent θ ← Π(θ − η((n/b) Σ_{batch} ∇ℓ_i + ρθ)), projected on a ball.

    In the convention of the sum risk: a step α of the mean risk is η = α/n.

    Parameters
    ----------
    step_size : float or (steps,)
        η > 0, or one for each step; the last goes on after it.
    batch_size : int
        b, from 1 to n.
    sampling : AbstractSampling
        `WithReplacement()`, `Epochs()` or `WithoutReplacement()`.
    radius : float
        Of the ball around 0 on which θ is projected; infinity for none.
    seed : int
        Of the batches: those of a step are the same whatever was done before.

    Raises
    ------
    TypeError
        Naming `sampling`.
    ValueError
        Naming `step_size`, `batch_size`, `radius` or `seed`.

    Examples
    --------
    >>> import homotopy as hm
    >>> hm.unlearning.ProjectedSGD(0.01, 4, hm.unlearning.Epochs(), seed=1)
    ProjectedSGD(step_size=0.01, batch_size=4, sampling=Epochs(), seed=1)
    """

    step_size: Float[np.ndarray, "*steps"]
    batch_size: int = eqx.field(static=True)
    sampling: AbstractSampling
    radius: float
    seed: int

    def __init__(
        self,
        step_size: ArrayInput,
        batch_size: int,
        sampling: AbstractSampling | None = None,
        radius: float = np.inf,
        seed: int = 0,
    ):
        self.step_size = step_sizes("step_size", step_size)
        self.batch_size = integer("batch_size", batch_size)
        sampling = WithReplacement() if sampling is None else sampling
        if not isinstance(sampling, AbstractSampling):
            raise TypeError(
                "sampling: expected WithReplacement(), Epochs() or WithoutReplacement(), got "
                f"{described(sampling)}."
            )
        self.sampling = sampling
        self.radius = _radius(radius)
        self.seed = integer("seed", seed, 0)

    def _entries(self):
        yield "step_size", array_text(self.step_size)
        yield "batch_size", self.batch_size
        yield "sampling", repr(self.sampling)
        if np.isfinite(self.radius):
            yield "radius", self.radius
        yield "seed", self.seed


def a_descent(value, size: int, name: str = "method") -> AbstractDescent:
    """A way to train that certificates are known of; those of `flow` in their place here."""
    if isinstance(value, GradientDescent):
        return ProjectedDescent(value.step_size)
    if isinstance(value, StochasticGradientDescent):
        value = ProjectedSGD(
            value.step_size, value.batch_size, WithoutReplacement(), seed=int(value.seed)
        )
    if not isinstance(value, AbstractDescent):
        raise TypeError(
            f"{name}: expected GradientDescent(step_size), unlearning.ProjectedDescent(step_size) "
            "or unlearning.ProjectedSGD(step_size, batch_size), whose steps have certificates, got "
            f"{described(value)}."
        )
    if isinstance(value, ProjectedSGD) and value.batch_size > size:
        raise ValueError(
            f"batch_size: expected at most the {size} points there are, got {value.batch_size}."
        )
    return value
