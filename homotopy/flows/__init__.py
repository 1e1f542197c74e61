"""θ(t) under a schedule, θ(t, ε), and their derivatives in the weights."""

from homotopy.flows._flow import Trajectory, flow
from homotopy.flows._homotopy import HomotopySurface, homotopy
from homotopy.flows._measurement_sensitivity import MeasurementSensitivity, measurement_sensitivity
from homotopy.flows._sensitivity import Sensitivity, sensitivity
from homotopy.flows._train import Training, TrainingStatus, train
from homotopy.flows.adaptive import Adaptive
from homotopy.flows.exact import Exact
from homotopy.flows.gradient_descent import GradientDescent, StochasticGradientDescent
from homotopy.flows.method import AbstractMethod, FlowStatus

__all__ = [
    "AbstractMethod",
    "Adaptive",
    "Exact",
    "FlowStatus",
    "GradientDescent",
    "HomotopySurface",
    "MeasurementSensitivity",
    "Sensitivity",
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
