"""The least time in which a deletion can be done (time-optimal control)."""

import lazy_loader as lazy

__getattr__, __dir__, __all__ = lazy.attach_stub(__name__, __file__)
