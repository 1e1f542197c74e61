"""Documents lead somewhere: cited sections exist, links resolve, and code blocks run."""

import ast
import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MADE = {"benchmarks.md", "changelog.md", "contributing.md"}  # by `make docs`
DOCUMENTS = sorted(path.name for path in ROOT.glob("*.md")) + sorted(
    f"docs/{path.name}" for path in ROOT.glob("docs/*.md") if path.name not in MADE
)
SOURCES = ("homotopy", "figures", "notebooks", "benchmarks", "tests")
SECTION = r"§(\d+(?:\.\d+)*)"
CITED = re.compile(rf"\b[Tt]heory,? ({SECTION}(?:(?:, | and |, and ){SECTION})*)")

documents = pytest.mark.parametrize("name", DOCUMENTS)


def text_of(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def prose(text: str) -> str:
    """In one line, without the marks of comments."""
    return " ".join(re.sub(r"(?m)^\s*#+ ", " ", text).split())


def headings(text: str) -> list[str]:
    outside = re.sub(r"(?ms)^```.*?^```$", "", text)
    return re.findall(r"(?m)^#+ (.+?)\s*$", outside)


def anchors(text: str) -> set[str]:
    """As GitHub makes them of headings, a number behind those that occur again."""
    found = []
    for heading in headings(text):
        slug = re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        found.append(f"{slug}-{found.count(slug)}" if slug in found else slug)
    return set(found)


def sections(text: str) -> set[str]:
    """Numbers at the beginning of headings."""
    found = [re.match(r"(\d+(?:\.\d+)*)\.? ", heading) for heading in headings(text)]
    return {match.group(1) for match in found if match}


def citations() -> list[tuple[str, str]]:
    """(file, section of the theory) of every citation, wherever its line is broken."""
    found = []
    sources = [path for folder in SOURCES for path in (ROOT / folder).rglob("*.py")]
    for name in [*DOCUMENTS, *sorted(str(path.relative_to(ROOT)) for path in sources)]:
        for cited in CITED.finditer(prose(text_of(name))):
            found += [(name, section) for section in re.findall(SECTION, cited.group(1))]
    return found


def test_sections_of_the_theory_that_are_cited_exist():
    found = citations()
    assert len(found) > 80 and {name.split("/")[0] for name, _ in found} >= {"homotopy", "tests"}
    there = sections(text_of("docs/theory.md"))
    missing = [(name, section) for name, section in found if section not in there]
    assert not missing
    assert {section for section in there if "." not in section} >= {str(n) for n in range(1, 8)}


def test_a_section_is_that_of_a_named_work():
    """A bare "(§4)" leads nowhere: it is "theory §4", or follows a work and a comma."""
    for path in sorted((ROOT / "homotopy").rglob("*.py")):
        text = CITED.sub("", prose(path.read_text(encoding="utf-8")))
        for match in re.finditer("§", text):
            before = text[: match.start()]
            assert before.endswith(", "), f"{path.name}: {before[-60:]}§"


def test_the_theory_cites_sections_of_its_own():
    text = text_of("docs/theory.md")
    there, cited = sections(text), set(re.findall(SECTION, text))
    assert len(cited) > 4 and cited <= there, cited - there


@documents
def test_links_lead_somewhere(name):
    text = re.sub(r"(?ms)^```.*?^```$", "", text_of(name))
    links = re.findall(r"\]\(([^)\s]+)\)", text)
    lists = "{toctree}" in text_of(name) or "{py:obj}" in text
    assert links or lists or name == "docs/theory.md"
    for link in links:
        if re.match(r"[a-z]+:", link):
            continue
        target, _, anchor = link.partition("#")
        path = (ROOT / name).parent / target if target else ROOT / name
        if name.startswith("docs/") and target in MADE:
            continue
        assert path.exists(), link
        if anchor:
            assert anchor in anchors(path.read_text(encoding="utf-8")), link


def rows_of_rooms() -> dict[str, int]:
    """Each room of the architecture's table, and its row."""
    rows = re.findall(r"(?m)^\| (`.+?) \|", text_of("docs/architecture.md"))
    named = [(name, row) for row, cell in enumerate(rows) for name in re.findall("`(.+?)`", cell)]
    return {name.removesuffix("/").removesuffix(".py"): row for name, row in named}


def room(module: str) -> str:
    return module.split(".")[1]


def imports_between_rooms() -> set[tuple[str, str]]:
    found = set()
    for path in (ROOT / "homotopy").rglob("*.py"):
        own = path.relative_to(ROOT / "homotopy").parts[0].removesuffix(".py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("homotopy."):
                found.add((own, room(node.module)))
    return {pair for pair in found if pair[0] != pair[1] and not any(r[0] == "_" for r in pair)}


def test_the_architecture_names_every_room_and_the_order_of_imports():
    rows, package = rows_of_rooms(), ROOT / "homotopy"
    folders = {path.parent.name for path in package.glob("*/__init__.py")}
    files = {path.stem for path in package.glob("*.py") if not path.name.startswith("_")}
    assert len(rows) > 20 and folders | files <= set(rows), (folders | files) - set(rows)
    # What plotting may import, nothing, is a rule of its own.
    arrows = {arrow for arrow in imports_between_rooms() if arrow[0] != "plotting"}
    assert len(arrows) > 40
    assert not {(own, other) for own, other in arrows if rows[other] > rows[own]}


def test_the_version_is_the_same_everywhere():
    version = tomllib.loads(text_of("pyproject.toml"))["project"]["version"]
    assert re.findall(r"(?m)^version: (.*)$", text_of("CITATION.cff")) == [version]
    assert f'__version__ = "{version}"' in text_of("homotopy/__init__.py")
    released = re.findall(r"(?m)^## (\S+) - \d{4}-\d\d-\d\d$", text_of("CHANGELOG.md"))
    assert released[0] == version


def blocks(name: str) -> list[str]:
    """Python that is to run; what is not to is marked as ```python no-run."""
    return re.findall(r"(?ms)^```python\n(.*?)^```$", text_of(name))


def test_code_blocks_run_and_print_what_they_say(tmp_path, scripts):
    # The README's session has its own test.
    names = [name for name in DOCUMENTS if name != "README.md" and blocks(name)]
    assert names
    for name in names:
        program = "".join(blocks(name))
        promised = re.findall(r"(?m)^print\(.*\)  # (.*)$", program)
        path = tmp_path / "blocks.py"
        # What begins processes, where a script is run and not imported, is left out.
        run = f"exec(compile({program!r}, {name!r}, 'exec'), {{'__name__': 'block'}})"
        path.write_text(run, encoding="utf-8")
        result = scripts.run(path, tmp_path)
        assert result.returncode == 0, f"{name}: {result.stderr}"
        assert result.stdout.splitlines() == promised, name
