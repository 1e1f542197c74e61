"""What people have for numbers – lists, data frames, booleans, objects – as one NumPy array."""

from __future__ import annotations

import datetime
import decimal
import numbers
import sys

import numpy as np

from homotopy._wording import described, listed

_BLOCK = 2**20  # entries looked at at a time: what a check of large data takes besides
_AS_TEXT = "numbers kept as text need .astype(float)"
_LABELS = f"labels go in as numbers, as (labels == one_of_them).astype(int); {_AS_TEXT}"
_FEATURES = f"categories go in as columns of 0 and 1, as of pandas.get_dummies; {_AS_TEXT}"
_DATES = "dates or times"
_CURES = {_DATES: "give them as numbers, such as days since the first"}


def as_numbers(name: str, value, *, data: bool = False) -> np.ndarray:
    """An array of finite real numbers: integers stay integers, booleans become 0 and 1.

    Takes numbers, sequences of them, arrays of NumPy and JAX, and data frames, series and nullable
    arrays of pandas. No copy is made of an array that holds numbers already.

    Parameters
    ----------
    name : str
        Of the argument.
    value
    data : bool
        Whether entries lie in rows and columns of data; otherwise errors speak of entries.

    Raises
    ------
    ValueError
        Naming the argument, and the first entry or the columns that are missing, infinite,
        masked, complex, text, categories or dates, with a remedy.
    """
    columns = None
    if type(value) is np.ndarray and value.dtype.kind == "f" and value.size <= _BLOCK:
        if np.isfinite(value).all():  # at once: what most calls are given
            return value
    if _is_pandas(value):
        array, columns = _of_pandas(name, value)
    else:
        array = _of_others(name, value)
    kind = array.dtype.kind
    if kind == "b":
        # A vector may be labels: with them whoever computes need not mind small integers.
        array = array.astype(int) if array.ndim < 2 else array.view(np.int8)
    elif kind == "O":
        array = _of_objects(name, array, value, data)
    elif kind in "Mm":
        raise ValueError(f"{name}: expected numbers, got dates or times; {_CURES[_DATES]}.")
    elif kind in "US":
        # As objects, text apart from numbers: NumPy makes text of both.
        array = _of_objects(name, np.asarray(value, object), value, data)
    elif kind == "c":
        raise ValueError(
            f"{name}: expected real numbers, got complex ones ({array.dtype}); give their real and "
            "imaginary parts, each for itself."
        )
    elif kind not in "iuf":
        raise ValueError(f"{name}: expected numbers, got dtype {array.dtype}.")
    if array.dtype.kind == "f":
        _check_finite(name, array, data, columns)
    return array


def _is_pandas(value) -> bool:
    pandas = sys.modules.get("pandas")
    if pandas is None:
        return False
    extension = pandas.api.extensions.ExtensionArray
    return isinstance(value, pandas.DataFrame | pandas.Series | pandas.Index | extension)


def _of_pandas(name, value) -> tuple[np.ndarray, list[str] | None]:
    """Its numbers, missing ones as NaN, and the names of columns."""
    import pandas as pd

    frame = isinstance(value, pd.DataFrame)
    columns = [str(column) for column in value.columns] if frame else None
    dtypes = list(value.dtypes) if frame else [value.dtype]
    for number, dtype in enumerate(dtypes):
        if pd.api.types.is_complex_dtype(dtype):
            column = f" in column {columns[number]!r}" if frame else ""
            raise ValueError(f"{name}: expected real numbers, got complex ones{column}.")
    odd = [
        number
        for number, dtype in enumerate(dtypes)
        if not (pd.api.types.is_numeric_dtype(dtype) or _is_object(dtype))
    ]
    if odd:
        _refuse_columns(name, dtypes, odd, columns)
    if any(_is_object(dtype) for dtype in dtypes):
        return (value.to_numpy(dtype=object) if frame else np.asarray(value, object)), columns
    simple = all(isinstance(dtype, np.dtype) for dtype in dtypes)
    if simple and len({dtype.kind == "b" for dtype in dtypes}) == 1:
        return value.to_numpy(), columns
    whole = all(pd.api.types.is_integer_dtype(d) or pd.api.types.is_bool_dtype(d) for d in dtypes)
    if whole and not np.any(np.asarray(value.isna())):
        return value.to_numpy(dtype=np.int64), columns
    if frame and simple:
        return value.to_numpy(dtype=np.float64), columns
    return value.to_numpy(dtype=np.float64, na_value=np.nan), columns


def _is_object(dtype) -> bool:
    return isinstance(dtype, np.dtype) and dtype.kind == "O"


def _refuse_columns(name, dtypes, odd, columns) -> None:
    import pandas as pd

    kinds = {number: dtypes[number] for number in odd}
    categories = all(isinstance(dtype, pd.CategoricalDtype) for dtype in kinds.values())
    dates = all(
        pd.api.types.is_datetime64_any_dtype(dtype) or pd.api.types.is_timedelta64_dtype(dtype)
        for dtype in kinds.values()
    )
    what = "categories" if categories else _DATES if dates else "text"
    if columns is None:
        where, cure = f"got {what}", _CURES.get(what, _LABELS)
    else:
        names = [columns[number] for number in odd]
        noun = "column" if len(odd) == 1 else "columns"
        where = f"got {what} in {noun} {listed(map(repr, names), limit=10)}"
        cure = _CURES.get(
            what,
            f"pandas.get_dummies({name}, columns={names[:10]!r}) makes columns of 0 and 1 of them; "
            + _AS_TEXT,
        )
    raise ValueError(f"{name}: expected numbers, {where}; {cure}.")


