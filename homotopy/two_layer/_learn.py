"""The gradient flow of a two-layer network that learns a target."""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from homotopy._checks import ArrayInput, array, flag, instance, number, positive, vector
from homotopy.two_layer.learning import Learning, LearningStatus
from homotopy.two_layer.predictions import horizon_of
from homotopy.two_layer.reductions import AbstractReduction, LargeWidth, Overlaps, Setting
from homotopy.two_layer.stiff_flow import StiffFlow, of_states, stiff_flow
from homotopy.two_layer.targets import Target, a_target

_NEURONS, _SAVES, _EARLIEST = 10, 400, 1e-2
_BETWEEN = 33  # times between two steps, where a component is found to be half learned


def learn(
    target: Target,
    ratio: float,
    amplitudes: ArrayInput | None = None,
    *,
    directions: ArrayInput | None = None,
    horizon: float | None = None,
    times: ArrayInput | None = None,
    reduction: AbstractReduction | None = None,
    rtol: float = 1e-9,
    throw: bool = True,
) -> Learning:
    """Follow a two-layer network f = (1/m) Σ aᵢσ(⟨uᵢ, x⟩) that learns a target, by its overlaps.

    The flow εȧᵢ = −m∂R/∂aᵢ, u̇ᵢ = −m(1 − uᵢuᵢᵀ)∂R/∂uᵢ of the population risk, whose outer layer
    learns 1/ε times as fast: for ε ≪ 1 components of the target are learned one after another,
    with plateaus between them [1]_ (theory §11.3). By a stiff solver in (a, s/√ε) and log t, down
    to ε = 10⁻²⁰.

    Parameters
    ----------
    target : Target
    ratio : float
        ε > 0.
    amplitudes : (m,), optional
        a at t = 0; ten standard normal numbers, of seed 0, by default.
    directions : (m, K), optional
        s at t = 0, projections of uᵢ on the target's directions, of length ≤ 1; zeros, random
        directions of infinite dimension, by default.
    horizon : float, optional
        The last time; by default one by which everything is learned, where ε ≪ 1.
    times : (t,), optional
        Ascending times > 0 at which the state is kept, in place of `horizon`; 400 evenly spaced in
        log t by default.
    reduction : AbstractReduction, optional
        `LargeWidth()` by default; `FiniteWidth()` is exact for m neurons.
    rtol : float
        Of a step.
    throw : bool
        Whether to raise where the solver gives up.

    Returns
    -------
    Learning

    Raises
    ------
    TypeError
        Naming `target` or `reduction`.
    ValueError
        Naming `ratio`, `amplitudes`, `directions`, `horizon`, `times` or `rtol`; or `directions`
        where s = 0 is a saddle, from which nothing moves.
    RuntimeError
        With the status, where `throw`.

    References
    ----------
    .. [1] Berthier, Montanari, Zhou, "Learning time-scales in two-layers neural networks",
       Foundations of Computational Mathematics 25 (2025).

    Examples
    --------
    >>> import homotopy as hm
    >>> hm.enable_x64()
    >>> target = hm.two_layer.single_index([1.0, 1.0], [1.0, 0.9])
    >>> learned = hm.two_layer.learn(target, 1e-4)
    >>> learned.learned[-1].round(3).tolist(), bool(learned.successful)
    ([1.0, 1.0], True)
    """
    a_target(target)
    ratio = positive("ratio", ratio)
    flag("throw", throw)
    rtol = number("rtol", rtol, "a number from 1e-13 to 0.1", lambda x: 1e-13 <= x <= 0.1)
    if amplitudes is None:
        amplitudes = np.random.default_rng(0).normal(size=_NEURONS)
    a = np.asarray(vector("amplitudes", amplitudes), float)
    s = _directions(directions, a.size, target)
    reduction = LargeWidth() if reduction is None else reduction
    instance("reduction", reduction, AbstractReduction, "LargeWidth() or FiniteWidth()")
    if horizon is not None and times is not None:
        raise ValueError("horizon: expected none beside times, whose last it is.")
    if times is None:
        last = horizon_of(target, ratio) if horizon is None else positive("horizon", horizon)
        first = min(_EARLIEST * ratio, 1e-3 * last)
        times = np.geomspace(first, last, _SAVES)
    times = np.asarray(vector("times", times), float)
    if times[0] <= 0.0 or np.any(np.diff(times) <= 0.0):
        raise ValueError("times: expected ascending times > 0.")
    root = np.sqrt(ratio)
    setting = Setting.of(target, ratio)
    start = reduction.start(setting, jnp.asarray(a), jnp.asarray(s / root))
    inputs = reduction, setting
    found = stiff_flow(velocity_of, inputs, start, times[-1], times[0], rtol)
    if found is None:
        if throw:
            raise RuntimeError(LearningStatus[LearningStatus.unsolved])
        states = jax.tree.map(lambda part: np.stack([part] * times.size), start)
        half_times = np.full(target.coefficients.size, np.inf)
    else:
        states, half_times = found.at(times), _half_times(inputs, found, target)
    learned, risk = of_states(_measured, inputs, states)
    return Learning(
        times=times,
        amplitudes=states.a,
        directions=root * states.scaled,
        overlaps=states.r,
        learned=learned,
        risk=risk,
        half_times=half_times,
        evaluations=0 if found is None else found.evaluations,
        status=LearningStatus.successful if found else LearningStatus.unsolved,
        target=target,
        ratio=ratio,
        reduction=reduction,
        initial_amplitudes=a,
        initial_directions=s,
        rtol=rtol,
    )


