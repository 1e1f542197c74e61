"""The notes' synthetic linear regression."""

import numpy as np

from homotopy._checks import integer, non_negative
from homotopy.datasets.dataset import Dataset


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
        integer(argument, value)
    integer("seed", seed, 0)
    non_negative("noise", noise)
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
