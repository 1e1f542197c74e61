"""θ(ε): what training converges to, as a function of the weight."""

from homotopy.response.branch import Branch, Event, EventKind
from homotopy.response.closed_form import ClosedForm
from homotopy.response.comparison import PathComparison
from homotopy.response.continuation import Continuation
from homotopy.response.dispatch import response
from homotopy.response.flow_limits import FlowLimits
from homotopy.response.method import AbstractResponse
from homotopy.response.path import ResponsePath, ResponseStatus
from homotopy.response.taylor import TaylorModel, taylor

__all__ = [
    "AbstractResponse",
    "Branch",
    "ClosedForm",
    "Continuation",
    "Event",
    "EventKind",
    "FlowLimits",
    "PathComparison",
    "ResponsePath",
    "ResponseStatus",
    "TaylorModel",
    "response",
    "taylor",
]
