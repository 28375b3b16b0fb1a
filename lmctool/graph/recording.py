"""A recorded graph: the operations of a model as it runs, read and edited while it runs again."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch._C._functorch import is_functorch_wrapped_tensor
from torch.utils._pytree import tree_leaves

from lmctool.errors import LmctoolError
from lmctool.graph.dispatch_mode import DispatchMode
from lmctool.graph.graph import Edit, Graph
from lmctool.graph.module import fresh
from lmctool.graph.operations import same_operation
from lmctool.graph.outputs import tensors_of
from lmctool.graph.settings import plain_layers
from lmctool.graph.tape import Call, Tape, edited_value

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

        Where a weight has a gradient, entries that correct taps too, the outputs have one, and
        each edit is called twice.

        Raises:
            LmctoolError: the inputs take another path through the model than the recorded one, or
                gradients are asked for that cannot be had.
        """
        if any(map(is_functorch_wrapped_tensor, weights.values())):
            raise LmctoolError(
                "the model's path depends on the data, so that with values replaced it has"
                " gradients by backward() and torch.autograd.grad, and not within torch.func"
            )
        moving = any(tensor.requires_grad for tensor in weights.values())
        differentiates = torch.is_grad_enabled() and moving
        own = set(self.tensors.values())  # weights may carry corrections beside these
        named = ((self.aliases.get(name, name), tensor) for name, tensor in weights.items())
        own_weights = {name: tensor for name, tensor in named if name in own}
        tensors = {name: tensor.detach() for name, tensor in own_weights.items()}
        names = {id(tensor): name for name, tensor in tensors.items()}
        with torch.no_grad():
            for name in self.inputs:
                inputs = edits[name](inputs) if name in edits else inputs
        with torch.no_grad(), _Replay(self.steps, names, edits, differentiates) as replay:
            outputs = run_functional(fresh(self.model), tensors, (inputs,))
        replay.check()
        result: Tensor = self._meant(outputs)
        if not differentiates:
            return result
        followed = {id(tensors[name]): self._followed(name, own_weights[name]) for name in tensors}
        tape: Tape = replay.tape
        return tape.follow(followed, result)

    def _followed(self, name: str, tensor: Tensor) -> Tensor:
        """Return a weight that has a gradient, so that all that depends on it is done again."""
        still = tensor.requires_grad or name in self.buffers or not tensor.is_floating_point()
        return tensor if still else tensor.detach().requires_grad_()


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


class _Replay(DispatchMode):
    """Lets edits replace values as they appear, where the operations are the recorded ones.

    Attributes:
        steps: the recorded operations.
        names: the model's tensors by identity, casts of them too.
        casts: what autocast made, which is no step of the model's path.
        edits: node name -> edit.
        differentiates: whether gradients are followed around it.
        tape: what was done, where they are.
        done: how many operations were done.
    """

    def __init__(
        self,
        steps: Sequence[Step],
        names: Mapping[int, str],
        edits: Mapping[str, Edit],
        differentiates: bool,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.steps = steps
        self.names = dict(names)
        self.casts: list[Tensor] = []
        self.edits = edits
        self.differentiates = differentiates
        self.tape = Tape()
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
            return self._noted(func, (args, kwargs or {}), value, ())
        read = {
            self.names[id(leaf)] for leaf in tree_leaves((args, kwargs)) if id(leaf) in self.names
        }
        if step is None or not same_operation(step.operation, func) or read != step.reads:
            raise LmctoolError(OTHER_PATH)
        self.done += 1
        return self._noted(func, (args, kwargs or {}), value, step.nodes)

    def _noted(
        self,
        func: Any,
        operands: tuple[tuple[Any, ...], Mapping[str, Any]],
        value: Any,
        nodes: Sequence[str],
    ) -> Any:
        """Return what an operation gives, edited; note it where gradients are followed."""
        several = isinstance(value, list | tuple)
        values = list(value) if several else [value]
        edits = {
            place: self.edits[node]
            for place, node in enumerate(nodes[: len(values)])  # a device's way may return fewer
            if node in self.edits
        }
        shares = False
        if edits:
            shares = not several and func._schema.returns[0].alias_info is not None
            for place, edit in edits.items():
                values[place] = edited_value(edit, values[place], shares)
            value = values if several else values[0]
        if self.differentiates:
            self.tape.calls.append(Call(func, operands, tuple(values), edits, shares))
        return value

    def _follow(self, tensor: Tensor, cast: Tensor) -> None:
        """Let what autocast makes of one of the model's tensors stand for that tensor."""
        self.casts.append(cast)  # kept alive, so that its identity lasts
        if id(tensor) in self.names:
            self.names[id(cast)] = self.names[id(tensor)]

    def check(self) -> None:
        """Check that every recorded operation was done."""
        if self.done != len(self.steps):
            raise LmctoolError(OTHER_PATH)


OTHER_PATH = (
    "these examples take another path through the model than those it was traced with;"
    " what was found for one path says nothing of the other"
)
