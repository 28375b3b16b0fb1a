"""Following a model: from a module to the graph of its operations."""

from __future__ import annotations

import logging
import warnings
from contextlib import contextmanager, redirect_stderr
from dataclasses import replace
from io import StringIO
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from lmctool.errors import LmctoolError, machine_failure
from lmctool.graph.kept import plain
from lmctool.graph.module import fresh
from lmctool.graph.outputs import outputs_of, scored_place
from lmctool.graph.recorder import record_graph
from lmctool.graph.settings import plain_attention

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lmctool.graph.graph import Graph
    from lmctool.graph.kept import KeptGraph


def capture(
    module: nn.Module,
    example: Tensor | tuple[Tensor, ...],
    output: str | None = None,
    kept: KeptGraph | None = None,
) -> Graph:
    """Return the graph of a module in evaluation mode, for batches of any size.

    By torch.export; a model that it cannot follow is run once on the example, and each operation
    that it does is noted.  The graph is the same, node for node, whether it was kept or made.

    Args:
        module: the model; its weights don't matter, only its operations do.
        example: (2 or more, ...) a batch of inputs, or one for each argument of ``forward``; of
            1 for a model that takes no other.
        output: the name of the output that is scored; None as ``scored_output`` has it.
        kept: where the graph is looked for first, and kept for later runs.

    Raises:
        LmctoolError: the model cannot be followed in either way, or has no such output.
    """
    inputs = example if isinstance(example, tuple) else (example,)
    with _quiet(), plain_attention():
        graph = None if kept is None else kept.found(module.eval(), inputs)
        if graph is not None:
            return _told(graph, module, inputs, output)
        from lmctool.graph.export import export_graph  # which torch.export comes in by

        try:
            exported = export_graph(fresh(module.eval()), inputs)
            graph, document = plain(exported, module, inputs)
            if kept is not None and document is not None:
                kept.keep(module, inputs, document)
        except Exception as cause:  # torch.export raises whatever the model's own code raises, too
            graph = _recorded(module, inputs, str(cause).strip().partition("\n")[0])
        return _told(graph, module, inputs, output)


def exported(shell: nn.Module, example: Tensor | tuple[Tensor, ...]) -> Graph | None:
    """Return what ``capture`` does, of a module that may have no values; None where it needs them.

    It does where torch.export cannot follow it, or where it returns more than one tensor.

    Args:
        shell: the model, whose operations alone matter; nothing else uses it.
        example: as ``capture`` takes it.
    """
    from lmctool.graph.export import export_graph  # which torch.export comes in by

    inputs = example if isinstance(example, tuple) else (example,)
    with _quiet(), plain_attention():
        try:
            graph = export_graph(shell.eval(), inputs)
        except Exception:  # whatever it is, whoever runs the model will meet it
            return None
    returned: Any = graph.nodes[-1].args[0]
    return graph if len(returned) == 1 else None


def _recorded(module: nn.Module, inputs: tuple[Tensor, ...], reason: str) -> Graph:
    """Return the graph of a run, where torch.export gave up for a reason."""
    try:
        return record_graph(fresh(module), inputs)
    except LmctoolError:
        raise
    except Exception as cause:
        if machine_failure(cause):
            raise
        raise LmctoolError(
            f"the model cannot be traced, by torch.export: {reason}; nor by running it: {cause}"
        ) from cause


def _told(graph: Graph, module: nn.Module, inputs: tuple[Tensor, ...], output: str | None) -> Graph:
    """Return a graph that says what the model's outputs are called, and which one is scored."""
    returned: Any = graph.nodes[-1].args[0]
    if len(returned) == 1 and output is None:
        return graph
    with torch.no_grad():
        outputs = outputs_of(fresh(module)(*inputs))
    try:
        leaf = scored_place(outputs, output)
    except LmctoolError:
        if output is not None:
            raise
        leaf = None
    return replace(graph, outputs=tuple(each.name for each in outputs), leaf=leaf)


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
