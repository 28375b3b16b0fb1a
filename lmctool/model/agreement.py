"""What several checkpoints say of their own model, which must be the same."""

from __future__ import annotations

import inspect
import json
from typing import TYPE_CHECKING, Any

from lmctool.checkpoint.fit import usual_parts
from lmctool.checkpoint.stamp import MODEL, MODEL_ARGUMENTS
from lmctool.errors import LmctoolError, PluginError
from lmctool.model.source import configured, stamped
from lmctool.plugin import registry
from lmctool.plugin.kinds import MODELS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lmctool.checkpoint import Checkpoint
    from lmctool.model.source import Source
    from lmctool.plugin.records import Argument, ModelFamily


def agreed(
    checkpoints: Sequence[Checkpoint], chosen: Mapping[str, Argument]
) -> tuple[Checkpoint, Source] | None:
    """Return the first checkpoint that names its model, and how it does; None if none does.

    Args:
        checkpoints: the checkpoints, whose tensors have the same names and shapes.
        chosen: the user's own arguments, which stand for all of them.

    Raises:
        LmctoolError: another one names another model, or one names what is no model.
    """
    said: dict[str, tuple[Checkpoint, Source]] = {}
    for checkpoint in checkpoints:
        words = [checkpoint.metadata.get(key) for key in (MODEL, MODEL_ARGUMENTS)]
        key = json.dumps([*words, checkpoint.config], sort_keys=True, default=str)
        if key not in said and (source := configured(checkpoint) or stamped(checkpoint)):
            said[key] = checkpoint, source
    if not said:
        return None
    first, *others = said.values()
    for other in others:
        _check_same(first, other, chosen)
    return first


def _check_same(
    a: tuple[Checkpoint, Source], b: tuple[Checkpoint, Source], chosen: Mapping[str, Argument]
) -> None:
    remedy = "pass --model, and --model-arg for its arguments, to say it for all checkpoints"
    (first, own), (second, other) = a, b
    if own.spec != other.spec:
        raise LmctoolError(
            f"the {own.origin} of '{first.path}' names model {own.spec!r}, but the {other.origin}"
            f" of '{second.path}' names {other.spec!r}; {remedy}"
        )
    here, there = (_settled(source, checkpoint, chosen) for checkpoint, source in (a, b))
    for name in sorted(here.keys() | there.keys()):
        values = [json.dumps(each[name]) if name in each else "not" for each in (here, there)]
        if values[0] != values[1]:
            raise LmctoolError(
                f"the {own.origin} of '{first.path}' has {name!r} of model {own.spec!r} set to"
                f" {values[0][:60]}, that of '{second.path}' to {values[1][:60]}; {remedy}"
            )


def _settled(
    source: Source, checkpoint: Checkpoint, chosen: Mapping[str, Argument]
) -> dict[str, Any]:
    """Return every argument of a model, a config.json among them setting by setting."""
    word = source.spec.partition(":")[0]
    arguments: dict[str, Any] = {}
    if word in registry.names(MODELS):
        family = registry.load(MODELS, word)
        parameters = inspect.signature(family.build).parameters.values()
        arguments = {p.name: p.default for p in parameters if p.default is not p.empty}
        arguments |= read_arguments(family, word, checkpoint)
    arguments |= source.arguments
    if isinstance(arguments.get("config"), str):
        arguments |= _table(arguments.pop("config"))
    return {**arguments, **chosen}


def _table(text: str) -> dict[str, Any]:
    try:
        table = json.loads(text)
    except (ValueError, RecursionError):
        table = None
    return table if isinstance(table, dict) else {"config": text}


def read_arguments(
    family: ModelFamily, word: str, checkpoint: Checkpoint
) -> Mapping[str, Argument]:
    """Return the arguments of a model that a family reads off the shapes; empty if none.

    Where it reads none off the names as they are, it is asked for those without a prefix.

    Raises:
        PluginError: it fails.
    """
    if family.read is None:
        return {}
    try:
        for _, shapes in (("", checkpoint.shapes), *usual_parts(checkpoint.shapes)):
            if read := family.read(word, shapes):
                return read
    except Exception as cause:  # a stranger's plugin
        raise PluginError(f"model {word!r} cannot read the checkpoint: {cause!r}") from cause
    return {}
