"""A regression explored: a picture has the numbers of the verbs, wherever θ₀ is dragged."""

import json

import numpy as np
import pytest
import scipy.linalg

import homotopy as hm
from homotopy.explorer._explore import explored_of
from homotopy.explorer.code_lines import python_lines
from homotopy.explorer.examples import line_deletion
from homotopy.explorer.export import FORMATS, as_json, file_of
from homotopy.explorer.picture import arrows, window_around
from homotopy.explorer.schedules import schedule_of

FAMILIES = ("step", "ramp", "polynomial", "drawn")
DRAWN = tuple(np.round(np.linspace(1.0, 0.1, 24), 3).tolist())


@pytest.fixture(scope="module")
def line():
    deletion, origin = line_deletion()
    return explored_of(deletion, origin=origin)


@pytest.fixture(scope="module")
def tall():
    generator = np.random.default_rng(3)
    X = generator.standard_normal((30, 5))
    y = X @ generator.standard_normal(5) + generator.standard_normal(30)
    problem = hm.LinearRegression(X, y, deleted=[4, 9])
    return explored_of(hm.Deletion(problem, 2 * np.ones(5), 0.02, 0.4))


@pytest.fixture(scope="module")
def kernel():
    """Two directions that only the deleted point, or no point, sees."""
    X = np.array([[1.0, 0.0, 0.0, 0.0], [2.0, 1.0, 0.0, 0.0], [1.0, 0.0, 1.0, 0.0]])
    problem = hm.LinearRegression(X, np.array([1.0, 0.0, 2.0]), deleted=2)
    return explored_of(hm.Deletion(problem, [1.0, -1.0, 0.5, 2.0], 0.1, 2.0))


def state_of(explored, family):
    state = explored.initial
    return state.but(
        family=family, switch=(state.start + 3 * state.horizon) / 4, drawn=DRAWN, epsilon=0.3
    )


def by_expm(problem, theta0, weights, durations):
    """θ(T) by matrix exponentials of the flow with constant weights, one after the other."""
    X, y = np.asarray(problem.X), np.asarray(problem.y)
    theta = np.array(theta0)
    for weight, duration in zip(weights, durations, strict=True):
        counts = np.ones(len(y))
        counts[np.asarray(problem.deleted)] = weight
        matrix = -(X.T * counts) @ X - float(problem.ridge) * np.eye(X.shape[1])
        joined = np.block([[matrix, (X.T @ (counts * y))[:, None]], [np.zeros(len(theta) + 1)]])
        theta = (scipy.linalg.expm(duration * joined) @ np.append(theta, 1.0))[:-1]
    return theta


@pytest.mark.parametrize("name", ["line", "tall", "kernel"])
@pytest.mark.parametrize("family", FAMILIES)
def test_a_picture_has_the_numbers_of_the_verbs(request, name, family):
    explored = request.getfixturevalue(name)
    state = state_of(explored, family)
    schedule, deletion = schedule_of(state), explored.deletion(state)
    picture = explored.picture(state, schedule)
    # Decays are followed to 1e-9 by both, in other steps; steps to rounding.
    accuracy = 1e-12 if family in ("step", "drawn") else 1e-8
    path = hm.flow(deletion.problem, schedule, deletion.theta0, picture.times)
    theta = np.asarray(path.theta)
    scale = np.abs(theta).max()
    np.testing.assert_allclose(picture.theta_end, theta[-1], atol=accuracy * scale)
    plane = explored.plane(state)
    np.testing.assert_allclose(picture.path, plane.project(theta), atol=4 * accuracy * scale)
    cost = float(deletion.cost(schedule))
    assert picture.cost == pytest.approx(cost, rel=1e3 * accuracy, abs=accuracy * scale**2)
    phi = np.asarray(deletion.switching_function(schedule)(picture.times))
    np.testing.assert_allclose(picture.switching, phi, atol=1e3 * accuracy * np.abs(phi).max())
    at_once = float(deletion.cost(hm.Step(state.start)))
    assert picture.compared["delete at once"] == pytest.approx(at_once, rel=1e-9, abs=1e-14)
    fits = hm.response(deletion.problem, [0.0, 1.0, state.epsilon], deletion.theta0).theta
    seen = np.stack([picture.deleted_fit, picture.full_fit, picture.equilibrium])
    np.testing.assert_allclose(seen, plane.project(np.asarray(fits)), atol=1e-11 * scale)


