"""What `optimise` can search, one class a family of schedules."""

from homotopy.deletion.searches import (
    AbstractSearch,
    BangBangs,
    Cells,
    Everything,
    Networks,
    Polynomials,
    Ramps,
    Separately,
    Splines,
    Steps,
)

__all__ = [
    "AbstractSearch",
    "BangBangs",
    "Cells",
    "Everything",
    "Networks",
    "Polynomials",
    "Ramps",
    "Separately",
    "Splines",
    "Steps",
]
