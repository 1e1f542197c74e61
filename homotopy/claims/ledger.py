"""All claims, in the order of the notes."""

from __future__ import annotations

from homotopy._checks import instance
from homotopy.claims.machinery.claim import Claim
from homotopy.claims.sections import (
    bayesian_influence,
    best_schedule,
    bregman,
    error_decomposition,
    gradient_flow,
    greedy,
    influence_functions,
    influence_remarks,
    least_squares,
    leverage,
    linear_flow,
    newton_estimation,
    other_uses,
    pbrf,
    ramps,
    reachable_residual,
    request_time,
    response_bend,
    response_derivatives,
    response_functions,
    response_path,
    schedule_flow,
    stages_and_limits,
    steps,
    unlearning,
)

LEDGER: tuple[Claim, ...] = (
    *influence_functions.CLAIMS,
    *influence_remarks.CLAIMS,
    *response_functions.CLAIMS,
    *bregman.CLAIMS,
    *pbrf.CLAIMS,
    *error_decomposition.CLAIMS,
    *leverage.CLAIMS,
    *least_squares.CLAIMS,
    *response_path.CLAIMS,
    *response_derivatives.CLAIMS,
    *newton_estimation.CLAIMS,
    *gradient_flow.CLAIMS,
    *response_bend.CLAIMS,
    *request_time.CLAIMS,
    *linear_flow.CLAIMS,
    *schedule_flow.CLAIMS,
    *steps.CLAIMS,
    *ramps.CLAIMS,
    *greedy.CLAIMS,
    *best_schedule.CLAIMS,
    *reachable_residual.CLAIMS,
    *unlearning.CLAIMS,
    *other_uses.CLAIMS,
    *bayesian_influence.CLAIMS,
    *stages_and_limits.CLAIMS,
)


def matching(key: str) -> tuple[Claim, ...]:
    """The claim of that key; else all whose keys begin so; else all that stand there.

    Raises
    ------
    KeyError
        Where there is none, naming all keys.

    Examples
    --------
    >>> [claim.key for claim in matching("0.13")]
    ['0.13']
    >>> [claim.key for claim in matching("Figure 4")][0]
    'Figure 4 (a)'
    >>> matching("Proposition 0.0.1")[0].key
    '0.3'
    """
    instance("key", key, str, "the text of a claim's key")
    wanted = key.casefold()
    for selected in (
        lambda claim: claim.key == key,
        lambda claim: claim.key.casefold().startswith(wanted),
        lambda claim: wanted in claim.where.casefold(),
    ):
        if found := tuple(filter(selected, LEDGER)):
            return found
    raise KeyError(f"{key!r}: there is no such claim: {', '.join(claim.key for claim in LEDGER)}")


def find(key: str) -> Claim:
    """The only claim that `matching` gives.

    Raises
    ------
    KeyError
        Where there is none, or more than one, naming them.

    Examples
    --------
    >>> find("Definition 3").verdict.value
    'holds'
    """
    found = matching(key)
    if len(found) > 1:
        names = ", ".join(claim.key for claim in found)
        raise KeyError(f"{key!r}: several claims match: {names}")
    return found[0]
