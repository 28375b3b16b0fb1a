"""Everything that most plugins import; a name is loaded when it is first used."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lmctool.api.lazy_names import importer

if TYPE_CHECKING:
    from lmctool.curves.barrier import barrier as barrier
    from lmctool.curves.barrier import definition_option as definition_option
    from lmctool.curves.grid import grid as grid
    from lmctool.curves.grid import grid_options as grid_options
    from lmctool.curves.partition import Partition as Partition
    from lmctool.curves.partition import partition_options as partition_options
    from lmctool.curves.partition import partitions as partitions
    from lmctool.data.given.adopted import as_dataset as as_dataset
    from lmctool.data.split import Split as Split
    from lmctool.errors import LmctoolError as LmctoolError
    from lmctool.errors import UnjudgedError as UnjudgedError
    from lmctool.evaluate.score_table import score_group as score_group
    from lmctool.evaluate.score_table import score_table as score_table
    from lmctool.evaluate.scores import Scores as Scores
    from lmctool.plugin.data_records import DataFormat as DataFormat
    from lmctool.plugin.data_records import Dataset as Dataset
    from lmctool.plugin.data_records import Examples as Examples
    from lmctool.plugin.data_records import Images as Images
    from lmctool.plugin.data_records import Preprocessing as Preprocessing
    from lmctool.plugin.data_records import Rows as Rows
    from lmctool.plugin.help_page import HelpPage as HelpPage
    from lmctool.plugin.hookspecs import hookimpl as hookimpl
    from lmctool.plugin.lazy import Lazy as Lazy
    from lmctool.plugin.merge_records import Merge as Merge
    from lmctool.plugin.merge_records import Merged as Merged
    from lmctool.plugin.merge_records import NetworksToMerge as NetworksToMerge
    from lmctool.plugin.merge_records import TensorsToMerge as TensorsToMerge
    from lmctool.plugin.parameters import CheckpointFile as CheckpointFile
    from lmctool.plugin.records import Aligner as Aligner
    from lmctool.plugin.records import Analysis as Analysis
    from lmctool.plugin.records import Argument as Argument
    from lmctool.plugin.records import Correction as Correction
    from lmctool.plugin.records import ExecutorFactory as ExecutorFactory
    from lmctool.plugin.records import ModelFamily as ModelFamily
    from lmctool.plugin.records import Observer as Observer
    from lmctool.plugin.records import Score as Score
    from lmctool.plugin.records import Task as Task
    from lmctool.plugin.settings import Choice as Choice
    from lmctool.plugin.settings import Settings as Settings
    from lmctool.results.array import Array as Array
    from lmctool.results.declared_metric import DeclaredMetric as DeclaredMetric
    from lmctool.results.result import Group as Group
    from lmctool.results.result import NewCheckpoint as NewCheckpoint
    from lmctool.results.result import Result as Result
    from lmctool.results.result import Variable as Variable
    from lmctool.results.score_metric import ERROR as ERROR
    from lmctool.results.score_metric import LOSS as LOSS
    from lmctool.results.score_metric import ScoreMetric as ScoreMetric
    from lmctool.results.stored_metrics import metrics_of as metrics_of
    from lmctool.results.stored_metrics import shown_metrics as shown_metrics
    from lmctool.results.table import Table as Table
    from lmctool.run.path import Curves as Curves
    from lmctool.run.run import Run as Run
    from lmctool.run.variant import Variant as Variant
    from lmctool.symmetry import Permutation as Permutation
    from lmctool.symmetry import PermutationSpec as PermutationSpec
    from lmctool.symmetry.alignment import Alignment as Alignment
    from lmctool.symmetry.linear.spec import LinearSpec as LinearSpec
    from lmctool.symmetry.linear.transform import LinearTransform as LinearTransform
    from lmctool.symmetry.matching import match as match
    from lmctool.symmetry.transform import Transform as Transform
    from lmctool.weights.arithmetic import Weights as Weights
    from lmctool.weights.arithmetic import lerp as lerp
    from lmctool.weights.lazy_networks import LazyNetworks as LazyNetworks

MODULES = {
    "lmctool.curves.barrier": "barrier definition_option",
    "lmctool.curves.grid": "grid grid_options",
    "lmctool.curves.partition": "Partition partition_options partitions",
    "lmctool.data.given.adopted": "as_dataset",
    "lmctool.data.split": "Split",
    "lmctool.errors": "LmctoolError UnjudgedError",
    "lmctool.evaluate.score_table": "score_group score_table",
    "lmctool.evaluate.scores": "Scores",
    "lmctool.plugin.hookspecs": "hookimpl",
    "lmctool.plugin.data_records": "DataFormat Dataset Examples Images Preprocessing Rows",
    "lmctool.plugin.help_page": "HelpPage",
    "lmctool.plugin.records": "Aligner Analysis Argument Correction ExecutorFactory ModelFamily"
    " Observer Score Task",
    "lmctool.plugin.lazy": "Lazy",
    "lmctool.plugin.merge_records": "Merge Merged NetworksToMerge TensorsToMerge",
    "lmctool.plugin.parameters": "CheckpointFile",
    "lmctool.plugin.settings": "Choice Settings",
    "lmctool.results.array": "Array",
    "lmctool.results.declared_metric": "DeclaredMetric",
    "lmctool.results.result": "Group NewCheckpoint Result Variable",
    "lmctool.results.score_metric": "ERROR LOSS ScoreMetric",
    "lmctool.results.stored_metrics": "metrics_of shown_metrics",
    "lmctool.results.table": "Table",
    "lmctool.run.path": "Curves",
    "lmctool.run.run": "Run",
    "lmctool.run.variant": "Variant",
    "lmctool.symmetry": "Permutation PermutationSpec",
    "lmctool.symmetry.alignment": "Alignment",
    "lmctool.symmetry.linear.spec": "LinearSpec",
    "lmctool.symmetry.linear.transform": "LinearTransform",
    "lmctool.symmetry.matching": "match",
    "lmctool.symmetry.transform": "Transform",
    "lmctool.weights.arithmetic": "Weights lerp",
    "lmctool.weights.lazy_networks": "LazyNetworks",
}
"""The public names of each module, which type checkers read from the imports above."""

__all__ = sorted(name for names in MODULES.values() for name in names.split())

if not TYPE_CHECKING:  # so that a type checker reports a name that is not public
    __getattr__ = importer(__name__, MODULES)


def __dir__() -> list[str]:
    """List the public names."""
    return __all__
