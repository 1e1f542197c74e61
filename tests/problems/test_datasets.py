"""Data sets: known facts, files good and bad, and linear algebra by other routes."""

import fractions
import gzip
import zipfile

import jaxtyping
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rounding import assert_same_number
from sklearn.datasets import load_diabetes

from homotopy.datasets import (
    CollinearColumn,
    Dataset,
    collinear_columns,
    diabetes,
    from_table,
    notes_example,
    standardise,
)


def table(X, y=None, names=None):
    X = np.asarray(X, dtype=float)
    names = names or tuple("abcdefgh"[: X.shape[1]])
    y = np.arange(len(X), dtype=float) if y is None else np.asarray(y, dtype=float)
    return Dataset("table", X, y, names, "target", "A table.")


@pytest.fixture
def write(tmp_path):
    def write(text, name="data.csv", encoding="utf-8"):
        path = tmp_path / name
        path.write_bytes(text.encode(encoding))
        return path

    return write


# --- the data there are


def test_diabetes_is_the_published_table():
    data = diabetes()
    assert data.X.shape == (442, 10) and data.y.shape == (442,)
    assert data.feature_names == ("age", "sex", "bmi", "bp", "s1", "s2", "s3", "s4", "s5", "s6")
    # first patient of the table that accompanies Efron et al. (2004)
    np.testing.assert_array_equal(data.X[0, :4], [59.0, 2.0, 32.1, 101.0])
    assert data.y[0] == 151.0


def test_standardised_diabetes_agrees_with_scikit_learns_own_scaling():
    # scikit-learn scales columns to length 1, we to standard deviation 1: a factor √442.
    expected = load_diabetes(scaled=True).data * np.sqrt(442)
    np.testing.assert_allclose(standardise(diabetes())[0].X, expected, rtol=1e-10, atol=1e-12)


def test_notes_example_is_seeded_linear_regression():
    data = notes_example(seed=4)
    assert data.X.shape == (20, 2) and data.feature_names == ("x1", "x2")
    np.testing.assert_array_equal(data.X, notes_example(seed=4).X)
    assert not np.array_equal(data.X, notes_example(seed=5).X)
    # without noise the target lies in the span of X
    exact = notes_example(seed=4, size=50, dimension=3, noise=0.0)
    residual = np.linalg.lstsq(exact.X, exact.y, rcond=None)[1]
    assert residual < 1e-25
    # noise changes nothing else, and has the standard deviation asked for
    noisy = notes_example(seed=4, size=5000, dimension=3, noise=0.5)
    clean = notes_example(seed=4, size=5000, dimension=3, noise=0.0)
    np.testing.assert_array_equal(noisy.X, clean.X)
    assert abs(np.std(noisy.y - clean.y) / 0.5 - 1) < 5 / np.sqrt(2 * 5000)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"size": 0}, "size: expected an integer >= 1, got 0"),
        ({"dimension": 0}, "dimension: expected an integer >= 1"),
        ({"noise": -1.0}, "noise: expected a finite number >= 0"),
        ({"noise": float("nan")}, "noise: expected a finite number >= 0"),
    ],
)
def test_notes_example_refuses_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        notes_example(**arguments)


def test_a_dataset_is_consistent(without_shape_checks):
    with pytest.raises(ValueError, match="one entry for each row"):
        table([[1.0], [2.0]], y=[1.0, 2.0, 3.0])
    with pytest.raises(ValueError, match="must name the 2 columns"):
        table([[1.0, 2.0]], names=("a",))


def test_shapes_of_a_dataset_are_checked_in_this_test_run():
    with pytest.raises(jaxtyping.TypeCheckError):
        table([[1.0], [2.0]], y=[1.0, 2.0, 3.0])


# --- files


def test_a_good_file(write):
    data = from_table(write("a, y ,b\n1,2,3\n\n4.5,-5e-1,6\n"), target="y")
    np.testing.assert_array_equal(data.X, [[1.0, 3.0], [4.5, 6.0]])
    np.testing.assert_array_equal(data.y, [2.0, -0.5])
    assert data.feature_names == ("a", "b") and data.target_name == "y" and data.name == "data"
    assert data.X.dtype == np.float64 and data.X.flags["C_CONTIGUOUS"]


def test_quotes_a_byte_order_mark_and_crlf_are_read(write):
    text = '"rooms, all","y"\r\n"1",2\r\n3,4\r\n'
    data = from_table(write(text, encoding="utf-8-sig"), target="y")
    assert data.feature_names == ("rooms, all",)
    np.testing.assert_array_equal(data.X, [[1.0], [3.0]])


