"""The flow of the network's overlaps: exactly for m neurons, and for many."""

from __future__ import annotations

import abc
import itertools
import math

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from homotopy._checks import ArrayInput, array
from homotopy._display import DisplayedByFields
from homotopy._module import Module
from homotopy._saving import Saved
from homotopy.two_layer.targets import shares_of


class Overlaps(Module):
    """What a network's risk depends on: amplitudes a, projections s on the target, overlaps r.

    s is kept in units of √ε, which is its size when the first component is learned. Of many neurons
    the residual ρ_α = φ_α − σ_|α| √(|α|!/α!) mean(a s^α) is kept beside them, though they give it:
    where it is small it is known to its own digits, which 1/ε would lose otherwise.
    """

    a: Float[Array, " m"]
    scaled: Float[Array, "m k"]
    r: Float[Array, "m m"] | None = None
    residual: Float[Array, " c"] | None = None


class Setting(Module):
    """Target, activation and ε as what JAX differentiates; terms are all that the activation sees.

    `terms` are the places of the target's own among them.
    """

    coefficients: Float[Array, " c"]
    activation: Float[Array, " l"]
    shares: Float[Array, " c"]
    ratio: Float[Array, ""]
    exponents: tuple[tuple[int, ...], ...] = eqx.field(static=True)
    terms: tuple[int, ...] = eqx.field(static=True)

    @classmethod
    def of(cls, target, ratio):
        degree = target.activation.size
        ranges = itertools.product(range(degree), repeat=target.directions)
        exponents = tuple(term for term in ranges if sum(term) < degree)
        terms = tuple(exponents.index(term) for term in target.exponents)
        coefficients = np.zeros(len(exponents))
        coefficients[list(terms)] = target.coefficients
        parts = (coefficients, target.activation, shares_of(exponents), ratio)
        return cls(*(jnp.asarray(part, float) for part in parts), exponents, terms)

    def monomials(self, s):
        """√(|α|!/α!)σ_|α| Π s^α of each term, of one s (K,)."""
        powers = jnp.stack([_product(s, term) for term in self.exponents])
        degrees = np.array([sum(term) for term in self.exponents])
        return self.shares * self.activation[degrees] * powers

    def shared(self, s):
        """U(s) = E[y σ(⟨u, x⟩)]."""
        return self.coefficients @ self.monomials(s)

    def learned(self, a, s):
        """The network's coefficient of each term, (1/m)Σ aⱼ√(|α|!/α!)σ_|α| sⱼ^α."""
        return jnp.mean(a[:, None] * jax.vmap(self.monomials)(s), axis=0)

    def own(self, r):
        """V(r) = E[σ(⟨u, x⟩)σ(⟨u', x⟩)] = Σσ_k²r^k."""
        return jnp.polyval(self.activation[::-1] ** 2, r)


def _product(s, term):
    factors = [jax.lax.integer_pow(s[c], power) for c, power in enumerate(term) if power]
    return math.prod(factors[1:], start=factors[0]) if factors else jnp.ones((), s.dtype)


class AbstractReduction(DisplayedByFields, Saved, Module):
    """Which unknowns the flow has."""

    @abc.abstractmethod
    def start(self, setting: Setting, a, scaled) -> Overlaps:
        """The unknowns at t = 0."""

    @abc.abstractmethod
    def velocity(self, setting: Setting, state: Overlaps) -> Overlaps:
        """Their time derivative."""

    @abc.abstractmethod
    def risk(self, setting: Setting, state: Overlaps) -> Float[Array, ""]:
        """R = ½E(y − f)²."""


