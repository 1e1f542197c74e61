"""Greedy deletion: at each time the ε that brings θ closer to the target the fastest."""

import lazy_loader as lazy

__getattr__, __dir__, __all__ = lazy.attach_stub(__name__, __file__)
