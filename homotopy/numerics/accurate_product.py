"""Matrix products that are rounded once: for entries that are small differences."""

from __future__ import annotations

import numpy as np
from jax import lax
from jaxtyping import Float

from homotopy.numerics.namespace import AnyArray, namespace

_SLICES = 2


def accurate_product(
    left: Float[AnyArray, "m k"], right: Float[AnyArray, "2 k n"]
) -> Float[AnyArray, "m n"]:
    """left @ (right[0] + right[1]), as if computed in nearly twice the precision and rounded.

    By exact slices, as `double_double.matmul` (Ozaki, Ogita, Oishi and Rump, 2012), so that it
    holds whatever the compiler contracts into fused operations. In float64 with k terms the error
    of an entry is at most half a unit in its last place and 2⁻⁹⁵ k² times the largest entry of the
    left row times the largest of the right column.

    Parameters
    ----------
    left : (m, k)
    right : (2, k, n)
        A matrix in two parts, the second the rounding error of the first.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> left = jnp.array([[1.0, 2.0**-30, -1.0]], "float32")
    >>> right = jnp.stack([jnp.ones((3, 1), "float32"), jnp.zeros((3, 1), "float32")])
    >>> bool(accurate_product(left, right)[0, 0] == 2.0**-30)
    True
    """
    *lefts, left_rest = _sliced(left, axis=1)
    *rights, right_rest = _sliced(right[0], axis=0)
    right_rest = right_rest + right[1]
    top = lefts[0] @ rights[0]
    middle = lefts[0] @ rights[1] + lefts[1] @ rights[0]
    low = lefts[1] @ rights[1] + (left @ right_rest + left_rest @ (right[0] - right_rest))
    total = top + middle
    shadow = total - top
    error = (top - (total - shadow)) + (middle - shadow)
    return total + (error + low)


def _sliced(matrix, axis: int) -> list:
    """Parts of few bits each, on a grid that those of a row (or column) share, and what is left."""
    xp, precision = namespace(matrix), np.finfo(matrix.dtype).nmant + 1
    bits = int((precision - np.ceil(np.log2(max(matrix.shape[axis], 2))) - 1) // 2)
    largest = xp.max(xp.abs(matrix), axis=axis, keepdims=True)
    exponent = xp.frexp(largest)[1]
    parts, rest = [], matrix
    for position in range(1, _SLICES + 1):
        three = xp.asarray(3.0, matrix.dtype)
        anchor = xp.ldexp(three, exponent + precision - 2 - position * bits)
        shifted = rest + anchor
        part = (shifted if xp is np else lax.optimization_barrier(shifted)) - anchor
        parts.append(part)
        rest = rest - part
    return [*parts, rest]
