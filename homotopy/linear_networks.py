"""Deep linear networks, and the data of a hierarchy that one learns level by level."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Num, PRNGKeyArray

from homotopy._checks import integer, layer_widths, positive, vector
from homotopy._display import DisplayedByFields
from homotopy._module import Module
from homotopy.layers import AffineLayers
from homotopy.linear_modes import ModePeak, mode_influence, mode_peak, mode_strength
from homotopy.losses import SquaredError
from homotopy.models import Model
from homotopy.problem import Problem

__all__ = [
    "HierarchyExample",
    "ModePeak",
    "hierarchy_example",
    "linear_network",
    "mode_influence",
    "mode_peak",
    "mode_strength",
]


class LinearNetwork(Model):
    """f(θ; x) = W_L ⋯ W₁ x; see `linear_network`."""

    sizes: tuple[int, ...] = eqx.field(static=True)

    @property
    def dimension(self) -> int:
        return sum(fan_in * fan_out for fan_in, fan_out in itertools.pairwise(self.sizes))

    def unravel(self, theta: Float[Array, " d"]) -> tuple[Float[Array, "_ _"], ...]:
        """The weight matrices (W₁, …, W_L)."""
        self._check(theta)
        shapes = [(fan_out, fan_in) for fan_in, fan_out in itertools.pairwise(self.sizes)]
        ends = np.cumsum([math.prod(shape) for shape in shapes])[:-1]
        blocks = jnp.split(theta, ends)
        return tuple(block.reshape(shape) for block, shape in zip(blocks, shapes, strict=True))

    def __call__(self, theta: Float[Array, " d"], x: Num[Array, " p"]) -> Float[Array, "*k"]:
        for weights in self.unravel(theta):
            x = weights @ x
        return x[0] if self.sizes[-1] == 1 else x

    def affine_layers(self, theta: Float[Array, " d"]) -> AffineLayers:
        """The weights as layers without biases."""
        return AffineLayers(self.unravel(theta), False, None)

    def end_to_end(self, theta: Float[Array, " d"]) -> Float[Array, "k p"]:
        """The matrix W_L ⋯ W₁ of the linear map that the network is."""
        first, *others = self.unravel(theta)
        for weights in others:
            first = weights @ first
        return first

    def initial_parameters(self, key: PRNGKeyArray) -> Float[Array, " d"]:
        """Weights drawn from 𝒩(0, 1/fan-in), so that signals keep their size."""
        keys = jax.random.split(key, len(self.sizes) - 1)
        return jnp.concatenate(
            [
                jax.random.normal(layer_key, (fan_out * fan_in,)) / math.sqrt(fan_in)
                for layer_key, (fan_in, fan_out) in zip(
                    keys, itertools.pairwise(self.sizes), strict=True
                )
            ]
        )


def linear_network(sizes: Sequence[int]) -> LinearNetwork:
    """A network of linear layers without biases, f(θ; x) = W_L ⋯ W₁ x.

    What it can represent is a linear map, of rank at most its narrowest layer, yet its training is
    not linear: from a small start it goes from plateau to plateau, one singular value of the map
    after another [1]_.

    Parameters
    ----------
    sizes
        Widths [p, …, k] from the input to the output; k = 1 gives a scalar output. Two sizes make
        a linear map.

    Returns
    -------
    LinearNetwork
        θ holds the weights layer by layer, row by row, one row an output.

    Raises
    ------
    ValueError
        If `sizes` has fewer than two entries or one that is not a positive integer.

    References
    ----------
    .. [1] Saxe, McClelland, Ganguli, "Exact solutions to the nonlinear dynamics of learning in
       deep linear neural networks", ICLR 2014.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> model = linear_network([2, 3, 2])
    >>> model.dimension
    12
    >>> model(jnp.ones(12), jnp.array([1.0, 2.0])).tolist()
    [9.0, 9.0]
    """
    return LinearNetwork(sizes=layer_widths(sizes))


class HierarchyExample(DisplayedByFields, Module):
    """Items at the leaves of a binary tree, their properties, and a start for a linear network.

    Attributes
    ----------
    model : LinearNetwork
        Two layers.
    theta0 : (d,)
        A small random start.
    X : (n, n)
        One-hot inputs, the identity: Σ x xᵀ = I, so that time is that of `mode_strength`.
    y : (n, 2n − 1)
        One property for each node of the tree, which the items below the node have.
    singular_values : (n,)
        Of Σ y xᵀ = yᵀ, in descending order: once that of what all items share, once that of the
        uppermost branching, then 2, 4, … times those further down.
    item_modes : (n, n), property_modes : (2n − 1, n)
        The singular vectors, in columns: contrasts between the two sides of a branching.
    """

    model: LinearNetwork
    theta0: Float[Array, " d"]
    X: Float[Array, "n n"]
    y: Float[Array, "n k"]
    singular_values: Float[Array, " n"]
    item_modes: Float[Array, "n n"]
    property_modes: Float[Array, "k n"]

    def problem(self, deleted: int = 0) -> Problem:
        """The regression of the properties on the items, with one item to delete."""
        return Problem(self.model, SquaredError(), self.X, self.y, deleted=deleted)

    def strengths(self, theta: Float[Array, "m d"]) -> Float[Array, "m n"]:
        """How much of each mode is learned at each θ, uᵀW₂W₁v; in the end `singular_values`."""

        def at(one):
            learned = self.model.end_to_end(one) @ self.item_modes
            return jnp.sum(self.property_modes * learned, axis=0)

        return jax.vmap(at)(theta)

    def aligned_start(self, initial: float) -> Float[Array, " d"]:
        """The θ₀ of `mode_strength`: balanced layers, all modes of strength a₀ and uncoupled.

        Raises
        ------
        ValueError
            Where `initial` is not positive, or the hidden layer is narrower than there are modes.
        """
        positive("initial", initial)
        size, hidden, _ = self.model.sizes
        if hidden < size:
            raise ValueError(
                f"initial: {size} uncoupled modes need as many hidden neurons, got {hidden}."
            )
        one_to_one = math.sqrt(initial) * jnp.eye(hidden, size)
        first, second = one_to_one @ self.item_modes.T, self.property_modes @ one_to_one.T
        return jnp.concatenate([first.ravel(), second.ravel()])


def hierarchy_example(
    seed: int = 0,
    singular_values: Sequence[float] = (8.0, 4.0, 2.0, 1.0),
    hidden: int = 8,
    scale: float = 1e-3,
) -> HierarchyExample:
    """A hierarchy that a two-layer linear network learns one level after another [1]_.

    Eight items by default: with canary, robin | salmon, sunfish ‖ oak, pine | rose, daisy in mind,
    the network learns what all have in common, then what makes animals of the first four, then
    the birds, and the canary at last. As the singular values are well apart and the start is
    small, there is a plateau of the loss before each level, at whose end the mode of singular
    value s is learned at about log(1/scale²)/(2s).

    Parameters
    ----------
    seed : int
        Of the start: the same seed gives the same example.
    singular_values : sequence of float
        One for each level of the tree, descending and positive; L of them give 2^{L−1} items.
    hidden : int
        Width of the hidden layer, ≥ 1. One for each item lets every mode be learned.
    scale : float
        Standard deviation of the start, > 0.

    Raises
    ------
    ValueError
        For `singular_values` that do not descend or are not positive, a `hidden` below 1, or a
        `scale` that is not positive.

    References
    ----------
    .. [1] Saxe, McClelland, Ganguli, "A mathematical theory of semantic development in deep neural
       networks", PNAS 116 (2019).

    Examples
    --------
    >>> import homotopy as hm
    >>> hm.enable_x64()
    >>> example = hierarchy_example()
    >>> example.y.shape, example.model.dimension
    ((8, 15), 184)
    >>> example.singular_values.tolist()
    [8.0, 4.0, 2.0, 2.0, 1.0, 1.0, 1.0, 1.0]
    """
    levels = np.asarray(vector("singular_values", singular_values))
    if not (np.all(np.diff(levels) < 0) and np.all(levels > 0)):
        raise ValueError(
            f"singular_values: expected descending positive numbers, got {singular_values!r}."
        )
    positive("scale", scale)
    integer("seed", seed, 0)
    integer("hidden", hidden)
    size = 2 ** (levels.size - 1)
    properties, modes = [], [np.full(size, 1.0)]
    for level in range(levels.size):
        below = size >> level  # items below a node of this level
        # Gram matrix of the properties: a node of a level adds to the square of the singular value
        # of its own level and, with twice as many items, to those of the levels above.
        next_square = levels[level + 1] ** 2 if level + 1 < levels.size else 0.0
        salience = math.sqrt((levels[level] ** 2 - next_square) / below)
        for node in range(2**level):
            indicator = np.zeros(size)
            indicator[node * below : (node + 1) * below] = 1.0
            properties.append(salience * indicator)
            if below > 1:
                contrast = indicator.copy()
                contrast[node * below + below // 2 : (node + 1) * below] = -1.0
                modes.append(contrast)
    y, item_modes = np.array(properties).T, np.array(modes).T
    item_modes /= np.linalg.norm(item_modes, axis=0)
    each = levels[[0, *(level for level in range(1, levels.size) for _ in range(2 ** (level - 1)))]]
    model = linear_network([size, hidden, y.shape[1]])
    generator = np.random.default_rng(seed)
    return HierarchyExample(
        model=model,
        theta0=jnp.asarray(scale * generator.standard_normal(model.dimension)),
        X=jnp.eye(size),
        y=jnp.asarray(y),
        singular_values=jnp.asarray(each),
        item_modes=jnp.asarray(item_modes),
        property_modes=jnp.asarray(y.T @ item_modes / each),
    )