def test_a_step_ends_where_matrix_exponentials_end(tall):
    state = state_of(tall, "step")
    picture = tall.picture(state, schedule_of(state))
    durations = state.switch, state.horizon - state.switch
    end = by_expm(tall.problem(state), state.theta0, (1.0, 0.0), durations)
    np.testing.assert_allclose(picture.theta_end, end, atol=1e-12)
    edges = np.linspace(state.start, state.horizon, 25)
    drawn = state_of(tall, "drawn")
    end = by_expm(tall.problem(state), state.theta0, (1.0, *DRAWN), np.diff(np.append(0.0, edges)))
    np.testing.assert_allclose(tall.picture(drawn, schedule_of(drawn)).theta_end, end, atol=1e-12)


def summed(coefficients, a, b):
    """Σ of coefficients with 1, a, b, a², ab, b²: what the page does while θ₀ is held."""
    terms = np.array([1.0, a, b, a * a, a * b, b * b])[: len(coefficients)]
    return np.tensordot(terms, coefficients, 1)


@pytest.mark.parametrize("name", ["line", "tall", "kernel"])
@pytest.mark.parametrize("family", FAMILIES)
def test_a_drag_has_the_numbers_of_a_picture_at_rest(request, name, family):
    """Sums of three flows, rounded a few times each: 1e-13 of the largest number in them."""
    explored = request.getfixturevalue(name)
    state = state_of(explored, family)
    schedule = schedule_of(state)
    drag = explored.drag(state, schedule)
    for move in ([0.3, -0.2], [-4.0, 7.0], [0.0, 0.0]):
        moved = explored.moved(state, drag.at + np.array(move))
        rest = explored.picture(moved, schedule)
        a, b = rest.start - drag.at
        np.testing.assert_allclose([a, b], move, atol=1e-4)
        accuracy = 1e-13 if family in ("step", "drawn") else 1e-8
        scale = 10.0 + np.abs(moved.theta0).max()
        for field in (
            *("path", "constant", "response", "switches"),
            *("end", "equilibrium", "full_fit", "deleted_fit"),
        ):
            np.testing.assert_allclose(
                summed(getattr(drag, field), a, b), getattr(rest, field),
                atol=10 * accuracy * scale,
            )  # fmt: skip
        np.testing.assert_allclose(
            summed(drag.switching, a, b), rest.switching,
            atol=100 * accuracy * (np.abs(rest.switching).max() + scale**2),
        )  # fmt: skip
        pairs = [(getattr(drag, one), getattr(rest, one)) for one in ("costs", "costs_at_once")]
        pairs += [(drag.compared[one], rest.compared[one]) for one in rest.compared]
        for numbers, cost in pairs:
            own = 0.5 * sum(summed(one, a, b) ** 2 for one in numbers)
            # θ(t) − θ*₋ to its own accuracy: of a small ℰ the digits that it has are kept.
            np.testing.assert_allclose(
                np.sqrt(own), np.sqrt(cost), rtol=0.0, atol=20 * accuracy * scale
            )


def test_what_is_not_seen_of_theta0_stays(tall):
    state = tall.initial
    plane = tall.plane(state)
    moved = np.array(tall.moved(state, np.array([5.0, -3.0])).theta0)
    np.testing.assert_allclose(plane.project(moved), [5.0, -3.0], atol=1e-12)
    change = moved - np.array(state.theta0)
    across = change - (change @ plane.directions.T) @ plane.directions
    assert np.abs(across).max() < 1e-13


