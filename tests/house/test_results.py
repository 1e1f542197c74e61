"""Every result prints in a few lines, makes tables, draws itself, and goes into a file and back."""

import copy
import inspect
import json
import pickle
import re
import xml.etree.ElementTree as ElementTree
import zipfile

import equinox as eqx
import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from instances import OWN, THETA0, everything, product
from matplotlib.axes import Axes
from same import assert_same
from statsmodels.stats.outliers_influence import OLSInfluence

import homotopy as hm
from homotopy._display import Displayed, largest, number, text
from homotopy._result import Result
from homotopy._saving import Saved
from homotopy._tables import Tabled

_LINES, _LETTERS = 8, 100
# What has rows has a picture, but for groups of row numbers.
UNDRAWN = {"duplicates"}


@pytest.fixture(scope="module")
def shown():
    return {name: value for name, value in everything().items() if isinstance(value, Displayed)}


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def test_every_result_is_tried(shown):
    tried = {type(value).__name__ for value in shown.values()}
    tried |= {kind.__name__ for value in shown.values() for kind in type(value).__mro__}
    for name in hm.results.__all__:
        kind = getattr(hm.results, name)
        if issubclass(kind, eqx.Enumeration) or name == "Progress":
            continue
        assert issubclass(kind, Displayed) and issubclass(kind, Saved), name
        assert name in tried, name
        assert name in ("Event", "ProblemCheck") or hasattr(kind, "plot"), name


def test_a_result_prints_as_a_few_lines_of_numbers(shown):
    for name, value in shown.items():
        lines = repr(value).splitlines()
        assert 1 <= len(lines) <= _LINES and max(map(len, lines)) <= _LETTERS, name
        assert not re.search(r"f(32|64)\[|float64\[\]", repr(value)), name
        assert "Array(" not in repr(value) and "array(" not in repr(value), name
        fields = value._entries()
        assert all(isinstance(key, str) for key, _ in fields), name


def test_everything_public_prints_without_types_for_numbers():
    for name, value in everything().items():
        assert not re.search(r"[fi](32|64)\[", repr(value)), name
        assert len(repr(value).splitlines()) <= _LINES, name


def trees(shown):
    return {k: v for k, v in shown.items() if isinstance(v, eqx.Module) and isinstance(v, Result)}


def test_what_is_traced_or_stacked_prints_by_its_shapes(shown):
    for name, value in trees(shown).items():
        arrays, rest = eqx.partition(value, eqx.is_array)
        seen = []

        def trace(arrays, rest=rest, seen=seen):
            seen.append(repr(eqx.combine(arrays, rest)))
            return jnp.zeros(())

        jax.eval_shape(trace, arrays)
        stacked = jax.tree.map(lambda part: np.stack([part, part]), arrays)
        seen.append(repr(eqx.combine(stacked, rest)))
        for printed in seen:
            assert len(printed.splitlines()) <= _LINES, name
            assert re.search(r"(float64|int64|bool)\[", printed) or "request" in printed, name


def test_html_is_well_formed_and_holds_what_is_printed(shown):
    for name, value in shown.items():
        table = ElementTree.fromstring(value._repr_html_())
        cells = [cell.text or "" for cell in table.iter("td")]
        assert cells == [entry for _, entry in value._shown()], name


def test_tables_have_a_row_for_each_of_their_numbers(shown):
    for name, value in shown.items():
        if not isinstance(value, Tabled):
            continue
        frame, summary = value.to_frame(), str(value.summary())
        assert isinstance(frame, pd.DataFrame), name
        assert len(frame) or name in UNDRAWN, name
        assert not frame.dtypes.eq(object).any() or name in ("comparison", "least time"), name
        assert max(map(len, summary.splitlines())) <= 140 and "\n====" in summary, name
        ElementTree.fromstring(f"<div>{value.summary()._repr_html_()}</div>")


def test_every_result_draws_itself_into_given_axes_and_into_its_own(shown):
    for name, value in shown.items():
        if not isinstance(value, Result):
            continue
        assert next(iter(inspect.signature(value.plot).parameters)) == "ax", name
        _, ax = plt.subplots()
        assert value.plot(ax) is ax and ax.has_data(), name
        drawn = value.plot()
        assert all(isinstance(one, Axes) for one in np.atleast_1d(np.asarray(drawn, object))), name
        plt.gcf().draw_without_rendering()
        plt.close("all")


# Files -------------------------------------------------------------------------------------------


