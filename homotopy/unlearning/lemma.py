"""One lemma for all of gradient descent: how far a run comes from one without some points.

With q a Lipschitz constant of θ ↦ θ − η∇R₋(θ) and ‖Σ_G ∇ℓ_i‖ ≤ mL along the original run, T steps,
the last K of them without G, end within

    Δ(K, T) = η mL (q^T − q^K)/(q − 1)

of T steps without G from the same start (theory §6.1). q = 1 − ημ for a strongly convex risk, 1 for
a convex one, 1 + ηκ where −κ bounds the curvature from below. Given q, η and mL nothing smaller is
true: ℓ_G linear and R₋ quadratic in one parameter attain it. Powers are kept as logarithms.
"""

from __future__ import annotations

import math

import numpy as np
from jaxtyping import Float

from homotopy._checks import integer, non_negative, number, positive
from homotopy.unlearning.steps import log_factor


def log_distance(
    step_size: float, gradient: float, lower: float, upper: float, steps: int, rewound: int
) -> float:
    """log Δ(K, T) of constant steps; `gradient` is mL."""
    if gradient == 0.0 or steps == rewound:
        return -math.inf
    rate = float(log_factor(np.asarray(step_size), np.asarray(lower), np.asarray(upper)))
    by_lower = abs(1.0 - step_size * lower) >= abs(1.0 - step_size * upper)
    # q − 1 to its own digits: −ηh where that is what q comes from.
    excess = -step_size * lower if by_lower and step_size * lower < 1.0 else math.expm1(rate)
    return math.log(step_size) + math.log(gradient) + log_span(rate, excess, steps, rewound)


def log_span(rate: float, excess: float, steps: int, rewound: int) -> float:
    """log (q^T − q^K)/(q − 1) from log q and q − 1."""
    count = steps - rewound
    if excess == 0.0:
        return math.log(count)
    if rate == -math.inf:
        return 0.0 if rewound == 0 else -math.inf
    if rate > 0.0:
        ahead, rest = steps * rate, math.log(-math.expm1(-count * rate))
    else:
        ahead, rest = rewound * rate, math.log(-math.expm1(count * rate))
    return ahead + rest - math.log(abs(excess))


def log_distance_of_steps(
    sizes: Float[np.ndarray, " t"], gradient: float, rates: Float[np.ndarray, " t"], rewound: int
) -> float:
    """log Δ of steps of several sizes: Σ_{t<T−K} (Π_{t<u<T} q_u) η_t mL."""
    count = sizes.size - rewound
    if gradient == 0.0 or count == 0:
        return -math.inf
    after = np.concatenate([np.cumsum(rates[::-1])[::-1][1:], [0.0]])
    with np.errstate(divide="ignore"):
        terms = np.log(sizes[:count]) + after[:count]
    largest = terms.max()
    if largest == -math.inf:
        return -math.inf
    return math.log(gradient) + float(largest + np.log(np.sum(np.exp(terms - largest))))


def lemma_distance(
    step_size: float, gradient: float, lower: float, upper: float, steps: int, rewound: int
) -> float:
    """Δ(K, T) = η mL (q^T − q^K)/(q − 1), the sharp bound of gradient descent (theory §6.1).

    Parameters
    ----------
    step_size : float
        η > 0, on the sum risk.
    gradient : float
        mL ≥ 0: a bound of ‖Σ_G ∇ℓ_i‖ along the original run.
    lower, upper : float
        Bounds of the eigenvalues of ∇²R₋; `lower` is μ, 0 or −κ.
    steps, rewound : int
        T, and how many of them, K, are without the points.

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
    >>> round(hm.unlearning.lemma_distance(0.1, 1.0, -0.1, 1.0, steps=100, rewound=0), 6)
    17.048138
    """
    steps, rewound = _horizon(steps, rewound)
    arguments = _checked(step_size, gradient, lower, upper)
    found = log_distance(*arguments, steps, rewound)
    return math.exp(found) if found < 709.0 else math.inf


def flow_distance(gradient: float, lower: float, steps: int | float, rewound: int | float) -> float:
    """mL (e^{κT} − e^{κK})/κ, −κ = `lower`: what Δ(K, T) becomes for the gradient flow.

    Parameters
    ----------
    gradient : float
        mL ≥ 0: a bound of ‖Σ_G ∇ℓ_i‖ along the original flow.
    lower : float
        A lower bound of the eigenvalues of ∇²R₋; no upper one is needed.
    steps, rewound : float
        T, and the time K of it that is without the points.

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
    >>> round(hm.unlearning.flow_distance(1.0, 0.5, 2.0, 0.0), 6)
    1.264241
    """
    total = non_negative("steps", steps)
    last = number("rewound", rewound, f"a time in [0, {total:g}]", lambda x: 0.0 <= x <= total)
    gradient, kappa = non_negative("gradient", gradient), -number("lower", lower)
    if gradient == 0.0 or total == last:
        return 0.0
    if kappa == 0.0:
        return gradient * (total - last)
    ahead = kappa * (total if kappa > 0.0 else last)
    span = -math.expm1(-abs(kappa) * (total - last)) / abs(kappa)
    found = ahead + math.log(gradient) + math.log(span)
    return math.exp(found) if found < 709.0 else math.inf


def rewind_point(
    distance: float, step_size: float, gradient: float, lower: float, upper: float, steps: int
) -> int:
    """K*, the least K with Δ(K, T) ≤ Δ̄: how far to rewind for a budget of distance.

    ⌈ln(q^T − (q − 1)Δ̄/(η mL))/ln q⌉; T, retraining, where nothing less will do.

    Parameters
    ----------
    distance : float
        Δ̄ ≥ 0, as `GaussianMechanism.distance(noise)`.
    step_size, gradient, lower, upper, steps
        As of `lemma_distance`.

    Returns
    -------
    int

    Raises
    ------
    ValueError
        Naming the argument.

    Examples
    --------
    >>> import homotopy as hm
    >>> hm.unlearning.rewind_point(10.0, 0.1, 1.0, 0.0, 1.0, steps=200)
    100
    """
    goal = non_negative("distance", distance)
    steps = integer("steps", steps, 0)
    arguments = _checked(step_size, gradient, lower, upper)
    # Δ falls with K: bisection, which no rounding of the closed form can mislead.
    low, high = 0, steps
    allowed = math.log(goal) + 1e-13 if goal > 0.0 else -math.inf
    while low < high:
        middle = (low + high) // 2
        if log_distance(*arguments, steps, middle) <= allowed:
            high = middle
        else:
            low = middle + 1
    return low


def _checked(step_size, gradient, lower, upper):
    lower = number("lower", lower)
    upper = number(
        "upper", upper, f"a finite number >= lower, {lower:g}", lambda x: lower <= x < np.inf
    )
    return positive("step_size", step_size), non_negative("gradient", gradient), lower, upper


def _horizon(steps, rewound) -> tuple[int, int]:
    steps = integer("steps", steps, 0)
    return steps, integer("rewound", rewound, 0, steps)
