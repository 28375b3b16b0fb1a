"""A recorded graph: the operations of a model as it runs, read and edited while it runs again."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from lmctool.errors import LmctoolError
from lmctool.graph.graph import Edit, Graph
from lmctool.graph.module import fresh
from lmctool.graph.operations import same_operation
from lmctool.graph.outputs import tensors_of
from lmctool.graph.settings import plain_layers

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

ASKS_DEVICE = torch.ops.prim.device.default
"""Asked of tensors of some classes, shapes without content among them; it computes nothing."""
CASTS = torch.ops.aten._to_copy.default


@dataclass(frozen=True, slots=True)
class Step:
    """One operation of a recorded run.

    Attributes:
        operation: what was called, by the name that it has on the device.
        reads: the tensors of the model that it reads.
        nodes: the node of each value that it returns, in their order; empty for what is no tensor.
    """

    operation: Any
    reads: frozenset[str]
    nodes: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Recording(Graph):
    """A graph whose operations were noted while the model ran.

    Attributes:
        model: the model.
        steps: each operation, in the order they run.
    """

    model: nn.Module = field(default_factory=nn.Module)
    steps: tuple[Step, ...] = ()

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
        own = set(self.tensors.values())  # weights may carry corrections beside these
        named = ((self.aliases.get(name, name), tensor) for name, tensor in weights.items())
        tensors = {name: tensor for name, tensor in named if name in own}
        names = {id(tensor): name for name, tensor in tensors.items()}
        with torch.no_grad():
            for name in self.inputs:
                inputs = edits[name](inputs) if name in edits else inputs
        with torch.no_grad(), _Replay(self.steps, names, edits) as replay:
            outputs = run_functional(fresh(self.model), tensors, (inputs,))
        replay.check()
        result: Tensor = self._meant(outputs)
        return result


def run_functional(
    module: nn.Module, tensors: Mapping[str, Tensor], inputs: tuple[Tensor, ...]
) -> tuple[Tensor, ...]:
    """Return every tensor that a model returns, nothing done in place, layers in plain operations.

    Args:
        module: a copy that nothing else uses.
        tensors: the model's tensors by name.
        inputs: (example, ...) a batch for each argument of ``forward``.
    """

    def forward(*arguments: Tensor) -> tuple[Tensor, ...]:
        return tensors_of(torch.func.functional_call(module, dict(tensors), arguments))

    call: Callable[..., tuple[Tensor, ...]] = torch.func.functionalize(forward, remove="mutations")
    with plain_layers(module):
        return call(*inputs)


class _Replay(TorchDispatchMode):
    """Lets edits replace values as they appear, where the operations are the recorded ones.

    Attributes:
        steps: the recorded operations.
        names: the model's tensors by identity, casts of them too.
        casts: what autocast made, which is no step of the model's path.
        edits: node name -> edit.
        done: how many operations were done.
    """

    def __init__(
        self, steps: Sequence[Step], names: Mapping[int, str], edits: Mapping[str, Edit]
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.steps = steps
        self.names = dict(names)
        self.casts: list[Tensor] = []
        self.edits = edits
        self.done = 0

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        """Do an operation, and let edits replace its values."""
        value = func(*args, **(kwargs or {}))
        if func is ASKS_DEVICE:
            return value
        step = self.steps[self.done] if self.done < len(self.steps) else None
        if func is CASTS and (step is None or step.operation is not func):
            self._follow(args[0], value)
            return value
        read = {
            self.names[id(leaf)] for leaf in tree_leaves((args, kwargs)) if id(leaf) in self.names
        }
        if step is None or not same_operation(step.operation, func) or read != step.reads:
            raise LmctoolError(OTHER_PATH)
        self.done += 1
        if self.edits.keys().isdisjoint(step.nodes):
            return value
        if isinstance(value, list | tuple):
            nodes = (
                *step.nodes,
                *[""] * len(value),
            )  # one device's way may return fewer than another's
            return [self._edited(*each) for each in zip(nodes, value, strict=False)]
        edited = self._edited(step.nodes[0], value)
        # what shares the memory of an operand is changed there, for others may look at it again
        shares = func._schema.returns[0].alias_info is not None
        return value.copy_(edited) if shares and edited is not value else edited

    def _follow(self, tensor: Tensor, cast: Tensor) -> None:
        """Let what autocast makes of one of the model's tensors stand for that tensor."""
        self.casts.append(cast)  # kept alive, so that its identity lasts
        if id(tensor) in self.names:
            self.names[id(cast)] = self.names[id(tensor)]

    def _edited(self, node: str, value: Any) -> Any:
        return self.edits[node](value) if node in self.edits else value

    def check(self) -> None:
        """Check that every recorded operation was done."""
        if self.done != len(self.steps):
            raise LmctoolError(OTHER_PATH)


OTHER_PATH = (
    "these examples take another path through the model than those it was traced with;"
    " what was found for one path says nothing of the other"
)
