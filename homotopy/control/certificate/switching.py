"""Bang-bang controls of a residual system: cost, gradient and Hessian in the switch times, Newton.

Moving the k-th switch, of control c, by δ moves the state at the horizon by Φ(T, t_k) J_k δ, with
J_k = Δε_k Σ_{i∈c} b_i v_i. Second derivatives follow from the same columns carried forward, so
that Newton's method is exact.
"""

from __future__ import annotations

import numpy as np

from homotopy._deadline import UNLIMITED, Deadline
from homotopy.control import switched
from homotopy.control.bang_bang_control import BangBangControl
from homotopy.control.certificate.rounding import (
    EXPONENTIAL,
    OUTWARD,
    UNIT,
    decay_and_integral,
    gamma,
)
from homotopy.control.certificate.system import ResidualSystem

Controls = tuple[BangBangControl, ...]


def events(controls: Controls) -> list[tuple[float, int, int, int]]:
    """(time, control, change of ε) in the order of time; and the position among all switches."""
    found = []
    for index, control in enumerate(controls):
        sign = 1 - 2 * control.initial
        for number, time in enumerate(control.switches):
            found.append((time, index, sign * (-1) ** number, len(found)))
    return sorted(found, key=lambda event: (event[0], event[3]))


def states(system: ResidualSystem, controls: Controls, times: np.ndarray) -> np.ndarray:
    """u at times in [0, span], in any order: (m,) to (m, d)."""
    out = np.empty((len(times), system.start.size))
    state, now = system.start[:, None], 0.0
    weights = np.array([float(control.initial) for control in controls])
    for time, index, change, _ in [*events(controls), (np.inf, 0, 0, 0)]:
        spectrum, push = system.spectrum(tuple(weights)), weights[system.control] * system.residual
        for place in np.flatnonzero((times >= now) & (times < time)):
            out[place] = spectrum.forward(state, times[place] - now, push)[:, 0]
        if np.isfinite(time):
            state = spectrum.forward(state, time - now, push)
            weights[index] += change
            now = time
    return out


def final_deviation(system: ResidualSystem, controls: Controls) -> np.ndarray:
    """u(T) − goal."""
    return system.deviation(states(system, controls, np.array([system.span]))[0])


def final_state(system: ResidualSystem, controls: Controls) -> tuple[np.ndarray, float]:
    """u(T), and how far from it, in norm, the state may be that is meant.

    Errors decay once they are made, since Λ + Σεbbᵀ ≥ Λ. What acts all along an arc, F(t) in the
    eigenbasis of Λ, makes an error of no more than ‖∫|F|‖, and from the energy of no more than
    (½ ∫ ΣF_j²/λ_j)^½: for each mode, and for each source, the lesser counts, and the two kinds
    together make at most √2 times their norm.
    """
    sizes, errors, relative = system.sizes, system.errors, gamma(system.operations)
    weights = np.array([float(control.initial) for control in controls])
    state, now, error = system.start, 0.0, float(np.linalg.norm(errors.start))
    slowest = float(system.rates.min())
    for time, index, change, _ in [*events(controls), (system.span, 0, 0.0, -1)]:
        duration, kappa = max(time - now, 0.0), weights[system.control]
        spectrum = system.spectrum(tuple(weights))
        decays, held = decay_and_integral(spectrum.rates, duration)
        inside = spectrum.absolute.T @ np.abs(state)
        push = spectrum.seen @ (kappa * sizes.residual)
        slips = relative + 3 * UNIT * spectrum.rates * duration
        rounding = spectrum.absolute @ (slips * (decays * inside + held * push))
        # All along the arc: what is wrong with A, with B and with r. What decays acts briefly.
        defect = spectrum.defect
        force = defect @ (held * push) + spectrum.perturbation @ np.full(state.size, error)
        force += spectrum.skew @ (sizes.rows.T @ (kappa * sizes.residual))
        force += (kappa * sizes.residual) @ errors.rows + (kappa * errors.residual) @ sizes.rows
        force += errors.force
        with np.errstate(divide="ignore"):
            damped = np.sqrt(0.5 / system.rates)
            brief = np.sqrt(np.minimum(duration, 0.5 / spectrum.rates))
        lasting = np.minimum(duration, damped * np.sqrt(duration)) * force
        lasting += np.sum(defect * np.minimum(held, damped[:, None] * brief) * inside, axis=1)
        error = float(
            np.exp(-slowest * duration) * (1.0 + EXPONENTIAL) * error
            + np.linalg.norm(rounding)
            + np.linalg.norm(spectrum.skew @ np.abs(state))
            + np.sqrt(2.0) * np.linalg.norm(lasting)
        )
        push = kappa * system.residual
        state = spectrum.forward(state[:, None], duration, push)[:, 0]
        now = time
        # A switch at another time, and the horizon at another.
        residuals = np.abs(system.residuals(state)) + np.linalg.norm(sizes.rows, axis=1) * error
        turned = np.where(system.control == index, abs(change), 0.0)
        if change == 0.0:
            turned = kappa
        velocity = sizes.rows.T @ (turned * residuals)
        if change == 0.0:
            velocity += system.rates * (np.abs(state) + error)
        error += errors.time * float(np.linalg.norm(velocity))
        weights[index] += change
    return state, OUTWARD * error


