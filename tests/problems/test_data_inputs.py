"""What people have for data: taken as the numbers it holds, or refused with the place."""

import decimal
import tracemalloc

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest
import scipy.sparse
from rounding import assert_same_number

import homotopy as hm
from homotopy import datasets
from homotopy._numbers import as_numbers
from homotopy.problem import validated_data

pytestmark = pytest.mark.usefixtures("without_shape_checks")

NUMBERS = np.array([[1.0, 1.0, 1.5], [2.0, 0.0, -2.0], [3.0, 1.0, 0.25], [4.0, 0.0, 5.0]])
FRAME = pd.DataFrame({"age": [1, 2, 3, 4], "smokes": [True, False] * 2, "dose": NUMBERS[:, 2]})
Y = [0.0, 1.0, 3.0, 2.0]
COLOURS = list("rgbr")


@pytest.mark.parametrize(
    "given",
    [
        NUMBERS.tolist(),
        [tuple(row) for row in NUMBERS],
        jnp.asarray(NUMBERS),
        np.asfortranarray(NUMBERS),
        NUMBERS.astype(object),
        np.ma.array(NUMBERS),
        FRAME,
        FRAME.astype({"age": "Int64", "smokes": "boolean", "dose": "Float64"}),
        FRAME.astype({"age": "Int8", "dose": "Float32"}),
        FRAME.astype(object),
        FRAME.astype({"smokes": object}),
        FRAME.astype({"smokes": pd.SparseDtype(bool)}),
        FRAME.set_index(pd.Index([7, 7, 3, 1])),
        FRAME.set_axis(["same", "same", "other"], axis=1),
        [[decimal.Decimal(entry) for entry in row] for row in NUMBERS],
    ],
    ids=lambda given: type(given).__name__,
)
def test_numbers_are_taken_for_what_they_are(given):
    taken = as_numbers("X", given, data=True)
    assert taken.dtype.kind == "f"
    np.testing.assert_array_equal(taken, NUMBERS)
    np.testing.assert_array_equal(hm.LinearRegression(given, Y, deleted=1).X, NUMBERS)


def test_indicator_columns_count_as_0_and_1():
    table = pd.get_dummies(pd.DataFrame({"dose": NUMBERS[:, 2], "colour": COLOURS}))
    expected = np.column_stack(
        [NUMBERS[:, 2], [[colour == c for c in "bgr"] for colour in COLOURS]]
    )
    for given in (table, table.to_numpy(), table.iloc[:, 1:]):
        taken = hm.Predictions(given).X
        np.testing.assert_array_equal(taken, expected[:, -given.shape[1] :])


@pytest.mark.parametrize(
    "labels",
    [
        [True, False, True, True],
        np.array([1, 0, 1, 1], bool),
        pd.Series([True, False, True, True]),
        pd.Series([1, 0, 1, 1], dtype="boolean"),
        pd.Series([1, 0, 1, 1], dtype="Int64"),
        pd.array([1, 0, 1, 1], dtype="UInt8"),
        pd.Index([1, 0, 1, 1]),
        pd.Series([True, False, True, True], dtype=object),
    ],
    ids=lambda given: f"{type(given).__name__} {getattr(given, 'dtype', '')}",
)
def test_labels_stay_integers(labels):
    problem = hm.Problem(hm.linear_model(3), hm.Logistic(), FRAME, labels, deleted=0)
    assert jnp.issubdtype(problem.y.dtype, jnp.integer)
    assert problem.y.tolist() == [1, 0, 1, 1]
    classes = hm.Problem(hm.mlp([3, 2]), hm.SoftmaxCrossEntropy(), FRAME, labels, deleted=0)
    assert classes.y.tolist() == [1, 0, 1, 1]
    risk = problem.risk(jnp.ones(3))
    outputs = NUMBERS.sum(axis=1)
    np.testing.assert_allclose(risk, np.sum(np.log1p(np.exp(outputs)) - [1, 0, 1, 1] * outputs))


def test_one_hot_booleans_are_class_probabilities():
    table = pd.get_dummies(COLOURS)
    problem = hm.Problem(hm.mlp([3, 3]), hm.SoftmaxCrossEntropy(), FRAME, table, deleted=0)
    numbers = hm.Problem(
        hm.mlp([3, 3]), hm.SoftmaxCrossEntropy(), FRAME, table.to_numpy(float), deleted=0
    )
    theta = jnp.linspace(-1.0, 1.0, problem.dimension)
    np.testing.assert_allclose(problem.risk(theta), numbers.risk(theta), rtol=1e-14)


MASK = [True, False, False, True]


