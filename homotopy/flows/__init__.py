"""θ(t) under a schedule, θ(t, ε), and their derivatives in the weights."""

from homotopy.flows._homotopy import HomotopySurface, homotopy
from homotopy.flows._sensitivity import Sensitivity, sensitivity
from homotopy.flows.adaptive import Adaptive
from homotopy.flows.exact import Exact
from homotopy.flows.gradient_descent import GradientDescent, StochasticGradientDescent
from homotopy.flows.measurement import MeasurementSensitivity, measurement_sensitivity
from homotopy.flows.method import AbstractMethod, Status
from homotopy.flows.training import Training, TrainingStatus, train
from homotopy.flows.trajectory import Trajectory, flow

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
