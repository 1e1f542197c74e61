"""What a file of a table tells of itself: separators, decimals, encodings, rows of one length."""

import bz2
import gzip
import lzma
import zipfile

import numpy as np
import pandas as pd
import pytest

import homotopy as hm
from homotopy.datasets import from_table, standardise
from homotopy.datasets.tables.decimals import as_number, uses_decimal_commas


@pytest.fixture
def read(tmp_path):
    def write_and_read(text, target="y", *, encoding="utf-8", name="data.csv", **options):
        path = tmp_path / name
        path.write_bytes(text.encode(encoding))
        return from_table(path, target, **options)

    return write_and_read


PLAIN = [[1.0, 2.5], [3.0, -4.0], [5.0, 0.5]]


@pytest.mark.parametrize(
    ("text", "options"),
    [
        ("a,b,y\n1,2.5,7\n3,-4,8\n5,.5,9\n", {}),
        ("a;b;y\n1;2,5;7\n3;-4;8\n5;,5;9\n", {}),
        ("a;b;y\n1;2.5;7\n3;-4;8\n5;0.5;9\n", {}),
        ("a\tb\ty\n1\t2,5\t7\n3\t-4\t8\n5\t5e-1\t9\n", {}),
        ("a|b|y\r\n1|2.5|7\r\n3|-4|8\r\n5|0.5|9\r\n", {}),
        ("a b y\n1 2.5 7\n3   -4 8 \n 5 0.5 9\n", {}),
        ('"a","b","y"\n"1","2,5","7"\n"3","-4","8"\n"5","0,5","9"\n', {}),
        ("a;b;y;\n1;2,5;7;\n3;-4;8;\n5;0,5;9;\n", {}),  # lines that end in a separator
        ("a,b,y\n1,2.5,7,\n3,-4,8,\n5,0.5,9,\n", {}),
        ("a:b:y\n1:2.5:7\n3:-4:8\n5:0.5:9\n", {"separator": ":"}),
        ("a;b;y\n1;2,500;7\n3;-4;8\n5;0.5;9\n", {"decimal": ",", "drop": ["b"]}),
        ("a,b,y\r1,2.5,7\r3,-4,8\r5,0.5,9\r", {}),  # of an old Macintosh
        ("% by hand\na,b,y\n1,2.5,7\n%\n3,-4,8\n5,0.5,9\n", {"comment": "%"}),
        ("\n a, b ,y\n1, 2.5,7\n\n3,-4,8\n5,0.5,9\n\n", {}),
    ],
)
def test_the_same_table_in_many_forms(read, text, options):
    data = read(text, **options)
    kept = [0] if "drop" in options else [0, 1]
    np.testing.assert_array_equal(data.X, np.array(PLAIN)[:, kept])
    assert data.y.tolist() == [7.0, 8.0, 9.0] and data.row_names is None


@pytest.mark.parametrize(
    ("cells", "commas"),
    [
        (["1,5", "2"], True),
        (["0,125", "2"], True),  # no thousand begins with 0
        (["1,500", "2,250"], False),  # fifteen hundred, or one and a half
        (["1,500", "2,2"], True),
        (["1,5", "2.5"], False),
        (["1,234,567", "1,5"], False),
        (["1,234.5", "1,5"], False),
        (["Smith, John", "1,5"], True),
        (["Smith, John", "15"], False),
        ([None, "-,5e3"], True),
        ([], False),
    ],
)
def test_decimal_commas_are_told_only_where_that_is_safe(cells, commas):
    assert uses_decimal_commas(cells) is commas


def test_numbers_as_they_are_written():
    assert as_number("1,5", ",") == 1.5 and as_number("1.5", ".") == 1.5
    for cell, decimal in (("1.5", ","), ("1,5", "."), ("1_000", "."), ("1,5,2", ","), ("x", ".")):
        assert as_number(cell, decimal) is None


ENCODED = "größe,y\n1,7\n3,8\n"


@pytest.mark.parametrize(
    ("encoding", "note"),
    [
        ("utf-8", None),
        ("utf-8-sig", None),
        ("utf-16", "Read as utf-16, by its first bytes."),
        ("utf-16-le", "Read as utf-16-le, by its zero bytes."),
        ("utf-16-be", "Read as utf-16-be, by its zero bytes."),
        ("utf-32", "Read as utf-32, by its first bytes."),
        ("cp1252", "Not UTF-8: read as cp1252, with öß; encoding names another encoding."),
    ],
)
def test_encodings_are_told_and_said(read, encoding, note):
    data = read(ENCODED, encoding=encoding)
    assert data.feature_names == ("größe",) and data.notes == (() if note is None else (note,))


