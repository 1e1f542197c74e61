"""Designs by formulas, as `y ~ a*b + C(c)`: the grammar and the coding are those of formulaic."""

from __future__ import annotations

import dataclasses
import difflib
import re
import sys
import warnings
from typing import Any

import numpy as np

from homotopy._wording import described, listed


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
    """

    features: Any
    target: Any
    classes: tuple[str, ...] | None
    specification: Any


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


def target_variable(formula) -> str | None:
    """The column that is the target as it stands; None where the target is computed."""
    text = str(formula.lhs[0]).strip("`")
    return text if text in {str(each) for each in formula.lhs.required_variables} else None


def check_variables(formula, columns, name: str, of: str) -> None:
    """Every variable is a column."""
    columns = [str(column) for column in columns]
    for variable in variables(formula, columns):
        if variable not in columns:
            close = difflib.get_close_matches(variable, columns, n=1)
            meant = f" Did you mean {close[0]!r}?" if close else ""
            raise ValueError(
                f"{name}: {of} has no column {variable!r}.{meant} Its columns are: "
                f"{listed(map(repr, columns), limit=30)}."
            )


def design(formula, frame, name: str = "formula") -> Design:
    """What a formula, as `parsed` gives it, makes of a data frame without missing values.

    Raises
    ------
    ValueError
        Naming the argument: where a term cannot be computed, or is not finite, with the row.
    """
    import pandas as pd
    from formulaic.errors import FormulaicError

    classes, simple = None, target_variable(formula)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with np.errstate(all="ignore"):
                features = formula.rhs.get_model_matrix(frame, na_action="ignore", context={})
                if simple is None:
                    made = formula.lhs.get_model_matrix(frame, na_action="ignore", context={})
                    if made.shape[1] != 1:
                        raise ValueError(
                            f"{name}: expected a target of numbers, got {str(formula.lhs[0])!r}, "
                            f"which is {made.shape[1]} columns."
                        )
                    target = pd.Series(made.iloc[:, 0].to_numpy(float), index=frame.index)
                else:
                    target, classes = _simple_target(frame[simple])
    except FormulaicError as error:
        reason = " ".join(_plain(str(error)).split())
        raise ValueError(f"{name}: {reason.rstrip('.')}.") from None
    specification = features.model_spec
    features = _named(features)
    target = target.rename(str(formula.lhs[0]).strip("`"))
    if features.shape[1] == 0:
        raise ValueError(f"{name}: expected features right of ~, got none.")
    _check_finite(features, name, formula)
    _check_finite(target.to_frame(), name, formula)
    return Design(features, target, classes, specification)


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
    found = design(made, used)
    if found.classes is not None:
        raise ValueError(
            f"formula: expected a target of numbers, got {found.target.name!r} with "
            f"{len(found.classes)} classes: {listed(map(repr, found.classes))}; hm.Problem takes "
            "hm.Logistic() or hm.SoftmaxCrossEntropy()."
        )
    return found.features, found.target


def again(specification, frame, name: str) -> Any:
    """The features of other data."""
    from formulaic.errors import DataMismatchWarning, FormulaicError

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", DataMismatchWarning)
            features = specification.get_model_matrix(frame, na_action="ignore", context={})
    except (FormulaicError, DataMismatchWarning) as error:
        reason = " ".join(_plain(str(error)).split(". ")[0].split())
        raise ValueError(f"{name}: {reason.rstrip('.')}.") from None
    return _named(features)


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


def _check_finite(frame, name, formula) -> None:
    bad = ~np.isfinite(frame.to_numpy())
    if bad.any():
        row, column = np.argwhere(bad)[0]
        label = frame.index[row]
        where = f"row {label}" if isinstance(label, int | np.integer) else f"row {row} ({label})"
        raise ValueError(
            f"{name}: {frame.columns[column]!r} is not finite in {where}; mend that row, or leave "
            "it out."
        )


def _plain(text: str) -> str:
    """Without the marks of colour and place that formulaic puts around what is wrong."""
    return re.sub(r"\x1b?\[[0-9;]*m|[⧛⧚]", "", text)
