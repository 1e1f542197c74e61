"""`hm.explore` in Python and in a notebook; what it refuses."""

import subprocess
import sys
import weakref

import numpy as np
import pytest

import homotopy as hm
from homotopy.explorer._explore import explored_of
from homotopy.explorer.jobs import Jobs, WhenReady
from homotopy.explorer.needs import require_panel
from homotopy.explorer.view.controls import rows_in
from homotopy.explorer.view.session import Session

X, Y = [[1.0, 0.0], [1.0, 1.0], [1.0, 2.0], [1.0, 4.0]], [0.0, 1.0, 3.0, 2.0]


def problem(**options):
    return hm.LinearRegression(X, Y, deleted=1, **options)


@pytest.fixture(scope="module")
def session():
    return Session(explored_of(hm.Deletion(problem(), [0.5, 2.0], 0.05, 1.0)))


def test_the_page_of_a_problem_has_its_times_and_zeros():
    explored = explored_of(problem())
    assert explored.initial.theta0 == (0.0, 0.0) and explored.initial.deleted == (1,)
    assert explored_of(problem(), [1.0, 2.0]).initial.theta0 == (1.0, 2.0)


@pytest.mark.parametrize(
    ("make", "kind", "said"),
    [
        (lambda: hm.explore("cars.csv"), TypeError, "what: expected a Problem or a Deletion"),
        (lambda: hm.explore(problem(), [1.0]), ValueError, "theta0"),
        (
            lambda: hm.explore(hm.Deletion(problem(), [0.0, 0.0], 0.0, 1.0), [0.0, 0.0]),
            ValueError,
            "theta0: expected none",
        ),
        (
            lambda: hm.explore(hm.Problem(hm.mlp([2, 2, 1]), hm.SquaredError(), X, Y, deleted=0)),
            ValueError,
            "theta0: expected where training starts",
        ),
        (
            lambda: hm.explore(hm.Deletion(problem(), [0.0, 0.0], 0.0, 1.0, method=hm.Adaptive())),
            TypeError,
            "what: expected a deletion of a linear regression with Exact",
        ),
    ],
)
@pytest.mark.usefixtures("without_shape_checks")
def test_what_is_refused(make, kind, said):
    with pytest.raises(kind, match=said):
        make()


def test_without_panel_the_remedy_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "panel", None)
    with pytest.raises(ImportError, match=r"pip install 'homotopy\[explorer\]'"):
        require_panel()


