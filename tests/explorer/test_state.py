"""What a reader chose, as numbers and as the query of an address."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from homotopy.explorer.schedules import cell_edges, drawn_from, looked_at, schedule_of, stroke
from homotopy.explorer.state import CELLS, FAMILIES, State
from homotopy.schedules import BangBang, Ramp, Step

STATE = State(theta0=(0.5, -2.0), deleted=(3,), start=0.5, switch=1.0, horizon=2.0)

unit = st.floats(0.0, 1.0)
times = st.floats(0.0, 100.0)


@given(
    theta0=st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=2),
    start=times,
    span=st.floats(1e-3, 50.0),
    epsilon=unit,
    family=st.sampled_from(sorted(FAMILIES)),
    drawn=st.lists(unit, min_size=CELLS, max_size=CELLS),
    axes=st.sampled_from([None, (0, 1), (1, 0)]),
    deleted=st.lists(st.integers(0, 50), min_size=1, max_size=4, unique=True),
)
def test_an_address_holds_a_state_to_the_last_digit(
    theta0, start, span, epsilon, family, drawn, axes, deleted
):
    state = State(
        theta0=tuple(theta0), deleted=tuple(deleted), start=start, switch=start,
        horizon=start + span, epsilon=epsilon, family=family, drawn=tuple(drawn), axes=axes,
    )  # fmt: skip
    assert STATE.from_query(state.query()) == state
    assert state.from_query(state.query(but=state)) == state
    assert STATE.from_query(state.query(but=STATE)) == state


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ({"theta0": "1,2,3"}, "theta0: expected 2 numbers, got 3"),
        ({"theta0": "a,b"}, "theta0: the address says 'a,b'"),
        ({"epsilon": "1.5"}, r"epsilon: expected a number in \[0, 1\]"),
        ({"epsilon": "nan"}, "expected finite numbers"),
        ({"family": "magic"}, "family: expected one of"),
        ({"horizon": "0.1"}, "horizon: expected a time after the request"),
        ({"deleted": ""}, "deleted: the address says ''"),
        ({"deleted": "3,3"}, "deleted: expected distinct rows"),
        ({"drawn": "0,1"}, f"drawn: expected {CELLS} weights, got 2"),
        ({"axes": "1"}, "axes: the address says '1'"),
        ({"ridge": "-1"}, "ridge: expected a number >= 0"),
    ],
)
def test_an_address_that_means_nothing_is_refused_by_name(query, said):
    with pytest.raises(ValueError, match=said):
        STATE.from_query(query)


def test_other_parameters_of_an_address_are_not_looked_at():
    assert STATE.from_query({"utm_source": "x", "epsilon": "0.25"}).epsilon == 0.25


@pytest.mark.parametrize(
    ("changes", "times"),
    [
        ({"start": 3.0}, (3.0, 3.0, 4.5)),  # T moves on by the same span
        ({"horizon": 0.4}, (0.0, 0.4, 0.4)),  # s gives way, as far as 0
        ({"start": 1.5}, (1.5, 1.5, 2.0)),  # τ never lies before s
        ({"switch": 9.0}, (0.5, 2.0, 2.0)),
        ({"switch": 0.123456789}, (0.5, 0.5, 2.0)),
    ],
)
def test_times_that_no_longer_fit_move_along(changes, times):
    moved = STATE.but(**changes)
    assert (moved.start, moved.switch, moved.horizon) == times


def test_the_schedules_of_the_families():
    at = np.array([0.25, 0.75, 1.5])
    half = np.array([1.0, 0.5, 0.0])
    expected = {
        "step": [1.0, 1.0, 0.0],
        "ramp": half,  # from 0.5 to 1
        "polynomial": [1.0, 0.25, 0.0],
        "drawn": [1.0, 0.0, 0.0],
    }
    for family, values in expected.items():
        schedule = schedule_of(STATE.but(family=family))
        np.testing.assert_allclose(schedule(at), values, atol=1e-15)
        assert schedule.membership(STATE.start, STATE.horizon), family
    assert isinstance(schedule_of(STATE.but(family="ramp", switch=0.5)), Step)
    with pytest.raises(ValueError, match="searched"):
        schedule_of(STATE.but(family="optimum"))


def test_a_stroke_fills_the_cells_on_its_way():
    edges = cell_edges(STATE)
    middles = (edges[1:] + edges[:-1]) / 2
    drawn = stroke(STATE, (0.5, 0.0), (2.0, 1.0))
    assert drawn.family == "drawn"
    np.testing.assert_allclose(drawn.drawn, (middles - 0.5) / 1.5, atol=5e-4)
    back = stroke(STATE, (2.0, 1.0), (0.5, 0.0))
    np.testing.assert_allclose(back.drawn, drawn.drawn, atol=1e-12)
    one = stroke(STATE, (1.26, 0.3), (1.27, 0.7)).drawn
    assert one.count(0.0) == CELLS - 1 and max(one) == 0.7
    assert max(stroke(STATE, (0.9, 5.0), (1.1, 5.0)).drawn) == 1.0
    assert stroke(STATE, (0.1, 1.0), (0.2, 1.0)) == STATE


def test_cells_take_the_mean_of_a_schedule():
    ramp = Ramp(0.5, 2.0)
    edges = cell_edges(STATE)
    np.testing.assert_allclose(
        drawn_from(STATE, ramp), 1 - ((edges[1:] + edges[:-1]) / 2 - 0.5) / 1.5, atol=5.1e-4
    )


@pytest.mark.parametrize(
    "schedule",
    [Step(1.0), Step(2.0), Step(0.5), Ramp(0.5, 2.0), BangBang(np.linspace(0.6, 1.9, 40), 1)],
    ids=["step", "at T", "at s", "ramp", "forty switches"],
)
def test_times_are_always_as_many_ascend_and_hold_the_switches(schedule):
    seen = looked_at(schedule, 0.5, 2.0)
    assert seen.shape == looked_at(Step(0.7), 0.1, 9.0).shape
    assert seen[0] == 0.0 and seen[-1] == 2.0 and np.all(np.diff(seen) >= 0)
    inside = np.asarray(schedule.breakpoints)
    inside = inside[(inside > 0) & (inside < 2.0)][: CELLS + 1]
    assert np.isin(inside, seen).all()


def test_states_are_values():
    assert hash(STATE) == hash(dataclasses.replace(STATE))
