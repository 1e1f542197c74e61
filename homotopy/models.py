"""Models f(θ; x) with their parameters θ in one flat vector (theory, §1).

Everything downstream sees θ as an array (d,); `unravel` gives the parameters back in the form in
which the user wrote them.
"""

import abc
import itertools
import math
from collections.abc import Callable, Hashable, Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Num, PRNGKeyArray, PyTree, Shaped

from homotopy._checks import function, instance, integer, layer_widths
from homotopy._model_display import DisplayedModel
from homotopy._module import Module
from homotopy._parameter_names import entry_names, numbered_entries, place_in_tree
from homotopy._perceptron_layers import are_narrow, by_sums, made
from homotopy._pickling import by_fields, restored
from homotopy._wording import described
from homotopy.conversion import ConvertedNetwork, converted

__all__ = [
    "Model",
    "function_model",
    "linear_model",
    "mlp",
    "module_model",
]


class Model(DisplayedModel, Module):
    """A model f(θ; x) of d = `dimension` parameters.

    Attributes
    ----------
    dimension
        The number d of parameters (static).
    """

    dimension: eqx.AbstractVar[int]

    @abc.abstractmethod
    def __call__(self, theta: Float[Array, " d"], x: Num[Array, "..."]) -> Float[Array, "*k"]:
        """The output f(θ; x) for one example, a scalar or a vector (k,).

        Raises
        ------
        ValueError
            If `theta` is not of length d.
        """

    def outputs(self, theta: Float[Array, " d"], X: Num[Array, "n ..."]) -> Float[Array, " n *k"]:
        """f(θ; x) at the rows of X."""
        return jax.vmap(lambda x: self(theta, x))(X)

    def unravel(self, theta: Float[Array, " d"]) -> PyTree:
        """θ in the form in which the user wrote the model; the flat array unless it had another.

        Raises
        ------
        ValueError
            If `theta` is not of length d.
        """
        self._check(theta)
        return theta

    def __reduce__(self):
        return by_fields(self)

    def parameter_names(self, features: Sequence[str] | None = None) -> tuple[str, ...]:
        """What each entry of θ is called, given the names of the inputs where they have any."""
        return numbered_entries(self.dimension)

    def initial_parameters(self, key: PRNGKeyArray) -> Float[Array, " d"]:
        """A starting point θ₀ for training.

        Raises
        ------
        ValueError
            If the model has no starting point of its own.
        """
        raise ValueError(
            f"{type(self).__name__} has no initial parameters of its own: give theta0, "
            f"an array of shape ({self.dimension},)."
        )

    def _check(self, theta: Array) -> None:
        if theta.shape != (self.dimension,):
            raise ValueError(
                f"theta must have shape ({self.dimension},), one entry a parameter, "
                f"got {theta.shape}."
            )


class LinearModel(Model):
    """The linear model θ·x; see `linear_model`."""

    dimension: int = eqx.field(static=True)

    def __call__(self, theta: Float[Array, " d"], x: Num[Array, " p"]) -> Float[Array, ""]:
        self._check(theta)
        return theta @ x

    def parameter_names(self, features: Sequence[str] | None = None) -> tuple[str, ...]:
        """The names of the inputs, which the entries of θ multiply."""
        return super().parameter_names() if features is None else tuple(features)

    def initial_parameters(self, key: PRNGKeyArray) -> Float[Array, " d"]:
        """Zeros: the problem is convex, and nothing is known of the coefficients."""
        return jnp.zeros(self.dimension)


