from .plane import Plane
from .portrait import Portrait
from .style import house_style

__all__ = ["Plane", "Portrait", "house_style"]
