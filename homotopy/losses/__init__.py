"""Losses ℓ(ŷ, y) of one example, with their derivatives in the output ŷ (theory, §1 and §5).

A loss knows nothing of parameters: `value`, `gradient` and `hessian` are taken in the model's
output, which is what the Gauss–Newton matrix and the Bregman divergence are made of. Each method
takes one example; `jax.vmap` gives all of them.
"""

import lazy_loader as lazy

__getattr__, __dir__, __all__ = lazy.attach_stub(__name__, __file__)
