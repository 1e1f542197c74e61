"""When to delete: θ(T, τ) and ℰ(1_[0,τ]) as functions of the deletion time τ, for several T.

The notes call this time s; here s is the time of the request, 0.5, before which the point counts
fully: τ < s, in grey, is shown to tell what comes too late. (a) where training ends, θ(T, τ), as τ
goes from 0 to T, from the first θ₀ of the notes' Figure 4; (b) its distance ℰ from the deleted fit,
on a logarithmic scale, with the minimum over τ ≥ s and the baseline, deletion at the request τ = s;
(c) the same from the other θ₀.
"""

from __future__ import annotations

from collections.abc import Mapping

import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

import homotopy as hm
from figures.instance import REQUEST, find_instance
from figures.output import as_numbers, versions
from homotopy.plotting import style

HORIZONS = (1.0, 2.0, 3.0, 4.0)


def compute(fast: bool = False) -> dict:
    """θ(T, τ) and ℰ on a grid of τ, the best τ ≥ s, and the evidence for it."""
    instance = find_instance()
    starts = {"first": instance.theta0, "other": instance.other_theta0}
    fractions = np.linspace(0.0, 1.0, 41 if fast else 161)
    curves, slopes, differences = {}, [], []
    for name, theta0 in starts.items():
        curves[name] = []
        for horizon in HORIZONS:
            deletion = hm.Deletion(instance.problem, theta0, REQUEST, horizon)
            switches = horizon * fractions
            final = np.asarray(deletion.final_state(switches))
            distance = final - np.asarray(deletion.target)
            best = hm.best_step(deletion, grid=129 if fast else 513)
            cost, gradient = deletion.value_and_gradient(best.schedule)
            at_best = np.asarray(deletion.final_state(best.schedule.switch))
            miss = at_best - np.asarray(deletion.target)
            differences.append(abs(0.5 * miss @ miss / float(best.cost) - 1))
            interior = REQUEST < float(best.schedule.switch) < horizon
            if interior:  # in a logarithmic scale: d log ℰ / d log τ
                scale = float(best.schedule.switch) / float(cost)
                slopes.append(abs(float(gradient.switch)) * scale)
            curves[name].append(
                {
                    "horizon": horizon,
                    "switches": switches,
                    "final_states": final,
                    "costs": 0.5 * np.sum(distance**2, axis=1),
                    "best_switch": best.schedule.switch,
                    "best_cost": best.cost,
                    "best_final_state": at_best,
                    "interior_minimum": interior,
                    "baseline_cost": deletion.cost(hm.Step(REQUEST)),
                    "baseline_final_state": deletion.final_state(jnp.asarray(REQUEST)),
                }
            )
    return as_numbers(
        {
            "instance": instance.numbers(),
            "versions": versions(),
            "solver": {
                "method": "Exact",
                "largest_logarithmic_slope_at_interior_minimum": max(slopes, default=0.0),
                "largest_relative_difference_of_final_state_and_best_step": max(differences),
            },
            "start": REQUEST,
            "deleted_fit": instance.problem.deleted_fit(),
            "full_fit": instance.problem.full_fit(),
            "curves": curves,
        }
    )


def draw(data: Mapping, figure: Figure) -> None:
    """Three panels, two columns wide."""
    figure.set_size_inches(7.0, 2.9)
    plane, *others = figure.subplots(1, 3)
    colours = style.PALETTE[: len(HORIZONS)]
    fits = np.array([data["deleted_fit"], data["full_fit"]])
    plane.plot(*fits.T, color="0.25", linestyle=(0, (2.5, 1.2)), linewidth=1.1)
    for colour, curve in zip(colours, data["curves"]["first"], strict=True):
        final = np.array(curve["final_states"])
        plane.plot(*final.T, color=colour)
        plane.plot(*final[:1].T, "<", color=colour)
        plane.plot(*curve["baseline_final_state"], color=colour, **_BASELINE)
        plane.plot(*curve["best_final_state"], color=colour, **_BEST)
    for name, point, colour, offset in (
        (style.DELETED_NAME, fits[0], style.WITHOUT, (-24, -1)),
        (style.FULL_NAME, fits[1], style.WITH, (3, 6)),
    ):
        plane.plot(*point, "*", color=colour, markeredgecolor="black", markersize=9, zorder=2)
        plane.annotate(name, point, offset, textcoords="offset points")
    plane.annotate("θ(ε)", 0.7 * fits[0] + 0.3 * fits[1], (-6, 4), textcoords="offset points")
    plane.set(xlabel="θ₁", ylabel="θ₂", title=f"(a) θ(T, τ), {_from(data, 'theta0')}")
    for ax, name, letter in zip(others, data["curves"], "bc", strict=True):
        for colour, curve in zip(colours, data["curves"][name], strict=True):
            ax.semilogy(curve["switches"], curve["costs"], color=colour)
            ax.plot(data["start"], curve["baseline_cost"], color=colour, **_BASELINE)
            ax.plot(curve["best_switch"], curve["best_cost"], color=colour, **_BEST)
        ax.axvspan(0.0, data["start"], color="0.92", zorder=0)
        ax.set(xlabel="deletion time τ", ylabel=r"ℰ$(\mathbf{1}_{[0,τ]})$", xlim=(0.0, None))
        key = "theta0" if name == "first" else "other_theta0"
        ax.set_title(f"({letter}) {_from(data, key)}")
    handles = [
        Line2D([], [], color=colour, label=f"T = {horizon:g}")
        for colour, horizon in zip(colours, HORIZONS, strict=True)
    ]
    request = f"τ = s = {data['start']:g}, at the request"
    handles += [
        Line2D([], [], marker="<", linestyle="none", color="0.4", label="τ = 0"),
        Line2D([], [], color="0.4", label=request, **_BASELINE),
        Line2D([], [], color="0.4", label="best τ ≥ s", **_BEST),
    ]
    handles.append(Patch(color="0.92", label="before the request"))
    figure.legend(handles=handles, loc="outside lower center", ncols=len(handles))


_BASELINE = {
    "marker": "D",
    "markersize": 5.5,
    "markerfacecolor": "white",
    "linestyle": "none",
    "zorder": 4,
}
_BEST = {
    "marker": "o",
    "markersize": 3.5,
    "markeredgecolor": "black",
    "markeredgewidth": 0.6,
    "linestyle": "none",
    "zorder": 5,
}


def _from(data, key):
    first, second = data["instance"][key]
    return f"θ₀ = ({first:.3g}, {second:.3g})".replace("-", "−")


if __name__ == "__main__":
    from figures.__main__ import main

    raise SystemExit(main(["--only", "fig05_deletion_time"]))
