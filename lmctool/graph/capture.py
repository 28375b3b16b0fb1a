"""Following a model: from a module to the graph of its operations."""

from __future__ import annotations

import logging
import warnings
from contextlib import contextmanager, redirect_stderr
from dataclasses import replace
from io import StringIO
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_leaves

from lmctool.errors import LmctoolError, machine_failure
from lmctool.graph.export import export_graph
from lmctool.graph.module import fresh
from lmctool.graph.outputs import output_leaf
from lmctool.graph.recording import record_graph

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lmctool.graph.graph import Graph


def capture(module: nn.Module, example: Tensor | tuple[Tensor, ...]) -> Graph:
    """Return the graph of a module in evaluation mode, for batches of any size.

    By torch.export; a model that it cannot follow is run once on the example, and each operation
    that it does is noted.

    Args:
        module: the model; its weights don't matter, only its operations do.
        example: (2 or more, ...) a batch of inputs, or one for each argument of ``forward``.

    Raises:
        LmctoolError: the model cannot be followed in either way.
    """
    inputs = example if isinstance(example, tuple) else (example,)
    with _quiet(), _plain_attention():
        try:
            return _told(export_graph(fresh(module.eval()), inputs), module, inputs)
        except Exception as cause:  # torch.export raises whatever the model's own code raises, too
            reason = str(cause).strip().partition("\n")[0]
        try:
            return _told(record_graph(fresh(module), inputs), module, inputs)
        except Exception as cause:
            if machine_failure(cause):
                raise
            raise LmctoolError(
                f"the model cannot be traced, by torch.export: {reason}; nor by running it: {cause}"
            ) from cause


def _told(graph: Graph, module: nn.Module, inputs: tuple[Tensor, ...]) -> Graph:
    """Return a graph that says which of several values is the model's output."""
    if len(tree_leaves(graph.nodes[-1].args[0])) == 1:
        return graph
    with torch.no_grad():
        return replace(graph, leaf=output_leaf(fresh(module)(*inputs)))


@contextmanager
def _plain_attention() -> Iterator[None]:
    """Keep nn.MultiheadAttention from the fused operation that hides its projections."""
    enabled = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        yield
    finally:
        torch.backends.mha.set_fastpath_enabled(enabled)


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep torch.export from warning about its internals, and from telling what it raises."""
    disabled = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with warnings.catch_warnings(), redirect_stderr(StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(disabled)
