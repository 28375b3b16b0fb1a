"""Types of options that name files: what an analysis gets in their place."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from lmctool.errors import LmctoolError
from lmctool.files.input_files import check_input


class InputFile(click.Path):
    """The type of an option that names a regular file."""

    def __init__(self) -> None:
        """Take the path of a file that is there."""
        super().__init__(exists=True, dir_okay=False, path_type=Path)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the path; a pipe or a device is a usage error."""
        path = Path(str(super().convert(value, param, ctx)))
        try:
            check_input(path, f"file '{path}'")
        except LmctoolError as error:
            self.fail(str(error), param, ctx)
        return path


class CheckpointFile(click.Path):
    """The type of an option that names a checkpoint.

    The analysis gets the checkpoint's index in ``run.checkpoints``.
    """

    def __init__(self) -> None:
        """Take a path; whether a checkpoint is there is seen when it is opened."""
        super().__init__(path_type=Path)


class SeriesFolder(click.Path):
    """The type of an option that names the checkpoints of a training run: a folder, or a glob.

    The analysis gets a ``Series``.
    """

    def __init__(self) -> None:
        """Take a path or a pattern."""
        super().__init__(path_type=Path)


class ResultFile(InputFile):
    """The type of an option that names a result of an earlier run.

    The analysis gets the ``Result``.
    """

    def __init__(self, analysis: str) -> None:
        """Say which analysis the result must be of."""
        super().__init__()
        self.analysis = analysis
