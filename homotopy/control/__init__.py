"""Optimal control of ẋ = f₀(x) + u f₁(x), u between bounds, with a cost on the final state."""

import lazy_loader as lazy

__getattr__, __dir__, __all__ = lazy.attach_stub(__name__, __file__)
