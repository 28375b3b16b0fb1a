"""From a model spec, or none, to the module that a checkpoint belongs to."""

from __future__ import annotations

import inspect
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from lmctool import registry
from lmctool.errors import LmctoolError
from lmctool.factory import Factory, is_factory
from lmctool.model.recognition import GROUP, blueprint, only_candidate
from lmctool.model.shapes import aliases, difference, shapes_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import nn

    from lmctool.checkpoint import Checkpoint
    from lmctool.config import Config
    from lmctool.seam import Argument


@dataclass(frozen=True)
class Model:
    """A model, built, and how it was found.

    Attributes:
        module: in evaluation mode, with the initial parameters of its factory.
        spec: the registered word or the factory.
        arguments: what it was built with.
        origin: where the spec was found, such as ``--model`` or ``metadata``.
    """

    module: nn.Module
    spec: str
    arguments: Mapping[str, Argument]
    origin: str


@dataclass(frozen=True)
class Source:
    """A place that names a model; an untrusted one may only name registered words."""

    spec: str
    arguments: Mapping[str, Any]
    origin: str
    trusted: bool = True


def resolve_model(
    checkpoint: Checkpoint, *, spec: str | None, arguments: Mapping[str, Any], config: Config
) -> Model:
    """Return the model of a checkpoint.

    The first of these that names one: the user's flag, ``$LMCTOOL_MODEL``, lmctool.toml, the
    folder's config.json, the file's metadata, the names and shapes of its tensors.

    Args:
        checkpoint: the checkpoint.
        spec: the user's ``--model``, or None.
        arguments: the user's ``--model-arg``, as text or values; they override any source's.
        config: the standing choices.

    Raises:
        LmctoolError: no source names a model that fits, or a file names code.
    """
    given = {name: typed(value) for name, value in arguments.items()}
    source = _source(checkpoint, spec, config)
    if source is None:
        try:
            word, read = only_candidate(checkpoint.shapes)
        except LmctoolError as error:
            raise LmctoolError(f"the model of '{checkpoint.path}' is not known: {error}") from error
        source = Source(word, read, "names and shapes")
    wanted = {**{k: typed(v) for k, v in source.arguments.items()}, **given}
    if is_factory(source.spec):
        if not source.trusted:
            raise LmctoolError(
                f"'{checkpoint.path}' names the code {source.spec!r} as its model; a file may not"
                " say what is imported: if you trust it, pass --model yourself"
            )
        module = Factory(source.spec).call(wanted)
        _check(checkpoint, source.spec, wanted, module)
    else:
        wanted, module = _registered(checkpoint, source, wanted, given)
    module.eval().requires_grad_(False)
    return Model(module, source.spec, wanted, source.origin)


def typed(value: Any) -> Argument:
    """Return the number, truth value or text that a value's text stands for."""
    if not isinstance(value, str):
        return value  # type: ignore[no-any-return]
    if value.lower() in {"true", "false"}:
        return value.lower() == "true"
    for kind in (int, float):
        try:
            return kind(value)
        except ValueError:
            continue
    return value


def _source(checkpoint: Checkpoint, spec: str | None, config: Config) -> Source | None:
    if spec:
        return Source(spec, {}, "--model")
    if config.environment_model:
        return Source(config.environment_model, {}, "$LMCTOOL_MODEL")
    if config.model:
        return Source(config.model, config.model_arguments, "lmctool.toml")
    folder = checkpoint.config or {}
    if isinstance(folder.get("architecture"), str):
        count = {"num_classes": folder["num_classes"]} if "num_classes" in folder else {}
        return Source(f"timm:{folder['architecture']}", count, "config.json", trusted=False)
    word = checkpoint.metadata.get("lmctool.model")
    if word is None:
        return None
    text = checkpoint.metadata.get("lmctool.model_arguments", "{}")
    try:
        arguments = json.loads(text)
    except json.JSONDecodeError:
        arguments = None
    if not isinstance(arguments, dict):
        raise LmctoolError(f"metadata of '{checkpoint.path}' has no JSON object: {text[:60]!r}")
    return Source(word, arguments, "metadata", trusted=False)


def _registered(
    checkpoint: Checkpoint, source: Source, wanted: dict[str, Argument], given: Mapping[str, Any]
) -> tuple[dict[str, Argument], nn.Module]:
    """Build a registered model, its missing arguments read off the shapes."""
    word = source.spec.partition(":")[0]
    family = registry.load(GROUP, word)
    if not source.trusted:
        for name in wanted.keys() - given.keys() - family.metadata_arguments:
            raise LmctoolError(
                f"the {source.origin} of '{checkpoint.path}' sets {name!r} of model {word!r},"
                " which a file may not; pass --model-arg yourself if you trust it"
            )
    read = family.read(word, checkpoint.shapes) if family.read else None
    wanted = {**(read or {}), **wanted}
    known = inspect.signature(family.build).parameters
    takes_any = any(p.kind is inspect.Parameter.VAR_KEYWORD for p in known.values())
    for name in wanted:
        if name not in known and not takes_any:
            listed = ", ".join(sorted(known.keys() - {"spec"}))
            raise LmctoolError(f"model {word!r} has no argument {name!r}; it has {listed}")
    # names and shapes first, so that a file can't make us allocate what it doesn't hold
    _check(checkpoint, source.spec, wanted, blueprint(family, source.spec, wanted))
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return wanted, family.build(source.spec, **wanted)


def _check(
    checkpoint: Checkpoint, spec: str, arguments: Mapping[str, Argument], module: nn.Module
) -> None:
    differs = difference(checkpoint.shapes, shapes_of(module), aliases(module))
    if differs:
        said = ", ".join(f"{name}={value}" for name, value in arguments.items())
        raise LmctoolError(f"'{checkpoint.path}' does not fit model {spec}({said}): {differs}")
