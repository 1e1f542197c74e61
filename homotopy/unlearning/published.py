"""Bounds as published, on the mean risk: to be set beside the sharp ones (theory §6.1)."""

from __future__ import annotations

import math

from homotopy._checks import integer, number, positive
from homotopy.unlearning.gaussian_mechanism import GaussianMechanism, a_mechanism


def published_rewind_distance(
    step_size: float,
    gradient: float,
    smoothness: float,
    size: int,
    deleted: int,
    steps: int,
    rewound: int,
) -> float:
    """(2mG/(βn)) ((1 + ηβn/(n − m))^{T−K} − 1)(1 + ηβ)^K of Mu and Klabjan (2024), nonconvex.

    For descent on the **mean** risk by the same step with n and with n − m points, every
    ‖∇ℓ_i‖ ≤ G and every ℓ_i β-smooth. The argument of `lemma_distance` gives
    (2mG/(βn))(q^T − q^K), q = 1 + ηβ: `mean_rewind_distance`.

    Parameters
    ----------
    step_size : float
        η > 0, on the mean risk.
    gradient, smoothness : float
        G ≥ 0 and β > 0, of every point.
    size, deleted : int
        n and m < n.
    steps, rewound : int
        T and K ≤ T.

    Returns
    -------
    float
        Infinite where it overflows.

    Raises
    ------
    ValueError
        Naming the argument.

    Examples
    --------
    >>> import homotopy as hm
    >>> round(hm.unlearning.published_rewind_distance(0.1, 1.0, 1.0, 40, 4, 25, 5), 4)
    2.3273
    """
    found = _checked(step_size, gradient, smoothness, size, deleted, steps, rewound)
    eta, gradient, beta, size, deleted, steps, rewound = found
    rate = math.log1p(eta * beta * size / (size - deleted))
    grown = (steps - rewound) * rate + rewound * math.log1p(eta * beta)
    if gradient == 0.0 or steps == rewound or grown > 709.0:
        return math.inf if gradient > 0.0 and steps > rewound else 0.0
    rise = math.expm1((steps - rewound) * rate) * math.exp(rewound * math.log1p(eta * beta))
    return 2.0 * deleted * gradient / (beta * size) * rise


def mean_rewind_distance(
    step_size: float,
    gradient: float,
    smoothness: float,
    size: int,
    deleted: int,
    steps: int,
    rewound: int,
) -> float:
    """(2mG/(βn)) (q^T − q^K), q = 1 + ηβ: the sharp bound where the published one applies.

    ∇f_D − ∇f_D' at one θ is at most 2mG/n for the mean risks with and without m points, and
    opposed linear losses attain it.

    Parameters
    ----------
    step_size, gradient, smoothness, size, deleted, steps, rewound
        As of `published_rewind_distance`.

    Returns
    -------
    float
        Infinite where it overflows.

    Raises
    ------
    ValueError
        Naming the argument.

    Examples
    --------
    >>> import homotopy as hm
    >>> round(hm.unlearning.mean_rewind_distance(0.1, 1.0, 1.0, 40, 4, 25, 5), 4)
    1.8448
    """
    found = _checked(step_size, gradient, smoothness, size, deleted, steps, rewound)
    eta, gradient, beta, size, deleted, steps, rewound = found
    rate = math.log1p(eta * beta)
    if gradient == 0.0 or steps == rewound or steps * rate > 709.0:
        return math.inf if gradient > 0.0 and steps > rewound else 0.0
    rise = math.exp(rewound * rate) * math.expm1((steps - rewound) * rate)
    return 2.0 * deleted * gradient / (beta * size) * rise


def published_descent_noise(
    mechanism: GaussianMechanism,
    gradient: float,
    curvature: float,
    smoothness: float,
    size: int,
    steps: int,
) -> float:
    """σ of Neel, Roth and Sharifi-Malvajerdi (ALT 2021), for I steps of descent a deletion.

    4√2 Mγ^I/(μn(1 − γ^I)(√(ln(1/δ) + ε) − √ln(1/δ))), γ = (β − μ)/(β + μ): for any number of
    deletions, the n points never below a half, on the **mean** risk, μ-strongly convex and
    β-smooth, ‖∇ℓ_i‖ ≤ M, by the step 2/(β + μ). It is the concentrated noise for twice
    4Mγ^I/(μn(1 − γ^I)).

    Parameters
    ----------
    mechanism : GaussianMechanism
        ε > 0 and δ.
    gradient, curvature, smoothness : float
        M > 0, μ > 0 and β ≥ μ.
    size, steps : int
        n and I ≥ 1.

    Returns
    -------
    float

    Raises
    ------
    TypeError
        Naming `mechanism`.
    ValueError
        Naming the argument.

    Examples
    --------
    >>> import homotopy as hm
    >>> mechanism = hm.GaussianMechanism(1.0, 1e-5)
    >>> round(hm.unlearning.published_descent_noise(mechanism, 1.0, 0.05, 0.3, 1000, 10), 5)
    0.02808
    """
    a_mechanism(mechanism)
    gradient, mu = positive("gradient", gradient), positive("curvature", curvature)
    beta = number(
        "smoothness", smoothness, f"a finite number >= {mu:g}", lambda x: mu <= x < math.inf
    )
    size, steps = integer("size", size), integer("steps", steps)
    shrunk = ((beta - mu) / (beta + mu)) ** steps
    return mechanism.concentrated_noise(8.0 * gradient * shrunk / (mu * size * (1.0 - shrunk)))


def _checked(step_size, gradient, smoothness, size, deleted, steps, rewound):
    size, steps = integer("size", size, 2), integer("steps", steps, 0)
    return (
        positive("step_size", step_size),
        number("gradient", gradient, "a finite number >= 0", lambda x: 0.0 <= x < math.inf),
        positive("smoothness", smoothness),
        size,
        integer("deleted", deleted, 1, size - 1),
        steps,
        integer("rewound", rewound, 0, steps),
    )
