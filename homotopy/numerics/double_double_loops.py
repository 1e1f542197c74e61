"""Double-double arithmetic of single numbers and of small matrices, in loops.

The formulas of `double_double`. With u = 2⁻⁵³ each sum errs by 3u² of itself at most, and each
product by 8u² (Joldes, Muller, Popescu, ACM TOMS 44, 2017).
"""

from __future__ import annotations

from homotopy.numerics.loops_of_python import within

_SPLITTER = 134217729.0  # 2^27 + 1


@within
def two_product(a, b):
    """a·b and its rounding error."""
    product = a * b
    scaled = _SPLITTER * a
    a_high = scaled - (scaled - a)
    a_low = a - a_high
    scaled = _SPLITTER * b
    b_high = scaled - (scaled - b)
    b_low = b - b_high
    error = ((a_high * b_high - product) + a_high * b_low + a_low * b_high) + a_low * b_low
    return product, error


@within
def added(a_high, a_low, b_high, b_low):
    """The sum of two double-double numbers."""
    high = a_high + b_high
    shadow = high - a_high
    rest = (a_high - (high - shadow)) + (b_high - shadow)
    tail = a_low + b_low
    shadow = tail - a_low
    tail_rest = (a_low - (tail - shadow)) + (b_low - shadow)
    rest = rest + tail
    total = high + rest
    rest = (rest - (total - high)) + tail_rest
    high = total + rest
    return high, rest - (high - total)


@within
def multiplied(a_high, a_low, b_high, b_low):
    """The product of two double-double numbers."""
    product, error = two_product(a_high, b_high)
    error = error + (a_high * b_low + a_low * b_high)
    high = product + error
    return high, error - (high - product)


@within
def divided(a_high, a_low, b_high, b_low):
    """The quotient of two double-double numbers."""
    first = a_high / b_high
    high, low = multiplied(b_high, b_low, first, 0.0)
    rest_high, rest_low = added(a_high, a_low, -high, -low)
    second = rest_high / b_high
    high, low = multiplied(b_high, b_low, second, 0.0)
    rest_high, rest_low = added(rest_high, rest_low, -high, -low)
    third = rest_high / b_high
    high = first + second
    return added(high, second - (high - first), third, 0.0)


@within
def filled_product(left_high, left_low, turned, right_high, right_low, high, low):
    """Fill in the product of (m, k), or of its transpose where `turned`, and (k, n)."""
    for i in range(high.shape[0]):
        for j in range(high.shape[1]):
            total, rest = 0.0, 0.0
            for k in range(right_high.shape[0]):
                if turned:
                    a, b = left_high[k, i], left_low[k, i]
                else:
                    a, b = left_high[i, k], left_low[i, k]
                a, b = multiplied(a, b, right_high[k, j], right_low[k, j])
                total, rest = added(total, rest, a, b)
            high[i, j], low[i, j] = total, rest
