"""Spectrum of a diagonal matrix plus a rank-one term, D + ρzzᵀ with ρ ≥ 0, all roots at once.

The eigenvalues interlace the poles and solve the secular equation 1 + ρ Σ z_k²/(d_k − λ) = 0
(Golub, SIAM Review 15, 1973). Each root is found as an offset from its nearest pole, so that it
and the eigenvectors have high relative accuracy on graded problems, where LAPACK's `eigh` has
accuracy only relative to the largest eigenvalue; z is then recomputed from the roots (Löwner's
formula), which makes the eigenvectors orthonormal to rounding (Gu and Eisenstat, SIAM J. Matrix
Anal. Appl. 15, 1994). The work is O(d²) a sweep, without a loop over the roots, so it is batched
by `jax.vmap` over ρ: the spectra of a whole homotopy in one call.
"""

import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Bool, Float

from homotopy.numerics.two_poles import two_pole_root

_SWEEPS = 60  # a safeguard: four to eight are what it takes
_NEGLIGIBLE = 1e-250  # of ρ‖z‖², below which the product underflows: the identity is exact there


def rank_one_spectrum(
    poles: Float[Array, " d"],
    vector: Float[Array, " d"],
    active: Bool[Array, " d"],
    weight: Float[Array, ""],
) -> tuple[Float[Array, " d"], Float[Array, "d d"]]:
    """Eigenvalues and eigenvectors of diag(poles) + weight · vector vectorᵀ.

    Parameters
    ----------
    poles : (d,)
        The diagonal; the active ones come first and strictly ascend.
    vector : (d,)
        z; zero exactly where not active, non-zero where active.
    active : (d,)
        Which coordinates take part. The others keep their pole and their unit vector.
    weight : ()
        ρ ≥ 0.

    Returns
    -------
    eigenvalues : (d,)
        λ_i ≥ poles_i; in the order of the poles.
    eigenvectors : (d, d)
        In columns.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> poles, active = jnp.array([0.0, 1.0]), jnp.ones(2, bool)
    >>> values, vectors = rank_one_spectrum(poles, jnp.ones(2), active, jnp.asarray(2.0))
    >>> bool(jnp.allclose(values, 2.5 + jnp.array([-0.5, 0.5]) * 17**0.5))
    True
    """
    size = poles.shape[0]
    index = jnp.arange(size)
    unit = jnp.finfo(poles.dtype).eps
    squares = weight * vector**2
    total = jnp.sum(squares)
    trivial = total <= _NEGLIGIBLE
    squares = jnp.where(trivial, jnp.where(active, 1.0, 0.0), squares)
    total = jnp.where(trivial, jnp.sum(squares), total)

    # The distance to the pole above; past the last active one, a bound on the last root.
    following = jnp.roll(active, -1).at[-1].set(False)
    gap = jnp.where(following, jnp.roll(poles, -1) - poles, total)
    weight_above = jnp.where(following, jnp.roll(squares, -1), 0.0)

    def split(origin_gap, offset):
        """Denominators d_k − λ_i and the two halves of the secular sum, with derivatives."""
        denominator = origin_gap - offset[:, None]
        denominator = jnp.where(active[None, :], denominator, 1.0)
        # One division an entry: the compiler would otherwise repeat it in each of the four sums.
        inverse = lax.optimization_barrier(1.0 / denominator)
        terms = squares[None, :] * inverse
        slopes = terms * inverse
        left = index[None, :] <= index[:, None]
        return (
            jnp.sum(terms, where=left, axis=1),
            jnp.sum(terms, where=~left, axis=1),
            jnp.sum(slopes, where=left, axis=1),
            jnp.sum(slopes, where=~left, axis=1),
        )

    from_pole = poles[None, :] - poles[:, None]
    below_sum, above_sum, _, _ = split(from_pole, 0.5 * gap)
    middle = 1.0 + below_sum + above_sum
    in_left_half = (middle > 0.0) | ~following
    origin = jnp.where(in_left_half, index, jnp.minimum(index + 1, size - 1))
    from_origin = poles[None, :] - poles[origin][:, None]
    pole_below = poles - poles[origin]
    # Past the last root there is no pole; one put at its bound would meet the root, and make the
    # quadratic of the interpolation lose half its digits there.
    pole_above = jnp.where(in_left_half, jnp.where(following, gap, 2.0 * gap), 0.0)
    lower = jnp.where(in_left_half, 0.0, -0.5 * gap)
    upper = jnp.where(in_left_half, jnp.where(following, 0.5 * gap, gap), 0.0)

    # First guess: the two nearest poles exactly, the rest of the sum frozen at the midpoint.
    rest = middle - (squares / (-0.5 * gap) + weight_above / (0.5 * gap))
    guess = two_pole_root(jnp, rest, squares, weight_above, pole_below, pole_above, in_left_half)
    guess = jnp.where(following, guess, 0.5 * gap)
    guess = jnp.where((guess > lower) & (guess < upper), guess, 0.5 * (lower + upper))

    def improve(state):
        offset, low, high, _, sweep = state
        below_sum, above_sum, below_slope, above_slope = split(from_origin, offset)
        value = 1.0 + below_sum + above_sum
        low = jnp.where(value < 0.0, offset, low)
        high = jnp.where(value > 0.0, offset, high)
        to_below, to_above = pole_below - offset, pole_above - offset
        # Interpolate each half by one pole, matching value and slope (Bunch, Nielsen, Sorensen).
        below_weight, above_weight = below_slope * to_below**2, above_slope * to_above**2
        constant = value - below_slope * to_below - above_slope * to_above
        candidate = two_pole_root(
            jnp, constant, below_weight, above_weight, pole_below, pole_above, in_left_half
        )
        inside = (candidate > low) & (candidate < high)
        candidate = jnp.where(inside, candidate, 0.5 * (low + high))
        rounding = 1.0 + jnp.abs(below_sum) + jnp.abs(above_sum)
        done = (jnp.abs(value) <= 2.0 * unit * rounding) | (
            jnp.abs(candidate - offset) <= unit * jnp.abs(offset)
        )
        done = done | ~active | trivial
        return jnp.where(done, offset, candidate), low, high, jnp.all(done), sweep + 1

    offset, *_ = lax.while_loop(
        lambda state: ~state[3] & (state[4] < _SWEEPS),
        improve,
        (guess, lower, upper, jnp.asarray(False), 0),
    )

    # λ_i − d_k, exactly as the roots have it; then Löwner's z, and the vectors.
    distance = offset[:, None] - from_origin
    pairs = active[:, None] & active[None, :]
    partner = jnp.where(
        index[:, None] < index[None, :],
        poles[:, None] - poles[None, :],
        jnp.where(following, jnp.roll(poles, -1), 0.0)[:, None] - poles[None, :],
    )
    last = active & ~following
    factor = jnp.where(
        last[:, None], distance, distance / jnp.where(pairs & ~last[:, None], partner, 1.0)
    )
    adjusted = jnp.sqrt(jnp.prod(jnp.where(pairs, factor, 1.0), axis=0))
    adjusted = jnp.where(active, jnp.copysign(adjusted, vector), 0.0)
    rows = adjusted[None, :] / jnp.where(pairs, -distance, 1.0)
    rows = jnp.where(active[:, None], rows, jnp.eye(size, dtype=poles.dtype))
    rows = rows / jnp.sqrt(jnp.sum(rows**2, axis=1, keepdims=True))

    eigenvalues = jnp.where(active, poles[origin] + offset, poles)
    eigenvalues = jnp.where(trivial, poles, eigenvalues)
    rows = jnp.where(trivial, jnp.eye(size, dtype=poles.dtype), rows)
    return eigenvalues, rows.T
