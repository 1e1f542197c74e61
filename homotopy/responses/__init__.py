"""θ(ε): what training converges to, as a function of the weight."""

from homotopy.responses._response import response
from homotopy.responses._taylor import TaylorModel, taylor
from homotopy.responses.branch import Branch, Event, EventKind
from homotopy.responses.closed_form import ClosedForm
from homotopy.responses.comparison import PathComparison
from homotopy.responses.continuation import Continuation
from homotopy.responses.flow_limits import FlowLimits
from homotopy.responses.method import AbstractResponse
from homotopy.responses.path import ResponsePath, ResponseStatus

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
