"""The value of the homotopy in all weights: one path and one adjoint a node serve all points."""

from __future__ import annotations

import functools
from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from homotopy._checks import fraction, integer
from homotopy.existence import affine_in_parameters
from homotopy.numerics.gauss_legendre import quadrature
from homotopy.valuation.folds import Fold, folds
from homotopy.valuation.games import LeastSquaresGame, is_least_squares, refitted
from homotopy.valuation.method import AbstractValuation, Asked, data_values_of
from homotopy.valuation.values import DataValues, ValueStatus


class AumannShapley(AbstractValuation):
    """Δ_j = −∫ ∂m(θ(ε·1))/∂w_j dμ(ε): the average influence while all weights grow from 0 to 1.

    The diagonal value of the game extended to weights. By one adjoint λ = (∇²R)⁻¹∇m a node, it is
    ∫ λᵀ∇ℓ_j dμ for all points. For `Shapley()` it sums to m(∅) − m(N), and halving a point into two
    halves its value; for the point mass at 1, `LeaveOneOutValue()`, it is the influence function.
    Influence is to leave-one-out what this is to Shapley, which it tends to where the ridge is
    large against single points (theory §8.3). It needs a ridge: without one it is log(1/ρ) times
    the influence as ρ → 0.

    The minima of a model that is not convex may end in a fold as ε falls. What m jumps by there is
    nobody's: it is `jump`, the values sum to m(∅) − m(N) − jump, and the status is `jumps`. Folds
    are looked for with `Shapley()`, between the nodes of the first rule.

    Parameters
    ----------
    nodes : int
        Of the first Gauss rule, which is doubled until the values stand still.
    tolerance : float
        By how much of the largest value, and of |m(∅) − m(N)|, they may still change.
    max_nodes : int

    Raises
    ------
    ValueError
        Naming the argument.

    Examples
    --------
    >>> import homotopy as hm
    >>> hm.enable_x64()
    >>> problem = hm.LinearRegression([[1.0], [1.0]], [1.0, 3.0], deleted=0, ridge=1.0)
    >>> values = hm.data_values(problem, hm.TestLoss([[1.0]], [2.0]), hm.AumannShapley())
    >>> values.values.round(6).tolist()  # 2/9 and 14/9
    [0.222222, 1.555556]
    """

    kind: ClassVar[str] = "quadrature"

    nodes: int = 16
    tolerance: float = 1e-11
    max_nodes: int = 256

    def __check_init__(self):
        integer("nodes", self.nodes, 2)
        fraction("tolerance", self.tolerance)
        integer("max_nodes", self.max_nodes, self.nodes)

    def values(self, asked: Asked) -> DataValues:
        require_ridge(asked, "AumannShapley()")
        game = asked.game
        if is_least_squares(asked.problem):
            path, jump = _LinearPath(game), None
        else:
            path = _Path(asked, self.nodes)
            jump = path.jump()
        rule, along = functools.partial(path.rule, asked.semivalue), functools.partial(map, path)
        return integrated(self, asked, along, rule, game.total, game.shape, "solves", jump)


def require_ridge(asked: Asked, method: str) -> None:
    """A `ValueError` where some parameter has no ridge."""
    ridge = np.asarray(asked.problem.ridge)
    if float(np.min(ridge)) <= 0.0:
        raise ValueError(
            f"problem: expected a ridge > 0 on every parameter for {method}, got "
            f"ridge={ridge.tolist()}: without one θ(ε·1) is the same for all ε > 0, and the "
            "integral diverges as log(1/ρ) times the influence; FiniteTime(time) takes ridge=0."
        )


def integrated(method, asked: Asked, integrand, rule, total, shape, unit, jump=None) -> DataValues:
    """∫ f(t) dμ(t), f(t) of shape (n, k), by rules of twice as many nodes in turn.

    `integrand` takes all nodes of a rule, falling, and yields f at one after the other.
    `rule` takes a number of nodes, to nodes and masses; `jump` is what values leave of `total`.
    """
    count, work, before, error = method.nodes, 0, None, np.inf
    size = max(np.max(np.abs(total)), 0.0)
    shared = total if jump is None else total - jump
    while True:
        times, masses = rule(count)
        values = 0.0
        order = np.argsort(-times)  # from all the data on
        each = zip(masses[order], integrand(times[order].tolist()), strict=True)
        asked.report(0, order.size)
        for done, (mass, value) in enumerate(each):
            values = values + mass * value
            asked.report(done + 1, order.size)
        work += order.size
        if before is not None:
            error = np.max(np.abs(values - before), axis=0)
            scale = max(float(np.max(np.abs(values))), float(size))
            within = bool(np.all(error <= method.tolerance * scale))
            missed = np.abs(values.sum(axis=0) - np.ravel(shared))
            if asked.semivalue.efficient:
                within &= bool(np.all(missed <= 10.0 * method.tolerance * scale))
            if within or 2 * count > method.max_nodes:
                break
        elif 2 * count > method.max_nodes:
            within, error = False, np.full(values.shape[1], np.inf)
            break
        if order.size < count:  # a discrete measure, summed as it is
            within, error = True, np.zeros(values.shape[1])
            break
        before, count = values, 2 * count
    status = ValueStatus.successful if jump is None else ValueStatus.jumps
    status = status if within else ValueStatus.not_resolved
    return data_values_of(
        method, values.reshape(len(values), *shape), total, work, unit, status,
        quadrature_error=np.reshape(error, shape), jump=jump,
    )  # fmt: skip


