"""Products rounded once, against exact rational arithmetic."""

from fractions import Fraction

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from homotopy.numerics.accurate_product import accurate_product

product = jax.jit(accurate_product)


def exact(left, right):
    rows, high, low = (np.vectorize(Fraction, otypes=[object])(part) for part in (left, *right))
    return rows @ (high + low)


@pytest.mark.parametrize("cancels", [False, True])
def test_half_a_unit_in_the_last_place(cancels):
    generator = np.random.default_rng(0)
    left = generator.normal(size=(6, 9)) * np.geomspace(1.0, 1e6, 6)[:, None]
    high = generator.normal(size=(9, 4))
    if cancels:  # columns orthogonal to the first two rows, to rounding
        high -= np.linalg.pinv(left[:2]) @ (left[:2] @ high)
    right = np.stack([high, high * 2.0**-54 * generator.uniform(-1.0, 1.0, size=high.shape)])
    by_jax = np.asarray(product(jnp.asarray(left), jnp.asarray(right)))
    by_numpy = accurate_product(left, right)
    assert isinstance(by_numpy, np.ndarray)
    for found in (by_jax, by_numpy):
        if cancels:
            assert np.max(np.abs(found[:2])) < 1e-12 * np.max(np.abs(found[2:]))
        for i, row in enumerate(exact(left, right)):
            for j, truth in enumerate(row):
                largest = Fraction(np.abs(left[i]).max()) * Fraction(np.abs(high[:, j]).max())
                allowed = abs(truth) / 2**53 + 81 * largest / 2**95
                assert abs(Fraction(found[i, j].item()) - truth) <= allowed


def test_single_precision():
    left, right = jnp.array([[1.0, 2.0**-30, -1.0]], jnp.float32), jnp.zeros((2, 3, 1), jnp.float32)
    assert product(left, right.at[0].set(1.0))[0, 0] == 2.0**-30
