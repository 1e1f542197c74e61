"""Values kept beside an object, for as long as it lives, without being part of it."""

from __future__ import annotations

import weakref
from typing import Any


class Beside:
    """A dictionary from objects, by identity, that keeps none of them alive.

    For what was computed from a pytree: as an attribute it would change the pytree's structure,
    and with it what JAX has compiled for it.
    """

    def __init__(self):
        self._values: dict[int, tuple[weakref.ref, Any]] = {}

    def get(self, owner: Any) -> Any:
        """What is kept beside the object; None for nothing."""
        kept = self._values.get(id(owner))
        return None if kept is None else kept[1]

    def put(self, owner: Any, value: Any) -> None:
        """Keep the value, which must not refer to the object, until the object is gone."""
        place, values = id(owner), self._values
        values[place] = (weakref.ref(owner, lambda _: values.pop(place, None)), value)