def _directions(value, size, target):
    if value is None:
        s = np.zeros((size, target.directions))
    else:
        shape = (size, target.directions)
        s = np.asarray(array("directions", value, f"shape {shape}", lambda one: one == shape))
    if np.any(np.sum(s**2, axis=1) > 1.0 + 1e-9):
        raise ValueError("directions: expected projections of unit vectors, of length <= 1.")
    first = [
        coefficient * target.activation[1]
        for coefficient, degree in zip(target.coefficients, target.degrees, strict=True)
        if degree == 1
    ]
    waiting = any(
        degree > 1 and coefficient != 0.0
        for coefficient, degree in zip(target.coefficients, target.degrees, strict=True)
    )
    if not np.any(s) and waiting and not np.any(first):
        raise ValueError(
            "directions: expected some that are not 0, as without a component of degree 1 random "
            "directions of infinite dimension are a saddle from which nothing moves: in dimension "
            "d they are of size 1/√d."
        )
    return s


def _half_times(inputs, flow: StiffFlow, target: Target):
    """When |φ − what is learned| first is |φ|/2, of each term."""
    goals = target.coefficients
    times = flow.steps
    rest = np.abs(goals - _learned_along(inputs, flow, times))
    found = np.zeros(goals.size)
    for place, level in enumerate(0.5 * np.abs(goals)):
        below = np.flatnonzero(rest[:, place] <= level)
        if below.size == 0:
            found[place] = np.inf
        elif level > 0.0 and below[0] > 0:
            # On a fine grid between two steps of the solver, a straight line in log t.
            fine = np.geomspace(times[below[0] - 1], times[below[0]], _BETWEEN)
            apart = np.abs(goals - _learned_along(inputs, flow, fine))[:, place] - level
            here = max(1, int(np.argmax(apart <= 0.0)))
            part = apart[here - 1] / (apart[here - 1] - apart[here])
            found[place] = fine[here - 1] * (fine[here] / fine[here - 1]) ** part
    return found


def _learned_along(inputs, flow, times):
    return of_states(_measured, inputs, flow.at(times))[0]


def velocity_of(inputs, state):
    """Of what `learn` follows, (reduction, setting) given."""
    reduction, setting = inputs
    return reduction.velocity(setting, state)


def learned_of(setting: Setting, state: Overlaps):
    """The network's coefficient of each of the target's terms."""
    s = jnp.sqrt(setting.ratio) * state.scaled
    return setting.learned(state.a, s)[np.array(setting.terms)]


@eqx.filter_jit
def _measured(inputs, states):
    reduction, setting = inputs

    def at(state):
        return learned_of(setting, state), reduction.risk(setting, state)

    return jax.vmap(at)(states)
