"""A checkpoint that a run made, without writing it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lmctool.results.result import NewCheckpoint

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from torch import Tensor

    from lmctool.checkpoint import Checkpoint


@dataclass(frozen=True, slots=True)
class HeldCheckpoint(NewCheckpoint):
    """A new checkpoint with what it is written like, which no run is needed for any more.

    Its weights are under all the names that ``form`` has, tied tensors under each of them.

    Attributes:
        form: gives the stored names, dtypes and metadata, and says whether it is a folder.
    """

    form: Checkpoint = field(kw_only=True)

    @classmethod
    def stored(cls, path: Path, beside: Sequence[str] = ()) -> HeldCheckpoint:
        """Return the checkpoint that a run wrote; each tensor is read when it is asked for.

        Args:
            path: where it is.
            beside: what stands behind the names of others beside it.

        Raises:
            LmctoolError: it cannot be read.
        """
        from lmctool.checkpoint import open_checkpoint
        from lmctool.cli.outputs import place_beside
        from lmctool.weights.arithmetic import LazyWeights

        form = open_checkpoint(path)
        others = {behind: cls.stored(place_beside(path, behind)) for behind in beside}
        return cls(LazyWeights(form.names, form.tensor), form=form, beside=others)

    @property
    def all(self) -> dict[str, HeldCheckpoint]:
        """This one and those beside it, by what stands behind their names."""
        beside = {
            behind: other
            for behind, other in self.beside.items()
            if isinstance(other, HeldCheckpoint)
        }
        return {"": self, **beside}

    def tensors(self) -> dict[str, Tensor]:
        """Return its tensors by name, on the CPU, in the dtypes in which it is stored.

        Raises:
            LmctoolError: a value does not fit its dtype.
            UnjudgedError: a tensor holds NaN or infinite values.
        """
        from lmctool.checkpoint.writing import in_stored_dtypes

        return in_stored_dtypes(self.weights, self.form)

    def write(self, path: Path, *, force: bool) -> None:
        """Write it to a file, or to a folder; see ``write_checkpoint``."""
        from lmctool.checkpoint import write_checkpoint

        write_checkpoint(
            path,
            self.weights,
            like=self.form,
            metadata=self.metadata,
            files=self.files,
            force=force,
        )
