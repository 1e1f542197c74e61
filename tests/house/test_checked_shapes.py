"""The checks of shapes are made: of functions, of those within others, of fields."""

import dataclasses
import importlib
import sys

import checked_shapes
import jaxtyping
import numpy as np
import pytest

SOURCE = '''"""A module."""

from __future__ import annotations

from dataclasses import dataclass
from typing import no_type_check

import numpy as np
from jaxtyping import Float
from numpy import ndarray


def total(x: Float[ndarray, " n"], y: Float[ndarray, " n"]) -> Float[ndarray, ""]:
    return np.asarray(x @ y)


def wrong(x) -> Float[ndarray, " n"]:
    return x


def outer(x):
    if True:
        def inner(x: Float[ndarray, " n"], y: Float[ndarray, " n"]):
            return "inner"
    return inner(x, x[:-1])


@no_type_check
def anything(x: Float[ndarray, " n"]):
    return x


def plain(x):
    return x


@dataclass
class Pair:
    x: Float[ndarray, " n"]
    y: Later

    @property
    def first(self) -> Float[ndarray, "1 1"]:
        return self.x


class Inheriting(Pair):
    pass


Later = Float[ndarray, " n"]
'''


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    folder = tmp_path_factory.mktemp("package")
    (folder / "of_shapes.py").write_text(SOURCE)
    sys.path.insert(0, str(folder))
    before = list(sys.meta_path)
    checked_shapes.check_shapes("of_shapes")
    yield importlib.import_module("of_shapes")
    sys.meta_path[:] = before
    sys.path.remove(str(folder))
    del sys.modules["of_shapes"]


X = np.ones(3)


@pytest.mark.parametrize(
    "call",
    [
        lambda package: package.total(X, X[:2]),
        lambda package: package.wrong(1.0),
        lambda package: package.outer(X),
        lambda package: package.Pair(X, X[:2]),
        lambda package: package.Inheriting(X, X[:2]),
        lambda package: package.Pair(X, X).first,
    ],
    ids=["arguments", "result", "a function within", "fields", "inherited fields", "a property"],
)
def test_wrong_shapes_are_found(package, call):
    for _ in range(2):  # at the first call, and later
        with pytest.raises(jaxtyping.TypeCheckError):
            call(package)


def test_right_shapes_and_what_is_not_annotated_pass(package):
    assert package.total(X, X) == 3.0
    assert dataclasses.astuple(package.Inheriting(X, X))[1] is not None
    assert package.anything("anything") == "anything"
    assert package.plain.__code__.co_filename == package.__file__  # not wrapped


def test_functions_and_classes_of_this_package_are_checked():
    import homotopy as hm

    with pytest.raises(jaxtyping.TypeCheckError):
        hm.Problem.risk(hm.LinearRegression(np.eye(2), X[:2], deleted=0), np.ones(3), 1.0)
