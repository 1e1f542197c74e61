"""What a reader needs of every picture: seen on any paper, nothing cut off, nothing on another."""

import functools
import itertools

import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.collections import LineCollection
from matplotlib.colors import to_rgb

import homotopy as hm
from homotopy.commands.forget import picture
from homotopy.datasets import notes_example
from homotopy.plotting import house_style
from homotopy.plotting.portrait import draw_path

SCHEDULES = {"first": hm.Step(0.3), "later": hm.Step(1.1)}
TIMES = np.array([0.1, 0.5, 2.0])


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def regression(dimension, scale=1.0):
    data = notes_example(seed=1, size=20, dimension=dimension, noise=2.0)
    X = data.X / np.sqrt(20)
    X[:, -1] *= scale
    return hm.LinearRegression(X, data.y / np.sqrt(20), deleted=3)


@functools.cache
def deletion_of(dimension, scale=1.0):
    theta0 = 2.0 * np.ones(dimension)
    theta0[-1] /= scale
    horizon = 2.0 / scale**2
    return hm.Deletion(regression(dimension, scale), theta0, 0.15 * horizon, horizon)


def of_time(horizon):
    return {"first": hm.Step(0.15 * horizon), "later": hm.Step(0.55 * horizon)}


def first(theta):
    return theta[0]


@functools.cache
def pictures():
    """By name: what draws into axes, or into a new figure."""
    plane, deep = deletion_of(2), deletion_of(4)
    epsilons = np.array([0.0, 0.5, 1.0])
    two, four = plane.problem, deep.problem
    start = 2.0 * np.ones(4)
    influence = hm.influence_in_time(two, plane.theta0, first, TIMES, points=[1, 3])
    links = jnp.asarray(np.random.default_rng(0).normal(size=(2, 4, 6)))
    results = {
        "trajectory, plane": hm.flow(two, SCHEDULES["later"], plane.theta0, TIMES),
        "trajectory, deep": hm.flow(four, SCHEDULES["later"], start, TIMES),
        "surface, plane": hm.homotopy(two, plane.theta0, TIMES, epsilons),
        "surface, deep": hm.homotopy(four, start, TIMES, epsilons),
        "response, plane": hm.response(two, epsilons),
        "response, deep": hm.response(four, epsilons),
        "schedule": SCHEDULES["later"],
        "switching function": plane.switching_function(SCHEDULES["later"]),
        "influence in time": influence,
        "gaps": hm.results.Gaps(links, jnp.ones(links.shape, bool)),
    }
    drawn = {name: result.plot for name, result in results.items()}
    drawn["portrait, plane"] = hm.portrait(plane, SCHEDULES).plot
    drawn["portrait, deep"] = hm.portrait(deep, SCHEDULES).plot
    return drawn


@functools.cache
def stacked():
    """Pictures of several axes."""
    deletion = deletion_of(2)
    return {
        "optimum": hm.optimise(deletion, hm.BangBangs(2)).plot,
        "greedy": hm.greedy(deletion).plot,
    }


def luminance(colour):
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in to_rgb(colour)]
    return float(np.dot([0.2126, 0.7152, 0.0722], linear))


def contrast(one, other):
    """Of two colours, 1 to 21, as WCAG 2 defines it."""
    dark, light = sorted(luminance(colour) for colour in (one, other))
    return (light + 0.05) / (dark + 0.05)


def colours_used(ax):
    """What each artist is seen by, with the least contrast that it needs."""
    for line in ax.lines:
        if line.get_linestyle() not in ("None", "none", ""):
            yield line, line.get_color(), 2.0
        elif line.get_marker() not in ("None", "", None):
            seen = (line.get_markerfacecolor(), line.get_markeredgecolor())
            seen = [each for each in seen if each != "none"]
            paper = ax.get_facecolor()
            yield line, max(seen, key=lambda colour: contrast(colour, paper)), 2.0
    for text in ax.texts:
        yield text, text.get_color(), 2.0
    for collection in ax.collections:
        for colour in collection.get_colors() if isinstance(collection, LineCollection) else []:
            yield collection, colour, 1.3  # streamlines are faint
    legend = ax.get_legend() or next(iter(ax.figure.legends), None)
    for handle in legend.legend_handles if legend else []:
        yield (
            handle,
            max(
                (handle.get_color(), handle.get_markerfacecolor(), handle.get_markeredgecolor()),
                key=lambda colour: contrast(colour, ax.get_facecolor()) if colour != "none" else 0,
            ),
            1.3,
        )


@pytest.mark.parametrize("paper", ["default", "dark_background"])
def test_everything_stands_out_from_the_paper(paper):
    with plt.style.context(paper):
        axes = {name: [draw()] for name, draw in pictures().items()}
        axes |= {name: draw() for name, draw in stacked().items()}
        # What follows the style's own cycle of colours is the style's affair.
        del axes["schedule"]
        for name in ("trajectory, plane", "greedy"):
            axes[name] = axes[name][1:]
        for name, drawn in axes.items():
            for ax in drawn:
                for collection in ax.collections:
                    collection.update_scalarmappable()  # as when it is drawn
                for artist, colour, least in colours_used(ax):
                    assert contrast(colour, ax.get_facecolor()) > least, (name, artist, colour)


