"""Which data a run uses, and which other data its statistics are taken on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lmctool.config import Origin
from lmctool.data.in_memory import in_memory, in_words
from lmctool.data.resolve import open_spec, resolve_data, stamped
from lmctool.errors import LmctoolError, about
from lmctool.plugin import registry
from lmctool.plugin.kinds import ALIGNERS, MERGES
from lmctool.run.calibration_set import OWNER
from lmctool.run.task import NamedTask, named_task, registered_task

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lmctool.checkpoint import Checkpoint
    from lmctool.config import Config
    from lmctool.data.resolve import Data
    from lmctool.plugin.records import Analysis
    from lmctool.plugin.settings import Settings


def uses_data(
    checkpoints: Sequence[Checkpoint], analysis: Analysis, settings: Settings, standing: Config
) -> bool:
    """Tell whether there is to be data: it is needed, or may be used and is named.

    An example input that the user describes goes before data that they don't name themselves.

    Raises:
        LmctoolError: they describe one beside data that they name, or that is needed.
    """
    user, named = _needy(analysis, settings), data_name(settings)
    if settings.inputs and (user or named):
        why = f"{user} needs it" if user else named
        raise LmctoolError(f"--input stands in for data, but {why}; leave --input out")
    if user or settings.inputs or "data" not in analysis.optional:
        return bool(user)
    return bool(named) or names_data(checkpoints, None, standing)


def data_name(settings: Settings) -> str:
    """Return in words what the user names as data, or nothing."""
    return _name("data", settings.given.data, settings.data)


def calib_name(settings: Settings) -> str:
    """Return in words what the user names as the calibration set, or nothing."""
    return _name("calib", settings.given.calib, settings.calib)


def _name(option: str, value: object, spec: str | None) -> str:
    if value is not None:
        return f"{option}= names {in_words(value)!r}"
    return f"--{option} names {spec!r}" if spec else ""


def names_data(checkpoints: Sequence[Checkpoint], spec: str | None, standing: Config) -> bool:
    """Tell whether any data is named: by the user, a standing choice, or a checkpoint's stamp."""
    named = spec or standing.environment_data or standing.data
    return bool(named or stamped([checkpoint.metadata for checkpoint in checkpoints]))


def find_data(checkpoints: Sequence[Checkpoint], settings: Settings, standing: Config) -> Data:
    """Open the data of a run.

    Raises:
        LmctoolError: nobody names any, or it cannot be opened.
    """
    if settings.given.data is not None:
        return in_memory(settings.given.data, "data=")
    metadata = [checkpoint.metadata for checkpoint in checkpoints]
    return resolve_data(spec=settings.data, metadata=metadata, config=standing)


def find_calib(settings: Settings, standing: Config) -> Data | None:
    """Open the data that statistics are taken on, where the user names others for that.

    Raises:
        LmctoolError: they cannot be opened.
    """
    with about(OWNER):
        if settings.given.calib is not None:
            return in_memory(settings.given.calib, "calib=")
        if settings.calib:
            return open_spec(settings.calib, standing, Origin("--calib", standing.permit))
    return None


def find_task(data: Data | None, settings: Settings, standing: Config) -> NamedTask | None:
    """Return the task that the user or the data names; None without data.

    Raises:
        LmctoolError: there is no such task.
    """
    if data is None:
        return None
    if settings.task:
        return named_task(settings.task, standing.permit)
    return registered_task(data.dataset.task)


def _needy(analysis: Analysis, settings: Settings) -> str:
    """Return in words who cannot do without data, or nothing."""
    if "data" in analysis.needs:
        return "the analysis"
    choice = settings.aligner
    if choice and registry.load(ALIGNERS, choice.name).looks_at_data(choice.options):
        return f"aligner {choice.name!r}"
    merge = settings.merge
    if merge and "data" in registry.load(MERGES, merge.name).needs:
        return f"--method {merge.name}"
    return ""
