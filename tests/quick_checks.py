"""Checks of shapes as the tests want them: only where there is something to check.

jaxtyping wraps every function, those within functions anew at each call, and each call of one then
binds its arguments: a tenth of all time for functions that say nothing about their arguments.
"""

import functools
import types

import jaxtyping


def check_what_is_annotated():
    """From now on functions without annotations stay as they are; before the package's import."""
    jaxtyping.jaxtyped = _Checked(jaxtyping.jaxtyped)


class _Checked:
    def __init__(self, check):
        self.check = check

    def __call__(self, *functions, **options):
        if not functions:
            return functools.partial(self, **options)
        (function,) = functions
        plain = isinstance(function, types.FunctionType) and not function.__annotations__
        return function if plain else self.check(function, **options)
