"""Designs by formulas, as `y ~ a*b + C(c)`: the grammar and the coding are those of formulaic."""

from __future__ import annotations

import dataclasses
import re
import sys
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from homotopy._wording import described, listed, no_column


@dataclasses.dataclass(frozen=True, eq=False)
class Design:
    """Features and target of a formula.

    Attributes
    ----------
    features
        Data frame (n, d), with a column "intercept" where the formula has one.
    target
        Series (n,) of numbers; of text the numbers of its classes.
    classes
        Of a target of text; None for numbers.
    specification
        Makes the same features of other data.
    target_specification
        Makes the same target of them, where it is computed; None where it is a column.
    """

    features: Any
    target: Any
    classes: tuple[str, ...] | None
    specification: Any
    target_specification: Any = None


def parsed(formula: str, name: str = "formula"):
    """A formula with one target, read; `ValueError` naming the argument."""
    try:
        from formulaic import Formula
        from formulaic.errors import FormulaicError
    except ImportError:
        raise ImportError(
            f"{name}: formulas are read by the package formulaic: pip install formulaic."
        ) from None
    if not isinstance(formula, str):
        raise TypeError(f"{name}: expected text such as 'y ~ a + b', got {formula!r}.")
    try:
        made = Formula(formula)
    except (FormulaicError, SyntaxError, ValueError, TypeError) as error:
        reason = " ".join(_plain(str(error)).split())
        if "`.` operator" in reason:
            reason = "the dot does not stand for all columns here: write them out"
        raise ValueError(
            f"{name}: expected a formula such as 'y ~ a*b + C(c)', got {formula!r}: "
            f"{reason.rstrip('.')}. Names with other signs than letters go in `backticks`."
        ) from None
    left = getattr(made, "lhs", None)
    if left is None or len(left) != 1 or not hasattr(made, "rhs") or isinstance(made.rhs, tuple):
        got = "none" if not left else str(len(left))
        raise ValueError(
            f"{name}: expected one target left of ~, as in 'y ~ a + b', got {got} in {formula!r}."
        )
    return made


def variables(formula, columns) -> tuple[str, ...]:
    """The columns that a formula may name, those that it needs and that are not there too.

    What formulaic says that it needs leaves out what stands in calls with keywords, as x of
    `bs(x, df=4)`: the words of the formula tell that.
    """
    words = re.findall(r"`([^`]+)`|([^\W\d]\w*)", f"{formula.lhs} {formula.rhs}")
    named = {first or second for first, second in words} & {str(column) for column in columns}
    return tuple(sorted(named | {str(each) for each in formula.required_variables}))


def target_name(formula) -> str:
    """What stands left of ~, a column or what is computed."""
    return str(formula.lhs[0]).strip("`")


def target_variable(formula) -> str | None:
    """The column that is the target as it stands; None where the target is computed."""
    text = target_name(formula)
    return text if text in {str(each) for each in formula.lhs.required_variables} else None


def check_variables(formula, columns, name: str, of: str) -> None:
    """Every variable is a column."""
    columns = [str(column) for column in columns]
    for variable in variables(formula, columns):
        if variable not in columns:
            raise ValueError(f"{name}: {of} {no_column(variable, columns)}")


def design(formula, frame, where: Callable[[int], str], name: str = "formula") -> Design:
    """What a formula, as `parsed` gives it, makes of a data frame without missing values.

    `where` says what a row of the frame is called, by its place.

    Raises
    ------
    ValueError
        Naming the argument: where a term cannot be computed, or is not finite, with the row.
    """
    classes, target_specification, simple = None, None, target_variable(formula)
    features = _evaluated(formula.rhs, frame, name)
    if simple is None:
        made = _evaluated(formula.lhs, frame, name)
        if made.shape[1] != 1:
            raise ValueError(
                f"{name}: expected a target of numbers, got {str(formula.lhs[0])!r}, "
                f"which is {made.shape[1]} columns."
            )
        target, target_specification = _one_column(made), made.model_spec
    else:
        target, classes = _simple_target(frame[simple])
    specification = features.model_spec
    features = _named(features)
    target = target.rename(target_name(formula))
    if features.shape[1] == 0:
        raise ValueError(f"{name}: expected features right of ~, got none.")
    _check_finite(features, where, name)
    _check_finite(target.to_frame(), where, name)
    return Design(features, target, classes, specification, target_specification)


def again(found: Design, frame, where: Callable[[int], str], name: str) -> tuple[Any, Any]:
    """The features of other data, and their target where it is computed, None otherwise.

    What was learned of the first data stays: levels, knots, the mean that `center` takes away.

    Raises
    ------
    ValueError
        As `design`; and where a category is none of those that were learned.
    """
    features, target = _named(_evaluated(found.specification, frame, name)), None
    _check_finite(features, where, name)
    if found.target_specification is not None:
        target = _one_column(_evaluated(found.target_specification, frame, name))
        _check_finite(target.rename(found.target.name).to_frame(), where, name)
    return features, target