def test_a_file_gives_everything_back_bit_for_bit(tmp_path):
    for name, value in everything().items():
        if not isinstance(value, Saved):
            continue
        path = value.save(tmp_path / "result")
        assert path.name == "result.npz"
        again = hm.load(path, own=OWN)
        assert_same(value, again, name)
        assert repr(value) == repr(again), name
        first = path.read_bytes()
        again.save(path)
        assert path.read_bytes() == first, name


def test_what_results_hold_comes_back_too(tmp_path):
    """Problems, models, schedules and methods, each to compute with and to compile nothing for."""
    linear = everything()["linear regression"]
    network = everything()["perceptron"]
    path = hm.flow(network, hm.Ramp(0.1, 0.4), np.ones(network.dimension), [0.0, 0.1])
    again = hm.load(path.save(tmp_path / "flow"))
    assert jax.tree.structure(path) == jax.tree.structure(again)
    assert_same(path.evaluate([0.05]), again.evaluate([0.05]))
    again = hm.load(linear.save(tmp_path / "problem.npz"))
    assert_same(linear.deleting([0, 1]).deleted_fit(), again.deleting([0, 1]).deleted_fit())


def metadata(path):
    with zipfile.ZipFile(path) as archive:
        return json.loads(archive.read("metadata.json"))


def rewritten(path, change):
    """The same file with other metadata."""
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    told = json.loads(parts["metadata.json"])
    change(told)
    parts["metadata.json"] = json.dumps(told)
    with zipfile.ZipFile(path, "w") as archive:
        for name, part in parts.items():
            archive.writestr(name, part)
    return path


def test_the_metadata_tell_what_is_in_the_file(tmp_path):
    problem = everything()["linear regression"]
    method = hm.StochasticGradientDescent(0.01, 2, seed=7)
    path = hm.flow(problem, hm.Step(0.1), THETA0, [0.1], method=method).save(tmp_path / "flow")
    told = metadata(path)
    assert told["class"] == "Trajectory" and told["version"] == hm.__version__
    assert told["seeds"] == [7] and told["dtype"] == "float64" and told["own"] == []
    (digest,) = told["data"]
    # Of a result that holds no problem as well.
    response = hm.response(problem, [0.0, 1.0])
    assert metadata(response.save(tmp_path / "response"))["data"] == [digest]
    assert metadata(copy.deepcopy(response).save(tmp_path / "copy"))["data"] == [digest]
    other = everything()["float32"]
    assert metadata(other.save(tmp_path / "other"))["data"] != [digest]


def refused(path, message, own=()):
    with pytest.raises((ValueError, TypeError), match=message):
        hm.load(path, own=own)


@pytest.mark.usefixtures("without_shape_checks")
def test_files_that_are_not_to_be_read_are_refused_with_a_sentence(tmp_path):
    path = everything()["step"].save(tmp_path / "step")
    refused(rewritten(path, lambda told: told.update(format=2)), r"in format 2; .*: upgrade homo")
    foreign = tmp_path / "other.npz"
    np.savez(foreign, theta=np.ones(3))
    refused(foreign, "^path: expected a file that homotopy has saved, got other.npz")
    (tmp_path / "text.npz").write_text("theta, 1\n")
    refused(tmp_path / "text.npz", "^path: expected a file that homotopy has saved, got text.npz")
    with pytest.raises(FileNotFoundError):
        hm.load(tmp_path / "absent")
    refused(3, "^path: expected the name of a file, got 3")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("os:_Environ", r"^own: the file names the class os:_Environ, .* own=\[_Environ\]"),
        ("builtins:object", "^own: the file names the class"),
        ("homotopy.cli:main", "^path: expected the name of a class"),
        ("homotopy._saving:zipfile.ZipFile", "^path: expected the name of a class"),
        ("homotopy.schedules:Absent", "which this release does not have"),
        ("equinox.nn._linear:jnp.ndarray", "^path: expected the name of a class"),
    ],
)
def test_only_classes_of_the_package_are_ever_made(tmp_path, name, message):
    path = everything()["step"].save(tmp_path / "step")
    rewritten(path, lambda told: told["objects"][-1].update({"class": name}))
    refused(path, message)


@pytest.mark.parametrize(
    "name",
    ["posix:system", "builtins:eval", "homotopy._saving:os.system", "numpy:lib.npyio.sys.exit"],
)
def test_only_functions_of_numerical_packages_are_ever_found(tmp_path, name):
    path = everything()["tanh"].network
    problem = hm.Problem(
        everything()["tanh"], hm.SquaredError(), np.ones((3, 2)), np.ones(3), deleted=1
    )
    path = problem.save(tmp_path / "network")
    text = json.dumps(metadata(path))
    assert text.count('"jax.nn:tanh"') == 1

    def swap(told):
        changed = json.loads(json.dumps(told).replace("jax.nn:tanh", name))
        told.clear()
        told.update(changed)

    refused(rewritten(path, swap), "^(own: the file names|path: )")


