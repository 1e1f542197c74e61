"""The same network with data points: a model whose gradient flow is that of the limit."""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Num, PRNGKeyArray

from homotopy._checks import ArrayInput, integer, non_negative, positive
from homotopy._display import Displayed, Entries
from homotopy._module import Module
from homotopy.losses import SquaredError
from homotopy.models import Model
from homotopy.problem import Problem
from homotopy.two_layer.targets import Target, a_target, hermite


class HermiteNetwork(Model):
    """f(θ; x) = (1/m) Σ (aᵢ/√ε) σ(⟨wᵢ/‖wᵢ‖, x⟩), σ = Σσ_k he_k; θ = (a, w₁, …, w_m).

    Its gradient flow keeps every ‖wᵢ‖, and for ‖wᵢ‖ = 1 it is the flow of `learn`, at m/n times its
    speed in the sum risk of n points: the scale of a makes the outer layer 1/ε times as fast.

    Attributes
    ----------
    inputs, width : int
        d and m (static).
    ratio : float
        ε.
    activation : (L + 1,)
        σ_k.
    """

    inputs: int = eqx.field(static=True)
    width: int = eqx.field(static=True)
    ratio: Float[Array, ""]
    activation: Float[Array, " k"]

    @property
    def dimension(self) -> int:
        """m(d + 1)."""
        return self.width * (self.inputs + 1)

    def unravel(self, theta: Float[Array, " d"]) -> tuple[Array, Array]:
        """(a/√ε, u): amplitudes (m,) and unit directions (m, d)."""
        self._check(theta)
        w = theta[self.width :].reshape(self.width, self.inputs)
        u = w / jnp.linalg.norm(w, axis=1, keepdims=True)
        return theta[: self.width] / jnp.sqrt(self.ratio), u

    def __call__(self, theta: Float[Array, " d"], x: Num[Array, " p"]) -> Float[Array, ""]:
        amplitudes, u = self.unravel(theta)
        values = jnp.stack(hermite(u @ x, max(1, self.activation.size - 1)))
        return jnp.mean(amplitudes * (self.activation @ values[: self.activation.size]))

    def initial_parameters(self, key: PRNGKeyArray) -> Float[Array, " d"]:
        """Standard normal amplitudes, uniform directions."""
        first, second = jax.random.split(key)
        amplitudes = jax.random.normal(first, (self.width,))
        w = jax.random.normal(second, (self.width, self.inputs))
        u = w / jnp.linalg.norm(w, axis=1, keepdims=True)
        return jnp.concatenate([jnp.sqrt(self.ratio) * amplitudes, u.ravel()])


class Student(Displayed, Module):
    """Data of a target, and a network with a start, beside whose limit its training stands.

    Attributes
    ----------
    model : HermiteNetwork
    theta0 : (d,)
    X : (n, inputs), y : (n,)
        Standard normal inputs; the target's directions are their first coordinates.
    amplitudes : (m,), directions : (m, K), overlaps : (m, m)
        Those of `theta0`: what `learn` begins with.
    target : Target
    """

    model: HermiteNetwork
    theta0: Float[Array, " d"]
    X: Float[np.ndarray, "n p"]
    y: Float[np.ndarray, " n"]
    amplitudes: Float[np.ndarray, " m"]
    directions: Float[np.ndarray, "m k"]
    overlaps: Float[np.ndarray, "m m"]
    target: Target

    def _entries(self) -> Entries:
        n, d = self.X.shape
        yield "points", f"{n} in dimension {d}"
        yield "neurons", self.model.width
        yield "ε", float(self.model.ratio)
        yield "target", ", ".join(self.target.names)

    def problem(self, deleted: ArrayInput | int = 0) -> Problem:
        """The regression on the data, with points to delete."""
        return Problem(self.model, SquaredError(), self.X, self.y, deleted=deleted)

    def flow_times(self, times: ArrayInput) -> Float[np.ndarray, " t"]:
        """Times of `learn` as those of the gradient flow of the sum risk: t m/n."""
        return np.asarray(times, float) * self.model.width / len(self.y)

    def learned(self, theta: Float[Array, "t d"]) -> Float[np.ndarray, "t c"]:
        """The network's coefficient of each term of the target, at each θ."""
        amplitudes, u = jax.vmap(self.model.unravel)(jnp.asarray(theta))
        s = np.asarray(u)[:, :, : self.target.directions]
        parts = []
        for term, share in zip(self.target.exponents, self.target.shares, strict=True):
            pull = share * self.target.activation[sum(term)] * np.prod(s ** np.array(term), axis=2)
            parts.append(np.mean(np.asarray(amplitudes) * pull, axis=1))
        return np.stack(parts, axis=1)


def student(
    target: Target,
    ratio: float,
    *,
    size: int = 2000,
    inputs: int = 20,
    width: int = 20,
    noise: float = 0.0,
    seed: int = 0,
) -> Student:
    """Data of a target in d dimensions, and a network of m neurons to learn them.

    Its gradient flow, by `flow` and `influence_in_time`, tends to `learn` with
    `FiniteWidth(overlaps)` for n → ∞ at every d and m.

    Parameters
    ----------
    target : Target
    ratio : float
        ε > 0.
    size, inputs, width : int
        n, d ≥ K and m.
    noise : float
        Standard deviation of what is added to y, ≥ 0.
    seed : int

    Returns
    -------
    Student

    Raises
    ------
    TypeError
        Naming `target`.
    ValueError
        Naming the argument.

    Examples
    --------
    >>> import homotopy as hm
    >>> hm.enable_x64()
    >>> target = hm.two_layer.single_index([0.0, 1.0], [0.0, 1.0])
    >>> beside = hm.two_layer.student(target, 0.1, size=50, inputs=4, width=3)
    >>> beside.problem().dimension, beside.learned(beside.theta0[None]).shape
    (15, (1, 2))
    """
    a_target(target)
    ratio = positive("ratio", ratio)
    n, m = integer("size", size, 2), integer("width", width)
    d = integer("inputs", inputs, target.directions)
    noise = non_negative("noise", noise)
    generator = np.random.default_rng(integer("seed", seed, 0))
    X = generator.normal(size=(n, d))
    y = target(X[:, : target.directions]) + noise * generator.normal(size=n)
    amplitudes, u = generator.normal(size=m), generator.normal(size=(m, d))
    u /= np.linalg.norm(u, axis=1, keepdims=True)
    theta0 = jnp.asarray(np.concatenate([np.sqrt(ratio) * amplitudes, u.ravel()]))
    model = HermiteNetwork(d, m, jnp.asarray(ratio, float), jnp.asarray(target.activation))
    s = u[:, : target.directions]
    return Student(model, theta0, X, y, amplitudes, s, u @ u.T, target)
