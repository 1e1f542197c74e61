"""What `homotopy unlearn` prints."""

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from homotopy._wording import listed
from homotopy.commands.shared.console import described, row_name, say, say_notes
from homotopy.commands.shared.inputs import Design
from homotopy.unlearning import Release, UnlearningComparison

_VALUES_SHOWN = 12


def show(
    console: Console,
    design: Design,
    ridge: float,
    rows: list[int],
    steps: int,
    found: UnlearningComparison,
    released: Release,
) -> None:
    """Print the data, the methods side by side, and what is released."""
    data, asked = design.original, found.mechanism
    say(console, described(design, ridge))
    say_notes(console, data.notes)
    names = listed([row_name(data, row) for row in rows], limit=10)
    say(
        console,
        f"Trained by {steps} steps of gradient descent from θ₀ = 0; then deleted: "
        f"{'row' if len(rows) == 1 else 'rows'} {names}.",
    )
    console.print()
    console.print(_methods(found))
    console.print(_parameters(design, released))
    pair, certificate = released.pair, released.certificate
    say(
        console,
        f"Released with noise σ = {released.noise:g}, fixed before the request: (ε, δ) = "
        f"({asked.privacy_epsilon:g}, {asked.delta:g}) allows a distance of "
        f"{asked.distance(released.noise):.4g}, and {certificate.distance:.4g} to "
        f"{certificate.compared_to.value} is {certificate.kind.value} ({certificate.route}). "
        f"So ε ≤ {pair.privacy_epsilon(asked.delta):.4g} at that δ; the best attack has an "
        f"advantage of {pair.advantage:.4g} over guessing.",
    )
    say(console, f"Threat model: {released.threat_model}")
    console.print()


def _methods(found: UnlearningComparison) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("method")
    for heading in ("work", "kept", "own reference", "certified", "to θ*₋", "σ needed"):
        table.add_column(heading, justify="right")
    for place, name in enumerate(found.names):
        table.add_row(
            Text(name),
            f"{found.work[place]:,}",
            f"{found.bytes_stored[place]:,}",
            f"{found.to_reference[place]:.3g}",
            f"{found.certified[place]:.3g}",
            f"{found.to_minimum[place]:.3g}",
            f"{found.noise[place]:.3g} ({found.exact_noise[place]:.3g})",
        )
    return table


def _parameters(design: Design, released: Release) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("parameter")
    table.add_column("released", justify="right")
    for name, value in list(zip(design.names, released.theta, strict=True))[:_VALUES_SHOWN]:
        table.add_row(Text(name), f"{value:.4g}")
    if len(design.names) > _VALUES_SHOWN:
        table.add_row(f"and {len(design.names) - _VALUES_SHOWN} more", "")
    return table
