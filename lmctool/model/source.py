"""Where a model's name comes from, and what a file may say of it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lmctool.checkpoint.stamp import typed_value
from lmctool.errors import LmctoolError
from lmctool_plugins.models.huggingface import translated

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lmctool.checkpoint import Checkpoint
    from lmctool.plugin.kinds import Argument

TIMM = ("num_classes", "in_chans", "img_size")
"""What is taken over from the config.json that timm writes."""


@dataclass(frozen=True, slots=True)
class Source:
    """A place that names a model; an untrusted one may only name registered words."""

    spec: str
    arguments: Mapping[str, Argument]
    origin: str
    trusted: bool = True


def configured(checkpoint: Checkpoint) -> Source | None:
    """Return the model of timm or Hugging Face that the folder's config.json names, or None.

    Raises:
        LmctoolError: it is of a kind that a built-in family has, with what this can't compute.
    """
    table = checkpoint.config or {}
    known = translated(table)
    if known is not None:
        return Source(*known, "config.json", trusted=False)
    name = table.get("architecture")
    if not isinstance(name, str):
        return None
    nested = table.get("model_args")
    said = {**table, **(nested if isinstance(nested, dict) else {})}
    values = {key: said[key] for key in TIMM if isinstance(said.get(key), int)}
    return Source(f"timm:{name}", values, "config.json", trusted=False)


def stamped(checkpoint: Checkpoint) -> Source | None:
    """Return the model that the file's metadata names, or None.

    Raises:
        LmctoolError: the metadata's arguments are no JSON object of numbers, truths and texts.
    """
    word = checkpoint.metadata.get("lmctool.model")
    if word is None:
        return None
    text = checkpoint.metadata.get("lmctool.model_arguments", "{}")
    try:
        values = json.loads(text)
    except (ValueError, RecursionError):
        values = None
    if not isinstance(values, dict):
        raise LmctoolError(
            f"metadata 'lmctool.model_arguments' of '{checkpoint.path}' is no JSON object:"
            f" {text[:60]!r}"
        )
    for name, value in values.items():
        if not isinstance(value, str | int | float):
            raise LmctoolError(
                f"metadata 'lmctool.model_arguments' of '{checkpoint.path}' sets {name!r} to"
                f" {str(value)[:60]!r}, which is no number, truth value or text"
            )
    return Source(word, values, "metadata", trusted=False)


def typed(value: Any) -> Argument:
    """Return a value as it is, or what its text stands for, read as a stamp is."""
    return typed_value(value) if isinstance(value, str) else value
