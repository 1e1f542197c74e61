from ._flow import Trajectory, flow
from ._homotopy import HomotopySurface, homotopy
from ._measurement_sensitivity import MeasurementSensitivity, measurement_sensitivity
from ._sensitivity import Sensitivity, sensitivity
from ._train import Training, TrainingStatus, train
from ._train_network import train_network
from .adaptive import Adaptive
from .dormand_prince import DormandPrince853
from .exact import Exact
from .gradient_descent import GradientDescent, StochasticGradientDescent
from .method import AbstractMethod, FlowStatus
from .network_training import NetworkTraining, NetworkTrainingStatus
from .solver_choice import SolverKind
from .stabilised import RungeKuttaChebyshev

__all__ = [
    "AbstractMethod",
    "Adaptive",
    "DormandPrince853",
    "Exact",
    "FlowStatus",
    "GradientDescent",
    "HomotopySurface",
    "MeasurementSensitivity",
    "NetworkTraining",
    "NetworkTrainingStatus",
    "RungeKuttaChebyshev",
    "Sensitivity",
    "SolverKind",
    "StochasticGradientDescent",
    "Training",
    "TrainingStatus",
    "Trajectory",
    "flow",
    "homotopy",
    "measurement_sensitivity",
    "sensitivity",
    "train",
    "train_network",
]
