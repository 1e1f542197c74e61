"""Two-layer networks that learn a function of few directions, one component after another."""

import lazy_loader as lazy

__getattr__, __dir__, __all__ = lazy.attach_stub(__name__, __file__)