@pytest.mark.parametrize(
    "mask",
    [MASK, np.array(MASK), jnp.array(MASK), pd.Series(MASK), pd.Series(MASK, dtype="boolean"),
     pd.Series(MASK, dtype=object), tuple(MASK)],
    ids=lambda given: f"{type(given).__name__} {getattr(given, 'dtype', '')}",
)  # fmt: skip
def test_a_mask_stands_for_its_rows(mask):
    problem = hm.LinearRegression(NUMBERS, Y, deleted=mask, ridge=0.1)
    assert problem.deleted.tolist() == [0, 3]
    by_mask = hm.predict(problem, hm.Influence(), points=mask)
    by_rows = hm.predict(problem, hm.Influence(), points=[0, 3])
    np.testing.assert_array_equal(by_mask.delta, by_rows.delta)
    together = hm.predict(problem, hm.Influence(), groups=[mask, [1]])
    np.testing.assert_array_equal(
        together.delta, hm.predict(problem, hm.Influence(), groups=[[0, 3], [1]]).delta
    )
    single = hm.predict(problem, hm.Influence(), groups=mask)
    # Another batch, in which sums may be taken in another order: H⁻¹g to the condition of H.
    condition = np.linalg.cond(NUMBERS.T @ NUMBERS + 0.1 * np.eye(3))
    scale = condition * np.max(np.abs(single.delta))
    assert_same_number(single.delta, together.delta[0], operations=4 * NUMBERS.size, scale=scale)


REFUSED = {
    "NaN": (FRAME.assign(dose=[1, np.nan, 2, 3]), r"NaN.* in row 1, column 'dose'"),
    "NA": (FRAME.astype("Float64").replace(4.0, pd.NA), r"missing.* in row 3, column 'age'"),
    "None": ([[1.0, None], *NUMBERS[1:, :2].tolist()], r"missing.* in row 0, column 1"),
    "infinity": (np.where(NUMBERS == 5.0, -np.inf, NUMBERS), r"-inf in row 3, column 2"),
    "categories": (
        FRAME.assign(colour=pd.Categorical(COLOURS)),
        r"categories in column 'colour'; pandas\.get_dummies\(\w, columns=\['colour'\]\)",
    ),
    "text": (
        FRAME.assign(colour=COLOURS, town=COLOURS),
        r"text in columns 'colour', 'town'; pandas\.get_dummies.*\.astype\(float\)",
    ),
    "text among objects": (
        FRAME.astype(object).assign(colour=pd.Series([1, 2, "b", 4], dtype=object)),
        r"text, 'b', in row 2, column 'colour'",
    ),
    "text among numbers": ([[1, 2], [3, "4"], [5, 6], [7, 8]], r"text, '4', in row 1, column 1"),
    "dates": (FRAME.assign(day=pd.date_range("2020", periods=4)), "dates or times in column 'day'"),
    "complex": (NUMBERS + 0j, "real numbers, got complex ones"),
    "complex column": (FRAME.assign(z=1j), "real numbers, got complex ones in column 'z'"),
    "masked": (np.ma.masked_equal(NUMBERS, 0.25), r"masked one in row 2, column 2.*\.filled\("),
    "sparse": (scipy.sparse.csr_array(NUMBERS), r"sparse csr_array; \w\.toarray\(\)"),
    "ragged": ([[1.0], [1.0, 2.0], [1.0], [1.0]], "rows of one length"),
    "a mapping": ({"age": [1, 2]}, "expected numbers, got a dict"),
}


@pytest.mark.parametrize(("given", "message"), REFUSED.values(), ids=REFUSED.keys())
def test_what_is_no_number_is_refused_with_its_place(given, message):
    with pytest.raises(ValueError, match=rf"X: .*{message}"):
        hm.LinearRegression(given, Y, deleted=0)
    with pytest.raises(ValueError, match=rf"y: .*{message}"):
        hm.Problem(hm.mlp([3, 3]), hm.SquaredError(), FRAME, given, deleted=0)


PLACES = {
    "Problem": lambda X: hm.Problem(hm.linear_model(3), hm.SquaredError(), X, Y, deleted=0),
    "TestLoss": lambda X: hm.TestLoss(X, Y),
    "Predictions": hm.Predictions,
    "PredictionDistance": hm.deletion.PredictionDistance,
    "Dataset": lambda X: datasets.Dataset("name", X, np.array(Y), ("a", "b", "c"), "y", ""),
    "collinear_columns": datasets.collinear_columns,
    "clustered_groups": lambda X: hm.influence.clustered_groups(X, 2, 1),
    "early_stopping": lambda X: hm.influence.early_stopping(
        hm.LinearRegression(NUMBERS, Y, deleted=0), np.zeros(3), X, Y, batch_size=2
    ),
}


