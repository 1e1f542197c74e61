"""A numerical check of a claim: what the toolkit computes against what the claim says."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from jaxtyping import ArrayLike


@dataclass(frozen=True)
class Evidence:
    """What a check measured.

    Attributes
    ----------
    text : str
        What was compared.
    pairs : tuple
        (found by the toolkit, said by the claim) of each instance; neither is zero.
    tolerance : float
        Largest relative error that is accepted.
    """

    text: str
    pairs: tuple[tuple[np.ndarray, np.ndarray], ...]
    tolerance: float

    def error(self, factor: float = 1.0) -> float:
        """Largest ‖found − factor · said‖/‖said‖ over all pairs; factor ≠ 1 is a wrong claim."""
        return max(
            float(np.linalg.norm(found - factor * said) / np.linalg.norm(said))
            for found, said in self.pairs
        )

    @property
    def passed(self) -> bool:
        """Whether the error is finite and within the tolerance."""
        return bool(self.error() <= self.tolerance)


@dataclass(frozen=True)
class Check:
    """A comparison through the toolkit, independent of the symbolic proof.

    Attributes
    ----------
    text : str
        What is compared with what.
    compare : callable
        Returns pairs (found, said), one for each instance.
    tolerance : float
    """

    text: str
    compare: Callable[[], Iterable[tuple[ArrayLike, ArrayLike]]]
    tolerance: float = 1e-9

    def run(self) -> Evidence:
        """Compute both sides of every instance."""
        pairs = tuple(
            (np.ravel(np.asarray(found, float)), np.ravel(np.asarray(said, float)))
            for found, said in self.compare()
        )
        return Evidence(self.text, pairs, self.tolerance)
