"""What a point is worth: data Shapley and other semivalues, on the scale and sign of deletion."""

import lazy_loader as lazy

__getattr__, __dir__, __all__ = lazy.attach_stub(__name__, __file__)