@pytest.mark.parametrize("place", PLACES)
def test_every_place_that_takes_data_checks_it_alike(place):
    for given, message in (REFUSED["NaN"], REFUSED["masked"], REFUSED["categories"]):
        with pytest.raises(ValueError, match=rf"X: .*{message}"):
            PLACES[place](given)
    if place != "early_stopping":
        PLACES[place](FRAME)


@pytest.mark.parametrize(
    ("y", "message"),
    [
        ([1.0, 2.0, 3.0, np.ma.masked], "masked one in row 3"),
        (np.ma.array([1.0, 2.0, 3.0, 4.0], mask=[0, 0, 0, 1]), "masked one in row 3"),
        (pd.Series([1, None, 2, 3], dtype="Int64"), "missing.* in row 1"),
        (pd.Series(COLOURS, dtype="category"), r"categories; .*\(labels == .*\)\.astype\(int\)"),
        (COLOURS, r"text, 'r', in row 0; .*\(labels == .*\)\.astype\(int\)"),
    ],
)
def test_targets_are_refused_by_row(y, message):
    # The first two were taken, with −248.25 for an answer.
    for taker in (hm.LinearRegression, hm.TestLoss):
        with pytest.raises(ValueError, match=f"y: .*{message}"):
            taker(NUMBERS, y, **({"deleted": 0} if taker is hm.LinearRegression else {}))


@pytest.mark.parametrize(
    ("mask", "message"),
    [
        ([True, False, False], r"deleted: .* mask of 4 booleans, got booleans of shape \(3,\)"),
        ([False] * 4, "deleted: expected a mask with at least one True"),
        ([True] * 4, "deleted: all 4 rows are deleted"),
        (True, "deleted: expected a row number"),
        (pd.array([True, None, True, False], dtype="boolean"), "NaN in entry 1"),
        (np.array([1.0, 0.0, 0.0, 0.0]), "deleted: expected a row number"),
    ],
)
def test_a_mask_that_names_no_rows_is_refused(mask, message):
    with pytest.raises(ValueError, match=message):
        hm.LinearRegression(NUMBERS, Y, deleted=mask)


@pytest.mark.parametrize("form", ["array", "columns first", "frame"])
def test_checks_take_no_copy_of_the_data(form):
    X = np.random.default_rng(0).standard_normal((200_000, 20))
    given = {"array": X, "columns first": np.asfortranarray(X), "frame": pd.DataFrame(X)}[form]
    y = X[:, 0].copy()
    tracemalloc.start()
    inputs, targets, _ = validated_data(given, y, 0)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 0.1 * X.nbytes  # a block of booleans at a time
    assert np.shares_memory(inputs, given if form != "frame" else given.to_numpy())
    assert targets is y
    X[-1, -1] = np.nan
    with pytest.raises(ValueError, match="row 199999, column 19"):
        validated_data(X, y, 0)


# One idea of a function of θ ---------------------------------------------------------------------


def regression():
    return hm.LinearRegression(NUMBERS, Y, deleted=1, ridge=0.3)


def test_a_test_loss_is_a_measurement_wherever_a_function_is():
    problem, theta0 = regression(), [0.1, -0.2, 0.3]
    given = hm.TestLoss(NUMBERS[:2] + 0.5, [1.0, -1.0])

    def written_out(theta):
        apart = (NUMBERS[:2] + 0.5) @ theta - np.array([1.0, -1.0])
        return 0.25 * (apart @ apart)

    found, expected = (
        hm.flows.measurement_sensitivity(problem, theta0, measurement, 0.7)
        for measurement in (given, written_out)
    )
    np.testing.assert_allclose(found.value, expected.value, rtol=1e-14)
    np.testing.assert_allclose(found.influence, expected.influence, rtol=1e-12, atol=1e-14)
    found = hm.flows.measurement_sensitivity(problem, theta0, given, 0.7, method=hm.Adaptive())
    # To what the solver's tolerance of 1e-9 a step leaves.
    np.testing.assert_allclose(found.value, expected.value, rtol=1e-7)
    np.testing.assert_allclose(found.influence, expected.influence, rtol=1e-6, atol=1e-8)
    found, expected = (
        hm.Deletion(problem, theta0, 0.1, 0.8, terminal_cost=cost) for cost in (given, written_out)
    )
    (value, gradient), (other, slope) = (
        deletion.value_and_gradient(hm.Step(0.4)) for deletion in (found, expected)
    )
    np.testing.assert_allclose(value, other, rtol=1e-14)
    np.testing.assert_allclose(gradient.switch, slope.switch, rtol=1e-10)

    def at(switches):
        path = hm.flow(problem, hm.BangBang(switches, initial=1), theta0, [0.8])
        return written_out(np.asarray(path.theta[0]))

    switches, moves = np.array([0.2, 0.5, 0.6]), 1e-3 * np.eye(3)
    value, gradient = found.value_and_gradient(hm.BangBang(switches, initial=1))
    np.testing.assert_allclose(value, at(switches), rtol=1e-13)
    # Cut off at the fourth power of the move.
    differences = [
        (8 * (at(switches + h) - at(switches - h)) - at(switches + 2 * h) + at(switches - 2 * h))
        / 12e-3
        for h in moves
    ]
    np.testing.assert_allclose(gradient.switches, differences, rtol=1e-7, atol=1e-9)
    assert found.target is None