class LargeWidth(AbstractReduction):
    """d → ∞, then many neurons: εȧᵢ = U(sᵢ) − mean_j a_jV(sᵢ·s_j), ṡᵢ = aᵢ(1 − sᵢsᵢᵀ)∇(…).

    Neurons overlap by what they have of the target's directions, r_ij = sᵢ·s_j, and what each has
    of its own does not count.

    Examples
    --------
    >>> import homotopy as hm
    >>> hm.two_layer.LargeWidth()
    LargeWidth()
    """

    def start(self, setting, a, scaled):
        learned = setting.learned(a, jnp.sqrt(setting.ratio) * scaled)
        return Overlaps(a, scaled, residual=setting.coefficients - learned)

    def velocity(self, setting, state):
        root = jnp.sqrt(setting.ratio)
        a, s = state.a, root * state.scaled

        # U − mean_j a_jV(s·s_j) = Σ ρ_α √(|α|!/α!)σ_|α| s^α.
        def pull(one):
            return state.residual @ setting.monomials(one)

        value, slope = jax.vmap(jax.value_and_grad(pull))(s)
        along = jnp.sum(s * slope, axis=1, keepdims=True)
        faster, turned = value / setting.ratio, a[:, None] * (slope - s * along)
        learned = jax.jvp(setting.learned, (a, s), (faster, turned))[1]
        return Overlaps(faster, turned / root, residual=-learned)

    def risk(self, setting, state):
        return 0.5 * jnp.sum(state.residual**2)


class FiniteWidth(AbstractReduction):
    """Exactly m neurons, at every dimension of the input: (a, s, r) close among themselves.

    Parameters
    ----------
    overlaps : (m, m), optional
        r_ij = ⟨uᵢ, u_j⟩ at t = 0, ones on the diagonal; by default those of random directions of
        infinite dimension, sᵢ·s_j for i ≠ j.

    Raises
    ------
    ValueError
        Naming `overlaps`.

    Examples
    --------
    >>> import homotopy as hm
    >>> hm.two_layer.FiniteWidth([[1.0, 0.0], [0.0, 1.0]]).overlaps.shape
    (2, 2)
    """

    overlaps: Float[np.ndarray, "m m"] | None = None

    def __init__(self, overlaps: ArrayInput | None = None):
        if overlaps is None:
            self.overlaps = None
            return

        def square(shape):
            return len(shape) == 2 and shape[0] == shape[1] > 0

        known = np.asarray(array("overlaps", overlaps, "a square matrix (m, m)", square))
        unit = np.allclose(np.diag(known), 1.0) and np.allclose(known, known.T)
        if not unit or np.linalg.eigvalsh(known)[0] < -1e-9:
            raise ValueError(
                "overlaps: expected inner products of unit vectors: symmetric, with ones on the "
                "diagonal and no negative eigenvalue."
            )
        self.overlaps = known

    def start(self, setting, a, scaled):
        s = jnp.sqrt(setting.ratio) * scaled
        if self.overlaps is not None:
            if self.overlaps.shape[0] != a.size:
                raise ValueError(
                    f"overlaps: expected a matrix for {a.size} neurons, got shape "
                    f"{self.overlaps.shape}."
                )
            return Overlaps(a, scaled, r=jnp.asarray(self.overlaps))
        r = s @ s.T
        return Overlaps(a, scaled, r=r + jnp.diag(1.0 - jnp.diag(r)))

    def velocity(self, setting, state):
        root = jnp.sqrt(setting.ratio)
        a, s, r = state.a, root * state.scaled, state.r
        value, slope = jax.vmap(jax.value_and_grad(setting.shared))(s)
        pull = jax.vmap(jax.vmap(jax.grad(setting.own)))(r) * a[None] / a.size  # a_jV'(r_ij)/m
        # (1/m)Σ_j a_jV'(r_ij)(s_j − r_ijsᵢ), and the same of r.
        across = jnp.sum(pull * r, axis=1, keepdims=True)
        along = jnp.sum(s * slope, axis=1, keepdims=True)
        moved = a[:, None] * (slope - s * along - (pull @ s - across * s))
        half = a[:, None] * (slope @ s.T - along * r - (pull @ r - across * r))
        turned = half + half.T
        return Overlaps(
            (value - setting.own(r) @ a / a.size) / setting.ratio,
            moved / root,
            turned * (1.0 - jnp.eye(a.size)),
        )

    def risk(self, setting, state):
        # ½Σφ² − (1/m)Σ aU + (1/2m²)Σ aa'V.
        a, s = state.a, jnp.sqrt(setting.ratio) * state.scaled
        total = 0.5 * jnp.sum(setting.coefficients**2) - jnp.mean(a * jax.vmap(setting.shared)(s))
        return total + 0.5 * a @ setting.own(state.r) @ a / a.size**2
