from ._moments import moments
from .arrays import from_arrays
from .chunk import AbstractChunks
from .frames import from_frame, from_parquet
from .iterables import from_iterable
from .row_moments import Moments

__all__ = [
    "AbstractChunks",
    "Moments",
    "from_arrays",
    "from_frame",
    "from_iterable",
    "from_parquet",
    "moments",
]
