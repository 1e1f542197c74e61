"""The census data from a file as the UCI repository has it."""

import numpy as np
import pytest

from homotopy.datasets import adult

ROWS = """|1x3 Cross validator
39, State-gov, 77516, Bachelors, 13, Never-married, Adm-clerical, Not-in-family, White, Male, 2174, 0, 40, United-States, <=50K.
50, Private, 83311, Bachelors, 13, Married-civ-spouse, Sales, Husband, White, Male, 0, 0, 13, United-States, >50K.
38, ?, 215646, HS-grad, 9, Divorced, ?, Not-in-family, White, Male, 0, 0, 40, United-States, <=50K.
28, Private, 338409, Bachelors, 13, Married-civ-spouse, Sales, Wife, Black, Female, 0, 0, 40, Cuba, <=50K.

37, State-gov, 284582, Masters, 14, Divorced, Adm-clerical, Wife, White, Female, 0, 0, 40, Cuba, >50K.
"""  # noqa: E501


def test_groups_and_incomes(tmp_path):
    path = tmp_path / "adult.test"
    path.write_text(3 * ROWS)
    people = adult(path)
    assert people.name == "adult" and people.target_name == "income"
    assert people.y.tolist() == 3 * [0.0, 1.0, 0.0, 1.0]  # the row with a question mark is left out
    names = people.feature_names
    assert people.X[:, names.index("sex[T.Male]")].tolist() == 3 * [1.0, 1.0, 0.0, 0.0]
    assert people.X[:, names.index("age")].tolist() == 3 * [39.0, 50.0, 28.0, 37.0]
    assert "fnlwgt" not in names and not any(name.startswith("education[") for name in names)
    assert people.X[:, names.index("education-num")].tolist() == 3 * [13.0, 13.0, 13.0, 14.0]
    assert np.all(np.isfinite(people.X))
    assert any("3 rows" in note or "missing" in note for note in people.notes)


def test_files_that_are_another_are_refused(tmp_path):
    with pytest.raises(ValueError, match=r"path: .* cannot be read"):
        adult(tmp_path / "absent.data")
    short = tmp_path / "short.data"
    short.write_text("1, 2, 3\n")
    with pytest.raises(ValueError, match=r"expected 15 columns in short\.data, got 3 in line 1"):
        adult(short)
    other = tmp_path / "other.data"
    other.write_text(3 * ROWS.replace(">50K", "rich"))
    with pytest.raises(ValueError, match="expected incomes <=50K and >50K"):
        adult(other)
