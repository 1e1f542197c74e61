"""θ(t) under a schedule, θ(t, ε), and their derivatives in the weights."""

from homotopy.flow.adaptive import Adaptive
from homotopy.flow.exact import Exact
from homotopy.flow.gradient_descent import GradientDescent, StochasticGradientDescent
from homotopy.flow.homotopy import HomotopySurface, homotopy
from homotopy.flow.measurement import MeasurementSensitivity, measurement_sensitivity
from homotopy.flow.method import AbstractMethod, Status
from homotopy.flow.sensitivity import Sensitivity, sensitivity
from homotopy.flow.training import Training, TrainingStatus, train
from homotopy.flow.trajectory import Trajectory, flow

__all__ = [
    "AbstractMethod",
    "Adaptive",
    "Exact",
    "GradientDescent",
    "HomotopySurface",
    "MeasurementSensitivity",
    "Sensitivity",
    "Status",
    "StochasticGradientDescent",
    "Training",
    "TrainingStatus",
    "Trajectory",
    "flow",
    "homotopy",
    "measurement_sensitivity",
    "sensitivity",
    "train",
]
