"""The graph of a model by torch.export."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, fx, nn
from torch.export.graph_signature import InputKind, OutputKind

from lmctool.graph.graph import Graph
from lmctool.graph.module import aliases, masks
from lmctool.graph.outputs import tensors_of

if TYPE_CHECKING:
    from collections.abc import Sequence

REGIONS = frozenset(
    {torch.ops.higher_order.wrap_with_set_grad_enabled, torch.ops.higher_order.wrap_with_autocast}
)
"""Operations that run a part of the model under a setting; the part is a graph of its own."""


def export_graph(module: nn.Module, inputs: tuple[Tensor, ...]) -> Graph:
    """Return the graph of a module, for batches of any size; of one example, for that size.

    Args:
        module: the model, in evaluation mode; a copy that nothing else uses.
        inputs: (example, ...) a batch for each argument of ``forward``.

    Raises:
        Exception: whatever torch.export, or the model's own code, raises.
    """
    module.register_forward_hook(lambda _, __, value: tensors_of(value))
    dynamic = tuple({0: torch.export.Dim.DYNAMIC} if len(each) > 1 else {} for each in inputs)
    with torch.no_grad():
        program = torch.export.export(module, inputs, dynamic_shapes=dynamic)
    program = program.run_decompositions({})
    _drop_writes(program)
    specs = program.graph_signature.input_specs
    state = {InputKind.PARAMETER, InputKind.BUFFER}
    names = module.state_dict(keep_vars=True).keys()
    tensors = {s.arg.name: str(s.target) for s in specs if s.kind in state and s.target in names}
    every = {**program.state_dict, **program.constants}
    return Graph(
        module=_flattened(program.graph_module),
        tensors=tensors,
        buffers=frozenset(str(s.target) for s in specs if s.kind == InputKind.BUFFER),
        constants={
            s.arg.name: every[s.target].detach()
            for s in specs
            if s.kind != InputKind.USER_INPUT and s.arg.name not in tensors and s.target in every
        },
        inputs=tuple(s.arg.name for s in specs if s.kind == InputKind.USER_INPUT),
        aliases=dict(aliases(module)),
        masks=frozenset(masks(module)),
    )


def _drop_writes(program: torch.export.ExportedProgram) -> None:
    """Take out of the outputs what the model writes: the export puts it before the answers."""
    (output,) = program.graph.find_nodes(op="output")
    returned = zip(output.args[0], program.graph_signature.output_specs, strict=True)
    output.args = (tuple(value for value, s in returned if s.kind == OutputKind.USER_OUTPUT),)


def _flattened(module: fx.GraphModule) -> fx.GraphModule:
    """Put the operations of each region in the region's place."""
    while True:
        region = next((node for node in module.graph.nodes if node.target in REGIONS), None)
        if region is None:
            module.graph.lint()
            module.recompile()
            return module
        inner, arguments = _region(module, region)
        values: dict[fx.Node, Any] = {}
        operands = iter(arguments)
        with module.graph.inserting_before(region):
            for node in inner.graph.nodes:
                if node.op == "placeholder":
                    values[node] = next(operands)
                elif node.op == "output":
                    result = fx.map_arg(node.args[0], values.__getitem__)
                else:
                    values[node] = module.graph.node_copy(node, values.__getitem__)
        for user in list(region.users):  # a region always returns a tuple
            user.replace_all_uses_with(result[user.args[1]])
            module.graph.erase_node(user)
        module.graph.erase_node(region)


def _region(module: fx.GraphModule, region: fx.Node) -> tuple[fx.GraphModule, Sequence[Any]]:
    """Return the graph of a region and its operands, which follow the settings."""
    place = next(
        position
        for position, argument in enumerate(region.args)
        if isinstance(argument, fx.Node) and argument.op == "get_attr"
    )
    source: Any = region.args[place]
    return getattr(module, str(source.target)), region.args[place + 1 :]
