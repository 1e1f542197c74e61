"""Rewinding and descending at equal work: what is left, what is proved, and what noise costs.

One point is deleted after T steps of training. Rewinding goes back K steps and makes them without
the point; descending makes K more without it. Left, against the work of K steps: the distance to
what each is compared with (retraining by T, and by T + K steps: full lines), the certificate of
that from what training recorded (dotted), and the distance to the minimum without the point
(dashed). The axis beside it is the noise σ for (ε, δ) = (1, 1e-5). Right: the mean loss of the
rows that remain, expected with that noise, for the true distance (full) and the certified one
(dotted); the thin line is the loss of the minimum. (a, b) linear regression (diabetes, row 169,
T = 200) and (c, d) logistic regression with a ridge (breast cancer, T = 200), full batches; (e, f)
the same logistic regression by projected stochastic descent in epochs (T = 320, batches of 25);
(g, h) a perceptron (diabetes, 10-4-1, T = 100), for which the bounds of the curvature are estimated
along the path and the "certificate" is an estimate; its thin line is the loss before unlearning. At
equal work rewinding ends nearer to its retraining, and descending nearer to the minimum; where
training is far from its end and little noise is needed, as in (f), descending has the lower loss,
elsewhere rewinding. Crosses:
certificates of the distance to the minimum of one Newton step, and of conjugate gradients that
stop when it is 1e-3, by their work; at the lower edge where they are smaller.
"""

from __future__ import annotations

from collections.abc import Mapping

import jax
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

import homotopy as hm
from figures.output import as_numbers, significant, versions
from homotopy import unlearning
from homotopy.datasets import breast_cancer, diabetes, standardise
from homotopy.plotting import style
from homotopy.unlearning import ComparedTo
from homotopy.unlearning.expected_loss import expected_loss

EPSILON, DELTA = 1.0, 1e-5
GOAL = 1e-3
WAYS = {"rewind": hm.RewindToDelete, "descend": hm.DescendToDelete}
COLOURS = {"rewind": style.PALETTE[0], "descend": style.PALETTE[1]}


def compute(fast: bool = False) -> dict:
    """Distances and certificates of both algorithms for each K and model."""
    parts = 3 if fast else 8
    panels = [_diabetes(parts), *_logistic(parts), _perceptron(parts)]
    ratio = hm.GaussianMechanism(EPSILON, DELTA).ratio
    return as_numbers(
        {"privacy": [EPSILON, DELTA], "ratio": ratio, "panels": panels, "versions": versions()}
    )


def _diabetes(parts: int) -> dict:
    data, _ = standardise(diabetes())
    problem = hm.LinearRegression(data.X, data.y, deleted=169)
    method = hm.GradientDescent(1.0 / np.linalg.eigvalsh(data.X.T @ data.X)[-1])
    return _panel("linear regression", problem, np.zeros(10), 200, method, 169, parts)


def _logistic(parts: int) -> list[dict]:
    data, _ = standardise(breast_cancer())
    X = np.column_stack([np.ones(len(data.y)), data.X])
    classes = (data.y > data.y.mean()).astype(int)
    problem = hm.Problem(
        hm.linear_model(X.shape[1]), hm.Logistic(), X, classes, deleted=0, ridge=5.0
    )
    fit = np.asarray(problem.full_fit())
    lengths = np.abs(1.0 / (1.0 + np.exp(-X @ fit)) - classes) * np.linalg.norm(X, axis=1)
    row, start = int(np.argmax(lengths)), np.zeros(X.shape[1])
    upper = 0.25 * np.linalg.norm(X, 2) ** 2 + 5.0
    full = hm.GradientDescent(1.0 / upper)
    # In sampling the batch's curvature may be n times that of a point.
    most = 0.25 * len(X) * np.max(np.sum(X**2, axis=1)) + 5.0
    batches = unlearning.ProjectedSGD(1.0 / most, 25, unlearning.Epochs(), radius=5.0)
    return [
        _panel("logistic, ridge", problem, start, 200, full, row, parts),
        _panel("logistic, projected SGD", problem, start, 320, batches, row, parts),
    ]


def _perceptron(parts: int) -> dict:
    data, _ = standardise(diabetes())
    rows = np.arange(120)
    problem = hm.Problem(
        hm.mlp([10, 4, 1]), hm.SquaredError(), data.X[rows], data.y[rows], deleted=0, ridge=1.0
    )
    start = np.asarray(problem.model.initial_parameters(jax.random.key(0)))
    first = hm.training_run(problem, start, 100, hm.GradientDescent(1e-3))
    spectra = [
        np.linalg.eigvalsh(problem.hessian(at))
        for at in map(problem.parameters, first.checkpoint_theta)
    ]
    guess = unlearning.Curvature(
        float(min(each[0] for each in spectra)),
        float(max(each[-1] for each in spectra)),
        estimated=True,
    )
    row = int(np.argmax(first.largest_gradients[-1]))
    method = hm.GradientDescent(1e-3)
    found = _panel("perceptron", problem, start, 100, method, row, parts, guess)
    return found | {"curvature": [guess.lower, guess.upper]}


