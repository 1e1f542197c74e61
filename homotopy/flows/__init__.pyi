from ._flow import Trajectory, flow
from ._homotopy import HomotopySurface, homotopy
from ._measurement_sensitivity import MeasurementSensitivity, measurement_sensitivity
from ._sensitivity import Sensitivity, sensitivity
from ._train import Training, TrainingStatus, train
from .adaptive import Adaptive
from .exact import Exact
from .gradient_descent import GradientDescent, StochasticGradientDescent
from .method import AbstractMethod, FlowStatus

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
