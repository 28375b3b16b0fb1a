"""Any model of the transformers library: transformers:CLASS, transformers:TYPE or its folder."""

from __future__ import annotations

import json
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lmctool.api import LmctoolError, ModelFamily, hookimpl
from lmctool.api.advanced import check_input, import_library
from lmctool_plugins.models.transformers.config import (
    Settings,
    configuration,
    document,
    vetted,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from torch import nn

    from lmctool.api import Argument


def build(spec: str, /, *, config: str = "{}", **arguments: Any) -> nn.Module:
    """Return a network of the library's own class in its initial state, which returns logits.

    Nothing is downloaded, no code beside the library's runs, and no weights are read.

    Args:
        spec: ``transformers:NAME``, the name of a class such as ``GPT2LMHeadModel``, of a type
            such as ``gpt2``, or of a model in the local cache of Hugging Face.
        config: a config.json, as text.
        arguments: settings of the library's config by name, in place of those of ``config``; a
            list or table as JSON.

    Raises:
        LmctoolError: transformers isn't installed or has no such model, or a setting is none of
            the model's or may load files.
    """
    transformers = import_library("transformers", spec)
    from lmctool_plugins.models.transformers.network import classifying

    name, table = _named(spec)
    with _offline(), _quiet(transformers):
        kind, settings = configuration(transformers, name, {**table, **document(config)}, arguments)
        try:
            return classifying(kind, settings)
        except LmctoolError:
            raise
        except Exception as cause:  # transformers raises whatever the model's own code raises
            reason = " ".join(str(cause).split())
            raise LmctoolError(f"transformers cannot build {name!r}: {reason}") from cause


def from_config(config: Mapping[str, Any]) -> tuple[str, dict[str, Argument]] | None:
    """Return the model that a config.json of transformers describes; imports nothing.

    A config.json of its ``timm_wrapper`` lies beside a checkpoint of timm, and is timm's.
    """
    kind, classes = config.get("model_type"), config.get("architectures")
    if not isinstance(kind, str) or kind == "timm_wrapper":
        return None
    if isinstance(classes, list) and len(classes) == 1 and isinstance(classes[0], str):
        kind = classes[0]
    elif "transformers_version" not in config:
        return None
    return f"transformers:{kind}", {"config": json.dumps(vetted(config), sort_keys=True)}


def _named(spec: str) -> tuple[str, dict[str, Any]]:
    """Return the name of the class or type, and the cached config.json where a hub's is named."""
    name = spec.partition(":")[2]
    if "/" not in name:
        return name, {}
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    try:
        path = try_to_load_from_cache(name, "config.json")
    except HFValidationError:
        path = None
    if not isinstance(path, str):
        raise LmctoolError(
            f"model {spec!r} is no folder with a config.json and not in the local cache of Hugging"
            " Face; lmctool downloads nothing"
        )
    check_input(Path(path), f"'{path}'")
    table = document(Path(path).read_text(encoding="utf-8"))
    model = from_config(table)
    if model is None:
        raise LmctoolError(f"config.json of model {spec!r} is none of transformers")
    return model[0].partition(":")[2], table


@contextmanager
def _offline() -> Iterator[None]:
    """Keep the library from asking a hub, be it whether a place is there."""
    from huggingface_hub import constants

    before = constants.HF_HUB_OFFLINE
    constants.HF_HUB_OFFLINE = True
    try:
        yield
    finally:
        constants.HF_HUB_OFFLINE = before


@contextmanager
def _quiet(transformers: Any) -> Iterator[None]:
    """Keep the library from printing what it thinks of a config."""
    verbosity = transformers.logging.get_verbosity()
    transformers.logging.set_verbosity_error()
    try:
        yield
    finally:
        transformers.logging.set_verbosity(verbosity)


@hookimpl
def lmctool_model() -> ModelFamily:
    """Add ``--model transformers:NAME``."""
    return ModelFamily(
        build,
        metadata_arguments=Settings(),
        from_config=from_config,
        untied={"tie_word_embeddings": False},
    )
