"""How a trained model changes when a data point is gradually forgotten.

θ(t, ε) is the gradient flow of the risk in which the deleted points weigh ε; θ(ε) its limit; a
schedule ε(t) a way to forget; ℰ(ε) how far from the model without those points it ends.
"""

from homotopy.flow import (
    AbstractMethod,
    Adaptive,
    Exact,
    GradientDescent,
    HomotopySurface,
    Sensitivity,
    Status,
    StochasticGradientDescent,
    Trajectory,
    flow,
    homotopy,
    sensitivity,
)
from homotopy.linear import LinearRegression
from homotopy.losses import AbstractLoss, Logistic, SoftmaxCrossEntropy, SquaredError
from homotopy.models import Model, function_model, linear_model, mlp, module_model
from homotopy.precision import enable_x64
from homotopy.problem import Problem
from homotopy.response import ResponsePath, response
from homotopy.schedules import (
    AbstractSchedule,
    BangBang,
    Constant,
    Membership,
    PiecewiseConstant,
    Polynomial,
    Ramp,
    Step,
)
from homotopy.unlearning import Costate, Deletion, SwitchingFunction, best_step, time_to_reach

__version__ = "0.1.0"

__all__ = [
    "AbstractLoss",
    "AbstractMethod",
    "AbstractSchedule",
    "Adaptive",
    "BangBang",
    "Constant",
    "Costate",
    "Deletion",
    "Exact",
    "GradientDescent",
    "HomotopySurface",
    "LinearRegression",
    "Logistic",
    "Membership",
    "Model",
    "PiecewiseConstant",
    "Polynomial",
    "Problem",
    "Ramp",
    "ResponsePath",
    "Sensitivity",
    "SoftmaxCrossEntropy",
    "SquaredError",
    "Status",
    "Step",
    "StochasticGradientDescent",
    "SwitchingFunction",
    "Trajectory",
    "best_step",
    "enable_x64",
    "flow",
    "function_model",
    "homotopy",
    "linear_model",
    "mlp",
    "module_model",
    "response",
    "sensitivity",
    "time_to_reach",
]
