"""What a refitted model must keep to: bounds of a measurement at θ(w)."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
from jaxtyping import Float
from scipy.optimize import LinearConstraint

from homotopy._checks import ArrayInput
from homotopy._display import DisplayedByFields
from homotopy._module import Module
from homotopy._wording import described
from homotopy.measurements import AbstractMeasurement
from homotopy.reweighting.row_labels import labels_of_rows


class Constraint(DisplayedByFields, Module):
    """lower ≤ m(θ(w)) ≤ upper, at the refit with the weights.

    Of a measurement of several numbers all are bounded. |m| ≤ τ is `Constraint(m, -τ, τ)`.

    Parameters
    ----------
    measurement : AbstractMeasurement or callable
        As of `measurement_influence`.
    lower, upper : float
        One of them may be left out.
    relative : bool
        Whether the bounds are of m(θ(w)) − m(θ*), the change from the model with all weights 1.

    Raises
    ------
    TypeError, ValueError
        Naming `lower`, `upper` or `relative`.

    Examples
    --------
    >>> import homotopy as hm
    >>> hm.reweighting.Constraint(hm.Predictions([[1.0]]), -0.1, 0.1).bounds
    (-0.1, 0.1)
    """

    measurement: AbstractMeasurement | Callable
    lower: float
    upper: float
    relative: bool

    def __init__(
        self,
        measurement,
        lower: float = -math.inf,
        upper: float = math.inf,
        *,
        relative: bool = False,
    ):
        if not callable(measurement) or isinstance(measurement, type):
            raise TypeError(
                "measurement: expected TestLoss(X, y), another measurement or a function of θ, got "
                f"{described(measurement)}."
            )
        for name, value in (("lower", lower), ("upper", upper)):
            real = isinstance(value, int | float | np.number) and not isinstance(value, bool)
            if not real or math.isnan(value):
                raise TypeError(f"{name}: expected a number, got {described(value)}.")
        if not isinstance(relative, bool):
            raise TypeError(f"relative: expected True or False, got {described(relative)}.")
        if lower > upper:
            raise ValueError(f"lower: expected at most upper = {upper:g}, got {lower:g}.")
        if math.isinf(lower) and math.isinf(upper):
            raise ValueError("lower, upper: expected one of them, got neither.")
        self.measurement = measurement
        self.lower, self.upper, self.relative = float(lower), float(upper), relative

    @property
    def bounds(self) -> tuple[float, float]:
        """(lower, upper)."""
        return self.lower, self.upper

    def _entries(self):
        yield "measurement", repr(self.measurement)
        yield "bounds", self.bounds
        yield "relative", self.relative or None


def equal_total(groups: ArrayInput) -> LinearConstraint:
    """The weights of each group add up to its size: no group counts more than before.

    Parameters
    ----------
    groups : (n,)
        A label for each row of the data; of one label for all, Σw = n.

    Examples
    --------
    >>> import homotopy as hm
    >>> hm.reweighting.equal_total(["a", "b", "a"]).A.tolist()
    [[1.0, 0.0, 1.0], [0.0, 1.0, 0.0]]
    """
    members = _memberships(groups)
    sizes = members.sum(axis=1)
    return LinearConstraint(members, sizes, sizes)


def equal_within(groups: ArrayInput) -> LinearConstraint:
    """All rows of a group have one weight.

    Parameters
    ----------
    groups : (n,)
        A label for each row of the data.

    Examples
    --------
    >>> import homotopy as hm
    >>> hm.reweighting.equal_within(["a", "b", "a"]).A.tolist()
    [[1.0, 0.0, -1.0]]
    """
    members = _memberships(groups)
    rows = []
    for member in members:
        first, *others = np.flatnonzero(member)
        for other in others:
            row = np.zeros(members.shape[1])
            row[first], row[other] = 1.0, -1.0
            rows.append(row)
    matrix = np.array(rows).reshape(len(rows), members.shape[1])
    return LinearConstraint(matrix, np.zeros(len(rows)), np.zeros(len(rows)))


def _memberships(groups) -> Float[np.ndarray, "k n"]:
    known = labels_of_rows(groups)
    return np.array([known == value for value in np.unique(known)], dtype=float)


def sorted_out(
    constraints: Sequence | Constraint | LinearConstraint, size: int
) -> tuple[list[Constraint], list[LinearConstraint]]:
    """Those of measurements, and those of the weights themselves."""
    given = [constraints] if isinstance(constraints, Constraint | LinearConstraint) else constraints
    try:
        given = list(given)
    except TypeError:
        raise TypeError(
            f"constraints: expected Constraint(measurement, lower, upper), or a list of them, got "
            f"{described(constraints)}."
        ) from None
    measured, linear = [], []
    for each in given:
        if isinstance(each, Constraint):
            measured.append(each)
        elif isinstance(each, LinearConstraint):
            matrix = np.atleast_2d(np.asarray(each.A, float))
            if matrix.shape[1] != size:
                raise ValueError(
                    f"constraints: expected a linear constraint of {size} weights, got one of "
                    f"{matrix.shape[1]}."
                )
            bounds = (np.broadcast_to(part, len(matrix)) for part in (each.lb, each.ub))
            linear.append(LinearConstraint(matrix, *bounds))
        else:
            raise TypeError(
                "constraints: expected Constraint(measurement, lower, upper) or "
                f"scipy.optimize.LinearConstraint, got {described(each)}."
            )
    return measured, linear
