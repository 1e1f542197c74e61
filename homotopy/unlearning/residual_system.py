"""The deletion problem as a residual system, on which the certificate works (theory §4)."""

from __future__ import annotations

from functools import partial

import equinox as eqx
import jax.numpy as jnp
import numpy as np

from homotopy.control.certificate import BangBangControl, ResidualSystem
from homotopy.modal import ModalForm
from homotopy.numerics.gram_spectrum import gram_spectrum
from homotopy.schedules import AbstractSchedule, BangBang
from homotopy.unlearning.deletion import Deletion
from homotopy.unlearning.switched_flow import bang_bang, rounded_arcs


def common_schedule(deletion: Deletion) -> ResidualSystem:
    """One ε(t) for all the deleted points.

    More points than parameters are turned, as a group, into as many rows as there are parameters:
    only BᵀB and Bᵀr act on the flow.
    """
    modal = deletion.problem.modal
    rows, residual = _array(modal.rows), _array(modal.residual)
    if len(rows) > rows.shape[1]:
        turned, triangle = np.linalg.qr(rows)
        rows, residual = triangle, turned.T @ residual
    return _system(deletion, rows, residual, np.zeros(len(rows), dtype=int))


def separate_schedules(deletion: Deletion) -> ResidualSystem:
    """A schedule ε_i(t) for each deleted point."""
    modal = deletion.problem.modal
    rows, residual = _array(modal.rows), _array(modal.residual)
    return _system(deletion, rows, residual, np.arange(len(rows)))


def _system(deletion: Deletion, rows, residual, control: np.ndarray) -> ResidualSystem:
    modal = deletion.problem.modal
    if deletion.theta0.dtype != np.float64:
        raise ValueError(
            f"deletion: a certificate needs float64, got {deletion.theta0.dtype}: its margins for "
            "rounding are those of double precision."
        )
    sizes = [np.linalg.norm(_array(part)) for part in (deletion.theta0, deletion.target)]

    return ResidualSystem(
        rates=_array(modal.eigenvalues),
        rows=rows,
        residual=residual,
        start=_state_at_start(deletion),
        goal=_array(deletion._goal),
        span=float(deletion.horizon) - float(deletion.start),
        control=control,
        decompose=partial(_decompose, modal),
        rounding=8 * np.finfo(np.float64).eps * float(sum(sizes)),
    )


def _decompose(modal: ModalForm, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    if not weights.any():
        return _array(modal.eigenvalues), np.eye(modal.eigenvalues.size)
    if np.all(weights == weights[0]):
        spectrum = _common_spectrum(modal, weights[0])
        return _array(spectrum.eigenvalues), _array(spectrum.rotation)
    return tuple(_array(part) for part in _separate_spectrum(modal, weights))


def _array(value) -> np.ndarray:
    return np.asarray(value, dtype=np.float64)


def _state_at_start(deletion) -> np.ndarray:
    """In modal coordinates centred at the deleted fit, after training with all the data."""
    full, limit = deletion.problem.modal.full, _array(deletion.problem.modal.full_limit)
    rotation, exponents = _array(full.rotation), -_array(full.eigenvalues) * deletion.start.item()
    turned = np.exp(exponents) * (rotation.T @ _array(deletion.centred_start))
    return rotation @ (turned - np.expm1(exponents) * limit)


@eqx.filter_jit
def _common_spectrum(modal: ModalForm, weight):
    return modal.spectrum(jnp.asarray(weight))


@eqx.filter_jit
def _separate_spectrum(modal: ModalForm, weights):
    factor = [jnp.diag(jnp.sqrt(modal.eigenvalues)), jnp.sqrt(weights)[:, None] * modal.rows]
    return gram_spectrum(jnp.concatenate(factor))


def schedule_of(deletion: Deletion, control: BangBangControl) -> BangBang:
    """A control on [s, T] as a schedule in E_s: 1 before, 0 after."""
    start, horizon = float(deletion.start), float(deletion.horizon)
    switches = [min(start + time, horizon) for time in control.switches]
    if control.initial == 0:
        switches.insert(0, start)
    if len(switches) % 2 == 0:  # still 1 at the horizon
        switches.append(horizon)
    return bang_bang(np.array(switches))


def control_of(deletion: Deletion, schedule: AbstractSchedule) -> BangBangControl:
    """The control nearest to a schedule: its values on [s, T] rounded to 0 or 1."""
    values, lengths = rounded_arcs(
        schedule, float(deletion.start), float(deletion.horizon)
    )
    return BangBangControl(values[0], tuple(np.cumsum(lengths[:-1]).tolist()))
