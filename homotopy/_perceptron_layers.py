"""The layers of a perceptron: made, and applied where they are narrow and see few rows.

XLA hands a product of matrices on to a library, one call a product, and of a batch one call for
each of its members: of three neurons and twenty rows most of the time goes there, and what comes
before and after cannot be in one loop with it. A sum of products is a loop like any other. Of more
rows or neurons the library is the faster one, by far.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

_FEW = 256  # products of a weight and an input, of all rows


def made(sizes: Sequence[int], activation: Callable, key: PRNGKeyArray) -> eqx.nn.Sequential:
    """The network of these widths; one output is a scalar."""
    layers: list[Callable] = []
    for fan_in, fan_out in itertools.pairwise(sizes[:-1]):
        layers += [eqx.nn.Linear(fan_in, fan_out, key=key), eqx.nn.Lambda(activation)]
    outputs = "scalar" if sizes[-1] == 1 else sizes[-1]
    layers.append(eqx.nn.Linear(sizes[-2], outputs, key=key))
    return eqx.nn.Sequential(layers)


def are_narrow(sizes: Sequence[int], rows: int) -> bool:
    """Whether sums are faster for layers of such widths, of so many rows.

    Examples
    --------
    >>> are_narrow([1, 3, 1], 20), are_narrow([1, 3, 1], 2000), are_narrow([8, 8, 1], 20)
    (True, False, False)
    """
    weights = sum(fan_in * fan_out for fan_in, fan_out in itertools.pairwise(sizes))
    return rows * weights <= _FEW


def by_sums(network: eqx.nn.Sequential, x: Float[Array, " p"]) -> Float[Array, "*k"]:
    """What the network makes of one input, without products of matrices.

    Examples
    --------
    >>> import jax
    >>> network = made([2, 1], jnp.tanh, jax.random.key(0))
    >>> parts = jnp.array([[3.0, 4.0]]), jnp.array([0.5])
    >>> network = eqx.tree_at(lambda n: (n[0].weight, n[0].bias), network, parts)
    >>> float(network(jnp.array([1.0, 2.0]))), float(by_sums(network, jnp.array([1.0, 2.0])))
    (11.5, 11.5)
    """
    for layer in network.layers:
        if not isinstance(layer, eqx.nn.Linear):
            x = layer(x)
            continue
        x = jnp.sum(layer.weight * x[None, :], axis=1) + layer.bias
        if layer.out_features == "scalar":
            x = x[0]
    return x