def _of_others(name, value) -> np.ndarray:
    if isinstance(value, np.ma.MaskedArray):
        place = _masked_place(value)
        if place is not None:
            _refuse_masked(name, place)
        value = value.data
    elif isinstance(value, list | tuple):
        place = _masked_entry(value)
        if place is not None:
            _refuse_masked(name, place)
    elif hasattr(value, "toarray"):  # of scipy.sparse
        raise ValueError(
            f"{name}: expected a dense array, got a sparse {type(value).__name__}; "
            f"{name}.toarray() is one."
        )
    elif value is None or isinstance(value, str | bytes | dict | set | frozenset):
        raise ValueError(f"{name}: expected numbers, got {described(value)}.")
    try:
        return np.asarray(value)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"{name}: expected numbers, in rows of one length, got {described(value)} ({error})."
        ) from error


def _masked_entry(value) -> tuple[int, ...] | None:
    """Where a sequence holds a masked number: NumPy would make NaN of it."""
    for number, entry in enumerate(value):
        if isinstance(entry, np.ma.MaskedArray):
            inside = _masked_place(entry)
        else:
            inside = _masked_entry(entry) if isinstance(entry, list | tuple) else None
        if inside is not None:
            return (number, *inside)
    return None


def _masked_place(array) -> tuple[int, ...] | None:
    mask = np.ma.getmaskarray(array)
    return tuple(np.argwhere(mask)[0]) if mask.any() else None


def _refuse_masked(name, index) -> None:
    where = f" in {_place(index, True, None)}" if index else ""
    raise ValueError(
        f"{name}: expected a number in every entry, got a masked one{where}; leave such entries "
        "out, or fill them in by .filled(value)."
    )


def _of_objects(name, array, value, data) -> np.ndarray:
    if array.ndim == 0:
        raise ValueError(f"{name}: expected numbers, got {described(value)}.")
    pandas = sys.modules.get("pandas")
    missing = (None,) if pandas is None else (None, pandas.NA, pandas.NaT)
    columns = [str(c) for c in value.columns] if _is_pandas(value) and array.ndim == 2 else None
    made, whole = np.empty(array.shape), True
    for index in np.ndindex(array.shape):
        one = array[index]
        if isinstance(one, np.ndarray | np.generic) and np.ndim(one) == 0:
            one = one.item()
        if any(one is gap for gap in missing):
            made[index], whole = np.nan, False
        elif isinstance(one, numbers.Real | decimal.Decimal):
            made[index], whole = float(one), whole and isinstance(one, numbers.Integral)
        elif isinstance(one, numbers.Complex):
            raise ValueError(
                f"{name}: expected real numbers, got {one!r} in {_place(index, data, columns)}."
            )
        else:
            _refuse_text(name, one, _place(index, data, columns))
    return made.astype(np.int64) if whole else made


def _refuse_text(name, value, place) -> None:
    if isinstance(value, datetime.date | datetime.time | datetime.timedelta):
        what, cure = "a date or time", _CURES[_DATES]
    elif isinstance(value, str | bytes):
        what, cure = "text", _FEATURES if "column" in place else _LABELS
    else:
        raise ValueError(f"{name}: expected numbers, got {described(value)} in {place}.")
    raise ValueError(f"{name}: expected numbers, got {what}, {value!r}, in {place}; {cure}.")


def _check_finite(name, array, data, columns) -> None:
    """Refuse NaN and infinity, in blocks: no second array of the size of the first."""
    rows = array.reshape(-1) if array.ndim == 0 else array
    step = max(1, _BLOCK // max(1, rows[:1].size))
    for begin in range(0, len(rows), step):
        bad = ~np.isfinite(rows[begin : begin + step])
        if bad.any():
            index = tuple(np.argwhere(bad)[0])
            index = (begin + index[0], *index[1:])
            found, place = rows[index], _place(index if array.ndim else (), data, columns)
            missing = "NaN, or a missing value," if data else "NaN"
            got = missing if np.isnan(found) else f"{found:g}"
            remedy = "; leave such rows out, or fill them in" if data else ""
            raise ValueError(
                f"{name}: expected finite numbers, got {got}{' in ' + place if place else ''}"
                f"{remedy}."
            )


def _place(index, data, columns) -> str:
    """In words, such as "row 3, column 'age'"; rows count from 0."""
    if not index:
        return ""
    if len(index) == 1:
        return f"{'row' if data else 'entry'} {index[0]}"
    if len(index) == 2:
        column = index[1] if columns is None else repr(columns[index[1]])
        return f"row {index[0]}, column {column}"
    return f"entry {tuple(int(one) for one in index)}"