def test_white_paper_is_drawn_on_as_ever():
    """Greys and marks on dark paper are the negatives of those on white."""

    def inks():
        return np.array([to_rgb(line.get_color()) for line in stacked()["greedy"]()[1].lines])

    light = inks()
    with plt.style.context("dark_background"):
        dark = inks()
    assert np.allclose(light[0], 0.4) and np.allclose(light[1], 0.0)
    assert np.allclose(dark, 1.0 - light)


def test_the_house_style_has_white_paper_whatever_is_around_it():
    with plt.style.context("dark_background"), house_style():
        ax = pictures()["portrait, plane"]()
        assert to_rgb(ax.get_facecolor()) == to_rgb(ax.figure.get_facecolor()) == (1, 1, 1)
        assert to_rgb(ax.xaxis.label.get_color()) == (0, 0, 0)
        assert to_rgb(plt.rcParams["xtick.color"]) == (0, 0, 0)


def tick_labels(axis):
    low, high = sorted(axis.get_view_interval())
    return [
        tick.label1.get_window_extent()
        for tick in axis.get_major_ticks()
        if low <= tick.get_loc() <= high and tick.label1.get_visible() and tick.label1.get_text()
    ]


def assert_readable(ax, name=""):
    """Names and numbers of the axes lie in the figure and on nothing else of the axes."""
    page = ax.get_figure(root=True).bbox
    texts = [ax.xaxis.label, ax.yaxis.label, ax.xaxis.get_offset_text(), ax.yaxis.get_offset_text()]
    boxes = [text.get_window_extent() for text in texts if text.get_text()]
    horizontal = tick_labels(ax.xaxis)
    slant = np.radians(ax.get_xticklabels()[0].get_rotation()) if horizontal else 0.0
    if slant:  # parallel lines of text, whose boxes overlap
        apart = np.diff([box.x1 for box in horizontal]) * np.sin(slant)
        assert np.all(apart > ax.get_xticklabels()[0].get_fontsize() * ax.figure.dpi / 72), name
    else:
        boxes += horizontal
    vertical = tick_labels(ax.yaxis)
    for box in boxes + horizontal + vertical:
        assert box.x0 >= page.x0 - 0.5 and box.y0 >= page.y0 - 0.5, name
        assert box.x1 <= page.x1 + 0.5 and box.y1 <= page.y1 + 0.5, name
    for group in (boxes, vertical):
        for index, box in enumerate(group):
            assert not any(box.overlaps(other) for other in group[index + 1 :]), name


@pytest.mark.parametrize("own_style", [False, True])
def test_nothing_is_cut_off_in_a_new_figure(own_style):
    with house_style() if own_style else plt.style.context("default"):
        for name, draw in {**pictures(), **stacked()}.items():
            for ax in np.atleast_1d(draw()):
                ax.figure.draw_without_rendering()
                assert_readable(ax, name)


@pytest.mark.parametrize("layout", [None, "constrained"])
def test_nothing_lies_on_a_neighbour(layout):
    for name, draw in pictures().items():
        figure, (left, right) = plt.subplots(1, 2, figsize=(9, 4), layout=layout)
        draw(left)
        right.set(ylabel="neighbour")
        figure.draw_without_rendering()
        beside = right.get_tightbbox()
        legend = left.get_legend()
        if legend is not None and "influence" not in name:
            box = legend.get_window_extent()
            assert not box.overlaps(beside), name
            assert box.x0 >= 0 and box.y0 >= 0 and box.y1 <= figure.bbox.y1, name
            inside = "response, plane" in name
            assert inside or not box.overlaps(left.get_window_extent()), name
            labels = [left.xaxis.label.get_window_extent(), *tick_labels(left.xaxis)]
            assert not any(box.overlaps(label) for label in labels), name
        assert not left.get_window_extent().overlaps(beside), name
        if layout is not None:
            assert_readable(left, name)


def test_a_legend_is_inside_where_there_is_no_room_beside():
    _, ax = plt.subplots(figsize=(1.6, 1.6))
    pictures()["portrait, plane"](ax)
    assert len(ax.figure.axes) == 1 and ax.get_legend() is not None


def test_axes_placed_by_hand_keep_the_legend_in_their_room():
    figure = plt.figure(figsize=(8, 4))
    ax = figure.add_axes((0.1, 0.2, 0.5, 0.7))
    pictures()["portrait, deep"](ax)
    figure.draw_without_rendering()
    box = ax.get_legend().get_window_extent()
    assert box.x1 <= 0.6 * figure.bbox.width + 1 and not box.overlaps(ax.get_window_extent())


# --- scales


