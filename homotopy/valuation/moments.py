"""Means of samples with their errors, added up part by part in any order."""

from __future__ import annotations

import dataclasses

import numpy as np
from jaxtyping import Float


@dataclasses.dataclass(frozen=True)
class Moments:
    """The mean of independent samples, and the sums of powers of their distances from it.

    Parts are merged by Pébay's formulas, which cancel nothing (Sandia report SAND2008-6212).

    Attributes
    ----------
    count : int
    mean, second, third, fourth : (k,)
    """

    count: int
    mean: Float[np.ndarray, " k"]
    second: Float[np.ndarray, " k"]
    third: Float[np.ndarray, " k"]
    fourth: Float[np.ndarray, " k"]

    @staticmethod
    def of(samples: Float[np.ndarray, "m k"]) -> Moments:
        """Of the rows of a matrix."""
        mean = np.mean(samples, axis=0)
        away = samples - mean
        squares = away**2
        powers = (squares, squares * away, squares**2)
        return Moments(len(samples), mean, *(np.sum(part, axis=0) for part in powers))

    def merged(self, other: Moments) -> Moments:
        """Of the samples of both."""
        a, b = self.count, other.count
        n, step = a + b, other.mean - self.mean
        second = self.second + other.second + step**2 * (a * b / n)
        third = self.third + other.third + step**3 * (a * b * (a - b) / n**2)
        third += 3.0 * step * (a * other.second - b * self.second) / n
        fourth = self.fourth + other.fourth
        fourth += step**4 * (a * b * (a * a - a * b + b * b) / n**3)
        fourth += 6.0 * step**2 * (a * a * other.second + b * b * self.second) / n**2
        fourth += 4.0 * step * (a * other.third - b * self.third) / n
        return Moments(n, self.mean + step * (b / n), second, third, fourth)

    @property
    def standard_error(self) -> Float[np.ndarray, " k"]:
        """Of the mean."""
        return np.sqrt(self.second / (self.count * (self.count - 1)))

    @property
    def excess_kurtosis(self) -> Float[np.ndarray, " k"]:
        """Of the samples: 0 for a normal law; 0 where they are all alike."""
        moved = self.second > 0.0
        squares = np.where(moved, self.second, 1.0) ** 2
        return np.where(moved, self.count * self.fourth / squares - 3.0, 0.0)