def test_blanks_before_a_quote_are_no_part_of_the_cell(write):
    data = from_table(write('a, "rooms, all", y\n1, "2", 3\n4, "5", 7\n'), target="y")
    assert data.feature_names == ("a", "rooms, all")
    np.testing.assert_array_equal(data.X, [[1.0, 2.0], [4.0, 5.0]])


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=4, max_size=4))
def test_numbers_come_back_exactly(tmp_path_factory, values):
    path = tmp_path_factory.mktemp("csv") / "data.csv"
    a, b, c, d = values
    path.write_text(f"x,y\n{a!r},{b!r}\n{c!r},{d!r}\n")
    data = from_table(path, target="y")
    assert [data.X[0, 0], data.y[0], data.X[1, 0], data.y[1]] == values


BAD_FILES = {
    "missing values": (
        "a,b,y\n1,,3\n4,5,6\nNA,8,\n",
        r"missing values: column 'a' in row 2, column 'b' in row 0, column 'y' in row 2 "
        r"\(rows count from 0",
    ),
    "many missing values": ("a,y\n" + ",1\n" * 9, "'a' in rows 0, 1, 2, 3, 4 and 4 more"),
    "a column of nothing": ("a,b,y\n,1,3\n,2,4\n,2,\n", "column 'a' in rows 0, 1, 2"),
    "blank cell": ("a,y\n1, \n3,4\n", "missing values: column 'y' in row 0"),
    "short row": ("a,b,y\n1,2,3\n4,5\n", "missing values: column 'y' in row 1"),
    "long row": ("a,y\n1,2\n3,4,5\n", r"cannot be read as CSV: line 3 has 3 cells, .* 2 columns"),
    "text": (
        "a,town,y\n1,Oslo,3\n4,Rome,6\n",
        r"text that differs in every row, in column 'town' \(row 0: 'Oslo'\): index='town'",
    ),
    "text among numbers": (
        "a,b,y\n1,2,3\n4,x,6\n7,1,2\n",
        r"text where numbers are needed: column 'b' has numbers, such as 2, and 'x' in row 1: "
        r"mend these cells; drop=\['b'\] leaves the column out",
    ),
    "nearly as many texts as rows": (
        "a,b,y\n" + "".join(f"{i},{'pqrst'[i % 5]},{i}\n" for i in range(8)),
        "5 different texts in the 8 rows of column 'b'",
    ),
    "a number with commas": ('a,y\n"1,000",2\n3,4\n', "'1,000'"),
    "source notation": ("a,y\n1_000,2\n3,4\n", "'1_000'"),
    "no rows": ("a,y\n", "at least one row of data, got 0"),
    "empty": ("", "is empty"),
    "an empty cell": ('""\n', "is empty"),
    "a quote that stays open": ('"a,y\n' + "1,2\n" * 300, "a quoted cell does not end"),
    "only the target": ("y\n1\n2\n", "no feature columns: only the target 'y'"),
    "duplicate names": ("a,b,a,y\n1,2,3,4\n5,6,7,8\n", "duplicate column names: 'a'"),
    "unnamed column": ("a,,y\n0,1,2\n1,3,4\n", "without a name, counting from 0: 1"),
    "unnamed index that is none": (
        ",a,y\n0,1,2\n0,3,4\n",
        "first column has no name.* but has '0' in rows 0 and 1",
    ),
    "infinite": ("a,y\n1,2\ninf,4\n5,-inf\n", "non-finite numbers: column 'a' in row 1;"),
    "too large for a float": ("a,y\n1,2\n1e999,4\n", "non-finite numbers: column 'a' in row 1"),
    "points in one column, commas in another": (
        "a;b;y\n1,5;2.5;1\n3,5;4.5;2\n",
        "column 'a' has '1,5' in row 0",
    ),
    "two separators": ("a,b;y\n1,5;2\n3,5;4\n", r"commas or semicolons: .* separator=';'"),
}


def test_a_file_may_have_one_row_and_booleans(write):
    # As pandas writes what get_dummies makes.
    data = from_table(write("a,red,green,y\n1.5,True,false,FALSE\n"), target="y")
    np.testing.assert_array_equal(data.X, [[1.5, 1.0, 0.0]])
    np.testing.assert_array_equal(data.y, [0.0])


@pytest.mark.parametrize(("text", "message"), BAD_FILES.values(), ids=BAD_FILES.keys())
def test_a_bad_file_is_refused_with_the_place(write, text, message):
    with pytest.raises(ValueError, match=message):
        from_table(write(text), target="y")


