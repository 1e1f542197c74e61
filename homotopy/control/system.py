"""What is controlled: a control-affine system with a cost on its final state."""

from __future__ import annotations

from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.typing import ArrayLike
from jaxtyping import Array, Float

from homotopy._checks import ArrayInput, instance, number, vector
from homotopy._module import Module
from homotopy._wording import described


class ControlAffine(Module):
    """ẋ = f₀(x) + u f₁(x), x(start) = x₀, u ∈ [lower, upper]; minimise cost(x(horizon)).

    A Mayer problem. An integral to be minimised becomes one more state, and time, where the system
    depends on it, another.

    Parameters
    ----------
    drift, control_field : callable
        f₀ and f₁, from x of shape (d,) to (d,). Functions, or callable Equinox modules, whose
        arrays are then leaves of this module. A function is compiled once as long as it is the
        same object: define it outside of loops.
    cost : callable
        From x (d,) to a scalar.
    initial : (d,)
        x₀.
    horizon : float
        T, after `start`.
    start : float
    lower, upper : float
        The bounds of the control, lower < upper.

    Raises
    ------
    ValueError
        Naming `initial`, `horizon`, `lower`, `upper`, or the function whose shape is wrong.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> import homotopy as hm
    >>> from homotopy.control import ControlAffine
    >>> hm.enable_x64()
    >>> system = ControlAffine(
    ...     drift=lambda x: jnp.stack([x[1], 0.0 * x[0]]),  # a cart that is pushed
    ...     control_field=lambda x: jnp.array([0.0, 1.0]),
    ...     cost=lambda x: 0.5 * jnp.sum(x**2),
    ...     initial=[-1.0, 0.0],
    ...     horizon=1.0,
    ...     lower=-1.0,
    ... )
    >>> system.velocity(jnp.array([-1.0, 0.5]), 1.0).tolist()
    [0.5, 1.0]
    """

    drift: Callable
    control_field: Callable
    cost: Callable
    initial: Float[Array, " d"]
    horizon: Float[Array, ""]
    start: Float[Array, ""]
    lower: Float[Array, ""]
    upper: Float[Array, ""]

    def __init__(
        self,
        drift: Callable,
        control_field: Callable,
        cost: Callable,
        initial: ArrayInput,
        horizon: ArrayLike,
        *,
        start: ArrayLike = 0.0,
        lower: ArrayLike = 0.0,
        upper: ArrayLike = 1.0,
    ):
        self.initial = vector("initial", initial)
        self.start, self.horizon = _ordered("start", start, "horizon", horizon)
        self.lower, self.upper = _ordered("lower", lower, "upper", upper)
        self.drift = _callable("drift", drift, self.initial, self.initial.shape)
        self.control_field = _callable(
            "control_field", control_field, self.initial, self.initial.shape
        )
        self.cost = _callable("cost", cost, self.initial, ())

    @property
    def dimension(self) -> int:
        """d."""
        return self.initial.shape[0]

    def velocity(self, x: Float[Array, " d"], u: Float[ArrayLike, ""]) -> Float[Array, " d"]:
        """f₀(x) + u f₁(x)."""
        return self.drift(x) + u * self.control_field(x)

    def switching(self, x: Float[Array, " d"], p: Float[Array, " d"]) -> Float[Array, ""]:
        """H₁ = ⟨p, f₁(x)⟩."""
        return jnp.dot(p, self.control_field(x))


def a_system(value, name: str = "system") -> ControlAffine:
    """The value if it is a `ControlAffine`; a `TypeError` otherwise."""
    return instance(
        name,
        value,
        ControlAffine,
        "ControlAffine(drift, control_field, cost, initial, horizon), or the control_system of a "
        "Deletion",
    )


def _ordered(first, low, second, high):
    """Two finite scalars, the first below the second."""
    known_low = number(first, low, traceable=True)
    known_high = number(second, high, traceable=True)
    if known_low is not None and known_high is not None and not known_low < known_high:
        raise ValueError(f"{second}: expected more than {first} = {known_low}, got {known_high}.")
    return jnp.asarray(low, float), jnp.asarray(high, float)


def _callable(name, function, x, shape):
    if not callable(function) or isinstance(function, type):
        raise ValueError(f"{name}: expected a function of x, got {described(function)}.")
    if not isinstance(function, eqx.Module | jax.tree_util.Partial):
        # A pytree without leaves, so that systems pass through jax.jit, jax.vmap and jax.grad.
        function = jax.tree_util.Partial(function)
    try:
        result = eqx.filter_eval_shape(function, x)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"{name}: it does not take a state of shape {x.shape} ({error})."
        ) from error
    if getattr(result, "shape", None) != shape:
        raise ValueError(
            f"{name}: expected a result of shape {shape} for x of shape {x.shape}, got "
            f"{getattr(result, 'shape', type(result).__name__)}."
        )
    return function
