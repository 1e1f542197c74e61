"""Fitted scikit-learn estimators as problems: the risk that they minimise, and θ where they are.

scikit-learn leaves intercepts unpenalised and divides by the number of points; here the risk is a
sum and the ridge one for each parameter. What each estimator minimises is written at its function.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Num

from homotopy._checks import ArrayInput
from homotopy._numbers import as_numbers
from homotopy._wording import described
from homotopy.linear import LinearRegression
from homotopy.losses import Logistic, SoftmaxCrossEntropy, SquaredError
from homotopy.models import Model, linear_model, mlp
from homotopy.problem import Problem
from homotopy.problem_data import sample_weights

_TAKEN = (
    "LinearRegression, Ridge, LogisticRegression, MLPRegressor or MLPClassifier of scikit-learn, "
    "fitted"
)


def from_sklearn(
    fitted: Any,
    X: Any,
    y: Any,
    *,
    deleted: ArrayInput | str,
    weights: ArrayInput | None = None,
) -> tuple[Problem, Float[Array, " d"]]:
    """The problem that a scikit-learn estimator has solved, and θ of its solution.

    Predictions at θ are the estimator's. Of least squares, Ridge and logistic regression θ is the
    full fit, as exactly as scikit-learn found it (its `tol`); a perceptron is most often stopped
    before it is at a minimum, and `train(problem, theta)` goes on to one.

    - An intercept is the first parameter, of a column of ones, and **not penalised**: the ridge is
      one for each parameter. `LinearRegression`, and `Ridge` without an intercept, become the
      `LinearRegression` here, with closed forms.
    - `LogisticRegression`: the ridge is 1/C. Of more than two classes the logits are relative: the
      intercept of the last class is zero, which changes no prediction and makes the fit unique.
      `class_weight` becomes weights of the points. Of liblinear, which penalises the intercept, the
      ridge on it is 1/(C · intercept_scaling²).
    - `MLPRegressor`, `MLPClassifier`: α on the weights, none on the biases; in batches of m of n
      points scikit-learn adds α/m in each, so that the ridge is αn/m, and α for lbfgs. Of several
      outputs it follows the gradient of the sum over them, though it reports the mean. With
      `early_stopping` it does not say which rows it was fitted to, and is refused.

    Parameters
    ----------
    fitted : estimator
        Fitted to X and y. Of a pipeline, its last step, with X as the steps before made it.
    X : (n, p), y : (n,) or (n, k)
        What it was fitted to; labels of classes may be text.
    deleted
        As of `Problem`.
    weights : (n,), optional
        The `sample_weight` that it was fitted with.

    Returns
    -------
    problem : Problem
    theta : (d,)

    Raises
    ------
    TypeError
        Naming `fitted`: an estimator of another kind.
    ValueError
        Naming `fitted`, where it is not fitted, or to other columns or classes, or minimises what
        has no counterpart here, as an ℓ₁ penalty; or the argument, as of `Problem`.

    Examples
    --------
    >>> import homotopy as hm, numpy as np
    >>> from sklearn.linear_model import Ridge
    >>> hm.enable_x64()
    >>> X, y = [[0.0], [1.0], [2.0], [4.0]], [1.0, 2.0, 4.0, 3.0]
    >>> problem, theta = from_sklearn(Ridge(alpha=0.5).fit(X, y), X, y, deleted=3)
    >>> np.asarray(theta).round(4).tolist(), problem.ridge.tolist()
    ([1.6486, 0.4865], [0.0, 0.5])
    """
    made = _MAKERS.get(_kind(fitted))
    if made is None:
        inside = " (take its last step, and X transformed by the others)"
        raise TypeError(
            f"fitted: expected {_TAKEN}, got {described(fitted)}"
            f"{inside if hasattr(fitted, 'steps') else ''}."
        )
    if not hasattr(fitted, "n_features_in_"):
        raise ValueError(f"fitted: expected a fitted {type(fitted).__name__}; call its fit(X, y).")
    X = X if hasattr(X, "columns") else as_numbers("X", X, data=True)
    columns = X.shape
    if len(columns) != 2 or columns[1] != fitted.n_features_in_:
        raise ValueError(
            f"X: expected the {fitted.n_features_in_} columns that {type(fitted).__name__} was "
            f"fitted to, got shape {columns}."
        )
    problem, theta = made(fitted, X, y, {"deleted": deleted, "weights": weights})
    return problem, problem.parameters(theta, "fitted")


def _kind(fitted) -> str | None:
    """The name of its class in scikit-learn, that it has or derives from."""
    for each in type(fitted).__mro__:
        if each.__module__.startswith("sklearn."):
            return each.__name__
    return None


class FixedAtZero(Model):
    """A model of which the last parameters are zero.

    Attributes
    ----------
    network : Model
    count : int
        How many are.
    names : tuple of str, optional
        Of the others.
    """

    network: Model
    count: int = eqx.field(static=True)
    names: tuple[str, ...] | None = eqx.field(static=True, default=None)

    @property
    def dimension(self) -> int:
        return self.network.dimension - self.count

    def _whole(self, theta):
        return jnp.concatenate([theta, jnp.zeros(self.count, theta.dtype)])

    def __call__(self, theta: Float[Array, " d"], x: Num[Array, " p"]) -> Float[Array, "*k"]:
        self._check(theta)
        return self.network(self._whole(theta), x)

    def unravel(self, theta: Float[Array, " d"]) -> Any:
        """The network, its last parameters zero."""
        return self.network.unravel(self._whole(theta))

    def parameter_names(self, features: Sequence[str] | None = None) -> tuple[str, ...]:
        """Of the parameters that are not zero."""
        return self.names or self.network.parameter_names(features)[: self.dimension]

    def initial_parameters(self, key) -> Float[Array, " d"]:
        """Those of the network, but the last."""
        return self.network.initial_parameters(key)[: self.dimension]


# Linear models --------------------------------------------------------------------------------


def _least_squares(fitted, X, y, options):
    """Σ w (y − xᵀθ − b)², half of which is the risk; with `Ridge` α‖θ‖² added."""
    if getattr(fitted, "positive", False):
        raise ValueError("fitted: expected coefficients without bounds, got positive=True.")
    alpha = np.asarray(getattr(fitted, "alpha", 0.0), float)
    if alpha.ndim and np.unique(alpha).size > 1:
        raise ValueError("fitted: expected one alpha for all targets, got several.")
    alpha = float(np.ravel(alpha)[0])
    if np.ndim(fitted.coef_) == 2:
        return _several_targets(fitted, X, y, alpha, options)
    if not fitted.fit_intercept:
        return LinearRegression(X, y, ridge=alpha, **options), fitted.coef_
    X, theta = _with_ones(X), np.r_[fitted.intercept_, fitted.coef_]
    if alpha == 0.0:
        return LinearRegression(X, y, **options), theta
    ridge = np.r_[0.0, np.full(theta.size - 1, alpha)]
    return Problem(linear_model(theta.size), SquaredError(), X, y, ridge=ridge, **options), theta


def _several_targets(fitted, X, y, alpha, options):
    count, width = fitted.coef_.shape
    model, free = mlp([width, count]), 0 if fitted.fit_intercept else count
    if count == 1:
        y = np.ravel(y)
    theta, ridge = fitted.coef_.ravel(), np.full(count * width, alpha)
    if fitted.fit_intercept:
        theta = np.r_[theta, np.broadcast_to(fitted.intercept_, count)]
        ridge = np.r_[ridge, np.zeros(count)]
    model = FixedAtZero(model, free) if free else model
    return Problem(model, SquaredError(), X, y, ridge=ridge, **options), theta


def _logistic(fitted, X, y, options):
    """C Σ w ℓ + ½‖θ‖², C times the risk of ridge 1/C."""
    penalty = fitted.get_params().get("penalty")
    mixed = fitted.get_params().get("l1_ratio") or 0.0
    if penalty in ("l1", "elasticnet") or (penalty != "l2" and mixed > 0.0):
        raise ValueError("fitted: expected an ℓ₂ penalty or none, got one with an ℓ₁ part.")
    y, options = _classes(fitted, X, y, options)
    strength = 0.0 if penalty is None else 1.0 / float(fitted.C)
    count, width = len(fitted.classes_), fitted.n_features_in_
    of_liblinear = fitted.solver == "liblinear"
    if count == 2:
        theta, ridge = fitted.coef_[0], np.full(width, strength)
        if fitted.fit_intercept:
            bound = strength / fitted.intercept_scaling**2 if of_liblinear else 0.0
            X, theta, ridge = _with_ones(X), np.r_[fitted.intercept_, theta], np.r_[bound, ridge]
        ridge = float(ridge[0]) if np.all(ridge == ridge[0]) else ridge
        model = linear_model(theta.size)
        return Problem(model, Logistic(), X, y, ridge=ridge, **options), theta
    if of_liblinear:
        raise ValueError(
            "fitted: expected one softmax of all classes, got one classifier a class, as liblinear "
            "fits; take solver='lbfgs'."
        )
    theta, names = fitted.coef_.ravel(), _names_of_logits(fitted, X)
    fixed, free = count, 0
    if fitted.fit_intercept:
        theta = np.r_[theta, (fitted.intercept_ - fitted.intercept_[-1])[:-1]]
        fixed, free = 1, count - 1
        names += [f"{label}: intercept" for label in fitted.classes_[:-1]]
    model = FixedAtZero(mlp([width, count]), fixed, tuple(names))
    ridge = np.r_[np.full(count * width, strength), np.zeros(free)] if strength else 0.0
    return Problem(model, SoftmaxCrossEntropy(), X, y, ridge=ridge, **options), theta


def _names_of_logits(fitted, X):
    features = getattr(X, "columns", [f"x{place}" for place in range(fitted.n_features_in_)])
    return [f"{label}: {feature}" for label in fitted.classes_ for feature in features]


# Perceptrons ----------------------------------------------------------------------------------


def _identity(x):
    return x


_ACTIVATIONS: dict[str, Callable] = {
    "identity": _identity,
    "logistic": jax.nn.sigmoid,
    "tanh": jax.nn.tanh,
    "relu": jax.nn.relu,
}


def _perceptron(fitted, X, y, options):
    """Σ w ℓ/m + α‖W‖²/(2m) in a batch of m, as its gradient has it."""
    if fitted.early_stopping and fitted.solver != "lbfgs":
        raise ValueError(
            "fitted: expected a perceptron fitted to all rows, got one with early_stopping=True: "
            f"scikit-learn kept {fitted.validation_fraction:g} of the rows out of the fit, and "
            "does not say which; split them off by train_test_split, fit the others with "
            "early_stopping=False, and pass those here."
        )
    classes = hasattr(fitted, "classes_")
    loss = SquaredError()
    if classes:
        if fitted.out_activation_ not in ("logistic", "softmax") or np.ndim(y) != 1:
            raise ValueError(
                "fitted: expected classes that exclude each other, got several labels."
            )
        y, options = _classes(fitted, X, y, options)
        loss = Logistic() if fitted.n_outputs_ == 1 else SoftmaxCrossEntropy()
    elif getattr(fitted, "loss", "squared_error") != "squared_error":
        raise ValueError(f"fitted: expected loss='squared_error', got {fitted.loss!r}.")
    elif np.ndim(y) == 2 and fitted.n_outputs_ == 1:
        y = np.ravel(y)
    size = np.shape(X)[0]
    batch = size
    if fitted.solver != "lbfgs":
        batch = min(200, size) if fitted.batch_size == "auto" else min(fitted.batch_size, size)
    strength = fitted.alpha * size / batch
    theta, ridge = [], []
    for weight, bias in zip(fitted.coefs_, fitted.intercepts_, strict=True):
        theta += [weight.T.ravel(), bias]
        ridge += [np.full(weight.size, strength), np.zeros(bias.size)]
    theta, ridge = np.concatenate(theta), np.concatenate(ridge)
    sizes = [fitted.n_features_in_, *(weight.shape[1] for weight in fitted.coefs_)]
    model = mlp(sizes, _ACTIVATIONS[fitted.activation])
    if isinstance(loss, SoftmaxCrossEntropy):
        # A constant that all biases of the output share changes nothing.
        theta[-fitted.n_outputs_ :] -= theta[-1]
        model, theta, ridge = FixedAtZero(model, 1), theta[:-1], ridge[:-1]
    return Problem(model, loss, X, y, ridge=ridge, **options), theta


_MAKERS = {
    "LinearRegression": _least_squares,
    "Ridge": _least_squares,
    "LogisticRegression": _logistic,
    "MLPRegressor": _perceptron,
    "MLPClassifier": _perceptron,
}


# Data -----------------------------------------------------------------------------------------


def _with_ones(X):
    """X after a column of ones; a data frame keeps its names."""
    if not hasattr(X, "columns"):
        return np.column_stack([np.ones(np.shape(X)[0]), np.asarray(X)])
    X = X.copy()
    X.insert(0, "(intercept)" if "intercept" in X.columns else "intercept", 1.0)
    return X


def _classes(fitted, X, y, options):
    """The numbers of the classes, and weights that count those of the classes."""
    labels, size = np.asarray(y), np.shape(X)[0]
    if labels.shape != (size,):
        raise ValueError(f"y: expected {size} labels of classes, got shape {labels.shape}.")
    unknown = ~np.isin(labels, fitted.classes_)
    if unknown.any():
        row = int(np.flatnonzero(unknown)[0])
        raise ValueError(
            f"y: expected the classes {fitted.classes_.tolist()} that it was fitted to, got "
            f"{labels[row]!r} in row {row}."
        )
    numbers = np.searchsorted(fitted.classes_, labels)
    if getattr(fitted, "class_weight", None) is not None:
        given = options["weights"]
        known = np.ones(size) if given is None else sample_weights(given, size)
        options = options | {"weights": known * _of_classes(fitted, numbers, known)}
    if hasattr(y, "index") and hasattr(y, "name"):  # a series keeps its names
        numbers = type(y)(numbers, index=y.index, name=y.name)
    return numbers, options


def _of_classes(fitted, numbers, weights):
    """The weight of each point's class; balanced, all classes weigh the same in sum."""
    if isinstance(fitted.class_weight, dict):
        of = [fitted.class_weight.get(label, 1.0) for label in fitted.classes_.tolist()]
        return np.asarray(of, float)[numbers]
    sums = np.bincount(numbers, weights, len(fitted.classes_))
    return (weights.sum() / (len(sums) * sums))[numbers]
