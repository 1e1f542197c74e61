"""Arrows point down: what imports what, under TYPE_CHECKING and inside functions too."""

import ast
import functools
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import homotopy

ROOT = Path(homotopy.__file__).parents[1]

# What a room may import of ours beside itself and the modules with a leading underscore. Plotting
# draws arrays and control solves for any vector fields: neither knows what they are of.
MAY_IMPORT = {
    "plotting": set(),
    "numerics": set(),
    "schedules": {"numerics", "plotting"},
    "control": {"numerics", "plotting"},
}
REQUEST_ONLY = ("homotopy.deletion.dynamics", "homotopy.deletion.bridges")


def module_of(path):
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


FILES = {module_of(path): path for path in sorted(ROOT.glob("homotopy/**/*.py"))}


def source_of(path):
    """What a file says; of a package's face, what it imports when it is asked for it."""
    face = path.with_suffix(".pyi")
    return (face if face.exists() else path).read_text()


def package_of(module):
    return module if FILES[module].name == "__init__.py" else module.rpartition(".")[0]


def imported(module, source):
    """The modules of ours that a source names in any import; a package's face is one of them."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            # Only faces, which are read as they stand, name what lies inside them from there.
            face = FILES[module].with_suffix(".pyi").exists()
            assert node.level == int(face), f"{module}: imports of the package's own, relative"
            parts = [package_of(module), node.module] if face else [node.module]
            origin = ".".join(filter(None, parts))
            names = [f"{origin}.{alias.name}" for alias in node.names]
            names = [name if name in FILES else origin for name in names]
        else:
            continue
        yield from (name for name in names if name in FILES and name != module)


@functools.cache
def every_import():
    """The modules that each module of the package imports."""
    return {module: set(imported(module, source_of(path))) for module, path in FILES.items()}


def room(module):
    """The sub-package or module of `homotopy` that a module lies in; "" is its face."""
    return module.partition(".")[2].partition(".")[0]


def between_rooms(imports):
    rooms = {}
    for module, others in imports.items():
        own = rooms.setdefault(room(module), set())
        own |= {room(other) for other in others} - {room(module)}
    return rooms


def circle(graph):
    """The first circle found, as a list that ends where it begins; empty where there is none."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return error.args[1]
    return []


def test_no_circle_of_modules():
    assert circle(every_import()) == []


def test_no_circle_of_rooms():
    assert circle(between_rooms(every_import())) == []


GROUND = {name for name in map(room, FILES) if name.startswith("_")}


@pytest.mark.parametrize("name", [*MAY_IMPORT, *sorted(GROUND)])
def test_a_lower_room_imports_nothing_from_above(name):
    assert between_rooms(every_import())[name] <= GROUND | MAY_IMPORT.get(name, set())


def test_only_the_command_line_imports_commands():
    users = {
        room(module) for module, others in every_import().items() if "commands" in map(room, others)
    }
    assert users <= {"commands", "cli"}


def test_dynamics_and_bridges_know_the_request_only():
    known = set().union(
        *(every_import()[name] for name in every_import() if name.startswith(REQUEST_ONLY))
    )
    assert not known & {"homotopy.deletion", "homotopy.deletion.deletion"}


@pytest.mark.parametrize(
    "turned",
    [
        "def f():\n    from homotopy.deletion import Deletion",
        "if TYPE_CHECKING:\n    from homotopy.deletion.deletion import Deletion",
        "import homotopy.deletion.deletion as above",
    ],
)
def test_an_arrow_turned_is_seen(turned):
    """In a function, under TYPE_CHECKING, and as a module; from a room that deletion builds on."""
    below = "homotopy.flows.method"
    imports = {**every_import(), below: set(imported(below, turned))}
    assert below in circle(imports)
    assert {"flows", "deletion"} <= set(circle(between_rooms(imports)))


def test_every_module_has_the_packages_base():
    """`homotopy._module.Module`, whose methods are cheap to look up, in place of Equinox's."""
    bases = {
        f"{module}.{node.name}": [ast.unparse(base) for base in node.bases]
        for module, path in FILES.items()
        if "eqx.Module" in (source := path.read_text()) and module != "homotopy._module"
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.ClassDef)
    }
    assert [name for name, given in bases.items() if "eqx.Module" in given] == []
