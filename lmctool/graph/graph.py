"""A model as a graph of ATen operations that takes its weights as arguments."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256
from typing import Any, Literal

import torch
from torch import Tensor, fx
from torch.utils._pytree import tree_leaves

from lmctool.errors import LmctoolError
from lmctool.graph.operations import aten, callee
from lmctool.graph.sizes import size_of

Edit = Callable[[Tensor], Tensor]
"""Reads the value of a tap and returns what the rest of the graph sees in its place."""


@dataclass(frozen=True, eq=False)
class Graph:
    """The operations of a model in evaluation mode, in the order they run.

    Attributes:
        module: the functional graph; nothing in it is done in place.
        tensors: the model's own name of each placeholder that is a parameter or buffer.
        buffers: the names of the model's tensors that are buffers; the others are parameters.
        constants: the value of each placeholder that the model computed once and for all.
        inputs: the placeholders of the examples.
        aliases: names that share one storage, each with the name that stands for it.
        tracer: how it was captured.
        masks: which buffers have two different values and no more, of several axes.
        outputs: what the model calls each tensor that it returns; empty for one alone.
        leaf: which of them is scored; None if none can be.
    """

    module: fx.GraphModule
    tensors: Mapping[str, str]
    buffers: frozenset[str]
    constants: Mapping[str, Tensor]
    inputs: tuple[str, ...]
    aliases: Mapping[str, str]
    tracer: Literal["export", "dispatch"] = "export"
    masks: frozenset[str] = frozenset()
    outputs: tuple[str, ...] = ("",)
    leaf: int | None = 0
    _moved: dict[torch.device, Mapping[str, Tensor]] = field(
        default_factory=dict, init=False, repr=False
    )

    @property
    def nodes(self) -> tuple[fx.Node, ...]:
        """Every node, in the order they run."""
        return tuple(self.module.graph.nodes)

    @cached_property
    def fingerprint(self) -> str:
        """A sha256 over every operation, shape and constant, and the names of the tensors.

        Two graphs of one fingerprint have the same permutation spec.
        """
        digest = sha256()
        for node in self.nodes:
            value = node.meta.get("val")
            parts = value if isinstance(value, list | tuple) else [value]
            shapes = [[size_of(n) for n in p.shape] for p in parts if isinstance(p, Tensor)]
            name = self.tensors.get(node.name, "")
            operation = (node.name, node.op, str(node.target), node.args, node.kwargs)
            digest.update(repr((*operation, shapes, name)).encode())
        for name, constant in self.constants.items():
            digest.update(f"{name} {constant.dtype} {tuple(constant.shape)}".encode())
            plain = constant.detach().cpu().reshape(-1)
            digest.update(plain.view(torch.uint8).numpy().tobytes() if len(plain) else b"")
        names = sorted(self.buffers), sorted(self.masks), sorted(self.aliases.items())
        digest.update(repr(names).encode())
        return digest.hexdigest()

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """The shape of each of the model's tensors, tied names too."""
        placeholders = {node.name: node for node in self.nodes if node.op == "placeholder"}
        shapes = {
            name: tuple(placeholders[placeholder].meta["val"].shape)
            for placeholder, name in self.tensors.items()
        }
        tied = {alias: shapes[name] for alias, name in self.aliases.items() if name in shapes}
        return shapes | tied

    @property
    def output(self) -> fx.Node:
        """The node whose value is the output that is scored."""
        result = self._meant(self.nodes[-1].args[0])
        if not isinstance(result, fx.Node):
            raise LmctoolError("the model's output is no tensor that it computes")
        return result

    @cached_property
    def layout(self) -> torch.memory_format:
        """The memory format of images that its operations are fast with on a CPU."""
        strided = any(node.target is aten.as_strided.default for node in self.nodes)
        return torch.contiguous_format if strided else torch.channels_last

    def run(
        self, weights: Mapping[str, Tensor], inputs: Tensor, edits: Mapping[str, Edit]
    ) -> Tensor:
        """Return the outputs of a batch, each tap in ``edits`` replaced by what its edit returns.

        Args:
            weights: the model's tensors by name, on the device of the inputs.
            inputs: (example, ...) a batch.
            edits: node name -> edit.
        """
        arguments = self.bound(weights, inputs).values()
        outputs = _Edited(self.module, edits).run(*arguments, enable_io_processing=False)
        result: Tensor = self._meant(outputs)
        return result

    def _meant(self, returned: Any) -> Any:
        """Return the value that is scored, of all that the model returns."""
        if self.leaf is None:
            raise LmctoolError("none of the tensors that the model returns can be scored")
        return tree_leaves(returned)[self.leaf]

    def bound(self, weights: Mapping[str, Tensor], inputs: Tensor) -> dict[fx.Node, Tensor]:
        """Return the value of each placeholder, in their order.

        Args:
            weights: the model's tensors by name, on the device of the inputs.
            inputs: (example, ...) a batch.
        """
        constants = self._constants_on(inputs.device)
        return {
            node: weights[self.stored_name(self.tensors[node.name], weights)]
            if node.name in self.tensors
            else constants.get(node.name, inputs)
            for node in self.nodes
            if node.op == "placeholder"
        }

    def _constants_on(self, device: torch.device) -> Mapping[str, Tensor]:
        """Return the constants on a device, where they are copied once."""
        if device not in self._moved:
            self._moved[device] = {name: each.to(device) for name, each in self.constants.items()}
        return self._moved[device]

    def stored_name(self, name: str, weights: Mapping[str, Tensor]) -> str:
        """Return the name under which weights hold a tensor, which may be tied to another."""
        return name if name in weights else self.aliases[name]


class _Edited(fx.Interpreter):
    """Runs a graph, letting edits replace values as they appear."""

    def __init__(self, module: fx.GraphModule, edits: Mapping[str, Edit]) -> None:
        super().__init__(module)
        self.edits = edits

    def call_function(self, target: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Call an operation, whatever the layout of its arguments."""
        return super().call_function(callee(target), args, kwargs)

    def run_node(self, n: fx.Node) -> Any:
        """Compute one node, and let its edit replace the value."""
        value = super().run_node(n)
        edit = self.edits.get(n.name)
        return edit(value) if edit else value
