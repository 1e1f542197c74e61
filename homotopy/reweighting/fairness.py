"""How differently a classifier treats two groups: measurements, smooth and as decisions."""

from __future__ import annotations

import abc

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from homotopy._checks import ArrayInput, flag, matrix
from homotopy._memory import owned
from homotopy._numbers import as_numbers
from homotopy._wording import described
from homotopy.measurements import AbstractMeasurement, check_inputs
from homotopy.problem import Problem
from homotopy.reweighting.row_labels import labels_of_rows


class AbstractDisparity(AbstractMeasurement):
    """A rate of group 1 less that of group 0, on data that training has not seen.

    A rate is the mean probability of class 1, or, where `hard`, the share of decisions for it,
    f(θ; x) > 0: what is reported in the end, and piecewise constant, so that no weights are learned
    from it. Of a model without classes it is the mean prediction.
    """

    X: Float[Array, "m p"]
    members: Bool[Array, "2 c m"]  # of either group, for each of the rates that are compared
    hard: bool = eqx.field(static=True)

    def check(self, problem: Problem) -> None:
        check_inputs(self.X, problem)
        outputs = jax.eval_shape(lambda at: problem.predict(at, self.X), _theta(problem))
        classes = 2 if outputs.ndim == 1 else outputs.shape[1]
        if classes != 2:
            raise ValueError(
                f"measurement: {type(self).__name__} is for two classes, and the model has "
                f"{classes} outputs."
            )
        if self.hard and not problem.loss.has_classes:
            raise ValueError(
                "measurement: hard rates are of classes, and "
                f"{type(problem.loss).__name__} has none: leave hard=True out."
            )

    def _differences(self, problem, theta) -> Float[Array, " c"]:
        outputs = problem.predict(theta, self.X.astype(problem.X.dtype))
        if problem.loss.has_classes:
            logits = jax.vmap(problem.loss.logits)(outputs)
            margin = logits[:, 1] - logits[:, 0]
            score = (margin > 0.0).astype(margin.dtype) if self.hard else jax.nn.sigmoid(margin)
        else:
            score = outputs
        members = self.members.astype(score.dtype)
        rates = members @ score / jnp.sum(members, axis=2)
        return rates[1] - rates[0]

    def _set(self, X, groups, hard, kinds) -> None:
        """`kinds` gives, of so many rows, those of each rate that is compared."""
        inputs = matrix("X", X)
        self.X, self.hard = owned(inputs, float), flag("hard", hard)
        self.members = _members(_two_groups(groups, len(inputs)), kinds(len(inputs)))

    @abc.abstractmethod
    def __call__(self, problem, theta, rows, amounts):
        """The difference, or the differences."""


class DemographicParity(AbstractDisparity):
    """P(ŷ = 1 | group 1) − P(ŷ = 1 | group 0): 0 where both groups get class 1 alike.

    Signed: swap the groups, and the sign changes. The hard version's size is Fairlearn's
    `demographic_parity_difference`.

    Parameters
    ----------
    X : (m, p)
        Inputs at which rates are taken.
    groups : (m,)
        Of two values; the larger of them, or True, is group 1.
    hard : bool
        Decisions in place of probabilities.

    Raises
    ------
    ValueError
        Naming `X` or `groups`.

    Examples
    --------
    >>> import homotopy as hm
    >>> hm.enable_x64()
    >>> problem = hm.LinearRegression([[1.0], [1.0]], [0.0, 1.0], deleted=1)
    >>> change = hm.predict(problem, hm.LeaveOneOut())
    >>> parity = hm.reweighting.DemographicParity([[1.0], [3.0]], ["a", "b"])
    >>> round(float(change.measured(parity)), 12)  # (3 − 1)θ, and θ falls from 0.5 to 0
    -1.0
    """

    def __init__(self, X: ArrayInput, groups: ArrayInput, *, hard: bool = False):
        self._set(X, groups, hard, lambda count: [np.ones(count, bool)])

    def __call__(self, problem, theta, rows, amounts):
        return self._differences(problem, theta)[0]


