from ._bayesian_influence import bayesian_influence
from ._posterior_deletion import posterior_deletion
from .chains import Chains
from .deletion_method import AbstractDeletionMethod, DeletionStatus
from .deletion_result import PosteriorDeletion
from .estimator import BayesianInfluence
from .gaussian_draws import GaussianDraws, GaussianMoments
from .langevin import MALA, SGLD
from .no_u_turn import NUTS
from .posterior import LocalPosterior
from .result import PosteriorInfluence, SamplingStatus
from .reweighting import CumulantExpansion, Reweighting
from .samplers import AbstractSampler
from .thermodynamic_integration import ThermodynamicIntegration

__all__ = [
    "MALA",
    "NUTS",
    "SGLD",
    "AbstractDeletionMethod",
    "AbstractSampler",
    "BayesianInfluence",
    "Chains",
    "CumulantExpansion",
    "DeletionStatus",
    "GaussianDraws",
    "GaussianMoments",
    "LocalPosterior",
    "PosteriorDeletion",
    "PosteriorInfluence",
    "Reweighting",
    "SamplingStatus",
    "ThermodynamicIntegration",
    "bayesian_influence",
    "posterior_deletion",
]
