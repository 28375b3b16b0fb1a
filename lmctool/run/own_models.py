"""The models of checkpoints that don't fit the first one's: of another head or vocabulary."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lmctool.errors import LmctoolError
from lmctool.model import given
from lmctool.model.agreement import agreed, read_arguments
from lmctool.model.fit import fits
from lmctool.model.resolve import resolve_model
from lmctool.plugin import registry
from lmctool.plugin.kinds import MODELS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lmctool.checkpoint import Checkpoint
    from lmctool.config import Config
    from lmctool.model.resolve import Model
    from lmctool.plugin.settings import Settings


def own_models(
    model: Model, checkpoints: Sequence[Checkpoint], settings: Settings, standing: Config
) -> dict[int, Model]:
    """Return the models of the checkpoints that a model does not fit, by index.

    Each is what the user says with ``--model-b`` and ``--model-arg-b``, else the checkpoint's own
    module if it was given as one, else what the user says of all, or the checkpoint of itself;
    else the same as the model, with what that reads off shapes.

    Args:
        model: the first checkpoint's.
        checkpoints: all of them.
        settings: what the user asked.
        standing: the standing choices.

    Raises:
        LmctoolError: a checkpoint doesn't fit its own model either, or all fit the first one's
            though the user names another.
    """
    strangers = {
        index: checkpoint
        for index, checkpoint in enumerate(checkpoints)
        if not fits(checkpoint, model.module)
    }
    if not strangers and (settings.model_b or settings.model_arguments_b):
        raise LmctoolError(
            "--model-b and --model-arg-b are of checkpoints that don't fit A's model, and all of"
            " them do; leave these options out"
        )
    return {
        index: _own_model(model, checkpoints[0], checkpoint, settings, standing)
        for index, checkpoint in strangers.items()
    }


def _own_model(
    model: Model, first: Checkpoint, checkpoint: Checkpoint, settings: Settings, standing: Config
) -> Model:
    spec = settings.model_b or settings.model
    arguments = {**settings.model_arguments, **settings.model_arguments_b}
    own, handed = given.own(settings, checkpoint.path), given.chosen(settings)
    said = spec or standing.environment_model or standing.model or own or handed
    if not said and agreed([checkpoint], arguments) is None:
        spec, arguments = model.spec, {**_unread(model, first), **arguments}
    try:
        if own and not spec:
            return given.resolve_given(checkpoint, own, settings.model_arguments_b)
        if handed and not spec and agreed([checkpoint], arguments) is None:
            return given.resolve_given(checkpoint, handed, arguments)
        return resolve_model(checkpoint, spec=spec, arguments=arguments, config=standing)
    except LmctoolError as error:
        raise LmctoolError(
            f"{error}; say what its own model is with --model-b SPEC, or in which arguments it"
            " differs from A's with --model-arg-b, such as classes=7"
        ) from error


def _unread(model: Model, checkpoint: Checkpoint) -> dict[str, Any]:
    """Return the arguments of a registered model that shapes do not tell."""
    word = model.spec.partition(":")[0]
    read = read_arguments(registry.load(MODELS, word), word, checkpoint)
    return {name: value for name, value in model.arguments.items() if name not in read}
