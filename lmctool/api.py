"""Everything a plugin may import; a name is loaded when it is first used."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lmctool.alignment import matched
    from lmctool.data.split import Split
    from lmctool.errors import ExitCode, LmctoolError, PluginError, UnjudgedError
    from lmctool.evaluate.curve import Curves
    from lmctool.evaluate.scores import Scores
    from lmctool.graph.fuse import fuse
    from lmctool.graph.targets import Target
    from lmctool.hookspecs import hookimpl
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
    from lmctool.statistics import CrossMoments, Goal, Moments
    from lmctool.symmetry import Permutation, PermutationSpec
    from lmctool.symmetry.form import AxisForm
    from lmctool.symmetry.matching import assignment, match, origins
    from lmctool.symmetry.place import Place
    from lmctool.symmetry.soft import Mixture, permutation_matrices
    from lmctool.symmetry.spec import Tap
    from lmctool.variant import Variant
    from lmctool.weights import Weights, lerp

__all__ = [
    "Aligner",
    "Analysis",
    "AxisForm",
    "Correction",
    "CrossMoments",
    "Curves",
    "DataFormat",
    "Dataset",
    "Examples",
    "ExitCode",
    "Goal",
    "Group",
    "LmctoolError",
    "Mixture",
    "ModelFamily",
    "Moments",
    "NewCheckpoint",
    "Observer",
    "Permutation",
    "PermutationSpec",
    "Place",
    "PluginError",
    "Result",
    "Run",
    "Scores",
    "Split",
    "Table",
    "Tap",
    "Target",
    "Task",
    "UnjudgedError",
    "Variable",
    "Variant",
    "Weights",
    "assignment",
    "fuse",
    "hookimpl",
    "lerp",
    "match",
    "matched",
    "origins",
    "permutation_matrices",
    "score_group",
    "score_table",
]

_HOMES = {
    "Aligner": "lmctool.seam",
    "Analysis": "lmctool.seam",
    "AxisForm": "lmctool.symmetry.form",
    "Correction": "lmctool.seam",
    "CrossMoments": "lmctool.statistics",
    "Curves": "lmctool.evaluate.curve",
    "DataFormat": "lmctool.seam",
    "Dataset": "lmctool.seam",
    "Examples": "lmctool.seam",
    "ExitCode": "lmctool.errors",
    "Goal": "lmctool.statistics",
    "Group": "lmctool.results.result",
    "LmctoolError": "lmctool.errors",
    "Mixture": "lmctool.symmetry.soft",
    "ModelFamily": "lmctool.seam",
    "Moments": "lmctool.statistics",
    "NewCheckpoint": "lmctool.results.result",
    "Observer": "lmctool.seam",
    "Permutation": "lmctool.symmetry",
    "PermutationSpec": "lmctool.symmetry",
    "Place": "lmctool.symmetry.place",
    "PluginError": "lmctool.errors",
    "Result": "lmctool.results.result",
    "Run": "lmctool.run",
    "Scores": "lmctool.evaluate.scores",
    "Split": "lmctool.data.split",
    "Table": "lmctool.report.table",
    "Tap": "lmctool.symmetry.spec",
    "Target": "lmctool.graph.targets",
    "Task": "lmctool.seam",
    "UnjudgedError": "lmctool.errors",
    "Variable": "lmctool.results.result",
    "Variant": "lmctool.variant",
    "Weights": "lmctool.weights",
    "assignment": "lmctool.symmetry.matching",
    "fuse": "lmctool.graph.fuse",
    "hookimpl": "lmctool.hookspecs",
    "lerp": "lmctool.weights",
    "match": "lmctool.symmetry.matching",
    "matched": "lmctool.alignment",
    "origins": "lmctool.symmetry.matching",
    "permutation_matrices": "lmctool.symmetry.soft",
    "score_group": "lmctool.report.networks",
    "score_table": "lmctool.report.networks",
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