def called(function, *arguments):
    """The node of a function with its arguments, which is called without any."""
    return {"partial": [{"function": function}, [*arguments], {"dict": []}]}


@pytest.mark.parametrize(
    ("node", "message"),
    [
        (called("numpy.testing:runstring", "raise SystemExit", {"dict": []}), "^own: .*runstring"),
        (called("numpy:load", "absent"), "^own: .*numpy:load"),
        (called("jax.numpy:load", "absent"), "^path: expected the name of a function of JAX"),
        (called("jax._src.numpy.lax_numpy:np.load", "absent"), "^path: expected the name of a fun"),
        (called("equinox:tree_serialise_leaves", "absent", 1.0), "^own: .*tree_serialise_leaves"),
        (called("homotopy._saving:write", 1.0, "absent"), "^own: .*write"),
        (called("homotopy.models:by_fields"), "^path: expected the name of a function of JAX"),
        # Imported as a module, this runs a program.
        ({"function": "numpy.f2py.__main__:main"}, "^own: the file names the function"),
        # Of numbers alone; but not to be called by its own name on loading.
        (called("jax.numpy:zeros", 3), "^path: _data_hash is no field of a LinearRegression"),
    ],
)
@pytest.mark.usefixtures("without_shape_checks")
def test_a_file_has_nothing_called_when_it_is_read(tmp_path, node, message):
    path = everything()["linear regression"].save(tmp_path / "problem")

    def put(told):
        told["objects"][-1]["state"]["dict"][0][1]["dict"].append(["_data_hash", node])

    refused(rewritten(path, put), message)


def test_a_method_is_looked_up_without_computing(tmp_path, monkeypatch):
    path, computed = everything()["optimum"].save(tmp_path / "optimum"), []
    monkeypatch.setattr(hm.Deletion, "pmp_residual", lambda *given: computed.append(given))

    def put(told):
        told["root"] = {"method": [{"object": len(told["objects"]) - 1}, "pmp_residual"]}

    refused(rewritten(path, put), "^path: expected the name of a method, got pmp_residual")
    assert not computed


@pytest.mark.parametrize(
    "damage",
    [
        lambda parts: parts.update({"array0.npy": parts["array0.npy"][:-3]}),
        lambda parts: parts.update({"array0.npy": b""}),
        lambda parts: parts.update({"array9.npy": parts.pop("array0.npy")}),
        lambda parts: parts.update({"metadata.json": b'{"program": "homotopy"}'}),
        lambda parts: parts.update({"metadata.json": b'{"program": "homotopy", "format": 1}'}),
        lambda parts: parts.update({"metadata.json": b"[]"}),
        lambda parts: parts.pop("metadata.json"),
    ],
)
def test_a_damaged_file_is_refused_by_its_name(tmp_path, damage):
    path = everything()["step"].save(tmp_path / "step")
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    damage(parts)
    with zipfile.ZipFile(path, "w") as archive:
        for name, part in parts.items():
            archive.writestr(name, part)
    refused(path, "^path: .*step.npz")


def test_what_is_computed_from_the_rest_is_not_in_a_file(tmp_path):
    """Else the bytes would tell what was looked at before."""
    control = everything()["control"]
    vars(control).pop("residual", None)
    before = control.save(tmp_path / "before").read_bytes()
    assert control.pmp_residual >= 0.0 and "residual" in vars(control)
    assert control.save(tmp_path / "after").read_bytes() == before


def test_changed_data_are_seen(tmp_path):
    path = everything()["linear regression"].save(tmp_path / "problem")
    refused(rewritten(path, lambda told: told.update(data=["0" * 64])), "are not those that were")


def test_what_is_no_code_of_a_package_is_named_or_refused(tmp_path):
    problem = everything()["function"]
    path = problem.save(tmp_path / "function")
    assert metadata(path)["own"] == ["instances:product"]
    refused(path, r"^own: the file names the function instances:product, .* own=\[product\]")
    assert hm.load(path, own=[product]).model.function is product
    data = {"X": [[1.0], [2.0]], "y": [0.0, 1.0], "deleted": 0}

    def saved(function):
        model = hm.function_model(function, 1)
        return hm.Problem(model, hm.SquaredError(), **data).save(tmp_path / "lambda")

    with pytest.raises(TypeError, match=r"^save: expected functions .* a lambda of .*: write it"):
        saved(lambda theta, x: theta[0] * x[0])

    def inside(theta, x):
        return theta[0] * x[0]

    with pytest.raises(TypeError, match="made inside of a function: move it out"):
        saved(inside)
    assert not (tmp_path / "lambda.npz").exists()


