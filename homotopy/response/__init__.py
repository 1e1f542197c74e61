"""θ(ε): what training converges to, as a function of the weight."""

from homotopy.response.path import ResponsePath, response

__all__ = ["ResponsePath", "response"]
