"""A table of examples with features and a target."""

import dataclasses

import numpy as np
from jaxtyping import Float

from homotopy._checks import instance, matrix, sequence
from homotopy._numbers import as_numbers
from homotopy.datasets.tables.coding import Coding


@dataclasses.dataclass(frozen=True, eq=False)
class Dataset:
    """A table of n examples with p features and one target.

    Attributes
    ----------
    name
        Short name, used in titles.
    X
        Features (n, p), kept as float64: an array, nested lists or a data frame, of numbers or
        booleans.
    y
        Targets (n,), likewise.
    feature_names, target_name
        Names of the columns of X and of y.
    description
        One sentence: what the data are and where they come from.
    row_names
        What the rows are called, where they have names.
    row_numbers
        Of the rows in their file, counted from 0; all in order by default.
    classes
        Of a target that was text: y holds their numbers, from 0.
    notes
        What reading a file assumed, in sentences.
    coding
        How columns of the file became features, for other files like it.
    weights
        Sample weights (n,) of the rows, where a column of the file has them.
    """

    name: str
    X: Float[np.ndarray, "n p"]
    y: Float[np.ndarray, " n"]
    feature_names: tuple[str, ...]
    target_name: str
    description: str
    row_names: tuple[str, ...] | None = None
    row_numbers: tuple[int, ...] | None = None
    classes: tuple[str, ...] | None = None
    notes: tuple[str, ...] = ()
    coding: Coding | None = dataclasses.field(default=None, repr=False)
    weights: Float[np.ndarray, " n"] | None = dataclasses.field(default=None, repr=False)

    def __post_init__(self):
        for name in ("name", "target_name", "description"):
            instance(name, getattr(self, name), str, "text")
        object.__setattr__(self, "X", matrix("X", self.X).astype(np.float64, copy=False))
        y = as_numbers("y", self.y, data=True).astype(np.float64, copy=False)
        object.__setattr__(self, "y", y)
        names = sequence("feature_names", self.feature_names, "a sequence of text")
        for name in names:
            instance("feature_names", name, str, "a sequence of text")
        object.__setattr__(self, "feature_names", tuple(names))
        if self.y.shape != self.X.shape[:1]:
            raise ValueError(
                f"y must have one entry for each row of X {self.X.shape}, got shape {self.y.shape}."
            )
        if len(self.feature_names) != self.X.shape[1]:
            raise ValueError(
                f"feature_names must name the {self.X.shape[1]} columns of X, "
                f"got {len(self.feature_names)} names."
            )
        for name in ("row_names", "row_numbers", "classes", "notes"):
            given = getattr(self, name)
            if given is None and name != "notes":
                continue
            kinds = int if name == "row_numbers" else str
            of = "a sequence of integers" if kinds is int else "a sequence of text"
            given = sequence(name, given, of)
            for entry in given:
                instance(name, entry, kinds, of)
            if name.startswith("row") and len(given) != len(self.y):
                raise ValueError(
                    f"{name}: expected an entry for each of {len(self.y)} rows, got {len(given)}."
                )
            object.__setattr__(self, name, tuple(given))
        if self.coding is not None:
            instance("coding", self.coding, Coding, "that of a file, as from_table makes it")
        if self.weights is not None:
            from homotopy.problem_data import sample_weights  # which takes a while to import

            object.__setattr__(self, "weights", sample_weights(self.weights, len(self.y)))

    def labelled(self):
        """X as a data frame and y as a series, under their names: so problems know them.

        Returns
        -------
        X : pandas.DataFrame
        y : pandas.Series

        Examples
        --------
        >>> import homotopy as hm
        >>> hm.enable_x64()
        >>> from homotopy.datasets import diabetes
        >>> problem = hm.LinearRegression(*diabetes().labelled(), deleted=169)
        >>> problem.parameter_names[:3], problem.labels.target
        (('age', 'sex', 'bmi'), 'progression')
        """
        import pandas as pd

        index = self.row_names
        if index is None and self.row_numbers is not None:
            index = self.row_numbers
        if index == tuple(range(len(self.y))):
            index = None  # which only counts
        X = pd.DataFrame(self.X, columns=list(self.feature_names), index=index)
        return X, pd.Series(self.y, name=self.target_name, index=index)

    def row_number(self, position: int) -> int:
        """The number of a row in its file, by its place among the rows that are here."""
        return int(position) if self.row_numbers is None else self.row_numbers[position]

    def row_label(self, position: int) -> str:
        """What a row is called in a sentence: its name, or its number in the file."""
        if self.row_names is None:
            return f"row {self.row_number(position)}"
        name = self.row_names[position]
        return f"row {name}" if name.isdigit() else name
