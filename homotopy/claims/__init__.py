"""The claims of the research notes, each with a verdict that is computed and a proof.

An entry whose proof no longer goes through raises `BrokenProof`. So far: the paper's definitions
and response functions, least squares, θ(ε), the gradient flow and the schedules; the open questions
and the unlearning algorithms have no entries yet.
"""

from homotopy.claims.claim import BrokenProof, Claim, Evidence, Identity, Verdict
from homotopy.claims.ledger import LEDGER, find

__all__ = ["LEDGER", "BrokenProof", "Claim", "Evidence", "Identity", "Verdict", "find"]
