"""Algorithms that make a trained model forget points, how near they come, and what noise it takes.

A training run keeps what certifies every later deletion; `unlearn` deletes points from it by an
algorithm, with proved distances; a Gaussian mechanism makes of a distance a statement about what
an observer can tell; `audit` bounds it from below.
"""

import lazy_loader as lazy

__getattr__, __dir__, __all__ = lazy.attach_stub(__name__, __file__)
