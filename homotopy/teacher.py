"""Data made by a teacher network, for a student of the same kind: the notes' MLPs."""

from __future__ import annotations

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from homotopy._checks import integer, non_negative
from homotopy._module import Module
from homotopy.losses import SquaredError
from homotopy.models import MultilayerPerceptron, mlp
from homotopy.problem import Problem


class TeacherExample(Module):
    """A regression problem whose target function is known, and a start for the student.

    Attributes
    ----------
    model : MultilayerPerceptron
        The architecture of both.
    teacher : (d,)
        The parameters that made the data.
    theta0 : (d,)
        A random start for the student.
    X : (n, 1), y : (n,)
        Inputs in ascending order; y = f(teacher; x) + noise.
    """

    model: MultilayerPerceptron
    teacher: Float[Array, " d"]
    theta0: Float[Array, " d"]
    X: Float[Array, "n 1"]
    y: Float[Array, " n"]

    def problem(self, deleted: int, ridge: float = 0.02) -> Problem:
        """The student's regression, with one point to delete.

        Without a ridge the risk of a perceptron mostly has no minimum, but falls on along flat
        directions for ever (`TrainingStatus.falling`).
        """
        return Problem(self.model, SquaredError(), self.X, self.y, deleted=deleted, ridge=ridge)

    def target_function(self, X: Float[Array, "m 1"]) -> Float[Array, " m"]:
        """The teacher's outputs."""
        return eqx.filter_vmap(lambda x: self.model(self.teacher, x))(X)


def teacher_example(
    seed: int = 0, size: int = 20, neurons: int = 3, noise: float = 0.1
) -> TeacherExample:
    """The notes' MLP setting: a perceptron with one hidden layer learns another one (Figure 3).

    Inputs are uniform on [−3, 3]. The teacher's weights are normal of standard deviation 2 into,
    1 out of the hidden layer, its hidden biases normal of standard deviation 2; those of the
    student's start are standard normal.

    Parameters
    ----------
    seed : int
        The same seed gives the same example.
    size, neurons : int
        n and the width of the hidden layer, ≥ 1.
    noise : float
        Standard deviation, ≥ 0.

    Raises
    ------
    ValueError
        For a negative `seed` or `noise`, or a `size` or `neurons` below 1.

    Examples
    --------
    >>> import homotopy as hm
    >>> hm.enable_x64()
    >>> example = teacher_example(seed=1)
    >>> example.X.shape, example.model.dimension
    ((20, 1), 10)
    """
    for name, value in (("size", size), ("neurons", neurons)):
        integer(name, value)
    integer("seed", seed, 0)
    non_negative("noise", noise)
    generator = np.random.default_rng(seed)
    model = mlp([1, neurons, 1])
    X = np.sort(generator.uniform(-3.0, 3.0, (size, 1)), axis=0)
    scales = np.repeat([2.0, 2.0, 1.0, 0.0], [neurons, neurons, neurons, 1])
    teacher = scales * generator.standard_normal(model.dimension)
    theta0 = generator.standard_normal(model.dimension)
    errors = noise * generator.standard_normal(size)
    clean = np.array([float(model(jnp.asarray(teacher), jnp.asarray(x))) for x in X])
    return TeacherExample(
        model=model,
        teacher=jnp.asarray(teacher),
        theta0=jnp.asarray(theta0),
        X=jnp.asarray(X),
        y=jnp.asarray(clean + errors),
    )
