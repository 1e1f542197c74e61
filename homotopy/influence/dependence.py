"""A measurement for the deletion of one point, which may be another function for each of them."""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp


def of_deletion(measurement, problem, point):
    """θ ↦ m(θ) where the point is deleted."""
    amounts = -jnp.ones(1, problem.X.dtype)
    return lambda theta: measurement(problem, theta, point[None], amounts)


def checked_dependence(measurement, problem, theta0) -> bool:
    """Whether the measurement depends on which point is deleted; its output checked."""
    some = jnp.zeros(1, int)

    def shape(out_axis):
        def of_points(points, theta):
            def of_point(point):
                return of_deletion(measurement, problem, point)(theta)

            return jax.vmap(of_point, out_axes=out_axis)(points)

        return eqx.filter_eval_shape(of_points, some, theta0)

    output = shape(0)
    if not jnp.issubdtype(output.dtype, jnp.floating):
        raise TypeError(
            f"measurement: expected a function with floating-point output, got {output.dtype}."
        )
    try:
        # vmap refuses an output without an axis of the points where there is one.
        shape(None)
    except ValueError:
        return True
    return False
