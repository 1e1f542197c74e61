"""The ledger, or one claim, as Markdown and LaTeX."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import sympy

from homotopy.claims.machinery.claim import Claim

_HEADINGS = ("claim", "where", "verdict", "the notes say", "what holds", "counterexample")


def refutation(claim: Claim) -> str:
    """The counterexample with both numbers, in exact form; empty where the claim holds."""
    if claim.counterexample is None:
        return ""
    is_, said = (_number(side) for side in claim.counterexample.sides(claim.says))
    return f"{claim.counterexample.text}; {claim.disputed} is {is_}, and by the claim {said}"


def what_holds(claim: Claim) -> str:
    """The statement that is proved; after an open question, what is not known."""
    if claim.unanswered:
        return f"{claim.statement.text} Open: {claim.unanswered}"
    return claim.statement.text


def markdown_table(claims: Iterable[Claim]) -> str:
    """One row a claim."""
    rows = [_HEADINGS, ("---",) * len(_HEADINGS), *(map(_cell, _row(claim)) for claim in claims)]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def markdown(claim: Claim) -> str:
    """One claim with its derivation."""
    steps = [f"{number}. {step}" for number, step in enumerate(claim.derivation, 1)]
    return "\n\n".join([
        f"## {claim.key}: {claim.verdict.value}",
        *(f"**{name}** {text}" for name, text in _parts(claim)),
        "\n".join(steps),
    ])  # fmt: skip


def latex_table(claims: Iterable[Claim]) -> str:
    """One row a claim, as a longtable (package longtable; XeLaTeX or LuaLaTeX, for its signs)."""
    widths = "p{0.1\\linewidth}p{0.1\\linewidth}p{0.08\\linewidth}" + 3 * "p{0.2\\linewidth}"
    lines = [_latex_row(_HEADINGS) + " \\hline \\endhead"]
    lines += [_latex_row(_row(claim)) for claim in claims]
    return "\n".join([f"\\begin{{longtable}}{{{widths}}}", *lines, "\\end{longtable}"])


def latex(claim: Claim) -> str:
    """One claim with its derivation, as a paragraph and an enumeration."""
    steps = [f"  \\item {escaped(step)}" for step in claim.derivation]
    return "\n".join([
        f"\\paragraph{{{escaped(claim.key)}: {claim.verdict.value}}}",
        *(f"\\emph{{{name}}} {escaped(text)}\n" for name, text in _parts(claim)),
        "\\begin{enumerate}",
        *steps,
        "\\end{enumerate}",
    ])  # fmt: skip


def escaped(text: str) -> str:
    """Text with the characters that LaTeX gives a meaning to."""
    special = {character: f"\\{character}" for character in "&%#_{}$"}
    special |= {"\\": "\\textbackslash{}", "^": "\\textasciicircum{}", "~": "\\textasciitilde{}"}
    return "".join(special.get(character, character) for character in text)


def _row(claim: Claim) -> Sequence[str]:
    notes = claim.says.text if claim.correction is not None else "the same"
    return (
        claim.key,
        claim.where,
        claim.verdict.value,
        "a question" if claim.unanswered else notes,
        what_holds(claim),
        refutation(claim),
    )


def _parts(claim: Claim) -> Iterable[tuple[str, str]]:
    yield "Where:", claim.where
    if claim.correction is not None:
        yield "The notes say:", claim.says.text
        yield "Counterexample:", f"{refutation(claim)}."
    yield "What holds:", claim.statement.text
    if claim.unanswered:
        yield "Open:", claim.unanswered


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _latex_row(cells: Iterable[str]) -> str:
    return " & ".join(map(escaped, cells)) + " \\\\"


def _number(value: sympy.Expr) -> str:
    value = sympy.nsimplify(value) if value.is_Float else value
    exact = str(value)
    return exact if value.is_Rational or not value.is_finite else f"{exact} ≈ {value.evalf(4)}"
