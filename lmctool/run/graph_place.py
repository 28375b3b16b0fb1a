"""Where the graph of a model is kept for later runs."""

from __future__ import annotations

import json
import sys
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from lmctool.graph.kept import KeptGraph
from lmctool.plugin.source_code import INSTALLED
from lmctool.run.environment import versions_of

if TYPE_CHECKING:
    from torch import nn

    from lmctool.files.cache import Cache
    from lmctool.model.resolve import Model


def graph_place(cache: Cache, model: Model, setting: str) -> KeptGraph | None:
    """Return where the graph of a model is kept; None where nothing is, or its code is not known.

    Args:
        cache: what is kept for later runs.
        model: the model, found by a word or made by code of the user's.
        setting: on which device and in which precision it is followed.
    """
    if cache.folder is None or model.given:
        return None
    try:
        classes = _classes(model.module)
    except OSError:
        return None
    told = {
        "spec": model.spec,
        "arguments": dict(model.arguments),
        "sources": {name: each.sha256 for name, each in model.code.sources.items()},
        "libraries": versions_of(model.code.packages),
        "classes": classes,
    }
    return KeptGraph(cache, json.dumps(told, sort_keys=True, default=repr), setting)


def _classes(module: nn.Module) -> dict[str, str]:
    """Return the digest of each file that defines parts of a module, by the module's name.

    Those that are installed are told by the version of their library.

    Raises:
        OSError: a part comes from no file that can be read.
    """
    digests: dict[str, str] = {}
    for name in sorted({type(part).__module__ for part in module.modules()}):
        file = getattr(sys.modules.get(name), "__file__", None)
        if file is None:
            raise FileNotFoundError(f"{name} has no file")
        if INSTALLED.isdisjoint(Path(file).parts):
            digests[name] = sha256(Path(file).read_bytes()).hexdigest()
    return digests
