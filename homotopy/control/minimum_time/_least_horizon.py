"""The least time in which a cost or a state can be reached."""

from __future__ import annotations

from functools import partial

from homotopy._checks import ArrayInput, fraction, integer, number, vector
from homotopy.control.minimum_time.bracket import limited
from homotopy.control.minimum_time.for_cost import for_cost
from homotopy.control.minimum_time.for_target import for_target
from homotopy.control.minimum_time.result import LeastHorizon
from homotopy.control.system import ControlAffine, a_system


def least_horizon(
    system: ControlAffine,
    cost: float | None = None,
    *,
    target: ArrayInput | None = None,
    cells: int = 32,
    residual_tolerance: float = 1e-9,
    time_limit: float = 300.0,
) -> LeastHorizon:
    """The smallest horizon, up to that of the system, at which a cost or a target is reached.

    The horizon is bracketed by the best controls on cells. For a cost it then solves
    J*(T) = cost, J* the polished optimum. A target that can be reached exactly leaves no
    costate there: its conditions x(T) = target are solved for the switch times and T, from the
    bang-bang structure shortly before, and the costate is the common normal of the derivatives
    of x(T) in the switch times.

    Parameters
    ----------
    system : ControlAffine
        Its `horizon` is the largest looked at.
    cost : float, optional
        The cost to be reached. This or `target`.
    target : (d,), optional
        The state to be reached; the cost of the system is then not used.
    cells : int
    residual_tolerance : float
        Of the PMP residual.
    time_limit : float
        Seconds after which the least horizon found to be enough is returned, as it is after
        `KeyboardInterrupt`; what is being compiled then goes on in the background.

    Returns
    -------
    LeastHorizon
        Look at its `status`. The search is by bisection: where a cost can be reached at some time
        and not later, a smaller horizon may be missed.

    Raises
    ------
    ValueError
        Naming `cost`, `target` or `time_limit`.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> import homotopy as hm
    >>> from homotopy.control import ControlAffine, least_horizon
    >>> hm.enable_x64()
    >>> system = ControlAffine(lambda x: -x, lambda x: jnp.ones(1), lambda x: x[0], [3.0], 5.0)
    >>> least = least_horizon(system, target=[1.0], cells=8)
    >>> round(least.horizon, 9), least.arcs[0].kind.value  # log 3
    (1.098612289, 'lower')
    """
    a_system(system)
    integer("cells", cells, 2)
    fraction("residual_tolerance", residual_tolerance)
    if (cost is None) == (target is None):
        raise ValueError("cost, target: expected exactly one of them.")
    if target is None:
        number("cost", cost)
        search = partial(for_cost, system, float(cost))
        return limited(search, cells, residual_tolerance, time_limit)
    target = vector("target", target, system.dimension)
    return limited(partial(for_target, system, target), cells, residual_tolerance, time_limit)
