"""What `optimise` can search, one class a family of schedules."""

from homotopy.deletion.searches import *  # noqa: F403
from homotopy.deletion.searches import __all__ as __all__
