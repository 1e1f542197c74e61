"""All claims, in the order of the notes."""

from __future__ import annotations

from homotopy.claims import definitions, flow, least_squares, response, schedules
from homotopy.claims.claim import Claim

LEDGER: tuple[Claim, ...] = (
    *definitions.CLAIMS,
    *least_squares.CLAIMS,
    *response.CLAIMS,
    *flow.CLAIMS,
    *schedules.CLAIMS,
)


def find(key: str) -> Claim:
    """The claim of that key, or the only one whose key begins so.

    Raises
    ------
    KeyError
        Where there is none, or more than one, naming them.

    Examples
    --------
    >>> find("0.10").verdict().value
    'holds'
    """
    exact = [claim for claim in LEDGER if claim.key == key]
    found = exact or [claim for claim in LEDGER if claim.key.lower().startswith(key.lower())]
    if len(found) != 1:
        names = ", ".join(claim.key for claim in (found or LEDGER))
        several = "several claims begin so" if found else "there is no such claim"
        raise KeyError(f"{key!r}: {several}: {names}")
    return found[0]
