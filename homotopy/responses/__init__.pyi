from ._response import response
from ._taylor import TaylorModel, taylor
from .branch import Branch, Event, EventKind
from .closed_form import ClosedForm
from .comparison import PathComparison
from .continuation import Continuation
from .flow_limits import FlowLimits
from .method import AbstractResponse
from .path import ResponsePath, ResponseStatus

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
