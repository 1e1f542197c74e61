"""Flows of a linear regression while a pointer moves: NumPy only, nothing waited for.

The same closed forms as `hm.flow`, `Deletion.cost` and `Deletion.switching_function`, which the
tests compare them with to rounding. What a drag changes is θ₀ alone, and the flow under a given
schedule is affine in it (theory §3):

    z(t; θ₀ + δ) = z(t; θ₀) + Φ(t) δ,    p(t; θ₀ + δ) = p(t; θ₀) + Ψ(t) (Φ(T) δ − δ_goal).

So two directions of a plane, followed once, give every θ₀ in it by sums (`drag`).
"""

from __future__ import annotations

import dataclasses

import numpy as np
from jaxtyping import Float

from homotopy._status import known_success
from homotopy.flows.exact import Exact
from homotopy.linear import LinearRegression
from homotopy.numerics.namespace import in_numpy
from homotopy.schedules import AbstractSchedule
from homotopy.schedules.reversed import Reversed

TOLERANCE = 1e-9  # of decays, relative to the state; steps are exact to rounding


class ClosedForm:
    """The flow of one regression in modal coordinates centred at the deleted fit, of known numbers.

    Parameters
    ----------
    problem : LinearRegression
    """

    def __init__(self, problem: LinearRegression):
        self.modal = in_numpy(problem.modal)
        self._at_rest = in_numpy(problem.modal.nothing_to_fit())
        self._method = Exact(tolerance=TOLERANCE)
        self._origin = np.zeros(self.modal.equilibrium.shape)

    def centred(self, theta: Float[np.ndarray, " d"]) -> Float[np.ndarray, " d"]:
        """z − α of a parameter."""
        return self.modal.basis.T @ theta - self.modal.equilibrium

    def parameters(self, states: Float[np.ndarray, "*m d"]) -> Float[np.ndarray, "*m d"]:
        """θ of z − α."""
        return (states + self.modal.equilibrium) @ self.modal.basis.T

    def goal(self, start: Float[np.ndarray, " d"]) -> Float[np.ndarray, " d"]:
        """θ*₋: the origin, but for directions that no retained point sees."""
        return np.where(self.modal.kernel, start, 0.0)

    def fits(
        self,
        epsilons: Float[np.ndarray, " k"],
        start: Float[np.ndarray, " d"],
        at_rest: bool = False,
    ) -> Float[np.ndarray, "k d"]:
        """θ(ε), the limits of the flow from a start, in the same coordinates.

        `at_rest` for what a change of the start does to them.
        """
        seen = np.any(self.modal.rows != 0.0, axis=0)
        kept = self.modal.kernel[None, :] & ((epsilons[:, None] == 0.0) | ~seen[None, :])
        stays = np.where(kept, start[None, :], 0.0)
        return stays if at_rest else self.modal.displacement(epsilons) + stays

    def states(
        self,
        start: Float[np.ndarray, " d"],
        schedule: AbstractSchedule,
        times: Float[np.ndarray, " m"],
        at_rest: bool = False,
    ) -> Float[np.ndarray, "m d"]:
        """z − α at ascending times; `at_rest` for the homogeneous part alone, what a change does.

        Raises
        ------
        RuntimeError
            Where a decay is so long, compared with the fastest mode, that it cannot be followed.
        """
        modal = self._at_rest if at_rest else self.modal
        with np.errstate(all="ignore"):
            states, status, _ = self._method.modal_states(
                modal, self._origin, start, schedule, times, times[-1]
            )
        if not known_success(status) or not np.isfinite(states).all():
            stiffness = float(np.max(self.modal.full.eigenvalues) * times[-1])
            raise RuntimeError(
                f"this decay lasts λT = {stiffness:.2g} times as long as the fastest mode and "
                "could not be followed: choose a shorter horizon T, a step, or a ridge."
            )
        return states

    def costates(
        self,
        final: Float[np.ndarray, " d"],
        schedule: AbstractSchedule,
        times: Float[np.ndarray, " m"],
    ) -> Float[np.ndarray, "m d"]:
        """p at the times, from p(T) at the last of them: the homogeneous flow in reversed time."""
        horizon = times[-1]
        backwards = Reversed(schedule, horizon)
        return self.states(final, backwards, (horizon - times)[::-1], at_rest=True)[::-1]

    def follow(
        self,
        theta0: Float[np.ndarray, " d"],
        schedule: AbstractSchedule,
        times: Float[np.ndarray, " m"],
        beside: tuple[tuple[AbstractSchedule, np.ndarray], ...] = (),
    ) -> Followed:
        """States and costates of a schedule, from 0 to the last of the times.

        And the states of others `beside`, each at times of its own.
        """
        start = self.centred(theta0)
        states = self.states(start, schedule, times)
        gap = states[-1] - self.goal(start)
        costates = self.costates(gap, schedule, times)
        others = tuple(self.states(start, *other) for other in beside)
        return Followed(self, theta0, start, states, costates, gap, others)


