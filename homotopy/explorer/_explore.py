"""The verb: a problem or a deletion to look at, in a notebook."""

from __future__ import annotations

from typing import Any

import numpy as np

from homotopy._checks import ArrayInput
from homotopy._wording import described
from homotopy.deletion import Deletion
from homotopy.explorer.explored import AbstractExplored
from homotopy.explorer.needs import require_panel
from homotopy.explorer.origin import Origin, of_arrays
from homotopy.problem import Problem


def explore(what: Problem | Deletion, theta0: ArrayInput | None = None) -> Any:
    """An interactive explorer of a problem, or of a deletion: the last line of a notebook's cell.

    Drag θ₀ and see θ(t), ℰ and φ(t) follow; draw a schedule and see what it costs; click on a point
    to forget it. `homotopy explore` shows the same in a browser (docs/explorer.md).

    Parameters
    ----------
    what : Problem or Deletion
        A linear regression is followed in closed form; any other differentiable model, as a
        perceptron, by an adaptive solver, which takes a fraction of a second a picture.
    theta0 : (d,), optional
        θ₀ that is shown first, for a problem: zeros for a linear regression by default; other
        models need one. A deletion has its own.

    Returns
    -------
    panel.viewable.Viewable
        Renders in Jupyter; `.servable()` and `panel.serve` take it too.

    Raises
    ------
    TypeError
        Naming `what`, where it is neither, or a deletion whose ℰ is no distance in parameters.
    ValueError
        Naming `theta0`: a wrong length, given beside a deletion, or missing where it is needed.
    ImportError
        Where Panel or Bokeh is missing: `pip install 'homotopy[explorer]'`.

    Examples
    --------
    >>> import homotopy as hm
    >>> hm.enable_x64()
    >>> problem = hm.LinearRegression([[1, 0], [0, 1], [1, 1]], [0, 1, 3], deleted=2)
    >>> page = hm.explore(problem, theta0=[2.0, 2.0])
    >>> type(page).__name__
    'Column'
    """
    explored = explored_of(what, theta0)
    require_panel()
    import panel as pn

    from homotopy.explorer.view.page import layout
    from homotopy.explorer.view.session import Session

    # With its scripts in the notebook: by default they come from the network, and without one the
    # cell stays empty.
    pn.extension(inline=True)
    return layout(Session(explored))


def explored_of(
    what: Problem | Deletion, theta0: ArrayInput | None = None, origin: Origin | None = None
) -> AbstractExplored:
    """What can be looked at of a problem or a deletion; errors as of `explore`."""
    from homotopy.deletion.request import has_closed_form
    from homotopy.explorer.examples import of_default_times
    from homotopy.explorer.regression import RegressionExplored
    from homotopy.linear import LinearRegression

    if not isinstance(what, Problem | Deletion):
        raise TypeError(
            f"what: expected a Problem or a Deletion, as hm.LinearRegression(X, y, deleted=3), got "
            f"{described(what)}."
        )
    if isinstance(what, Deletion):
        if theta0 is not None:
            raise ValueError("theta0: expected none, as the deletion has its own.")
        deletion, problem = what, what.problem
    else:
        deletion, problem = None, what
    if origin is None:
        origin = of_arrays(np.asarray(problem.X), np.asarray(problem.y))
    if not isinstance(problem, LinearRegression):
        from homotopy.explorer.network import NetworkExplored

        times = None
        if deletion is not None:
            theta0 = np.asarray(deletion.theta0)
            times = float(deletion.start), float(deletion.horizon)
        elif theta0 is None:
            raise ValueError(
                "theta0: expected where training starts, got none: a model that is not linear "
                "needs one, as model.initial_parameters()."
            )
        return NetworkExplored(problem, theta0, times, origin)
    if deletion is None:
        start = np.zeros(problem.dimension) if theta0 is None else problem.parameters(theta0)
        deletion = of_default_times(problem, np.asarray(start, dtype=float))
    elif not has_closed_form(deletion):
        raise TypeError(
            "what: expected a deletion of a linear regression with Exact() and "
            "ParameterDistance(), in which ℰ is seen as a distance; got another method or cost."
        )
    return RegressionExplored(deletion, origin)
