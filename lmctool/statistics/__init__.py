"""Activations, their moments and cross-moments, each in one pass over the data."""

from lmctool.statistics.activations import activations, values
from lmctool.statistics.cross import CrossMoments, cross
from lmctool.statistics.cross_batch import cross_batch
from lmctool.statistics.example_layout import ExampleLayout, example_layout
from lmctool.statistics.journalled import journalled
from lmctool.statistics.moments import Moments, measured
from lmctool.statistics.paired import PairedMoments, paired
from lmctool.statistics.renormalised import Goal, renormalised

__all__ = [
    "CrossMoments",
    "ExampleLayout",
    "Goal",
    "Moments",
    "PairedMoments",
    "activations",
    "cross",
    "cross_batch",
    "example_layout",
    "journalled",
    "measured",
    "paired",
    "renormalised",
    "values",
]
