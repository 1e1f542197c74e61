"""PyTorch networks: the operations that `torch.fx` finds in them, and their arrays by name.

A trace of the network, with PyTorch's own tracer, says which operations are applied to what. So
nested `Sequential`s and modules with a `forward` of their own come by one way, and an operation
that is not known here is refused by its name.
"""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Hashable
from typing import Any

import numpy as np

from homotopy.conversion.network import ConvertedNetwork
from homotopy.conversion.torch_operations import OPERATIONS

_REMEDY = (
    "write the network as an Equinox or Flax NNX module, or as a function for function_model, and "
    "copy the weights of its state_dict"
)

# The modules with an operation of their own, and those of their attributes that it takes.
_ACTIVATIONS = {
    "Identity": ("identity", ()),
    "ReLU": ("relu", ()),
    "ReLU6": ("relu6", ()),
    "Tanh": ("tanh", ()),
    "Sigmoid": ("sigmoid", ()),
    "SiLU": ("silu", ()),
    "Mish": ("mish", ()),
    "SELU": ("selu", ()),
    "Softsign": ("softsign", ()),
    "Tanhshrink": ("tanhshrink", ()),
    "LogSigmoid": ("logsigmoid", ()),
    "GELU": ("gelu", ("approximate",)),
    "Softplus": ("softplus", ("beta", "threshold")),
    "Hardtanh": ("hardtanh", ("min_val", "max_val")),
    "ELU": ("elu", ("alpha",)),
    "CELU": ("celu", ("alpha",)),
    "LeakyReLU": ("leaky_relu", ("negative_slope",)),
    "Flatten": ("flatten", ("start_dim", "end_dim")),
    "Dropout": ("dropout", ("p", "training")),
}
_KNOWN = ", ".join(["Linear", "Flatten", "ReLU", "Tanh", "Sigmoid", "GELU", "LayerNorm"])


@dataclasses.dataclass(frozen=True)
class Value:
    """The result of another step, or the input, by its name in the trace."""

    name: str


@dataclasses.dataclass(frozen=True)
class Named:
    """An array of the network, by its name in the state_dict."""

    name: str


@dataclasses.dataclass(frozen=True)
class Slice:
    """A slice, which Python does not hash before 3.12."""

    ends: tuple


@dataclasses.dataclass(frozen=True)
class TorchProgram:
    """The steps of a trace: (name of the result, operation, arguments, named arguments)."""

    input: str
    steps: tuple[tuple[str, str, tuple, tuple], ...]
    output: str

    def __call__(self, arrays: dict, x):
        # PyTorch's networks take batches: Flatten and view count on it.
        known = {self.input: x[None]}

        def value(argument):
            if isinstance(argument, Value):
                return known[argument.name]
            if isinstance(argument, Named):
                return arrays[argument.name]
            if isinstance(argument, tuple):
                return tuple(map(value, argument))
            if isinstance(argument, Slice):
                return slice(*value(argument.ends))
            return argument

        for name, operation, arguments, named in self.steps:
            options = {key: value(argument) for key, argument in named}
            known[name] = OPERATIONS[operation](*map(value, arguments), **options)
        output = known[self.output]
        return output.reshape(()) if output.size == 1 else output[0]


def from_torch(module: Any) -> ConvertedNetwork:
    """A `torch.nn.Module` in evaluation mode as a callable pytree of one example.

    What requires a gradient is θ, in the order and by the names of `named_parameters`; other
    arrays stay as they are. An output of one entry is a scalar.

    Raises
    ------
    ValueError
        Naming `module`: an operation that is not known here, a batch norm or dropout in training
        mode, a `forward` that depends on values, or nothing that requires a gradient.
    """
    import torch.fx

    try:
        graph = torch.fx.Tracer().trace(module)
    except (torch.fx.proxy.TraceError, TypeError, ValueError, RuntimeError) as error:
        raise ValueError(
            f"module: torch.fx does not trace {type(module).__name__}.forward ({error}); {_REMEDY}."
        ) from error
    reader = _Reader(module)
    for node in graph.nodes:
        reader.read(node)
    if len(reader.inputs) != 1:
        raise ValueError(f"module: expected a network of one input, got {len(reader.inputs)}.")
    program = TorchProgram(reader.inputs[0], tuple(reader.steps), reader.output)
    parameters = {
        name: _array(array)
        for name, array in module.named_parameters()
        if name in reader.arrays and array.requires_grad
    }
    fixed = {name: _array(array) for name, array in reader.arrays.items() if name not in parameters}
    if not parameters:
        raise ValueError("module: expected parameters that require a gradient, got none.")
    return ConvertedNetwork(parameters, fixed, program)


