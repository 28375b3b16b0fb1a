"""The kinds of plugins, in one table: what each is installed under, implements and returns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from lmctool.plugin.records import (
    Aligner,
    Analysis,
    Correction,
    DataFormat,
    ExecutorFactory,
    ModelFamily,
    Observer,
    Task,
)

Record = TypeVar("Record")


@dataclass(frozen=True, slots=True)
class Kind(Generic[Record]):
    """A kind of plugin.

    Attributes:
        group: the entry-point group that plugins are installed under.
        hook: the hook that they implement.
        record: what the hook returns.
        called: when the hook is called.
    """

    group: str
    hook: str
    record: type[Record]
    called: str

    @property
    def word(self) -> str:
        """What one plugin of this kind is called, such as ``analysis``."""
        return self.hook.removeprefix("lmctool_")


ANALYSES = Kind(
    "lmctool.analyses",
    "lmctool_analysis",
    Analysis,
    "when the analysis is run, its ``--help`` is shown, or a result of it is rendered",
)
ALIGNERS = Kind(
    "lmctool.aligners",
    "lmctool_aligner",
    Aligner,
    "when ``--align NAME`` (or its bare default) is used, before the options are parsed",
)
CORRECTIONS = Kind(
    "lmctool.corrections",
    "lmctool_correction",
    Correction,
    "when ``--repair NAME`` (or its bare default) is used, before the options are parsed",
)
MODELS = Kind(
    "lmctool.models",
    "lmctool_model",
    ModelFamily,
    "when one of its words is named, and to recognise a checkpoint that names no model",
)
DATASETS = Kind(
    "lmctool.datasets",
    "lmctool_dataset",
    DataFormat,
    "when its word is named, and to find who can read a path",
)
TASKS = Kind(
    "lmctool.tasks",
    "lmctool_task",
    Task,
    "when ``--task NAME`` or the dataset names it",
)
EXECUTORS = Kind(
    "lmctool.executors",
    "lmctool_executor",
    ExecutorFactory,
    "when ``--executor NAME`` is used",
)
OBSERVERS = Kind(
    "lmctool.observers",
    "lmctool_observer",
    Observer,
    "at the start of every run; it must not write to stdout",
)

KINDS: tuple[Kind[Any], ...] = (
    ANALYSES,
    ALIGNERS,
    CORRECTIONS,
    MODELS,
    DATASETS,
    TASKS,
    EXECUTORS,
    OBSERVERS,
)
"""Every kind of plugin; an entry here is all that a new one takes."""
