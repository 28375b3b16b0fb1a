"""How the images of a run become inputs: who says so, and what is done where nobody does."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from torch import nn

from lmctool.checkpoint.location import read_config
from lmctool.data.images.config import processor_preprocessing, timm_preprocessing
from lmctool.data.images.spec import merged, says_size
from lmctool.errors import LmctoolError
from lmctool.plugin import registry
from lmctool.plugin.kinds import MODELS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lmctool.checkpoint import Checkpoint
    from lmctool.model.resolve import Model
    from lmctool.plugin.data_records import Preprocessing
    from lmctool.plugin.settings import Settings
    from lmctool.run.sources import Sources

PROCESSOR = "preprocessor_config.json"


def preparation(sources: Sources, settings: Settings, note: Callable[[str], None]) -> Preprocessing:
    """Return how images become inputs, all of it said, and tell the user who says so.

    Each of the size, the filter, the channels and the constants is as the first of these says that
    says anything of it: the data, the configuration beside the checkpoints, the model that is
    named.  Whether images are grey is asked of the model's first convolution at last.

    Args:
        sources: the data, the checkpoints and the model.
        settings: what the user asked; where they name a mean or a standard deviation, or the
            data does by itself, that of images is left out.
        note: tells the user something worth knowing.

    Raises:
        LmctoolError: checkpoints differ in it, or a configuration says what is not done here.
    """
    data, model = sources.data, sources.model
    own = data.dataset.preprocessing if data else None
    said = [own]
    otherwise = bool(settings.mean or settings.std or (data and data.dataset.mean))
    if own is None or not (says_size(own) and (otherwise or own.mean)):
        said.append(configured(sources.checkpoints) or published(model))
    known = [replace(p, mean=(), std=()) if otherwise else p for p in said if p is not None]
    how = merged(known, channels=1 if model and _first_channels(model.module) == 1 else 3)
    note(told(how))
    return how


def told(how: Preprocessing) -> str:
    """Return in one sentence how images become inputs, and who says so."""
    steps = ["made grey" if how.channels == 1 else "taken in RGB"]
    if len(how.resize or ()) == 1:
        steps.append(f"resized to a shorter side of {_size(how.resize)} ({how.interpolation})")
    elif how.resize:
        steps.append(f"resized to {_size(how.resize)} ({how.interpolation})")
    if how.crop:
        steps.append(f"cropped to {_size(how.crop)}")
    if how.mean:
        constants = (",".join(f"{each:.4g}" for each in values) for values in (how.mean, how.std))
        steps.append("normalised by mean {} and standard deviation {}".format(*constants))
    by = f", as said by {how.origin}" if how.origin else "; nobody says more of it"
    return f"images are {', '.join(steps)}{by}"


def configured(checkpoints: Sequence[Checkpoint]) -> Preprocessing | None:
    """Return what the configurations beside checkpoints say; None if none says anything.

    Raises:
        LmctoolError: two of them say different things, or one what is not done here.
    """
    said = [p for p in map(_beside, checkpoints) if p is not None]
    for other in said[1:]:
        if replace(other, origin="") != replace(said[0], origin=""):
            raise LmctoolError(
                f"{said[0].origin} and {other.origin} prepare images in different ways; pass"
                " ?resize= and ?crop= behind the data, and --mean and --std"
            )
    return said[0] if said else None


def _beside(checkpoint: Checkpoint) -> Preprocessing | None:
    """Return what the config.json or the preprocessor_config.json of a folder says."""
    table: Any = (checkpoint.config or {}).get("pretrained_cfg")
    if isinstance(table, dict):
        return timm_preprocessing(table, f"config.json of '{checkpoint.path}'")
    if checkpoint.config is None:
        return None
    path = checkpoint.files[0].parent / PROCESSOR
    if not path.is_file():
        return None
    return processor_preprocessing(read_config(path), f"{PROCESSOR} of '{checkpoint.path}'")


def published(model: Model | None) -> Preprocessing | None:
    """Return what the model's published weights are evaluated with, where its family knows it."""
    word = model.spec.partition(":")[0] if model else ""
    if model is None or word not in registry.names(MODELS):
        return None
    known = registry.load(MODELS, word).preprocessing
    return known(model.spec, **model.arguments) if known else None


def _first_channels(module: nn.Module) -> int:
    """Return how many channels the first convolution takes; 0 where there is none."""
    convolutions = (part for part in module.modules() if isinstance(part, nn.Conv2d))
    first = next(convolutions, None)
    return first.in_channels if first else 0


def _size(sides: Sequence[int] | None) -> str:
    return "x".join(map(str, sides or ()))
