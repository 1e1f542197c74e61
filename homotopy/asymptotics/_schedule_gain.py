"""What the best time of deletion gains over deleting at once, in the limit: of order 1/n."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float

from homotopy._checks import integer, non_negative, number, time
from homotopy._display import Entries, array_text
from homotopy._display import number as in_letters
from homotopy._module import Module
from homotopy._result import Result
from homotopy._tables import Table
from homotopy.asymptotics.marchenko_pastur import below_one, nodes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_NODES = 80
_GRID = 201  # of the times of deletion


class ScheduleGain(Result, Module):
    """n·gain of the best time to delete a row, over many rows of the limit.

    Attributes
    ----------
    gain : (k,)
        lim n(1 − min_τ ℰ(1_[0,τ])/ℰ(1_[0,s])) of each row drawn.
    deletion_time : (k,)
        The best nτ of each.
    gamma, start, horizon : float
        γ, ns and nT.
    """

    gain: Float[np.ndarray, " k"]
    deletion_time: Float[np.ndarray, " k"]
    gamma: float
    start: float
    horizon: float

    _axes = (("gain", 1),)

    @property
    def mean(self) -> float:
        """E lim n·gain, a mean over the rows drawn."""
        return float(np.mean(self.gain))

    @property
    def standard_error(self) -> float:
        """Of `mean`."""
        return float(np.std(self.gain, ddof=1) / np.sqrt(self.gain.size))

    def _entries(self) -> Entries:
        yield "γ", self.gamma
        yield "ns to nT", f"{in_letters(self.start)} to {in_letters(self.horizon)}"
        yield (
            "n·gain",
            f"{in_letters(self.mean, 3)}, standard error {in_letters(self.standard_error, 2)}",
        )
        yield "of each row", array_text(self.gain)

    def _table(self) -> Table:
        columns = [("n·gain", self.gain), ("best nτ", self.deletion_time)]
        index = [("row", np.arange(self.gain.size))]
        return Table(columns, index, np.argsort(-self.gain, kind="stable"), "the largest first")

    def plot(self, ax: Axes | None = None, **options) -> Axes:
        """The law of n·gain over rows: which share of them gains more.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            A new figure's by default.
        **options
            Of the line, for `Axes.plot`.
        """
        from homotopy.plotting.lines import draw_lines

        share = 1.0 - (np.arange(self.gain.size) + 0.5) / self.gain.size
        label = "share of rows with more"
        return draw_lines(
            np.sort(self.gain), share[:, None], [label], "n·gain", label, ax, **options
        )


def schedule_gain(
    gamma: float,
    start: float,
    horizon: float,
    *,
    noise_variance: float = 1.0,
    signal: float = 1.0,
    draws: int = 2000,
    seed: int = 0,
) -> ScheduleGain:
    """How much the best time of deletion gains over deleting at once, times n, for n → ∞.

    Training without a ridge from θ₀ = 0, deletion asked for at s, ℰ = ½‖θ(T) − θ*₋‖²; isotropic
    rows, ns and nT fixed. A row enters ℰ at relative order 1/n, so that gains seen at small n do
    not carry over to large n. Of the row only its residual r and ζ(t) = xᵀe^{−Mt}(θ₀ − θ*₋) matter,
    which are Gaussian and drawn here, and its memory kernel, which is not random (theory §12.4).

    Parameters
    ----------
    gamma : float
        γ = p/n in (0, 1).
    start, horizon : float
        ns ≥ 0 and nT > ns.
    noise_variance, signal : float
        σ² ≥ 0 and ‖b‖² ≥ 0, not both 0.
    draws : int
        Rows drawn, ≥ 2.
    seed : int

    Returns
    -------
    ScheduleGain

    Raises
    ------
    ValueError
        Naming the argument.

    Examples
    --------
    >>> import homotopy as hm
    >>> gain = hm.asymptotics.schedule_gain(0.5, 0.3, 2.0, noise_variance=0.5, signal=2.0)
    >>> 0.5 < gain.mean < 2.0, float(gain.deletion_time.min()) >= 0.3
    (True, True)
    """
    gamma = below_one("gamma", gamma)
    start = time("start", start)
    horizon = number(
        "horizon", horizon, f"a finite time > start = {start:g}", lambda t: start < t < np.inf
    )
    noise_variance = non_negative("noise_variance", noise_variance)
    signal = non_negative("signal", signal)
    if noise_variance == 0.0 and signal == 0.0:
        raise ValueError("signal: expected a number > 0 where there is no noise, got 0.")
    draws = integer("draws", draws, 2)
    generator = np.random.default_rng(integer("seed", seed, 0))
    s, masses = nodes(gamma, _NODES)
    # θ₀ − θ*₋ = −b − M⁻¹X'e: in the modes of M, b and noise are independent Gaussians.
    of_b = np.sqrt(signal * masses) * generator.normal(size=(draws, s.size))
    of_noise = np.sqrt(noise_variance * gamma * masses / s) * generator.normal(size=(draws, s.size))
    own = np.sqrt(noise_variance) * generator.normal(size=draws)
    zeta, residual = -(of_b + of_noise), own - np.sum(of_noise, axis=1)
    times = np.linspace(start, horizon, _GRID)
    change = _changes(s, gamma * masses, zeta, residual, times, horizon)
    whole = np.sum((signal + noise_variance * gamma / s) * masses * np.exp(-2.0 * s * horizon))
    best = np.argmin(change, axis=1)
    gain = (change[:, 0] - change[np.arange(draws), best]) / whole
    return ScheduleGain(gain, times[best], gamma, start, horizon)


def _changes(s, pull, zeta, residual, times, horizon):
    """n(‖u(T)‖² − ‖e^{−MT}u(0)‖²) of deletion at each time: −2∫fζ(2T−t)dt + ∬ff'g(2T−t−t')."""
    # With the point, ẇ = −sw − pull(Σw − r), and z = Σw: symmetric in w/√pull.
    root = np.sqrt(pull)
    rates, V = np.linalg.eigh(np.diag(s) + np.outer(root, root))
    force = V.T @ root
    start = (zeta / root) @ V
    still = residual[:, None] * force / rates  # where each mode ends
    change = np.empty((len(zeta), times.size))
    for place, end in enumerate(times):
        # p = ∫₀^end e^{−s(T−t)}(z − r)dt, z = Σ force(still + (start − still)e^{−rates t}).
        constant = still @ force - residual
        grown = _difference(s, np.zeros(1), end, horizon)[:, 0]
        modes = _difference(s, rates, end, horizon)
        p = constant[:, None] * grown + ((start - still) * force) @ modes.T
        linear = np.sum(p * zeta * np.exp(-s * horizon), axis=1)
        change[:, place] = -2.0 * linear + np.sum(p**2 * pull, axis=1)
    return change


def _difference(s, rates, end, horizon):
    """∫₀^end e^{−s(T−t) − rate t}dt of each pair."""
    apart = s[:, None] - rates
    small = np.abs(apart * end) < 1e-8
    safe = np.where(small, 1.0, apart)
    # e^{−s(T−end)}(e^{−rate end} − e^{−s end})/(s − rate), by the smaller of the two exponents.
    late = np.exp(-s[:, None] * (horizon - end) - rates * end)
    return np.where(small, end * late, late * -np.expm1(-safe * end) / safe)