def test_float64_is_not_loaded_as_float32(tmp_path):
    path = everything()["step"].save(tmp_path / "step")
    with jax.enable_x64(False), pytest.raises(RuntimeError, match="enable_x64"):
        hm.load(path)


# Names and numbers -------------------------------------------------------------------------------

CARS = pd.DataFrame(
    {
        "intercept": np.ones(8),
        "wt <t>": [2.62, 2.32, 3.44, 3.57, 5.42, 2.2, 1.835, 1.513],
        "hp": [110.0, 93.0, 175.0, 245.0, 205.0, 66.0, 65.0, 52.0],
    },
    index=["Mazda", "Datsun", "Hornet", "Duster", "Lincoln", "Fiat", "Corolla", "Civic & co"],
)
MILES = pd.Series([21.0, 22.8, 18.7, 14.3, 10.4, 32.4, 33.9, 30.4], CARS.index, name="mpg")


@pytest.fixture(scope="module")
def cars():
    return hm.LinearRegression(CARS, MILES, deleted=4)


def test_diagnostics_are_those_of_statsmodels_by_name(cars):
    found = hm.regression_diagnostics(cars)
    frame = found.to_frame()
    theirs = OLSInfluence(sm.OLS(MILES, CARS).fit()).summary_frame()
    assert list(frame.index) == list(CARS.index)
    for ours, name in (
        ("Cook's distance", "cooks_d"),
        ("leverage", "hat_diag"),
        ("studentised", "student_resid"),
        ("DFFITS", "dffits"),
        ("DFBETAS hp", "dfb_hp"),
    ):
        np.testing.assert_allclose(frame[ours], theirs[name], rtol=1e-10, atol=1e-13)
    order = theirs["cooks_d"].sort_values(ascending=False).index[:3]
    assert [row[0] for row in found.summary(rows=3).rows] == list(order)
    assert f"{order[0]}: {theirs['cooks_d'].max():.4g}" in repr(found)


def test_diagnostics_of_counts_are_those_of_statsmodels_by_name():
    counts = pd.Series([3, 1, 4, 1, 5, 9, 2, 6], CARS.index)
    X = CARS[["intercept", "wt <t>"]]
    problem = hm.Problem(hm.linear_model(2), hm.losses.Poisson(), X, counts, deleted=0)
    frame = hm.diagnostics.glm_diagnostics(problem).to_frame()
    fitted = sm.GLM(counts, X, family=sm.families.Poisson()).fit(tol=1e-14)
    theirs = fitted.get_influence()
    assert list(frame.index) == list(CARS.index)
    np.testing.assert_allclose(frame["Cook's distance"], theirs.cooks_distance[0], rtol=1e-7)
    np.testing.assert_allclose(frame["deviance residual"], fitted.resid_deviance, rtol=1e-7)


def test_changes_are_those_of_refits_by_name(cars):
    def refit(without):
        return np.linalg.lstsq(CARS.drop(without), MILES.drop(without))[0]

    whole = np.linalg.lstsq(CARS, MILES)[0]
    alone = hm.predict(cars, hm.LeaveOneOut()).to_frame()
    assert list(alone.index) == list(CARS.columns) == list(cars.parameter_names)
    np.testing.assert_allclose(alone["change"], refit("Lincoln") - whole, rtol=1e-9)
    np.testing.assert_allclose(alone["theta without"], refit("Lincoln"), rtol=1e-9)
    every = hm.predict(cars, hm.LeaveOneOut(), points=range(8)).to_frame()
    for name in CARS.index:
        row = every.loc[name, list(CARS.columns)].astype(float)
        np.testing.assert_allclose(row, refit(name) - whole, rtol=1e-8, atol=1e-10)


