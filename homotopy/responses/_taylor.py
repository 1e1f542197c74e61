"""Taylor polynomials of θ(ε) of any order, by differentiating ∇R_ε(θ(ε)) = 0 (theory §2)."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.linalg import lu_factor, lu_solve
from jax.typing import ArrayLike
from jaxtyping import Array, Float

from homotopy._checks import ArrayInput, array, concrete, integer, weight
from homotopy._display import Entries, largest
from homotopy._module import Module
from homotopy._result import Result, named
from homotopy._tables import Table
from homotopy.problem import Problem, a_problem
from homotopy.seen_directions import seen_directions

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_STATIONARY = 1e-6  # of the size of θ: how far from θ a stationary point may be


class TaylorModel(Result, Module):
    """The polynomial Σ_k c_k (ε − ε₀)^k.

    Attributes
    ----------
    epsilon : ()
        ε₀.
    coefficients : (order + 1, d)
        c_k = θ⁽ᵏ⁾(ε₀)/k!: first θ, then θ̇, θ̈/2, …
    """

    epsilon: Float[Array, ""]
    coefficients: Float[Array, "m d"]

    _axes = (("coefficients", 2), ("epsilon", 0))

    def _entries(self) -> Entries:
        coefficients = np.asarray(self.coefficients)
        names = self._names.parameter_names(coefficients.shape[1])
        yield "about", f"ε = {float(self.epsilon):g}"
        yield "order", len(coefficients) - 1
        for order, name in zip(range(len(coefficients)), ("θ", "θ̇", "θ̈/2"), strict=False):
            yield name, largest(coefficients[order], names)

    def _table(self) -> Table:
        coefficients = np.asarray(self.coefficients)
        names = self._names.parameter_names(coefficients.shape[1])
        index = [("order", np.arange(len(coefficients)))]
        return Table(list(zip(names, coefficients.T, strict=True)), index, about="c_k")

    def plot(self, ax: Axes | None = None, **options) -> Axes:
        """The polynomial on 0 ≤ ε ≤ 1: in the parameter plane (d = 2), or each coordinate.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            A new figure's by default.
        **options
            Of the lines, for `Axes.plot`.
        """
        from homotopy.plotting.response import draw_response

        epsilons, coefficients = np.linspace(0.0, 1.0, 65), np.asarray(self.coefficients)
        away = (epsilons - float(self.epsilon))[:, None] ** np.arange(len(coefficients))
        theta, names = away @ coefficients, self._names.own_parameters
        return draw_response(epsilons, theta, theta[[0, -1]], ax=ax, names=names, **options)

    def __call__(self, epsilon: ArrayInput) -> Float[Array, "... d"]:
        """θ at weights of any shape, as an array of that shape and d."""
        epsilon = array("epsilon", epsilon, "weights", dtype=self.coefficients.dtype)
        away = (epsilon - self.epsilon)[..., None]
        value = jnp.zeros(away.shape[:-1] + self.coefficients.shape[1:], away.dtype)
        for coefficient in self.coefficients[::-1]:
            value = value * away + jnp.broadcast_to(coefficient, value.shape)
        return value


def taylor(problem: Problem, theta: ArrayInput, epsilon: ArrayLike, order: int) -> TaylorModel:
    """The Taylor polynomial of θ(ε) about a stationary point of R_ε (theory §2).

    With c_0, …, c_{k−1} known, c_k = −H⁻¹[s^k] ∇R_{ε+s}(Σ_{j<k} c_j s^j): one derivative along a
    polynomial and one solve with the same factors of H an order. The k-th derivative is k
    nested forward derivatives: work and compilation double with each order, a matter of seconds
    up to about eight. The radius of convergence is the distance to the nearest singularity of
    θ(ε), complex ones included: for one point of a linear regression at ε = −1/h.

    Parameters
    ----------
    problem : Problem
    theta : (d,)
        Where ∇R_ε = 0, such as `response(...).theta` or `train(...).theta`.
    epsilon : float
        ε₀.
    order : int
        ≥ 0.

    Returns
    -------
    TaylorModel

    Raises
    ------
    TypeError
        Naming `problem`.
    ValueError
        Naming `theta` (wrong length, not stationary, Hessian singular), `epsilon` or `order`.

    Examples
    --------
    >>> import homotopy as hm
    >>> hm.enable_x64()
    >>> problem = hm.LinearRegression([[1.0], [1.0]], [0.0, 1.0], deleted=1)
    >>> model = hm.taylor(problem, problem.deleted_fit(), 0.0, order=3)  # ε/(1 + ε)
    >>> model.coefficients[:, 0].tolist(), model([0.0, 0.5])[:, 0].tolist()
    ([0.0, 1.0, -1.0, 1.0], [0.0, 0.375])
    """
    theta = a_problem(problem, rows=False).parameters(theta, "theta")
    integer("order", order, 0)
    weight("epsilon", epsilon, traceable=True)
    epsilon = jnp.asarray(epsilon, theta.dtype)
    basis = seen_directions(problem)
    if basis is not None:
        seen, z = problem.along(basis, theta)
        model = taylor(seen, z, epsilon, order)
        lifted = (model.coefficients @ basis.T).at[0].set(theta)
        return named(TaylorModel(epsilon, lifted), problem)
    coefficients, step, regular = _coefficients(problem, theta, epsilon, int(order))
    _check_stationary(theta, epsilon, concrete(step), concrete(regular))
    return named(TaylorModel(epsilon, coefficients), problem)


@eqx.filter_jit
def _coefficients(problem, theta, epsilon, order):
    """c_k; and for the checks, the Newton step at θ, and whether H is regular to rounding."""
    hessian = problem.hessian(theta, epsilon)
    factors = lu_factor(hessian)
    coefficients = implicit_series(
        lambda at, s: problem.gradient(at, epsilon + s), factors, theta, order
    )
    spectrum = jnp.abs(jnp.linalg.eigvalsh(hessian))
    unit = theta.size * jnp.finfo(theta.dtype).eps
    regular = jnp.min(spectrum) > unit * jnp.max(spectrum)
    return coefficients, lu_solve(factors, problem.gradient(theta, epsilon)), regular


def implicit_series(
    equations: Callable, factors: tuple, theta: Float[Array, " d"], order: int
) -> Float[Array, "m d"]:
    """c_0 = θ, c_1, … of the curve Σ c_k s^k on which equations(θ(s), s) = 0, from s = 0.

    `factors` are those of the equations' derivative in θ there, by `lu_factor`.
    """
    coefficients = [theta]
    for k in range(1, order + 1):
        known = jnp.stack(coefficients)

        def along(s, known=known):
            return equations(jnp.polyval(known[::-1], s), s)

        term = _derivative(along, k)(jnp.zeros((), theta.dtype)) / math.factorial(k)
        coefficients.append(-lu_solve(factors, term))
    return jnp.stack(coefficients)


def _derivative(f, times):
    """The derivative of f in a scalar, so many times."""
    for _ in range(times):
        f = _once(f)
    return f


def _once(f):
    return lambda s: jax.jvp(f, (s,), (jnp.ones_like(s),))[1]


def _check_stationary(theta, epsilon, step, regular) -> None:
    if step is None or regular is None:
        return
    if not regular:
        raise ValueError(
            f"theta: expected a regular stationary point, got one where the Hessian at "
            f"ε = {float(epsilon):g} is singular: θ(ε) has no Taylor series there."
        )
    away, size = float(np.linalg.norm(step)), float(jnp.linalg.norm(theta))
    if not away <= _STATIONARY * max(size, 1e-6):
        raise ValueError(
            f"theta: expected a stationary point of the risk at ε = {float(epsilon):g}, got one "
            f"that Newton's method moves by {away:.3g}; take it from response or train."
        )
