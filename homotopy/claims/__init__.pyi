from .ledger import LEDGER, find, matching
from .machinery.check import Check, Evidence
from .machinery.claim import Claim, Verdict
from .machinery.statement import BrokenProof, Counterexample, Statement

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
