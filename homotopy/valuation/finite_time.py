"""Values of training that stops: the log-time average of influence in training time."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from homotopy._checks import fraction, integer, positive
from homotopy.flows._flow import flow
from homotopy.influence._influence_in_time import influence_in_time
from homotopy.numerics.gauss_legendre import quadrature
from homotopy.schedules import Constant
from homotopy.valuation.method import AbstractValuation, Asked, data_values_of
from homotopy.valuation.values import DataValues, ValueStatus


class FiniteTime(AbstractValuation):
    """∫₀ᵀ influence_in_time(t) dt/t: the Aumann–Shapley value of θ(T), trained from θ₀ without a
    ridge.

    Of any model: without a ridge the flow of the weights ε·1 is the flow of all the data, slowed
    down by ε, so that the path in the weights is the training path itself. The values sum to
    m(θ₀) − m(θ(T)), whatever the model, with fewer points than parameters too. They are close to
    the Shapley values of training that stops while T is short, and grow like log T times the
    influence where it is long (theory §8.5).

    Parameters
    ----------
    time : float
        T > 0, of the gradient flow of the sum of losses.
    nodes : int
        Of the first Gauss rule over [0, T], which is doubled until the values stand still.
    tolerance : float
        By how much of the largest value, and of |m(θ₀) − m(θ(T))|, they may still change.
    max_nodes : int

    Raises
    ------
    ValueError
        Naming the argument.

    Examples
    --------
    >>> import homotopy as hm
    >>> hm.enable_x64()
    >>> problem = hm.LinearRegression([[1.0], [1.0]], [1.0, 3.0], deleted=0)
    >>> values = hm.data_values(problem, hm.TestLoss([[1.0]], [2.0]), hm.FiniteTime(0.1))
    >>> values.values.round(6).tolist(), round(float(values.total), 6)
    ([0.156803, 0.502557], 0.65936)
    """

    kind: ClassVar[str] = "quadrature"
    in_parts: ClassVar[bool] = True

    time: float
    nodes: int = 8
    tolerance: float = 1e-7
    max_nodes: int = 128

    def __check_init__(self):
        positive("time", self.time)
        integer("nodes", self.nodes, 2)
        fraction("tolerance", self.tolerance)
        integer("max_nodes", self.max_nodes, self.nodes)

    def values(self, asked: Asked) -> DataValues:
        problem, measure = asked.problem, asked.measure
        asked.require_shapley("FiniteTime(time)")
        ridge = np.asarray(problem.ridge)
        if float(np.max(ridge)) > 0.0:
            raise ValueError(
                f"problem: expected ridge=0 for FiniteTime(time), got ridge={ridge.tolist()}: a "
                "ridge is not weighted with the points, and the path in the weights is then not "
                "the training path; AumannShapley() takes a ridge."
            )
        start = asked.start()
        end = flow(problem, Constant(1.0), start, [self.time], progress=False).theta
        ends = measure(np.stack([start, np.asarray(end)[0]]))
        shape = ends.shape[1:]
        total, count, work, before = ends[0] - ends[1], self.nodes, 0, None
        error, within = np.inf, False
        while True:
            points, weights = quadrature(count)
            times = self.time * points
            found = influence_in_time(
                problem, start, asked.measurement, times,
                devices=asked.devices, client=asked.client,
            )  # fmt: skip
            part = self.time * weights / times
            values = np.tensordot(part, np.asarray(found.influence), axes=1)
            work += count
            scale = max(float(np.max(np.abs(values))), float(np.max(np.abs(total))))
            if before is not None:
                error = np.max(np.abs(values - before), axis=0)
                within = bool(np.all(error <= self.tolerance * scale))
            if within or 2 * count > self.max_nodes:
                break
            before, count = values, 2 * count
        status = ValueStatus.successful if within else ValueStatus.not_resolved
        return data_values_of(
            self, values, total, work, "times", status,
            quadrature_error=np.broadcast_to(error, shape),
        )  # fmt: skip
