"""Double-double arithmetic: unevaluated sums of two float64, about 32 decimal digits.

A Gram matrix squares the condition number of its data, so that float64 spectra of XᵀX lose every
digit of the slow directions once cond(XᵀX) passes 1e16, and all but six of them at 1e10. The
slow directions are the ones that gradient flow spends its time on. They are therefore computed
once, on the host, in twice the working precision, and rounded to float64 at the end.

Error-free transformations after Dekker (1971) and Knuth; the matrix product by exact slices
(Ozaki, Ogita, Oishi and Rump, Numer. Algorithms 59, 2012), so that the work is done by BLAS.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

_SPLITTER = 134217729.0  # 2^27 + 1
_BITS = 110  # of a product, a little more than double-double can hold


def _two_sum(a, b):
    total = a + b
    shadow = total - a
    return total, (a - (total - shadow)) + (b - shadow)


def _quick_two_sum(a, b):
    """As `_two_sum`, for |a| >= |b|."""
    total = a + b
    return total, b - (total - a)


def _halves(a):
    scaled = _SPLITTER * a
    high = scaled - (scaled - a)
    return high, a - high


def _two_product(a, b):
    product = a * b
    a_high, a_low = _halves(a)
    b_high, b_low = _halves(b)
    error = ((a_high * b_high - product) + a_high * b_low + a_low * b_high) + a_low * b_low
    return product, error


@dataclass(frozen=True)
class DoubleDouble:
    """The array `high + low`, with |low| at most half a unit in the last place of `high`.

    Supports `+ - * /`, `abs`, `@`, indexing and transposition; operands broadcast as in NumPy.

    Examples
    --------
    >>> third = DoubleDouble.of(1.0) / 3.0
    >>> float((third * 3.0 - 1.0).high)
    0.0
    """

    high: np.ndarray | np.float64
    low: np.ndarray | np.float64

    __array_ufunc__ = None  # so that `array * DoubleDouble` comes here, not to NumPy

    @classmethod
    def of(cls, value) -> DoubleDouble:
        """A float64 array (or a DoubleDouble) as a DoubleDouble."""
        if isinstance(value, DoubleDouble):
            return value
        high = np.asarray(value, dtype=np.float64)
        return cls(high, np.zeros_like(high))

    def rounded(self) -> np.ndarray:
        """The nearest float64 array."""
        return self.high + self.low

    @property
    def shape(self) -> tuple[int, ...]:
        return self.high.shape

    @property
    def T(self) -> DoubleDouble:
        return DoubleDouble(np.swapaxes(self.high, -1, -2), np.swapaxes(self.low, -1, -2))

    def at(self, index) -> DoubleDouble:
        """The part at a NumPy index."""
        return DoubleDouble(self.high[index], self.low[index])

    def put(self, index, value: DoubleDouble) -> None:
        """Overwrite the part at a NumPy index, in place."""
        self.high[index], self.low[index] = value.high, value.low

    def __add__(self, other) -> DoubleDouble:
        other = DoubleDouble.of(other)
        high, low = _two_sum(self.high, other.high)
        tail_high, tail_low = _two_sum(self.low, other.low)
        high, low = _quick_two_sum(high, low + tail_high)
        return DoubleDouble(*_quick_two_sum(high, low + tail_low))

    __radd__ = __add__

    def __neg__(self) -> DoubleDouble:
        return DoubleDouble(-self.high, -self.low)

    def __sub__(self, other) -> DoubleDouble:
        return self + (-DoubleDouble.of(other))

    def __rsub__(self, other) -> DoubleDouble:
        return DoubleDouble.of(other) + (-self)

    def __mul__(self, other) -> DoubleDouble:
        other = DoubleDouble.of(other)
        high, low = _two_product(self.high, other.high)
        low = low + (self.high * other.low + self.low * other.high)
        return DoubleDouble(*_quick_two_sum(high, low))

    __rmul__ = __mul__

    def __truediv__(self, other) -> DoubleDouble:
        other = DoubleDouble.of(other)
        first = self.high / other.high
        remainder = self - other * first
        second = remainder.high / other.high
        remainder = remainder - other * second
        high, low = _quick_two_sum(first, second)
        return DoubleDouble(high, low) + remainder.high / other.high

    def __rtruediv__(self, other) -> DoubleDouble:
        return DoubleDouble.of(other) / self

    def __matmul__(self, other) -> DoubleDouble:
        return matmul(self, other)

    def sqrt(self) -> DoubleDouble:
        """The square root, of positive entries."""
        first = np.sqrt(self.high)
        return DoubleDouble.of(first) + (self - DoubleDouble(*_two_product(first, first))).high / (
            2.0 * first
        )


def _slices(matrix: DoubleDouble, bits: int, count: int) -> list[np.ndarray]:
    """Split each row into `count` float64 parts of at most `bits` significant bits each."""
    high, low = matrix.high.copy(), matrix.low.copy()
    largest = np.max(np.abs(high), axis=-1, keepdims=True)
    exponent = np.where(largest > 0, np.ceil(np.log2(np.where(largest > 0, largest, 1.0))), 0.0)
    parts = []
    for position in range(1, count + 1):
        # Adding 3·2^k rounds away everything below 2^(k-51); the sum needs no more than 53 bits.
        anchor = 3.0 * np.exp2(exponent + 51.0 - position * bits)
        part = (high + anchor) - anchor
        parts.append(part)
        high, low = _two_sum(high - part, low)
    return parts


def matmul(left, right) -> DoubleDouble:
    """Matrix product in double-double, of float64 or DoubleDouble matrices (m, k) and (k, n).

    The error of an entry is about 1e-32 times the largest of the left row times the largest of
    the right column, times k.
    """
    left, right = DoubleDouble.of(left), DoubleDouble.of(right)
    inner = max(left.shape[-1], 2)
    bits = int((53 - np.ceil(np.log2(inner))) // 2)
    count = int(np.ceil(_BITS / bits))
    left_parts = _slices(left, bits, count)
    right_parts = [np.swapaxes(part, -1, -2) for part in _slices(right.T, bits, count)]
    high = low = 0.0
    for order in range(count + 1, 1, -1):  # the small products first
        for first in range(1, order):
            product = left_parts[first - 1] @ right_parts[order - first - 1]
            high, rest = _two_sum(high, product)
            high, low = _quick_two_sum(high, low + rest)
    return DoubleDouble(high, low)
