"""Pictures are tested by the data they draw: lines, markers, labels. No image is compared."""

import contextlib

import jax.numpy as jnp
import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest

import homotopy as hm
from homotopy.datasets import notes_example
from homotopy.deletion import portrait_plane
from homotopy.plotting import Portrait, house_style, style
from homotopy.plotting.plane import principal_plane
from homotopy.plotting.portrait import portrait_handles, window_of

SCHEDULES = {"first": hm.Step(0.3), "later": hm.Step(1.1)}
HORIZON = 2.0


def regression(dimension, size=20):
    data = notes_example(seed=1, size=size, dimension=dimension, noise=2.0)
    return hm.LinearRegression(data.X / np.sqrt(size), data.y / np.sqrt(size), deleted=3)


def deletion_of(dimension):
    return hm.Deletion(regression(dimension), 2.0 * np.ones(dimension), 0.3, HORIZON)


@pytest.fixture(scope="module")
def plane_deletion():
    return deletion_of(2)


@pytest.fixture(scope="module")
def deep_deletion():
    return deletion_of(4)


@pytest.fixture
def ax():
    figure, axes = plt.subplots()
    yield axes
    plt.close(figure)


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def drawn(ax):
    """The (x, y) data of every line, as arrays (m, 2)."""
    return [np.asarray(line.get_xydata(), dtype=float) for line in ax.lines]


def holds(ax, points, marker=None, rtol=1e-12):
    """Whether one of the lines (with that marker) goes through exactly these points."""
    points = np.atleast_2d(np.asarray(points, dtype=float))
    return any(
        data.shape == points.shape and np.allclose(data, points, rtol=rtol, atol=1e-12)
        for line, data in zip(ax.lines, drawn(ax), strict=True)
        if marker is None or line.get_marker() == marker
    )


# --- style


def test_house_style_is_a_context_and_importing_changes_nothing():
    before = dict(mpl.rcParams)
    assert before["font.size"] == mpl.rcParamsDefault["font.size"]
    with house_style():
        assert mpl.rcParams["font.size"] == 8
        assert not mpl.rcParams["text.usetex"]
        cycle = [part["color"].upper() for part in mpl.rcParams["axes.prop_cycle"]]
    assert {f"#{colour.lstrip('#')}" for colour in cycle} == set(style.PALETTE)
    assert dict(mpl.rcParams) == before


