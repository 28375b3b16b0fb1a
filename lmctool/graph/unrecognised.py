"""Layers of a model that ran, and that its graph doesn't show as what they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import nn

from lmctool.errors import LmctoolError
from lmctool.graph.operations import CONVOLUTION, LINEAR, operation
from lmctool.graph.targets import batchnorms

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lmctool.graph.graph import Graph

LAYERS = (nn.Linear, nn.modules.conv._ConvNd)
NAMED = 3
"""How many layers a sentence names."""


def check_batchnorms(graph: Graph, module: nn.Module) -> None:
    """Check that every BatchNorm that normalised by running statistics is found as one.

    Raises:
        LmctoolError: one isn't, so that nothing could be done about its statistics.
    """
    known = {norm.batchnorm.mean for norm in batchnorms(graph) if norm.batchnorm}
    missed = [
        path
        for path, part in _ran(graph, module)
        if isinstance(part, nn.modules.batchnorm._BatchNorm)
        and not part.training
        and part.running_mean is not None
        and _stored(graph, f"{path}.running_mean") not in known
    ]
    if missed:
        raise LmctoolError(
            f"BatchNorm {_listed(missed)} was computed by operations that are not known as a"
            " BatchNorm's, so that nothing can be done about its running statistics: use"
            " --batchnorm interpolate, or call torch.nn.functional.batch_norm in its forward"
        )


def check_layers(graph: Graph, module: nn.Module) -> None:
    """Check that layers which ran are found as such, one at least.

    Raises:
        LmctoolError: none is.
    """
    if any(operation(node) in LINEAR | CONVOLUTION for node in graph.nodes):
        return
    missed = [path for path, part in _ran(graph, module) if isinstance(part, LAYERS)]
    if missed:
        raise LmctoolError(
            f"layer {_listed(missed)} was computed by operations that are not known as a layer's,"
            " so that its values can be neither measured nor corrected: call"
            " torch.nn.functional.linear or conv2d in its forward"
        )


def _ran(graph: Graph, module: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """Give each part of a module that operations of the graph lie in."""
    stacks = [node.meta.get("nn_module_stack") or {} for node in graph.nodes]
    # where torch.export meets a module again it writes "path@1"
    ran = {str(path).partition("@")[0] for stack in stacks for path, _ in stack.values()}
    return ((path, part) for path, part in module.named_modules() if path in ran)


def _stored(graph: Graph, name: str) -> str:
    name = name.removeprefix(".")
    return graph.aliases.get(name, name)


def _listed(paths: list[str]) -> str:
    more = f" and {len(paths) - NAMED} more" if len(paths) > NAMED else ""
    return ", ".join(map(repr, paths[:NAMED])) + more
