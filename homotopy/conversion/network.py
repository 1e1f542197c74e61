"""A network of another library: its arrays by name, and what is done with them."""

from __future__ import annotations

from collections.abc import Callable

import jax


@jax.tree_util.register_pytree_with_keys_class
class ConvertedNetwork:
    """A network as a callable pytree, whose leaves go by the names of the library it is from.

    Attributes
    ----------
    parameters, fixed : dict of arrays
        What is trained and what is not, by name: to be given back to the other library.
    program : callable
        Applied to all arrays by name and to one example x; it can be hashed.
    """

    def __init__(self, parameters: dict, fixed: dict, program: Callable):
        self.parameters, self.fixed, self.program = parameters, fixed, program

    def __call__(self, x):
        return self.program(self.parameters | self.fixed, x)

    def __repr__(self) -> str:
        return f"ConvertedNetwork({', '.join(self.parameters)})"

    def tree_flatten_with_keys(self):
        """Leaves in the order of the other library, and their names."""
        leaves = [
            (jax.tree_util.GetAttrKey(name), leaf)
            for part in (self.parameters, self.fixed)
            for name, leaf in part.items()
        ]
        return leaves, (self.program, tuple(self.parameters), tuple(self.fixed))

    @classmethod
    def tree_unflatten(cls, structure, leaves):
        """From leaves of any kind."""
        program, names, fixed = structure
        leaves = tuple(leaves)
        count = len(names)
        return cls(
            dict(zip(names, leaves[:count], strict=True)),
            dict(zip(fixed, leaves[count:], strict=True)),
            program,
        )
