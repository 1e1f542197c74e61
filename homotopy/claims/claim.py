"""A claim of the notes, and how its verdict is computed."""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import sympy


class Verdict(enum.Enum):
    """What became of a claim."""

    holds = "holds"
    corrected = "holds with a correction"
    fails = "fails"
    open = "open"


class BrokenProof(AssertionError):
    """A proof that does not go through, of a claim that was recorded."""


@dataclass(frozen=True)
class Identity:
    """A statement as residuals that vanish for all values of their symbols.

    Attributes
    ----------
    text : str
        The statement.
    residuals : callable
        Of a factor κ on one of its terms: with κ = 1 the statement, with any other value another
        one, which must not hold. So a proof that would accept anything is found out.
    """

    text: str
    residuals: Callable[[sympy.Expr], Iterable]

    def holds(self, factor: int = 1) -> bool:
        """Whether every residual is zero, proved by algebra; κ is `factor`."""
        return all(vanishes(entry) for entry in _entries(self.residuals(sympy.Integer(factor))))


@dataclass(frozen=True)
class Evidence:
    """What a numerical check measured.

    Attributes
    ----------
    text : str
        What was compared.
    error, tolerance : float
    """

    text: str
    error: float
    tolerance: float

    @property
    def passed(self) -> bool:
        """Whether the error is finite and within the tolerance."""
        return bool(self.error <= self.tolerance)


@dataclass(frozen=True)
class Claim:
    """One claim, where it stands, and its proof.

    Attributes
    ----------
    key : str
        The notes' number, or a short name.
    where : str
        Section of the notes (002 where not said otherwise).
    written : Identity or None
        As the notes have it, in the toolkit's convention (sum risk, deletion is ε from 1 to 0);
        None for words that the correction refutes.
    steps : tuple of str
        The derivation.
    check : callable
        An independent numerical check, through the toolkit where it can be.
    correct : Identity, optional
        What holds instead.
    saved : bool
        Whether the correction leaves the claim's conclusion standing.
    """

    key: str
    where: str
    written: Identity | None
    steps: tuple[str, ...]
    check: Callable[[], Evidence]
    correct: Identity | None = None
    saved: bool = True

    def verdict(self) -> Verdict:
        """The verdict, by the symbolic proofs.

        Raises
        ------
        BrokenProof
            Where the claim as written holds although a correction is recorded, or neither holds.
        """
        if self.written is not None and self.written.holds():
            if self.correct is not None:
                raise BrokenProof(f"{self.key}: holds as written, and yet it has a correction.")
            return Verdict.holds
        if self.correct is None:
            raise BrokenProof(f"{self.key}: does not hold as written, and has no correction.")
        if not self.correct.holds():
            raise BrokenProof(f"{self.key}: the correction does not hold.")
        return Verdict.corrected if self.saved else Verdict.fails

    @property
    def statement(self) -> Identity:
        """What holds: the correction, or the claim as written."""
        return self.written if self.correct is None else self.correct


def vanishes(expression: sympy.Expr) -> bool:
    """Whether an expression is identically zero: refuted by numbers, or proved by algebra."""
    expression = sympy.sympify(expression)
    symbols = sorted(expression.free_symbols, key=str)
    # Values without small relations among them, positive as times and eigenvalues are.
    values = {symbol: sympy.Rational(3 + 7 * k, 5 + 4 * k) for k, symbol in enumerate(symbols, 1)}
    number = expression.subs(values).evalf(30)
    if number.is_number and abs(number) > 1e-20:
        return False
    numerator = sympy.fraction(sympy.together(sympy.expand(expression)))[0]
    return sympy.expand(numerator) == 0 or sympy.simplify(expression) == 0


def _entries(residuals: Iterable) -> Iterable[sympy.Expr]:
    for residual in residuals:
        if isinstance(residual, sympy.MatrixBase):
            yield from residual
        else:
            yield residual
