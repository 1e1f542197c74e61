"""The site's pages: their examples run, and every page is to be found."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "docs" / "start.md", *sorted((ROOT / "docs" / "how-to").glob("*.md"))]


def test_the_examples_of_the_pages_run(tmp_path, scripts):
    """Those of a page one after the other, as a reader would, in a folder of their own."""
    count = 0
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        blocks = re.findall(r"^```python\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)
        count += len(blocks)
        path = tmp_path / f"{page.stem}.py"
        run = f"exec(compile({''.join(blocks)!r}, {page.name!r}, 'exec'), {{}})"
        path.write_text(run, encoding="utf-8")
        ended = scripts.run(path, tmp_path)
        assert ended.returncode == 0, f"{page.name}: {ended.stderr}"
    assert count >= 8


def test_the_pages_are_all_in_the_tables_of_contents():
    """Sphinx finds this too, but is not run by the tests."""
    listed = set()
    for page in (ROOT / "docs").rglob("*.md"):
        text = page.read_text(encoding="utf-8")
        for table in re.findall(
            r"^```\{toctree\}\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL
        ):
            for line in table.splitlines():
                if line and not line.startswith(":"):
                    place = re.sub(r".*<(.*)>", r"\1", line)
                    there = (page.parent / place).resolve().relative_to(ROOT / "docs")
                    listed.add(there.as_posix())
    made = {"tutorials", "gallery", "reference", "contributing", "changelog", "benchmarks"}
    for page in (ROOT / "docs").rglob("*.md"):
        name = page.relative_to(ROOT / "docs").with_suffix("").as_posix()
        if name.split("/")[0] not in made and name != "index":
            assert name in listed, name


def test_figures_and_benchmarks_say_what_they_are_in_a_line():
    """What the gallery and the list of benchmarks are made of."""
    for folder, pattern in (("figures", "fig[0-9]*.py"), ("benchmarks", "*.py")):
        for source in (ROOT / folder).glob(pattern):
            text = ast.get_docstring(ast.parse(source.read_text(encoding="utf-8")))
            assert text and text.split("\n\n")[0].rstrip().endswith((".", ":")), source