@pytest.mark.parametrize("axes", [None, (3, 1)])
def test_fields_are_those_of_the_risk(tall, axes):
    state = tall.initial.but(axes=axes)
    problem, plane = tall.problem(state), tall.plane(state)
    points = np.array([[0.0, 0.0], [1.5, -2.0]])
    X, y = np.asarray(problem.X), np.asarray(problem.y)
    for epsilon in (0.0, 1.0):
        counts = np.ones(len(y))
        counts[np.asarray(problem.deleted)] = epsilon
        theta = plane.lift(points)
        expected = -(((theta @ X.T - y) * counts) @ X) @ plane.directions.T
        np.testing.assert_allclose(tall.velocity(state, epsilon)(points), expected, atol=1e-12)


def test_points_are_refitted(line):
    points = line.points(line.initial)
    X, y = np.asarray(line._problem.X), np.asarray(line._problem.y)
    full = np.linalg.lstsq(X, y, rcond=None)[0]
    for row in (0, 7, 19):
        others = np.arange(20) != row
        fit = np.linalg.lstsq(X[others], y[others], rcond=None)[0]
        assert points.change[row] == pytest.approx(np.linalg.norm(fit - full), rel=1e-10)
        leverage = X[row] @ np.linalg.solve(X.T @ X, X[row])
        assert points.leverage[row] == pytest.approx(leverage, rel=1e-10)
        # First order loses the factor 1 − leverage.
        ratio = points.influence[row] / points.change[row]
        assert ratio == pytest.approx(1 - leverage, rel=1e-9)


def test_another_row_and_a_ridge(line):
    state = line.initial.but(deleted=(0, 5), ridge=0.7)
    problem = line.problem(state)
    X, y = np.asarray(problem.X), np.asarray(problem.y)
    kept = np.setdiff1d(np.arange(20), [0, 5])
    fit = np.linalg.solve(X[kept].T @ X[kept] + 0.7 * np.eye(2), X[kept].T @ y[kept])
    picture = line.picture(state, schedule_of(state))
    np.testing.assert_allclose(picture.deleted_fit, fit, atol=1e-12)
    assert line.problem(line.initial) is line._problem


def test_one_parameter_is_drawn_against_time():
    problem = hm.LinearRegression([[1.0], [1.0]], [0.0, 1.0], deleted=1)
    explored = explored_of(hm.Deletion(problem, [2.0], start=0.0, horizon=1.0))
    state = explored.initial.but(switch=0.5)
    picture = explored.picture(state, schedule_of(state))
    assert explored.against_time and picture.labels[0] == "time t"
    np.testing.assert_allclose(picture.path[:, 0], picture.times)
    assert picture.cost == pytest.approx(float(explored.deletion(state).cost(hm.Step(0.5))))
    moved = explored.moved(state, np.array([0.7, -1.0]))
    assert moved.theta0 == (-1.0,)
    rest, drag = (made(moved, schedule_of(moved)) for made in (explored.picture, explored.drag))
    assert rest.start.tolist() == drag.at.tolist() == [0.0, -1.0]
    # To the side nothing changes but where it is drawn from; up, θ(t) by e^−∫(1 + ε).
    side, up = drag.path[1, 1:], drag.path[2]
    assert not side.any() and not up[1:, 0].any()
    np.testing.assert_allclose(up[-1, 1], np.exp(-1.0 - 0.5), rtol=1e-12)
    assert explored.velocity(state, 1.0)(np.array([[0.3, 2.0]])).tolist() == [[1.0, -3.0]]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"deleted": (20,)}, "deleted: expected rows from 0 to 19, got 20"),
        ({"deleted": tuple(range(20))}, "all of them"),
        ({"axes": (0, 2)}, "axes: expected two different parameters from 0 to 1"),
        ({"axes": (1, 1)}, "axes: expected two different parameters"),
    ],
)
def test_states_of_other_problems_are_refused(line, changes, said):
    with pytest.raises(ValueError, match=said):
        line.check(line.initial.but(**changes))


