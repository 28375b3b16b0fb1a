"""Everything a plugin may import; a name is loaded when it is first used."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lmctool.alignment import matched
    from lmctool.barrier import around, barrier, definition_option, reference
    from lmctool.bootstrap import interval, resampled
    from lmctool.checkpoint.squares import held_squared_norms, squared_norms
    from lmctool.correction import (
        correctable,
        corrected,
        goal,
        predicted,
        renormalised_path,
        target_option,
    )
    from lmctool.data.split import Split
    from lmctool.errors import ExitCode, LmctoolError, PluginError, UnjudgedError
    from lmctool.evaluate.curve import Curves
    from lmctool.evaluate.formed import Formed
    from lmctool.evaluate.scores import Scores
    from lmctool.examples import example_group, example_rows
    from lmctool.graph.fuse import fuse
    from lmctool.graph.targets import Target
    from lmctool.grid import grid, grid_options
    from lmctool.hookspecs import hookimpl
    from lmctool.inputs import CheckpointFile, ResultFile, SeriesFolder
    from lmctool.partition import Partition, partition, partition_options, partitions
    from lmctool.partwise import Partwise
    from lmctool.report.networks import score_group, score_table
    from lmctool.report.table import Table
    from lmctool.results.result import Group, NewCheckpoint, Result, Variable
    from lmctool.run import Run
    from lmctool.seam import (
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
    from lmctool.series import Series
    from lmctool.settings import Settings
    from lmctool.shape import ShapeRule, draw_up, level_until, shape_options
    from lmctool.statistics import CrossMoments, Goal, Moments, PairedMoments
    from lmctool.symmetry import Permutation, PermutationSpec, prove
    from lmctool.symmetry.common_frame import CommonFrame, common_frame, displaced
    from lmctool.symmetry.form import AxisForm
    from lmctool.symmetry.matching import assignment, match, origins
    from lmctool.symmetry.place import Place
    from lmctool.symmetry.soft import Mixture, permutation_matrices
    from lmctool.symmetry.spec import Tap
    from lmctool.variant import Variant
    from lmctool.weights import LazyWeights, Weights, lerp

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
    "squared_norms",
    "target_option",
]

_HOMES = {
    "Aligner": "lmctool.seam",
    "Analysis": "lmctool.seam",
    "AxisForm": "lmctool.symmetry.form",
    "CheckpointFile": "lmctool.inputs",
    "CommonFrame": "lmctool.symmetry.common_frame",
    "Correction": "lmctool.seam",
    "CrossMoments": "lmctool.statistics",
    "Curves": "lmctool.evaluate.curve",
    "DataFormat": "lmctool.seam",
    "Dataset": "lmctool.seam",
    "Examples": "lmctool.seam",
    "ExitCode": "lmctool.errors",
    "Formed": "lmctool.evaluate.formed",
    "Goal": "lmctool.statistics",
    "Group": "lmctool.results.result",
    "LazyWeights": "lmctool.weights",
    "LmctoolError": "lmctool.errors",
    "Mixture": "lmctool.symmetry.soft",
    "ModelFamily": "lmctool.seam",
    "Moments": "lmctool.statistics",
    "NewCheckpoint": "lmctool.results.result",
    "Observer": "lmctool.seam",
    "PairedMoments": "lmctool.statistics",
    "Partition": "lmctool.partition",
    "Partwise": "lmctool.partwise",
    "Permutation": "lmctool.symmetry",
    "PermutationSpec": "lmctool.symmetry",
    "Place": "lmctool.symmetry.place",
    "PluginError": "lmctool.errors",
    "Result": "lmctool.results.result",
    "ResultFile": "lmctool.inputs",
    "Run": "lmctool.run",
    "Scores": "lmctool.evaluate.scores",
    "Series": "lmctool.series",
    "SeriesFolder": "lmctool.inputs",
    "Settings": "lmctool.settings",
    "ShapeRule": "lmctool.shape",
    "Split": "lmctool.data.split",
    "Table": "lmctool.report.table",
    "Tap": "lmctool.symmetry.spec",
    "Target": "lmctool.graph.targets",
    "Task": "lmctool.seam",
    "UnjudgedError": "lmctool.errors",
    "Variable": "lmctool.results.result",
    "Variant": "lmctool.variant",
    "Weights": "lmctool.weights",
    "around": "lmctool.barrier",
    "assignment": "lmctool.symmetry.matching",
    "barrier": "lmctool.barrier",
    "common_frame": "lmctool.symmetry.common_frame",
    "correctable": "lmctool.correction",
    "corrected": "lmctool.correction",
    "definition_option": "lmctool.barrier",
    "displaced": "lmctool.symmetry.common_frame",
    "draw_up": "lmctool.shape",
    "example_group": "lmctool.examples",
    "example_rows": "lmctool.examples",
    "fuse": "lmctool.graph.fuse",
    "goal": "lmctool.correction",
    "grid": "lmctool.grid",
    "grid_options": "lmctool.grid",
    "held_squared_norms": "lmctool.checkpoint.squares",
    "hookimpl": "lmctool.hookspecs",
    "interval": "lmctool.bootstrap",
    "lerp": "lmctool.weights",
    "level_until": "lmctool.shape",
    "match": "lmctool.symmetry.matching",
    "matched": "lmctool.alignment",
    "origins": "lmctool.symmetry.matching",
    "partition": "lmctool.partition",
    "partition_options": "lmctool.partition",
    "partitions": "lmctool.partition",
    "permutation_matrices": "lmctool.symmetry.soft",
    "predicted": "lmctool.correction",
    "prove": "lmctool.symmetry",
    "reference": "lmctool.barrier",
    "renormalised_path": "lmctool.correction",
    "resampled": "lmctool.bootstrap",
    "score_group": "lmctool.report.networks",
    "score_table": "lmctool.report.networks",
    "shape_options": "lmctool.shape",
    "squared_norms": "lmctool.checkpoint.squares",
    "target_option": "lmctool.correction",
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
