"""Arrays of small problems wait, in NumPy, until somebody looks: nobody sees any difference."""

import copy
import pickle
import threading

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import homotopy as hm
from homotopy import _module
from homotopy._module import waiting_numbers

TIMES = {"start": 0.5, "horizon": 2.0}


def data():
    rng = np.random.default_rng(5)
    return rng.normal(size=(12, 3)), rng.normal(size=12), rng.normal(size=3)


def made(dtype=None, **options):
    X, y, theta0 = data()
    problem = hm.LinearRegression(X, y, deleted=2, ridge=0.1, dtype=dtype, **options)
    return problem, hm.Deletion(problem, theta0, **TIMES)


@pytest.fixture
def at_once(monkeypatch):
    """The same, made without waiting."""
    with monkeypatch.context() as patch:
        patch.setattr(_module, "WAITS", False)
        problem, deletion = made()
        schedule = hm.optimise(deletion, over=hm.Everything()).schedule
    assert all(waiting_numbers(one) is None for one in (problem, deletion, schedule))
    return problem, deletion, schedule


def assert_same(one, other):
    assert jax.tree.structure(one) == jax.tree.structure(other)
    for mine, yours in zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True):
        assert isinstance(mine, jax.Array) and mine.dtype == yours.dtype
        assert mine.weak_type == yours.weak_type and mine.sharding == yours.sharding
        np.testing.assert_array_equal(mine, yours)


def test_what_waits_is_what_is_made_at_once(at_once):
    problem, deletion = made()
    schedule = hm.optimise(deletion, over=hm.Everything()).schedule
    assert all(waiting_numbers(one) is not None for one in (problem, deletion, schedule))
    for mine, yours in zip((problem, deletion, schedule), at_once, strict=True):
        assert_same(mine, yours)
        assert waiting_numbers(mine) is None
        assert set(vars(mine)) == set(vars(yours))


LOOKS = {
    "an attribute": lambda one: one.theta0,
    "a pytree": jax.tree.leaves,
    "its paths": jax.tree_util.tree_leaves_with_path,
    "a dictionary": vars,
    "a copy": copy.copy,
    "a deep copy": copy.deepcopy,
    "a pickle": pickle.dumps,
    "tree_at": lambda one: eqx.tree_at(lambda own: own.theta0, one, jnp.zeros(3)),
    "a hash of text": repr,
}


@pytest.mark.parametrize("look", LOOKS)
def test_who_looks_finds_arrays(at_once, look):
    _, deletion = made()
    LOOKS[look](deletion)
    assert_same(deletion, at_once[1])


@pytest.mark.parametrize(
    "again", [copy.copy, copy.deepcopy, lambda o: pickle.loads(pickle.dumps(o))]
)
def test_copies_of_what_waits_are_whole(at_once, again):
    for mine, yours in zip(made(), at_once[:2], strict=True):
        assert_same(again(mine), yours)


def test_what_is_looked_at_first_in_a_trace_is_not_traced(at_once):
    _, theta0 = at_once[0], jnp.asarray(data()[2])
    for wrap in (
        jax.jit,
        jax.grad,
        lambda f: jax.vmap(f, in_axes=None, axis_size=2),
        jax.make_jaxpr,
    ):
        problem, deletion = made()

        def cost(theta, problem=problem, deletion=deletion):
            return jnp.sum((problem.X @ theta - problem.y) ** 2) + deletion.target @ theta

        wrap(cost)(theta0)
        assert_same(problem, at_once[0])
        assert_same(deletion, at_once[1])


def test_what_is_set_meanwhile_does_not_matter(at_once):
    problem, deletion = made()
    with jax.enable_x64(False), jax.disable_jit():
        assert problem.X.dtype == deletion.theta0.dtype == np.float64
    assert_same(problem, at_once[0])
    assert_same(deletion, at_once[1])


def test_other_settings_do_not_let_them_wait():
    with jax.default_device(jax.devices()[0]):
        assert all(waiting_numbers(one) is None for one in made())
    with jax.enable_x64(False):
        assert all(waiting_numbers(one) is None for one in made(np.float32))


def test_threads_find_the_same_arrays():
    problem, _ = made()
    found, barrier = [], threading.Barrier(8)

    def look():
        barrier.wait()
        found.append((problem.X, problem.modal))

    threads = [threading.Thread(target=look) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(X is problem.X and modal is problem.modal for X, modal in found)


def test_a_spectrum_is_kept_for_other_problems_of_the_data(monkeypatch):
    def never(*_):
        raise AssertionError("computed anew")

    problem, _ = made()
    monkeypatch.setattr("homotopy.kept_spectra.data_spectrum", never)
    assert problem.deleting(3).deleted.tolist() == [3]


class Named(hm.LinearRegression):
    """With a field and a constructor of its own, as Equinox has them."""

    name: str

    def __init__(self, name, *arguments, **options):
        super().__init__(*arguments, **options)
        self.name = name


class Forgetful(hm.LinearRegression):
    name: str


def test_subclasses_are_made_as_equinox_makes_them(at_once):
    X, y, theta0 = data()
    named = Named("mine", X, y, deleted=2, ridge=0.1)
    assert named.name == "mine"
    assert_same(named.modal, at_once[0].modal)
    assert_same(hm.Deletion(named, theta0, **TIMES).target, at_once[1].target)
    with pytest.raises(TypeError, match="name"):
        Forgetful(X, y, deleted=2)
    with pytest.raises(Exception, match="cannot assign"):
        made()[0].X = X


def test_what_is_not_there_is_not():
    problem, _ = made()
    assert not hasattr(problem, "nothing")
    with pytest.raises(
        AttributeError, match="'LinearRegression' object has no attribute 'nothing'"
    ):
        _ = problem.nothing
    assert waiting_numbers(problem) is not None
