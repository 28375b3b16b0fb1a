"""Where a model's name comes from, and what a file may say of it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lmctool.checkpoint.location import read_config
from lmctool.checkpoint.stamp import typed_value
from lmctool.errors import LmctoolError, PluginError
from lmctool.plugin import registry
from lmctool.plugin.kinds import MODELS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lmctool.checkpoint import Checkpoint
    from lmctool.plugin.records import Argument


PASS_IT = "pass it yourself with --model and --model-arg if you trust it"
"""What has to be done before a checkpoint may name something else."""


@dataclass(frozen=True, slots=True)
class Source:
    """A place that names a model.

    Attributes:
        spec: a registered word, or the place of code.
        arguments: what it says of the model's arguments.
        origin: the place: an option, a variable, a file, or a part of the checkpoint.
        permit: what the user has to do before it may name more than a registered word and the
            arguments that its family lets a file set; empty where it may already.
        here: whether code that it names is looked for in the current folder too.
        output: which of several outputs is scored; None if it doesn't say.
    """

    spec: str
    arguments: Mapping[str, Argument]
    origin: str
    permit: str = ""
    here: bool = True
    output: str | None = None


def configured(checkpoint: Checkpoint) -> Source | None:
    """Return the model that the folder's config.json describes to an installed family, or None.

    Raises:
        LmctoolError: several families recognise it.
    """
    if not checkpoint.config:
        return None
    sources = _described(checkpoint.config)
    if len(sources) > 1:
        raise LmctoolError(
            f"the config.json of '{checkpoint.path}' fits several models:"
            f" {', '.join(source.spec for source in sources)}; pass --model with one"
        )
    return sources[0] if sources else None


def in_folder(spec: str, origin: str) -> Source | None:
    """Return the model of ``WORD:FOLDER`` that the folder's config.json describes, or None.

    A folder has a slash in its name, and the word's family describes models by config.json.

    Raises:
        LmctoolError: config.json cannot be read, or is of none of the family's models.
    """
    word, _, name = spec.partition(":")
    path = Path(name) / "config.json"
    if "/" not in name or word not in registry.names(MODELS) or not path.is_file():
        return None
    if registry.load(MODELS, word).from_config is None:
        return None
    source = _from_config(word, read_config(path))
    if source is None:
        raise LmctoolError(f"'{path}' describes no model of {word}; pass another --model")
    return Source(source.spec, source.arguments, origin)


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
    return Source(word, values, "metadata", PASS_IT)


def typed(value: Any) -> Argument:
    """Return a value as it is, or what its text stands for, read as a stamp is."""
    return typed_value(value) if isinstance(value, str) else value


def _described(config: Mapping[str, Any]) -> list[Source]:
    """Return what every installed family sees in a config.json, each once, by name.

    A family that cannot be asked is passed over: a stranger's must not stop the others.
    """
    sources: dict[str, Source] = {}
    for word in registry.names(MODELS):
        try:
            source = _from_config(word, config)
        except Exception:
            continue
        if source is not None:
            sources[source.spec] = source
    return list(sources.values())


def _from_config(word: str, config: Mapping[str, Any]) -> Source | None:
    """Return what one family sees in a config.json.

    Raises:
        PluginError: it returns something else than a registered spec and plain arguments.
    """
    family = registry.load(MODELS, word)
    answer = family.from_config(config) if family.from_config else None
    if answer is None:
        return None
    spec, arguments = answer
    plain = all(isinstance(value, str | int | float) for value in arguments.values())
    if not plain or spec.partition(":")[0] not in registry.names(MODELS):
        raise PluginError(f"model {word!r} describes a config.json by {spec!r}, which is no model")
    return Source(spec, arguments, "config.json", PASS_IT)