def test_the_own_loss_of_the_deleted_points_is_a_terminal_cost():
    problem = hm.LinearRegression(NUMBERS, Y, deleted=[1, 3])
    deletion = hm.Deletion(problem, np.zeros(3), 0.0, 0.5, terminal_cost=hm.OwnLoss())
    end = np.asarray(deletion.final_state(0.2))
    own = 0.5 * np.sum((NUMBERS[[1, 3]] @ end - np.array(Y)[[1, 3]]) ** 2)
    np.testing.assert_allclose(deletion.cost(hm.Step(0.2)), own, rtol=1e-13)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda: hm.flows.measurement_sensitivity(regression(), np.zeros(3), hm.OwnLoss(), 1.0),
            ValueError,
            r"measurement: .*got OwnLoss\(\); influence_in_time takes it",
        ),
        (
            lambda: hm.flows.measurement_sensitivity(
                regression(), np.zeros(3), hm.Predictions(), 1.0
            ),
            ValueError,
            r"measurement: expected a scalar, got shape \(4,\)",
        ),
        (
            lambda: hm.Deletion(
                regression(), np.zeros(3), 0.0, 1.0, terminal_cost=hm.Predictions()
            ),
            ValueError,
            r"terminal_cost: expected a scalar, got shape \(4,\)",
        ),
        (
            lambda: hm.Deletion(regression(), np.zeros(3), 0.0, 1.0, terminal_cost=hm.TestLoss),
            TypeError,
            r"terminal_cost: expected .*TestLoss\(X, y\).*, got the class TestLoss",
        ),
        (
            lambda: hm.Problem(lambda theta, x: theta @ x, hm.SquaredError(), FRAME, Y, deleted=0),
            TypeError,
            r"model: expected .*function_model\(f, dimension\).*, got the function <lambda>",
        ),
        (
            lambda: hm.flow(regression(), hm.Steps(), np.zeros(3), [1.0]),
            TypeError,
            r"schedule: expected a schedule such as Step\(switch\)",
        ),
        (
            lambda: hm.Deletion(regression(), np.zeros(3), 0.0, 1.0).cost(0.5),
            TypeError,
            r"schedule: expected .*, got 0\.5",
        ),
        (
            lambda: hm.Deletion(regression(), np.zeros(3), 0.0, 1.0).cost(lambda t: 1.0),
            TypeError,
            r"schedule: expected .*, got the function <lambda>",
        ),
    ],
)
def test_the_remedy_is_named(call, error, message):
    with pytest.raises(error, match=message):
        call()


# Schedules outside of E_s ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("schedule", "reason"),
    [
        (hm.Step(0.1), r"ε must be 1 on \[0, 0\.3\]"),
        (hm.Constant(1.0), "ε must be 0 after 0.8"),
        (hm.Ramp(0.5, 0.9), "ε must be 0 after 0.8"),
        (hm.BangBang([0.2, 0.4, 0.5], initial=1), r"ε must be 1 on \[0, 0\.3\]"),
    ],
)
def test_the_cost_of_a_schedule_outside_says_so(schedule, reason):
    deletion = hm.Deletion(regression(), np.zeros(3), 0.3, 0.8)
    with pytest.warns(UserWarning, match=f"schedule: {reason}.*outside of E_s"):
        cost = deletion.cost(schedule)
    assert deletion.cost(schedule, outside="allow") == cost
    with pytest.raises(ValueError, match=f"schedule: {reason}.*outside of E_s"):
        deletion.cost(schedule, outside="raise")


def test_the_cost_of_an_admissible_or_traced_schedule_says_nothing():
    deletion = hm.Deletion(regression(), np.zeros(3), 0.3, 0.8)
    for schedule in (hm.Step(0.3), hm.Step(0.8), hm.Ramp(0.3, 0.8)):
        deletion.cost(schedule)
        deletion.cost(schedule, outside="raise")
    taus = jnp.array([0.1, 0.5])
    values = jax.vmap(lambda tau: deletion.cost(hm.Step(tau)))(taus)
    np.testing.assert_allclose(values[1], deletion.cost(hm.Step(0.5)), rtol=1e-12)
    optimum = hm.optimise(deletion, over=hm.Steps(grid=16))
    assert hm.best_step(deletion, grid=16).cost >= 0.0 and optimum.cost >= 0.0
