"""The files of a run: where they go, and writing them so that nothing found is lost."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from lmctool.errors import LmctoolError
from lmctool.publish import refuse_existing

if TYPE_CHECKING:
    from collections.abc import Callable

    from lmctool.results.result import Result
    from lmctool.run import Run
    from lmctool.seam import Analysis

SUFFIXES = {"result": ".h5", "checkpoint": ".safetensors", "figure": ".png"}


def outputs(out: Path, *, checkpoint: bool, document: str | None) -> dict[str, Path]:
    """Return the path of each output by its role.

    Args:
        out: what the user gave; one of the known suffixes is replaced, another one kept.
        checkpoint: whether a checkpoint is written.
        document: where the JSON goes, ``-`` and None being no file.

    Raises:
        LmctoolError: ``out`` names a folder, or two outputs are one file.
    """
    if out.is_dir() or not out.name:
        raise LmctoolError(f"output '{out}' is a folder; name a file in it with -o")
    stem = out.with_suffix("") if out.suffix in SUFFIXES.values() else out
    paths = {
        role: stem.with_name(stem.name + suffix)
        for role, suffix in SUFFIXES.items()
        if checkpoint or role != "checkpoint"
    }
    if document not in {None, "-"}:
        paths["document"] = Path(str(document))
        if paths["document"] in list(paths.values())[:-1]:
            raise LmctoolError(f"--json and -o both name '{document}'; choose another for one")
    return paths


def check(paths: dict[str, Path], run: Run) -> None:
    """Refuse to write over an input, whatever ``--force`` says.

    Raises:
        LmctoolError: an output is a file of one of the checkpoints.
    """
    for path in paths.values():
        for checkpoint in run.checkpoints:
            if path.exists() and any(path.samefile(file) for file in checkpoint.files):
                raise LmctoolError(
                    f"output '{path}' is an input of this very run; choose another with -o"
                )


@dataclass
class Outputs:
    """Writes the outputs of one run, and knows which are there already.

    Attributes:
        paths: where each goes, by role.
        force: whether existing files may be replaced.
        written: those that are there, by role.
    """

    paths: dict[str, Path]
    force: bool
    written: dict[str, Path] = field(default_factory=dict)

    def refuse_existing(self) -> None:
        """Refuse before any work what could not be written after it."""
        refuse_existing(list(self.paths.values()), self.force)

    def save(self, result: Result, analysis: Analysis, run: Run) -> None:
        """Write the result, then the checkpoint it made, then the figure.

        Raises:
            LmctoolError: one cannot be written; says which were before.
        """
        from lmctool.report import figure
        from lmctool.results import file

        self._step("result", lambda path: file.write(result, path, force=self.force))
        if result.checkpoint is not None and "checkpoint" in self.paths:
            self._step("checkpoint", lambda path: self._save_checkpoint(result, run, path))
        self._step("figure", lambda path: figure.save(result, analysis.figure, path, self.force))

    def write_document(self, result: Result, target: str) -> None:
        """Write the result as JSON, to a file or to stdout."""
        from lmctool.results.document import document, write_json

        content = document(result, self.written)
        if target == "-":
            write_json(content, "-")
        else:
            self._step("document", lambda path: write_json(content, str(path), force=self.force))

    def told(self) -> str:
        """Return in words which files are there."""
        return ", ".join(f"'{path}'" for path in self.written.values()) or "nothing"

    def _step(self, role: str, write: Callable[[Path], None]) -> None:
        try:
            write(self.paths[role])
        except LmctoolError as error:
            if not self.written:
                raise
            raise type(error)(f"{error}; written before: {self.told()}") from error
        self.written[role] = self.paths[role]

    def _save_checkpoint(self, result: Result, run: Run, path: Path) -> None:
        from lmctool.checkpoint import write_checkpoint

        made = result.checkpoint
        if made is not None:
            like = run.checkpoints[made.like]
            write_checkpoint(
                path, made.weights, like=like, metadata=made.metadata, force=self.force
            )
