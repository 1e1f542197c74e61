"""How a trained model changes when a data point is gradually forgotten.

θ(t, ε) is the gradient flow of the risk in which the deleted points weigh ε; θ(ε) its limit; a
schedule ε(t) a way to forget; ℰ(ε) how far from the model without those points it ends.

Problems, models, losses, schedules, strategies and verbs are here. What verbs return is in
`results`, all searches, estimators, solvers and classical diagnostics in the modules of that name,
and what is asked for now and then in the rooms `schedules`, `flows`, `responses`, `influence`,
`deletion`, `control` and `datasets`.
"""

from homotopy import (
    control,
    datasets,
    deletion,
    diagnostics,
    estimators,
    flows,
    influence,
    linear_networks,
    losses,
    measurements,
    models,
    responses,
    results,
    schedules,
    searches,
    solvers,
)
from homotopy._saving import load
from homotopy.deletion import (
    Deletion,
    best_step,
    deletions,
    greedy,
    least_time,
    optimise,
    portrait,
)
from homotopy.estimators import (
    GaussNewton,
    Influence,
    LeaveOneOut,
    NewtonStep,
    PathIntegration,
    ProximalBregman,
    Taylor,
)
from homotopy.flows import (
    Adaptive,
    Exact,
    GradientDescent,
    StochasticGradientDescent,
    flow,
    homotopy,
    sensitivity,
    train,
)
from homotopy.influence import gaps, influence_in_time, measurement_influence, predict
from homotopy.influence.diagnostics import cooks_distance, leverage, regression_diagnostics
from homotopy.linear import LinearRegression
from homotopy.linear_deletions import LinearRegressions
from homotopy.losses import (
    Logistic,
    SoftmaxCrossEntropy,
    SquaredError,
)
from homotopy.measurements import (
    OwnLoss,
    Predictions,
    TestLoss,
)
from homotopy.models import (
    function_model,
    linear_model,
    mlp,
    module_model,
)
from homotopy.precision import enable_x64
from homotopy.problem import Problem
from homotopy.responses import (
    response,
    taylor,
)
from homotopy.schedules import (
    BangBang,
    Constant,
    Network,
    PiecewiseConstant,
    Polynomial,
    Ramp,
    Spline,
    Step,
)
from homotopy.searches import (
    BangBangs,
    Cells,
    Everything,
    Networks,
    Polynomials,
    Ramps,
    Separately,
    Splines,
    Steps,
)
from homotopy.solvers import (
    Arnoldi,
    ConjugateGradient,
    Dense,
    Lissa,
    Nystrom,
)

__version__ = "0.1.0"

__all__ = [
    "Adaptive",
    "Arnoldi",
    "BangBang",
    "BangBangs",
    "Cells",
    "ConjugateGradient",
    "Constant",
    "Deletion",
    "Dense",
    "Everything",
    "Exact",
    "GaussNewton",
    "GradientDescent",
    "Influence",
    "LeaveOneOut",
    "LinearRegression",
    "LinearRegressions",
    "Lissa",
    "Logistic",
    "Network",
    "Networks",
    "NewtonStep",
    "Nystrom",
    "OwnLoss",
    "PathIntegration",
    "PiecewiseConstant",
    "Polynomial",
    "Polynomials",
    "Predictions",
    "Problem",
    "ProximalBregman",
    "Ramp",
    "Ramps",
    "Separately",
    "SoftmaxCrossEntropy",
    "Spline",
    "Splines",
    "SquaredError",
    "Step",
    "Steps",
    "StochasticGradientDescent",
    "Taylor",
    "TestLoss",
    "best_step",
    "control",
    "cooks_distance",
    "datasets",
    "deletion",
    "deletions",
    "diagnostics",
    "enable_x64",
    "estimators",
    "flow",
    "flows",
    "function_model",
    "gaps",
    "greedy",
    "homotopy",
    "influence",
    "influence_in_time",
    "least_time",
    "leverage",
    "linear_model",
    "linear_networks",
    "load",
    "losses",
    "measurement_influence",
    "measurements",
    "mlp",
    "models",
    "module_model",
    "optimise",
    "portrait",
    "predict",
    "regression_diagnostics",
    "response",
    "responses",
    "results",
    "schedules",
    "searches",
    "sensitivity",
    "solvers",
    "taylor",
    "train",
]
