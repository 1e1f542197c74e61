"""The deletion problem as a residual system, on which the certificate works (theory §4)."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from functools import partial

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from scipy.linalg import qr

from homotopy._deadline import Deadline
from homotopy.control.bang_bang_control import BangBangControl
from homotopy.control.certificate import Certificate, ResidualSystem, closed_at_once
from homotopy.control.certificate.rounding import DataErrors, gamma
from homotopy.control.certificate.switching import final_state
from homotopy.deletion.bridges.switched_flow import switched_flows
from homotopy.deletion.data_errors import data_errors, start_coordinates
from homotopy.deletion.request import Known, Request, known_numbers
from homotopy.modal import ModalForm
from homotopy.modal_form import modal_numbers
from homotopy.numerics.gram_spectrum import gram_spectrum

_EPSILON = float(np.finfo(np.float64).eps)


def common_schedule(request: Request) -> ResidualSystem:
    """One ε(t) for all the deleted points.

    Only BᵀB and Bᵀr act on the flow: the points are turned, as a group, into as many rows as B has
    rank, where that is less than their number. So are k copies of a point one row, √k times as
    long, whatever their targets: Σ(xᵀθ − y_i)² = k(xᵀθ − ȳ)² + a constant.
    """
    rows, residual, errors = common_rows(request)
    return _system(request, rows, residual, errors, np.zeros(len(rows), dtype=int))


def closed_certificate(
    request: Request,
    gap: float,
    deadline: Deadline,
    report: Callable[[int, float, float], None],
) -> Certificate | None:
    """Of one ε(t) for a single deleted point, where two compiled calls come to it; else None."""
    known = known_numbers(request)
    if len(modal_numbers(request.problem)["rows"]) > 1 or known.theta0.dtype != np.float64:
        return None
    errors = data_errors(request)
    centred, errors.start[:] = start_coordinates(request, errors)
    flow = switched_flows([request])._replace(initial=centred[None])
    return closed_at_once(flow, errors, _rounding(known), gap, deadline, report)


def common_rows(request: Request) -> tuple[np.ndarray, np.ndarray, DataErrors]:
    """B and r of as few rows as give the same flow, where all have one schedule; their errors."""
    return _of_full_rank(*_rows(request), data_errors(request))


def separate_schedules(request: Request) -> ResidualSystem:
    """A schedule ε_i(t) for each deleted point."""
    rows, residual = _rows(request)
    return _system(request, rows, residual, data_errors(request), np.arange(len(rows)))


def _rows(request: Request) -> tuple[np.ndarray, np.ndarray]:
    modal = modal_numbers(request.problem)
    return _array(modal["rows"]), _array(modal["residual"])


def _of_full_rank(
    rows: np.ndarray, residual: np.ndarray, errors: DataErrors
) -> tuple[np.ndarray, np.ndarray, DataErrors]:
    """Rows turned into as many as their rank, by QR of the columns each in its own unit."""
    if len(rows) == 1:
        return rows, residual, errors
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
    request: Request, rows, residual, errors: DataErrors, control: np.ndarray
) -> ResidualSystem:
    known = known_numbers(request)
    if known.theta0.dtype != np.float64:
        raise ValueError(
            f"deletion: a certificate needs float64, got {known.theta0.dtype}: its margins for "
            "rounding are those of double precision."
        )

    start, horizon = float(known.start), float(known.horizon)
    centred, unsure = start_coordinates(request, errors)
    errors = dataclasses.replace(errors, start=unsure)
    # From θ₀ with all the data until s; from there on the controls are free.
    before = ResidualSystem(
        rates=_array(modal_numbers(request.problem)["eigenvalues"]),
        rows=rows,
        residual=residual,
        start=centred,
        goal=_array(known.centred_goal),
        span=start,
        control=control,
        decompose=partial(_decompose, request),
        rounding=_rounding(known),
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


def _rounding(known: Known) -> float:
    """Distance from the goal that rounding of what is controlled cannot tell from none."""
    lengths = (math.sqrt(part @ part) for part in map(_array, (known.theta0, known.target)))
    return 8 * _EPSILON * sum(lengths)


def _decompose(request: Request, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    if not weights.any():
        rates = _array(modal_numbers(request.problem)["eigenvalues"])
        return rates, np.eye(rates.size)
    if np.all(weights == 1.0):  # known since the problem was built
        flow = switched_flows([request])
        return flow.full_rates[0], flow.rotation[0]
    modal = request.problem.modal
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
