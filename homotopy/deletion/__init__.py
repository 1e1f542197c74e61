"""Forgetting as a problem of control: the deletion problem, its cost, its costate, its optima."""

import lazy_loader as lazy

__getattr__, __dir__, __all__ = lazy.attach_stub(__name__, __file__)
