"""The graph of a model by running it: for models whose path depends on the data.

The operations of one run on real inputs are noted, in the order they are done, after
functionalisation, so that nothing is in place.  What the run shows holds for all inputs that take
the same path; another path is noticed when the recording is played again, and refused.
"""

from __future__ import annotations

import operator
import traceback
import warnings
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, fx, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map

from lmctool.errors import LmctoolError
from lmctool.graph.graph import Edit, Graph
from lmctool.graph.module import aliases, fresh

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence


@dataclass(frozen=True, eq=False)
class Recording(Graph):
    """A graph whose operations were noted while the model ran.

    Attributes:
        model: the model.
        steps: the node of each operation, in the order they run.
    """

    model: nn.Module = field(default_factory=nn.Module)
    steps: tuple[fx.Node, ...] = ()

    def run(
        self, weights: Mapping[str, Tensor], inputs: Tensor, edits: Mapping[str, Edit]
    ) -> Tensor:
        """Run the model, each tap in ``edits`` replaced by what its edit returns.

        Raises:
            LmctoolError: the inputs take another path through the model than the recorded one,
                or gradients are asked for, which edits under the run cannot have.
        """
        if torch.is_grad_enabled() and any(w.requires_grad for w in weights.values()):
            raise LmctoolError(
                "the model's path depends on the data, so that it can be run but not differentiated"
            )
        tensors = {self.aliases.get(name, name): tensor for name, tensor in weights.items()}
        names = {id(tensor): name for name, tensor in tensors.items()}
        steps = [(node, self._reads(node)) for node in self.steps]
        with torch.no_grad(), _Replay(steps, names, edits) as replay:
            outputs = _run(self.model, tensors, (inputs,))
        replay.check()
        result: Tensor = self._meant(outputs)
        return result

    def _reads(self, node: fx.Node) -> set[str]:
        names = (self.tensors.get(operand.name, "") for operand in node.all_input_nodes)
        return {self.aliases.get(name, name) for name in names if name}


def record_graph(module: nn.Module, inputs: tuple[Tensor, ...]) -> Graph:
    """Return the graph of the operations that a module does on a batch.

    Args:
        module: the model, in evaluation mode.
        inputs: (2 or more, ...) a batch for each argument of ``forward``.

    Raises:
        Exception: whatever the model's own code raises.
    """
    tied = dict(aliases(module))
    state = module.state_dict()
    tensors = {name: state[name].detach() for name in state if name not in tied}
    examples = tuple(each.detach().clone() for each in inputs)
    with torch.no_grad(), _Recorder() as recorder:
        outputs = _run(module, tensors, examples)
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
    for step in recorder.steps:
        with graph.inserting_before(first):
            for leaf in tree_leaves((step.args, step.kwargs)):
                if isinstance(leaf, Tensor) and id(leaf) not in nodes:
                    placeholder("constant", leaf)
        steps.append(step.add(graph, nodes))
    graph.erase_node(first)
    graph.output(tree_map(lambda leaf: nodes.get(id(leaf)), tuple(tree_leaves(outputs))))
    return Recording(
        module=fx.GraphModule(nn.Module(), graph),
        tensors=by_kind["weight"],
        buffers=frozenset(name for name, _ in module.named_buffers()),
        constants=by_kind["constant"],
        inputs=tuple(by_kind["input"]),
        aliases=tied,
        tracer="dispatch",
        model=module,
        steps=tuple(steps),
    )


def _run(module: nn.Module, tensors: Mapping[str, Tensor], inputs: tuple[Tensor, ...]) -> Any:
    """Run a model with nothing done in place."""

    def forward(*arguments: Tensor) -> Any:
        return torch.func.functional_call(fresh(module), dict(tensors), arguments)

    call: Callable[..., Any] = torch.func.functionalize(forward, remove="mutations")
    with _plain_recurrence(module):
        return call(*inputs)


@contextmanager
def _plain_recurrence(module: nn.Module) -> Iterator[None]:
    """Keep recurrent layers from the fused operation that hides their gates."""
    if not any(isinstance(part, nn.RNNBase) for part in module.modules()):
        yield
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch tells of its settings for other devices
        with torch.backends.mkldnn.flags(enabled=False):
            yield


def _shaped(value: Any) -> Any:
    """Return a value whose tensors have a shape, and no content."""
    return tree_map(
        lambda leaf: torch.empty_like(leaf, device="meta") if isinstance(leaf, Tensor) else leaf,
        value,
    )


@dataclass(frozen=True, eq=False)
class _Step:
    """One operation of a run."""

    target: Any
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    value: Any
    shapes: Any
    trace: str

    def add(self, graph: fx.Graph, nodes: dict[int, fx.Node]) -> fx.Node:
        """Add the operation to a graph, and its value to the known nodes."""
        args, kwargs = tree_map(
            lambda leaf: nodes[id(leaf)] if isinstance(leaf, Tensor) else leaf,
            (tuple(self.args), dict(self.kwargs)),
        )
        node = graph.call_function(self.target, args, kwargs)
        node.meta |= {"val": self.shapes, "stack_trace": self.trace}
        if isinstance(self.value, list | tuple):
            for place, part in enumerate(self.value):
                if isinstance(part, Tensor):
                    picked = graph.call_function(operator.getitem, (node, place))
                    picked.meta["val"] = self.shapes[place]
                    nodes[id(part)] = picked
        else:
            nodes[id(self.value)] = node
        return node


class _Recorder(TorchDispatchMode):
    """Notes every operation; keeps every value alive, so that identities last."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.steps: list[_Step] = []

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        """Do an operation, and note it."""
        value = func(*args, **(kwargs or {}))
        stack = traceback.extract_stack(limit=40)
        *_, caller, _ = (frame for frame in stack if "/torch/" not in frame.filename)
        line = f'File "{caller.filename}", line {caller.lineno}, in {caller.name}'
        # shapes at once: a later operation may change that of a value in place
        self.steps.append(_Step(func, args, kwargs or {}, value, _shaped(value), line))
        return value


class _Replay(TorchDispatchMode):
    """Lets edits replace values as they appear, where the operations are the recorded ones.

    Attributes:
        steps: the node of each operation, and the tensors of the model that it reads.
        names: those tensors by identity.
        edits: node name -> edit.
        done: how many operations were done.
    """

    def __init__(
        self,
        steps: Sequence[tuple[fx.Node, set[str]]],
        names: Mapping[int, str],
        edits: Mapping[str, Edit],
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.steps = steps
        self.names = names
        self.edits = edits
        self.done = 0

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        """Do an operation, and let its edit replace the value."""
        value = func(*args, **(kwargs or {}))
        node, reads = self.steps[self.done] if self.done < len(self.steps) else (None, None)
        read = {
            self.names[id(leaf)] for leaf in tree_leaves((args, kwargs)) if id(leaf) in self.names
        }
        if node is None or node.target is not func or read != reads:
            raise LmctoolError(OTHER_PATH)
        edit = self.edits.get(node.name)
        self.done += 1
        return edit(value) if edit else value

    def check(self) -> None:
        """Check that every recorded operation was done."""
        if self.done != len(self.steps):
            raise LmctoolError(OTHER_PATH)


OTHER_PATH = (
    "these examples take another path through the model than those it was traced with;"
    " what was found for one path says nothing of the other"
)
