"""A table of examples with features and a target."""

import dataclasses

import numpy as np
from jaxtyping import Float

from homotopy._checks import instance, matrix, sequence
from homotopy._numbers import as_numbers


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
    """

    name: str
    X: Float[np.ndarray, "n p"]
    y: Float[np.ndarray, " n"]
    feature_names: tuple[str, ...]
    target_name: str
    description: str

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
