"""θ(ε): what training converges to, as a function of the weight."""

import lazy_loader as lazy

__getattr__, __dir__, __all__ = lazy.attach_stub(__name__, __file__)