def test_features_of_very_different_scales_each_have_their_own():
    deletion = deletion_of(2, 5000.0)
    ax = hm.portrait(deletion, of_time(float(deletion.horizon))).plot()
    ax.figure.draw_without_rendering()
    assert ax.get_aspect() == "auto"
    box = ax.get_window_extent()
    # All that is drawn fills most of the axes, either way.
    shown = np.concatenate([ax.transData.transform(line.get_xydata()) for line in ax.lines])
    assert np.ptp(shown[:, 0]) > 0.7 * box.width and np.ptp(shown[:, 1]) > 0.7 * box.height
    assert_readable(ax)


def test_motion_in_two_directions_keeps_one_unit():
    ax = pictures()["portrait, plane"]()
    assert ax.get_aspect() == 1.0
    # A path along an axis to rounding is no motion in the other.
    problem = hm.LinearRegression([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0]], [0.0, 1.0, 1.0], deleted=2)
    deletion = hm.Deletion(problem, [2.0, 1.0], 0.5, 2.0)
    assert hm.portrait(deletion, {"at once": hm.Step(0.5)}).plot().get_aspect() == 1.0


@pytest.mark.parametrize("width", [1e-7, 3e-4, 0.02, 1.0, 4e3])
def test_numbers_along_the_horizontal_axis_stand_apart(width):
    """Close-ups have long numbers on short axes."""
    portrait = hm.portrait(deletion_of(2), SCHEDULES)
    low = np.array([-0.13579, 0.24681])
    window = tuple((side, side + width) for side in low.tolist())
    figure, ax = plt.subplots(figsize=(2.2, 2.2), layout="constrained")
    portrait.plot(ax, legend=False, window=window)
    figure.draw_without_rendering()
    labels = tick_labels(ax.xaxis)
    assert len(labels) >= 2 or width == 3e-4
    assert not any(one.overlaps(two) for one, two in itertools.pairwise(labels))


# --- where things start, and what covers what


@pytest.mark.parametrize("dimension", [1, 2, 4])
def test_a_surface_starts_at_theta0_whatever_the_first_time(dimension):
    theta0 = 2.0 * np.ones(dimension)
    surface = hm.homotopy(regression(dimension), theta0, TIMES, [0.0, 1.0])
    ax = surface.plot()
    (dot,) = [line for line in ax.lines if line.get_marker() == "o"]
    segments = np.array(ax.collections[0].get_segments())
    assert segments.shape == (2, TIMES.size + 1, 2)
    assert np.allclose(segments[:, 0], dot.get_xydata())  # all begin at the dot
    if dimension == 2:
        assert np.array_equal(dot.get_xydata()[0], theta0)
        assert np.allclose(segments[:, 1:], surface.theta)
    if dimension == 1:
        assert np.array_equal(dot.get_xydata()[0], [0.0, 2.0])


def test_a_trajectory_starts_at_theta0_whatever_the_first_time():
    ax = pictures()["trajectory, plane"]()
    (dot,) = [line for line in ax.lines if line.get_marker() == "o"]
    assert np.array_equal(dot.get_xydata(), [[2.0, 2.0]])
    assert np.array_equal(ax.lines[0].get_xydata()[0], [2.0, 2.0])


def test_a_mark_under_another_becomes_a_frame_around_it():
    portrait = hm.portrait(deletion_of(2), {"one": hm.Step(0.5), "same": hm.Step(0.5)})
    _, ax = plt.subplots()
    portrait.plot(ax, legend=False)
    for marker in ("o", "s"):
        below, above = [line for line in ax.lines if line.get_marker() == marker][-2:]
        assert np.array_equal(below.get_xydata(), above.get_xydata())
        assert below.get_markersize() > above.get_markersize() + 2
        assert below.get_markerfacecolor() == "none" != above.get_markerfacecolor()
    _, ax = plt.subplots()
    portrait.plot(ax, legend=False, frames=False)
    assert len({line.get_markersize() for line in ax.lines if line.get_marker() == "s"}) == 1


def test_marks_apart_stay_as_they_are():
    portrait = hm.portrait(deletion_of(2), SCHEDULES)
    _, ax = plt.subplots()
    ax.set(xlim=(-3, 3), ylim=(-3, 3))
    first, later = portrait.paths.values()
    draw_path(ax, first, "first", "red", [later])
    rings = [line for line in ax.lines if line.get_marker() == "o"]
    assert [line.get_markersize() for line in rings] == [4.5]


def test_paths_that_are_the_same_share_a_name_in_the_command_s_picture():
    deletion = deletion_of(2)
    schedules = {"at once": hm.Step(0.3), "best": hm.Step(1.1), "optimum": hm.BangBang([1.1], 1)}
    shared = picture._with_shared_paths(hm.portrait(deletion, schedules), schedules, deletion)
    assert list(shared.paths) == ["at once", "best, optimum"]


def test_the_y_label_of_a_portrait_stays_in_the_figure_at_the_first_drawing():
    """Matplotlib's constrained layout needs several passes where the shape of axes is given."""
    ax = pictures()["portrait, plane"]()
    ax.figure.draw_without_rendering()
    assert ax.yaxis.label.get_window_extent().x0 >= 0