class ModuleModel(Model):
    """A module of another library, or any callable pytree, of a flat θ; see `module_model`."""

    # The module's leaves are of three kinds. Floating-point arrays are parameters: θ. Other arrays
    # (buffers) stay as they are, but are arrays to JAX. The rest (activation functions, numbers,
    # names) is static, so that the model may be an argument of plain `jax.jit`.
    dimension: int = eqx.field(static=True)
    start: Float[Array, " d"]
    buffers: tuple[Shaped[Array, "..."], ...]
    constants: tuple[Hashable, ...] = eqx.field(static=True)
    shapes: tuple[tuple[int, ...], ...] = eqx.field(static=True)
    names: tuple[str, ...] = eqx.field(static=True)
    kinds: tuple[str, ...] = eqx.field(static=True)
    structure: Any = eqx.field(static=True)

    def __init__(self, module: Callable):
        if not callable(module):
            raise ValueError(
                f"module must be callable as module(x), got {type(module).__name__}; "
                "function_model takes a function of (theta, x)."
            )
        module = converted(module)
        paths, self.structure = jax.tree_util.tree_flatten_with_path(module)
        leaves, kinds = [leaf for _, leaf in paths], [_kind(leaf) for _, leaf in paths]
        if isinstance(module, ConvertedNetwork):  # what it holds fixed is no parameter
            kinds[len(module.parameters) :] = ["buffer"] * len(module.fixed)
        self.kinds = tuple(kinds)
        by_kind = {
            kind: [leaf for leaf, its in zip(leaves, self.kinds, strict=True) if its == kind]
            for kind in ("parameter", "buffer", "constant")
        }
        if not (parameters := by_kind["parameter"]):
            raise ValueError("module must have at least one floating-point array, got none.")
        self.shapes = tuple(leaf.shape for leaf in parameters)
        places = zip(paths, self.kinds, strict=True)
        self.names = tuple(place_in_tree(path) for (path, _), kind in places if kind == "parameter")
        self.buffers = tuple(jnp.asarray(leaf) for leaf in by_kind["buffer"])
        self.constants = tuple(by_kind["constant"])
        xp = jnp if any(isinstance(leaf, jax.core.Tracer) for leaf in parameters) else np
        flat = [xp.ravel(xp.asarray(leaf, dtype=float)) for leaf in parameters]
        self.start = jnp.asarray(xp.concatenate(flat), dtype=float)
        self.dimension = self.start.shape[0]

    def __reduce__(self):
        # A structure that went through a pickle equals none: Equinox marks in it what is missing
        # by an object that is to be the only one. The module of that structure takes its place.
        _, (kind, wide, fields) = by_fields(self)
        leaves = range(self.structure.num_leaves)
        fields["structure"] = jax.tree_util.tree_unflatten(self.structure, leaves)
        return _restored, (kind, wide, fields)

    def unravel(self, theta: Float[Array, " d"]) -> PyTree:
        """The module with its floating-point arrays taken from θ."""
        self._check(theta)
        blocks = jnp.split(theta, np.cumsum([math.prod(shape) for shape in self.shapes])[:-1])
        leaves = {
            "parameter": (b.reshape(s) for b, s in zip(blocks, self.shapes, strict=True)),
            "buffer": iter(self.buffers),
            "constant": iter(self.constants),
        }
        return jax.tree_util.tree_unflatten(
            self.structure, [next(leaves[kind]) for kind in self.kinds]
        )

    def __call__(self, theta: Float[Array, " d"], x: Num[Array, "..."]) -> Float[Array, "*k"]:
        return self.unravel(theta)(x)

    def parameter_names(self, features: Sequence[str] | None = None) -> tuple[str, ...]:
        """The place of each entry in the module, as `layers[0].weight[1,2]`."""
        return entry_names(self.names, self.shapes)

    def initial_parameters(self, key: PRNGKeyArray | None = None) -> Float[Array, " d"]:
        """The parameters that the module came with, whatever the key."""
        return self.start


class MultilayerPerceptron(Model):
    """A fully connected network; see `mlp`."""

    sizes: tuple[int, ...] = eqx.field(static=True)
    network: ModuleModel

    @property
    def dimension(self) -> int:
        return self.network.dimension

    def __call__(self, theta: Float[Array, " d"], x: Num[Array, " p"]) -> Float[Array, "*k"]:
        return self.network(theta, x)

    def outputs(self, theta: Float[Array, " d"], X: Num[Array, "n p"]) -> Float[Array, " n *k"]:
        if are_narrow(self.sizes, X.shape[0]):
            return jax.vmap(eqx.Partial(by_sums, self.unravel(theta)))(X)
        return super().outputs(theta, X)

    def unravel(self, theta: Float[Array, " d"]) -> PyTree:
        """The network as an `equinox.nn.Sequential`, callable on x."""
        return self.network.unravel(theta)

    def parameter_names(self, features: Sequence[str] | None = None) -> tuple[str, ...]:
        """The place of each entry in the network; `layers[0]` is the first layer."""
        return self.network.parameter_names()

    def initial_parameters(self, key: PRNGKeyArray) -> Float[Array, " d"]:
        """Weights drawn from 𝒩(0, 1/fan-in), so that signals keep their size; biases zero."""
        blocks, keys = [], jax.random.split(key, len(self.sizes) - 1)
        for layer_key, (fan_in, fan_out) in zip(keys, itertools.pairwise(self.sizes), strict=True):
            weights = jax.random.normal(layer_key, (fan_out * fan_in,)) / math.sqrt(fan_in)
            blocks += [weights, jnp.zeros(fan_out)]
        return jnp.concatenate(blocks)


class FunctionModel(Model):
    """A function of (θ, x) as a model; see `function_model`."""

    function: Callable = eqx.field(static=True)
    dimension: int = eqx.field(static=True)

    def __call__(self, theta: Float[Array, " d"], x: Num[Array, "..."]) -> Float[Array, "*k"]:
        self._check(theta)
        return self.function(theta, x)


def linear_model(p: int) -> LinearModel:
    """The linear model f(θ; x) = θ·x of p features, without intercept (d = p).

    For an intercept, give X a column of ones.

    Parameters
    ----------
    p : int
        The number of features.

    Raises
    ------
    ValueError
        If `p` is not a positive integer.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> model = linear_model(2)
    >>> float(model(jnp.array([1.0, 2.0]), jnp.array([3.0, 4.0])))
    11.0
    """
    return LinearModel(integer("p", p))


