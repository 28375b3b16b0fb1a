"""From a model spec, or none, to the module that a checkpoint belongs to."""

from __future__ import annotations

import inspect
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from torch import nn

from lmctool.errors import LmctoolError
from lmctool.model.agreement import agreed, read_arguments
from lmctool.model.build import blueprint, build, described, missing, seeded
from lmctool.model.recognition import only_candidate
from lmctool.model.shapes import aliases, difference, shapes_of
from lmctool.model.source import Source, in_folder, typed
from lmctool.plugin import registry
from lmctool.plugin.kinds import MODELS
from lmctool.plugin.source_code import Code, installed
from lmctool.plugin.user_code import Factory

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from lmctool.checkpoint import Checkpoint
    from lmctool.config import Config
    from lmctool.plugin.records import Argument, ModelFamily


@dataclass(frozen=True)
class Model:
    """A model, built, and how it was found.

    Attributes:
        module: in evaluation mode, with the initial parameters of its factory.
        spec: the registered word or the factory.
        arguments: what it was built with.
        origin: where the spec was found, such as ``--model`` or ``metadata``.
        initial: builds it again, in the initial state of a seed.
        code: the user's own code that made it, or the libraries that a registered one is of.
    """

    module: nn.Module
    spec: str
    arguments: Mapping[str, Argument]
    origin: str
    initial: Callable[[int], nn.Module]
    code: Code = field(default_factory=Code)


def resolve_model(
    checkpoint: Checkpoint,
    *others: Checkpoint,
    spec: str | None,
    arguments: Mapping[str, Any],
    config: Config,
) -> Model:
    """Return the model of checkpoints.

    The first of these that names one: the user's flag, ``$LMCTOOL_MODEL``, lmctool.toml, the
    folder's config.json, the file's metadata, the names and shapes of its tensors.  Of several
    checkpoints, all that say anything must say the same.

    Args:
        checkpoint: the checkpoint.
        others: more checkpoints, whose tensors have the same names and shapes.
        spec: the user's ``--model``, or None.
        arguments: the user's ``--model-arg``, as text or values; they override any source's.
        config: the standing choices.

    Raises:
        LmctoolError: no source names a model that fits, a file names code, or two checkpoints
            name different models.
    """
    chosen = {name: typed(value) for name, value in arguments.items()}
    source = _choice(spec, config)
    if source is None and (said := agreed([checkpoint, *others], chosen)):
        checkpoint, source = said
    source = source or _recognised(checkpoint)
    wanted = {**source.arguments, **chosen}
    word, colon, _ = source.spec.partition(":")
    factory = None
    if word in registry.names(MODELS) or not colon:
        wanted, initial = _registered(checkpoint, source, wanted, chosen)
    elif source.trusted:
        factory = Factory(source.spec)
        initial = partial(_made, checkpoint, factory, wanted)
    else:
        raise LmctoolError(
            f"the {source.origin} of '{checkpoint.path}' names {source.spec!r} as its model, which"
            " is no registered word; a file may not say what is imported: pass --model yourself"
            " if you trust it"
        )
    module = initial(0).eval().requires_grad_(False)
    code = (factory.code() if factory else Code()) | _libraries(module)
    return Model(module, source.spec, wanted, source.origin, initial, code)


def _choice(spec: str | None, config: Config) -> Source | None:
    """Return what the user chose, if they did."""
    if spec:
        return _chosen(spec, {}, "--model")
    if config.environment_model:
        return _chosen(config.environment_model, {}, "$LMCTOOL_MODEL")
    if config.model:
        values = {name: typed(value) for name, value in config.model_arguments.items()}
        return _chosen(config.model, values, "lmctool.toml")
    if config.model_arguments:
        raise LmctoolError("lmctool.toml has [model.arguments] but no spec in [model] to take them")
    return None


def _chosen(spec: str, arguments: Mapping[str, Argument], origin: str) -> Source:
    """Return the user's choice: a model, or what the config.json of a folder describes."""
    source = in_folder(spec, origin) or Source(spec, {}, origin)
    return replace(source, arguments={**source.arguments, **arguments})


