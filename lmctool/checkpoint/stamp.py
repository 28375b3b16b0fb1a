"""Stamping a checkpoint: what model and data it is of, written into its metadata."""

from __future__ import annotations

import json
import re
from math import isfinite
from typing import TYPE_CHECKING

from lmctool.checkpoint.checkpoint import open_checkpoint
from lmctool.checkpoint.header import ITEM_SIZE, read_header
from lmctool.checkpoint.tensor_writing import packed_header
from lmctool.errors import LmctoolError
from lmctool.files.publish import publish
from lmctool.plugin import registry
from lmctool.plugin.kinds import DATASETS, MODELS

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from lmctool.checkpoint.checkpoint import Checkpoint

MODEL = "lmctool.model"
MODEL_ARGUMENTS = "lmctool.model_arguments"
DATA = "lmctool.data"

MODEL_WORD = re.compile(r"([a-z0-9_.-]+)(:[A-Za-z0-9_.-]+)?")


def stamp(source: Path, target: Path, metadata: Mapping[str, str], force: bool = False) -> None:
    """Write a copy of a checkpoint with more metadata; the tensors' bytes are untouched.

    Shards become one file.  Nothing but the header is held in memory.

    Args:
        source: whatever ``open_checkpoint`` takes.
        target: a .safetensors file other than the source.
        metadata: entries to add; an entry of the same key is replaced.
        force: replace an existing file.

    Raises:
        LmctoolError: the source cannot be read, or the target is the source, exists or cannot
            be written.
    """
    checkpoint = open_checkpoint(source)
    if target.suffix != ".safetensors":
        raise LmctoolError(f"output '{target}' must be a file whose name ends in .safetensors")
    if target.exists() and any(target.samefile(file) for file in checkpoint.files):
        raise LmctoolError(f"output '{target}' is the input itself; choose another with -o")
    parts = sorted(
        checkpoint.stored.values(),
        # the widest first, so that every value lies at a multiple of its size
        key=lambda part: (-ITEM_SIZE[part.entry.dtype], part.file, part.offset, part.entry.end),
    )
    merged = {**checkpoint.metadata, **metadata, "format": "pt"}
    with publish(target, force) as draft:
        with draft.open("wb") as out:
            forms = {part.name: (part.entry.dtype, part.entry.shape) for part in parts}
            out.write(packed_header(forms, merged))
            for part in parts:
                out.writelines(part.pieces())
        _verify(draft, target, checkpoint)


def model_metadata(spec: str, arguments: Mapping[str, str]) -> dict[str, str]:
    """Return the entries that name a model: a registered word, and its typed arguments.

    Raises:
        LmctoolError: the spec names code or a path, or a word that nobody registered.
    """
    match = MODEL_WORD.fullmatch(spec)
    registered = registry.names(MODELS)
    if not match or match[1] not in registered or ".." in spec or spec.startswith((".", "/")):
        raise LmctoolError(
            f"a checkpoint can only be stamped with a registered model, not {spec!r};"
            f" registered: {', '.join(registered)}"
        )
    typed = {name: typed_value(text) for name, text in arguments.items()}
    return {MODEL: spec, MODEL_ARGUMENTS: json.dumps(typed)}


def data_metadata(word: str) -> dict[str, str]:
    """Return the entry that names a dataset: a registered word alone, without a location.

    Raises:
        LmctoolError: it is something else.
    """
    registered = registry.names(DATASETS)
    if word not in registered:
        raise LmctoolError(
            f"a checkpoint can only be stamped with a registered dataset, not {word!r};"
            f" registered: {', '.join(registered)}"
        )
    return {DATA: word}


def typed_value(text: str) -> int | float | bool | str:
    """Return the value that a text stands for: an int, a float, true or false, else the text.

    >>> [typed_value(text) for text in ("2", "1e-3", "true", "batch")]
    [2, 0.001, True, 'batch']
    """
    if text in {"true", "True", "false", "False"}:
        return text.lower() == "true"
    if re.fullmatch(r"[-+]?[0-9]{1,18}", text):
        return int(text)
    if re.fullmatch(r"[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]{1,3})?", text):
        value = float(text)
        return value if isfinite(value) else text
    return text


def _verify(draft: Path, target: Path, checkpoint: Checkpoint) -> None:
    """Open the finished draft, and compare its tensors with those of the source."""
    read_header(draft)
    if open_checkpoint(draft).digest != checkpoint.digest:
        raise LmctoolError(f"output '{target}' was not written as meant; is the disk sound?")
