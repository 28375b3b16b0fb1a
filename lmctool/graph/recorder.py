"""The graph of a model by running it: for models whose path depends on the data.

The operations of one run on real inputs are noted, in the order they are done, after
functionalisation, so that nothing is in place.  What the run shows holds for all inputs that take
the same path; another path is noticed when the recording is played again, and refused.
"""

from __future__ import annotations

import operator
import traceback
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, fx, nn
from torch.utils._pytree import tree_leaves, tree_map

from lmctool.graph.dispatch_mode import DispatchMode
from lmctool.graph.module import aliases, fresh, masks
from lmctool.graph.recomposition import recompose
from lmctool.graph.recording import ASKS_DEVICE, Recording, Step, run_functional

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lmctool.graph.graph import Graph


def record_graph(module: nn.Module, inputs: tuple[Tensor, ...]) -> Graph:
    """Return the graph of the operations that a module does on a batch.

    Args:
        module: the model, in evaluation mode.
        inputs: (example, ...) a batch for each argument of ``forward``.

    Raises:
        Exception: whatever the model's own code raises.
    """
    tied = dict(aliases(module))
    state = module.state_dict()
    tensors = {name: state[name].detach() for name in state if name not in tied}
    examples = tuple(each.detach().clone() for each in inputs)
    own = fresh(module)
    with torch.no_grad(), _Recorder(own) as recorder:
        outputs = run_functional(own, tensors, examples)
    graph = fx.Graph()
    nodes: dict[int, fx.Node] = {}
    by_kind: dict[str, dict[str, Any]] = {"weight": {}, "input": {}, "constant": {}}

    def placeholder(kind: str, tensor: Tensor, label: str = "") -> fx.Node:
        node = graph.placeholder(f"{kind}_{len(by_kind[kind])}")
        node.meta["val"] = _shaped(tensor)
        by_kind[kind][node.name] = label or tensor
        nodes[id(tensor)] = node
        return node

    for name, tensor in tensors.items():
        placeholder("weight", tensor, name)
    for tensor in examples:
        placeholder("input", tensor)
    first = graph.call_function(torch.empty, (0,))  # placeholders stay before it
    steps = []
    for call in recorder.calls:
        with graph.inserting_before(first):
            for leaf in tree_leaves((call.args, call.kwargs)):
                if isinstance(leaf, Tensor) and id(leaf) not in nodes:
                    placeholder("constant", leaf)
        steps.append(call.add(graph, nodes, by_kind["weight"]))
    graph.erase_node(first)
    graph.output(tuple(nodes.get(id(output)) for output in outputs))
    recompose(graph)
    return Recording(
        module=fx.GraphModule(nn.Module(), graph),
        tensors=by_kind["weight"],
        buffers=frozenset(name for name, _ in module.named_buffers()),
        constants=by_kind["constant"],
        inputs=tuple(by_kind["input"]),
        aliases=tied,
        masks=frozenset(masks(module)),
        tracer="dispatch",
        model=module,
        steps=tuple(steps),
    )


def _shaped(value: Any) -> Any:
    """Return a value whose tensors have a shape, and no content."""
    return tree_map(
        lambda leaf: torch.empty_like(leaf, device="meta") if isinstance(leaf, Tensor) else leaf,
        value,
    )


@dataclass(frozen=True, eq=False)
class _Call:
    """One operation of a run, with what tells of it: its shapes, its line and its modules."""

    target: Any
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    value: Any
    meta: Mapping[str, Any]

    def add(self, graph: fx.Graph, nodes: dict[int, fx.Node], weights: Mapping[str, str]) -> Step:
        """Add the operation to a graph, and its values to the known nodes."""
        args, kwargs = tree_map(
            lambda leaf: nodes[id(leaf)] if isinstance(leaf, Tensor) else leaf,
            (tuple(self.args), dict(self.kwargs)),
        )
        node = graph.call_function(self.target, args, kwargs)
        node.meta |= self.meta
        names = [node.name]
        if isinstance(self.value, list | tuple):
            names = [""] * len(self.value)
            for place, part in enumerate(self.value):
                if isinstance(part, Tensor):
                    picked = graph.call_function(operator.getitem, (node, place))
                    picked.meta |= {**self.meta, "val": self.meta["val"][place]}
                    nodes[id(part)], names[place] = picked, picked.name
        else:
            nodes[id(self.value)] = node
        reads = (weights[each.name] for each in node.all_input_nodes if each.name in weights)
        return Step(self.target, frozenset(reads), tuple(names))


class _Recorder(DispatchMode):
    """Notes every operation; keeps every value alive, so that identities last.

    Attributes:
        calls: the operations, in the order they are done.
        running: the parts of the module that are being computed, each within the one before it.
    """

    def __init__(self, module: nn.Module) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.calls: list[_Call] = []
        self.running: list[tuple[str, nn.Module]] = []
        for path, part in module.named_modules():
            if not isinstance(part, torch.jit.ScriptModule):  # these take no hooks
                part.register_forward_pre_hook(partial(self._enter, path))
                part.register_forward_hook(self._leave, always_call=True)

    def _enter(self, path: str, part: nn.Module, _: object) -> None:
        self.running.append((path, part))

    def _leave(self, *_: object) -> None:
        self.running.pop()

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        """Do an operation, and note it."""
        value = func(*args, **(kwargs or {}))
        if func is ASKS_DEVICE:
            return value
        stack = traceback.extract_stack(limit=40)
        *_, caller, _ = (frame for frame in stack if "/torch/" not in frame.filename)
        recurrence = nn.RNNBase | nn.RNNCellBase
        meta = {
            # shapes at once: a later operation may change that of a value in place
            "val": _shaped(value),
            "stack_trace": f'File "{caller.filename}", line {caller.lineno}, in {caller.name}',
            "nn_module_stack": {path: (path, _named(part)) for path, part in self.running},
            "is_step": any(isinstance(part, recurrence) for _, part in self.running),
        }
        self.calls.append(_Call(func, args, kwargs or {}, value, meta))
        return value


def _named(part: nn.Module) -> str:
    return f"{type(part).__module__}.{type(part).__qualname__}"
