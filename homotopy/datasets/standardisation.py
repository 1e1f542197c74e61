"""Features and target at mean 0 and standard deviation 1, and back."""

import dataclasses

import jax
import numpy as np
from jaxtyping import Bool, Float, Num

from homotopy._checks import flag, instance
from homotopy._wording import listed
from homotopy.datasets.dataset import Dataset


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


def standardise(dataset: Dataset, *, centre: bool = True) -> tuple[Dataset, Standardisation]:
    """Features and target shifted to mean 0 and scaled to (population) standard deviation 1.

    Where rows have weights, means and deviations are weighted: so the intercept of the weighted fit
    to standardised data is 0.

    Parameters
    ----------
    dataset : Dataset
    centre : bool
        Without it nothing is shifted, and columns are scaled to root mean square 1: a linear model
        without an intercept passes through the origin of the data then.

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
        If columns (the target included) are constant, or zero where nothing is shifted, naming
        them.

    Examples
    --------
    >>> from homotopy.datasets import diabetes
    >>> scaled, standardisation = standardise(diabetes())
    >>> bool(abs(scaled.X.mean(axis=0)).max() < 1e-12)
    True
    >>> bool(np.allclose(standardisation.undo(scaled).y, diabetes().y))
    True
    """
    instance("dataset", dataset, Dataset, "a Dataset, as of from_table(path, target)")
    centre = flag("centre", centre)
    table = np.column_stack([dataset.X, dataset.y])
    means = np.average(table, 0, dataset.weights) if centre else np.zeros(table.shape[1])
    centred = table - means
    # Rounding leaves a trace of the mean in a constant column, and its mean may be off by as much.
    centred -= np.average(centred, 0, dataset.weights) if centre else 0.0
    largest = np.abs(centred).max(axis=0)
    constant = constant_columns(table) if centre else largest == 0.0
    if constant.any():
        names = [*dataset.feature_names, dataset.target_name]
        named = [repr(names[i]) for i in np.flatnonzero(constant)]
        kind = "constant columns" if centre else "columns of zeros"
        raise ValueError(
            f"{dataset.name}: {kind} cannot be standardised: {listed(named)}; leave them out."
        )
    # Divided by the largest entry first, so that squaring neither overflows nor underflows.
    scales = largest * np.sqrt(np.average((centred / largest) ** 2, 0, dataset.weights))
    scaled = centred / scales
    standardised = dataclasses.replace(dataset, X=scaled[:, :-1], y=scaled[:, -1])
    return standardised, Standardisation(
        feature_means=means[:-1],
        feature_scales=scales[:-1],
        target_mean=float(means[-1]),
        target_scale=float(scales[-1]),
    )


def constant_columns(table: Float[np.ndarray, "n p"]) -> Bool[np.ndarray, " p"]:
    """Which columns are constant, up to the rounding of their mean."""
    centred = table - table.mean(axis=0)
    centred -= centred.mean(axis=0)
    eps = np.finfo(float).eps
    return np.abs(centred).max(axis=0) <= 4 * eps * np.abs(table).max(axis=0)