def _panel(title, problem, start, steps, method, row, parts, curvature=None) -> dict:
    counts = np.unique(np.linspace(0.05 * steps, 0.95 * steps, parts).round().astype(int))
    run = hm.training_run(
        problem, start, steps, method, checkpoints=(steps - counts).tolist(), curvature=curvature
    )
    one_minimum = curvature is None
    kept = np.arange(problem.size) != row
    test = hm.TestLoss(np.asarray(problem.X)[kept], np.asarray(problem.y)[kept])
    known = hm.unlearn(run, row, unlearning.NewtonRefit(20)).theta if one_minimum else run.theta
    ways = {}
    for name, way in WAYS.items():
        found = [hm.unlearn(run, row, way(count)) for count in counts.tolist()]
        own = [each.distance for each in found]
        bound = [_recorded(each) for each in found]
        ways[name] = {
            "own": significant(own),
            "bound": significant(bound),
            "work": [each.work for each in found],
            "loss": _losses(problem, test, found, own),
            "certified_loss": _losses(problem, test, found, bound),
        }
        if one_minimum:
            ways[name]["minimum"] = significant([each.distance_to_minimum for each in found])
    entry = {"title": title, "steps": steps, "row": row, "counts": counts, "ways": ways}
    entry["loss"] = expected_loss(problem, known, 0.0, test)[0]
    if one_minimum:
        entry["refits"] = _refits(run, row)
    return entry


def _losses(problem, test, found, distances) -> list[list[float]]:
    """Expected with the noise that covers each distance, and standard errors."""
    ratio = hm.GaussianMechanism(EPSILON, DELTA).ratio
    return [
        significant(expected_loss(problem, each.theta, distance / ratio, test))
        for each, distance in zip(found, distances, strict=True)
    ]


def _recorded(found) -> float:
    """The smallest certificate that training's records give, the closed form left out."""
    names = ("pathwise", "largest gradient")
    return min(
        one.distance
        for one in found.certificates
        if one.compared_to is ComparedTo.retraining and one.route in names
    )


def _refits(run, row) -> dict:
    """Work, distance to the minimum and its certificate of methods that go there at once."""
    ways = {
        "Newton step": hm.unlearn(run, row, unlearning.NewtonRefit(1)),
        "conjugate gradients": hm.unlearn(
            run, row, unlearning.ConjugateGradientRefit(400), hm.WhenCertified(GOAL)
        ),
    }
    return {
        name: {
            "work": found.work,
            "minimum": found.distance_to_minimum,
            "bound": found.certificate.distance,
        }
        for name, found in ways.items()
    }


def draw(data: Mapping, figure: Figure) -> None:
    """A row for each model and way to train: distances, and losses."""
    figure.set_size_inches(6.6, 8.6)
    axes = figure.subplots(4, 2, sharex="row")
    letters = iter("abcdefgh")
    for (ax, beside), panel in zip(axes, data["panels"], strict=True):
        _draw_distances(ax, panel, data["ratio"])
        _draw_losses(beside, panel)
        ax.set_title(f"({next(letters)}) {panel['title']}")
        beside.set_title(f"({next(letters)}) what its noise costs")
        for each in (ax, beside):
            each.ticklabel_format(axis="x", scilimits=(-2, 3), useMathText=True)
    for ax in axes[-1]:
        ax.set_xlabel("gradients of single losses")
    handles = [
        *(Line2D([], [], color=colour, label=name) for name, colour in COLOURS.items()),
        Line2D([], [], color="black", label="to its retraining; loss with that noise"),
        Line2D([], [], color="black", ls=":", label="certificate of that; loss with that noise"),
        Line2D([], [], color="black", ls="--", label="to the minimum"),
        Line2D([], [], color=style.PALETTE[2], ls="", marker="x", label="Newton step"),
        Line2D([], [], color=style.PALETTE[2], ls="", marker="+", label="conjugate gradients"),
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=3)


def _draw_distances(ax: Axes, panel: Mapping, ratio: float) -> None:
    for name, entry in panel["ways"].items():
        look = {"color": COLOURS[name]}
        ax.plot(entry["work"], entry["own"], **look)
        ax.plot(entry["work"], entry["bound"], linestyle=":", **look)
        if "minimum" in entry:
            ax.plot(entry["work"], entry["minimum"], linestyle="--", **look)
    ax.set_yscale("log")
    edge = min(value for entry in panel["ways"].values() for value in entry["own"]) / 3.0
    for marker, refit in zip("x+", panel.get("refits", {}).values(), strict=False):
        look = {"color": style.PALETTE[2], "clip_on": False}
        ax.plot([refit["work"]], [max(refit["bound"], edge)], marker, **look)
    ax.set_ylim(bottom=edge)
    ax.set_ylabel("distance")
    noise = ax.secondary_yaxis("right", functions=(lambda x: x / ratio, lambda x: x * ratio))
    noise.set_ylabel("noise σ for (1, 1e-5)")


def _draw_losses(ax: Axes, panel: Mapping) -> None:
    for name, entry in panel["ways"].items():
        for key, line in (("loss", "-"), ("certified_loss", ":")):
            mean, error = np.transpose(entry[key])
            look = {"color": COLOURS[name]}
            ax.plot(entry["work"], mean, linestyle=line, **look)
            ax.fill_between(entry["work"], mean - 2 * error, mean + 2 * error, alpha=0.2, **look)
    ax.axhline(panel["loss"], color="black", linewidth=0.6)
    ax.set_yscale("log")
    ax.set_ylabel("expected loss")


if __name__ == "__main__":
    from figures.__main__ import main

    raise SystemExit(main(["--only", "fig21"]))
