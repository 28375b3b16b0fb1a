"""What a run is about, found: its model, its data or an example in their place, its task."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lmctool import config
from lmctool.checkpoint.alike import alike
from lmctool.checkpoint.overlap import check_fit
from lmctool.checkpoint.stamp import MODEL
from lmctool.errors import LmctoolError, UntrustedError
from lmctool.graph.randomness import generator
from lmctool.model import given
from lmctool.model.build import described
from lmctool.model.example import find_example
from lmctool.model.fit import fits, fitted
from lmctool.model.resolve import resolve_model
from lmctool.model.shapes import aliases
from lmctool.plugin import registry
from lmctool.plugin.kinds import ALIGNERS, MERGES
from lmctool.plugin.named_scores import named_scores
from lmctool.run.canonical_choice import aligns_canonically
from lmctool.run.data_sources import (
    calib_name,
    data_name,
    find_calib,
    find_data,
    find_task,
    names_data,
    uses_data,
)
from lmctool.run.own_models import own_models

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import torch

    from lmctool.checkpoint import Checkpoint
    from lmctool.config import Config
    from lmctool.data.resolve import Data
    from lmctool.model.example import Example
    from lmctool.model.resolve import Model
    from lmctool.plugin.records import Analysis, Partial, Score
    from lmctool.plugin.settings import Settings
    from lmctool.run.task import NamedTask

NEITHER = (
    "neither data nor an example input is named: pass --data SPEC, or the shape of a batch of"
    " inputs with --input, such as 3x3x224x224, or ids:3x11 for token ids"
)


@dataclass(frozen=True, slots=True)
class Sources:
    """What was found for a run; None is what it does without.

    Attributes:
        checkpoints: the checkpoints under names that fit each other and the model.
        model: the model, on the run's device and in its dtype.
        data: the dataset.
        calib: the dataset that statistics are taken on, where it is another.
        task: the task that the user or the data names; None without data.
        scores: other scores than loss and error.
        example: inputs to trace the model with, where there is no data.
        own_models: the models of checkpoints that the model does not fit, by index.
    """

    checkpoints: tuple[Checkpoint, ...]
    model: Model | None = None
    data: Data | None = None
    task: NamedTask | None = None
    scores: tuple[Score, ...] = ()
    example: Example | None = None
    own_models: Mapping[int, Model] = field(default_factory=dict)
    calib: Data | None = None


def find_sources(
    checkpoints: Sequence[Checkpoint],
    analysis: Analysis,
    settings: Settings,
    device: torch.device,
) -> Sources:
    """Resolve what an analysis and its aligner need, and what it may use where it is named.

    Raises:
        LmctoolError: something named isn't there or doesn't fit, something needed isn't named,
            or both data and an example input are.
    """
    permit = "" if settings.trust else "pass --trust to run it"
    standing = config.load(trusted=settings.trust_config, permit=permit)
    checkpoints, scores = alike(checkpoints), named_scores(settings.score)
    partial = "excepted" if analysis.partial == "fitting" and settings.aligns else analysis.partial
    if not ("model" in analysis.needs or ("model" in analysis.optional and settings.aligns)):
        check_fit(checkpoints, settings.excepted, partial)
        data = find_data(checkpoints, settings, standing) if "data" in analysis.needs else None
        task = find_task(data, settings, standing)
        return Sources(checkpoints, data=data, task=task, scores=scores)
    if _is_bare(checkpoints, analysis, settings, standing):
        check_fit(checkpoints, settings.excepted, partial)
        return Sources(checkpoints)
    model, own, checkpoints = _models(checkpoints, partial, settings, standing)
    if settings.excepted:
        _check_aligner(settings)
    import torch

    dtype: torch.dtype = getattr(torch, settings.dtype)
    modules = [each.module.to(device, dtype) for each in (model, *own.values())]
    if uses_data(checkpoints, analysis, settings, standing):
        data = find_data(checkpoints, settings, standing)
        task, calib = find_task(data, settings, standing), find_calib(settings, standing)
        return Sources(checkpoints, model, data, task, scores, own_models=own, calib=calib)
    if calib_named := calib_name(settings):
        raise LmctoolError(
            f"{calib_named} as the calibration set, but no data is in use; name data with --data"
        )
    randomness = generator(settings.seed, "example input")
    example = find_example(modules, settings.inputs, randomness, device, dtype)
    if example is None and "data" in analysis.optional and settings.aligns:
        raise LmctoolError(NEITHER)
    return Sources(checkpoints, model, example=example, own_models=own)


def _models(
    checkpoints: Sequence[Checkpoint], partial: Partial, settings: Settings, standing: Config
) -> tuple[Model, Mapping[int, Model], tuple[Checkpoint, ...]]:
    """Return the model, those of checkpoints that it doesn't fit, and all under their names.

    Raises:
        LmctoolError: there is none, or they don't fit it or each other.
    """
    try:
        check_fit(checkpoints, settings.excepted, partial)
        misfit = None
    except LmctoolError as error:
        misfit = error
    same = [each for each in checkpoints if misfit or each.shapes == checkpoints[0].shapes]
    try:
        model = _model(same, settings, standing)
        own = own_models(model, checkpoints, settings, standing) if settings.aligns else {}
        named = [_named(each, own.get(n, model), misfit) for n, each in enumerate(checkpoints)]
    except UntrustedError:
        raise
    except LmctoolError as error:
        if misfit is not None:
            raise misfit from error
        raise
    fitting = alike(named, aliases(model.module))
    check_fit(fitting, settings.excepted, partial)
    return model, own, fitting


def _model(same: Sequence[Checkpoint], settings: Settings, standing: Config) -> Model:
    """Return the model of checkpoints of the same shapes: a given one, unless a word names one."""
    arguments = settings.model_arguments
    if not settings.model and (handed := given.chosen(settings)):
        return given.resolve_given(same[0], handed, arguments)
    return resolve_model(*same, spec=settings.model, arguments=arguments, config=standing)


def _named(checkpoint: Checkpoint, model: Model, misfit: LmctoolError | None) -> Checkpoint:
    """Return a checkpoint under a model's names; as it is where it need not fit."""
    if misfit is None and not fits(checkpoint, model.module):
        return checkpoint
    return fitted(checkpoint, model.module, described(model.spec, model.arguments))