class _LinearPath:
    """λᵀ∇ℓ_j along θ(t·1) of a least-squares game, in NumPy."""

    def __init__(self, game: LeastSquaresGame):
        self.game = game
        self.gram = game.rows.T @ game.rows
        self.pull = game.rows.T @ game.targets
        root = 1.0 / np.sqrt(game.ridge)
        self.stretch = float(np.linalg.eigvalsh(root[:, None] * self.gram * root)[-1])

    def rule(self, semivalue, count):
        """Nodes and masses of ∫ · dμ."""
        return semivalue.quadrature(self.stretch, count)

    def __call__(self, t: float) -> Float[np.ndarray, "n k"]:
        game = self.game
        curvature = t * self.gram + np.diag(game.ridge)
        theta = np.linalg.solve(curvature, t * self.pull)
        adjoint = np.linalg.solve(curvature, game.measure.slopes(theta).T)
        return (game.rows @ adjoint) * (game.rows @ theta - game.targets)[:, None]


class _Path:
    """λᵀ∇ℓ_j along the minima θ(t·1) of any problem, each refitted from the one before.

    Where they may end, folds are looked for between the nodes of a rule; each branch is followed
    from what is known of it.
    """

    def __init__(self, asked: Asked, count: int):
        self.problem, self.measure = asked.problem, asked.measure
        full = asked.game.fits(np.ones((1, asked.game.size), bool))[0]
        whole = np.asarray(_hessian(self.problem, full, np.asarray(1.0)))
        ridge = np.broadcast_to(np.asarray(self.problem.ridge), full.shape)
        root = 1.0 / np.sqrt(ridge)
        scaled = root[:, None] * (whole - np.diag(ridge)) * root
        self.stretch = max(float(np.linalg.eigvalsh(scaled)[-1]), 1e-3)
        self.folds: list[Fold] = []
        if asked.semivalue.efficient and not affine_in_parameters(self.problem):
            grid = np.append(np.sort(asked.semivalue.quadrature(self.stretch, count)[0]), 1.0)
            self.folds = folds(self.problem, self.minimum, full, grid[::-1])
        # Known minima of each branch, from that of the full fit down.
        self.near: list[dict[float, np.ndarray]] = [{1.0: full}]
        for fold in self.folds:
            self.near[-1][fold.at] = fold.theta_above
            self.near.append({fold.at: fold.theta_below})

    def jump(self) -> np.ndarray | None:
        """What m changes by at the folds, as t falls; None where there is none."""
        if not self.folds:
            return None
        below = self.measure(np.stack([fold.theta_below for fold in self.folds]))
        above = self.measure(np.stack([fold.theta_above for fold in self.folds]))
        return np.asarray(np.sum(below - above, axis=0))

    def rule(self, semivalue, count):
        """Nodes and masses of ∫ · dμ, of as many nodes on each branch.

        Next to the fold that a branch ends in, at t_c, minima are smooth in the root of t − t_c.
        """
        last = self.folds[-1].at if self.folds else 1.0
        times, masses = semivalue.quadrature(last * self.stretch, count)
        parts = [(last * times, last * masses)]
        nodes, weights = quadrature(count)
        upper = 1.0
        for fold in self.folds:
            length = upper - fold.at
            parts.append((fold.at + length * nodes**2, 2.0 * length * nodes * weights))
            upper = fold.at
        return tuple(np.concatenate(each) for each in zip(*parts, strict=True))

    def minimum(self, t: float, start: np.ndarray) -> np.ndarray:
        """Downhill of the start."""
        return refitted(self.problem, np.full((1, self.problem.size), t), start[None])[0]

    def __call__(self, t: float) -> Float[np.ndarray, "n k"]:
        # From the nearest minimum known of the branch.
        near = self.near[sum(t < fold.at for fold in self.folds)]
        closest = min(near, key=lambda known: abs(np.log(known + 1e-9) - np.log(t + 1e-9)))
        theta = self.minimum(t, near[closest])
        near[t] = theta
        slopes = self.measure.slopes(theta)
        return np.asarray(_adjoint(self.problem, theta, slopes, np.asarray(t)))


@eqx.filter_jit
def _hessian(problem, theta, t):
    weights = jnp.full(problem.size, t)
    return jax.hessian(lambda at: problem.weighted_risk(at, weights))(theta)


@eqx.filter_jit
def _adjoint(problem, theta, slopes, t):
    adjoint = jnp.linalg.solve(_hessian(problem, theta, t), slopes.T).T
    _, along = jax.linearize(problem.losses, theta)
    return jax.vmap(along)(adjoint).T
