"""No file of the package is longer than a reader can hold, unless it says why."""

import ast
from pathlib import Path

import homotopy

LONGEST = 400
REASON = "One file because "  # what the docstring of a longer one says


def too_long(root: Path) -> list[str]:
    found = []
    for path in sorted(root.rglob("*.py")):
        source = path.read_text(encoding="utf-8")
        count = len(source.splitlines())
        if count > LONGEST and REASON not in (ast.get_docstring(ast.parse(source)) or ""):
            found.append(f"{path.relative_to(root)}: {count} lines")
    return found


def test_long_files_give_their_reason():
    found = too_long(Path(homotopy.__file__).parent)
    assert not found, (
        f"Longer than {LONGEST} lines: {', '.join(found)}. Put a concept that stands on its own "
        f"into a file of its own, or say in the docstring: {REASON}…"
    )


def test_a_long_file_is_found(tmp_path):
    body = "x = 1\n" * LONGEST
    (tmp_path / "short.py").write_text(body)
    (tmp_path / "long.py").write_text('"""A room."""\n' + body)
    (tmp_path / "reasoned.py").write_text(
        '"""A room.\n\nOne file because it is a table."""\n' + body
    )
    assert too_long(tmp_path) == [f"long.py: {LONGEST + 1} lines"]
