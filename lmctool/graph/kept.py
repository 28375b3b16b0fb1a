"""The graph of a model as it is kept for later runs, and found of earlier ones."""

from __future__ import annotations

import hashlib
import json
import platform
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import torch

from lmctool.errors import machine_failure
from lmctool.graph.document import UnwritableError, read, written
from lmctool.graph.module import aliases
from lmctool.graph.shaped import agrees, shape_values

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor, nn

    from lmctool.graph.graph import Graph

KIND = "graph"
"""What entries of graphs are called in the cache."""


class Store(Protocol):
    """What keeps entries for later runs, as ``lmctool.files.cache.Cache`` does."""

    def entry(self, kind: str, key: str) -> bytes | None:
        """Return what was kept under a key, or None."""

    def keep(self, kind: str, key: str, content: bytes) -> None:
        """Keep what follows from a key."""


@dataclass(frozen=True, slots=True)
class KeptGraph:
    """The place of one model's graph among what is kept.

    Attributes:
        cache: what is kept for later runs.
        model: all that the model's code follows from: its name, its arguments, digests of its
            source and versions of its libraries, as JSON.
        setting: on which device and in which precision it is followed.
    """

    cache: Store
    model: str
    setting: str = ""

    def found(self, module: nn.Module, inputs: tuple[Tensor, ...]) -> Graph | None:
        """Return the graph that an earlier run kept; None where there is none of this model.

        Whatever the entry says is held against the model itself, so that one that is stale, or
        was put there by somebody else, is passed over.
        """
        content = self.cache.entry(KIND, self._key(module, inputs))
        if content is None:
            return None
        try:
            graph = read(content, module)
            shape_values(graph, module, inputs)
        except Exception as cause:  # whatever the model's own code raises, too
            if machine_failure(cause):
                raise
            return None
        return graph

    def keep(self, module: nn.Module, inputs: tuple[Tensor, ...], document: bytes) -> None:
        """Keep the document of a graph."""
        self.cache.keep(KIND, self._key(module, inputs), document)

    def _key(self, module: nn.Module, inputs: tuple[Tensor, ...]) -> str:
        """Return all that a graph follows from."""
        state = module.state_dict()
        return json.dumps(
            {
                "model": self.model,
                "setting": self.setting,
                "lmctool.graph": _source(),
                "torch": torch.__version__,
                "python": platform.python_version(),
                "tensors": _told(state),
                "ties": dict(aliases(module)),
                "inputs": _told({str(place): each for place, each in enumerate(inputs)}),
            }
        )


def plain(
    graph: Graph, module: nn.Module, inputs: tuple[Tensor, ...]
) -> tuple[Graph, bytes | None]:
    """Return a graph as it is read from its document, and the document.

    One that cannot be kept, or would be read as another, is returned as it is, with None.

    Args:
        graph: one that torch.export made.
        module: the model.
        inputs: (example, ...) a batch for each argument of ``forward``.
    """
    try:
        document = written(graph, module)
        again = read(document, module)
        shape_values(again, module, inputs)
    except UnwritableError:
        return graph, None
    except Exception as cause:  # whatever the model's own code raises at another size
        if machine_failure(cause):
            raise
        return graph, None
    return (again, document) if agrees(graph, again) else (graph, None)


def _told(tensors: Mapping[str, Tensor]) -> list[list[object]]:
    return [[name, [*each.shape], str(each.dtype)] for name, each in tensors.items()]


@cache
def _source() -> str:
    """Return the digest of the code that makes graphs."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()
