"""Double-double arithmetic: unevaluated sums of two float64, about 32 decimal digits.

A Gram matrix squares the condition number of its data, so that float64 spectra of XᵀX lose every
digit of the slow directions once cond(XᵀX) passes 1e16, and all but six of them at 1e10. The
slow directions are the ones that gradient flow spends its time on. They are therefore computed
once, on the host, in twice the working precision, and rounded to float64 at the end.

Error-free transformations after Dekker (1971) and Knuth; the matrix product by exact slices
(Ozaki, Ogita, Oishi and Rump, Numer. Algorithms 59, 2012), so that the work is done by BLAS.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from functools import cache

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


@cache
def _slicing(inner: int) -> tuple[int, int]:
    """How many bits a slice has, and how many there are: sums of inner·count products are exact."""
    for most in itertools.count(5):
        bits = int(53 - np.ceil(np.log2(max(inner, 1) * most))) // 2
        count = -(-_BITS // bits)
        if count <= most:
            return bits, count


def _slices(high: np.ndarray, low: np.ndarray, bits: int, count: int) -> np.ndarray:
    """Rows (m, k) as `count` float64 parts of at most `bits` significant bits: (m, count, k).

    Part p is a multiple of 2^(e − p·bits), 2^e no less than the row's largest entry, and at most
    2^bits times that: the sum of such multiples for `high` and for `low`.
    """
    left = np.array([high, low])
    parts = np.empty((len(high), count, high.shape[1]))
    exponents = np.frexp(np.abs(high).max(axis=1, keepdims=True))[1]
    # Adding 3·2^k rounds away everything below 2^(k-51); the sum needs no more than 53 bits.
    anchors = np.ldexp(3.0, exponents + (51 - bits * np.arange(1, count + 1)))
    for position in range(count):
        part = left + anchors[:, position, None]
        part -= anchors[:, position, None]
        left -= part
        np.add(part[0], part[1], out=parts[:, position])
    return parts


def matmul(left, right) -> DoubleDouble:
    """Matrix product in double-double, of float64 or DoubleDouble matrices (m, k) and (k, n).

    The error of an entry is about 1e-32 times the largest of the left row times the largest of
    the right column, times k.

    Notes
    -----
    Products of slices of one order are multiples of one number, and so few bits that even the sum
    of all of them is below 2⁵³ of it: exact, in whatever order BLAS adds. So they are one product,
    of left slices in line with right ones in line backwards.
    """
    left, right = DoubleDouble.of(left), DoubleDouble.of(right)
    number, inner = left.shape
    bits, count = _slicing(inner)
    high, low = np.concatenate([left.high, right.high.T]), np.concatenate([left.low, right.low.T])
    parts = _slices(high, low, bits, count)
    ahead = parts[:number].reshape(number, count * inner)
    behind = parts[number:, ::-1].reshape(-1, count * inner).T
    high = low = 0.0
    for terms in range(count, 0, -1):  # the small products first
        product = ahead[:, : terms * inner] @ behind[(count - terms) * inner :]
        if terms == count:
            high, low = product, np.zeros_like(product)
            continue
        high, rest = _two_sum(high, product)
        high, low = _quick_two_sum(high, low + rest)
    return DoubleDouble(high, low)
