from ._audit import Audit, AuditStatus, audit
from ._compare import UnlearningComparison, compare
from ._deletion_distances import DeletionDistances, deletion_distances
from ._influence_at import influence_at
from ._noise_budget import NoiseBudget, noise_budget
from ._step_back import SteppedBack, step_back
from ._training_run import TrainingRun, TrainingRunStatus, training_run
from ._unlearn import unlearn
from .certificate import Certificate, CertificateKind, ComparedTo
from .curvature import Curvature
from .exact_distance import exact_distances
from .gaussian_mechanism import GaussianMechanism
from .gaussian_pair import GaussianPair
from .hit_law import HitLaw, epoch_distance
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
from .published import mean_rewind_distance, published_descent_noise, published_rewind_distance
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
    "Audit",
    "AuditStatus",
    "Certificate",
    "CertificateKind",
    "ComparedTo",
    "ConjugateGradientRefit",
    "Curvature",
    "DeletionDistances",
    "DescendToDelete",
    "Epochs",
    "GaussianMechanism",
    "GaussianPair",
    "HitLaw",
    "NewtonRefit",
    "NoiseBudget",
    "PerInstance",
    "ProjectedDescent",
    "ProjectedSGD",
    "Release",
    "Retrain",
    "RewindToDelete",
    "SteppedBack",
    "TrainingRun",
    "TrainingRunStatus",
    "Unlearned",
    "UnlearningComparison",
    "UnlearningStatus",
    "WhenCertified",
    "WithReplacement",
    "WithoutReplacement",
    "audit",
    "compare",
    "deletion_distances",
    "epoch_distance",
    "exact_distances",
    "flow_distance",
    "influence_at",
    "lemma_distance",
    "mean_rewind_distance",
    "noise_budget",
    "published_descent_noise",
    "published_rewind_distance",
    "rewind_point",
    "step_back",
    "training_run",
    "unlearn",
]