def _recognised(checkpoint: Checkpoint) -> Source:
    try:
        word, read = only_candidate(checkpoint.shapes)
    except LmctoolError as error:
        kind = (checkpoint.config or {}).get("model_type")
        note = f" (its config.json is of a Hugging Face model {kind!r}, which none is)"
        raise LmctoolError(
            f"the model of '{checkpoint.path}' is not known{note if kind else ''}: {error}"
        ) from error
    return Source(word, read, "names and shapes")


def _made(
    checkpoint: Checkpoint, factory: Factory, arguments: Mapping[str, Argument], seed: int
) -> nn.Module:
    """Build a model by the user's own code."""
    with seeded(seed):
        module = factory.call(arguments)
    if not isinstance(module, nn.Module):
        kind = type(module).__name__
        raise LmctoolError(f"{factory.spec!r} returned {kind!r}, not a torch.nn.Module")
    _check(checkpoint, factory.spec, arguments, module)
    return module


def _libraries(module: nn.Module) -> Code:
    """Return the installed packages that define the parts of a module."""
    return installed(type(part).__module__.partition(".")[0] for part in module.modules())


def _registered(
    checkpoint: Checkpoint,
    source: Source,
    wanted: dict[str, Argument],
    chosen: Mapping[str, Argument],
) -> tuple[dict[str, Argument], Callable[[int], nn.Module]]:
    """Return how to build a registered model, its missing arguments read off the shapes."""
    word, colon, _ = source.spec.partition(":")
    family = registry.load(MODELS, word)
    if colon and family.read:  # a word that can be recognised alone is complete
        raise LmctoolError(f"model {word!r} takes no name, as {source.spec!r} has; pass {word!r}")
    if not source.trusted:
        _refuse_unsafe(checkpoint, source, family, wanted.keys() - chosen.keys())
    wanted = {**read_arguments(family, word, checkpoint.shapes), **wanted}
    _refuse_unknown(family, word, wanted)
    if unknown := missing(family, wanted):
        options = " ".join(f"--model-arg {name}=..." for name in unknown)
        raise LmctoolError(
            f"model {word!r} needs {', '.join(unknown)}, which shapes do not tell; pass {options}"
        )
    # names and shapes first, so that a file can't make us allocate what it doesn't hold
    sketch = blueprint(family, source.spec, wanted, len(checkpoint.shapes))
    _check(checkpoint, source.spec, wanted, sketch)
    return wanted, partial(build, family, source.spec, wanted)


def _refuse_unsafe(
    checkpoint: Checkpoint, source: Source, family: ModelFamily, names: Iterable[str]
) -> None:
    """Refuse what a file may not say: a path, or an argument that its family keeps to the user."""
    word, _, name = source.spec.partition(":")
    if "/" in name:
        raise LmctoolError(
            f"the {source.origin} of '{checkpoint.path}' names {source.spec!r} as its model, which"
            " could be a path; pass --model yourself if you trust it"
        )
    for argument in sorted(names):
        if argument not in family.metadata_arguments:
            raise LmctoolError(
                f"the {source.origin} of '{checkpoint.path}' sets {argument!r} of model {word!r},"
                " which a file may not; pass --model-arg yourself if you trust it"
            )


def _refuse_unknown(family: ModelFamily, word: str, wanted: Mapping[str, Argument]) -> None:
    _, *parameters = inspect.signature(family.build).parameters.values()
    if any(parameter.kind is inspect.Parameter.VAR_KEYWORD for parameter in parameters):
        return
    known = sorted(parameter.name for parameter in parameters)
    for name in wanted.keys() - set(known):
        raise LmctoolError(f"model {word!r} has no argument {name!r}; it has {', '.join(known)}")


def _check(
    checkpoint: Checkpoint, spec: str, arguments: Mapping[str, Argument], module: nn.Module
) -> None:
    differs = difference(checkpoint.shapes, shapes_of(module), aliases(module))
    if differs:
        model = described(spec, arguments)
        raise LmctoolError(f"'{checkpoint.path}' does not fit model {model}: {differs}")
