"""README.md says what is true: its session runs and prints what it says, and its names exist."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
# Pages that name public names and commands as README.md does, which is their beginning.
PAGES = [ROOT / "docs" / f"{name}.md" for name in ("start", "session", "reliance", "explorer")]
PAGES += sorted((ROOT / "docs" / "how-to").glob("*.md"))
TOLD = README + "".join(page.read_text(encoding="utf-8") for page in PAGES)


def blocks(language, text=README):
    """The fenced code blocks of one language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)


def test_it_is_a_beginning_and_the_rest_is_elsewhere():
    """What, for whom, how to install, a picture, two commands, own data: on the first screens."""
    lines = README.splitlines()
    assert len(lines) <= 160
    first = "\n".join(lines[:48])
    for wanted in (
        "For people who",
        "pip install",
        "readme.gif",
        "homotopy influence",
        "```python",
    ):
        assert wanted in first
    own = blocks("python")[0].splitlines()
    assert len([line for line in own if line.strip()]) <= 10


def test_the_session_prints_what_it_says(tmp_path):
    session = "".join(blocks("python"))
    lines = [line for line in session.splitlines() if line.strip()]
    assert len(lines) <= 36  # a first example of one's own data, and a session
    promised = []
    for line in lines:
        if line.startswith("print("):
            _, promise = line.rsplit("  # ", 1)
            promised.append(promise)
    assert len(promised) >= 4
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
    picture = (ROOT / "figures" / "readme.gif").read_bytes()
    assert picture.startswith(b"GIF8")
    assert len(picture) < 300_000
    assert "](figures/readme.gif)" in README


@pytest.mark.parametrize("name", sorted(set(re.findall(r"\bhm\.(\w+)", TOLD))))
def test_public_names_exist(name):
    import homotopy

    assert name in homotopy.__all__


def test_the_options_of_the_command_line_exist():
    from typer.main import get_command

    from homotopy.cli import app

    there = get_command(app).commands
    commands = [line.split() for block in blocks("console", TOLD) for line in block.splitlines()]
    commands = [words for words in commands if words[:1] == ["homotopy"]]
    assert len(commands) >= 15
    for words in commands:
        parameters = there[words[1]].params
        known = {o for each in parameters for o in (*each.opts, *each.secondary_opts)}
        assert {word for word in words if word.startswith("--")} <= known | {"--help"}, words
