"""The root between two poles: what each step of a secular equation's solution solves."""

from __future__ import annotations


def two_pole_root(
    numbers, constant, weight_below, weight_above, pole_below, pole_above, in_left_half
):
    """The root of c + p/(a − x) + q/(b − x) = 0 between a < b, for p, q ≥ 0, one pole being 0.

    Written as a quadratic in x, whose constant term is a product of the pole at the origin and
    its weight, so that small roots come out to full relative accuracy.

    Parameters
    ----------
    numbers : module
        `numpy` or `jax.numpy`, whose arrays the others are.
    constant, weight_below, weight_above, pole_below, pole_above : (...)
        c, p, q, a and b.
    in_left_half : (...)
        Whether the pole at zero is a, and not b.

    Examples
    --------
    >>> import numpy as np
    >>> float(two_pole_root(np, 0.0, 1.0, 1.0, 0.0, 2.0, True))
    1.0
    """
    # c(a−x)(b−x) + p(b−x) + q(a−x) = c x² − (c(a+b) + p + q) x + (c a b + p b + q a)
    middle = constant * (pole_below + pole_above) + weight_below + weight_above
    tail = numbers.where(in_left_half, weight_below * pole_above, weight_above * pole_below)
    root = numbers.sqrt(numbers.maximum(middle**2 - 4.0 * constant * tail, 0.0))
    near = numbers.where(
        middle > 0.0,
        2.0 * tail / numbers.where(middle > 0.0, middle + root, 1.0),
        (middle - root) / numbers.where(constant == 0.0, 1.0, 2.0 * constant),
    )
    far = numbers.where(
        middle > 0.0,
        (middle + root) / numbers.where(constant == 0.0, 1.0, 2.0 * constant),
        2.0 * tail / numbers.where(middle < 0.0, middle - root, 1.0),
    )
    between = (near > pole_below) & (near < pole_above)
    return numbers.where(between, near, far)