def test_an_encoding_that_is_named_is_taken(tmp_path):
    path = tmp_path / "data.csv"
    path.write_bytes("цена,y\n1,7\n3,8\n".encode("koi8-r"))
    assert from_table(path, "y", encoding="koi8-r").feature_names == ("цена",)
    assert from_table(path, "y").feature_names != ("цена",)  # and says so
    path.write_bytes(b"\x00\xff\x00\x81")
    with pytest.raises(ValueError, match="it has zero bytes"):
        from_table(path, "y")


@pytest.mark.parametrize("suffix", [".gz", ".bz2", ".xz", ".zip"])
def test_compressed_files_are_read(tmp_path, suffix):
    path, text = tmp_path / f"data.csv{suffix}", b"a,y\n1,7\n3,8\n"
    if suffix == ".zip":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("data.csv", text)
    else:
        compress = {".gz": gzip, ".bz2": bz2, ".xz": lzma}[suffix].compress
        path.write_bytes(compress(text))
    assert from_table(path, "y").X.tolist() == [[1.0], [3.0]]
    path.write_bytes(text)
    with pytest.raises(ValueError, match="cannot be read"):
        from_table(path, "y")


def test_levels_are_in_the_order_of_the_alphabet_and_follow_the_rows_left(read):
    text = "k,y\n" + "".join(f"{k},{y}\n" for k, y in zip("bacabcab", "1234567", strict=False))
    data = read(text)
    assert data.feature_names == ("k[T.b]", "k[T.c]")
    np.testing.assert_array_equal(data.X[:3], [[1.0, 0.0], [0.0, 0.0], [0.0, 1.0]])
    # The only rows with a d are left out, and its level with them.
    data = read(text + "d,\nd,NA\n", dropna=True)
    assert data.feature_names == ("k[T.b]", "k[T.c]") and data.row_numbers == tuple(range(7))


def test_placeholders_among_numbers_are_missing_and_among_text_are_text(read):
    text = "a,k,y\n1,?,1\n?,u,2\n3,?,3\n4,u,5\n"
    with pytest.raises(ValueError, match="missing values: column 'a' in row 1 "):
        read(text)
    data = read(text, dropna=True)
    assert data.feature_names == ("a", "k[T.u]") and data.row_numbers == (0, 2, 3)


def test_classes_of_a_target_are_kept(read):
    data = read("a,y\n1,no\n2,yes\n3,no\n")
    assert data.classes == ("no", "yes") and data.y.tolist() == [0.0, 1.0, 0.0]
    assert read("a,y\n1,True\n2,False\n").classes is None


def test_a_formula_names_target_and_features(read):
    data = read("a,b,y\n1,u,1\n2,v,4\n3,u,9\n4,v,2\n", None, formula="log(y) ~ a*b")
    assert data.feature_names == ("a", "b[T.v]", "a:b[T.v]")
    np.testing.assert_allclose(data.y, np.log([1, 4, 9, 2]))
    assert data.target_name == "log(y)" and data.coding.intercept
    assert not read("a,y\n1,1\n2,4\n", None, formula="y ~ a - 1").coding.intercept


def test_problems_of_labelled_data_know_their_names(read):
    text = "who,a,k,y\nAda,1,u,2\nBob,3,v,5\nCyd,,u,1\nDan,4,v,6\nEve,7,u,3\n"
    data = read(text, index="who", dropna=True)
    problem = hm.LinearRegression(*standardise(data)[0].labelled(), deleted="Dan")
    assert problem.deleted.tolist() == [2] and problem.labels.row(3) == "Eve"
    assert problem.parameter_names == ("a", "k[T.v]") and problem.labels.target == "y"
    # Without names, those that are left are called by their numbers in the file.
    X, _ = read(text, drop=["who"], dropna=True).labelled()
    assert X.index.tolist() == [0, 1, 3, 4]
    assert read("a,y\n1,2\n2,3\n").labelled()[0].index.equals(pd.RangeIndex(2))


def test_formulas_say_how_categories_are_coded(read):
    text = "a,k,c,y\n1,u,2,1\n2,v,4,4\n3,u,2,9\n4,v,6,2\n5,u,4,3\n6,v,6,1\n"
    data = read(text, None, formula="y ~ a*k + C(c)")
    assert data.notes == (
        "'k' is categories, coded as 'v' against the baseline 'u'.",
        "'C(c)' is categories, coded as '4', '6' against the baseline '2'.",
    )
    data = read(text, None, formula="y ~ k + a - 1")
    assert data.notes == ("'k' is categories, with a column for each of its levels.",)
    assert data.feature_names == ("k[u]", "k[v]", "a")
    data = read(text, None, formula="y ~ C(c, contr.treatment(4))")
    assert "against the baseline '4'" in data.notes[0]
    assert read(text, None, formula="y ~ C(c, contr.sum)").notes == ()
