"""Searches for the best schedule, one family a file; passed to `optimise` as `over`."""

import lazy_loader as lazy

__getattr__, __dir__, __all__ = lazy.attach_stub(__name__, __file__)
