from .arcs import Arc, ArcKind, read_arcs
from .brackets import lie_bracket, singular_control, switching_derivatives
from .cell_optimum import CellsOptimum, optimise_cells
from .controls import (
    AbstractControl,
    PiecewiseConstantControl,
    PiecewisePolynomialControl,
    bang_bang,
    cells,
)
from .mesh import Mesh, choose_mesh
from .minimum_time import LeastHorizon, LeastHorizonStatus, least_horizon
from .pontryagin import PontryaginResidual, pontryagin_residual
from .search import solve
from .singular import SingularArc, singular_arc
from .solution import Solution, SolutionStatus
from .switch_times import solve_bang_bang
from .system import ControlAffine
from .trajectory import Trajectory, cost, follow, value_and_gradient

__all__ = [
    "AbstractControl",
    "Arc",
    "ArcKind",
    "CellsOptimum",
    "ControlAffine",
    "LeastHorizon",
    "LeastHorizonStatus",
    "Mesh",
    "PiecewiseConstantControl",
    "PiecewisePolynomialControl",
    "PontryaginResidual",
    "SingularArc",
    "Solution",
    "SolutionStatus",
    "Trajectory",
    "bang_bang",
    "cells",
    "choose_mesh",
    "cost",
    "follow",
    "least_horizon",
    "lie_bracket",
    "optimise_cells",
    "pontryagin_residual",
    "read_arcs",
    "singular_arc",
    "singular_control",
    "solve",
    "solve_bang_bang",
    "switching_derivatives",
    "value_and_gradient",
]