def _check_aligner(settings: Settings) -> None:
    """Refuse an aligner, or a stored transform, that cannot leave tensors out.

    Raises:
        LmctoolError: it is one.
    """
    canonical, choice = aligns_canonically(settings), settings.aligner
    if not canonical and (choice is None or registry.load(ALIGNERS, choice.name).partial):
        return
    able = [name for name in registry.names(ALIGNERS) if registry.load(ALIGNERS, name).partial]
    what = f"aligner {choice.name!r}" if choice else f"the transform of '{settings.apply}'"
    raise LmctoolError(
        f"{what} needs whole networks, and --except leaves tensors out; name one of"
        f" {', '.join(able)}, which permute hidden units"
    )


def _is_bare(
    checkpoints: Sequence[Checkpoint], analysis: Analysis, settings: Settings, standing: Config
) -> bool:
    """Tell whether weights alone do: nobody names a model or data, or asks for what needs one."""
    if analysis.bare is None or not analysis.bare(settings):
        return False
    if settings.merge and registry.load(MERGES, settings.merge.name).tensor is None:
        return False
    named = (settings.model or given.chosen(settings), settings.model_arguments)
    others = (settings.inputs, settings.output)
    stood = (standing.environment_model, standing.model)
    stamps = (MODEL in checkpoint.metadata for checkpoint in checkpoints)
    data = data_name(settings) or calib_name(settings) or names_data(checkpoints, None, standing)
    return not any((*named, *others, *stood, *stamps, data))
