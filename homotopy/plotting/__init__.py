"""Pictures, one a file: they draw arrays on axes, and know no type of this package.

What a result shows is sampled where the result is; `result.plot()` draws it. Every picture takes
`ax=None` and draws into a new figure then. They look as intended inside `with house_style():`.
"""

from homotopy.plotting.plane import Plane
from homotopy.plotting.portrait import Portrait
from homotopy.plotting.style import house_style

__all__ = ["Plane", "Portrait", "house_style"]
