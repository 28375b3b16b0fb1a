"""Everything a plugin may import; a name is loaded when it is first used."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lmctool.checkpoint.squared_norms import held_squared_norms, squared_norms
    from lmctool.curves.barrier import around, barrier, definition_option, reference
    from lmctool.curves.bootstrap import interval, resampled
    from lmctool.curves.example_table import example_group, example_rows
    from lmctool.curves.grid import grid, grid_options
    from lmctool.curves.partition import Partition, partition, partition_options, partitions
    from lmctool.curves.shape import ShapeRule, draw_up, level_until, shape_options
    from lmctool.data.split import Split
    from lmctool.errors import ExitCode, LmctoolError, PluginError, UnjudgedError
    from lmctool.evaluate.score_table import score_group, score_table
    from lmctool.evaluate.scores import Scores
    from lmctool.files.short_names import short_names
    from lmctool.graph.fuse import fuse
    from lmctool.graph.targets import Target
    from lmctool.plugin.hookspecs import hookimpl
    from lmctool.plugin.kinds import (
        Aligner,
        Analysis,
        Correction,
        DataFormat,
        Dataset,
        Examples,
        ModelFamily,
        Observer,
        Task,
    )
    from lmctool.plugin.parameters import CheckpointFile, ResultFile, SeriesFolder
    from lmctool.plugin.settings import Series, Settings
    from lmctool.results.result import Group, NewCheckpoint, Result, Variable
    from lmctool.results.table import Table
    from lmctool.run.alignment import matched
    from lmctool.run.path import Curves
    from lmctool.run.repair import (
        correctable,
        corrected,
        goal,
        predicted,
        renormalised_path,
        target_option,
    )
    from lmctool.run.run import Run
    from lmctool.run.variant import Variant
    from lmctool.statistics import CrossMoments, Goal, Moments, PairedMoments
    from lmctool.symmetry import Permutation, PermutationSpec, prove
    from lmctool.symmetry.axis_form import AxisForm
    from lmctool.symmetry.common_frame import CommonFrame, common_frame, displaced
    from lmctool.symmetry.matching import assignment, match, origins
    from lmctool.symmetry.soft_permutation import Mixture, permutation_matrices
    from lmctool.symmetry.spec import Tap
    from lmctool.symmetry.unit_index import Place
    from lmctool.weights.arithmetic import LazyWeights, Weights, lerp
    from lmctool.weights.lazy_networks import Formed
    from lmctool.weights.partwise import Partwise

__all__ = [
    "Aligner",
    "Analysis",
    "AxisForm",
    "CheckpointFile",
    "CommonFrame",
    "Correction",
    "CrossMoments",
    "Curves",
    "DataFormat",
    "Dataset",
    "Examples",
    "ExitCode",
    "Formed",
    "Goal",
    "Group",
    "LazyWeights",
    "LmctoolError",
    "Mixture",
    "ModelFamily",
    "Moments",
    "NewCheckpoint",
    "Observer",
    "PairedMoments",
    "Partition",
    "Partwise",
    "Permutation",
    "PermutationSpec",
    "Place",
    "PluginError",
    "Result",
    "ResultFile",
    "Run",
    "Scores",
    "Series",
    "SeriesFolder",
    "Settings",
    "ShapeRule",
    "Split",
    "Table",
    "Tap",
    "Target",
    "Task",
    "UnjudgedError",
    "Variable",
    "Variant",
    "Weights",
    "around",
    "assignment",
    "barrier",
    "common_frame",
    "correctable",
    "corrected",
    "definition_option",
    "displaced",
    "draw_up",
    "example_group",
    "example_rows",
    "fuse",
    "goal",
    "grid",
    "grid_options",
    "held_squared_norms",
    "hookimpl",
    "interval",
    "lerp",
    "level_until",
    "match",
    "matched",
    "origins",
    "partition",
    "partition_options",
    "partitions",
    "permutation_matrices",
    "predicted",
    "prove",
    "reference",
    "renormalised_path",
    "resampled",
    "score_group",
    "score_table",
    "shape_options",
    "short_names",
    "squared_norms",
    "target_option",
]

_HOMES = {
    "Aligner": "lmctool.plugin.kinds",
    "Analysis": "lmctool.plugin.kinds",
    "AxisForm": "lmctool.symmetry.axis_form",
    "CheckpointFile": "lmctool.plugin.parameters",
    "CommonFrame": "lmctool.symmetry.common_frame",
    "Correction": "lmctool.plugin.kinds",
    "CrossMoments": "lmctool.statistics",
    "Curves": "lmctool.run.path",
    "DataFormat": "lmctool.plugin.kinds",
    "Dataset": "lmctool.plugin.kinds",
    "Examples": "lmctool.plugin.kinds",
    "ExitCode": "lmctool.errors",
    "Formed": "lmctool.weights.lazy_networks",
    "Goal": "lmctool.statistics",
    "Group": "lmctool.results.result",
    "LazyWeights": "lmctool.weights.arithmetic",
    "LmctoolError": "lmctool.errors",
    "Mixture": "lmctool.symmetry.soft_permutation",
    "ModelFamily": "lmctool.plugin.kinds",
    "Moments": "lmctool.statistics",
    "NewCheckpoint": "lmctool.results.result",
    "Observer": "lmctool.plugin.kinds",
    "PairedMoments": "lmctool.statistics",
    "Partition": "lmctool.curves.partition",
    "Partwise": "lmctool.weights.partwise",
    "Permutation": "lmctool.symmetry",
    "PermutationSpec": "lmctool.symmetry",
    "Place": "lmctool.symmetry.unit_index",
    "PluginError": "lmctool.errors",
    "Result": "lmctool.results.result",
    "ResultFile": "lmctool.plugin.parameters",
    "Run": "lmctool.run.run",
    "Scores": "lmctool.evaluate.scores",
    "Series": "lmctool.plugin.settings",
    "SeriesFolder": "lmctool.plugin.parameters",
    "Settings": "lmctool.plugin.settings",
    "ShapeRule": "lmctool.curves.shape",
    "Split": "lmctool.data.split",
    "Table": "lmctool.results.table",
    "Tap": "lmctool.symmetry.spec",
    "Target": "lmctool.graph.targets",
    "Task": "lmctool.plugin.kinds",
    "UnjudgedError": "lmctool.errors",
    "Variable": "lmctool.results.result",
    "Variant": "lmctool.run.variant",
    "Weights": "lmctool.weights.arithmetic",
    "around": "lmctool.curves.barrier",
    "assignment": "lmctool.symmetry.matching",
    "barrier": "lmctool.curves.barrier",
    "common_frame": "lmctool.symmetry.common_frame",
    "correctable": "lmctool.run.repair",
    "corrected": "lmctool.run.repair",
    "definition_option": "lmctool.curves.barrier",
    "displaced": "lmctool.symmetry.common_frame",
    "draw_up": "lmctool.curves.shape",
    "example_group": "lmctool.curves.example_table",
    "example_rows": "lmctool.curves.example_table",
    "fuse": "lmctool.graph.fuse",
    "goal": "lmctool.run.repair",
    "grid": "lmctool.curves.grid",
    "grid_options": "lmctool.curves.grid",
    "held_squared_norms": "lmctool.checkpoint.squared_norms",
    "hookimpl": "lmctool.plugin.hookspecs",
    "interval": "lmctool.curves.bootstrap",
    "lerp": "lmctool.weights.arithmetic",
    "level_until": "lmctool.curves.shape",
    "match": "lmctool.symmetry.matching",
    "matched": "lmctool.run.alignment",
    "origins": "lmctool.symmetry.matching",
    "partition": "lmctool.curves.partition",
    "partition_options": "lmctool.curves.partition",
    "partitions": "lmctool.curves.partition",
    "permutation_matrices": "lmctool.symmetry.soft_permutation",
    "predicted": "lmctool.run.repair",
    "prove": "lmctool.symmetry",
    "reference": "lmctool.curves.barrier",
    "renormalised_path": "lmctool.run.repair",
    "resampled": "lmctool.curves.bootstrap",
    "score_group": "lmctool.evaluate.score_table",
    "score_table": "lmctool.evaluate.score_table",
    "shape_options": "lmctool.curves.shape",
    "short_names": "lmctool.files.short_names",
    "squared_norms": "lmctool.checkpoint.squared_norms",
    "target_option": "lmctool.run.repair",
}


def __getattr__(name: str) -> Any:
    """Import a public name from where it lives, so that listing plugins stays light."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """List the public names."""
    return __all__
