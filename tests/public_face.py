"""Everything public, under the shortest of its names: flat, or in a namespace."""

import inspect

import homotopy as hm


def _listed(module):
    """What a module says is public; of one concept's file, what is defined there."""
    if hasattr(module, "__all__"):
        return module.__all__
    return [
        name
        for name, value in vars(module).items()
        if not name.startswith("_") and getattr(value, "__module__", "") == module.__name__
    ]


NAMESPACES = [name for name in hm.__all__ if inspect.ismodule(getattr(hm, name))]
FLAT = [name for name in hm.__all__ if name not in NAMESPACES]
# The namespaces of what is not a room come first: their names are the shorter to read.
_ORDER = ["results", "searches", "estimators", "solvers", "diagnostics"]
_ORDER += [name for name in NAMESPACES if name not in _ORDER]

PUBLIC = {f"homotopy.{name}": getattr(hm, name) for name in FLAT}
for _namespace in _ORDER:
    _module = getattr(hm, _namespace)
    for _name in _listed(_module):
        _value = getattr(_module, _name)
        if callable(_value) and not any(_value is known for known in PUBLIC.values()):
            PUBLIC[f"homotopy.{_namespace}.{_name}"] = _value

# `control` is for those who bring a system of their own: its docstrings are checked as examples,
# but not each for its sections.
DOCUMENTED = [
    name for name in PUBLIC if not name.startswith(("homotopy.control.", "homotopy.datasets."))
]
