"""The picture in README.md, which moves: `python -m figures.readme` makes figures/readme.gif anew.

It is committed, so that a code host shows it; the other figures are not.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

import homotopy as hm
from homotopy.plotting import house_style
from homotopy.plotting.style import WITH, WITHOUT

PATH = Path(__file__).parent / "readme.gif"
REQUEST, HORIZON, THETA0 = 0.02, 0.3, (0.0, 2.0)
LATEST, FRAMES, PAUSE = 0.16, 40, 14  # of τ; and frames that the best and the last one stand
MILLISECONDS, DPI, COLOURS = 90, 108, 64


def influential_point() -> hm.LinearRegression:
    """The data of notebook 01: a line through nineteen points, and a twentieth that pulls on it."""
    generator = np.random.default_rng(1)
    x = np.append(generator.uniform(-1, 1, 19), 2.5)
    y = np.append(0.5 + x[:19] + 0.25 * generator.standard_normal(19), -0.5)
    return hm.LinearRegression(np.column_stack([np.ones(20), x]), y, deleted=19)


def compute() -> dict:
    """The run for each τ, and the error that each leaves."""
    problem = influential_point()
    deletion = hm.Deletion(problem, THETA0, start=REQUEST, horizon=HORIZON)
    best = hm.best_step(deletion)
    least = float(best.schedule.switch)
    taus = np.sort(np.append(np.linspace(REQUEST, LATEST, FRAMES - 1), least))
    every = np.linspace(REQUEST, LATEST, 400)
    ends = np.asarray(deletion.final_state(every) - deletion.target)
    times = np.linspace(0.0, HORIZON, 241)
    runs = [
        np.asarray(hm.flow(problem, hm.Step(tau), THETA0, np.union1d(times, tau)).theta)
        for tau in taus
    ]
    return {
        "least": least,
        "cost": float(best.cost),
        "taus": taus,
        "costs": [float(deletion.cost(hm.Step(tau))) for tau in taus],
        "every": every,
        "every cost": 0.5 * np.sum(ends**2, axis=1),
        "runs": runs,
        "kept": [int(np.searchsorted(np.union1d(times, tau), tau)) for tau in taus],
        "response": np.asarray(hm.response(problem, np.linspace(0.0, 1.0, 33)).theta),
    }


def draw(data: dict, figure: Figure, frame: int) -> None:
    """One τ: its run, and where it stands on the curve of all."""
    figure.set_size_inches(7.0, 2.8)
    left, right = figure.subplots(1, 2)
    response, run, kept = data["response"], data["runs"][frame], data["kept"][frame]
    tau, cost = data["taus"][frame], data["costs"][frame]
    left.plot(*response.T, "--", color="black", lw=1.2)
    left.plot(*run[: kept + 1].T, color=WITH, lw=2.6, label="the point counts (ε = 1)")
    left.plot(*run[kept:].T, color=WITHOUT, lw=2.6, label="it is deleted (ε = 0)")
    for (x, y), name, aside in (
        (THETA0, "θ₀", (8, -2)),
        (response[-1], "θ*, with it", (6, -5)),
        (response[0], "θ*₋, without it", (9, 3)),
    ):
        left.plot(x, y, "o" if name == "θ₀" else "*", color="black", ms=6 if name == "θ₀" else 10)
        left.annotate(name, (x, y), aside, textcoords="offset points")
    left.plot(*run[-1], "s", color="white", mec="black", ms=6)
    left.set(xlim=(-0.05, 0.78), ylim=(0.1, 2.15), xlabel="intercept", ylabel="slope")
    left.set_title(f"Deleted at τ = {tau:.3f}")
    left.legend(loc="upper right")
    right.semilogy(data["every"], data["every cost"], color="black", lw=1.4)
    right.plot(tau, cost, "s", color="white", mec="black", ms=7)
    right.set(
        xlabel="the point is deleted at time τ",
        ylabel="ℰ = ½ ‖θ(T) − θ*₋‖²",
        title=f"What is left at T = {HORIZON:g}: ℰ = {cost:.1e}",
        ylim=(2e-6, 0.2),
    )


def _with_white(image):
    """The colours of an image, few of them, the paper being white."""
    few = image.quantize(COLOURS, dither=0)
    levels = few.getpalette()
    rgb = [levels[k : k + 3] for k in range(0, len(levels), 3)]
    few.putpalette([255 if min(one) > 248 else part for one in rgb for part in one])
    return few


def main() -> None:
    """Write the file."""
    os.environ["MPLBACKEND"] = "Agg"
    import matplotlib.pyplot as plt
    from PIL import Image

    hm.enable_x64()
    data, pictures, durations = compute(), [], []
    with house_style():
        for frame, tau in enumerate(data["taus"]):
            figure = plt.figure(dpi=DPI)
            draw(data, figure, frame)
            figure.canvas.draw()
            image = Image.fromarray(np.asarray(figure.canvas.buffer_rgba())[:, :, :3])
            # One palette for all, so that only what moves is stored.
            palette = _with_white(image) if not pictures else pictures[0]
            pictures.append(image.quantize(dither=Image.Dither.NONE, palette=palette))
            stands = tau == data["least"] or frame in (0, FRAMES - 1)
            durations.append(MILLISECONDS * (PAUSE if stands else 1))
            plt.close(figure)
    pictures[0].save(
        PATH, save_all=True, append_images=pictures[1:], duration=durations, loop=0, optimize=True
    )
    print(f"wrote {PATH.name}: {PATH.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
