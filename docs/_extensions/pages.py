"""Pages that follow from the sources: tutorials, gallery, reference; and docstrings as reST."""

from __future__ import annotations

import ast
import importlib
import inspect
import re
import shutil
from pathlib import Path

DOCS = Path(__file__).resolve().parents[1]
ROOT = DOCS.parent
TUTORIALS, GALLERY, REFERENCE = (DOCS / name for name in ("tutorials", "gallery", "reference"))


def setup(app):
    """What Sphinx calls."""
    app.connect("config-inited", lambda app, config: write_pages())
    app.connect("source-read", _inside)
    # Before numpydoc takes docstrings apart.
    app.connect("autodoc-process-docstring", as_rest, priority=100)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def write_pages() -> None:
    """All of them, where they are not as they should be."""
    _tutorials()
    _gallery()
    _reference()
    _benchmarks()
    for name in ("CHANGELOG", "CONTRIBUTING"):
        text = (ROOT / f"{name}.md").read_text(encoding="utf-8")
        _write(DOCS / f"{name.lower()}.md", _LINK.sub(_from_docs, text))


_LINK = re.compile(r"\]\((?!https?:|#)([^)\s]+)\)")


def _from_docs(found: re.Match) -> str:
    """A link of a page at the top as one of a page in docs/."""
    place = found.group(1)
    if place.startswith("docs/"):
        return f"]({place.removeprefix('docs/')})"
    return f"]({_here(place) or f'../{place}'})"


def _here(place: str) -> str | None:
    """The page that a file at the top is here, if it is one."""
    for name in ("CHANGELOG", "CONTRIBUTING"):
        if place.startswith(f"{name}.md"):
            return place.replace(name, name.lower(), 1)
    if place.startswith("notebooks/"):
        return f"tutorials/{Path(place).stem}"
    return None


def _benchmarks() -> None:
    """A line for each benchmark, after the numbers that were measured."""
    sources = sorted((ROOT / "benchmarks").glob("*.py"))
    rows = []
    for source in sources:
        tree = ast.parse(source.read_text(encoding="utf-8"))
        runs = any(isinstance(node, ast.FunctionDef) and node.name == "run" for node in tree.body)
        if runs:
            first = (ast.get_docstring(tree) or "").split("\n\n")[0].replace("\n", " ")
            rows.append(f"| `{source.stem}` | {first} |")
    head = (DOCS / "benchmarks.md.in").read_text(encoding="utf-8")
    _write(
        DOCS / "benchmarks.md",
        "\n".join([head, "| Name | What it measures |", "| --- | --- |", *rows, ""]),
    )


def _inside(app, docname, source) -> None:
    """Links to files outside of docs/ that are pages here."""
    up = "../" * (docname.count("/") + 1)
    root = "../" * docname.count("/")
    source[0] = re.sub(
        rf"\]\({re.escape(up)}(?!\.)([^)\s]+)\)",
        lambda found: f"]({root + here if (here := _here(found[1])) else up + found[1]})",
        source[0],
    )


def _write(path: Path, text: str) -> None:
    """Unless it says so already, for what did not change is not built again."""
    path.parent.mkdir(exist_ok=True)
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8")


def _list(pages: list[str]) -> str:
    return "\n".join(["```{toctree}", ":maxdepth: 1", "", *pages, "```", ""])


def _tutorials() -> None:
    """The notebooks as they are; Sphinx executes them."""
    TUTORIALS.mkdir(exist_ok=True)
    sources = sorted((ROOT / "notebooks").glob("[0-9]*.py"))
    for source in sources:
        copy = TUTORIALS / source.name
        if not copy.exists() or copy.read_bytes() != source.read_bytes():
            shutil.copyfile(source, copy)
    for old in set(TUTORIALS.glob("*.py")) - {TUTORIALS / source.name for source in sources}:
        old.unlink()
    words = "Short stories that answer one question each, executed as they stand here."
    page = f"# Tutorials\n\n{words}\n\n{_list([source.stem for source in sources])}"
    _write(TUTORIALS / "index.md", page)


def _gallery() -> None:
    """A page for each figure: the picture, what it shows, its script."""
    cards = []
    sources = sorted((ROOT / "figures").glob("fig[0-9]*.py"))
    pictures = ROOT / "figures" / "output"
    (GALLERY / "pictures").mkdir(parents=True, exist_ok=True)
    for source in sources:
        code = source.read_text(encoding="utf-8")
        title, _, text = (ast.get_docstring(ast.parse(code)) or "").partition("\n")
        name, number = source.stem, int(source.stem[3:5])
        picture = pictures / f"{name}.png"
        if not picture.exists():
            raise FileNotFoundError(
                f"{picture.name} is missing: `make docs` makes the figures first."
            )
        shutil.copyfile(picture, GALLERY / "pictures" / picture.name)
        page = (
            f"# {number}. {title.rstrip('.')}\n\n![{title}](pictures/{picture.name})\n\n"
            f"{text.strip()}\n\n`python -m figures --only {name[:5]}` makes it, as PDF, PNG and "
            "the numbers shown.\n\n"
            f"```{{literalinclude}} ../../figures/{source.name}\n:language: python\n```\n"
        )
        _write(GALLERY / f"{name}.md", _plain(page))
        cards.append(
            f":::{{grid-item-card}} {number}. {title.rstrip('.').split(':')[0]}\n:link: {name}\n"
            f":link-type: doc\n:img-top: pictures/{picture.name}\n:::"
        )
    listed = _list([source.stem for source in sources]).replace(":maxdepth: 1", ":hidden:")
    grid = "\n\n".join(["::::{grid} 1 2 3 3", *cards, "::::"])
    words = "Every figure with its script and, in the JSON beside it, the numbers that it shows."
    _write(GALLERY / "index.md", f"# Gallery\n\n{words}\n\n{grid}\n\n{listed}")


