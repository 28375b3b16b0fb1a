"""Writing a result, and what belongs to it, as its command writes it."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

from lmctool.cli.held_checkpoint import HeldCheckpoint
from lmctool.cli.outputs import CHECKPOINT, place_beside, result_places
from lmctool.files.publish import refuse_existing, refuse_existing_folder
from lmctool.report import by_analysis, figure
from lmctool.results import file

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from lmctool.results.result import Result


def save(result: Result, path: Path, *, with_figure: bool, force: bool) -> dict[str, Path]:
    """Write a result, the checkpoint that is held with it, and its figure.

    Args:
        result: the result.
        path: its path; a known suffix is replaced by that of each file.
        with_figure: whether to write the figure; one that cannot be drawn is warned of.
        force: whether existing files may be replaced.

    Returns:
        The files by role.

    Raises:
        LmctoolError: one exists and ``force`` is not given, or it cannot be written.
    """
    held = result.checkpoint.all if isinstance(result.checkpoint, HeldCheckpoint) else {}
    places = result_places(path, folder=bool(held) and held[""].form.is_folder)
    first = places.pop("checkpoint")
    checkpoints = {behind: place_beside(first, behind) for behind in held}
    places |= {f"checkpoint{behind}": place for behind, place in checkpoints.items()}
    if not with_figure:
        del places["figure"]
    _refuse_existing(places, held, force)
    file.write(result, places["result"], force=force)
    for behind, checkpoint in held.items():
        checkpoint.write(checkpoints[behind], force=force)
    if with_figure:
        try:
            figure.save(result, by_analysis.drawer(result), places["figure"], force)
        except figure.FigureError as error:
            warnings.warn(str(error), stacklevel=3)
            del places["figure"]
    return places


def _refuse_existing(
    places: dict[str, Path], held: Mapping[str, HeldCheckpoint], force: bool
) -> None:
    """Refuse before anything is written what could not be written after it."""
    from lmctool.checkpoint.writing import folder_names

    files = dict(places)
    for behind, checkpoint in held.items():
        if files[f"checkpoint{behind}"].suffix != CHECKPOINT:
            place = files.pop(f"checkpoint{behind}")
            refuse_existing_folder(place, folder_names(checkpoint.form), force)
    refuse_existing(list(files.values()), force)
