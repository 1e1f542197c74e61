"""How a trained model changes when a data point is gradually forgotten.

θ(t, ε) is the gradient flow of the risk in which the deleted points weigh ε; θ(ε) its limit; a
schedule ε(t) a way to forget; ℰ(ε) how far from the model without those points it ends.

Problems, models, losses, schedules, strategies and verbs are here. What verbs return is in
`results`, all searches, estimators, solvers and classical diagnostics in the modules of that name,
and what is asked for now and then in the rooms `schedules`, `flows`, `responses`, `influence`,
`deletion`, `control` and `datasets`.
"""

import lazy_loader as lazy

__getattr__, __dir__, __all__ = lazy.attach_stub(__name__, __file__)

__version__ = "0.1.0"
