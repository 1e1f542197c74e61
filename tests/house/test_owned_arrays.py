"""What is made of a user's arrays does not change with them.

`jnp.asarray` takes over memory that begins at a multiple of 64 bytes, as arrays now and then do.
"""

import inspect

import jax
import numpy as np
import pytest
from test_arguments import VALID, looked_up

KEPT = 64
# Holds what it was given, in NumPy, as a dictionary would.
NOT_OWNED = {"homotopy.datasets.Dataset"}
CLASSES = [name for name in VALID if inspect.isclass(looked_up(name)) and name not in NOT_OWNED]


def aligned(numbers):
    memory = np.empty(numbers.nbytes + KEPT, np.uint8)
    begin = -memory.ctypes.data % KEPT
    found = memory[begin : begin + numbers.nbytes].view(numbers.dtype).reshape(numbers.shape)
    found[...] = numbers
    return found


def with_aligned(arguments):
    """The arguments, tables of numbers among them as aligned arrays, and these."""
    given, arrays = dict(arguments), []
    for name, value in arguments.items():
        if isinstance(value, list):
            numbers = np.asarray(value)
            if numbers.dtype.kind in "fi" and numbers.size:
                given[name] = aligned(numbers)
                arrays.append(given[name])
    return given, arrays


def numbers_of(made):
    return [np.array(leaf) for leaf in jax.tree.leaves(made) if isinstance(leaf, jax.Array)]


def test_such_arrays_are_taken_over_by_jax():
    numbers = aligned(np.zeros(8))
    taken = jax.numpy.asarray(numbers, float)
    numbers[0] = 1.0
    if float(taken[0]) != 1.0:
        pytest.skip("this release of JAX copies them")


@pytest.mark.usefixtures("without_shape_checks")
@pytest.mark.parametrize("name", CLASSES)
def test_what_is_made_of_arrays_stays(name):
    given, arrays = with_aligned(VALID[name]())
    if not arrays:
        return
    made = looked_up(name)(**given)
    before = numbers_of(made)
    for array in arrays:
        array += 1
    for kept, now in zip(before, numbers_of(made), strict=True):
        np.testing.assert_array_equal(now, kept)
