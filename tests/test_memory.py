"""Memory that is handed over to JAX as it is."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import homotopy as hm
from homotopy import _memory


def numbers(dtype=float):
    found = _memory.aligned((3, 2), dtype)
    found[...] = np.arange(6).reshape(3, 2)
    return found


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int64])
def test_what_is_handed_over_is_what_jax_makes_of_it(dtype):
    array = numbers(dtype)
    ours, known = _memory.handed_over(array), jax.device_put(array, may_alias=True)
    assert ours.unsafe_buffer_pointer() == array.ctypes.data == known.unsafe_buffer_pointer()
    for name in ("aval", "sharding", "committed", "weak_type"):
        assert getattr(ours, name) == getattr(known, name)
    np.testing.assert_array_equal(jax.jit(jnp.sin)(ours), jax.jit(jnp.sin)(known))


def test_it_lives_as_long_as_the_array_of_jax():
    def made():
        return _memory.handed_over(numbers())

    taken = [made() for _ in range(64)]
    assert all(np.array_equal(each, numbers()) for each in taken)


def test_a_device_that_was_asked_for_and_numbers_that_are_narrowed():
    with jax.default_device(jax.devices()[0]):
        assert _memory.handed_over(numbers()).committed == jax.device_put(numbers()).committed
    with jax.enable_x64(False):
        assert _memory.handed_over(numbers()).dtype == np.float32


def test_another_release_of_jax_makes_it_by_itself(monkeypatch):
    """Where its parts are not what they were: slower, no different."""
    pxla = pytest.importorskip("jax._src.interpreters.pxla")
    hm.enable_x64()
    _memory._direct.cache_clear()
    with monkeypatch.context() as patch:
        patch.delattr(pxla, "batched_device_put")
        assert _memory._direct(True) is None
    _memory._direct.cache_clear()
    monkeypatch.setattr(_memory, "_direct", lambda wide: None)
    np.testing.assert_array_equal(_memory.handed_over(numbers()), numbers())
