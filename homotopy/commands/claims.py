"""`homotopy claims`: the claims of the notes, each proved or refuted."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from homotopy.commands.errors import CommandError, InputError

EPILOG = (
    "[bold]Verdicts[/] are computed: [italic]holds[/], as written; [italic]holds with a "
    "correction[/], the conclusion stands; [italic]fails[/], it does not. Each proof is symbolic, "
    "each check numerical and independent of it."
)


def claims(
    key: Annotated[
        str | None,
        typer.Argument(
            metavar="CLAIM",
            help="One claim with its derivation, by its number or name, such as 0.10.",
            show_default=False,
        ),
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Also rerun the numerical checks.")
    ] = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="As a Markdown table.")] = False,
    latex: Annotated[
        bool, typer.Option("--latex", help="As a LaTeX table (XeLaTeX or LuaLaTeX).")
    ] = False,
) -> None:
    """What of the research notes holds, and what does not, with proofs."""
    if markdown and latex:
        raise InputError("--latex: expected one format, got --markdown too.")
    from rich.console import Console

    from homotopy.claims import LEDGER, BrokenProof, find

    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = max(console.width, 120)
    try:
        if key is not None:
            try:
                claim = find(key)
            except KeyError as error:
                raise InputError(f"CLAIM: {error.args[0]}") from None
            _show_one(claim, check, console)
            return
        rows = _judged(LEDGER, check)
    except BrokenProof as error:
        raise CommandError(str(error)) from None
    if markdown:
        _print_markdown(rows)
    elif latex:
        _print_latex(rows)
    else:
        _show_table(rows, check, console)


def _judged(ledger, check):
    """(claim, verdict, evidence or None) of each, with a progress bar on a terminal."""
    from rich.console import Console
    from rich.progress import track

    rows = []
    for claim in track(
        ledger, "proving", console=Console(stderr=True), transient=True,
        disable=not sys.stderr.isatty(),
    ):  # fmt: skip
        rows.append((claim, claim.verdict(), _checked(claim) if check else None))
    return rows


def _checked(claim):
    evidence = claim.check()
    if not evidence.passed:
        raise CommandError(
            f"{claim.key}: the numerical check failed: {evidence.text}: {evidence.error:.2g}, "
            f"expected at most {evidence.tolerance:.2g}."
        )
    return evidence


def _show_table(rows, check, console) -> None:
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for heading in ("claim", "verdict", "what holds", *(("error",) if check else ())):
        table.add_column(heading)
    for claim, verdict, evidence in rows:
        extra = (f"{evidence.error:.1e}",) if evidence else ()
        table.add_row(claim.key, verdict.value, claim.statement.text, *extra)
    console.print(table)
    counts = {}
    for _, verdict, _ in rows:
        counts[verdict.value] = counts.get(verdict.value, 0) + 1
    console.print(", ".join(f"{count} {name}" for name, count in counts.items()))


def _show_one(claim, check, console) -> None:
    verdict = claim.verdict()
    console.print(f"[bold]{claim.key}[/] ({claim.where}): {verdict.value}")
    if claim.written is not None:
        console.print(f"as written: {claim.written.text}", markup=False)
    if claim.correct is not None:
        console.print(f"what holds: {claim.correct.text}", markup=False)
    for number, step in enumerate(claim.steps, 1):
        console.print(f"{number}. {step}", markup=False)
    if check:
        evidence = _checked(claim)
        console.print(
            f"check: {evidence.text}: {evidence.error:.1e} (at most {evidence.tolerance:.0e})",
            markup=False,
        )


def _print_markdown(rows) -> None:
    typer.echo("| claim | where | verdict | what holds |\n| --- | --- | --- | --- |")
    for claim, verdict, _ in rows:
        cells = (claim.key, claim.where, verdict.value, claim.statement.text)
        typer.echo("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")


def _print_latex(rows) -> None:
    typer.echo("\\begin{longtable}{llll}\nclaim & where & verdict & what holds \\\\ \\hline")
    for claim, verdict, _ in rows:
        cells = (claim.key, claim.where, verdict.value, claim.statement.text)
        typer.echo(" & ".join(_escaped(cell) for cell in cells) + " \\\\")
    typer.echo("\\end{longtable}")


def _escaped(text: str) -> str:
    for character in "&%#_{}":
        text = text.replace(character, f"\\{character}")
    return text.replace("^", "\\textasciicircum{}")
