"""Least squares: the exact distance of unlearned parameters, of every row in closed form.

u takes T − K steps with G and K without, v takes T steps without. Their difference grows by what G
contributes, e ← A₀e − ηΣ_G x_g r_g, A₀ = I − ηM, r_g the residuals along u, which are sums of
powers of A₁ = I − ηH. In the eigenbases M = WμWᵀ and H = VλVᵀ, N = T − K,

    (Wᵀe)_i = a_i^K η Σ_g p_gi [ê_g S_N(a_i) − Σ_l z_gl w_l D_N(a_i, b_l)],

a = 1 − ημ, b = 1 − ηλ, p = Wᵀx, z = Vᵀx, ê_g = y_g − x_gᵀθ*, w = Vᵀ(θ₀ − θ*), S_N = Σ_{k<N} a^k and
D_N the divided difference (a^N − b^N)/(a − b). No two large numbers are subtracted, as they would
be in θ* + A₁^N(θ₀ − θ*) − θ*₋ − A₀^N(θ₀ − θ*₋) (theory §6.2). The gradient flow has e^{−μt} for
a^k; nothing else changes.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from homotopy._checks import ArrayInput, instance, integer, number, positive, row_numbers, vector
from homotopy._numbers import as_numbers
from homotopy._wording import described
from homotopy.kept_spectra import spectrum_of
from homotopy.linear import LinearRegression
from homotopy.linear_deletions import LinearRegressions
from homotopy.weighted_rows import least_squares_rows

_BATCH = 2**22  # numbers in the divided differences that are worked on together


class Deletions(NamedTuple):
    """Some deletions from one regression, each in the eigenbasis of its own Hessian.

    Attributes
    ----------
    remaining : (k, d)
        μ, of M.
    largest : (d,)
        λ, of H.
    pulls : (k, g, d)
        p, the deleted rows in the eigenbasis of M.
    seen : (k, g, d)
        z, in that of H.
    residuals : (k, g)
        ê, of the fit to all rows.
    start : (d,)
        w, of θ₀ from that fit, in the eigenbasis of H.
    from_minimum : (k, d)
        θ₀ − θ*₋ in the eigenbasis of M; zero where M has no curvature.
    basis : (k, d, d)
        W.
    """

    remaining: np.ndarray
    largest: np.ndarray
    pulls: np.ndarray
    seen: np.ndarray
    residuals: np.ndarray
    start: np.ndarray
    from_minimum: np.ndarray
    basis: np.ndarray


def single_deletions(problem: LinearRegression, theta0, points: np.ndarray) -> Deletions:
    """Of each of the points alone, from one spectrum."""
    full = spectrum_of(problem)
    return _deletions(
        problem, theta0, LinearRegressions(problem, points, full).modal_fields, points[:, None]
    )


def group_deletion(problem: LinearRegression, theta0, group: np.ndarray) -> Deletions:
    """Of one group, deleted together."""
    modal = problem.deleting(group).modal
    names = ("basis", "eigenvalues", "rows", "equilibrium", "kernel")
    fields = {name: np.asarray(getattr(modal, name))[None] for name in names}
    return _deletions(problem, theta0, fields, group[None])


def _deletions(problem, theta0, fields, groups) -> Deletions:
    full = spectrum_of(problem)
    theta0 = np.asarray(theta0, float)
    X, y = (np.asarray(part, float) for part in least_squares_rows(problem))
    basis, fit = full.basis.rounded(), full.fit.rounded()
    seen = np.where(full.kernel, 0.0, X[groups] @ basis)
    # What H does not see does not move.
    start = np.where(full.kernel, 0.0, theta0 @ basis - fit)
    residuals = y[groups] - seen @ np.where(full.kernel, 0.0, fit)
    moved = np.einsum("d,kdi->ki", theta0, fields["basis"]) - fields["equilibrium"]
    return Deletions(
        remaining=fields["eigenvalues"],
        largest=full.values.rounded(),
        pulls=fields["rows"],
        seen=seen,
        residuals=residuals,
        start=start,
        from_minimum=np.where(fields["kernel"], 0.0, moved),
        basis=fields["basis"],
    )


def differences(
    deletions: Deletions, step_size: float | None, steps: int | float, rewound: int | float
) -> Float[np.ndarray, "k d"]:
    """Wᵀ(θ_U − θ_R), of T steps the last K of which are without the rows; None: of the flow."""
    mu, lam = deletions.remaining, deletions.largest
    count = steps - rewound
    powers = _Flow() if step_size is None else _Steps(step_size)
    found = np.empty_like(mu)
    part = max(1, _BATCH // lam.size**2)
    for first in range(0, len(mu), part):
        some = slice(first, first + part)
        divided = powers.divided(mu[some, :, None], lam[None, None, :], count)
        moving = np.einsum("kgl,l,kil->kgi", deletions.seen[some], deletions.start, divided)
        held = deletions.residuals[some, :, None] * powers.summed(mu[some], count)[:, None, :]
        found[some] = np.sum(deletions.pulls[some] * (held - moving), axis=1)
    return powers.power(mu, rewound) * found


def to_minimum(
    deletions: Deletions, step_size: float | None, steps: int | float, rewound: int | float
) -> Float[np.ndarray, "k d"]:
    """Wᵀ(θ_U − θ*₋)."""
    powers = _Flow() if step_size is None else _Steps(step_size)
    retrained = powers.power(deletions.remaining, steps) * deletions.from_minimum
    return retrained + differences(deletions, step_size, steps, rewound)


class _Steps:
    """A(h)^k with A(h) = 1 − ηh."""

    def __init__(self, step_size: float):
        self.step_size = step_size

    def power(self, h, count):
        if count == 0:
            return np.ones_like(h)
        small = self.step_size * h
        with np.errstate(divide="ignore"):
            # By the logarithm, whose error does not grow with the number of steps.
            decaying = np.exp(count * np.log1p(-np.minimum(small, 1.0)))
        return np.where(small < 1.0, decaying, (1.0 - small) ** count)

    def summed(self, h, count):
        """η Σ_{k<count} A(h)^k."""
        small = self.step_size * h
        if count == 0:
            return np.zeros_like(small)
        safe = np.where(small > 0.0, small, 1.0)
        with np.errstate(divide="ignore"):
            ended = np.where(
                small < 1.0,
                -np.expm1(count * np.log1p(-np.minimum(small, 1.0))),
                1.0 - (1.0 - small) ** count,
            )
        whole = np.where(small > 0.0, ended / safe, count)
        return self.step_size * whole

    def divided(self, one, other, count):
        """η (A^N − B^N)/(A − B), symmetric in the two."""
        if count == 0:
            return np.zeros(np.broadcast_shapes(one.shape, other.shape))
        low, high = np.minimum(one, other), np.maximum(one, other)
        a, b = 1.0 - self.step_size * low, 1.0 - self.step_size * high
        gap = self.step_size * (high - low)
        positive_both = b > 0.0
        # A^N (1 − (B/A)^N)/(A − B).
        safe = np.where(positive_both & (gap > 0.0), gap, 1.0)
        ratio = np.where(positive_both, gap / np.where(a > 0.0, a, 1.0), 0.0)
        drop = -np.expm1(count * np.log1p(-np.minimum(ratio, 1.0 - 2.0**-53)))
        by_logarithm = np.where(
            gap > 0.0, self.power(low, count) * drop / safe, count * self.power(low, count - 1)
        )
        if np.all(positive_both):
            return self.step_size * by_logarithm
        return self.step_size * np.where(positive_both, by_logarithm, _doubled(a, b, count))


def _doubled(a, b, count: int):
    """(a^N − b^N)/(a − b) by D_{2N} = D_N (a^N + b^N) and D_{N+1} = a D_N + b^N."""
    divided, power_a, power_b = np.zeros(np.broadcast_shapes(a.shape, b.shape)), 1.0, 1.0
    for digit in bin(count)[2:]:
        divided, power_a, power_b = divided * (power_a + power_b), power_a**2, power_b**2
        if digit == "1":
            divided, power_a, power_b = a * divided + power_b, power_a * a, power_b * b
    return divided


class _Flow:
    """e^{−ht}."""

    def power(self, h, time):
        return np.exp(-h * time)

    def summed(self, h, time):
        safe = np.where(h > 0.0, h, 1.0)
        return np.where(h > 0.0, -np.expm1(-h * time) / safe, time)

    def divided(self, one, other, time):
        low, gap = np.minimum(one, other), np.abs(one - other)
        safe = np.where(gap > 0.0, gap, 1.0)
        return np.exp(-low * time) * np.where(gap > 0.0, -np.expm1(-gap * time) / safe, time)


def exact_distances(
    problem: LinearRegression,
    theta0: ArrayInput,
    step_size: float | None,
    steps: int | float,
    rewound: ArrayInput,
    *,
    points: ArrayInput | None = None,
) -> Float[np.ndarray, "m k"]:
    """‖θ_U − θ_R‖ of every row of least squares, for many K, in closed form (theory §6.2).

    θ_U: T steps of gradient descent from θ₀, the last K of them without the row; θ_R: T steps
    without it. Rewinding to T − K; descending by K more steps is this with T + K. From the spectra
    of all deletions, which follow from one: nothing is run. Relative to the row's residuals, not
    to the parameters, the error is a few roundings.

    Parameters
    ----------
    problem : LinearRegression
    theta0 : (d,)
    step_size : float or None
        η > 0 on the sum risk; None for the gradient flow, `steps` and `rewound` being times.
    steps : int or float
        T.
    rewound : (m,)
        K, each from 0 to T.
    points : (k,), optional
        Row numbers; all n by default.

    Returns
    -------
    (m, k)

    Raises
    ------
    TypeError
        Naming `problem`.
    ValueError
        Naming `theta0`, `step_size`, `steps`, `rewound` or `points`.

    Examples
    --------
    >>> import homotopy as hm
    >>> hm.enable_x64()
    >>> problem = hm.LinearRegression([[1.0], [1.0]], [0.0, 1.0], deleted=1)
    >>> hm.unlearning.exact_distances(problem, [0.0], 0.25, 2, [0, 2]).round(9).tolist()
    [[0.0625, 0.375], [0.0, 0.0]]
    """
    instance("problem", problem, LinearRegression, "a LinearRegression")
    theta0 = np.asarray(vector("theta0", theta0, problem.dimension))
    if step_size is None:
        total = number("steps", steps, "a time >= 0", lambda x: 0.0 <= x < np.inf)
    else:
        step_size, total = positive("step_size", step_size), integer("steps", steps, 0)
    places = np.asarray(as_numbers("rewound", rewound))
    whole = step_size is None or places.dtype.kind in "iu"
    fits = places.ndim == 1 and places.size > 0 and places.dtype.kind in "iuf"
    if not (fits and whole and np.all((places >= 0) & (places <= total))):
        what = "times" if step_size is None else "integers"
        raise ValueError(
            f"rewound: expected a vector of {what} from 0 to {total:g}, got {described(rewound)}."
        )
    rows = np.arange(problem.size)
    if points is not None:
        rows = row_numbers("points", points, problem.size, distinct=False)
    made = single_deletions(problem, theta0, rows)
    return np.stack(
        [np.linalg.norm(differences(made, step_size, total, one.item()), axis=1) for one in places]
    )
