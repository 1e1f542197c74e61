"""Many calls of one function, on several devices, processes or machines; resumed if killed."""

import lazy_loader as lazy

__getattr__, __dir__, __all__ = lazy.attach_stub(__name__, __file__)
