"""Checkpoints of one run that are the same network, which is seldom meant."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

from lmctool.checkpoint.twins import same_bytes
from lmctool.files.short_names import letters

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lmctool.checkpoint import Checkpoint
    from lmctool.run.run import Run


def equal_networks(run: Run) -> Iterator[str]:
    """Give a sentence for each pair of arguments whose tensors are all equal.

    Training runs may well share a step, and what siblings may be the analysis knows: of series
    there is none.
    """
    names = letters(run.count)
    named = [] if run.series else [*enumerate(run.checkpoints[: run.count])]
    for (first, a), (second, b) in combinations(named, 2):
        if a.digest == b.digest or _same_under_other_names(a, b):
            one, other = (letter.upper() for letter in (names[first], names[second]))
            yield (
                f"{one} and {other} are the same network: every tensor of '{a.path}' and"
                f" '{b.path}' is equal"
            )


def _same_under_other_names(a: Checkpoint, b: Checkpoint) -> bool:
    """Tell whether two checkpoints whose own names differ have the same tensors in the run."""
    if a.own.keys() == b.own.keys() or a.names != b.names:
        return False
    return all(same_bytes(a.locations[name], b.locations[name]) for name in a.names)
