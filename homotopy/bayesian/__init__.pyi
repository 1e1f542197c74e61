from ._bayesian_influence import bayesian_influence
from .chains import Chains
from .gaussian_draws import GaussianDraws, GaussianMoments
from .langevin import MALA, SGLD
from .no_u_turn import NUTS
from .posterior import LocalPosterior
from .result import PosteriorInfluence, SamplingStatus

__all__ = [
    "MALA",
    "NUTS",
    "SGLD",
    "Chains",
    "GaussianDraws",
    "GaussianMoments",
    "LocalPosterior",
    "PosteriorInfluence",
    "SamplingStatus",
    "bayesian_influence",
]
