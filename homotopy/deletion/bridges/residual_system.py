"""The deletion problem as a residual system, on which the certificate works (theory §4)."""

from __future__ import annotations

import dataclasses
from functools import partial

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from scipy.linalg import qr

from homotopy.control.certificate import BangBangControl, ResidualSystem
from homotopy.control.certificate.rounding import DataErrors, gamma
from homotopy.control.certificate.switching import final_state
from homotopy.deletion.bridges.switched_flow import bang_bang, rounded_arcs
from homotopy.deletion.data_errors import data_errors, start_coordinates
from homotopy.deletion.deletion import Deletion
from homotopy.modal import ModalForm
from homotopy.numerics.gram_spectrum import gram_spectrum
from homotopy.schedules import AbstractSchedule, BangBang

_EPSILON = np.finfo(np.float64).eps


def common_schedule(deletion: Deletion) -> ResidualSystem:
    """One ε(t) for all the deleted points.

    Only BᵀB and Bᵀr act on the flow: the points are turned, as a group, into as many rows as B has
    rank, where that is less than their number. So are k copies of a point one row, √k times as
    long, whatever their targets: Σ(xᵀθ − y_i)² = k(xᵀθ − ȳ)² + a constant.
    """
    rows, residual, errors = common_rows(deletion)
    return _system(deletion, rows, residual, errors, np.zeros(len(rows), dtype=int))


def common_rows(deletion: Deletion) -> tuple[np.ndarray, np.ndarray, DataErrors]:
    """B and r of as few rows as give the same flow, where all have one schedule; their errors."""
    return _of_full_rank(*_rows(deletion), data_errors(deletion))


def separate_schedules(deletion: Deletion) -> ResidualSystem:
    """A schedule ε_i(t) for each deleted point."""
    rows, residual = _rows(deletion)
    return _system(deletion, rows, residual, data_errors(deletion), np.arange(len(rows)))


def _rows(deletion: Deletion) -> tuple[np.ndarray, np.ndarray]:
    modal = deletion.problem.modal
    return _array(modal.rows), _array(modal.residual)


def _of_full_rank(
    rows: np.ndarray, residual: np.ndarray, errors: DataErrors
) -> tuple[np.ndarray, np.ndarray, DataErrors]:
    """Rows turned into as many as their rank, by QR of the columns each in its own unit."""
    units = np.max(np.abs(rows), axis=0)
    turn, triangle, order = qr(
        rows / np.where(units > 0.0, units, 1.0), mode="economic", pivoting=True
    )
    sizes = np.abs(np.diag(triangle))
    rank = max(1, int(np.sum(sizes > 4 * max(rows.shape) * _EPSILON * sizes[0])))
    if rank == len(rows):
        return rows, residual, errors
    turn = turn[:, :rank]
    turned = np.empty((rank, rows.shape[1]))
    turned[:, order] = triangle[:rank]
    turned *= units
    # What is left of the columns, and how far the turn is from one.
    relative = gamma(sum(rows.shape) + 8)
    lengths = np.linalg.norm(rows, axis=0)
    left = np.linalg.norm(rows - turn @ turned, axis=0) + relative * lengths
    left += np.linalg.norm(errors.rows, axis=0)
    askew = np.linalg.norm(turn.T @ turn - np.eye(rank)) + relative * rank
    whole = float(np.linalg.norm(residual))
    unsure = (relative + askew) * whole + float(np.linalg.norm(errors.residual))
    return (
        turned,
        turn.T @ residual,
        dataclasses.replace(
            errors,
            matrix=errors.matrix + np.outer(left, left),
            rows=np.tile(left + askew * lengths, (rank, 1)),
            residual=np.full(rank, unsure),
            force=left * whole,
        ),
    )


def _system(
    deletion: Deletion, rows, residual, errors: DataErrors, control: np.ndarray
) -> ResidualSystem:
    modal = deletion.problem.modal
    if deletion.theta0.dtype != np.float64:
        raise ValueError(
            f"deletion: a certificate needs float64, got {deletion.theta0.dtype}: its margins for "
            "rounding are those of double precision."
        )

    start, horizon = float(deletion.start), float(deletion.horizon)
    sizes = [np.linalg.norm(_array(part)) for part in (deletion.theta0, deletion.target)]
    centred, unsure = start_coordinates(deletion, errors)
    errors = dataclasses.replace(errors, start=unsure)
    # From θ₀ with all the data until s; from there on the controls are free.
    before = ResidualSystem(
        rates=_array(modal.eigenvalues),
        rows=rows,
        residual=residual,
        start=centred,
        goal=_array(deletion._goal),
        span=start,
        control=control,
        decompose=partial(_decompose, modal),
        rounding=8 * _EPSILON * float(sum(sizes)),
        errors=dataclasses.replace(errors, time=0.0),
    )
    if start == 0.0:
        return dataclasses.replace(before, span=horizon)
    everything = (BangBangControl(1, ()),) * before.controls
    state, error = final_state(before, everything)
    return dataclasses.replace(
        before,
        start=state,
        span=horizon - start,
        errors=dataclasses.replace(errors, start=np.full(state.size, error)),
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
    values, lengths = rounded_arcs(schedule, float(deletion.start), float(deletion.horizon))
    return BangBangControl(values[0], tuple(np.cumsum(lengths[:-1]).tolist()))
