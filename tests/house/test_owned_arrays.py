"""What is made of a user's arrays does not change with them.

`jnp.asarray` takes over memory that begins at a multiple of 64 bytes, as arrays now and then do.
"""

import inspect

import jax
import numpy as np
import pytest
from test_arguments import VALID, looked_up

from homotopy import _memory
from homotopy._memory import all_handed_over, copied

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
    made, unseen = (looked_up(name)(**given) for _ in range(2))
    before = numbers_of(made)
    for array in arrays:
        array += 1
    for later in (made, unseen):  # its arrays may have waited to be made
        for kept, now in zip(before, numbers_of(later), strict=True):
            np.testing.assert_array_equal(now, kept)


def test_arrays_are_handed_over_alike_however_often_they_came_before():
    """One by one at first, and by a compiled function once their shapes are known."""
    for turn in range(_memory._BEFORE + 3):
        given = [np.full((2, 3), turn), np.array([turn > 2]), np.asarray(0.5 * turn)]
        own = [copied(array) for array in given]
        found = all_handed_over(own)
        assert all(isinstance(array, jax.Array) for array in found)
        for array, original in zip(found, given, strict=True):
            assert array.dtype == original.dtype
            np.testing.assert_array_equal(array, original)
        with jax.disable_jit():
            assert all(isinstance(array, jax.Array) for array in all_handed_over(own))


@pytest.mark.parametrize("size", [8, 2**12])
def test_copies_are_independent(size):
    numbers = aligned(np.zeros(size))
    (array,) = all_handed_over([copied(numbers)])
    numbers += 1.0
    assert not np.any(np.asarray(array))