def test_a_decay_too_long_to_follow_says_what_helps(tall):
    state = tall.initial.but(family="ramp", horizon=5.0, switch=5.0, ridge=0.5)
    tall._form(state)._method = hm.Exact(max_steps=2)
    with pytest.raises(RuntimeError, match="shorter horizon"):
        tall.picture(state, schedule_of(state))


@pytest.mark.parametrize("name", ["line", "tall"])
@pytest.mark.parametrize("family", FAMILIES)
def test_the_python_lines_give_the_numbers_again(request, name, family, monkeypatch):
    import matplotlib.pyplot as plt

    explored = request.getfixturevalue(name)
    state = state_of(explored, family)
    state = explored.moved(state, explored.seen(state) + np.array([0.1, 0.2]))
    schedule = schedule_of(state)
    picture = explored.picture(state, schedule)
    left = {}
    exec(compile(python_lines(explored, state, schedule), "lines", "exec"), left)
    accuracy = 1e-12 if family in ("step", "drawn") else 1e-8
    assert left["cost"] == pytest.approx(picture.cost, rel=1e3 * accuracy, abs=accuracy)
    np.testing.assert_allclose(left["path"].theta[-1], picture.theta_end, atol=10 * accuracy)
    assert len(left["phi"]) == 201
    final = picture.switching[-1]
    assert left["phi"][-1] == pytest.approx(final, rel=1e4 * accuracy, abs=1e2 * accuracy)
    assert left["ax"].get_xlabel()
    plt.close("all")


def test_many_numbers_are_read_from_the_export(tmp_path, monkeypatch):
    generator = np.random.default_rng(0)
    problem = hm.LinearRegression(
        generator.standard_normal((300, 2)), generator.standard_normal(300), deleted=7
    )
    explored = explored_of(problem)
    state = explored.initial
    schedule = schedule_of(state)
    picture = explored.picture(state, schedule)
    lines = python_lines(explored, state, schedule)
    assert "explorer.json" in lines and len(lines) < 2000
    (tmp_path / "explorer.json").write_text(as_json(explored, state, picture), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    left = {}
    exec(compile(lines, "lines", "exec"), left)
    assert left["cost"] == pytest.approx(picture.cost, rel=1e-9)
    numbers = json.loads(as_json(explored, state, picture))
    assert explored.initial.from_query(numbers["state"]) == state
    assert numbers["picture"]["cost"] == picture.cost


@pytest.mark.parametrize("kind", FORMATS)
def test_pictures_are_files(line, kind):
    state = state_of(line, "step")
    picture = line.picture(state, schedule_of(state))
    shown = ("field 1", "field 0", "response", "constant")
    content = file_of(line, state, picture, shown, kind).getvalue()
    begins = {"png": b"\x89PNG", "svg": b"<?xml", "pdf": b"%PDF"}[kind]
    assert content.startswith(begins) and len(content) > 5000


def test_arrows_point_along_the_field_and_stay_in_their_cells():
    window = ((0.0, 2.0), (-1.0, 1.0))
    field = arrows(lambda q: np.stack([np.ones(len(q)), -q[:, 1]], axis=1), window)
    step = field.tips - field.tails
    assert np.all(step[:, 0] > 0) and np.all(np.sign(step[:, 1]) == -np.sign(field.tails[:, 1]))
    assert np.abs(step[:, 0]).max() <= 2.0 / 15
    still = arrows(lambda q: np.zeros((len(q), 2)), window)
    assert np.array_equal(still.tips, still.tails)


def test_a_window_holds_its_points_in_one_unit():
    points = np.array([[0.0, 0.0], [4.0, 1.0]])
    (left, right), (bottom, top) = window_around(points, 1.25, True)
    assert left < 0 and right > 4 and bottom < 0 and top > 1
    assert (right - left) / (top - bottom) == pytest.approx(1.25)
    flat = window_around(np.array([[0.0, 0.0], [4.0, 1e-3]]), 1.25, True)
    assert flat[1][1] - flat[1][0] < 0.01  # else the motion upwards is not seen
    same = window_around(np.zeros((3, 2)), 1.25, True)
    assert same[0][0] < 0 < same[0][1]
