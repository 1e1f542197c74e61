"""docs/scale.md knows every public function: who shares out what, and who does not.

A verb that is new, or that learns to share out, is missed here until the page says so.
"""

import inspect
import re
from pathlib import Path

from public_face import PUBLIC

ROOT = Path(__file__).parents[2]
SHARED, NOT_SHARED = "verb | its batch", "not shared out"


def takes(function, name):
    return name in inspect.signature(function).parameters


def functions():
    """Without data sets, and the layer of those who bring a system of their own."""
    return {
        name.removeprefix("homotopy."): value
        for name, value in PUBLIC.items()
        if not inspect.isclass(value)
        and not name.startswith(("homotopy.control.", "homotopy.datasets."))
    }


def listed(heading):
    """Names in the first column of the table with this heading."""
    text = (ROOT / "docs/scale.md").read_text(encoding="utf-8")
    (table,) = re.findall(rf"(?m)^\| {re.escape(heading)} .*\n\|[ -|]*\n((?:\|.*\n)+)", text)
    cells = [line.split("|")[1] for line in table.splitlines()]
    return [name for cell in cells for name in re.findall(r"`([\w.]+)`", cell)]


def test_every_verb_with_devices_or_a_client_says_what_it_shares_out():
    found = {
        name
        for name, function in functions().items()
        if takes(function, "devices") or takes(function, "client")
    }
    named = listed(SHARED)
    assert len(named) == len(set(named)) and len(named) > 20
    assert set(named) == found


def test_every_other_function_says_why_not():
    found = {
        name
        for name, function in functions().items()
        if not takes(function, "devices") and not takes(function, "client")
    }
    named = listed(NOT_SHARED)
    assert len(named) == len(set(named)) and len(named) > 60
    assert set(named) == found


def test_devices_come_with_a_client():
    """Sums of chunks are the processor's work: they have a client alone."""
    alone = {
        name
        for name, function in functions().items()
        if takes(function, "devices") != takes(function, "client")
    }
    assert alone == {"chunks.moments", "row_diagnostics"}


def test_each_is_compared_with_the_serial_one():
    """Every name stands in the table of calls that the tests share out."""
    text = (Path(__file__).parent / "sharded.py").read_text(encoding="utf-8")
    called = set(re.findall(r"hm\.([\w.]+)\(", text))
    assert set(listed(SHARED)) - called == {"chunks.moments", "row_diagnostics"}
