"""Methods of the package's modules are those that Equinox binds."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from homotopy._module import Module


class Line(Module):
    slope: jax.Array

    def at(self, x):
        """y = ax."""
        return self.slope * x

    def again(self):
        return self.at

    @property
    def double(self):
        return 2.0 * self.slope

    @classmethod
    def flat(cls):
        return cls(jnp.zeros(()))

    @staticmethod
    def name():
        return "line"


class Steeper(Line):
    def at(self, x):
        return 10.0 * super().at(x)


def by_equinox(line):
    """The method as Equinox looks it up."""
    return eqx.Module.__getattribute__(line, "at")


def test_a_method_is_equinoxs_own_with_all_its_fields():
    line = Line(jnp.asarray(3.0))
    for _ in range(2):  # made by Equinox, then copied from that
        ours, theirs = line.at, by_equinox(line)
        assert type(ours) is type(theirs)
        assert vars(ours) == vars(theirs)
        assert jax.tree.structure(ours) == jax.tree.structure(theirs)
        assert (ours.__name__, ours.__doc__) == ("at", "y = ax.")
        assert ours.__self__ is line
        assert ours.__wrapped__(2.0) == 6.0


def test_methods_of_two_objects_and_of_a_subclass_stay_apart():
    first, second = Line(jnp.asarray(1.0)), Line(jnp.asarray(2.0))
    steeper = Steeper(jnp.asarray(1.0))
    assert [float(one.at(1.0)) for one in (first, second, steeper, first)] == [1.0, 2.0, 10.0, 1.0]
    assert float(first.again()(4.0)) == 4.0
    assert float(second.double) == 4.0
    assert float(Line.flat().slope) == 0.0
    assert first.name() == "line"


def test_a_method_is_a_pytree_whose_arrays_are_traced():
    traces = []

    @jax.jit
    def call(method):
        traces.append(method)
        return method(2.0)

    values = [float(call(Line(jnp.asarray(slope)).at)) for slope in (1.0, 2.0)]
    assert values == [2.0, 4.0]
    assert len(traces) == 1
    # In a trace, and differentiated.
    slope = jax.grad(lambda line: line.at(5.0))(Line(jnp.asarray(1.0)))
    assert float(slope.slope) == 5.0
    moved = eqx.tree_at(lambda line: line.slope, Line(jnp.asarray(1.0)), jnp.asarray(7.0))
    np.testing.assert_array_equal(moved.at(1.0), 7.0)
