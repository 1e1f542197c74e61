"""Networks of other libraries as callable pytrees, which `module_model` takes.

PyTorch and Flax are imported where one of their modules is given, and not before.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

from homotopy.conversion.network import ConvertedNetwork

__all__ = ["ConvertedNetwork", "converted"]


def converted(module: Callable) -> Callable:
    """A PyTorch or Flax NNX module as a `ConvertedNetwork`; anything else as it is."""
    # Whoever holds such a module has imported its library.
    if "torch" in sys.modules:
        import torch

        if isinstance(module, torch.nn.Module):
            from homotopy.conversion.torch_graph import from_torch

            return from_torch(module)
    if "flax.nnx" in sys.modules:
        from flax import nnx

        if isinstance(module, nnx.Module):
            from homotopy.conversion.flax_nnx import from_nnx

            return from_nnx(module)
    return module
