"""The claims of the research notes, each with a verdict that is computed and a proof.

An entry whose proof, counterexample or check does not go through raises `BrokenProof`. What the
notes only report of other papers (Shapley values, Bayesian influence functions, noisy guarantees)
is left out.
"""

import lazy_loader as lazy

__getattr__, __dir__, __all__ = lazy.attach_stub(__name__, __file__)
