"""Programs that are traced once for all problems of a structure."""

import equinox as eqx
import jax
import jax.numpy as jnp
import pytest

from homotopy._jit import output_shape_of

ROW = jax.ShapeDtypeStruct((3,), float)
TRACED = []


class Repeated(eqx.Module):
    matrix: jax.Array
    times: object


def repeated(model, x):
    TRACED.append(model.times)
    once = model.matrix @ x
    return jnp.tile(
        once, len(model.times) if isinstance(model.times, bytearray) else int(model.times)
    )


def shape(*parts):
    return output_shape_of(repeated, parts, ROW).shape


def test_another_model_of_the_same_structure_is_not_traced_again():
    TRACED.clear()
    assert shape(Repeated(jnp.ones((2, 3)), 1)) == shape(Repeated(jnp.zeros((2, 3)), 1)) == (2,)
    assert len(TRACED) == 1


def test_what_makes_another_program_is_traced_anew():
    models = [
        Repeated(jnp.ones((2, 3)), 2),
        Repeated(jnp.ones((2, 3)), 2.0),  # equal to the one before, and of another type
        Repeated(jnp.ones((4, 3)), 2),
        Repeated(jnp.ones((2, 3), jnp.float32), 2),
        Repeated(jnp.ones((2, 3)), bytearray(2)),  # not to be hashed
        Repeated(jnp.ones((2, 3)), bytearray(3)),
    ]
    TRACED.clear()
    assert [shape(model) for model in models] == [(4,), (4,), (8,), (4,), (4,), (6,)]
    assert len(TRACED) == 6


def test_an_error_is_not_kept():
    for _ in range(2):
        with pytest.raises(TypeError):
            shape(Repeated(jnp.ones((2, 5)), 1))
