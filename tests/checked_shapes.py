"""Every annotated function and dataclass of the package checks its shapes when it is called.

As `jaxtyping.install_import_hook` does with beartype. That one writes the checks of each function
where it is defined, also those of functions that are never called and of functions within others
each time the outer one is called. Here they are written at the first call, and what has no
annotation is left as it is.
"""

import ast
import contextlib
import dataclasses
import functools
import inspect
import sys
import types
import typing
from importlib import _bootstrap_external as importing
from importlib.abc import MetaPathFinder
from importlib.machinery import PathFinder, SourceFileLoader
from unittest.mock import patch

import beartype
import jaxtyping
from beartype.roar import BeartypeCallHintViolation

_KEPT_AS = "checkedshapes1"  # byte code is kept beside the one without checks
# What the names of sizes stand for in a call; it holds nothing itself, and serves all calls.
_NAMES = jaxtyping.jaxtyped("context")


def check_shapes(package):
    """Whatever is imported of a package from now on."""
    sys.meta_path.insert(0, _Finder(package))


def checked(thing):
    """The function, or the dataclass whose fields are checked when one is made."""
    if not inspect.isclass(thing):
        return _checked_function(thing)
    make = thing.__init__
    by_this = getattr(make, "__globals__", None) is globals()  # inherited
    if dataclasses.is_dataclass(thing) and not by_this and getattr(make, "__annotations__", None):
        thing.__init__ = _checked_function(make)
    return thing


def _checked_function(function):
    checks = None

    @functools.wraps(function)
    def call(*arguments, **options):
        __tracebackhide__ = True
        nonlocal checks
        if jaxtyping.config.jaxtyping_disable:
            return function(*arguments, **options)
        if checks is None:
            checks = _checks(function)
        return checks(*arguments, **options)

    return call


def _checks(function):
    """The function within checks, of its arguments and then of what it returns.

    `jaxtyped` checks arguments once more with what is returned, and binds them to their names for
    messages that are seldom written: ten times what the checks take, of functions called often.
    """
    if not isinstance(function, types.FunctionType) or inspect.isgeneratorfunction(function):
        return jaxtyping.jaxtyped(function, typechecker=beartype.beartype)
    hinted = _with_hints(function)
    within = beartype.beartype(hinted)

    def call(*arguments, **options):
        __tracebackhide__ = True
        try:
            return within(*arguments, **options)
        except BeartypeCallHintViolation as violation:
            raise jaxtyping.TypeCheckError(str(violation)) from None

    def call_with_names(*arguments, **options):
        __tracebackhide__ = True
        with _NAMES:
            return call(*arguments, **options)

    return call_with_names if any(map(_names_sizes, hinted.__annotations__.values())) else call


def _names_sizes(hint) -> bool:
    """Whether there is a type of jaxtyping in a hint."""
    of_jaxtyping = type(hint).__module__.startswith("jaxtyping")
    return of_jaxtyping or any(map(_names_sizes, _within(hint)))


def _within(hint):
    return hint if isinstance(hint, list) else typing.get_args(hint)  # a list: of a Callable


def _with_hints(function):
    """The same function, its annotations no strings; those of names that are not there left out."""
    same = types.FunctionType(
        function.__code__, function.__globals__, function.__name__, function.__defaults__,
        function.__closure__,
    )  # fmt: skip
    same.__kwdefaults__, same.__qualname__ = function.__kwdefaults__, function.__qualname__
    same.__module__ = function.__module__
    for name, annotation in function.__annotations__.items():
        alone = types.SimpleNamespace(__annotations__={name: annotation})
        with contextlib.suppress(Exception):
            hints = typing.get_type_hints(alone, function.__globals__, include_extras=True)
            same.__annotations__ |= hints
    return same


class _Finder(MetaPathFinder):
    def __init__(self, package):
        self.package = package

    def find_spec(self, name, path=None, target=None):
        if name != self.package and not name.startswith(f"{self.package}."):
            return None
        spec = PathFinder.find_spec(name, path, target)
        if spec is not None and isinstance(spec.loader, SourceFileLoader):
            spec.loader = _Loader(spec.loader.name, spec.loader.path)
        return spec


class _Loader(SourceFileLoader):
    def get_code(self, name):
        kept = functools.partial(importing.cache_from_source, optimization=_KEPT_AS)
        with patch.object(importing, "cache_from_source", kept):
            return super().get_code(name)

    def source_to_code(self, data, path, *, _optimize=-1):
        tree = compile(data, path, "exec", ast.PyCF_ONLY_AST, dont_inherit=True)
        _decorate(tree)
        after = next(i for i, each in enumerate([*tree.body, None]) if not _first(each))
        imported = ast.ImportFrom(__name__, [ast.alias("checked", "_checked_")], 0)
        tree.body.insert(after, _at(imported, 1))
        return compile(tree, path, "exec", dont_inherit=True, optimize=_optimize)


def _first(statement):
    """Whether it has to come before any other one: docstrings, and imports of the future."""
    if isinstance(statement, ast.ImportFrom):
        return statement.module == "__future__"
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


def _decorate(block):
    for each in ast.iter_child_nodes(block):
        if isinstance(each, ast.ClassDef) and not _unchecked(each):
            # Outermost: after what makes it a dataclass.
            each.decorator_list.insert(0, _at(ast.Name("_checked_", ast.Load()), each.lineno))
        elif isinstance(each, ast.FunctionDef) and not _unchecked(each) and _annotated(each):
            # Innermost: others wrap it into what is no function.
            each.decorator_list.append(_at(ast.Name("_checked_", ast.Load()), each.lineno))
        if isinstance(each, ast.stmt | ast.excepthandler | ast.match_case) and not _unchecked(each):
            _decorate(each)


def _unchecked(node):
    decorators = getattr(node, "decorator_list", [])
    return any(ast.unparse(each).endswith("no_type_check") for each in decorators)


def _annotated(function):
    given = function.args
    every = [*given.posonlyargs, *given.args, *given.kwonlyargs, given.vararg, given.kwarg]
    return function.returns is not None or any(each and each.annotation for each in every)


def _at(node, line):
    node.lineno = node.end_lineno = line
    node.col_offset = node.end_col_offset = 0
    return ast.fix_missing_locations(node)