def test_panel_is_imported_when_an_explorer_is_asked_for():
    code = (
        "import sys, homotopy as hm; hm.explore, hm.LinearRegression\n"
        "import homotopy.explorer.regression, homotopy.explorer.network\n"
        "print('panel' in sys.modules, 'bokeh' in sys.modules)"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ended.stdout.split() == ["False", "False"]


def test_a_notebook_shows_a_page():
    """The output of the cell is a bundle that Jupyter renders, with the figures in it."""
    import nbformat
    from nbclient import NotebookClient

    cell = nbformat.v4.new_code_cell(
        "import homotopy as hm\n"
        "hm.enable_x64()\n"
        f"problem = hm.LinearRegression({X}, {Y}, deleted=1)\n"
        "hm.explore(hm.Deletion(problem, [0.5, 2.0], 0.05, 1.0))"
    )
    notebook = nbformat.v4.new_notebook(cells=[cell])
    NotebookClient(notebook, timeout=240, kernel_name="python3").execute()
    bundles = [output["data"] for output in notebook.cells[0].outputs if "data" in output]
    shown = [bundle for bundle in bundles if "application/vnd.holoviews_exec.v0+json" in bundle]
    assert shown and "portrait" in shown[-1]["text/html"]


def test_errors_are_said_and_the_picture_stays(session):
    before = session.picture
    session._soon(lambda: session.show(session.state.but(deleted=(9,))))
    assert (
        "rows from 0 to 3, got 9" in session.alert.object and "role=alert" in session.alert.object
    )
    assert session.picture is before
    session.controls.epsilon.value = 0.25
    assert session.state.epsilon == 0.25 and session.alert.object == ""


def test_what_a_user_writes_is_shown_as_text(session):
    session.say("<script>alert(1)</script>")
    assert "<script>" not in session.alert.object
    session.alert.object = ""


def test_rows_by_number_and_by_name():
    import pandas as pd

    frame = pd.DataFrame(X, index=["Ada", "Emmy", "Kurt", "Sofia"], columns=["one", "x"])
    named = explored_of(hm.LinearRegression(frame, pd.Series(Y, frame.index), deleted="Kurt"))
    assert rows_in("Ada, 3", named) == (0, 3)
    with pytest.raises(ValueError, match="Emmy"):
        rows_in("Emy", named)


def test_widgets_change_the_state_and_nothing_twice(session):
    seen = []
    session._moved = seen.append
    session.controls.family.value = "ramp"
    assert session.state.family == "ramp" and len(seen) == 1
    session.controls.first.value = 1.25
    assert session.state.theta0[0] == 1.25 and len(seen) == 2
    session.controls.horizontal.value = session.explored.parameter_names[1]
    assert session.state.axes == (1, 0)
    session.controls.horizontal.value = "principal plane"
    assert session.state.axes is None
    session.reset()
    assert session.state == session.explored.initial
    session._moved = None


def test_the_certified_optimum_costs_no_more_than_others(session):
    """The optimum, from its own verb; its bound below every other schedule."""
    session.controls.family.value = "optimum"
    best = hm.optimise(session.explored.deletion(session.state), over=hm.Everything())
    assert session.picture.cost == pytest.approx(best.cost, rel=1e-9, abs=1e-20)
    assert session._found.lower_bound == pytest.approx(best.lower_bound, rel=1e-6, abs=1e-20)
    assert "no schedule is below" in session.table.object or best.lower_bound == 0.0
    # To rounding: deleting at once may be the optimum itself.
    least = session.picture.cost * (1 - 1e-9)
    assert all(cost >= least for cost in session.picture.compared.values())
    left = {}
    exec(compile(session.file("py").getvalue(), "lines", "exec"), left)
    assert left["cost"] == pytest.approx(session.picture.cost, rel=1e-9, abs=1e-20)
    session.reset()


def test_the_synthesis_map_and_the_best_schedule_under_the_pointer(session):
    """The map's gain at a θ₀ is that of the optimum from there."""
    from homotopy.explorer.synthesis import COLUMNS, KEYS, ROWS, structure_of, synthesis_map

    window = ((-1.0, 2.0), (0.0, 3.0))
    found = synthesis_map(session.explored, session.state, window)
    assert found.structure.shape == (ROWS, COLUMNS)
    x = -1.0 + 3.0 * (np.arange(COLUMNS) + 0.5) / COLUMNS
    y = 3.0 * (np.arange(ROWS) + 0.5) / ROWS
    for row, column in ((3, 5), (20, 30)):
        state = session.explored.moved(session.state, np.array([x[column], y[row]]))
        deletion = session.explored.deletion(state)
        best = hm.optimise(deletion, over=hm.BangBangs(3))
        assert KEYS[found.structure[row, column]] == structure_of(best)
        if structure_of(best) != "reached":
            gain = float(deletion.cost(hm.Step(state.start))) / best.cost
            assert found.gain[row, column] == pytest.approx(max(gain, 1.0), rel=1e-4)
        told = session.explored.best_from(state)
        assert told.cost == pytest.approx(best.cost, rel=1e-6, abs=1e-20)


def test_of_many_jobs_of_a_kind_the_last_counts():
    import threading

    ready, called = threading.Event(), []
    later = []
    jobs = Jobs(later.append)
    for number in range(3):
        jobs.ask("search", lambda n=number: (ready.wait(10), n)[1], called.append, called.append)
    jobs.ask("other", lambda: 1 / 0, called.append, lambda e: called.append(type(e)))
    ready.set()
    jobs.ask("last", lambda: "end", called.append, called.append)
    for _ in range(200):
        if len(later) >= 3:
            break
        threading.Event().wait(0.05)
    for act in later:
        act()
    assert called == [2, ZeroDivisionError, "end"]
    jobs.close()


def test_what_is_found_before_a_page_is_ready_waits_for_it():
    done, called = [], []
    later = WhenReady(done.append)
    later(lambda: called.append("before"))
    assert not done
    later.ready()
    later(lambda: called.append("after"))
    later.ready()
    for act in done:
        act()
    assert called == ["before", "after"]


def test_a_session_that_ends_leaves_nothing():
    import gc

    gone = Session(explored_of(hm.Deletion(problem(), [0.5, 2.0], 0.05, 1.0)))
    known = weakref.ref(gone), weakref.ref(gone.explored)
    gone.close()
    del gone
    gc.collect()
    assert [ref() for ref in known] == [None, None]


def test_places_that_come_in_while_a_picture_is_computed_give_way_to_the_last(monkeypatch):
    from bokeh.document import Document

    document, later = Document(), []
    monkeypatch.setattr(document, "add_timeout_callback", lambda act, wait: later.append(act))
    monkeypatch.setattr(document, "add_next_tick_callback", lambda act: later.append(act))
    page, done = Session(explored_of(problem()), document=document), []
    later.clear()
    page._took = 0.05
    for place in range(5):
        page._soon(lambda place=place: done.append(place), passing=True)
    page._soon(lambda: done.append("let go"))
    assert len(later) == 1
    later[0]()
    assert done == [4, "let go"]
    page.close()


def test_axes_stay_while_something_is_held_and_the_curves_fill_them():
    """Limits change at rest; while held where a curve leaves them, or fills less than 40 %."""
    from bokeh.models import Range1d

    from homotopy.explorer.view.curves import _limit

    own = Range1d(0.0, 1.0)
    _limit(own, [0.0, 0.5], held=True)
    assert (own.start, own.end) == (0.0, 1.0)
    _limit(own, [0.0, 0.5], held=False)
    assert own.start == pytest.approx(-0.03) and own.end == pytest.approx(0.53)
    _limit(own, [-0.1, 0.5], held=True)
    assert own.start < -0.1 and 0.5 < own.end < 0.55
    _limit(own, [0.0, 0.1], held=True)
    assert own.end < 0.12
    decades = Range1d(0.1, 1.0)
    _limit(decades, [0.01, 1.0], held=False, logarithmic=True)
    assert decades.start == pytest.approx(10**-2.12) and decades.end == pytest.approx(10**0.12)
    # A constant has limits too.
    _limit(own, [0.0, 0.0], held=False)
    assert own.start < 0.0 < own.end


def test_the_legend_has_lines_beside_its_texts():
    """Bokeh draws them where a curve with points lies on the canvas of the legend."""
    from homotopy.explorer.view.curves import CurvesView

    items = CurvesView().error.legend[0].items
    assert [item.label.value for item in items] == ["this schedule", "delete at once"]
    for item in items:
        (drawn,) = item.renderers
        assert drawn.level == "glyph" and len(drawn.data_source.data["x"]) > 0
