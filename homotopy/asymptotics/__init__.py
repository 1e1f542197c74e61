"""Ridge regression in high dimension: the limits as n and p grow in proportion."""

import lazy_loader as lazy

__getattr__, __dir__, __all__ = lazy.attach_stub(__name__, __file__)
