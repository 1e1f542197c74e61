"""What `homotopy influence` looks at: the regression, its fit, and the data it is tested on."""

import dataclasses
from pathlib import Path

import numpy as np
from jaxtyping import Float

from homotopy._wording import listed
from homotopy.commands.shared.errors import InputError
from homotopy.commands.shared.inputs import Design, labels
from homotopy.datasets import Dataset, Standardisation
from homotopy.datasets.tables.load import load_alike
from homotopy.datasets.tables.rows import row_namer
from homotopy.existence import decide_existence
from homotopy.influence.diagnostics import RegressionDiagnostics, regression_diagnostics
from homotopy.labels import keep_labels
from homotopy.losses import Logistic, SoftmaxCrossEntropy, SquaredError
from homotopy.measurements import TestLoss
from homotopy.models import function_model, linear_model
from homotopy.problem import Problem

SQUARED, LOGISTIC, SOFTMAX = "squared", "logistic", "softmax"
EXACT = 1e-9  # residuals below this part of the target's deviation: a fit through every row


@dataclasses.dataclass(frozen=True, eq=False)
class Fit:
    """A regression and its fit to all rows.

    Attributes
    ----------
    design
        The data as they are fitted.
    loss
        One of squared, logistic, softmax.
    problem
        Of the design.
    theta
        θ*; of the softmax a row a class, one after the other.
    diagnostics
        Of a linear regression; None for classes.
    test
        The mean loss on the test data, if there are any, and their number of rows.
    test_notes
        What reading these assumed, in sentences.
    """

    design: Design
    loss: str
    problem: Problem
    theta: Float[np.ndarray, " d"]
    diagnostics: RegressionDiagnostics | None
    test: TestLoss | None
    test_notes: tuple[str, ...] = ()

    @property
    def original(self) -> Dataset:
        return self.design.original

    @property
    def standardisation(self) -> Standardisation:
        return self.design.standardisation

    @property
    def linear(self) -> bool:
        return self.diagnostics is not None

    @property
    def ridge(self) -> float:
        return float(self.problem.ridge)

    @property
    def parameter_names(self) -> tuple[str, ...]:
        names = self.design.names
        if self.loss != SOFTMAX:
            return names
        return tuple(f"{name}[{each}]" for each in self.original.classes for name in names)


