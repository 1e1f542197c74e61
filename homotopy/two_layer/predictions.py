"""When which component of a single-index target is learned, for ε ≪ 1."""

from __future__ import annotations

import math

import numpy as np
from jaxtyping import Float

from homotopy.two_layer.targets import Target, a_target


def predicted_exponents(target: Target) -> Float[np.ndarray, " c"]:
    """The exponents of ε in the times at which components are learned (theory §11.3).

    1 of he₀; ½ of he₁, with a logarithm; 1/(2l) of he_l after he_{l−1}; after a leap from he_l to
    he_l', (l + 2 − l')/(2(l + 1)), which is negative beyond l' = l + 2: the time diverges as ε → 0.
    No component is learned before one that it waits for.

    Parameters
    ----------
    target : Target
        Of one direction.

    Returns
    -------
    (c,)
        Infinity for components that are 0 already, minus infinity for those never learned from a
        start at random directions, as σ_k = 0, or as nothing breaks the symmetry.

    Raises
    ------
    TypeError
        Naming `target`.
    ValueError
        Naming `target`, of several directions.

    Examples
    --------
    >>> import homotopy as hm
    >>> target = hm.two_layer.single_index([1.0, 1.0, 0.0, 0.6], [1.0, 0.9, 0.7, 0.6])
    >>> hm.two_layer.predicted_exponents(target).tolist()
    [1.0, 0.5, inf, 0.0]
    """
    if a_target(target).directions != 1:
        raise ValueError(
            f"target: expected one of a single direction, got {target.directions}; the times of "
            "several are found by learn."
        )
    exponents = np.full(len(target.exponents), -math.inf)
    learned, slowest = 0, math.inf
    for place in np.argsort(target.degrees, kind="stable"):
        degree = target.degrees[place]
        if target.coefficients[place] == 0.0:
            exponents[place] = math.inf
            continue
        if target.activation[degree] == 0.0:
            continue
        if degree == 0:
            exponents[place] = 1.0
            continue
        if learned == 0 and degree > 1:
            break  # s = 0 is a saddle
        slowest = min(slowest, (learned + 2 - degree) / (2 * (learned + 1)))
        exponents[place], learned = slowest, degree
    return exponents


def horizon_of(target: Target, ratio: float) -> float:
    """A time by which all is learned that will be, in order of magnitude."""
    if target.directions > 1:
        return 10.0 * ratio ** (1.0 / (2.0 * max(target.degrees)))
    exponents = predicted_exponents(target)
    known = exponents[np.isfinite(exponents)]
    slowest = float(known.min()) if known.size else 1.0
    first = [
        abs(coefficient * target.activation[1])
        for coefficient, degree in zip(target.coefficients, target.degrees, strict=True)
        if degree == 1 and coefficient * target.activation[1] != 0.0
    ]
    waited = math.sqrt(ratio) * (4.0 + math.log(1.0 / ratio) / (4.0 * first[0])) if first else 0.0
    return max(10.0 * ratio**slowest, 3.0 * waited)
