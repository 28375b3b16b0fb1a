"""A graph as a JSON document, and back: data alone, whoever wrote it."""

from __future__ import annotations

import json
import operator
import re
from typing import TYPE_CHECKING, Any

import torch
from torch import fx, nn

from lmctool.graph.graph import Graph
from lmctool.graph.module import aliases, masks
from lmctool.graph.operations import draws

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Mapping, Sequence

    from torch import Tensor

ARITHMETIC: Mapping[str, Callable[..., Any]] = {
    "getitem": operator.getitem,
    "add": operator.add,
    "sub": operator.sub,
    "mul": operator.mul,
    "floordiv": operator.floordiv,
}
"""What a graph may call besides ATen's operations: it picks values, and computes sizes."""
NAME = re.compile(r"[A-Za-z_]\w*")
FILE = re.compile(r'File "(?:[^"]*[/\\])?([^"/\\]+)", line (\d+)')
NAMED: Mapping[str, type] = {
    "dtype": torch.dtype,
    "layout": torch.layout,
    "memory_format": torch.memory_format,
}
"""Values that torch has by name, by the key of a document that stands for them."""


class UnwritableError(Exception):
    """A graph holds what no document can."""


class UnreadableError(Exception):
    """A document is of no graph of this model."""


def written(graph: Graph, module: nn.Module) -> bytes:
    """Return the document of a graph.

    Args:
        graph: one that torch.export made.
        module: the model that it is of.

    Raises:
        UnwritableError: it cannot be written, or not so that it is read as the same one.
    """
    if graph.tracer != "export" or graph.outputs != ("",):
        raise UnwritableError("it was recorded, or says which output is scored")
    places = {node: place for place, node in enumerate(graph.nodes)}
    paths = {path for path, _ in module.named_modules()}
    document = {
        "nodes": [_written_node(node, places, paths) for node in graph.nodes],
        "tensors": dict(graph.tensors),
        "inputs": list(graph.inputs),
        "constants": {name: buffer_of(each, module) for name, each in graph.constants.items()},
    }
    return json.dumps(document, separators=(",", ":"), allow_nan=False).encode()


def read(content: bytes, module: nn.Module) -> Graph:
    """Return the graph of a document, whose values have no shapes yet.

    Nothing of it is run.  Whether the model computes it is for others to tell.

    Raises:
        UnreadableError: it is none, or none of this model.
    """
    try:
        return _graph(json.loads(content), module)
    except (ArithmeticError, AttributeError, LookupError, RecursionError) as cause:
        raise UnreadableError("it is no document of a graph") from cause
    except (RuntimeError, TypeError, ValueError) as cause:
        raise UnreadableError("it is no document of a graph") from cause


def _graph(document: Any, module: nn.Module) -> Graph:
    graph = fx.Graph()
    nodes: list[fx.Node] = []
    for name, op, target, args, kwargs, line, modules in document["nodes"]:
        if op not in ("placeholder", "call_function", "output") or not NAME.fullmatch(name):
            raise ValueError("no node of such a graph")
        given = tuple(_read_value(each, nodes) for each in args)
        named = {str(key): _read_value(each, nodes) for key, each in kwargs.items()}
        function = _operation(target) if op == "call_function" else str(target)
        if op == "call_function" and target not in ARITHMETIC and draws(function, given, named):
            raise ValueError("it draws random numbers")
        node = graph.create_node(op, function, given, named, name=name)
        if node.name != name:
            raise ValueError("two nodes of one name")
        node.meta["nn_module_stack"] = {str(path): (str(path), "") for path in modules}
        if line is not None:
            node.meta["stack_trace"] = f'File "{line[0]}", line {int(line[1])}, in forward'
        nodes.append(node)
    graph.lint()
    tensors = {str(node): str(name) for node, name in document["tensors"].items()}
    inputs = tuple(map(str, document["inputs"]))
    constants = {str(n): module.get_buffer(b).detach() for n, b in document["constants"].items()}
    placeholders = [node.name for node in nodes if node.op == "placeholder"]
    if sorted(placeholders) != sorted([*tensors, *inputs, *constants]):
        raise ValueError("placeholders of which nothing is known")
    tied = dict(aliases(module))
    if sorted(tensors.values()) != sorted(module.state_dict().keys() - tied.keys()):
        raise ValueError("it has other tensors than the model")
    return Graph(
        module=fx.GraphModule(nn.Module(), graph),
        tensors=tensors,
        buffers=frozenset(name for name, _ in module.named_buffers()),
        constants=constants,
        inputs=inputs,
        aliases=tied,
        masks=frozenset(masks(module)),
    )


