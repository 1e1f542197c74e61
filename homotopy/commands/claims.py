"""`homotopy claims`: the claims of the notes, each proved or refuted."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from homotopy.commands.shared.errors import CommandError, InputError

EPILOG = (
    "[bold]Verdicts[/]: [italic]holds[/], as written; [italic]holds with a correction[/], the "
    "conclusion stands; [italic]fails[/], it does not; [italic]open[/], not known. What holds is "
    "proved by algebra, what does not is refuted by an instance in exact numbers, and a numerical "
    "check stands beside it: --check runs all of them again, in about a minute."
)


def claims(
    key: Annotated[
        str | None,
        typer.Argument(
            metavar="CLAIM",
            help="Claims with their derivation, by number, name or place: 0.10, Figure 4.",
            show_default=False,
        ),
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Run all proofs, counterexamples and checks again.")
    ] = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="As Markdown.")] = False,
    latex: Annotated[
        bool, typer.Option("--latex", help="As LaTeX (longtable; XeLaTeX or LuaLaTeX).")
    ] = False,
) -> None:
    """What of the research notes holds, and what does not, with proofs."""
    if markdown and latex:
        raise InputError("--latex: expected one format, got --markdown too.")

    from homotopy.claims import LEDGER, matching
    from homotopy.claims.machinery import export
    from homotopy.commands.shared.console import standard_output

    console = standard_output(120)
    try:
        chosen = LEDGER if key is None else matching(key)
    except KeyError as error:
        raise InputError(f"CLAIM: {error.args[0]}") from None
    evidence = _checked(chosen) if check else {}
    if markdown or latex:
        table, single = (
            (export.markdown_table, export.markdown) if markdown
            else (export.latex_table, export.latex)
        )  # fmt: skip
        typer.echo(table(chosen) if key is None else "\n\n".join(map(single, chosen)))
    elif key is None:
        _show_table(chosen, evidence, console)
    else:
        for number, claim in enumerate(chosen):
            if number:
                console.print()
            _show_one(claim, evidence, console)


def _checked(chosen):
    """Evidence of each claim, by key, once its proof has gone through; all failures at once."""
    from rich.console import Console
    from rich.progress import track

    from homotopy.claims import BrokenProof

    evidence, broken = {}, []
    for claim in track(
        chosen, "proving", console=Console(stderr=True), transient=True,
        disable=not sys.stderr.isatty(),
    ):  # fmt: skip
        try:
            claim.prove()
            evidence[claim.key] = claim.evidence()
        except BrokenProof as error:
            broken.append(str(error))
    if broken:
        raise CommandError(f"{len(broken)} of {len(chosen)}: " + "; ".join(broken))
    return evidence


def _show_table(chosen, evidence, console) -> None:
    from rich.markup import escape
    from rich.table import Table

    from homotopy.claims.machinery.export import what_holds

    table = Table(box=None, pad_edge=False, padding=(0, 1, 1, 0))
    table.add_column("claim", ratio=3)
    table.add_column("verdict", ratio=2)
    table.add_column("what holds", ratio=9)
    if evidence:
        table.add_column("error", no_wrap=True)
    for claim in chosen:
        error = (f"{evidence[claim.key].error():.0e}",) if evidence else ()
        table.add_row(escape(claim.key), claim.verdict.value, escape(what_holds(claim)), *error)
    console.print(table)
    counts = {}
    for claim in chosen:
        counts[claim.verdict.value] = counts.get(claim.verdict.value, 0) + 1
    proved = "proved and checked now" if evidence else "as recorded: --check proves them again"
    listed = ", ".join(f"{count} {name}" for name, count in counts.items())
    console.print(f"{len(chosen)} claims: {listed}; {proved}.")


def _show_one(claim, evidence, console) -> None:
    from rich.markup import escape

    from homotopy.claims.machinery.export import refutation

    console.print(f"[bold]{escape(claim.key)}[/] ({escape(claim.where)}): {claim.verdict.value}")
    lines = []
    if claim.correction is not None:
        lines.append(f"the notes say: {claim.says.text}")
        lines.append(f"counterexample: {refutation(claim)}.")
    lines.append(f"what holds: {claim.statement.text}")
    if claim.unanswered:
        lines.append(f"open: {claim.unanswered}")
    lines += [f"{number}. {step}" for number, step in enumerate(claim.derivation, 1)]
    lines.append(f"check: {claim.check.text} (at most {claim.check.tolerance:.0e})")
    if evidence:
        found = evidence[claim.key]
        lines[-1] += f": {found.error():.1e} over {len(found.pairs)} instances"
    for line in lines:
        console.print(line, markup=False)
