"""The flow of a deletion problem of any model: by an ODE solver, in the parameters themselves."""

from __future__ import annotations

import weakref

import jax
import jax.numpy as jnp
import numpy as np

from homotopy._beside import Beside
from homotopy.control import Trajectory, follow
from homotopy.control.mesh import choose_mesh
from homotopy.control.pontryagin import residual_of, sample
from homotopy.deletion.bridges.control_affine import from_the_beginning
from homotopy.deletion.dynamics.base import AbstractDynamics
from homotopy.deletion.dynamics.costate import Costate, SwitchingFunction
from homotopy.deletion.request import Request
from homotopy.flows.method import finite_status

# Of its size at θ₀: a gradient of the terminal cost that is no more than the solver's error.
_VANISHED = 1e-11
# Beside a schedule the request that it was followed for last, and the numbers of its trajectory: a
# costate, φ and the residual are asked for one after the other.
_FOLLOWED = Beside()


class ParameterDynamics(AbstractDynamics):
    """States are θ; the method is that of the request, `Adaptive` by default."""

    def states(self, schedule, times):
        request = self.request
        states, status, _ = request.method.states(request.problem, schedule, request.theta0, times)
        return states, finite_status(states, status)

    def parameters(self, states):
        return states

    def cost(self, state):
        request = self.request
        return request.terminal_cost(request.problem, request.target, state)

    def trajectory(self, schedule) -> Trajectory:
        """θ, p and φ together, by the adjoint of a Runge–Kutta method of order eight."""
        system, known = from_the_beginning(self.request), _FOLLOWED.get(schedule)
        if known is None or known[0]() is not self.request:
            mesh, _ = choose_mesh(system, schedule, local_error(self.request))
            found = follow(system, schedule, mesh)
            known = weakref.ref(self.request), (mesh, found.states, found.costates, found.cost)
            _FOLLOWED.put(schedule, known)
        return Trajectory(system, schedule, *known[1])

    def costate(self, schedule):
        return TrajectoryCostate(self.request, schedule, self.trajectory(schedule))

    def switching_function(self, schedule):
        costate = self.costate(schedule)
        return TrajectorySwitchingFunction(self.request, schedule, costate)

    def pmp_residual(self, schedule):
        trajectory = self.trajectory(schedule)
        slope = jax.grad(self.cost)
        sizes = [np.linalg.norm(slope(theta)) for theta in trajectory.states[np.array([0, -1])]]
        if sizes[1] <= _VANISHED * sizes[0]:
            return 0.0
        samples = sample(trajectory, float(self.request.start))
        return float(residual_of(samples, jnp.zeros(()), jnp.ones(())).relative)


def local_error(request: Request) -> float:
    """Of one step where states and costates are computed together: well below the solver's own."""
    return max(1e-13, 1e-2 * getattr(request.method, "rtol", 0.0))


class TrajectoryCostate(Costate):
    """p(t) of any model: the exact derivative of the computed cost in the state at t.

    Not traceable: the steps of the integration are chosen for concrete values.

    Attributes
    ----------
    trajectory : homotopy.control.Trajectory
        Its switching function H₁ = ⟨p, f₁⟩ is −φ, as f₁ = −Σ_G∇ℓ.
    """

    _called = False  # but by the name of its kind

    trajectory: Trajectory

    def ascending(self, times):
        return self.trajectory.costate(times)


class TrajectorySwitchingFunction(SwitchingFunction):
    """φ(t) = p·Σ_G∇ℓ(θ(t)) of any model.

    Attributes
    ----------
    costate : Costate
    """

    _called = False  # but by the name of its kind

    costate: TrajectoryCostate

    def ascending(self, times):
        return -self.costate.trajectory.switching_function(times)
