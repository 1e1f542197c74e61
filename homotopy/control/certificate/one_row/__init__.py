"""The certificate of one deleted row: the exact tube, and what a node of branch and bound knows."""

import lazy_loader as lazy

__getattr__, __dir__, __all__ = lazy.attach_stub(__name__, __file__)