def with_classes(dataset: Dataset, loss: str, classes=None, option: str | None = None) -> Dataset:
    """The data with a target as the loss takes it: numbers, 0 and 1, or numbers of classes.

    `classes` are those of other data, which these must not go beyond.
    """
    option = f"--loss {loss}" if option is None else option
    name, where = dataset.target_name, row_namer(dataset.row_names, dataset.row_numbers)
    if loss == SQUARED:
        if dataset.classes is not None:
            count = len(dataset.classes)
            raise InputError(
                f"--loss squared: the target {name!r} is text, with {count} classes "
                f"({listed(map(repr, dataset.classes))}), and least squares takes numbers: "
                f"--loss {LOGISTIC if count == 2 else SOFTMAX} takes classes, --target names "
                "another column."
            )
        return dataset
    if loss == LOGISTIC:
        if dataset.classes is not None and len(dataset.classes) > 2:
            raise InputError(
                f"--loss logistic: expected a target of two classes, got {name!r} with "
                f"{len(dataset.classes)}: {listed(map(repr, dataset.classes))}; --loss softmax "
                "takes them."
            )
        other = np.flatnonzero((dataset.y != 0) & (dataset.y != 1))
        if other.size:
            raise InputError(
                f"{option}: expected the target {name!r} to be 0 or 1 in every row, or text of two "
                f"classes, got {dataset.y[other[0]]:g} in {where(other[0])}; --loss "
                "softmax takes more classes."
            )
        return dataset
    if dataset.classes is not None:
        return dataset
    values = np.unique(dataset.y)
    # As short as they can be told apart: 4, 0.1, 1000001.
    found = tuple(np.format_float_positional(value, trim="-") for value in values)
    if classes is None:
        if len(found) > max(2, len(dataset.y) // 2):
            raise InputError(
                f"{option}: expected a target of classes, got {len(found)} different numbers in "
                f"the {len(dataset.y)} rows of {name!r}."
            )
        classes = found
    unknown = [value for value in found if value not in classes]
    if unknown:
        row = int(np.flatnonzero(dataset.y == float(unknown[0]))[0])
        raise InputError(
            f"{option}: the target {name!r} is {unknown[0]} in {where(row)}, which is "
            f"none of the classes of the data: {listed(classes)}."
        )
    places = {float(each): float(number) for number, each in enumerate(classes)}
    codes = np.array([places[value] for value in dataset.y.tolist()])
    return dataclasses.replace(dataset, y=codes, classes=classes)


def check_classes(dataset: Dataset, loss: str) -> None:
    """Rows of two classes at least."""
    if loss != SQUARED and np.all(dataset.y == dataset.y[0]):
        only = f"{dataset.y[0]:g}" if dataset.classes is None else repr(dataset.classes[0])
        classes = "both classes, 0 and 1" if loss == LOGISTIC else "two classes or more"
        raise InputError(
            f"--loss {loss}: the target {dataset.target_name!r} is {only} in every row; a fit "
            f"takes rows of {classes}."
        )


def load_test(path: Path, original: Dataset, loss: str) -> Dataset:
    """The test data, with the features of the data."""
    try:
        test = load_alike(path, original)
    except ValueError as error:
        raise InputError(f"--test: {error}") from None
    return with_classes(test, loss, original.classes, "--test")


def fit_regression(design: Design, loss: str, ridge: float, test: Dataset | None) -> Fit:
    """The regression on the standardised data, fitted; `InputError` where there is no fit."""
    original, standardisation = design.original, design.standardisation

    def targets(data):
        if loss == SQUARED:
            return (data.y - standardisation.target_mean) / standardisation.target_scale
        return data.y.astype(int) if loss == SOFTMAX else data.y

    y = design.scaled.y if loss == SQUARED else targets(original)
    losses = {SQUARED: SquaredError, LOGISTIC: Logistic, SOFTMAX: SoftmaxCrossEntropy}
    # The deleted set plays no part: every row is deleted in its turn.
    problem = Problem(
        _model(design, loss),
        losses[loss](),
        design.X,
        y,
        deleted=0,
        ridge=ridge,
        weights=original.weights,
    )
    keep_labels(problem.X, labels(design))
    diagnostics = None
    if loss == SQUARED:
        diagnostics = regression_diagnostics(problem)
        theta = diagnostics.theta
        if np.abs(diagnostics.residuals).max() <= EXACT:
            raise InputError(
                f"{original.name}: the fit passes through every row to nine digits, so that no "
                "row moves it."
            )
    else:
        theta = _fit_of_classes(problem, original, loss)
    measurement, test_notes = None, ()
    if test is not None:
        means, scales = standardisation.feature_means, standardisation.feature_scales
        measurement = TestLoss(design.with_intercept((test.X - means) / scales), targets(test))
        test_notes = test.notes
    return Fit(design, loss, problem, np.asarray(theta), diagnostics, measurement, test_notes)


def _model(design, loss):
    width = len(design.names)
    if loss != SOFTMAX:
        return linear_model(width)
    count = len(design.original.classes)
    return function_model(lambda theta, x: theta.reshape(count, width) @ x, count * width)


def _fit_of_classes(problem, original, loss):
    try:
        return np.asarray(problem.full_fit())
    except RuntimeError as error:
        if not decide_existence(problem, problem.weights()).doubtful:
            raise InputError(f"{original.name}: the {loss} fit failed: {error}") from error
        of = "the rows of the two classes" if loss == LOGISTIC else "rows of the classes"
        raise InputError(
            f"{original.name}: the {loss} fit is not finite, as where a plane separates {of}: add "
            "a small --ridge, such as 1e-3."
        ) from error
