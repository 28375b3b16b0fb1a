"""Everything a plugin may import; a name is loaded when it is first used."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lmctool.checkpoint.squared_norms import squared_norms, squared_norms_of_weights
    from lmctool.curves.barrier import around, barrier, definition_option, reference
    from lmctool.curves.bootstrap import interval, resampled
    from lmctool.curves.example_table import example_group, example_rows
    from lmctool.curves.grid import grid, grid_options
    from lmctool.curves.partition import Partition, partition, partition_options, partitions
    from lmctool.curves.shape import ShapeRule, draw_up, level_until, shape_options
    from lmctool.data.split import Split
    from lmctool.errors import (
        ExitCode,
        LmctoolError,
        PluginError,
        UnjudgedError,
        did_you_mean,
    )
    from lmctool.evaluate.score_table import score_group, score_table
    from lmctool.evaluate.scores import Scores
    from lmctool.graph.fuse import fuse
    from lmctool.graph.targets import Target
    from lmctool.plugin.hookspecs import hookimpl
    from lmctool.plugin.kinds import (
        Aligner,
        Analysis,
        Argument,
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
    from lmctool.symmetry import Permutation, PermutationSpec, Proof
    from lmctool.symmetry.alignment import Alignment
    from lmctool.symmetry.axis_form import AxisForm
    from lmctool.symmetry.common_frame import CommonFrame, common_frame, cycle_displacement
    from lmctool.symmetry.matching import assignment, match, origins
    from lmctool.symmetry.soft_permutation import SoftPermutation, permutation_matrices
    from lmctool.symmetry.spec import Tap
    from lmctool.symmetry.unit_index import UnitIndex
    from lmctool.weights.arithmetic import LazyWeights, Weights, lerp
    from lmctool.weights.lazy_networks import LazyNetworks
    from lmctool.weights.mean import mean_tensor
    from lmctool.weights.partwise import Partwise

__all__ = [
    "Aligner",
    "Alignment",
    "Analysis",
    "Argument",
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
    "Goal",
    "Group",
    "LazyNetworks",
    "LazyWeights",
    "LmctoolError",
    "ModelFamily",
    "Moments",
    "NewCheckpoint",
    "Observer",
    "PairedMoments",
    "Partition",
    "Partwise",
    "Permutation",
    "PermutationSpec",
    "PluginError",
    "Proof",
    "Result",
    "ResultFile",
    "Run",
    "Scores",
    "Series",
    "SeriesFolder",
    "Settings",
    "ShapeRule",
    "SoftPermutation",
    "Split",
    "Table",
    "Tap",
    "Target",
    "Task",
    "UnitIndex",
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
    "cycle_displacement",
    "definition_option",
    "did_you_mean",
    "draw_up",
    "example_group",
    "example_rows",
    "fuse",
    "goal",
    "grid",
    "grid_options",
    "hookimpl",
    "interval",
    "lerp",
    "level_until",
    "match",
    "mean_tensor",
    "origins",
    "partition",
    "partition_options",
    "partitions",
    "permutation_matrices",
    "predicted",
    "reference",
    "renormalised_path",
    "resampled",
    "score_group",
    "score_table",
    "shape_options",
    "squared_norms",
    "squared_norms_of_weights",
    "target_option",
]

_HOMES = {
    "Aligner": "lmctool.plugin.kinds",
    "Alignment": "lmctool.symmetry.alignment",
    "Analysis": "lmctool.plugin.kinds",
    "Argument": "lmctool.plugin.kinds",
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
    "LazyNetworks": "lmctool.weights.lazy_networks",
    "Goal": "lmctool.statistics",
    "Group": "lmctool.results.result",
    "LazyWeights": "lmctool.weights.arithmetic",
    "LmctoolError": "lmctool.errors",
    "ModelFamily": "lmctool.plugin.kinds",
    "Moments": "lmctool.statistics",
    "NewCheckpoint": "lmctool.results.result",
    "Observer": "lmctool.plugin.kinds",
    "PairedMoments": "lmctool.statistics",
    "Partition": "lmctool.curves.partition",
    "Partwise": "lmctool.weights.partwise",
    "Permutation": "lmctool.symmetry",
    "PermutationSpec": "lmctool.symmetry",
    "PluginError": "lmctool.errors",
    "Proof": "lmctool.symmetry",
    "Result": "lmctool.results.result",
    "ResultFile": "lmctool.plugin.parameters",
    "Run": "lmctool.run.run",
    "Scores": "lmctool.evaluate.scores",
    "Series": "lmctool.plugin.settings",
    "SeriesFolder": "lmctool.plugin.parameters",
    "Settings": "lmctool.plugin.settings",
    "ShapeRule": "lmctool.curves.shape",
    "SoftPermutation": "lmctool.symmetry.soft_permutation",
    "Split": "lmctool.data.split",
    "Table": "lmctool.results.table",
    "Tap": "lmctool.symmetry.spec",
    "Target": "lmctool.graph.targets",
    "Task": "lmctool.plugin.kinds",
    "UnitIndex": "lmctool.symmetry.unit_index",
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
    "cycle_displacement": "lmctool.symmetry.common_frame",
    "definition_option": "lmctool.curves.barrier",
    "did_you_mean": "lmctool.errors",
    "draw_up": "lmctool.curves.shape",
    "example_group": "lmctool.curves.example_table",
    "example_rows": "lmctool.curves.example_table",
    "fuse": "lmctool.graph.fuse",
    "goal": "lmctool.run.repair",
    "grid": "lmctool.curves.grid",
    "grid_options": "lmctool.curves.grid",
    "hookimpl": "lmctool.plugin.hookspecs",
    "interval": "lmctool.curves.bootstrap",
    "lerp": "lmctool.weights.arithmetic",
    "level_until": "lmctool.curves.shape",
    "mean_tensor": "lmctool.weights.mean",
    "match": "lmctool.symmetry.matching",
    "origins": "lmctool.symmetry.matching",
    "partition": "lmctool.curves.partition",
    "partition_options": "lmctool.curves.partition",
    "partitions": "lmctool.curves.partition",
    "permutation_matrices": "lmctool.symmetry.soft_permutation",
    "predicted": "lmctool.run.repair",
    "reference": "lmctool.curves.barrier",
    "renormalised_path": "lmctool.run.repair",
    "resampled": "lmctool.curves.bootstrap",
    "score_group": "lmctool.evaluate.score_table",
    "score_table": "lmctool.evaluate.score_table",
    "shape_options": "lmctool.curves.shape",
    "squared_norms": "lmctool.checkpoint.squared_norms",
    "squared_norms_of_weights": "lmctool.checkpoint.squared_norms",
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
