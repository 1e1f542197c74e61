"""Chains from their burn-in on: in blocks, gone on from earlier ones, kept in a file meanwhile."""

from __future__ import annotations

import dataclasses
import functools
import math
import os
import time
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from homotopy._saving import load, with_suffix, write
from homotopy._wording import described
from homotopy.bayesian.chains import (
    Chains,
    Running,
    apart,
    at_rest,
    block_size,
    chain_keys,
    draw_block,
    recorded_at,
)
from homotopy.bayesian.gaussian import measured_shape
from homotopy.bayesian.posterior import Target
from homotopy.bayesian.samplers import AbstractChainSampler
from homotopy.measurements import AbstractMeasurement, PointLosses
from homotopy.sweeps.sharing import in_parts

_EVERY = 30.0  # seconds between two files
_FEWEST = 16
_ROUNDING = 1e-6  # relative: what two programs may make of one loss


def run_chains(
    sampler: AbstractChainSampler,
    target: Target,
    measurement: AbstractMeasurement,
    report: Callable[[int, int], None],
    resume: Chains | None = None,
    checkpoint: str | os.PathLike | None = None,
    devices: list | None = None,
    client: Any = None,
) -> tuple[Chains, bool]:
    """`draws` more of every chain, and whether it was interrupted before they were done.

    With a `checkpoint` that exists, as many as are missing. Chains are shared out over `devices`
    or `client`, as of `workers.spread`.

    Raises
    ------
    ValueError
        Naming `resume` or `checkpoint`, where the chains are not those of this posterior.
    """
    name, total = "resume", sampler.draws
    if checkpoint is not None:
        if resume is None and with_suffix(checkpoint).exists():
            resume, name = load(checkpoint), "checkpoint"
            if not isinstance(resume, Chains):
                raise ValueError(
                    f"checkpoint: expected a file of chains, got one of {described(resume)}."
                )
            total = max(0, sampler.draws - resume.draws)
    keys = chain_keys(sampler.seed, sampler.chains)
    # What goes to other processes, whose default generator may be another.
    numbers, kind = jax.random.key_data(keys), jax.random.key_impl(keys)
    alone = devices is None and client is None

    def of_chains(function, arrays):
        """A function of arrays with an axis of chains, one chain at a time on each worker."""
        if alone:
            return function(arrays)
        some = functools.partial(_some, function, jax.tree.map(np.asarray, arrays))
        return in_parts(some, sampler.chains, devices, client)

    if resume is None:
        start = jnp.broadcast_to(target.centre, (sampler.chains, target.centre.size))
        begun = start, jax.random.key_data(apart(keys, 0))
        tune = functools.partial(_tuned, sampler, target, kind)
        kernel, positions = tune(begun) if sampler.tunes_together else of_chains(tune, begun)
        running, parts, done = at_rest(positions), [], 0
    else:
        _require_same(resume, sampler, target, measurement, name)
        done, kernel = resume.draws, resume.kernel
        running = Running(
            resume.positions,
            resume.mean,
            resume.spread,
            resume.acceptance * done * sampler.steps,
        )
        parts = [(resume.losses, resume.risks, resume.measured)]
    shared = isinstance(measurement, PointLosses)
    outputs = 0 if shared else math.prod(measured_shape(measurement, target))
    size = block_size(target.problem.size, outputs, sampler.chains, sampler.draws)
    last, interrupted, saved = done + total, False, time.monotonic()

    def chains() -> Chains:
        joined = [
            None if pieces[0] is None else np.concatenate(pieces, axis=1)
            for pieces in zip(*parts, strict=True)
        ]
        losses, risks, measured = joined
        accepted = running.accepted / (losses.shape[1] * sampler.steps)
        return Chains(
            losses, measured, risks, running.positions, running.mean, running.spread, accepted,
            kernel, _identity(target), jnp.asarray(sampler.seed),
        )  # fmt: skip

    def keep():
        nonlocal parts
        if checkpoint is not None:
            whole = chains()
            parts = [(whole.losses, whole.risks, whole.measured)]
            write(whole, checkpoint)

    try:
        while done < last:
            count = min(size, last - done)
            options = done, count, sampler.steps, kind
            draw = functools.partial(_drawn, target, measurement, *options)
            moved, recorded = of_chains(draw, (kernel, running, numbers))
            recorded = [None if part is None else np.asarray(part) for part in recorded]
            running, done = moved, done + count
            parts.append(tuple(recorded))
            report(done, last)
            if time.monotonic() - saved > _EVERY and done < last:
                keep()
                saved = time.monotonic()
    except KeyboardInterrupt:
        if done < _FEWEST:
            raise
        interrupted = True
    keep()
    return chains(), interrupted


def _tuned(sampler, target, kind, begun):
    start, numbers = begun
    if len(start) < sampler.chains:
        sampler = dataclasses.replace(sampler, chains=len(start))
    return sampler.tuned(target, start, jax.random.wrap_key_data(numbers, impl=kind))


def _drawn(target, measurement, first, count, steps, kind, chains):
    kernel, running, numbers = chains
    keys = jax.random.wrap_key_data(numbers, impl=kind)
    return draw_block(kernel, target, measurement, running, keys, jnp.asarray(first), count, steps)


def _some(function, arrays, places):
    """A function of the chains at some places."""
    return function(jax.tree.map(lambda leaf: jnp.asarray(leaf[places]), arrays))


def _identity(target: Target):
    return jnp.concatenate([target.centre, jnp.stack([target.beta, target.localisation])])


def _require_same(chains: Chains, sampler, target: Target, measurement, name: str) -> None:
    """The posterior by its numbers, and by what it makes of the chains' last draws."""
    identity = np.asarray(_identity(target))
    same = chains.losses.shape[2] == target.problem.size
    same = same and np.array_equal(np.asarray(chains.target), identity)
    if same:
        losses, measured = recorded_at(target, measurement, chains.positions)
        same = _agree(chains.losses[:, -1], losses)
    if not same:
        raise ValueError(
            f"{name}: expected chains of this posterior: of its problem, theta, beta and "
            "localisation; got those of another."
        )
    shared = chains.measured is None
    if shared != isinstance(measurement, PointLosses) or not _agree(
        chains.outputs[:, -1], measured
    ):
        raise ValueError(f"{name}: expected chains with this measurement, got one of another.")
    if not isinstance(chains.kernel, sampler.kernel):
        raise ValueError(
            f"{name}: expected chains of {type(sampler).__name__}(), got those of another sampler."
        )
    if chains.count != sampler.chains or int(chains.seed) != sampler.seed:
        raise ValueError(
            f"{name}: expected {sampler.chains} chains of seed {sampler.seed}, as the sampler has, "
            f"got {chains.count} of seed {int(chains.seed)}."
        )


def _agree(before, now) -> bool:
    before, now = np.asarray(before), np.asarray(now)
    if before.shape != now.shape:
        return False
    return np.allclose(now, before, rtol=_ROUNDING, atol=_ROUNDING * np.abs(before).max())