def test_lines_are_counted_as_in_the_file_and_blank_ones_left_out(write):
    data = from_table(write("\n" * 300 + "a;y\n1;2\n"), target="y")
    np.testing.assert_array_equal([*data.X[0], *data.y], [1.0, 2.0])
    with pytest.raises(ValueError, match="line 6 has 3 cells"):
        from_table(write("# of\n# mine\na,y\n1,2\n# well\n1,2,3\n"), target="y", comment="#")


def test_broken_archives_are_refused(tmp_path):
    whole = bytearray(gzip.compress(b"a,y\n1,2\n3,5\n"))
    whole[10:14] = b"\xff" * 4  # the first block, after the header
    (tmp_path / "broken.csv.gz").write_bytes(whole)
    with zipfile.ZipFile(tmp_path / "secret.csv.zip", "w") as archive:
        archive.writestr("secret.csv", "a,y\n1,2\n")
    data = bytearray((tmp_path / "secret.csv.zip").read_bytes())
    data[data.index(b"PK\1\2") + 8] |= 1  # "encrypted", of the directory's entry
    (tmp_path / "secret.csv.zip").write_bytes(data)
    for name, reason in (("broken.csv.gz", "while decompressing"), ("secret.csv.zip", "encrypted")):
        with pytest.raises(ValueError, match=f"{name} cannot be read: .*{reason}"):
            from_table(tmp_path / name, target="y")


def test_a_missing_file_a_folder_and_another_encoding_are_refused(tmp_path, write):
    with pytest.raises(ValueError, match=r"There is no file .*nowhere\.csv"):
        from_table(tmp_path / "nowhere.csv", target="y")
    with pytest.raises(ValueError, match="There is no file"):
        from_table("a,y\n1,2\n" * 100, target="y")  # too long for a name
    with pytest.raises(ValueError, match="is a folder"):
        from_table(tmp_path, target="y")
    latin = write("größe,y\n1,2\n3,4\n", encoding="latin-1")
    with pytest.raises(ValueError, match=r"encoding: .* is not utf-8 \(line 1, byte 0xf6\)"):
        from_table(latin, target="y", encoding="utf-8")


@pytest.mark.parametrize(
    ("target", "suggestion"), [("prize", "price"), ("PRICE", "price"), ("room", "Rooms")]
)
def test_a_missing_target_lists_the_columns_and_suggests_one(write, target, suggestion):
    with pytest.raises(ValueError) as error:
        from_table(write("Rooms,price\n1,2\n3,4\n"), target=target)
    message = str(error.value)
    assert f"no column {target!r}" in message
    assert f"Did you mean {suggestion!r}?" in message
    assert "'Rooms', 'price'" in message


def test_no_suggestion_where_nothing_is_close(write):
    with pytest.raises(ValueError, match="columns are: 'a', 'b'") as error:
        from_table(write("a,b\n1,2\n3,4\n"), target="temperature")
    assert "Did you mean" not in str(error.value)


# --- standardise


@given(
    st.lists(st.integers(-1000, 1000), min_size=3, max_size=12, unique=True),
    st.integers(-3, 3),
)
def test_standardise_against_rational_arithmetic(values, exponent):
    column = np.array(values) * 10.0**exponent
    exact = [fractions.Fraction(v) for v in column]
    mean = sum(exact) / len(exact)
    variance = sum((v - mean) ** 2 for v in exact) / len(exact)
    data = table(column[:, None])
    scaled, standardisation = standardise(data)
    scale = float(variance) ** 0.5
    assert abs(standardisation.feature_means[0] - float(mean)) <= 1e-14 * np.abs(column).max()
    assert standardisation.feature_scales[0] == pytest.approx(scale, rel=1e-12)
    expected = [float(v - mean) / scale for v in exact]
    np.testing.assert_allclose(scaled.X[:, 0], expected, rtol=1e-10, atol=1e-12)


def test_standardise_can_be_undone_and_coefficients_go_back():
    generator = np.random.default_rng(0)
    X = generator.standard_normal((30, 3)) * [1.0, 100.0, 1e-3] + [5.0, -200.0, 1.0]
    data = table(X, y=X @ [2.0, 0.1, 30.0] + 7 + generator.standard_normal(30))
    scaled, standardisation = standardise(data)
    assert scaled.feature_names == data.feature_names
    back = standardisation.undo(scaled)
    # what a cell can lose is measured by its column, not by the cell: its mean was subtracted
    for column, original in zip([*back.X.T, back.y], [*data.X.T, data.y], strict=True):
        rounding = 2 * np.finfo(float).eps * np.abs(original).max()
        np.testing.assert_allclose(column, original, rtol=0, atol=rounding)

    theta = np.linalg.lstsq(scaled.X, scaled.y, rcond=None)[0]
    coefficients, intercept = standardisation.original_coefficients(theta)
    affine = np.linalg.lstsq(np.column_stack([X, np.ones(30)]), data.y, rcond=None)[0]
    np.testing.assert_allclose([*coefficients, intercept], affine, rtol=1e-9)
    # a whole trajectory at once
    both, intercepts = standardisation.original_coefficients(np.stack([theta, 2 * theta]))
    assert_same_number(both[0], coefficients, operations=4)
    assert intercepts.shape == (2,)