def test_names_go_with_a_result_through_files_pickles_and_copies(cars, tmp_path):
    times = [0.0, 1e-6]
    first_order = hm.predict(cars, hm.Influence(), groups=[[0, 4], [1, 2]])
    assert "Mazda, Lincoln" in repr(first_order) and "Datsun, Hornet" in repr(first_order)
    moved = hm.sensitivity(cars, np.zeros(3), times, points=[3, 7])
    path = hm.response(cars, [0.0, 1.0])
    for result, name in ((first_order, "hp"), (moved, "Civic & co"), (path, "wt <t>")):
        printed = str(result.summary())
        assert name in printed
        table = ElementTree.fromstring(f"<div>{result.summary()._repr_html_()}</div>")
        assert any(name in (cell.text or "") for cell in table.iter())
        short = ElementTree.fromstring(result._repr_html_())
        assert [cell.text for cell in short.iter("td")] == [entry for _, entry in result._shown()]
        saved = hm.load(result.save(tmp_path / "named"))
        for again in (saved, pickle.loads(pickle.dumps(result)), copy.deepcopy(result)):
            assert str(again.summary()) == printed
    # A stack of results has no names of its own, and no table.
    stacked = jax.tree.map(lambda part: jnp.stack([part, part]), moved)
    with pytest.raises(ValueError, match=r"^to_frame: expected the result of one computation"):
        stacked.to_frame()
    one = jax.tree.map(lambda part: part[0], stacked)
    assert "Civic" not in str(one.summary()) and len(one.to_frame()) == len(moved.to_frame())


def test_pictures_name_features_and_rows(cars):
    assert [t.get_text() for t in hm.predict(cars, hm.LeaveOneOut()).plot().get_yticklabels()] == [
        *CARS.columns
    ]
    ax = hm.predict(cars, hm.LeaveOneOut(), points=range(8)).plot()
    assert [tick.get_text() for tick in ax.get_xticklabels()] == list(CARS.index)
    words = [text.get_text() for text in hm.regression_diagnostics(cars).plot().texts]
    theirs = OLSInfluence(sm.OLS(MILES, CARS).fit()).cooks_distance[0]
    assert words[0] == CARS.index[np.argmax(theirs)]
    ax = hm.flow(cars, hm.Step(0.1), np.zeros(3), [0.0, 1e-6]).plot()
    assert [text.get_text() for text in ax.get_legend().get_texts()] == list(CARS.columns)


def test_tables_and_pictures_number_what_has_no_name_alike():
    """From 1 on: θ₀ is where training starts."""
    problem = hm.LinearRegression(CARS.to_numpy(), MILES.to_numpy(), deleted=4)
    change = hm.predict(problem, hm.LeaveOneOut())
    ticks = [tick.get_text() for tick in change.plot().get_yticklabels()]
    path = hm.flow(problem, hm.Step(0.1), np.zeros(3), [0.0, 1e-6])
    legend = [text.get_text() for text in path.plot().get_legend().get_texts()]
    tables = [list(change.to_frame().index), list(path.to_frame().columns)]
    assert ticks == legend == tables[0] == tables[1] == list(problem.parameter_names)
    assert ticks == ["θ₁", "θ₂", "θ₃"]
    # A feature may well be called by a Greek letter.
    angles = pd.DataFrame(CARS.to_numpy(), columns=["θ", "φ", "hp"])
    change = hm.predict(hm.LinearRegression(angles, MILES.to_numpy(), deleted=4), hm.LeaveOneOut())
    assert [tick.get_text() for tick in change.plot().get_yticklabels()] == ["θ", "φ", "hp"]


def test_columns_of_one_name_stay_apart():
    twice = pd.concat([CARS["hp"], CARS["wt <t>"].rename("hp")], axis=1)
    frame = hm.flow(
        hm.LinearRegression(twice, MILES, deleted=0), hm.Step(0.1), [1.0, 2.0], [0.0]
    ).to_frame()
    np.testing.assert_allclose(frame, [[1.0, 2.0]], rtol=1e-12)
    assert list(frame.columns) == ["hp", "hp"]


def test_numbers_in_few_letters():
    assert number(1 / 3) == "0.333333" and number(-0.0) == "0" and number(12345678) == "12345678"
    assert text(np.array([1.0, np.nan])) == "[1, nan]"
    assert text(np.arange(10.0)) == "float64[10] from 0 to 9"
    assert text(np.array([np.nan] * 8)) == "float64[8], none finite"
    assert largest([1.0, -3.0, 2.0, 0.5, 0.25], "abcde") == "b: -3, c: 2, a: 1, …"
    assert largest([1.0, -3.0], "ab") == "a: 1, b: -3"


def test_summary_shows_as_many_rows_as_asked_for(cars):
    change = hm.predict(cars, hm.LeaveOneOut(), points=range(8))
    sizes = change.to_frame()["‖change‖"].sort_values(ascending=False)
    assert [row[0] for row in change.summary(rows=2).rows] == list(sizes.index[:2])
    with pytest.raises(ValueError, match=r"^rows: expected an integer >= 1"):
        change.summary(rows=0)


def test_results_are_documented():
    for name in ("save", "summary", "to_frame"):
        assert inspect.getdoc(getattr(Result, name))
