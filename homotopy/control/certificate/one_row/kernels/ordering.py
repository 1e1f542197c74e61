"""The ends of the exact tube at the horizon, and whether a functional is least there, compiled.

All schedules end between the two feedback trajectories in the order of a cone
(docs/certificate.md): so f·u(T) is extreme at the ends for every f whose costate keeps b·p ≥ 0
under all controls. It does if it does under ε ≡ 1.
"""

from __future__ import annotations

from typing import no_type_check

import numpy as np

from homotopy.control.certificate.one_row.kernels.envelope import enter, upper_envelope
from homotopy.control.certificate.one_row.kernels.modes import until_zero
from homotopy.control.certificate.one_row.kernels.units import OUTWARD
from homotopy.numerics.compiled import compiled


@compiled
@no_type_check
def farthest(flow, sign, edges, slack):
    """Where the greatest (sign 1.0) or the least (−1.0) trajectory ends.

    Parameters
    ----------
    flow : Flow
    sign : float
    edges : (n+1,)
    slack : Slack

    Returns
    -------
    state : (d,)
    error : float
        How far from it, in norm, the one may end that is meant; infinite where it is not known.
    """
    count = edges.size - 1
    clip, cap = np.full(count, -np.inf), np.full(count + 1, np.inf)
    _, _, _, _, state, error, fine = upper_envelope(
        flow, sign, edges, clip, cap, cap, slack.growth, slack.residual
    )
    return sign * state, error if fine else np.inf


@compiled
@no_type_check
def wrong_sides(flow, functional, span):
    """How far f·u(T) may be from least at the lower end of the tube.

    With p the costate of f under ε ≡ 1 and σ = b·p, it is A(1 + ‖b‖²T),
    A = ∫σ⁻: the most that ∫σ⁻ can be under any control.

    Parameters
    ----------
    flow : Flow
    functional : (d,)
        f.
    span : float

    Returns
    -------
    float
        To be multiplied with the largest |v|; infinite where σ has a zero.
    """
    size = flow.start.size
    rates, amplitudes, unsure = np.empty(size + 2), np.zeros(size + 2), np.empty(size + 2)
    inside, none = np.empty(size), np.zeros(size + 2)
    error = enter(flow, functional, inside)
    slowest, norm, made = np.inf, 0.0, 0.0
    for j in range(size):
        rates[j] = flow.rates[1, j]
        amplitudes[j] = flow.observed[1, j] * inside[j]
        unsure[j] = flow.seen[1, j] * abs(inside[j])
        slowest = min(slowest, rates[j])
        norm += flow.residue[1, j] ** 2
        made += flow.residue[1, j] * abs(inside[j])
    # Errors of p decay as everything does; with those made on the way in two more modes, since
    # ∫e^{−λ(s−τ)}e^{−λτ}dτ = s e^{−λs}, at most 2/(eλ) e^{−λs/2}.
    slowest = max(slowest - OUTWARD * np.sqrt(norm), 0.0)
    rates[size], rates[size + 1] = slowest, 0.5 * slowest
    lasting = min(span, 0.75 / slowest) if slowest > 0.0 else span
    unsure[size] = OUTWARD * flow.row_norm * error
    unsure[size + 1] = OUTWARD * flow.row_norm * made * lasting
    _, zero, area = until_zero(amplitudes, none, unsure, rates, 0.0, span, 1.0, flow.relative)
    return np.inf if zero else OUTWARD * area * (1.0 + flow.row_norm**2 * span)
