"""Batched evaluation of many weights over splits of data."""

from lmctool.evaluate.engine import evaluate
from lmctool.evaluate.functional import Network
from lmctool.evaluate.scores import Scores

__all__ = ["Network", "Scores", "evaluate"]
