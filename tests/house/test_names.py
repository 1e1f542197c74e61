"""No name is defined twice at one level: the first definition would be dead code, unseen."""

import ast
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("homotopy", "tests", "figures", "benchmarks")
# Definitions that are meant to go by one name: `x.setter` of a property, and overloads.
SHARING = {"setter", "deleter", "overload", "register"}


def defined_twice(source: str) -> list[str]:
    """Functions and classes that a later one of the same block shadows."""
    found = []
    for block in ast.walk(ast.parse(source)):
        for branch in ("body", "orelse", "finalbody"):
            statements = getattr(block, branch, None)
            if isinstance(statements, list):
                count = Counter(
                    statement.name
                    for statement in statements
                    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
                    and not any(_ending(each) in SHARING for each in statement.decorator_list)
                )
                found += [name for name, times in count.items() if times > 1]
    return found


def _ending(decorator: ast.expr) -> str:
    return ast.unparse(decorator).split("(")[0].rsplit(".", 1)[-1]


@pytest.mark.parametrize("room", ROOMS)
def test_no_name_is_defined_twice_at_one_level(room):
    files = sorted((ROOT / room).rglob("*.py"))
    assert files
    twice = {
        str(path.relative_to(ROOT)): names
        for path in files
        if (names := defined_twice(path.read_text(encoding="utf-8")))
    }
    assert not twice


def test_a_shadowed_definition_is_seen():
    assert defined_twice("def f(): 1\nclass A:\n    def f(self): 2\n    def f(self): 3\n") == ["f"]
    assert defined_twice("if a:\n    def f(): 1\nelse:\n    def f(): 2\n") == []
