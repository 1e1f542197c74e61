"""The mean of m over random coalitions, by an effective medium, and its derivatives.

Each point is in the coalition with its own probability p_i. The mean fit is that of weights a_i(p)
that no single point scatters on average (the coherent-potential approximation); what is left of the
points' scatter adds up along ladders of pairs. With q_i = x_iᵀK⁻¹x_i, K = Σ a_i x_i x_iᵀ + ρ
(theory §8.4):

    q a² − (1 + q) a + p = 0,   θ̄ = K⁻¹ Σ a_i y_i x_i,   e = y − Xθ̄,   G = K⁻¹Xᵀ,   M = XG,
    v = p T₁² + (1−p) T₀²,   T₁ = (1−a)/(1 + (1−a)q),   T₀ = −a/(1 − aq),
    (I − diag(v)(M∘M − diag q²)) u = v∘e²,   F = m(θ̄) + ½ Σ u_i g_iᵀAg_i.

M∘M has rank d(d+1)/2: all systems are a diagonal plus a term of low rank, and cost O(n d⁴) instead
of O(n³) where there are many points. All of several p are computed side by side.
"""

from __future__ import annotations

import dataclasses

import numpy as np
from jaxtyping import Float

from homotopy.valuation.measures import Quadratic

_STILL, _MOST = 2e-15, 200  # change of the weights at which their iteration ends; its steps
_SIMPLE, _NEAR = 6, 1e-2  # steps before Newton's, and the change below which those are taken


class Medium:
    """F(p), the estimate of E m(θ(B)), B_i ∼ Bernoulli(p_i), of a ridge regression.

    Parameters
    ----------
    rows : (n, d), targets : (n,), ridge : (d,)
    measure : Quadratic
    """

    def __init__(self, rows, targets, ridge, measure: Quadratic):
        self.rows, self.targets, self.measure = rows, targets, measure
        self.ridge = np.diag(ridge)
        self.weights: np.ndarray | None = None  # of the last p, where the next iteration begins

    def settle(self, p: Float[np.ndarray, "*k n"]) -> _State:
        """The self-consistent weights at p."""
        near = self.weights is not None and self.weights.shape == p.shape and p.ndim == 1
        a = self.weights if near else p
        for step in range(_MOST):
            half = self._half(a)
            q = np.sum(half**2, axis=-1)
            away = weights_at(q, p) - a
            change = np.max(np.abs(away), axis=-1, keepdims=True)
            if np.all(change <= _STILL):
                break
            if step >= _SIMPLE and np.any(change < _NEAR):
                # Newton's step: where about d points are in, the plain iteration hardly converges.
                newton = self._newton_step(a, q, p, half, away)
                away = np.where(change < _NEAR, newton, away)
            a = np.clip(a + away, 0.0, 1.0)
        self.weights = a
        return _State(p, a, q, half)

    @staticmethod
    def _newton_step(a, q, p, half, away):
        pairs = _pairs(half)
        slope = (a**2 - a) / _root(q, p)
        return away - slope * _times(pairs, _solved(_back(pairs, slope), pairs, away))

    def _curvature(self, a) -> np.ndarray:
        return (self.rows.T * a[..., None, :]) @ self.rows + self.ridge

    def _half(self, a) -> np.ndarray:
        """Y with M = YYᵀ."""
        return _swapped(np.linalg.solve(np.linalg.cholesky(self._curvature(a)), self.rows.T))

    def value_and_gradient(
        self, p: Float[np.ndarray, "*k n"]
    ) -> tuple[Float[np.ndarray, "*k"], Float[np.ndarray, "*k n"]]:
        """F(p) and ∂F/∂p_j of every point; of several p at once, where there is an axis of them."""
        state, m = self.settle(p), self.measure
        a, q, half = state.a, state.q, state.half
        X, y = self.rows, self.targets
        curvature = self._curvature(a)
        theta = np.linalg.solve(curvature, ((a * y) @ X)[..., None])[..., 0]
        e = y - theta @ X.T
        G = _swapped(np.linalg.solve(curvature, X.T))  # (n, d): the rows are g_i
        pairs = _pairs(half)  # M∘M = pairs pairsᵀ
        across = _swapped(pairs)
        v, v_p, v_a, v_q = state.scatter()
        s = np.sum(G @ m.A * G, axis=-1)

        base = 1.0 + v * q**2
        ladder = _back(pairs, -v / base)
        right = v * e**2
        u = (right + v * _times(pairs, _solved(ladder, pairs, right / base))) / base
        w = (s + _times(pairs, _solved(ladder, pairs, v * s / base))) / base
        value = m(theta.reshape(-1, theta.shape[-1])).reshape(theta.shape[:-1])
        value = np.asarray(value + 0.5 * np.sum(u * s, axis=-1))

        # ∂F/∂a_i with q as it follows from a; p enters by v.
        c = 0.5 * w * (e**2 + _times(pairs, _times(across, u)) - q**2 * u)
        by_a = e * _times(G, theta @ m.A.T - m.g)
        middle = m.A @ (_swapped(G) * u[..., None, :]) @ X  # Σ_k u_k A g_k x_kᵀ
        by_a -= np.sum(G @ middle * G, axis=-1)
        by_a -= e * _times(G, (w * v * e) @ X)
        by_a += c * v_a - _times(pairs, _times(across, c * v_q))
        inner = (X.T * (w * v)[..., None, :]) @ (G @ ((X.T * u[..., None, :]) @ X))
        inner -= (X.T * (w * v * q * u)[..., None, :]) @ X
        by_a -= np.sum(G @ inner * G, axis=-1)

        # a follows from p: (I + diag(a_q) M∘M) da = a_p dp.
        root = _root(q, p)
        a_q, a_p = (a**2 - a) / root, 1.0 / root
        by_a -= _times(pairs, _solved(_back(pairs, a_q), pairs, a_q * by_a))
        return value, c * v_p + a_p * by_a


