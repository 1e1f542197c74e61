"""A statement as equations, proved by algebra for all values of its symbols."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

import sympy
from sympy.core.function import AppliedUndef

Sides = tuple[sympy.Expr, sympy.Expr]


class BrokenProof(AssertionError):
    """A proof, a counterexample or a check that does not go through."""


@dataclass(frozen=True)
class Statement:
    """Equations that hold for all values of their symbols, and what they say in words.

    Attributes
    ----------
    text : str
        The statement.
    equations : callable
        Returns pairs (what is computed from the definitions, what the statement says it is): two
        expressions, or two matrices of one shape.
    """

    text: str
    equations: Callable[[], Iterable[tuple]]

    def sides(self) -> list[Sides]:
        """The equations, entry by entry."""
        return list(self._sides)

    @cached_property
    def _sides(self) -> tuple[Sides, ...]:
        # Derivatives and integrals are worked out on the way, once for all that is asked.
        return tuple(pair for is_, said in self.equations() for pair in _entries(is_, said))

    def holds(self) -> bool:
        """Whether both sides are equal for all values of the symbols, by algebra."""
        return all(vanishes(is_ - said) for is_, said in self.sides())

    def perturbed(self) -> Iterator[tuple[sympy.Expr, Sides]]:
        """(term, sides) of statements that are wrong in one term of what is said.

        Its sign, a factor 2, or one of its factors dropped. A proof that accepts one of them
        accepts anything.
        """
        for is_, said in self.sides():
            for term in sympy.Add.make_args(said):
                for wrong in (-term, 2 * term, *_without_one_factor(term)):
                    if not vanishes(wrong - term):
                        yield term, (is_, said - term + wrong)


@dataclass(frozen=True)
class Counterexample:
    """An instance, as small as there is, for which a statement does not hold.

    Attributes
    ----------
    text : str
        The instance in words.
    values : mapping
        Value of each symbol, by its name; for an undetermined function a callable.
    """

    text: str
    values: Mapping[str, object]

    def sides(self, statement: Statement) -> Sides:
        """(what it is, what the statement says), of the first equation that is wrong here.

        Raises
        ------
        BrokenProof
            Where none is, where a symbol is left without a value, or where two have one name.
        """
        for pair in statement.sides():
            is_, said = (self._at(side) for side in pair)
            if not vanishes(is_ - said):
                return is_, said
        raise BrokenProof(f"{statement.text!r} is not refuted by {self.text!r}.")

    def _at(self, side):
        side = sympy.sympify(side)
        for function in side.atoms(AppliedUndef):
            if function.func.__name__ in self.values:
                side = side.replace(function.func, self.values[function.func.__name__])
        side = side.doit()
        names = [symbol.name for symbol in side.free_symbols]
        if len(set(names)) < len(names):
            raise BrokenProof(f"{self.text!r}: two symbols of one name among {sorted(names)}.")
        values = {
            symbol: sympy.sympify(self.values[symbol.name])
            for symbol in side.free_symbols
            if symbol.name in self.values
        }
        number = sympy.simplify(side.subs(values).doit())
        if number.free_symbols:
            raise BrokenProof(f"{self.text!r} leaves {number.free_symbols} without a value.")
        return number


def plain(*sides):
    """Both sides with undetermined functions and derivatives as symbols, which is faster."""
    for kind in (sympy.Derivative, AppliedUndef):
        terms = set().union(*(side.atoms(kind) for side in sides))
        known = {term: sympy.Symbol(str(term), real=True) for term in terms}
        sides = tuple(side.xreplace(known) for side in sides)
    return sides


def vanishes(expression: sympy.Expr) -> bool:
    """Whether an expression is identically zero: refuted by numbers, or proved by algebra.

    Derivatives of undetermined functions are independent numbers.
    """
    # Integrals of undetermined functions are not tried: that takes sympy long.
    expression = sympy.sympify(expression).doit(integrals=False)
    # Of a derivative and the function that it holds, the derivative: the outermost is replaced.
    terms = expression.atoms(sympy.Derivative, sympy.Subs, sympy.Integral, AppliedUndef)
    unknowns = sorted(terms | expression.free_symbols, key=str)
    # Values without small relations among them, positive as times and eigenvalues are.
    values = {each: sympy.Rational(3 + 7 * k, 5 + 4 * k) for k, each in enumerate(unknowns, 1)}
    number = expression.xreplace(values).evalf(30)
    if number.is_number and abs(number) > 1e-20:
        return False
    expression = expression.xreplace({term: sympy.Dummy(str(term), real=True) for term in terms})
    # The cheapest way that succeeds: for quotients of polynomials it is the first.
    return any(
        _expands_to_zero(sympy.fraction(sympy.together(form(expression)))[0])
        for form in (lambda whole: whole, sympy.expand, sympy.simplify)
    )


def _expands_to_zero(expression: sympy.Expr) -> bool:
    """By the arithmetic of polynomials, many times as fast as that of expressions, if it is one."""
    symbols = sorted(expression.free_symbols, key=str)
    if symbols and expression.is_polynomial(*symbols):
        try:
            return not sympy.ring(symbols, sympy.QQ)[0].from_expr(expression)
        except ValueError:  # a number that is not rational
            pass
    return sympy.expand(expression) == 0


def _without_one_factor(term: sympy.Expr) -> Iterator[sympy.Expr]:
    factors = sympy.Mul.make_args(term)
    for k in range(len(factors) if len(factors) > 1 else 0):
        yield sympy.Mul(*factors[:k], *factors[k + 1 :])


def _entries(is_, said) -> Iterator[Sides]:
    if isinstance(is_, sympy.MatrixBase) != isinstance(said, sympy.MatrixBase):
        raise TypeError(f"Expected two matrices or two expressions, got {is_} and {said}.")
    if not isinstance(is_, sympy.MatrixBase):
        yield sympy.sympify(is_), sympy.sympify(said)
        return
    if is_.shape != said.shape:
        raise ValueError(f"Expected matrices of one shape, got {is_.shape} and {said.shape}.")
    yield from zip(is_, said, strict=True)
