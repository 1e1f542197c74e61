"""The forms of a bang-bang control, each asked for its value at many times."""

import numpy as np
import pytest

import homotopy as hm
from homotopy.control.bang_bang_control import BangBangControl, merged
from homotopy.deletion.bridges.bang_bang_schedules import control_of, schedule_of

SPAN = 2.0
TIMES = np.random.default_rng(0).uniform(0.0, SPAN, 200)
CONTROLS = [
    BangBangControl(0, ()),
    BangBangControl(1, ()),
    BangBangControl(1, (0.5,)),
    BangBangControl(0, (0.25, 1.75)),
    BangBangControl(1, (0.125, 0.1875, 0.625, 1.5)),
]


def value(control, t):
    return (control.initial + sum(switch < t for switch in control.switches)) % 2


def value_of_arcs(values, lengths, t):
    for each, length in zip(values, lengths, strict=True):
        if t <= length:
            return each
        t -= length
    return each


@pytest.mark.parametrize("control", CONTROLS, ids=str)
def test_every_form_is_the_same_control(control):
    arcs = control.arcs(SPAN)
    assert arcs.size % 2 == 0 and arcs.sum() == pytest.approx(SPAN, rel=1e-15)
    back = BangBangControl.of_arcs(arcs / SPAN, SPAN)
    assert back.initial == control.initial
    np.testing.assert_allclose(back.switches, control.switches, rtol=1e-15)
    for t in TIMES:
        expected = value(control, t)
        assert value_of_arcs(control.values, control.lengths(SPAN), t) == expected
        assert value_of_arcs([1, 0] * (arcs.size // 2), arcs, t) == expected


def test_what_cancels_is_cleaned():
    twice = BangBangControl(0, (0.0, 0.5, 0.5, 1.0, SPAN))
    assert twice.cleaned(SPAN) == BangBangControl(1, (1.0,))
    assert BangBangControl(1, (1.5, 0.5)).cleaned(SPAN) == BangBangControl(1, (0.5, 1.5))


def test_merged_arcs():
    values, lengths = [1, 0, 1, 0, 1], [0.5, 0.0, 0.25, 1.0, 0.25]
    assert merged(values, lengths) == ([1, 0, 1], [0.75, 1.0, 0.25])
    # Dropped arcs give their time to the one before, or to the first that stays.
    keep = [False, True, False, True, True]
    assert merged([1, 0, 1, 0, 1], [0.1, 0.2, 0.3, 0.4, 1.0], keep) == ([0, 1], [1.0, 1.0])


@pytest.mark.parametrize("start", [0.0, 0.5])
@pytest.mark.parametrize("control", CONTROLS, ids=str)
def test_as_a_schedule(control, start):
    problem = hm.LinearRegression([[1.0], [1.0]], [0.0, 1.0], deleted=1)
    deletion = hm.Deletion(problem, [1.0], start, start + SPAN)
    schedule = schedule_of(deletion, control)
    assert deletion.membership(schedule).admissible
    assert control_of(deletion, schedule) == control
    expected = [1.0] * (start > 0.0) + [float(value(control, t)) for t in TIMES] + [0.0]
    times = [start / 2] * (start > 0.0) + (start + TIMES).tolist() + [start + SPAN + 0.1]
    np.testing.assert_array_equal(np.asarray(schedule(np.array(times))), expected)
