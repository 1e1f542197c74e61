"""Checks of the numbers that estimators and solvers are made with."""

from homotopy._checks import fraction, integer, non_negative

__all__ = ["fraction", "integer", "non_negative"]
