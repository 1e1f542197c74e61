from ._sweep import sweep

__all__ = ["sweep"]
