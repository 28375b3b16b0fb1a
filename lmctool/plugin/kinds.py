"""The kinds of plugins, in one table: what each is installed under, implements and returns."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar

if TYPE_CHECKING:
    from lmctool.plugin.data_records import DataFormat
    from lmctool.plugin.merge_records import Merge
    from lmctool.plugin.records import (
        Aligner,
        Analysis,
        Correction,
        ExecutorFactory,
        ModelFamily,
        Observer,
        Score,
        Task,
    )

Record = TypeVar("Record")


class Kind(NamedTuple, Generic[Record]):
    """A kind of plugin.

    Attributes:
        group: the entry-point group that plugins are installed under.
        hook: the hook that they implement.
        reference: the class of what the hook returns, as ``module:name``; it is imported only
            when a plugin is loaded, for listing them must be quick.
        called: when the hook is called.
        usage: a command that uses the plugin NAME on the checkpoints A and B.
    """

    group: str
    hook: str
    reference: str
    called: str
    usage: str

    @property
    def record(self) -> type[Record]:
        """The class of what the hook returns."""
        module, _, name = self.reference.partition(":")
        record: type[Record] = getattr(import_module(module), name)
        return record

    @property
    def word(self) -> str:
        """What one plugin of this kind is called, such as ``analysis``."""
        return self.hook.removeprefix("lmctool_")

    @property
    def plural(self) -> str:
        """What several of them are called, such as ``analyses``."""
        return self.group.removeprefix("lmctool.")


ANALYSES: Kind[Analysis] = Kind(
    "lmctool.analyses",
    "lmctool_analysis",
    "lmctool.plugin.records:Analysis",
    "when the analysis is run, its ``--help`` is shown, or a result of it is rendered",
    "lmctool NAME A B",
)
ALIGNERS: Kind[Aligner] = Kind(
    "lmctool.aligners",
    "lmctool_aligner",
    "lmctool.plugin.records:Aligner",
    "when ``--align NAME`` (or its bare default) is used, before the options are parsed",
    "lmctool barrier A B --align NAME",
)
CORRECTIONS: Kind[Correction] = Kind(
    "lmctool.corrections",
    "lmctool_correction",
    "lmctool.plugin.records:Correction",
    "when ``--repair NAME`` (or its bare default) is used, before the options are parsed",
    "lmctool barrier A B --repair NAME",
)
MERGES: Kind[Merge] = Kind(
    "lmctool.merges",
    "lmctool_merge",
    "lmctool.plugin.merge_records:Merge",
    "when ``--method NAME`` (or its default) is used, before the options are parsed",
    "lmctool merge A B --method NAME",
)
MODELS: Kind[ModelFamily] = Kind(
    "lmctool.models",
    "lmctool_model",
    "lmctool.plugin.records:ModelFamily",
    "when one of its words is named, and to recognise a checkpoint that names no model",
    "lmctool inspect A --model NAME",
)
DATASETS: Kind[DataFormat] = Kind(
    "lmctool.datasets",
    "lmctool_dataset",
    "lmctool.plugin.data_records:DataFormat",
    "when its word is named, and to find who can read a path",
    "lmctool barrier A B --data NAME:FILE",
)
TASKS: Kind[Task] = Kind(
    "lmctool.tasks",
    "lmctool_task",
    "lmctool.plugin.records:Task",
    "when ``--task NAME`` or the dataset names it",
    "lmctool barrier A B --task NAME",
)
SCORES: Kind[Score] = Kind(
    "lmctool.scores",
    "lmctool_score",
    "lmctool.plugin.records:Score",
    "when ``--score NAME`` names it, before the options of the run are looked at",
    "lmctool barrier A B --score NAME",
)
EXECUTORS: Kind[ExecutorFactory] = Kind(
    "lmctool.executors",
    "lmctool_executor",
    "lmctool.plugin.records:ExecutorFactory",
    "when ``--executor NAME`` is used",
    "lmctool matrix A B --executor NAME:2",
)
OBSERVERS: Kind[Observer] = Kind(
    "lmctool.observers",
    "lmctool_observer",
    "lmctool.plugin.records:Observer",
    "at the start of every run, also where it isn't asked for; it must not write to stdout",
    "lmctool barrier A B --observer NAME:FILE",
)

KINDS: tuple[Kind[Any], ...] = (
    ANALYSES,
    ALIGNERS,
    CORRECTIONS,
    MERGES,
    MODELS,
    DATASETS,
    TASKS,
    SCORES,
    EXECUTORS,
    OBSERVERS,
)
"""Every kind of plugin; an entry here is all that a new one takes."""