@pytest.mark.parametrize("size", [1e200, 1e-200])
def test_standardise_neither_overflows_nor_underflows(size):
    column = np.array([[1.0], [2.0], [4.0]])
    expected = standardise(table(column))[0].X
    np.testing.assert_allclose(standardise(table(column * size))[0].X, expected, rtol=1e-13)


@pytest.mark.parametrize("value", [0.0, 3.0, 0.1, 1e6 + 0.1, -1e-9])
@pytest.mark.parametrize("size", [2, 7, 1000])
def test_constant_columns_are_refused_by_name(value, size):
    X = np.column_stack([np.arange(size), np.full(size, value)])
    with pytest.raises(ValueError, match="constant columns cannot be standardised: 'level'"):
        standardise(table(X, names=("time", "level")))


def test_a_constant_target_is_refused_and_a_nearly_constant_column_is_not():
    with pytest.raises(ValueError, match="'target'"):
        standardise(table([[1.0], [2.0]], y=[5.0, 5.0]))
    scaled, _ = standardise(table([[1.0], [1.0 + 1e-12], [1.0]]))
    assert np.std(scaled.X) == pytest.approx(1.0)


# --- collinear columns


def test_independent_columns_are_not_reported():
    assert collinear_columns(standardise(diabetes())[0].X) == ()


@pytest.mark.parametrize("seed", range(5))
def test_every_reported_combination_holds_and_the_rest_is_independent(seed):
    generator = np.random.default_rng(seed)
    basis = generator.standard_normal((40, 4)) * 10.0 ** generator.integers(-6, 6, size=4)
    mixed = basis @ generator.standard_normal((4, 3))
    X = np.column_stack([basis, mixed])[:, generator.permutation(7)]
    found = collinear_columns(X)
    assert len(found) == 3
    redundant = [one.column for one in found]
    for one in found:
        assert not set(one.others) & set(redundant)
        combination = X[:, list(one.others)] @ np.array(one.coefficients)
        np.testing.assert_allclose(
            combination, X[:, one.column], rtol=0, atol=1e-9 * np.abs(X[:, one.column]).max()
        )
    kept = np.delete(X, redundant, axis=1)
    assert np.linalg.matrix_rank(kept / np.linalg.norm(kept, axis=0)) == 4


def test_only_the_columns_involved_are_named():
    generator = np.random.default_rng(1)
    a, b, c = generator.standard_normal((3, 25))
    # 5a is longer, but columns are compared at length 1: either may be the one reported
    (found,) = collinear_columns(np.column_stack([a, b, c, 5 * a]))
    assert {found.column, *found.others} == {0, 3}
    assert found.coefficients[0] == pytest.approx(5.0 if found.column == 3 else 0.2)


def test_dummy_variables_are_collinear_once_centred():
    dummies = np.eye(3)[[0, 1, 2, 0, 1, 2, 2, 1]]
    assert collinear_columns(dummies) == ()
    (found,) = collinear_columns(standardise(table(dummies))[0].X)
    assert {found.column, *found.others} == {0, 1, 2}


def test_zero_columns_and_fewer_rows_than_columns():
    (found,) = collinear_columns(np.array([[1.0, 0.0], [2.0, 0.0]]))
    assert found == CollinearColumn(column=1, others=(), coefficients=())
    wide = np.random.default_rng(0).standard_normal((3, 5))
    assert len(collinear_columns(wide)) == 2
    assert len(collinear_columns(np.zeros((3, 2)))) == 2


@pytest.mark.parametrize(("size", "reported"), [(1e-8, 0), (1e-14, 1)])
def test_collinear_means_to_rounding_not_nearly(size, reported):
    generator = np.random.default_rng(2)
    a, b = generator.standard_normal((2, 30))
    assert len(collinear_columns(np.column_stack([a, a + size * b]))) == reported


def test_a_collinear_column_describes_itself():
    names = ["a", "b", "c", "d"]
    one = CollinearColumn(column=3, others=(0, 1, 2), coefficients=(-1.0, 2.5, -0.125))
    assert one.describe(names) == "d = −a + 2.5·b − 0.125·c"
    assert CollinearColumn(1, (), ()).describe(names) == "b = 0"
