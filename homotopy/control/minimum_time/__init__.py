"""The least horizon at which a cost or a state can be reached (time-optimal control)."""

import lazy_loader as lazy

__getattr__, __dir__, __all__ = lazy.attach_stub(__name__, __file__)
