"""Schedules ε(t): how the weight of the deleted data changes in training time."""

import lazy_loader as lazy

__getattr__, __dir__, __all__ = lazy.attach_stub(__name__, __file__)