class EqualOpportunity(AbstractDisparity):
    """P(ŷ = 1 | y = 1, group 1) − P(ŷ = 1 | y = 1, group 0): true positive rates.

    Parameters
    ----------
    X : (m, p)
    y : (m,)
        Labels 0 or 1.
    groups : (m,)
        As of `DemographicParity`.
    hard : bool
        As of `DemographicParity`; Fairlearn's `true_positive_rate_difference` is its size.

    Raises
    ------
    ValueError
        Naming `X`, `y` or `groups`; also where a group has no point of class 1.

    Examples
    --------
    >>> import homotopy as hm
    >>> hm.enable_x64()
    >>> problem = hm.LinearRegression([[1.0], [1.0]], [0.0, 1.0], deleted=1)
    >>> change = hm.predict(problem, hm.LeaveOneOut())  # θ falls from 0.5 to 0
    >>> X, y, groups = [[1.0], [3.0], [9.0]], [1, 1, 0], [0, 1, 1]
    >>> float(change.measured(hm.reweighting.EqualOpportunity(X, y, groups)).round(12))  # (3 − 1)θ
    -1.0
    """

    def __init__(self, X: ArrayInput, y: ArrayInput, groups: ArrayInput, *, hard: bool = False):
        self._set(X, groups, hard, lambda count: [_labels(y, count)])

    def __call__(self, problem, theta, rows, amounts):
        return self._differences(problem, theta)[0]


class EqualizedOdds(AbstractDisparity):
    """The differences of the true and of the false positive rates, (2,).

    Both are bounded where it is a constraint. Fairlearn's `equalized_odds_difference` is the larger
    size of the two hard ones.

    Parameters
    ----------
    X : (m, p)
    y : (m,)
        Labels 0 or 1.
    groups : (m,)
        As of `DemographicParity`.
    hard : bool
        As of `DemographicParity`.

    Raises
    ------
    ValueError
        Naming `X`, `y` or `groups`; also where a group lacks one of the classes.

    Examples
    --------
    >>> import homotopy as hm
    >>> hm.enable_x64()
    >>> problem = hm.LinearRegression([[1.0], [1.0]], [0.0, 1.0], deleted=1)
    >>> change = hm.predict(problem, hm.LeaveOneOut())  # θ falls from 0.5 to 0
    >>> X, y, groups = [[1.0], [3.0], [9.0], [5.0]], [1, 1, 0, 0], [0, 1, 1, 0]
    >>> change.measured(hm.reweighting.EqualizedOdds(X, y, groups)).round(12).tolist()
    [-1.0, -2.0]
    """

    def __init__(self, X: ArrayInput, y: ArrayInput, groups: ArrayInput, *, hard: bool = False):
        self._set(X, groups, hard, lambda count: [_labels(y, count), ~_labels(y, count)])

    def __call__(self, problem, theta, rows, amounts):
        return self._differences(problem, theta)


def _theta(problem):
    return jax.ShapeDtypeStruct((problem.dimension,), problem.X.dtype)


def _two_groups(groups, count) -> np.ndarray:
    """Which points are of group 1."""
    known = labels_of_rows(groups, count)
    values = np.unique(known)
    if values.size != 2:
        shown = ", ".join(repr(each) for each in values[:4].tolist())
        raise ValueError(f"groups: expected two values, got {values.size}: {shown}.")
    return known == values[1]


def _labels(y, count) -> np.ndarray:
    labels = np.asarray(as_numbers("y", y, data=True))
    if labels.shape != (count,):
        raise ValueError(f"y: expected {count} labels, as X has rows, got shape {labels.shape}.")
    other = (labels != 0) & (labels != 1)
    if np.any(other):
        row = int(np.flatnonzero(other)[0])
        raise ValueError(
            f"y: expected labels 0 or 1, got {described(labels[row].item())} in row {row}."
        )
    return labels == 1


def _members(first, kinds) -> Bool[Array, "2 c m"]:
    """The points of each group and kind, none of which may lack them."""
    members = np.array([[kind & of_group for kind in kinds] for of_group in (~first, first)])
    if not members.any(axis=2).all():
        group, kind = np.argwhere(~members.any(axis=2))[0]
        raise ValueError(
            f"groups: group {group} has no point of class {1 - kind}: its rate is not defined."
        )
    return jnp.asarray(members)
