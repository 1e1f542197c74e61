from ._training_run import TrainingRun, TrainingRunStatus, training_run
from ._unlearn import unlearn
from .certificate import Certificate, CertificateKind, ComparedTo
from .curvature import Curvature
from .exact_distance import exact_distances
from .gaussian_mechanism import GaussianMechanism
from .gaussian_pair import GaussianPair
from .lemma import flow_distance, lemma_distance, rewind_point
from .methods import (
    AbstractUnlearning,
    ConjugateGradientRefit,
    DescendToDelete,
    NewtonRefit,
    Retrain,
    RewindToDelete,
    WhenCertified,
)
from .release import PerInstance, Release
from .training_methods import (
    AbstractDescent,
    AbstractSampling,
    Epochs,
    ProjectedDescent,
    ProjectedSGD,
    WithoutReplacement,
    WithReplacement,
)
from .unlearned import Unlearned, UnlearningStatus

__all__ = [
    "AbstractDescent",
    "AbstractSampling",
    "AbstractUnlearning",
    "Certificate",
    "CertificateKind",
    "ComparedTo",
    "ConjugateGradientRefit",
    "Curvature",
    "DescendToDelete",
    "Epochs",
    "GaussianMechanism",
    "GaussianPair",
    "NewtonRefit",
    "PerInstance",
    "ProjectedDescent",
    "ProjectedSGD",
    "Release",
    "Retrain",
    "RewindToDelete",
    "TrainingRun",
    "TrainingRunStatus",
    "Unlearned",
    "UnlearningStatus",
    "WhenCertified",
    "WithReplacement",
    "WithoutReplacement",
    "exact_distances",
    "flow_distance",
    "lemma_distance",
    "rewind_point",
    "training_run",
    "unlearn",
]