@dataclasses.dataclass(frozen=True, eq=False)
class Followed:
    """What a schedule does from one θ₀.

    Attributes
    ----------
    form : ClosedForm
    theta0, start : (d,)
        θ₀, and z − α of it.
    states, costates : (m, d)
        z − α and p, in modal coordinates.
    gap : (d,)
        z(T) − goal, p(T).
    beside : tuple of (m, d)
        States under other schedules.
    """

    form: ClosedForm
    theta0: Float[np.ndarray, " d"]
    start: Float[np.ndarray, " d"]
    states: Float[np.ndarray, "m d"]
    costates: Float[np.ndarray, "m d"]
    gap: Float[np.ndarray, " d"]
    beside: tuple[Float[np.ndarray, "_ d"], ...] = ()

    @property
    def theta(self) -> Float[np.ndarray, "m d"]:
        """θ(t)."""
        return self.form.parameters(self.states)

    @property
    def cost(self) -> float:
        """ℰ = ½ ‖θ(T) − θ*₋‖²."""
        return float(0.5 * self.gap @ self.gap)

    @property
    def costs(self) -> Float[np.ndarray, " m"]:
        """½ ‖θ(t) − θ*₋‖²: ℰ, were it judged at t."""
        return self.costs_of(self.states)

    def costs_of(self, states: Float[np.ndarray, "k d"]) -> Float[np.ndarray, " k"]:
        """½ ‖θ − θ*₋‖² of states."""
        return 0.5 * np.sum((states - self.form.goal(self.start)) ** 2, axis=1)

    @property
    def switching(self) -> Float[np.ndarray, " m"]:
        """φ(t) = Σ_G σ v."""
        sigma = self.costates @ self.form.modal.rows.T
        return np.sum(sigma * self.form.modal.deleted_residual(self.states), axis=1)


class Superposition:
    """Every θ₀ of a plane under one schedule, from three of them.

    The parts of a sum: first those of the base, then what a unit of each direction adds.

    Parameters
    ----------
    base : Followed
    directions : (2, d)
        What a unit of either coordinate adds to θ₀.
    schedule, times, beside
        Those that the base was followed under.

    Attributes
    ----------
    start : (3, d)
    states, costates : (3, m, d)
    beside : tuple of (3, k, d)
    """

    def __init__(
        self,
        base: Followed,
        directions: Float[np.ndarray, "2 d"],
        schedule: AbstractSchedule,
        times: Float[np.ndarray, " m"],
        beside: tuple[tuple[AbstractSchedule, np.ndarray], ...] = (),
    ):
        form = self.form = base.form
        starts, parts = [base.start], [(base.states, base.costates, *base.beside)]
        for direction in directions:
            start = form.modal.basis.T @ direction
            states = form.states(start, schedule, times, at_rest=True)
            costates = form.costates(states[-1] - form.goal(start), schedule, times)
            others = (form.states(start, *other, at_rest=True) for other in beside)
            starts.append(start)
            parts.append((states, costates, *others))
        self.start = np.stack(starts)
        self.states, self.costates, *others = map(np.stack, zip(*parts, strict=True))
        self.beside = tuple(others)

    def fits(self, epsilons: Float[np.ndarray, " k"]) -> Float[np.ndarray, "3 k d"]:
        """Of θ(ε)."""
        return np.stack(
            [self.form.fits(epsilons, one, at_rest=k > 0) for k, one in enumerate(self.start)]
        )

    def gaps(self, states: Float[np.ndarray, "3 k d"]) -> Float[np.ndarray, "3 3 k"]:
        """Of three numbers a time, half of whose sum of squares is ½‖θ − θ*₋‖².

        The triangle of an orthogonal decomposition: with coefficients of a polynomial in their
        place an error that is small beside those at other θ₀ would be lost to rounding.
        """
        goals = np.stack([self.form.goal(one) for one in self.start])
        away = np.moveaxis(states - goals[:, None, :], 0, 2)
        triangles = np.linalg.qr(away, mode="r")
        numbers = np.zeros((3, 3, len(away)))
        numbers[: triangles.shape[1]] = np.moveaxis(triangles, 0, 2)
        return numbers

    @property
    def switching(self) -> Float[np.ndarray, "6 m"]:
        """Of φ, beside 1, a, b, a², ab, b²."""
        rows = self.form.modal.rows
        sigma, seen = self.costates @ rows.T, self.states @ rows.T
        seen[0] = self.form.modal.deleted_residual(self.states[0])
        product = np.einsum("imk,jmk->ijm", sigma, seen)
        return np.stack(
            [
                product[0, 0],
                product[0, 1] + product[1, 0],
                product[0, 2] + product[2, 0],
                product[1, 1],
                product[1, 2] + product[2, 1],
                product[2, 2],
            ]
        )
