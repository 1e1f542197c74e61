"""No file names a folder of the machine it was written on."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("homotopy", "tests", "benchmarks", "figures", "notebooks", "docs", ".ci")
KINDS = {".py", ".pyi", ".js", ".css", ".md", ".in", ".toml", ".html", ".yml"}
MADE = {"output", "_build", "gallery", "jupyter_execute", "reference", "tutorials"}
# Below the root of a file system, in quotes, after a space or alone: not the end of an address.
OF_A_MACHINE = re.compile(r"(?<![\w./:])/(?:tmp|work|root|home|Users|opt|mnt|var)/\w")


def named(root: Path, folders=FOLDERS) -> list[str]:
    files = [path for path in root.iterdir() if path.is_file()]
    for folder in folders:
        files += (root / folder).rglob("*")
    found = []
    for path in sorted(files):
        own = path.relative_to(root)
        if path.suffix not in KINDS or MADE & set(own.parts[:-1]):
            continue
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            if OF_A_MACHINE.search(line):
                found.append(f"{own}:{number}")
    return found


def test_no_file_names_a_folder_of_one_machine():
    assert named(ROOT) == []


def test_such_a_folder_is_found(tmp_path):
    (tmp_path / "docs").mkdir()
    folder = "/".join(["", "tmp", "shots"])
    (tmp_path / "docs" / "page.md").write_text(f"https://host{folder}\nsee {folder}/a.png\n")
    (tmp_path / "setup.py").write_text(f'path = "{folder}"\n')
    assert named(tmp_path, ["docs"]) == ["docs/page.md:2", "setup.py:1"]