def _written_node(node: fx.Node, places: Mapping[fx.Node, int], paths: Container[str]) -> list[Any]:
    function = node.target
    target = function if isinstance(function, str) else _name(function)
    if node.op not in ("placeholder", "call_function", "output") or node.meta.get("is_step"):
        raise UnwritableError(f"{node.op} {node.name}")
    args = [_written_value(each, places) for each in node.args]
    kwargs = {key: _written_value(each, places) for key, each in node.kwargs.items()}
    found = FILE.findall(str(node.meta.get("stack_trace") or ""))
    line = [found[-1][0], int(found[-1][1])] if found else None
    stack = [str(path) for path, _ in (node.meta.get("nn_module_stack") or {}).values()]
    known = all(path.partition("@")[0] in paths for path in stack)  # of a size it is no module's
    return [node.name, node.op, target, args, kwargs, line, stack if known else []]


def _name(function: Any) -> str:
    """Return what a document calls an operation."""
    name = next((name for name, each in ARITHMETIC.items() if each is function), str(function))
    try:
        same = _operation(name) is function
    except ValueError:
        same = False
    if not same:
        raise UnwritableError(f"operation {function}")
    return name


def _operation(name: str) -> Any:
    """Return the operation that a document calls so.

    Raises:
        ValueError: it is none of the few that a graph may call.
    """
    if name in ARITHMETIC:
        return ARITHMETIC[name]
    library, _, rest = name.partition(".")
    packet, _, overload = rest.partition(".")
    if library != "aten" or not NAME.fullmatch(packet) or not NAME.fullmatch(overload):
        raise ValueError(f"no operation {name!r}")
    found = getattr(getattr(torch.ops.aten, packet, None), overload, None)
    if not isinstance(found, torch._ops.OpOverload) or found._schema.is_mutable:
        raise ValueError(f"no operation {name!r}")
    return found


def _written_value(value: Any, places: Mapping[fx.Node, int]) -> Any:
    """Return an argument as JSON: lists are lists, and what JSON has not is an object."""
    if value is None or isinstance(value, bool | str) or type(value) is int:
        return value
    if isinstance(value, float):
        return {"float": value.hex()}
    if isinstance(value, fx.Node):
        return {"node": places[value]}
    if isinstance(value, tuple):
        return {"tuple": [_written_value(each, places) for each in value]}
    if isinstance(value, list):
        return [_written_value(each, places) for each in value]
    if isinstance(value, torch.device):
        return {"device": str(value)}
    for key, kind in NAMED.items():
        if isinstance(value, kind):
            return {key: str(value).removeprefix("torch.")}
    raise UnwritableError(f"an argument {value!r}")


def _read_value(value: Any, nodes: Sequence[fx.Node]) -> Any:
    """Return the argument that JSON stands for.

    Raises:
        ValueError: it stands for none.
    """
    if isinstance(value, list):
        return [_read_value(each, nodes) for each in value]
    if not isinstance(value, dict):
        return value
    ((key, said),) = value.items()
    if key == "float":
        return float.fromhex(said)
    if key == "node" and 0 <= said < len(nodes):
        return nodes[said]
    if key == "tuple":
        return tuple(_read_value(each, nodes) for each in said)
    if key == "device":
        return torch.device(said)
    if key in NAMED and NAME.fullmatch(said):
        found = getattr(torch, said)
        if isinstance(found, NAMED[key]):
            return found
    raise ValueError(f"no argument {key!r}")


def buffer_of(constant: Tensor, module: nn.Module) -> str:
    """Return the name of the buffer that a constant is.

    Raises:
        UnwritableError: it is none, so that its content would have to be believed.
    """
    for name, buffer in module.named_buffers():
        if buffer.data_ptr() == constant.data_ptr() and buffer.shape == constant.shape:
            return name
    raise UnwritableError("a constant that is no buffer")