def codings(found: Design) -> list[str]:
    """How its categories are coded, in sentences; where names of columns say all, none."""
    notes, names = [], set(found.features.columns)
    for factor, (_, state) in found.specification.encoder_state.items():
        levels = list(getattr(state.get("contrasts"), "levels", ()))
        others = [level for level in levels if f"{factor}[T.{level}]" in names]
        if others and len(others) == len(levels) - 1:
            (baseline,) = (level for level in levels if level not in others)
            notes.append(
                f"{str(factor)!r} is categories, coded as "
                f"{listed([repr(str(level)) for level in others], limit=6)} against the baseline "
                f"{str(baseline)!r}."
            )
        elif levels and all(f"{factor}[{level}]" in names for level in levels):
            notes.append(f"{str(factor)!r} is categories, with a column for each of its levels.")
    return notes


def frame_design(formula: str, data) -> tuple[Any, Any]:
    """Features, with the intercept, and target of a data frame, checked.

    Raises
    ------
    ValueError
        Naming `formula`, or `data` where values are missing.
    """
    pandas = sys.modules.get("pandas")
    if pandas is None or not isinstance(data, pandas.DataFrame):
        raise TypeError(f"data: expected a pandas.DataFrame, got {described(data)}.")
    made = parsed(formula)
    check_variables(made, data.columns, "formula", "the data frame")
    used = data[list(variables(made, data.columns))]
    missing = used.isna()
    if missing.to_numpy().any():
        columns = [
            f"column {column!r} in {listed(map(str, missing.index[missing[column]]), word='row')}"
            for column in used.columns
            if missing[column].any()
        ]
        raise ValueError(
            f"data: expected a value in every row of the formula's variables, got missing ones: "
            f"{listed(columns)}; data.dropna(subset={list(used.columns)!r}) leaves such rows out."
        )
    found = design(made, used, _by_label(used))
    if found.classes is not None:
        raise ValueError(
            f"formula: expected a target of numbers, got {found.target.name!r} with "
            f"{len(found.classes)} classes: {listed(map(repr, found.classes))}; hm.Problem takes "
            "hm.Logistic() or hm.SoftmaxCrossEntropy()."
        )
    return found.features, found.target


def _evaluated(terms, frame, name: str):
    """The columns of one side of a formula, or of what was learned of one from other data."""
    from formulaic.errors import DataMismatchWarning, FormulaicError

    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", DataMismatchWarning)
            return terms.get_model_matrix(frame, na_action="ignore", context={})
    except (FormulaicError, DataMismatchWarning) as error:
        text = _plain(str(error))
        # The rest of a warning says what happens to those who ignore it.
        text = text.split(". ")[0] if isinstance(error, DataMismatchWarning) else text
        raise ValueError(f"{name}: {' '.join(text.split()).rstrip('.')}.") from None


def _one_column(made):
    return made.iloc[:, 0].astype(float)


def _named(features):
    """As a plain frame of numbers, whose intercept is called as elsewhere in this package."""
    import pandas as pd

    frame = pd.DataFrame(features).astype(float)
    return frame.rename(columns={"Intercept": "intercept"})


def _simple_target(series):
    import pandas as pd

    if pd.api.types.is_bool_dtype(series.dtype) or pd.api.types.is_numeric_dtype(series.dtype):
        return series.astype(float), None
    levels = (
        [level for level in series.cat.categories if (series == level).any()]
        if isinstance(series.dtype, pd.CategoricalDtype)
        else sorted(series.unique(), key=str)
    )
    places = {level: float(number) for number, level in enumerate(levels)}
    return series.astype(object).map(places).astype(float), tuple(map(str, levels))


def _by_label(frame):
    """What a row of a user's data frame is called, by its place."""

    def where(row) -> str:
        label = frame.index[row]
        return f"row {label}" if isinstance(label, int | np.integer) else f"row {row} ({label})"

    return where


def _check_finite(frame, where, name) -> None:
    bad = ~np.isfinite(frame.to_numpy())
    if bad.any():
        row, column = np.argwhere(bad)[0]
        raise ValueError(
            f"{name}: {frame.columns[column]!r} is not finite in {where(row)}; mend that row, or "
            "leave it out."
        )


def _plain(text: str) -> str:
    """Without the marks of colour and place that formulaic puts around what is wrong."""
    return re.sub(r"\x1b?\[[0-9;]*m|[⧛⧚]", "", text)
