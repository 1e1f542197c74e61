"""Discrete time: gradient descent and mini-batch stochastic gradient descent under a schedule."""

import abc

import equinox as eqx
import equinox.internal as eqxi
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from homotopy._checks import integer, number
from homotopy._display import DisplayedByFields
from homotopy.flows.method import AbstractMethod, FlowStatus
from homotopy.problem import Problem
from homotopy.schedules import AbstractSchedule


def _checked_step_size(step_size) -> Float[Array, ""]:
    number("step_size", step_size, "a positive number", lambda x: 0.0 < x < np.inf, traceable=True)
    return jnp.asarray(step_size, float)


class _Descent(DisplayedByFields, AbstractMethod):
    """θ_{k+1} = θ_k − η g_k, with η∇R_ε or an estimate of it for ηg, at times kη.

    The weight of step k is the mean of ε over [kη, (k+1)η], so that the steps stay differentiable
    in switch times, and 1_[0,τ] makes τ/η steps with the deleted points.
    """

    step_size: eqx.AbstractVar[Float[Array, ""]]
    max_steps: eqx.AbstractVar[int]

    @abc.abstractmethod
    def estimate(
        self,
        problem: Problem,
        theta: Float[Array, " d"],
        epsilon: Float[Array, ""],
        step: Int[Array, ""],
    ) -> Float[Array, " d"]:
        """The gradient that step number `step` uses."""

    def states(
        self,
        problem: Problem,
        schedule: AbstractSchedule,
        theta0: Float[Array, " d"],
        times: Float[Array, " m"],
    ) -> tuple[Float[Array, "m d"], FlowStatus, dict]:
        """θ after ⌊t/η⌋ steps: between two steps the parameters stay."""
        size = self.step_size
        # A time that is a multiple of η up to rounding counts as reached.
        rounding = max(1e-12, 4.0 * float(jnp.finfo(times.dtype).eps))
        counts = jnp.floor(times / size * (1.0 + rounding) + 1e-9).astype(int)
        length = size.astype(theta0.dtype)

        def step(carry):
            theta, outputs, index = carry
            epsilon = schedule.integral(index * size, (index + 1) * size) / size
            theta = theta - length * self.estimate(problem, theta, epsilon, index)
            index = index + 1
            return theta, jnp.where((counts == index)[:, None], theta[None, :], outputs), index

        outputs = jnp.where((counts == 0)[:, None], theta0[None, :], jnp.zeros((), theta0.dtype))
        _, outputs, index = eqxi.while_loop(
            lambda carry: carry[2] < counts[-1],
            step,
            (theta0, outputs, jnp.zeros((), int)),
            max_steps=self.max_steps,
            kind="checkpointed",
        )
        reached = index == counts[-1]
        status = FlowStatus.where(reached, FlowStatus.successful, FlowStatus.step_limit)
        return outputs, status, {"steps": index}


class GradientDescent(_Descent):
    """Full-batch gradient descent, θ_{k+1} = θ_k − η∇R_{ε_k}(θ_k), at times kη.

    Tends to the gradient flow as η → 0; diverges for η > 2/λ_max, which the status then says.
    Differentiable in reverse mode (`jax.grad`).

    Parameters
    ----------
    step_size : float
        η > 0.
    max_steps : int
        Budget.

    Examples
    --------
    >>> import homotopy as hm
    >>> hm.enable_x64()
    >>> problem = hm.LinearRegression([[1.0], [1.0]], [0.0, 1.0], deleted=1)
    >>> path = hm.flow(problem, hm.Constant(0.0), [1.0], [0.5, 1.0], method=hm.GradientDescent(0.5))
    >>> path.theta[:, 0].tolist()
    [0.5, 0.25]
    """

    step_size: Float[Array, ""] = eqx.field(converter=_checked_step_size)
    max_steps: int = eqx.field(default=2**20, static=True)

    def __check_init__(self):
        integer("max_steps", self.max_steps)

    def estimate(
        self,
        problem: Problem,
        theta: Float[Array, " d"],
        epsilon: Float[Array, ""],
        step: Int[Array, ""],
    ) -> Float[Array, " d"]:
        return problem.gradient(theta, epsilon)


class StochasticGradientDescent(_Descent):
    """Mini-batch gradient descent: each step draws points without replacement, seeded.

    The estimate (n/B) Σ_{i in batch} w_i ∇ℓ_i + ρθ is unbiased for ∇R_ε. The same seed draws the
    same batches whatever the schedule, so that runs can be compared.

    Parameters
    ----------
    step_size : float
        η > 0.
    batch_size : int
        B, from 1 to n.
    seed : int
    max_steps : int
        Budget.

    Examples
    --------
    >>> import homotopy as hm
    >>> hm.StochasticGradientDescent(0.01, batch_size=4, seed=1).batch_size
    4
    """

    step_size: Float[Array, ""] = eqx.field(converter=_checked_step_size)
    batch_size: int = eqx.field(static=True)
    seed: int = 0
    max_steps: int = eqx.field(default=2**20, static=True)

    def __check_init__(self):
        integer("batch_size", self.batch_size)
        integer("max_steps", self.max_steps)
        if not isinstance(self.seed, jax.core.Tracer):
            integer("seed", self.seed, 0)

    def estimate(
        self,
        problem: Problem,
        theta: Float[Array, " d"],
        epsilon: Float[Array, ""],
        step: Int[Array, ""],
    ) -> Float[Array, " d"]:
        if self.batch_size > problem.size:
            raise ValueError(
                f"batch_size: expected at most the {problem.size} points there are, got "
                f"{self.batch_size}."
            )
        key = jax.random.fold_in(jax.random.key(self.seed), step)
        batch = jax.random.choice(key, problem.size, (self.batch_size,), replace=False)
        scale = problem.size / self.batch_size

        def risk(at):
            outputs = jax.vmap(lambda x: problem.model(at, x))(problem.X[batch])
            losses = jax.vmap(problem.point_loss.value)(outputs, problem.targets[batch])
            return scale * jnp.sum(problem.weights(epsilon)[batch] * losses)

        return jax.grad(risk)(theta) + problem.ridge * theta
