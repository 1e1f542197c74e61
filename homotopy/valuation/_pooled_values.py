"""The verb `pooled_values`: samples of several processes as one."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import jax.numpy as jnp
import numpy as np

from homotopy._checks import instance, sequence
from homotopy._result import kept_names
from homotopy.valuation.values import DataValues, Sampling, ValueStatus, moments_of

_SAME = 1e-6  # of |m(∅) − m(N)|: by how much those of one game may differ


def pooled_values(parts: Sequence[DataValues]) -> DataValues:
    """Sampled values of one game, as of processes or machines with seeds of their own, as one.

    Parameters
    ----------
    parts : sequence of DataValues
        Sampled by the same method and semivalue, each with another seed.

    Returns
    -------
    DataValues
        The means of all samples with their standard errors. Its status is `successful`, or that of
        a part whose values are not to be relied on however many there are.

    Raises
    ------
    TypeError, ValueError
        Naming `parts`.

    Examples
    --------
    >>> import homotopy as hm
    >>> hm.enable_x64()
    >>> problem = hm.LinearRegression([[1.0], [1.0]], [1.0, 3.0], deleted=0, ridge=1.0)
    >>> loss = hm.TestLoss([[1.0]], [2.0])
    >>> parts = [hm.data_values(problem, loss, hm.Permutations(10, seed=s)) for s in range(3)]
    >>> int(hm.valuation.pooled_values(parts).work)
    60
    """
    given = sequence("parts", parts, "a sequence of sampled values")
    if not given:
        raise ValueError("parts: expected sampled values, got none.")
    for part in given:
        instance("parts", part, DataValues, "a sequence of sampled values")
        if part.sampling is None:
            raise ValueError(f"parts: expected sampled values, got {part.kind} ones.")
    first, moments = given[0], moments_of(given[0])
    total = np.asarray(first.total)
    for part in given[1:]:
        close = np.abs(np.asarray(part.total) - total) <= _SAME * np.abs(total)
        if part.values.shape != first.values.shape or not np.all(close):
            raise ValueError("parts: expected values of one game, got those of several.")
        moments = moments.merged(moments_of(part))
    bad = (ValueStatus.heavy_tails, ValueStatus.inaccurate, ValueStatus.diverged)
    doubtful = [part.status for part in given if any(bool(part.status == one) for one in bad)]
    shape = first.values.shape
    values = moments.mean.reshape(shape)
    made = dataclasses.replace(
        first,
        values=jnp.asarray(values),
        standard_error=jnp.asarray(moments.standard_error.reshape(shape)),
        efficiency_gap=jnp.asarray(np.sum(values, axis=0) - total),
        work=jnp.asarray(sum(int(part.work) for part in given)),
        status=doubtful[0] if doubtful else ValueStatus.successful,
        sampling=Sampling(
            jnp.asarray(moments.count),
            jnp.asarray(max(int(part.sampling.parts) for part in given)),
            *map(jnp.asarray, (moments.second, moments.third, moments.fourth)),
        ),
    )
    kept_names(made, first)
    return made
