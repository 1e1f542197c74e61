"""Regression data: the notes' synthetic example, real data, files, and their preparation.

Data are NumPy arrays in float64, whatever JAX's settings are. Rows count from 0.
"""

import lazy_loader as lazy

__getattr__, __dir__, __all__ = lazy.attach_stub(__name__, __file__)
