"""The claims of the research notes, each with a verdict that is computed and a proof.

An entry whose proof, counterexample or check does not go through raises `BrokenProof`. What the
notes only report of other papers (Shapley values, Bayesian influence functions, noisy guarantees)
is left out.
"""

from homotopy.claims.ledger import LEDGER, find, matching
from homotopy.claims.machinery.check import Check, Evidence
from homotopy.claims.machinery.claim import Claim, Verdict
from homotopy.claims.machinery.statement import BrokenProof, Counterexample, Statement

__all__ = [
    "LEDGER",
    "BrokenProof",
    "Check",
    "Claim",
    "Counterexample",
    "Evidence",
    "Statement",
    "Verdict",
    "find",
    "matching",
]
