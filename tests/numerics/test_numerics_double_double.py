"""Double-double arithmetic against mpmath: twice the working precision, also after cancellation."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mpmath import mp, mpf

from homotopy.numerics.double_double import DoubleDouble, matmul

DIGITS = 130  # no sum or product of two double-doubles here needs more
# Joldes, Muller and Popescu (ACM TOMS 44, 2017): 3, 5 to 7 and 10 units of 2^-106 bound the
# relative errors of +, * and / of two double-doubles; the root is of the same kind.
ALLOWED = {"+": 2.0**-104, "*": 2.0**-103, "/": 2.0**-102, "sqrt": 2.0**-102}

exponents = st.integers(-60, 60)
mantissas = st.floats(-2.0, 2.0, allow_subnormal=False).filter(lambda x: abs(x) > 1e-3)


@st.composite
def numbers(draw):
    """A double-double of one entry whose two parts are independent."""
    high = np.array([draw(mantissas) * 2.0 ** draw(exponents)])
    low = high * 2.0**-54 * draw(st.integers(-(2**50), 2**50)) * 2.0**-50
    return DoubleDouble.of(high) + low


def third():
    return DoubleDouble.of(np.ones(1)) / 3.0


def digits(value):
    """A DoubleDouble of one entry as an exact number."""
    return mpf(value.high.item()) + mpf(value.low.item())


def digits_of(matrix):
    """A DoubleDouble matrix as nested lists of exact numbers."""
    matrix = DoubleDouble.of(matrix)
    rows, columns = matrix.shape
    return [[digits(matrix.at((i, [j]))) for j in range(columns)] for i in range(rows)]


def assert_close(value, exact, allowed):
    assert abs(digits(value) - exact) <= allowed * abs(exact)
    # Normalised: the parts do not overlap.
    assert abs(value.low.item()) <= np.spacing(abs(value.high.item())) / 2


@given(numbers(), numbers())
@mp.workdps(DIGITS)
def test_arithmetic_has_106_bits(a, b):
    x, y = digits(a), digits(b)
    assert_close(a + b, x + y, ALLOWED["+"])
    assert_close(a - b, x - y, ALLOWED["+"])
    assert_close(a * b, x * y, ALLOWED["*"])
    assert_close(a / b, x / y, ALLOWED["/"])
    assert_close(abs_of(a).sqrt(), mp.sqrt(abs(x)), ALLOWED["sqrt"])


def abs_of(a):
    return a if a.high.item() > 0 else -a


@given(numbers(), st.integers(1, 40))
@mp.workdps(DIGITS)
def test_a_sum_that_cancels_keeps_its_relative_accuracy(a, bits):
    b = -(a * (1.0 + 2.0**-bits))
    assert_close(a + b, digits(a) + digits(b), ALLOWED["+"])


@mp.workdps(DIGITS)
def test_plain_arrays_and_numbers_join_from_either_side():
    array = np.array([3.0, 0.1])
    for value, exact in (
        (array * third(), lambda x: x / 3),
        (third() * array, lambda x: x / 3),
        (array + third(), lambda x: x + mpf(1) / 3),
        (array - third(), lambda x: x - mpf(1) / 3),
        (third() - array, lambda x: mpf(1) / 3 - x),
        (1.0 / DoubleDouble.of(array), lambda x: 1 / x),
    ):
        assert isinstance(value, DoubleDouble)
        for k in range(2):
            # A third is itself rounded to 106 bits, hence an error relative to the operands.
            assert abs(digits(value.at([k])) - exact(mpf(array[k]))) < 2.0**-100


def test_rounding_gives_the_nearest_float64():
    one = DoubleDouble.of(np.ones(1))
    assert (one + 2.0**-53 + 2.0**-80).rounded() == 1.0 + 2.0**-52
    assert (one + 2.0**-54).rounded() == 1.0


def test_at_and_put_address_both_parts():
    matrix = DoubleDouble.of(np.arange(6.0).reshape(2, 3)) / 3.0
    np.testing.assert_array_equal(matrix.T.at((1, [0])).low, third().low)
    matrix.put(np.s_[0, :], third() * np.full(3, 2.0))
    np.testing.assert_array_equal(matrix.at(0).low, 2.0 * np.full(3, third().low))
    assert matrix.shape == (2, 3) and matrix.T.shape == (3, 2)


def assert_product(left, right, factor=1e-31):
    """Every entry within the documented bound: factor · k · max|row| · max|column|."""
    result = matmul(left, right)
    with mp.workdps(DIGITS):
        product, exact_left, exact_right = map(digits_of, (result, left, right))
        inner = len(exact_right)
        for i, row in enumerate(exact_left):
            for j, column in enumerate(zip(*exact_right, strict=True)):
                allowed = factor * inner * max(map(abs, row)) * max(map(abs, column))
                assert abs(product[i][j] - mp.fdot(row, column)) <= allowed


@pytest.mark.parametrize("inner", [1, 2, 3, 17, 300])
def test_matrix_product(inner):
    generator = np.random.default_rng(inner)
    left, right = generator.normal(size=(3, inner)), generator.normal(size=(inner, 4))
    assert_product(left, right)
    # Rows and columns in very different units, and a power of two as the largest entry.
    rows, columns = np.array([1e-120, 1.0, 1e100])[:, None], np.geomspace(1e-80, 1e80, 4)[None, :]
    assert_product(left * rows, right * columns)
    left[0, 0], right[0, 0] = -8.0, 4.0
    assert_product(left, right)


def test_matrix_product_of_double_doubles():
    generator = np.random.default_rng(0)
    left = DoubleDouble.of(generator.normal(size=(4, 5))) / 3.0
    right = DoubleDouble.of(generator.normal(size=(5, 3))) / 7.0
    assert_product(left, right)
    np.testing.assert_array_equal((left @ right).high, matmul(left, right).high)


def test_matrix_product_sees_what_float64_rounds_away():
    left, right = np.array([[1.0, 2.0**-60, -1.0]]), np.ones((3, 1))
    product = matmul(left, right)
    assert product.high[0, 0] == 2.0**-60 and product.low[0, 0] == 0.0
    assert not np.any(matmul(np.zeros((2, 3)), np.ones((3, 2))).high)


@given(st.lists(st.integers(-(2**26), 2**26), min_size=12, max_size=12))
def test_matrix_product_of_integers_is_exact(entries):
    left = np.array(entries, float).reshape(3, 4) * 2.0**20
    right = np.array(entries[::-1], float).reshape(4, 3)
    product = matmul(left, right)
    for i, j in np.ndindex(3, 3):
        exact = sum(int(a) * int(b) for a, b in zip(left[i], right[:, j], strict=True))
        assert int(product.high[i, j]) + int(product.low[i, j]) == exact
