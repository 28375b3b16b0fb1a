"""The examples that statistics are taken on: of which data, which split, and whether they fit."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import torch

from lmctool.errors import LmctoolError, about
from lmctool.evaluate.function_check import EXAMPLES

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    from lmctool.data.split import Split
    from lmctool.data.stored_inputs import StoredInputs
    from lmctool.plugin.data_records import Dataset
    from lmctool.run.resources import Resources

OWNER = "calibration set"
"""What data that statistics alone are taken on are called."""
STANDARD = "train"
"""The split that statistics are taken on where nobody says which."""


def calibration_set(resources: Resources) -> Split:
    """Open the examples that statistics are taken on: of the data, or of the calibration set.

    Raises:
        LmctoolError: there is no data, it has no such split, or a calibration set of its own is
            none that the model takes as it takes the data.
    """
    data, calib = resources.sources.data, resources.sources.calib
    asked, size = resources.settings.calib_split, resources.settings.calib_size
    draw = resources.settings.draw
    if calib is None:
        name = asked or STANDARD
        if data is not None:
            name = _split_name(data.dataset, asked, "", resources.note)
        return resources.splits.open(name, size, draw=draw)
    usual = [resources.split(name) for name in resources.settings.splits[:1]]
    resources.weights(0)  # what is wrong with these two is not the calibration set's
    with about(OWNER):
        name = _split_name(calib.dataset, asked, f" of the {OWNER}", resources.note)
        split = resources.splits.open(name, size, calibration=True, draw=draw)
        unlike = _compared(split, *usual)
        resources.forward.check_takes(split.head(EXAMPLES, resources.dtype), split.name)
    return replace(split, owner=OWNER, unlike=unlike)


def _split_name(
    dataset: Dataset, asked: str | None, whose: str, note: Callable[[str], None]
) -> str:
    """Return which split statistics are taken on; where it is another than usual, that is told.

    Args:
        dataset: the data that it is a split of.
        asked: what the user says.
        whose: in words, for the note.
        note: tells the user.

    Raises:
        LmctoolError: there is no such split.
    """
    name = asked or STANDARD
    if name in dataset.splits:
        return name
    if asked is None and len(dataset.splits) == 1:
        (only,) = dataset.splits
        note(f"activation statistics are taken on split {only!r}{whose}, the only one")
        return only
    raise LmctoolError(
        f"statistics of activations are taken on split {name!r}, which '{dataset.source}' has not;"
        f" pass --calib-split with one that it has: {', '.join(dataset.splits)}"
    )


def _compared(split: Split, *evaluated: Split) -> str:
    """Return why the targets of a calibration set can't be scored as those of the data.

    That is no fault of it, as few need them; nothing is said where they may be scored.

    Raises:
        LmctoolError: inputs of the data have another form.
    """
    unlike = ""
    for usual in evaluated:
        if _form(split.inputs) != _form(usual.inputs):
            raise LmctoolError(
                f"inputs of split {split.name!r} are {_words(split.inputs)} each, but those of the"
                f" data {_words(usual.inputs)}, by which the model is followed"
            )
        if _form(split.targets) != _form(usual.targets):
            unlike = (
                f"targets of split {split.name!r} are {_words(split.targets)} each, but those of"
                f" the data {_words(usual.targets)}, so that they have no loss"
            )
    return unlike


def _form(values: Tensor | StoredInputs) -> tuple[bool, torch.Size]:
    """Return whether an example's part is a class or tokens, not measurements, and its shape."""
    return values.dtype == torch.int64, values.shape[1:]


def _words(values: Tensor | StoredInputs) -> str:
    """Return in words what an example's part is."""
    dtype, shape = str(values.dtype).removeprefix("torch."), tuple(values.shape[1:])
    return f"{dtype} of shape {shape}" if shape else f"one {dtype}"
