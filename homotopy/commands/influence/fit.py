"""What `homotopy influence` looks at: the regression, its fit, and the data it is tested on."""

import dataclasses
from pathlib import Path

import numpy as np
from jaxtyping import Float

from homotopy._wording import listed
from homotopy.commands.shared import inputs as _inputs
from homotopy.commands.shared.errors import InputError
from homotopy.datasets import Dataset, Standardisation
from homotopy.existence import decide_existence
from homotopy.influence.diagnostics import RegressionDiagnostics, regression_diagnostics
from homotopy.losses import Logistic, SquaredError
from homotopy.measurements import TestLoss
from homotopy.models import linear_model
from homotopy.problem import Problem

LOGISTIC = "logistic"
EXACT = 1e-9  # residuals below this part of the target's deviation: a fit through every row


@dataclasses.dataclass(frozen=True, eq=False)
class Fit:
    """A regression and its fit to all rows.

    Attributes
    ----------
    problem
        Of the standardised data; for the logistic loss with a last column of ones.
    theta
        θ*.
    diagnostics
        Of a linear regression; None for the logistic loss.
    test
        The mean loss on the test data, if there are any, and their number of rows.
    """

    original: Dataset
    standardisation: Standardisation
    problem: Problem
    theta: Float[np.ndarray, " d"]
    diagnostics: RegressionDiagnostics | None
    test: TestLoss | None

    @property
    def logistic(self) -> bool:
        return self.diagnostics is None

    @property
    def ridge(self) -> float:
        return float(self.problem.ridge)

    @property
    def parameter_names(self) -> tuple[str, ...]:
        return (*self.original.feature_names, *(["intercept"] if self.logistic else []))


def check_labels(dataset: Dataset, option: str = "--loss logistic") -> None:
    """Every target is 0 or 1."""
    other = np.flatnonzero((dataset.y != 0) & (dataset.y != 1))
    if other.size:
        raise InputError(
            f"{option}: expected the target {dataset.target_name!r} to be 0 or 1 in every row, "
            f"got {dataset.y[other[0]]:g} in row {other[0]}."
        )


def check_classes(dataset: Dataset) -> None:
    """Labels of both classes."""
    check_labels(dataset)
    if np.all(dataset.y == dataset.y[0]):
        raise InputError(
            f"--loss logistic: the target {dataset.target_name!r} is {dataset.y[0]:g} in every "
            "row; a fit takes rows of both classes, 0 and 1."
        )


def load_test(path: Path, original: Dataset, logistic: bool) -> Dataset:
    """The test data, with the columns in the order of the data."""
    test = _inputs.read(path, original.target_name)
    for relation, there, wanted in (
        ("lacks", test.feature_names, original.feature_names),
        ("has, and the data lack,", original.feature_names, test.feature_names),
    ):
        missing = [repr(name) for name in wanted if name not in there]
        if missing:
            raise InputError(
                f"--test: {path.name} {relation} {listed(missing, word='column')}; it must have "
                f"the columns of {original.name}."
            )
    if logistic:
        check_labels(test, "--test")
    order = [test.feature_names.index(name) for name in original.feature_names]
    return dataclasses.replace(test, X=test.X[:, order], feature_names=original.feature_names)


def fit_regression(
    original: Dataset,
    scaled: Dataset,
    standardisation: Standardisation,
    logistic: bool,
    ridge: float,
    test: Dataset | None,
) -> Fit:
    """The regression on the standardised data, fitted; `InputError` where there is no fit."""

    def prepared(X, y):
        """Inputs and targets as the problem has them, from standardised inputs."""
        if logistic:
            return np.column_stack([X, np.ones(len(X))]), y
        return X, (y - standardisation.target_mean) / standardisation.target_scale

    X, y = prepared(scaled.X, original.y)
    y = y if logistic else scaled.y
    loss = Logistic() if logistic else SquaredError()
    # The deleted set plays no part: every row is deleted in its turn.
    problem = Problem(linear_model(X.shape[1]), loss, X, y, deleted=0, ridge=ridge)
    diagnostics = None
    if logistic:
        theta = _logistic_fit(problem, original)
    else:
        diagnostics = regression_diagnostics(problem)
        theta = diagnostics.theta
        if np.abs(diagnostics.residuals).max() <= EXACT:
            raise InputError(
                f"{original.name}: the fit passes through every row to nine digits, so that no "
                "row moves it."
            )
    measurement = None
    if test is not None:
        means, scales = standardisation.feature_means, standardisation.feature_scales
        measurement = TestLoss(*prepared((test.X - means) / scales, test.y))
    return Fit(original, standardisation, problem, np.asarray(theta), diagnostics, measurement)


def _logistic_fit(problem, original):
    try:
        return np.asarray(problem.full_fit())
    except RuntimeError as error:
        if not decide_existence(problem, problem.weights()).doubtful:
            raise InputError(f"{original.name}: the logistic fit failed: {error}") from error
        raise InputError(
            f"{original.name}: the logistic fit is not finite, as where a plane separates the rows "
            "of the two classes: add a small --ridge, such as 1e-3."
        ) from error
