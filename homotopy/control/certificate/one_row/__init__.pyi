from .row import OneRow
from .search import OneRowNodes, residual_tube

__all__ = ["OneRow", "OneRowNodes", "residual_tube"]
