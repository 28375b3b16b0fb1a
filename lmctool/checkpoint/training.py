"""What a checkpoint's metadata tells of the training that it comes from."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from lmctool.checkpoint.pytorch_file import TRAINING

if TYPE_CHECKING:
    from collections.abc import Mapping

LARGEST = 10**15
"""No training has so many steps: a greater number is none of them."""


def training_of(metadata: Mapping[str, str]) -> dict[str, Any]:
    """Return what ``lmctool.training`` of a file's metadata says; empty where it says nothing."""
    try:
        training = json.loads(metadata.get(TRAINING, "{}"))
    except (ValueError, RecursionError):
        return {}
    return training if isinstance(training, dict) else {}


def count_of(training: Mapping[str, Any], name: str) -> int | None:
    """Return a number of steps or epochs that a training tells, or None where it is none."""
    number = training.get(name)
    return number if type(number) is int and 0 <= number < LARGEST else None
