from ._explore import explore

__all__ = ["explore"]
