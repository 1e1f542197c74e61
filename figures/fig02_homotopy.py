"""Figure 2 of the notes, computed: the homotopy θ(t, ε) between training with and without a point.

(a) how far the weight ε has moved the parameters by time t: ‖θ(t, ε) − θ(t, 0)‖, time horizontal
and ε vertical as in the notes; (b) the surface of one parameter over the same square; (c) the
trajectories in the parameter plane, from θ₀ to the curve θ(ε) on which they end.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure

import homotopy as hm
from figures.instance import find_instance
from figures.output import as_numbers, versions
from homotopy.plotting import style
from homotopy.plotting.homotopy import draw_family, weight_scale
from homotopy.plotting.portrait import window_of

LAST_TIME = 6.0


def compute(fast: bool = False) -> dict:
    """θ(t, ε) on a grid, its limit θ(ε), and how far the adaptive solver is from both."""
    instance = find_instance()
    problem, theta0 = instance.problem, instance.other_theta0
    # Denser where the flow is fast, at its beginning.
    times = LAST_TIME * np.linspace(0.0, 1.0, 25 if fast else 81) ** 1.5
    epsilons = np.linspace(0.0, 1.0, 11 if fast else 41)
    surface = hm.homotopy(problem, theta0, times, epsilons)
    limits = hm.response(problem, epsilons)
    some = epsilons[:: len(epsilons) // 2]
    adaptive = hm.homotopy(problem, theta0, times, some, method=hm.Adaptive(rtol=1e-10, atol=1e-12))
    theta, fits = np.asarray(surface.theta), np.asarray(limits.theta)
    exact = theta[:: len(epsilons) // 2]
    return as_numbers(
        {
            "instance": instance.numbers(),
            "theta0": theta0,
            "versions": versions(),
            "solver": {
                "method": "Exact: eigenvectors of H_ε for each ε",
                "all_successful": bool(
                    np.all(np.asarray(surface.status == hm.results.FlowStatus.successful))
                ),
                "largest_difference_from_adaptive_1e-10": np.abs(adaptive.theta - exact).max(),
                "largest_distance_of_last_time_from_response": np.linalg.norm(
                    theta[:, -1] - fits, axis=1
                ).max(),
                "bend_of_response": limits.bend,
            },
            "response_length": np.linalg.norm(fits[-1] - fits[0]),
            "velocity_ratio": np.linalg.norm(limits.end_velocities[1])
            / np.linalg.norm(limits.end_velocities[0]),
            "times": times,
            "epsilons": epsilons,
            "theta": theta,
            "distance": np.linalg.norm(theta - theta[:1], axis=2),
            "response": fits,
        }
    )


def draw(data: Mapping, figure: Figure) -> None:
    """Three panels, two columns wide."""
    times, epsilons = np.array(data["times"]), np.array(data["epsilons"])
    theta, response = np.array(data["theta"]), np.array(data["response"])
    figure.set_size_inches(7.0, 2.45)
    grid = figure.add_gridspec(1, 3, width_ratios=(1.05, 1.05, 1.2))

    ax = figure.add_subplot(grid[0])
    shades = ax.contourf(times, epsilons, data["distance"], levels=12, cmap="cividis")
    # Contours leave no white seams between their edges.
    shades.set_edgecolor("face")
    figure.colorbar(shades, ax=ax, format="%.2g", aspect=25)
    ax.set(xlabel="time t", ylabel="weight ε", title="(a) ‖θ(t, ε) − θ(t, 0)‖")

    ax = figure.add_subplot(grid[1], projection="3d")
    _draw_surface(ax, times, epsilons, theta[..., 0], response[:, 0])
    ax.set_title("(b) first parameter, θ₁(t, ε)", loc="left", y=1.08)

    ax = figure.add_subplot(grid[2])
    every = max(1, (len(epsilons) - 1) // 20)
    draw_family(ax, theta[::every], epsilons[::every], linewidths=0.8)
    ax.plot(*response.T, color="black", linewidth=1.4, zorder=4)
    for label, point, colour in (
        (style.FULL_NAME, response[-1], style.WITH),
        (style.DELETED_NAME, response[0], style.WITHOUT),
    ):
        ax.plot(*point[:, None], "*", color=colour, markeredgecolor="black", markersize=9, zorder=5)
        ax.annotate(label, point, (0, -13), textcoords="offset points", ha="center")
    ax.annotate(style.START_NAME, theta[0, 0], (6, -2), textcoords="offset points")
    ax.annotate("θ(ε)", response.mean(axis=0), (0, -11), textcoords="offset points", ha="center")
    ax.set(xlabel="θ₁", ylabel="θ₂", title="(c) trajectories from θ₀ to θ(ε)")
    ax.set(**dict(zip(("xlim", "ylim"), window_of(theta.reshape(-1, 2), 0.0, 0.15), strict=True)))
    figure.colorbar(weight_scale(), ax=ax, label="weight ε", aspect=25)


def _draw_surface(ax, times, epsilons, component, limit):
    """θ₁ over (t, ε), coloured by ε, with trajectories of some ε, and its limit θ₁(ε)."""
    shape = component.shape
    ax.plot_surface(
        np.broadcast_to(times[None, :], shape),
        np.broadcast_to(epsilons[:, None], shape),
        component,
        facecolors=style.WEIGHT_COLOURS(np.broadcast_to(epsilons[:, None], shape)),
        rcount=shape[0],
        ccount=shape[1],
        linewidth=0,
        shade=False,
        alpha=0.85,
        rasterized=True,
    )
    for index in np.linspace(0, shape[0] - 1, 6).astype(int):
        ax.plot(times, np.full_like(times, epsilons[index]), component[index], "k", linewidth=0.5)
    ax.plot(np.full_like(epsilons, times[-1]), epsilons, limit, color="black", linewidth=1.4)
    ax.text(times[-1], 0.5, limit[len(limit) // 2] + 0.13, " θ₁(ε)", fontsize=7)
    ax.set(xticks=[0, 2, 4, 6], yticks=[0, 0.5, 1], zticks=[0, 0.2, 0.4, 0.6])
    ax.tick_params(pad=-3)
    ax.set_xlabel("time t", labelpad=-8)
    ax.set_ylabel("weight ε", labelpad=-8)
    # Above the axis: beside it there is a colour bar.
    ax.text2D(0.0, 0.86, "θ₁", transform=ax.transAxes)
    ax.view_init(elev=24, azim=-125)
    ax.set_box_aspect((1.2, 1.0, 0.85), zoom=1.25)


if __name__ == "__main__":
    from figures.__main__ import main

    raise SystemExit(main(["--only", "fig02_homotopy"]))
