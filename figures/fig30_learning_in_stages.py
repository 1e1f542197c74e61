"""A two-layer network learns a function of one direction in stages: risk, components, influence.

y = he₀ + he₁ + 0.8 he₂ + 0.6 he₃ of ⟨u*, x⟩, σ = he₀ + 0.9 he₁ + 0.7 he₂ + 0.6 he₃; ε = 10⁻¹⁰, ten
neurons, many dimensions. (a) The risk has plateaus at ½Σ_{k>l}φ_k² (dashed); dotted lines are t₀
and t₁ as predicted, ε log(2|ρ₀/φ₀|)/σ₀² and √ε log(1/ε)/(4|φ₁σ₁|), dash-dotted ones the scales
ε^{1/4} and ε^{1/6} of t₂ and t₃, without their constants. (b) The share of each that is learned.
(c) Its influence on itself, ∂(learned)/∂φ, peaks when it is learned and ends at 1. (d) ε = 0.02,
with 4000 data points in 20 dimensions and 8 neurons (dots) beside the exact flow of their overlaps
(lines), which need not end at 1 with so few.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure

import homotopy as hm
from figures.output import as_numbers, significant, versions
from homotopy.plotting import style

TARGET, ACTIVATION = (1.0, 1.0, 0.8, 0.6), (1.0, 0.9, 0.7, 0.6)
RATIO, COARSE_RATIO, SIZE, INPUTS, WIDTH = 1e-10, 0.02, 4000, 20, 8
DOTS = tuple(np.geomspace(0.003, 3.0, 16).tolist())


def compute(fast: bool = False) -> dict:
    """The hierarchy at small ε, and data at a larger one."""
    hm.enable_x64()
    target = hm.two_layer.single_index(TARGET, ACTIVATION)
    learned = hm.two_layer.learn(target, RATIO)
    influence = hm.two_layer.component_influence(learned)
    kept = slice(None, None, 4 if fast else 1)
    a = learned.initial_amplitudes
    rest = abs(TARGET[0] - ACTIVATION[0] * np.mean(a))
    first = RATIO * math.log(2.0 * rest / TARGET[0]) / ACTIVATION[0] ** 2
    second = math.sqrt(RATIO) * math.log(1.0 / RATIO) / (4.0 * TARGET[1] * ACTIVATION[1])
    beside = hm.two_layer.student(
        target, COARSE_RATIO, size=500 if fast else SIZE, inputs=INPUTS, width=WIDTH
    )
    dots = np.array(DOTS[::5] if fast else DOTS)
    path = hm.flow(beside.problem(), hm.Constant(1.0), beside.theta0, beside.flow_times(dots))
    limit = hm.two_layer.learn(
        target,
        COARSE_RATIO,
        beside.amplitudes,
        directions=beside.directions,
        times=np.geomspace(dots[0], dots[-1], 4 * dots.size - 3),
        reduction=hm.two_layer.FiniteWidth(beside.overlaps),
    )
    return as_numbers(
        {
            "names": target.names,
            "times": significant(learned.times[kept]),
            "risk": significant(learned.risk[kept]),
            "shares": significant(learned.learned[kept] / np.array(TARGET)),
            "half_times": learned.half_times,
            "predicted": [first, second],
            "scales": RATIO ** hm.two_layer.predicted_exponents(target)[2:],
            "plateaus": [0.5 * sum(c**2 for c in TARGET[k:]) for k in (1, 2, 3)],
            "influence_times": significant(influence.times[kept]),
            "influence": significant(influence.own[kept]),
            "peaks": [influence.peak_times, influence.peak_heights],
            "dots": dots,
            "data": beside.learned(path.theta) / np.array(TARGET),
            "limit_times": limit.times,
            "limit": limit.learned / np.array(TARGET),
            "versions": versions(),
        }
    )


def draw(data: Mapping, figure: Figure) -> None:
    """Four panels, a colour a component."""
    figure.set_size_inches(7.2, 5.2)
    (risk, share), (influence, finite) = figure.subplots(2, 2)
    times, colours = np.array(data["times"]), style.PALETTE
    risk.loglog(times, data["risk"], color=style.PALETTE[-1])
    for level in data["plateaus"]:
        risk.axhline(level, color="0.6", lw=0.7, ls="--")
    marks = [(one, ":") for one in data["predicted"]] + [(one, "-.") for one in data["scales"]]
    for place, (mark, dashes) in enumerate(marks):
        risk.axvline(mark, color=colours[place], lw=0.9, ls=dashes)
    risk.set(ylim=(1e-3, 3.0), ylabel="risk ½E(y − f)²")
    risk.set_title("(a) plateaus and predicted times")
    for place, name in enumerate(data["names"]):
        line = {"color": colours[place], "label": name}
        share.semilogx(times, np.array(data["shares"])[:, place], **line)
        share.axvline(data["half_times"][place], color=colours[place], lw=0.7, ls=":")
        across = data["influence_times"]
        influence.semilogx(across, np.array(data["influence"])[:, place], **line)
        influence.axvline(data["half_times"][place], color=colours[place], lw=0.7, ls=":")
        finite.semilogx(data["limit_times"], np.array(data["limit"])[:, place], **line)
        finite.plot(data["dots"], np.array(data["data"])[:, place], "o", color=colours[place], ms=3)
    share.set(ylabel="share learned")
    share.set_title("(b) components, and when half is learned")
    share.legend(loc="upper left", fontsize=6.5)
    influence.set(ylabel="∂(learned)/∂φ")
    influence.set_title("(c) influence of each on itself")
    finite.set(ylabel="share learned")
    finite.set_title("(d) data (dots) beside the limit, ε = 0.02")
    for ax in (risk, share, influence, finite):
        ax.set_xlabel("training time t")


if __name__ == "__main__":
    from figures.__main__ import main

    raise SystemExit(main(["--only", "fig30"]))
