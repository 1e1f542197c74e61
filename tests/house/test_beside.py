"""What is kept beside an object goes with it, and leaves its pytree as it was."""

import gc

import jax

import homotopy as hm
from homotopy._beside import Beside


def test_a_value_goes_when_its_object_goes():
    class Thing:
        pass

    kept, first, second = Beside(), Thing(), Thing()
    kept.put(first, 1)
    kept.put(first, 2)
    assert kept.get(first) == 2 and kept.get(second) is None
    del first
    gc.collect()
    assert not kept._values


def test_a_search_does_not_change_the_structure_of_its_problem():
    problem = hm.LinearRegression([[1.0], [1.0]], [0.0, 1.0], deleted=1)
    deletion = hm.Deletion(problem, [0.5], start=0.0, horizon=1.0)
    before = jax.tree.structure(deletion)
    hm.optimise(deletion, over=hm.BangBangs(1))
    assert jax.tree.structure(deletion) == before