@dataclasses.dataclass(frozen=True)
class _State:
    p: np.ndarray
    a: np.ndarray
    q: np.ndarray
    half: np.ndarray

    def scatter(self):
        """v and its derivatives in p, a and q, each with the others fixed."""
        p, a, q = self.p, self.a, self.q
        inside, outside = 1.0 + (1.0 - a) * q, 1.0 - a * q
        t1, t0 = (1.0 - a) / inside, -a / outside
        v = p * t1**2 + (1.0 - p) * t0**2
        v_a = -2.0 * (p * t1 / inside**2 + (1.0 - p) * t0 / outside**2)
        v_q = -2.0 * (p * t1**3 + (1.0 - p) * t0**3)
        return v, t1**2 - t0**2, v_a, v_q


def weights_at(
    q: Float[np.ndarray, "*k n"], p: Float[np.ndarray, "*k n"]
) -> Float[np.ndarray, "*k n"]:
    """a in [0, 1] with q a² − (1 + q) a + p = 0: 0 at p = 0 and 1 at p = 1."""
    return 2.0 * p / (1.0 + q + _root(q, p))


def _root(q, p):
    return np.sqrt((1.0 + q) ** 2 - 4.0 * q * p)


def _pairs(half: Float[np.ndarray, "*k n d"]) -> Float[np.ndarray, "*k n r"]:
    """Φ with ΦΦᵀ = (YYᵀ)∘(YYᵀ), of as few columns as there are."""
    n, d = half.shape[-2:]
    if n <= d * (d + 1) // 2:
        values, vectors = np.linalg.eigh((half @ _swapped(half)) ** 2)
        return vectors * np.sqrt(np.maximum(values, 0.0))[..., None, :]
    first, second = np.triu_indices(d)
    scale = np.where(first == second, 1.0, np.sqrt(2.0))
    return half[..., first] * half[..., second] * scale


def _swapped(matrices):
    return np.swapaxes(matrices, -1, -2)


def _times(matrices, vectors):
    return (matrices @ vectors[..., None])[..., 0]


def _back(pairs, diagonal):
    """1 + Φᵀ diag Φ."""
    return np.eye(pairs.shape[-1]) + (_swapped(pairs) * diagonal[..., None, :]) @ pairs


def _solved(matrices, pairs, right):
    """Of the matrices, with Φᵀ of the right-hand sides."""
    return np.linalg.solve(matrices, _swapped(pairs) @ right[..., None])[..., 0]
