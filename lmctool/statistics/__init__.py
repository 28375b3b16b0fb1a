"""Activations, their moments and cross-moments, each in one pass over the data."""

from lmctool.statistics.activations import activations, values
from lmctool.statistics.cross import CrossMoments, cross
from lmctool.statistics.cross_batch import cross_batch
from lmctool.statistics.example_layout import ExampleLayout, example_layout
from lmctool.statistics.journalled import journalled
from lmctool.statistics.moments import Moments, measured
from lmctool.statistics.paired import PairedMoments, paired
from lmctool.statistics.pieces import WHOLE, Pieces, pieces_for
from lmctool.statistics.renormalised import Goal, renormalised

__all__ = [
    "WHOLE",
    "CrossMoments",
    "ExampleLayout",
    "Goal",
    "Moments",
    "PairedMoments",
    "Pieces",
    "activations",
    "cross",
    "cross_batch",
    "example_layout",
    "journalled",
    "measured",
    "paired",
    "pieces_for",
    "renormalised",
    "values",
]
