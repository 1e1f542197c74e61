"""A claim of the notes: what it says, what holds, and why."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from homotopy.claims.machinery.check import Check, Evidence
from homotopy.claims.machinery.statement import BrokenProof, Counterexample, Statement


class Verdict(enum.Enum):
    """What became of a claim."""

    holds = "holds"
    corrected = "holds with a correction"
    fails = "fails"
    open = "open"


@dataclass(frozen=True)
class Claim:
    """One claim, where it stands, its proof or its refutation.

    Attributes
    ----------
    key : str
        The notes' number, or a short name.
    where : str
        Section of the notes (002 where not said otherwise).
    says : Statement
        As the notes have it, in the toolkit's convention (sum risk, ε = 1 with the point and 0
        without it); of an open question, what is proved about it.
    derivation : tuple of str
        Step by step.
    check : Check
        An independent numerical check, through the toolkit, of what holds.
    correction : Statement, optional
        What holds instead.
    counterexample : Counterexample, optional
        An instance that refutes what the notes say, where there is a correction.
    disputed : str
        The quantity of which the counterexample gives both values.
    stands : bool
        Whether the correction leaves the claim's conclusion standing.
    unanswered : str
        What is not known; not empty makes the claim an open question.
    """

    key: str
    where: str
    says: Statement
    derivation: tuple[str, ...]
    check: Check
    correction: Statement | None = None
    counterexample: Counterexample | None = None
    disputed: str = ""
    stands: bool = True
    unanswered: str = ""

    @property
    def verdict(self) -> Verdict:
        """The verdict; `prove` says whether it can be believed."""
        if self.unanswered:
            return Verdict.open
        if self.correction is None:
            return Verdict.holds
        return Verdict.corrected if self.stands else Verdict.fails

    @property
    def statement(self) -> Statement:
        """What holds: the correction, or the claim as the notes have it."""
        return self.correction or self.says

    def prove(self) -> Verdict:
        """The verdict, once its proof has gone through.

        What holds is proved by algebra for all values of its symbols; what does not is refuted by
        the counterexample, in exact numbers.

        Raises
        ------
        BrokenProof
            Where the proof or the counterexample does not go through, or one is missing.
        """
        if not self.statement.holds():
            raise BrokenProof(f"{self.key}: not proved: {self.statement.text}")
        parts = (self.correction, self.counterexample, self.disputed or None)
        if any(part is None for part in parts) and parts != (None, None, None):
            raise BrokenProof(
                f"{self.key}: a correction, a counterexample and what it disputes come together."
            )
        if self.counterexample is not None:
            self.counterexample.sides(self.says)
        return self.verdict

    def evidence(self) -> Evidence:
        """Run the numerical check.

        Raises
        ------
        BrokenProof
            Where it does not agree with what holds.
        """
        evidence = self.check.run()
        if not evidence.passed:
            raise BrokenProof(
                f"{self.key}: the numerical check failed: {evidence.text}: relative error "
                f"{evidence.error():.2g}, expected at most {evidence.tolerance:.2g}."
            )
        return evidence
