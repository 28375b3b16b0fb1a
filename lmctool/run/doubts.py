"""What a run tells its user, and why some of its numbers can carry no verdict."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lmctool.data.normalisation import stamped_constants, suspicion
from lmctool.results.doubt import Doubt

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lmctool.checkpoint import Checkpoint
    from lmctool.data.split import Split

ALIGNED = ("align", "align+repair")
"""The variants that depend on an alignment."""


class Doubts:
    """The doubts of one run; each is told to the user, every sentence once.

    Attributes:
        found: the doubts so far.
    """

    def __init__(self, tell: Callable[[str], None]) -> None:
        """Take what tells the user something worth knowing."""
        self.found: list[Doubt] = []
        self._tell = tell
        self._told: set[str] = set()
        self._splits: set[tuple[str, str]] = set()

    def note(self, sentence: str) -> None:
        """Tell the user something, unless it was told before."""
        if sentence not in self._told:
            self._told.add(sentence)
            self._tell(sentence)

    def add(self, reason: str, **where: str) -> None:
        """Tell why numbers can carry no verdict; no gate will judge them.

        Args:
            reason: in one sentence.
            where: the coordinates of the numbers, such as ``variant="align"``; none for all.
        """
        self.note(reason)
        doubt = Doubt(reason, where)
        if doubt not in self.found:
            self.found.append(doubt)

    def look_at(self, split: Split, checkpoints: Sequence[Checkpoint]) -> None:
        """Doubt what is measured on inputs that can hardly be normalised as in training.

        Of a calibration set that is everything.

        Args:
            split: the examples, at which only the first call looks.
            checkpoints: those that may say how inputs were normalised.
        """
        if (split.owner, split.name) in self._splits:
            return
        self._splits.add((split.owner, split.name))
        stamped = stamped_constants(
            (c.metadata for c in checkpoints), (c.config for c in checkpoints)
        )
        if reason := suspicion(split, stamped):
            if split.owner:
                self.add(f"{split.owner}: {reason}")
            else:
                self.add(reason, split=split.name)

    def count_units(self, movable: int, hidden: int, *, everywhere: bool) -> None:
        """Doubt alignments that have no unit to move; few of them are a note.

        Args:
            movable: how many hidden units may move.
            hidden: of how many.
            everywhere: every number of the analysis depends on the alignment.
        """
        why = "lmctool inspect --symmetry says why"
        if movable == 0:
            units = f"none of the {hidden} hidden units" if hidden else "no hidden unit"
            for variant in ALIGNED:
                where = {} if everywhere else {"variant": variant}
                self.add(f"{units} may move, so nothing was aligned; {why}", **where)
        elif 2 * movable < hidden:
            self.note(f"only {movable} of {hidden} hidden units may move; {why}")
