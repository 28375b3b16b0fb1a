"""Types of options that name files: what an analysis gets in their place."""

from __future__ import annotations

from pathlib import Path

import click


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


class ResultFile(click.Path):
    """The type of an option that names a result of an earlier run.

    The analysis gets the ``Result``.
    """

    def __init__(self, analysis: str) -> None:
        """Say which analysis the result must be of."""
        super().__init__(exists=True, dir_okay=False, path_type=Path)
        self.analysis = analysis
