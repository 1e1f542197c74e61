from .closing import closed_at_once
from .row import OneRow
from .search import OneRowNodes, residual_tube

__all__ = ["OneRow", "OneRowNodes", "closed_at_once", "residual_tube"]
