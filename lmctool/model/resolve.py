"""From a model spec, or none, to the module that a checkpoint belongs to."""

from __future__ import annotations

import inspect
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from lmctool.config import Origin
from lmctool.errors import LmctoolError
from lmctool.model.agreement import agreed, read_arguments
from lmctool.model.build import blueprint, build, described, missing
from lmctool.model.fit import only_reading
from lmctool.model.made import MadeModel
from lmctool.model.recognition import recognised
from lmctool.model.source import Source, in_folder, typed
from lmctool.plugin import registry
from lmctool.plugin.kinds import MODELS
from lmctool.plugin.source_code import Code, installed
from lmctool.plugin.user_code import Factory, imports_code, refuse_code

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from torch import nn

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
        output: which of several outputs is scored, by what chose the model; None if it doesn't say.
        given: whether Python code handed it over, so that its graph alone tells all of it.
    """

    module: nn.Module
    spec: str
    arguments: Mapping[str, Argument]
    origin: str
    initial: Callable[[int], nn.Module]
    code: Code = field(default_factory=Code)
    output: str | None = None
    given: bool = False


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
    factory = None
    if not imports_code(source.spec, MODELS):
        own = () if config.permit else chosen.keys()
        wanted, initial = _registered(checkpoint, source, wanted, wanted.keys() - own)
    elif source.permit:
        raise LmctoolError(
            f"{_whose(checkpoint, source)} names {source.spec!r} as its model, which is no"
            f" registered word; a file may not say what is imported: {source.permit}"
        )
    else:
        factory = Factory(source.spec, source.here)
        initial = MadeModel(checkpoint, factory, wanted)
    module = initial(0).eval().requires_grad_(False)
    code = (factory.code() if factory else Code()) | libraries(module)
    return Model(module, source.spec, wanted, source.origin, initial, code, source.output)


def _choice(spec: str | None, config: Config) -> Source | None:
    """Return what the user chose, if they did."""
    if spec:
        return _chosen(spec, {}, Origin("--model", config.permit))
    if config.environment_model:
        return _chosen(config.environment_model, {}, Origin("$LMCTOOL_MODEL", config.permit))
    if config.model:
        values = {name: typed(value) for name, value in config.model_arguments.items()}
        source = _chosen(config.model, values, config.model_origin)
        return replace(source, output=config.model_output)
    if config.model_arguments or config.model_output:
        what = "[model.arguments]" if config.model_arguments else "output in [model]"
        raise LmctoolError(f"lmctool.toml has {what} but no spec in [model] to take it")
    return None


def _chosen(spec: str, arguments: Mapping[str, Argument], origin: Origin) -> Source:
    """Return the user's choice: a model, or what the config.json of a folder describes.

    Raises:
        UntrustedError: it is code, and its origin may not name any.
    """
    refuse_code(spec, MODELS, origin)
    described = in_folder(spec, origin.name)
    source = described or Source(spec, {}, origin.name, origin.permit, origin.here)
    return replace(source, permit=origin.permit, arguments={**source.arguments, **arguments})


def _whose(checkpoint: Checkpoint, source: Source) -> str:
    """Return in words what names a model."""
    inside = source.origin in {"metadata", "config.json"}
    return f"the {source.origin} of '{checkpoint.path}'" if inside else source.origin


def _recognised(checkpoint: Checkpoint) -> Source:
    try:
        word, read = recognised(checkpoint)
    except LmctoolError as error:
        kind = (checkpoint.config or {}).get("model_type")
        note = f" (its config.json is of a Hugging Face model {kind!r}, which none is)"
        raise LmctoolError(
            f"the model of '{checkpoint.path}' is not known{note if kind else ''}: {error}"
        ) from error
    return Source(word, read, "names and shapes")


def libraries(module: nn.Module) -> Code:
    """Return the installed packages that define the parts of a module."""
    return installed(type(part).__module__.partition(".")[0] for part in module.modules())


def _registered(
    checkpoint: Checkpoint,
    source: Source,
    wanted: dict[str, Argument],
    unsafe: Iterable[str],
) -> tuple[dict[str, Argument], Callable[[int], nn.Module]]:
    """Return how to build a registered model, its missing arguments read off the shapes.

    Args:
        checkpoint: the checkpoint.
        source: who names the model.
        wanted: its arguments as far as they are given.
        unsafe: those of them that the user did not give.

    Raises:
        LmctoolError: it cannot be built, or something else names what only the user may.
    """
    word, colon, _ = source.spec.partition(":")
    family = registry.load(MODELS, word)
    if colon and family.read:  # a word that can be recognised alone is complete
        raise LmctoolError(f"model {word!r} takes no name, as {source.spec!r} has; pass {word!r}")
    if source.permit:
        _refuse_unsafe(checkpoint, source, family, unsafe)
    wanted = {**read_arguments(family, word, checkpoint), **wanted}
    _refuse_unknown(family, word, wanted)
    if unknown := missing(family, wanted):
        options = " ".join(f"--model-arg {name}=..." for name in unknown)
        raise LmctoolError(
            f"model {word!r} needs {', '.join(unknown)}, which shapes do not tell; pass {options}"
        )
    # names and shapes first, so that a file can't make us allocate what it doesn't hold
    sketch = blueprint(family, source.spec, wanted, len(checkpoint.shapes))
    only_reading(checkpoint, sketch, described(source.spec, wanted))
    return wanted, partial(build, family, source.spec, wanted)


def _refuse_unsafe(
    checkpoint: Checkpoint, source: Source, family: ModelFamily, names: Iterable[str]
) -> None:
    """Refuse what a file may not say: a path, or an argument that its family keeps to the user."""
    word, _, name = source.spec.partition(":")
    if "/" in name:
        raise LmctoolError(
            f"{_whose(checkpoint, source)} names {source.spec!r} as its model, which could be a"
            f" path; {source.permit}"
        )
    for argument in sorted(names):
        if argument not in family.metadata_arguments:
            raise LmctoolError(
                f"{_whose(checkpoint, source)} sets {argument!r} of model {word!r}, which a file"
                f" may not; {source.permit}"
            )


def _refuse_unknown(family: ModelFamily, word: str, wanted: Mapping[str, Argument]) -> None:
    _, *parameters = inspect.signature(family.build).parameters.values()
    if any(parameter.kind is inspect.Parameter.VAR_KEYWORD for parameter in parameters):
        return
    known = sorted(parameter.name for parameter in parameters)
    for name in wanted.keys() - set(known):
        raise LmctoolError(f"model {word!r} has no argument {name!r}; it has {', '.join(known)}")
