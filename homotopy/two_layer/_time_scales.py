"""Predicted and measured time-scales of a hierarchy, in one table."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float

from homotopy._checks import ArrayInput, vector
from homotopy._display import Entries, array_text, span
from homotopy._module import Module
from homotopy._progress import clock
from homotopy._result import Result
from homotopy._tables import Table
from homotopy.sweeps.workers import checked_workers, mapped
from homotopy.two_layer._learn import learn
from homotopy.two_layer.predictions import predicted_exponents
from homotopy.two_layer.targets import Target, a_target

if TYPE_CHECKING:
    from matplotlib.axes import Axes


class TimeScales(Result, Module):
    """When components are half learned, for several ε, beside what the theory predicts.

    Attributes
    ----------
    ratios : (e,)
        ε, descending.
    half_times : (e, c)
    predicted_exponents : (c,)
        Of ε: `predicted_exponents`.
    measured_exponents : (c,)
        d log t/d log ε by least squares; of the component of degree 1 that of t/log(1/ε).
    predicted_constants : (c,)
        t/ε of he₀; of he₁ the slope of t/√ε in log(1/ε), 1/(4|φ₁σ₁|). NaN where the theory has
        none.
    measured_constants : (c,)
        The same; of all others t/ε^exponent, with the predicted exponent, at the least ε.
    target : Target
    """

    ratios: Float[np.ndarray, " e"]
    half_times: Float[np.ndarray, "e c"]
    predicted_exponents: Float[np.ndarray, " c"]
    measured_exponents: Float[np.ndarray, " c"]
    predicted_constants: Float[np.ndarray, " c"]
    measured_constants: Float[np.ndarray, " c"]
    target: Target

    _axes = (("ratios", 1), ("half_times", 2))

    @property
    def constants(self) -> Float[np.ndarray, "e c"]:
        """t/ε^exponent at each ε: without a trend where the exponent is right, but for degree 1."""
        exponents = np.where(np.isfinite(self.predicted_exponents), self.predicted_exponents, 0.0)
        return self.half_times / self.ratios[:, None] ** exponents

    def _entries(self) -> Entries:
        yield "ε", span(self.ratios)
        yield "exponents", array_text(self.measured_exponents)
        yield "predicted", array_text(self.predicted_exponents)
        yield "constants", array_text(self.measured_constants)
        yield "predicted", array_text(self.predicted_constants)

    def _table(self) -> Table:
        columns = [
            ("exponent", self.measured_exponents),
            ("predicted", self.predicted_exponents),
            ("constant", self.measured_constants),
            ("predicted", self.predicted_constants),
            *zip((f"t at ε = {one:.3g}" for one in self.ratios), self.half_times, strict=True),
        ]
        about = "times of half-learned components; of degree 1 the slope in log(1/ε)"
        return Table(columns, [("term", list(self.target.names))], None, about)

    def plot(self, ax: Axes | None = None, **options) -> Axes:
        """The time of each component against ε, with its predicted slope.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            A new figure's by default.
        **options
            Of the dots, for `Axes.plot`.
        """
        from homotopy.plotting.scaling import draw_scaling

        seen = np.isfinite(self.predicted_exponents) & np.all(
            np.isfinite(self.half_times) & (self.half_times > 0.0), axis=0
        )
        names = [name for name, one in zip(self.target.names, seen, strict=True) if one]
        times, exponents = self.half_times[:, seen], self.predicted_exponents[seen]
        return draw_scaling(
            self.ratios, times, exponents, names, "ε", "time of half", ax, **options
        )


def time_scales(
    target: Target,
    ratios: ArrayInput,
    amplitudes: ArrayInput | None = None,
    *,
    devices: int | Sequence | None = None,
    client: Any = None,
    progress: bool | None = None,
) -> TimeScales:
    """Learn a single-index target at several ε, and compare the times with the theory's.

    t₀ ∼ ε, t₁ ≈ √ε log(1/ε)/(4|φ₁σ₁|), t_l ∼ ε^{1/(2l)}, and leaps later (theory §11.3). Of t₁ the
    slope in log(1/ε) is compared: the ratio is still 9 % off at ε = 10⁻²⁰. Above ε = 10⁻⁶ stages
    from the second on overlap, and exponents mean little.

    Parameters
    ----------
    target : Target
        Of one direction.
    ratios : (e,)
        ε, at least two different ones > 0.
    amplitudes : (m,), optional
        As of `learn`.
    devices : int or sequence of jax.Device, optional
        Ratios are shared out over them, one at a time on each.
    client : dask.distributed.Client or concurrent.futures.Executor, optional
        Ratios are shared out over its processes. Either way results are those of the call without.
    progress : bool, optional
        By default a line shows the time that it has taken after two seconds; True shows it always,
        False never.

    Returns
    -------
    TimeScales

    Raises
    ------
    TypeError
        Naming `target`, `devices` or `client`.
    ValueError
        Naming `target`, `ratios`, `amplitudes`, `devices` or `client`.
    RuntimeError
        Where the solver gives up.

    Examples
    --------
    >>> import homotopy as hm
    >>> hm.enable_x64()
    >>> target = hm.two_layer.single_index([1.0, 1.0], [1.0, 0.9])
    >>> found = hm.two_layer.time_scales(target, [1e-8, 1e-10])
    >>> found.predicted_constants.round(4).tolist(), round(float(found.measured_constants[1]), 2)
    ([0.6047, 0.2778], 0.28)
    """
    exponents = predicted_exponents(a_target(target))
    known = np.unique(np.asarray(vector("ratios", ratios), float))[::-1]
    if known.size < 2 or known[-1] <= 0.0:
        raise ValueError(f"ratios: expected at least two different numbers > 0, got {known}.")
    devices, client = checked_workers(devices, client)
    with clock(progress, "learning"):
        some = functools.partial(_learnt, target, amplitudes)
        runs = list(mapped(some, known.tolist(), devices, client))
    times = np.array([run.half_times for run in runs])
    first = np.array(target.degrees) == 1
    with np.errstate(divide="ignore", invalid="ignore"):
        plain = np.where(first, times / np.log(1.0 / known)[:, None], times)
        fitted = _slopes(np.log(known), np.log(plain))
        slope = _slopes(np.log(1.0 / known), times / np.sqrt(known)[:, None])
        scaled = times[-1] / known[-1] ** np.where(np.isfinite(exponents), exponents, 0.0)
    predicted = np.full(exponents.size, np.nan)
    for place, degree in enumerate(target.degrees):
        pull = target.coefficients[place] * target.activation[degree]
        if degree == 0 and pull != 0.0:
            predicted[place] = _of_the_mean(target, place, runs[0].initial_amplitudes)
        if degree == 1 and pull != 0.0:
            predicted[place] = 1.0 / (4.0 * abs(pull))
    return TimeScales(
        ratios=known,
        half_times=times,
        predicted_exponents=exponents,
        measured_exponents=fitted,
        predicted_constants=predicted,
        measured_constants=np.where(first, slope, scaled),
        target=target,
    )


def _learnt(target, amplitudes, ratio):
    return learn(target, ratio, amplitudes)


def _of_the_mean(target, place, a):
    """t₀/ε: ρ₀ = φ₀ − σ₀ mean a decays like e^{−σ₀²t/ε}."""
    goal, own = target.coefficients[place], target.activation[0]
    rest = abs(goal - own * np.mean(a))
    return max(0.0, np.log(2.0 * rest / abs(goal))) / own**2


def _slopes(x, values):
    """Least-squares slopes of columns; NaN of those that are not finite."""
    centred = x - x.mean()
    good = np.all(np.isfinite(values), axis=0)
    safe = np.where(good, values, 0.0)
    return np.where(good, centred @ (safe - safe.mean(axis=0)) / np.sum(centred**2), np.nan)
