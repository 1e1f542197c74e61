"""A learning problem with deleted points: model + loss + data. It knows nothing of time."""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike, DTypeLike
from jaxtyping import Array, Float, Int, PyTree

from homotopy import risk
from homotopy._checks import (
    ArrayInput,
    concrete,
    instance,
    matrix,
    vector,
)
from homotopy._jit import output_shape_of
from homotopy._memory import owned
from homotopy._module import Module
from homotopy._pickling import by_fields
from homotopy.existence import affine_in_parameters, decide_existence, require_minimum
from homotopy.labels import Labels, keep_labels, kept_labels, labels_of, numbered
from homotopy.losses.base import AbstractLoss, a_loss
from homotopy.losses.weighted import WeightedLoss, with_weights
from homotopy.minima.bfgs import stationary_point
from homotopy.models import LinearModel, Model, a_model
from homotopy.named_data import NamedData
from homotopy.precision import floating_dtype
from homotopy.problem_data import (
    deleted_rows,
    output_shape,
    ridge_strength,
    sample_weights,
    validated_data,
)
from homotopy.seen_directions import AlongDirections, seen_directions


class Problem(NamedData, Module):
    """The weighted empirical risk R_ε(θ) = Σ_{i∉G} ℓ_i(θ) + ε Σ_{i∈G} ℓ_i(θ) + (ρ/2)‖θ‖².

    ε = 1 is all the data, ε = 0 the data without the deleted set G (theory §1). The risk is a
    **sum**, not a mean; ρ is never re-weighted. With sample weights ℓ_i(θ) = wᵢ ℓ(f(θ; xᵢ), yᵢ): a
    point of weight 2 is one that occurs twice, and deleting it deletes both.

    Parameters
    ----------
    model : Model
        f(θ; x), of `linear_model`, `mlp`, `module_model` or `function_model`.
    loss : AbstractLoss
        ℓ(ŷ, y).
    X : (n, p)
        Inputs, one row a point: an array, nested lists or a data frame, of numbers or booleans,
        which count as 0 and 1.
    y : (n,) or (n, k)
        Targets, likewise. Integers stay integers.
    deleted : int or str, sequence of them, or (n,) of bool
        Row numbers of the deleted set G, counted from 0, or a mask of it; or names of rows, as the
        index of a data frame has them.
    ridge : float or (d,)
        ρ ≥ 0; or one ρ_j for each entry of θ, as 0 for an intercept: then ½ Σ ρ_j θ_j² stands for
        (ρ/2)‖θ‖².
    weights : (n,), optional
        Sample weights wᵢ > 0, kept as `point_weights`; 1 by default.
    dtype : optional
        float64 unless another floating type is named.

    Raises
    ------
    TypeError
        Naming `model` or `loss`, where it is none.
    ValueError
        Naming the argument: shapes that do not match; data that are missing, infinite, masked,
        complex, text or categories, with row and column; a deleted index out of range or twice,
        nothing left after deletion, ρ < 0, a weight that is not positive, 64-bit mode off.

    Examples
    --------
    >>> import homotopy as hm, jax.numpy as jnp
    >>> hm.enable_x64()
    >>> problem = hm.Problem(
    ...     hm.linear_model(1), hm.SquaredError(), [[1.0], [2.0]], [1.0, 0.0], deleted=1
    ... )
    >>> float(problem.risk(jnp.array([1.0]), epsilon=0.5))
    1.0
    """

    model: Model
    loss: AbstractLoss
    X: Float[Array, "n p"]
    y: Array
    deleted: Int[Array, " g"]
    ridge: Float[Array, "*d"]
    point_weights: Float[Array, " n"] | None

    def __init__(
        self,
        model: Model,
        loss: AbstractLoss,
        X: ArrayInput,
        y: ArrayInput,
        *,
        deleted: ArrayInput | str,
        ridge: ArrayInput = 0.0,
        weights: ArrayInput | None = None,
        dtype: DTypeLike | None = None,
    ):
        dtype = floating_dtype(dtype)
        a_model(model)
        a_loss(loss)
        labels = labels_of(X, y)
        inputs, targets, indices = validated_data(X, y, numbered("deleted", deleted, labels))
        loss.validate(targets, output_shape(model, inputs, dtype))
        ridge = ridge_strength(ridge, model.dimension)
        self.model = model
        self.loss = loss
        self.X = owned(inputs, dtype)
        integral = np.issubdtype(targets.dtype, np.integer)
        self.y = owned(targets, None if integral else dtype)
        self.deleted = jnp.asarray(indices)
        self.ridge = jnp.asarray(ridge, dtype)
        known = None if weights is None else sample_weights(weights, inputs.shape[0])
        self.point_weights = None if known is None else owned(known, dtype)
        self._check_shapes()
        keep_labels(self.X, labels)

    def __reduce__(self):
        return _labelled, (*by_fields(self), self.labels)

    @property
    def labels(self) -> Labels:
        """What the columns and rows of the data are called: as of the data frame that X was."""
        return kept_labels(self.X)

    @property
    def parameter_names(self) -> tuple[str, ...]:
        """What each entry of θ is called: of a linear model, the feature that it multiplies."""
        return self.model.parameter_names(self.labels.features)

    def _check_shapes(self) -> None:
        x, y = (jax.ShapeDtypeStruct(part.shape[1:], part.dtype) for part in (self.X, self.y))
        try:
            theta = jax.ShapeDtypeStruct((self.dimension,), self.X.dtype)
            output = output_shape_of(_value, (self.model, self.loss), theta, x, y)
        except (TypeError, ValueError) as error:
            raise ValueError(
                f"model: the model and the loss do not take the data: x has shape {x.shape}, y "
                f"has shape {y.shape} ({error})."
            ) from error
        if output.shape != ():
            raise ValueError(
                f"y: the loss of one point must be a scalar, and has shape {output.shape}: the "
                f"model's output does not match y, whose rows have shape {y.shape}."
            )

    @property
    def point_loss(self) -> AbstractLoss:
        """The loss of `targets`: `loss` itself, or, with sample weights, the weighted one."""
        if self.point_weights is None:
            return self.loss
        return WeightedLoss(self.loss, scalar_targets=self.y.ndim == 1)

    @property
    def targets(self) -> Array:
        """`y`, with the sample weights as a further column where there are any."""
        return self.y if self.point_weights is None else with_weights(self.y, self.point_weights)

    @property
    def has_rows(self) -> bool:
        """Whether it holds all its rows: a linear regression of moments does not."""
        return True

    @property
    def dimension(self) -> int:
        """d, the number of parameters."""
        return self.model.dimension

    @property
    def size(self) -> int:
        """n, the number of data points, deleted ones included."""
        return self.X.shape[0]

    def unravel(self, theta: Float[Array, " d"]) -> PyTree:
        """θ as the user's model."""
        return self.model.unravel(theta)

    def predict(self, theta: Float[Array, " d"], X: ArrayInput | None = None) -> Array:
        """Outputs f(θ; x) at the rows of X (default: the data), which may be a data frame."""
        if X is None:
            X = self.X
        elif not isinstance(X, jax.Array):
            X = jnp.asarray(matrix("X", X, self.X.shape[1]), self.X.dtype)
        return risk.outputs(self, theta, X)

    def weights(self, epsilon: ArrayLike = 1.0) -> Float[Array, " n"]:
        """Weights of the n losses ℓ_i: ε on the deleted set, one elsewhere.

        Sample weights are in the losses. `epsilon` is one number, or one for each deleted point.
        """
        return risk.weights(self, jnp.asarray(epsilon, self.X.dtype))

    def known_weights(self, epsilon: ArrayLike = 1.0) -> np.ndarray | None:
        """`weights` in NumPy, or None where they are being traced."""
        values, rows = concrete(epsilon), concrete(self.deleted)
        if values is None or rows is None or concrete(self.X) is None:
            return None
        weights = np.ones(self.size, self.X.dtype)
        weights[rows] = values
        return weights

    def losses(self, theta: Float[Array, " d"]) -> Float[Array, " n"]:
        """ℓ_i(θ), of every point, its sample weight included."""
        return risk.losses(self, theta)

    def weighted_risk(
        self, theta: Float[Array, " d"], weights: Float[Array, " n"]
    ) -> Float[Array, ""]:
        """R(θ; w) = Σ w_i ℓ_i(θ) + (ρ/2)‖θ‖², with a weight for each point."""
        return risk.weighted_risk(self, theta, weights)

    def penalty(self, theta: Float[Array, " d"]) -> Float[Array, ""]:
        """(ρ/2)‖θ‖², or ½ Σ ρ_j θ_j²."""
        if self.ridge.ndim == 1:
            return 0.5 * jnp.sum(self.ridge * theta**2)
        return 0.5 * self.ridge * jnp.sum(theta**2)

    def ridge_force(self, theta: Float[Array, " d"]) -> Float[Array, ""]:
        """‖ρθ‖, the length of the penalty's gradient."""
        if self.ridge.ndim == 1:
            return jnp.linalg.norm(self.ridge * theta)
        return self.ridge * jnp.linalg.norm(theta)

    def risk(self, theta: Float[Array, " d"], epsilon: ArrayLike = 1.0) -> Float[Array, ""]:
        """R_ε(θ)."""
        return risk.risk(self, theta, jnp.asarray(epsilon, self.X.dtype))

    def gradient(self, theta: Float[Array, " d"], epsilon: ArrayLike = 1.0) -> Float[Array, " d"]:
        """∇R_ε(θ)."""
        return risk.gradient(self, theta, jnp.asarray(epsilon, self.X.dtype))

    def hessian(self, theta: Float[Array, " d"], epsilon: ArrayLike = 1.0) -> Float[Array, "d d"]:
        """∇²R_ε(θ)."""
        return risk.hessian(self, theta, jnp.asarray(epsilon, self.X.dtype))

    def hvp(
        self,
        theta: Float[Array, " d"],
        vector: Float[Array, " d"],
        epsilon: ArrayLike = 1.0,
    ) -> Float[Array, " d"]:
        """∇²R_ε(θ) times a vector, without the matrix."""
        return risk.hvp(self, theta, vector, jnp.asarray(epsilon, self.X.dtype))

    def deleted_loss(self, theta: Float[Array, " d"]) -> Float[Array, ""]:
        """Σ_{i∈G} ℓ_i(θ)."""
        return risk.deleted_loss(self, theta)

    def deleted_gradient(self, theta: Float[Array, " d"]) -> Float[Array, " d"]:
        """Σ_{i∈G} ∇ℓ_i(θ)."""
        return risk.deleted_gradient(self, theta)

    def full_fit(self, theta0: ArrayInput | None = None) -> Float[Array, " d"]:
        """θ* = θ(1): a stationary point of R_1, started at θ₀ (default: zeros).

        Raises `RuntimeError` where none is reached to rounding, and where none exists: a logistic
        or softmax risk without a ridge has no minimum where its classes can be separated.
        """
        return self.fit(1.0, theta0)

    def deleted_fit(self, theta0: ArrayInput | None = None) -> Float[Array, " d"]:
        """θ*₋ = θ(0): as `full_fit`, without the deleted points."""
        return self.fit(0.0, theta0)

    def fit(self, epsilon: ArrayLike = 1.0, theta0: ArrayInput | None = None) -> Float[Array, " d"]:
        """θ(ε): a stationary point of R_ε, started at θ₀ (default: zeros).

        Where the model is affine in θ, what no point of positive weight sees stays as it is in θ₀.
        """
        start = jnp.zeros(self.dimension, self.X.dtype) if theta0 is None else theta0
        start = self.parameters(start)
        weights = self.known_weights(epsilon)
        basis = None if weights is None else seen_directions(self, weights > 0.0)
        if basis is not None:
            seen, z = self.along(basis, start)
            return start + basis @ (seen.fit(epsilon, z) - z)
        # As a pytree, so that a second fit of a problem of this shape compiles nothing.
        risk = eqx.Partial(self.risk, epsilon=jnp.asarray(epsilon, self.X.dtype))

        def unless_denied():
            found = decide_existence(self, self.weights(epsilon))
            if found.denied:
                raise RuntimeError(found.reason)

        affine = weights is not None and affine_in_parameters(self)
        theta = stationary_point(risk, start, convex=affine, before=unless_denied)
        if concrete(theta) is not None and weights is not None:
            require_minimum(self, theta, weights)
        return theta

    def along(
        self, basis: Float[Array, "d r"], theta: Float[Array, " d"], unseen_by_all: bool = True
    ) -> tuple[Problem, Float[Array, " r"]]:
        """The same problem along orthonormal directions, from θ on, and where θ is in it.

        Its model is f(θ + Q(z − Qᵀθ); x), Q the `basis`, and θ is at z = Qᵀθ. The directions are
        to be all that the data see of θ, as `seen_directions` finds them, or what those see that
        are not deleted: then not `unseen_by_all`. So a parameter with a ridge is one of them.
        """
        z = basis.T @ theta
        if isinstance(self.model, LinearModel) and unseen_by_all:
            # What no point sees of θ adds nothing to its output.
            model, inputs = LinearModel(basis.shape[1]), self.X @ basis
        else:
            model, inputs = AlongDirections(self.model, theta - basis @ z, basis), self.X
        # The diagonal of Qᵀ diag(ρ) Q, beside which there is nothing.
        ridge = jnp.sum(basis**2 * self.ridge[:, None], axis=0) if self.ridge.ndim == 1 else 0.0
        options = {"ridge": ridge, "weights": self.point_weights, "dtype": self.X.dtype}
        seen = Problem(model, self.loss, inputs, self.y, deleted=self.deleted, **options)
        return seen, z

    def deleting(self, deleted: ArrayInput | str) -> Problem:
        """The problem of the same data with other points deleted, as the argument `deleted`.

        The data are shared, not copied, and keep their names.

        Raises
        ------
        ValueError
            Naming `deleted`, as the constructor.

        Examples
        --------
        >>> import homotopy as hm
        >>> hm.enable_x64()
        >>> problem = hm.Problem(
        ...     hm.mlp([1, 2, 1]), hm.SquaredError(), [[-1.0], [0.5], [1.0]], [0.0, 1.0, 0.5],
        ...     deleted=2, ridge=0.1,
        ... )
        >>> problem.deleting([0, 1]).deleted.tolist()
        [0, 1]
        """
        indices = deleted_rows(numbered("deleted", deleted, self.labels), self.size)
        return eqx.tree_at(lambda own: own.deleted, self, jnp.asarray(indices))

    def parameters(self, theta0: ArrayInput, name: str = "theta0") -> Float[Array, " d"]:
        """A parameter vector given by the user, checked and in the problem's dtype.

        Raises `ValueError` on a wrong length or a NaN, by the name that the user knows it by.
        """
        return vector(name, theta0, self.dimension, self.X.dtype)


def _value(model, loss, theta, x, target):
    return loss.value(model(theta, x), target)


def _labelled(restored, fields, labels: Labels) -> Problem:
    problem = restored(*fields)
    keep_labels(problem.X, labels)
    return problem


def a_problem(value, name: str = "problem", rows: bool = True) -> Problem:
    """The value if it is a `Problem`, with its rows where they are needed.

    A `TypeError` or, of a problem of moments, a `ValueError` with the remedies otherwise.
    """
    instance(name, value, Problem, "a Problem, such as LinearRegression(X, y, deleted=0)")
    if rows and not value.has_rows:
        raise ValueError(
            f"{name}: expected a problem that holds its rows, got one of moments: "
            "row_diagnostics(problem, chunks) has leverage, influence and leave-one-out of every "
            "row, in a second pass over them; LinearRegression(X, y, ...) of a sample holds its "
            "rows."
        )
    return value