def cost(system: ResidualSystem, controls: Controls) -> float:
    """½‖u(T) − goal‖²."""
    if system.controls == 1:
        # No step: `polish` is compiled all the same, and a program for ℰ alone would be another.
        return switched.polish(system.switched, controls[0].arcs(system.span) / system.span, 1)[0]
    return 0.5 * float(np.sum(final_deviation(system, controls) ** 2))


def cost_and_derivatives(
    system: ResidualSystem, controls: Controls
) -> tuple[float, np.ndarray, np.ndarray]:
    """The cost, its gradient (k,) and Hessian (k, k) in the switch times, control by control."""
    count = sum(len(control.switches) for control in controls)
    columns, now = system.start[:, None], 0.0
    owners: list[tuple[int, ...]] = [()]  # what each column is: the state, ∂ or ∂² by number
    weights = np.array([float(control.initial) for control in controls])
    for time, index, change, number in [*events(controls), (system.span, 0, 0, -1)]:
        push = weights[system.control] * system.residual
        columns = system.spectrum(tuple(weights)).forward(columns, time - now, push)
        now = time
        if number < 0:
            break
        before = weights[system.control]
        weights[index] += change
        after = weights[system.control]
        rows = system.rows[system.control == index]
        state = columns[:, 0]
        residuals = system.residuals(state)
        jump = change * rows.T @ residuals[system.control == index]
        velocity = -system.rates * state - system.rows.T @ (before * residuals)
        curvature = (
            system.rates * jump
            + system.rows.T @ (after * (system.rows @ jump))
            + change * rows.T @ (rows @ velocity)
        )
        new, names = [jump, curvature], [(number,), (number, number)]
        for position, name in enumerate(owners):
            if len(name) == 1:
                new.append(change * rows.T @ (rows @ columns[:, position]))
                names.append((name[0], number))
        columns = np.column_stack([columns, *new])
        owners += names

    final = system.deviation(columns[:, 0])
    sensitivity = np.zeros((final.size, count))
    hessian = np.zeros((count, count))
    for position, name in enumerate(owners):
        if len(name) == 1:
            sensitivity[:, name[0]] = columns[:, position]
        elif len(name) == 2:
            value = final @ columns[:, position]
            hessian[name] = value
            hessian[name[::-1]] = value
    hessian += sensitivity.T @ sensitivity
    return 0.5 * float(final @ final), sensitivity.T @ final, hessian


def polish(
    system: ResidualSystem,
    controls: Controls,
    iterations: int = 1000,
    deadline: Deadline = UNLIMITED,
) -> tuple[float, Controls]:
    """The nearest local minimum in the switch times, by Newton's method; empty arcs are dropped.

    Steps are cut so that the switches of a control stay in order and in the interval, and the cost
    falls; directions of negative curvature are followed downwards. At the deadline steps end.
    """
    if system.controls == 1:
        value, arcs = switched.polish(
            system.switched, controls[0].arcs(system.span) / system.span, iterations
        )
        return value, (BangBangControl.of_arcs(arcs, system.span),)
    controls = tuple(control.cleaned(system.span) for control in controls)
    for _ in range(iterations):
        value, gradient, hessian = cost_and_derivatives(system, controls)
        if gradient.size == 0 or deadline.over:
            break
        curvatures, directions = np.linalg.eigh(hessian)
        curvatures = np.maximum(np.abs(curvatures), 1e-10 * np.abs(curvatures).max() + 1e-300)
        step = -directions @ ((directions.T @ gradient) / curvatures)
        scale, moved = 1.0, 0.0
        for _ in range(25):
            trial, moved = _moved(controls, scale * step, system.span)
            trial_value = cost(system, trial)
            if trial_value < value + 1e-4 * scale * min(gradient @ step, 0.0):
                break
            # Below rounding of the cost only the gradient tells whether the step is good.
            if moved < 1e-6 * system.span and trial_value <= value * (1 + 1e-12):
                rest = cost_and_derivatives(system, trial)[1]
                if np.max(np.abs(rest), initial=0.0) < np.max(np.abs(gradient)):
                    break
            scale *= 0.3
        else:
            break
        controls = tuple(control.cleaned(system.span) for control in trial)
        if moved <= 1e-15 * system.span:
            break
    return cost(system, controls), controls


def _moved(controls: Controls, step: np.ndarray, span: float) -> tuple[Controls, float]:
    trial, position, largest = [], 0, 0.0
    for control in controls:
        old = np.array(control.switches)
        new = np.clip(old + step[position : position + old.size], 0.0, span)
        new = np.maximum.accumulate(new) if new.size else new
        position += old.size
        largest = max(largest, np.abs(new - old).max(initial=0.0))
        trial.append(BangBangControl(control.initial, tuple(new.tolist())))
    return tuple(trial), largest