def luminance(colour):
    """CIE lightness L* of an sRGB colour."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in colour[:3]]
    relative = float(np.dot([0.2126, 0.7152, 0.0722], linear))
    return 116 * np.cbrt(relative) - 16 if relative > 0.008856 else 903.3 * relative


def test_colours_of_the_weight_get_lighter_throughout():
    lightness = [luminance(style.WEIGHT_COLOURS(x)) for x in np.linspace(0, 1, 33)]
    assert np.all(np.diff(lightness) > 0)
    assert lightness[-1] - lightness[0] > 40


# --- results draw themselves


def test_a_trajectory_in_the_plane_is_its_path(ax):
    problem = regression(2)
    path = hm.flow(problem, hm.Step(0.3), [2.0, 2.0], np.linspace(0.0, HORIZON, 9))
    assert path.plot(ax, color="red") is ax
    assert holds(ax, path.theta)
    assert holds(ax, path.theta[0], "o") and holds(ax, path.theta[-1], "s")
    assert ax.lines[0].get_color() == "red"
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("θ₁", "θ₂")


def test_a_trajectory_of_more_parameters_is_drawn_against_time_with_its_switches():
    problem = regression(4)
    path = hm.flow(problem, hm.Step(0.3), np.ones(4), np.linspace(0.0, HORIZON, 9))
    ax = path.plot()
    for column in np.asarray(path.theta).T:
        assert holds(ax, np.stack([path.times, column], axis=1))
    assert any(np.array_equal(line[:, 0], [0.3, 0.3]) for line in drawn(ax))
    labels = [text.get_text() for text in ax.get_legend().get_texts()]
    assert labels == ["θ₁", "θ₂", "θ₃", "θ₄"]


def test_a_homotopy_is_coloured_by_its_weights(ax):
    epsilons = np.linspace(0.0, 1.0, 5)
    surface = hm.homotopy(regression(2), [2.0, 2.0], np.linspace(0.0, HORIZON, 9), epsilons)
    surface.plot(ax)
    (lines,) = ax.collections
    assert np.allclose(np.array(lines.get_segments()), surface.theta, rtol=1e-12)
    assert np.array_equal(lines.get_array(), epsilons) and lines.get_clim() == (0.0, 1.0)
    assert holds(ax, surface.theta[:, -1])
    (left, right), (bottom, top) = ax.get_xlim(), ax.get_ylim()
    theta = np.asarray(surface.theta)
    assert left < theta[..., 0].min() and right > theta[..., 0].max()
    assert bottom < theta[..., 1].min() and top > theta[..., 1].max()


@pytest.mark.parametrize("dimension", [1, 4])
def test_a_homotopy_of_other_dimensions_has_labelled_axes(dimension):
    surface = hm.homotopy(regression(dimension), np.ones(dimension), [0.0, 1.0], [0.0, 1.0])
    ax = surface.plot()
    if dimension == 1:
        assert (ax.get_xlabel(), ax.get_ylabel()) == ("time t", "θ₁")
        segments = np.array(ax.collections[0].get_segments())
        assert np.allclose(segments[..., 1], surface.theta[..., 0], rtol=1e-12)
    else:
        assert "direction 1" in ax.get_xlabel() and "% of the motion" in ax.get_xlabel()


def test_a_response_path_marks_both_fits(ax):
    problem = regression(2)
    path = hm.response(problem, np.linspace(0.0, 1.0, 7))
    path.plot(ax)
    assert holds(ax, path.theta)
    assert holds(ax, problem.full_fit(), "*", rtol=1e-9)
    assert holds(ax, problem.deleted_fit(), "*", rtol=1e-9)


def test_a_response_path_of_many_parameters_is_drawn_against_the_weight(ax):
    path = hm.response(regression(4), np.linspace(0.0, 1.0, 7))
    path.plot(ax)
    for column in (np.asarray(path.theta) - np.asarray(path.ends[1])).T:
        assert holds(ax, np.stack([path.epsilons, column], axis=1))
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("weight ε", "change θ(ε) − θ(1)")
    assert len(ax.get_legend().get_texts()) == 4


def test_of_a_path_of_many_parameters_those_that_move_farthest_are_named():
    path = hm.response(regression(12), np.linspace(0.0, 1.0, 7))
    ax = path.plot()
    assert len(ax.lines) == 12
    moved = np.abs(np.asarray(path.theta) - np.asarray(path.ends[1])).max(axis=0)
    names = [f"θ{place + 1}".translate(str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉"))
             for place in np.argsort(-moved)[:5]]  # fmt: skip
    assert [text.get_text() for text in ax.get_legend().get_texts()] == [*names, "7 others"]


def test_a_point_past_a_jump_is_seen_as_a_dot(ax):
    from homotopy.plotting.response import draw_response

    theta = np.array([[1.0, 2.0, 3.0], [np.nan] * 3, [0.0, 0.1, 0.2], [0.0, 0.0, 0.0]])
    draw_response(np.array([0.0, np.nan, 0.5, 1.0]), theta, theta[[0, -1]], ax=ax)
    assert [line.get_markevery() for line in ax.lines] == [[0]] * 3
    assert all(line.get_marker() == "." for line in ax.lines)


def test_a_switching_function_is_drawn_with_its_sign(plane_deletion, ax):
    phi = plane_deletion.switching_function(SCHEDULES["later"])
    phi.plot(ax)
    curve = drawn(ax)[-1]
    assert np.allclose(curve[:, 1], phi(curve[:, 0]), rtol=1e-10, atol=1e-14)
    assert curve[0, 0] == 0.0 and curve[-1, 0] == HORIZON
    assert any(np.array_equal(line[:, 0], [1.1, 1.1]) for line in drawn(ax))
    positive, negative = ax.collections[:2]
    for area, sign in ((positive, 1.0), (negative, -1.0)):
        for shape in area.get_paths():
            middle = (shape.vertices[:, 0].min() + shape.vertices[:, 0].max()) / 2
            assert sign * float(phi(middle)) > 0
            # Before the request nothing can be chosen.
            assert shape.vertices[:, 0].min() >= 0.3


def test_a_schedule_has_one_colour_and_one_legend_entry(ax):
    hm.BangBang([0.5, 1.0], initial=1).plot(ax, horizon=2.0, label="ε")
    assert len({line.get_color() for line in ax.lines}) == 1
    assert [line.get_label() for line in ax.lines].count("ε") == 1


# --- the plane of a portrait


def test_in_two_dimensions_the_plane_is_the_parameter_plane(plane_deletion):
    plane = portrait_plane(plane_deletion, SCHEDULES)
    assert plane.is_identity and plane.captured == pytest.approx(1.0)
    assert plane.labels == ("θ₁", "θ₂")
    points = np.array([[1.0, -2.0], [0.5, 0.25]])
    assert np.array_equal(plane.project(points), points)


def test_the_plane_is_the_one_of_largest_variance(deep_deletion):
    plane = portrait_plane(deep_deletion, SCHEDULES)
    assert np.allclose(plane.directions @ plane.directions.T, np.eye(2), atol=1e-12)
    assert 0.5 < plane.captured < 1.0 and plane.fractions[0] > plane.fractions[1] > 0
    # No rotation of the plane into a direction across it shows more of the curves it was made of.
    times = np.linspace(0.0, HORIZON, 20001)
    fits = [deep_deletion.problem.deleted_fit(), deep_deletion.problem.full_fit()]
    curves = [np.linspace(*map(np.asarray, fits), 100)]
    for schedule in SCHEDULES.values():
        theta = np.asarray(hm.flow(deep_deletion.problem, schedule, 2 * np.ones(4), times).theta)
        along = np.cumsum(np.linalg.norm(np.diff(theta, axis=0, prepend=theta[:1]), axis=1))
        nearest = np.searchsorted(along, np.linspace(0.0, along[-1], 100))
        curves.append(theta[np.minimum(nearest, len(times) - 1)])
    points = np.concatenate(curves)
    variances, axes = np.linalg.eigh(np.cov(points.T))
    assert plane.captured == pytest.approx(variances[-2:].sum() / variances.sum(), abs=5e-3)
    overlap = np.linalg.svd(plane.directions @ axes[:, -2:], compute_uv=False)
    assert np.all(overlap > 0.999)


def test_the_plane_does_not_depend_on_where_a_curve_was_sampled():
    corners = np.array([[0.0, 0.0, 0.0], [4.0, 0.0, 0.0], [4.0, 2.0, 0.0], [4.0, 2.0, 1.0]])

    def through(counts):
        legs = [
            np.linspace(first, last, count)
            for first, last, count in zip(corners, corners[1:], counts, strict=False)
        ]
        return principal_plane([np.concatenate(legs)])

    even, uneven = through((400, 200, 100)), through((5, 30, 2000))
    assert np.allclose(even.fractions, uneven.fractions, atol=1e-3)
    assert np.allclose(even.directions, uneven.directions, atol=1e-2)


def test_projecting_undoes_lifting(deep_deletion):
    plane = portrait_plane(deep_deletion, SCHEDULES)
    points = np.array([[0.3, -0.2], [1.0, 2.0]])
    assert np.allclose(plane.project(plane.lift(points)), points, atol=1e-12)


# --- the portrait


def test_a_portrait_draws_paths_switches_ends_and_fits(plane_deletion, ax):
    hm.portrait(plane_deletion, SCHEDULES).plot(ax)
    problem, theta0 = plane_deletion.problem, plane_deletion.theta0
    by_label = {line.get_label(): np.asarray(line.get_xydata()) for line in ax.lines}
    for name, schedule in SCHEDULES.items():
        switch = float(schedule.switch)
        at_switch, end = hm.flow(problem, schedule, theta0, [switch, HORIZON]).theta
        assert holds(ax, at_switch, "o", rtol=1e-9)
        assert holds(ax, end, "s", rtol=1e-9)
        path = by_label[name]
        assert np.allclose(path[0], theta0) and np.allclose(path[-1], end, rtol=1e-9)
        # Smooth to the eye: no step of the path longer than a few per cent of it.
        steps = np.linalg.norm(np.diff(path, axis=0), axis=1)
        assert steps.max() < 0.05 * steps.sum()
    assert holds(ax, theta0, "o")
    assert holds(ax, problem.full_fit(), "*", rtol=1e-9)
    assert holds(ax, problem.deleted_fit(), "*", rtol=1e-9)
    segment = hm.response(problem, np.linspace(0.0, 1.0, 33)).theta
    assert holds(ax, segment, rtol=1e-9)
    labels = [text.get_text() for text in ax.get_legend().get_texts()]
    assert labels[:2] == ["first", "later"]
    assert {"field of ε = 1", "field of ε = 0"} <= set(labels)


@pytest.mark.parametrize("own_style", [True, False])
def test_the_legend_of_a_new_figure_lies_beside_the_axes(plane_deletion, own_style):
    with house_style() if own_style else contextlib.nullcontext():
        ax = hm.portrait(plane_deletion, SCHEDULES).plot()
        ax.figure.canvas.draw()
        (legend,) = ax.figure.legends
        box, axes = legend.get_window_extent(), ax.get_window_extent()
    assert box.x0 >= axes.x1
    assert box.x1 <= ax.figure.bbox.x1 and box.y0 >= 0 and box.y1 <= ax.figure.bbox.y1
    assert axes.x0 > 0 and axes.width > 0.4 * ax.figure.bbox.width


def test_everything_drawn_lies_within_the_window(deep_deletion, ax):
    portrait = hm.portrait(deep_deletion, SCHEDULES)
    portrait.plot(ax, legend=False)
    low, high = np.array([ax.get_xlim(), ax.get_ylim()]).T
    assert np.all(portrait.extent > low) and np.all(portrait.extent < high)
    assert ax.get_aspect() == 1.0 and ax.get_legend() is None


def test_the_short_side_of_a_window_is_bounded():
    (left, right), (bottom, top) = window_of(np.array([[0.0, 0.0], [10.0, 0.1]]))
    assert (top - bottom) / (right - left) == pytest.approx(0.6)
    assert window_of(np.array([[1.0, 2.0]])) == ((0.0, 2.0), (1.0, 3.0))


@pytest.mark.parametrize("dimension", [1, 2, 4])
def test_fields_are_minus_the_gradient_in_the_plane(dimension):
    deletion = deletion_of(dimension)
    plane = portrait_plane(deletion, SCHEDULES)
    portrait = hm.portrait(deletion, SCHEDULES, plane=plane)
    for field, epsilon in zip(portrait.fields, (1.0, 0.0), strict=True):
        for point in ([0.4, -0.7], [1.5, 0.2]):
            velocity = field.velocity(np.array(point))
            if dimension == 1:  # (t, θ)
                theta = jnp.array(point[1:])
                gradient = deletion.problem.gradient(theta, epsilon)
                expected = [1.0, -float(gradient[0])]
            else:
                theta = jnp.asarray(plane.lift(np.array(point)))
                expected = -plane.directions @ deletion.problem.gradient(theta, epsilon)
            assert np.allclose(velocity, expected, rtol=1e-10)


def test_one_parameter_is_drawn_against_time(ax):
    deletion = deletion_of(1)
    hm.portrait(deletion, SCHEDULES).plot(ax)
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("time t", "θ₁")
    end = hm.flow(deletion.problem, SCHEDULES["first"], [2.0], [HORIZON]).theta[0, 0]
    assert holds(ax, [HORIZON, float(end)], "s", rtol=1e-9)


def test_a_projected_portrait_says_so(deep_deletion, ax):
    hm.portrait(deep_deletion, SCHEDULES).plot(ax)
    labels = [text.get_text() for text in ax.get_legend().get_texts()]
    assert "field of ε = 0, projected" in labels
    both = (ax.get_xlabel(), ax.get_ylabel())
    percents = [float(label.split("(")[1].split()[0]) for label in both]
    plane = portrait_plane(deep_deletion, SCHEDULES)
    assert percents == pytest.approx(100 * plane.fractions, rel=5e-3)


def test_weights_along_a_path_are_those_of_the_schedule(plane_deletion):
    portrait = hm.portrait(plane_deletion, SCHEDULES)
    path = portrait.paths["later"]
    change = np.flatnonzero(np.diff(path.weights))
    assert change.size == 1 and path.weights[0] == 1.0 and path.weights[-1] == 0.0
    assert np.array_equal(path.points[change[0] + 1], path.switches[0])


def test_the_numbers_of_a_portrait_draw_the_same_picture(deep_deletion):
    portrait = hm.portrait(deep_deletion, SCHEDULES)
    again = Portrait.from_numbers(portrait.numbers())
    first, second = (each.plot() for each in (portrait, again))
    for one, other in zip(drawn(first), drawn(second), strict=True):
        assert np.array_equal(one, other)
    assert len(portrait_handles(portrait)) == len(portrait_handles(again))


def test_a_portrait_of_no_schedule_is_refused(plane_deletion):
    with pytest.raises(ValueError, match="schedules: expected at least one"):
        hm.portrait(plane_deletion, {})