def mlp(sizes: Sequence[int], activation: Callable = jax.nn.tanh) -> MultilayerPerceptron:
    """A multilayer perceptron.

    Parameters
    ----------
    sizes
        Widths [p, …, k] from the input to the output; k = 1 gives a scalar output. Two sizes make
        an affine model.
    activation
        Applied elementwise after every layer but the last. Influence needs second derivatives:
        prefer a smooth one. Only a function with a name, not a lambda, can be pickled.

    Returns
    -------
    MultilayerPerceptron
        θ holds, layer by layer, the weights (row by row, one row an output) and then the biases.

    Raises
    ------
    ValueError
        If `sizes` has fewer than two entries or one that is no positive integer.

    Examples
    --------
    >>> import jax, jax.numpy as jnp
    >>> model = mlp([2, 8, 1])
    >>> model.dimension
    33
    >>> theta = model.initial_parameters(jax.random.key(0))
    >>> model(theta, jnp.ones(2)).shape
    ()
    """
    sizes = layer_widths(sizes)
    function("activation", activation, "an array")
    shapes = eqx.filter_eval_shape(made, sizes, activation, jax.random.key(0))
    # Only they matter here: parameters come from initial_parameters.
    drawn, fixed = eqx.partition(shapes, lambda leaf: isinstance(leaf, jax.ShapeDtypeStruct))
    drawn = jax.tree.map(lambda leaf: np.zeros(leaf.shape, leaf.dtype), drawn)
    return MultilayerPerceptron(sizes=sizes, network=ModuleModel(eqx.combine(drawn, fixed)))


def module_model(module: Callable) -> ModuleModel:
    """A network of Equinox, Flax NNX or PyTorch, or any callable pytree.

    Of a pytree, called as module(x), the floating-point arrays are θ, in pytree order; integer
    arrays and everything else stay as they are. Modules with state or with random layers do not
    fit: for dropout, pass `equinox.nn.inference_mode(module)`.

    Of a Flax NNX module the `Param`s are θ, other state is fixed. Of a PyTorch network θ is what
    requires a gradient, by the names and in the order of `named_parameters`; its operations, found
    by `torch.fx`, are those of multilayer perceptrons: linear layers, activations, flattening,
    norms, sums. Both are to be in evaluation mode (`module.eval()`), and neither is changed.

    Parameters
    ----------
    module
        Called as module(x) on one example, PyTorch's on a batch of one; returns a scalar or a
        vector (k,). An output of one entry of PyTorch is a scalar, as of `mlp`. It also provides
        the initial parameters, and `model.unravel(theta).parameters` gives θ back by name.

    Raises
    ------
    ValueError
        If `module` is not callable, has no floating-point array, has random layers, or applies an
        operation that is not known; the message names it and says what to do.

    Examples
    --------
    >>> import equinox as eqx, jax
    >>> model = module_model(eqx.nn.Linear(3, 2, key=jax.random.key(0)))
    >>> model.dimension
    8
    >>> model.unravel(jax.numpy.zeros(8)).weight.shape
    (2, 3)
    """
    return ModuleModel(module)


def function_model(f: Callable, dimension: int) -> FunctionModel:
    """A function f(θ, x) of a flat θ of length `dimension`.

    Parameters
    ----------
    f
        Returns a scalar or a vector (k,) for one example x, by JAX operations. Arrays that it uses
        must be captured by a closure, not be part of a pytree.
    dimension
        The length d of θ.

    Raises
    ------
    ValueError
        If `f` is not a hashable callable or `dimension` is not a positive integer.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> model = function_model(lambda theta, x: theta[0] * jnp.sin(theta[1] * x[0]), dimension=2)
    >>> float(model(jnp.array([2.0, 0.0]), jnp.array([5.0])))
    0.0
    """
    if not callable(f) or isinstance(f, type):
        raise ValueError(f"f must be callable as f(theta, x), got {described(f)}.")
    try:
        hash(f)
    except TypeError:
        raise ValueError(
            f"f must be hashable, so that jax.jit can recognise it; got {type(f).__name__}. "
            "A pytree that holds arrays goes to module_model."
        ) from None
    return FunctionModel(function=f, dimension=integer("dimension", dimension))


def a_model(value, name: str = "model") -> Model:
    """The value if it is a `Model`; a `TypeError` otherwise, that says what makes one of it."""
    return instance(
        name,
        value,
        Model,
        "linear_model(p), mlp(sizes), function_model(f, dimension) of a function f(theta, x), or "
        "module_model(module) of an Equinox, Flax NNX or PyTorch module",
    )


def _restored(kind: type[ModuleModel], wide: bool, fields: dict[str, Any]) -> ModuleModel:
    structure = jax.tree_util.tree_structure(fields["structure"])
    return restored(kind, wide, fields | {"structure": structure})


def _kind(leaf: Any) -> str:
    if not isinstance(leaf, jax.Array | np.ndarray):
        return "constant"
    if jnp.issubdtype(leaf.dtype, jnp.complexfloating):
        raise ValueError(f"module must have real parameters, got an array of {leaf.dtype}.")
    return "parameter" if jnp.issubdtype(leaf.dtype, jnp.floating) else "buffer"
