"""Bounds that hold sampled numbers with a probability."""

from __future__ import annotations

import numpy as np
from jaxtyping import Array, Float
from scipy import stats

from homotopy._checks import flag, fraction


def students_interval(
    values: Float[Array, ...],
    error: Float[Array, ...] | None,
    samples: int | None,
    confidence: float,
    simultaneous: bool,
    what: str,
    kind: str,
) -> Float[np.ndarray, "2 ..."]:
    """Bounds of each value by Student's law, of means of so many independent samples.

    Parameters
    ----------
    values, error : (...)
        And their standard errors.
    samples : int, optional
    confidence : float
        In (0, 1), of each alone; with `simultaneous` of all of them together (Bonferroni).
    what, kind : str
        What they are, and how they were found, for the error where they are not sampled.

    Raises
    ------
    ValueError
        Naming `confidence` or `simultaneous`; or where there are no errors.
    """
    fraction("confidence", confidence)
    flag("simultaneous", simultaneous)
    if error is None or samples is None:
        raise ValueError(f"interval: expected sampled {what}, got {kind} ones.")
    values, error = np.asarray(values), np.asarray(error)
    risk = (1.0 - confidence) / (values.size if simultaneous else 1)
    half = stats.t.isf(risk / 2.0, samples - 1) * error
    return np.stack([values - half, values + half])