def _plain(text: str) -> str:
    """Of a docstring as Markdown: stars of θ* are letters."""
    return re.sub(r"(?<=[θw])\*", r"\\*", text)


def _reference() -> None:
    """A page for each namespace, with a table of its names."""
    import homotopy

    stub = ast.parse((ROOT / "homotopy" / "__init__.pyi").read_text(encoding="utf-8"))
    rooms = next(
        [alias.name for alias in node.names]
        for node in stub.body
        if isinstance(node, ast.ImportFrom) and node.module is None
    )
    flat = [name for name in homotopy.__all__ if name not in rooms and not name.startswith("_")]
    known = {id(getattr(homotopy, name)): f"homotopy.{name}" for name in flat}
    words = "What is asked for most: `import homotopy as hm`. The rest is in the rooms."
    described = {f"homotopy.{name}" for name in flat}
    _write(REFERENCE / "flat.md", _names("homotopy", words, flat, {}))
    rooms.sort(key=lambda room: room == "results")  # results are described in the rooms they are of
    for room in rooms:
        module = importlib.import_module(f"homotopy.{room}")
        names = list(getattr(module, "__all__", ()))
        first = (inspect.getdoc(module) or "").split("\n\n")[0].replace("\n", " ")
        _write(REFERENCE / f"{room}.md", _names(f"homotopy.{room}", first, names, known))
        described |= {f"homotopy.{room}.{name}" for name in names}
        for name in names:
            known.setdefault(id(getattr(module, name)), f"homotopy.{room}.{name}")
    described &= set(known.values()) | {f"homotopy.{name}" for name in flat}
    for old in (REFERENCE / "generated").glob("*.rst"):
        if old.stem not in described:
            old.unlink()
    listed = _list(["flat", *rooms])
    _write(
        REFERENCE / "index.md",
        "# Reference\n\nBy namespace. Every name has a docstring with shapes, scale, sign "
        f"convention, errors and an example that runs.\n\n{listed}",
    )


def _names(module: str, words: str, names: list[str], known: dict) -> str:
    """A page: a table of the names that are described here, and links to those described before."""
    space = importlib.import_module(module)
    here, there = [], []
    for name in sorted(names, key=str.lower):
        value = getattr(space, name)
        if inspect.ismodule(value) or name.startswith("_"):
            continue
        described = inspect.isclass(value) or inspect.isfunction(value)
        before = known.get(id(value)) if described else None
        here.append(name) if before is None else there.append(before)
    lines = [f"# `{module}`", "", words, ""]
    if there:
        links = ", ".join(
            f"{{py:obj}}`{name.replace('homotopy', 'hm', 1)} <{name}>`" for name in there
        )
        lines += [
            f"Also here, and described under the name by which they are asked for: {links}.",
            "",
        ]
    if here:
        lines += ["```{eval-rst}", f".. currentmodule:: {module}", "", ".. autosummary::"]
        lines += ["   :toctree: generated", "", *(f"   {name}" for name in here), "```", ""]
    return "\n".join(lines)


# Docstrings ---------------------------------------------------------------------------------------


_CODE = re.compile(r"``[^`]*``|`[^`]*`")


def as_rest(app, what, name, obj, options, lines) -> None:
    """Stars, bars and trailing underscores of formulas are letters; examples stay as they are."""
    examples = False
    for place, line in enumerate(lines):
        heading = place + 1 < len(lines) and re.fullmatch(r"\s*-{4,}", lines[place + 1])
        if heading:
            examples = line.strip() == "Examples"
        if not examples and not re.fullmatch(r"\s*\*{0,2}\w+", line):
            lines[place] = _escaped(line)


def _escaped(line: str) -> str:
    parts, end = [], 0
    for code in _CODE.finditer(line):
        parts += [_letters(line[end : code.start()]), code.group()]
        end = code.end()
        parts += ["\\ "] if line[end : end + 1].isalnum() else []  # as after `scale`²
    return "".join([*parts, _letters(line[end:])])


def _letters(text: str) -> str:
    text = re.sub(r"([*|])", r"\\\1", text)
    return re.sub(r"(?<=\w)_(?!\w)", r"\\_", text)
