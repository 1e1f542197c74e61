"""Influence as a covariance under a posterior, with its errors, and exact deletion in it."""

import lazy_loader as lazy

__getattr__, __dir__, __all__ = lazy.attach_stub(__name__, __file__)
