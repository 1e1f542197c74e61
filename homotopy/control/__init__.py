"""Optimal control of ẋ = f₀(x) + u f₁(x), u between bounds, with a cost on the final state."""

from homotopy.control.arcs import Arc, ArcKind, read_arcs
from homotopy.control.brackets import lie_bracket, singular_control, switching_derivatives
from homotopy.control.cell_optimum import CellsOptimum, optimise_cells
from homotopy.control.controls import (
    AbstractControl,
    PiecewiseConstantControl,
    PiecewisePolynomialControl,
    bang_bang,
    cells,
)
from homotopy.control.mesh import Mesh, choose_mesh
from homotopy.control.minimum_time import LeastHorizon, LeastHorizonStatus, least_horizon
from homotopy.control.pontryagin import PontryaginResidual, pontryagin_residual
from homotopy.control.search import solve
from homotopy.control.singular import SingularArc, singular_arc
from homotopy.control.solution import Solution, SolutionStatus
from homotopy.control.switch_times import solve_bang_bang
from homotopy.control.system import ControlAffine
from homotopy.control.trajectory import Trajectory, cost, follow, value_and_gradient

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
