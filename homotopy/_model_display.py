"""A model in a line: its kind, its widths or what it was made from, and how many parameters."""

from __future__ import annotations

from homotopy._display import Displayed, Entries
from homotopy._wording import described


class DisplayedModel(Displayed):
    """What has a `dimension`; and `sizes`, a `function` or the `structure` of a module."""

    def _entries(self) -> Entries:
        own = vars(self)
        if "sizes" in own:
            yield "sizes", str(list(self.sizes))
        elif "function" in own:
            yield "", described(self.function)
        elif "structure" in own:
            kind = self.structure.node_data()
            yield "", kind[0].__name__ if kind else "a leaf"
        yield "d", self.dimension
