"""TensorBoard: event files in a new folder in FOLDER, with metrics, curves and the figure."""

from __future__ import annotations

from datetime import datetime
from io import BytesIO
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lmctool.api import Observer, hookimpl
from lmctool.api.advanced import import_library, sparingly, tracked

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lmctool.api import Result

ALLOWED = r"\w./=+: \-"
USUAL = "runs"
"""The folder that TensorBoard's writers take if none is named."""


class TensorBoardRun:
    """One run of lmctool as a run of TensorBoard."""

    def __init__(self, place: str) -> None:
        """Look for the library.

        Raises:
            LmctoolError: it isn't installed.
        """
        import_library("tensorboard", f"tensorboard:{place}", "observer")
        self._folder = Path(place or USUAL)
        self._writer: Any = None

    def started(self, provenance: Mapping[str, Any]) -> None:
        """Begin event files, with the plan as a text."""
        from torch.utils.tensorboard import SummaryWriter

        name = f"{provenance['analysis']}-{datetime.now():%Y%m%d-%H%M%S}"
        self._writer = SummaryWriter(str(_new_folder(self._folder, name)))
        self._writer.add_text("plan", _table(provenance))

    def progressed(self, description: str, done: int, total: int) -> None:
        """Log how many steps of a stage are done."""
        self._scalar(f"progress/{description}", done, done)
        self._writer.flush()

    def finished(self, result: Result | None, error: BaseException | None) -> None:
        """Log all that the result holds, or why there is none."""
        if result is None:
            self._writer.add_text("status", f"failed: {type(error).__name__}: {error}")
            self._writer.close()
            return
        told = tracked(result, ALLOWED)
        self._writer.add_text("provenance", _table(told.provenance))
        for name, value in told.metrics.items():
            self._scalar(name, value, 0)
        for curves in told.curves:
            for name, line in {curves.axis: curves.positions, **curves.series}.items():
                for step, value in zip(curves.steps, line, strict=True):
                    if value == value:
                        self._scalar(name, float(value), int(step))
        if told.figure is not None:
            self._add_image(told.figure)
        self._writer.add_text("status", "finished")
        self._writer.close()

    def _scalar(self, name: str, value: float, step: int) -> None:
        self._writer.add_scalar(name, value, step, new_style=True, double_precision=True)

    def _add_image(self, png: bytes) -> None:
        import numpy as np
        from PIL import Image

        with Image.open(BytesIO(png)) as figure:
            pixels = np.asarray(figure.convert("RGB"))
        self._writer.add_image("figure", pixels, dataformats="HWC")


def _new_folder(parent: Path, name: str) -> Path:
    """Make a folder that no other run writes to, for TensorBoard joins what lies in one."""
    for number in count(1):
        folder = parent / (name if number == 1 else f"{name}-{number}")
        try:
            folder.mkdir(parents=True)
        except FileExistsError:
            continue
        return folder
    raise AssertionError


def _table(entries: Mapping[str, Any]) -> str:
    """Return a table in Markdown."""
    rows = [f"| {key} | {_cell(str(value))} |" for key, value in entries.items()]
    return "\n".join(["| key | value |", "|---|---|", *rows])


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def opened(place: str) -> Observer:
    """Return the observer of one run."""
    run = TensorBoardRun(place)
    return Observer(run.started, sparingly(run.progressed), run.finished)


@hookimpl
def lmctool_observer() -> Observer:
    """Add ``--observer tensorboard:FOLDER``."""
    return Observer(open=opened)
