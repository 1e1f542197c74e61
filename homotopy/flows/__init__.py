"""θ(t) under a schedule, θ(t, ε), and their derivatives in the weights."""

import lazy_loader as lazy

__getattr__, __dir__, __all__ = lazy.attach_stub(__name__, __file__)
