"""Arrays that are handed over to JAX once."""

import jax
import numpy as np
import pytest

from homotopy._memory import aligned
from homotopy.numerics.kept_arrays import kept_in_jax


@pytest.mark.parametrize("size", [8, 5_000])
def test_numbers_stay_when_what_they_were_made_of_changes(size):
    array = aligned((size,))
    array[:] = np.arange(size)
    kept = kept_in_jax(array)
    array += 1.0
    np.testing.assert_array_equal(kept, np.arange(size))
    np.testing.assert_array_equal(kept_in_jax(array), np.arange(size) + 1.0)


def test_kinds_and_shapes_are_kept_apart():
    whole = np.arange(4)
    for array in (whole, whole.view(np.float64), whole.reshape(2, 2), whole.astype(np.int32)):
        kept = kept_in_jax(array)
        assert (kept.shape, kept.dtype) == (array.shape, array.dtype)
        np.testing.assert_array_equal(kept, array)


def test_what_a_user_has_given_away_is_made_again():
    numbers = np.array([0.5, 0.25])
    kept_in_jax(numbers).delete()
    np.testing.assert_array_equal(kept_in_jax(numbers), numbers)


@pytest.mark.parametrize("size", [8, 5_000])
def test_numbers_are_known_where_something_is_being_traced(size):
    def traced(x):
        kept = kept_in_jax(np.full(size, 3.0))
        assert not isinstance(kept, jax.core.Tracer)
        return x * kept[0]

    assert float(jax.jit(traced)(2.0)) == 6.0
