"""README.md says what is true: its session runs and prints what it says, and its names exist."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language):
    """The fenced code blocks of one language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", README, flags=re.MULTILINE | re.DOTALL)


def test_the_session_prints_what_it_says(tmp_path):
    session = "".join(blocks("python"))
    lines = [line for line in session.splitlines() if line.strip()]
    assert len(lines) <= 36  # a first example of one's own data, and a session
    promised = []
    for line in lines:
        if line.startswith("print("):
            _, promise = line.rsplit("  # ", 1)
            promised.append(promise)
    assert len(promised) >= 5
    path = tmp_path / "session.py"
    path.write_text(session, encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8"}
    environment.pop("JAX_ENABLE_X64", None)
    result = subprocess.run(
        [sys.executable, "-W", "error", str(path)],
        capture_output=True,
        text=True,
        encoding="utf-8",
        env=environment,
        cwd=tmp_path,
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout.splitlines() == promised


def test_the_make_targets_exist():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"\bmake ([a-z]+)\b", README))
    assert {"figures", "test"} <= targets
    for target in targets:
        assert re.search(rf"^{target}:", makefile, flags=re.MULTILINE), target


def test_the_picture_is_small_enough_to_commit():
    picture = (ROOT / "figures" / "readme.png").read_bytes()
    assert picture.startswith(b"\x89PNG")
    assert len(picture) < 300_000


def rooms():
    """Paths named in the first column of the map."""
    _, table = README.split("## Map of the rooms", 1)
    found = []
    for row in re.findall(r"^\| (`.*?) \|", table.split("\n## ", 1)[0], flags=re.MULTILINE):
        folder = ""
        for name in re.findall(r"`([^`]+)`", row):
            # Later names in a row stand in the folder of the first.
            if name.count("/") and name.split("/")[0] in ("homotopy", "tests"):
                folder = name.split("/")[0]
            elif folder:
                name = f"{folder}/{name}"
            found.append(name)
    return found


def test_the_map_shows_the_rooms_there_are():
    shown = {name.rstrip("/") for name in rooms()}
    for name in shown:
        assert (ROOT / name).exists(), name
    modules = [*ROOT.glob("homotopy/*.py"), *ROOT.glob("homotopy/*/__init__.py")]
    places = {path.parent if path.name == "__init__.py" else path for path in modules}
    there = {str(path.relative_to(ROOT)) for path in places if not path.name.startswith("_")}
    assert there - {"homotopy"} <= shown, there - shown


@pytest.mark.parametrize("name", sorted(set(re.findall(r"\bhm\.(\w+)", README))))
def test_public_names_exist(name):
    import homotopy

    assert name in homotopy.__all__


def test_the_options_of_the_command_line_exist():
    from typer.main import get_command

    from homotopy.cli import app

    there = get_command(app).commands
    commands = [line.split() for block in blocks("console") for line in block.splitlines()]
    commands = [words for words in commands if words[0] == "homotopy"]
    assert len(commands) >= 5
    for words in commands:
        parameters = there[words[1]].params
        known = {o for each in parameters for o in (*each.opts, *each.secondary_opts)}
        assert {word for word in words if word.startswith("--")} <= known | {"--help"}, words