def _array(tensor) -> np.ndarray:
    return tensor.detach().cpu().numpy().copy()


class _Reader:
    """Goes through the nodes of a trace, in order."""

    def __init__(self, module):
        self.module = module
        self.inputs: list[str] = []
        self.steps: list[tuple[str, str, tuple, tuple]] = []
        self.arrays: dict[str, Any] = {}
        self.output = ""
        # An array that several modules share has one name.
        arrays = [*module.named_parameters(), *module.named_buffers()]
        self._names = {id(array): name for name, array in arrays}

    def read(self, node) -> None:
        """One node more."""
        if node.op == "placeholder":
            if node.args:  # an argument with a default
                self._step(node, "identity", tuple(map(_static, node.args)), {})
            else:
                self.inputs.append(node.name)
        elif node.op == "output":
            (result,) = node.args
            if not _is_node(result):
                raise ValueError(
                    f"module: expected a network of one output, got {type(result).__name__}."
                )
            self.output = result.name
        elif node.op == "get_attr":
            parent, _, name = node.target.rpartition(".")
            array = getattr(self.module.get_submodule(parent), name)
            self._names.setdefault(id(array), node.target)  # of a tensor that is no buffer
            self._step(node, "identity", (self._named(array),), {})
        elif node.op == "call_module":
            self._module(node)
        else:
            target = node.target
            name = target if isinstance(target, str) else getattr(target, "__name__", str(target))
            if name not in OPERATIONS:
                self._refuse(name)
            arguments = tuple(map(_static, node.args))
            self._step(node, name, arguments, {k: _static(v) for k, v in node.kwargs.items()})

    def _module(self, node):
        module = self.module.get_submodule(node.target)
        kind, x = type(module).__name__, tuple(map(_static, node.args))
        if not type(module).__module__.startswith("torch.nn"):
            self._refuse(kind)
        if kind in _ACTIVATIONS:
            operation, attributes = _ACTIVATIONS[kind]
            self._step(node, operation, x, {name: getattr(module, name) for name in attributes})
        elif kind == "Linear":
            self._step(node, "linear", x, self._arrays(module, "weight", "bias"))
        elif kind == "LayerNorm":
            options = {"normalized_shape": tuple(module.normalized_shape), "eps": module.eps}
            self._step(node, "layer_norm", x, options | self._arrays(module, "weight", "bias"))
        elif kind == "BatchNorm1d":
            if module.running_mean is None:
                self._refuse("BatchNorm1d with the statistics of the batch")
            statistics = {
                "training": module.training,
                "running_mean": self._named(module.running_mean),
                "running_var": self._named(module.running_var),
                "eps": module.eps,
            }
            self._step(node, "batch_norm", x, statistics | self._arrays(module, "weight", "bias"))
        else:
            self._refuse(kind)

    def _arrays(self, module, *names):
        given = {name: getattr(module, name) for name in names}
        return {name: self._named(array) for name, array in given.items() if array is not None}

    def _named(self, array) -> Named:
        named = Named(self._names[id(array)])
        self.arrays[named.name] = array
        return named

    def _step(self, node, operation, arguments, options):
        try:
            given = inspect.signature(OPERATIONS[operation]).bind(*arguments, **options)
        except TypeError as error:
            self._refuse(f"{operation} with other arguments ({error})")
        # Dropout is in training mode unless it is said not to be.
        training = operation in ("dropout", "batch_norm") and given.arguments.get(
            "training", operation == "dropout"
        )
        if training and given.arguments.get("p", 0.5) > 0.0:
            raise ValueError(
                f"module: expected one in evaluation mode, got {operation} in training mode; call "
                "module.eval() first."
            )
        self.steps.append((node.name, operation, arguments, tuple(sorted(options.items()))))

    def _refuse(self, name):
        raise ValueError(
            f"module: expected a network of {_KNOWN} and their like, got {name}; {_REMEDY}."
        )


def _is_node(argument) -> bool:
    import torch.fx

    return isinstance(argument, torch.fx.Node)


def _static(argument) -> Hashable:
    """An argument of a node with references for nodes, and for lists and slices what has a hash."""
    if _is_node(argument):
        return Value(argument.name)
    if isinstance(argument, list | tuple):
        return tuple(map(_static, argument))
    if isinstance(argument, slice):
        return Slice(_static((argument.start, argument.stop, argument.step)))
    return argument
