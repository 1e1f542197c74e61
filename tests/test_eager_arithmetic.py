"""What the tests have NumPy compute in place of a program of its own is what the program finds."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from compiling import programs

OPERATIONS = {
    "add": lambda x, y: x + y,
    "subtract": lambda x, y: x - y,
    "multiply": lambda x, y: x * y,
    "divide": lambda x, y: x / y,
    "square": lambda x, y: x**2,
    "scaled": lambda x, y: 0.1 * y,
    "negative": lambda x, y: -x,
    "absolute": lambda x, y: jnp.abs(x),
    "equal": lambda x, y: x == y,
    "less": lambda x, y: x < y,
    "at most": lambda x, y: x <= y,
    "finite": lambda x, y: jnp.isfinite(x),
    "selected": lambda x, y: jnp.where(x > 0, x, y),
    "all": lambda x, y: jnp.all(x != y),
    "any": lambda x, y: jnp.any(x > y, axis=0),
    "outer": lambda x, y: x[:, None] * y[None, :],
}


def numbers(dtype, with_subnormals=False):
    """Pairs of what is usual, large, small, zero and none, in an order for every test its own."""
    rng, info = np.random.default_rng(0), np.finfo(dtype)
    usual = rng.normal(size=40) * 10.0 ** rng.integers(-6, 6, 40)
    special = [0.0, -0.0, np.inf, -np.inf, np.nan, info.max, info.min, 2 * info.tiny, 1 + info.eps]
    smallest = [info.smallest_subnormal, -info.tiny / 2] if with_subnormals else []
    all_of_them = np.concatenate([usual, special, smallest]).astype(dtype)
    return (jnp.asarray(rng.permutation(all_of_them)) for _ in range(2))


def bits(array):
    array = np.asarray(array)
    whole = array.view(f"i{array.dtype.itemsize}") if array.dtype.kind == "f" else array
    # What is no number has many bit patterns, of which no rule chooses one.
    return np.where(np.isnan(array), 0, whole)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("with_subnormals", [False, True])
def test_the_same_bits_as_the_compiled_programs(dtype, with_subnormals):
    x, y = numbers(dtype, with_subnormals)
    for name, operation in OPERATIONS.items():
        program = jax.jit(operation).lower(x, y).compile()  # not looked at by NumPy
        found, expected = operation(x, y), program(x, y)
        assert isinstance(found, jax.Array) and found.dtype == expected.dtype, name
        assert found.weak_type == expected.weak_type, name
        np.testing.assert_array_equal(bits(found), bits(expected), err_msg=name)


def test_whole_numbers_wrap_around_and_are_not_divided():
    x = jnp.asarray(np.array([2**62, -(2**63), 7, -7]))
    y = jnp.asarray(np.array([2**62, 3, -2, 2]))
    np.testing.assert_array_equal(x + y, np.asarray(x) + np.asarray(y))
    np.testing.assert_array_equal(jax.lax.div(x, y), [1, -3074457345618258602, -3, -3])


def test_only_what_rounds_once():
    size = 37  # of no other test
    x, y = jnp.asarray(np.linspace(1.0, 2.0, size)), jnp.asarray(np.linspace(2.0, 5.0, size))
    twice = jax.jit(lambda x, y: 0.1 * x + y)
    with programs() as made:
        x - y
    assert compiled(made) == 0
    with programs() as made:
        twice(x, y)  # which a processor may round once
    assert compiled(made) == 1


def compiled(made):
    return sum("backend_compile" in name for name in made)
