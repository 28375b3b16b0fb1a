"""What is fuzzed: sound files, how one of them is spoiled, and the commands that read it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path
    from random import Random

CANARY = "canary"
"""The file that a payload would make."""
MODULE = f"""open({CANARY!r}, "w").close()
def make(**_):
    raise SystemExit
"""
"""A module that makes it when it is imported."""


@dataclass(frozen=True, slots=True)
class Target:
    """One kind of untrusted file.

    Attributes:
        name: what it is called in figures.
        prepare: writes sound files into an empty folder.
        spoil: damages one of them, as a generator draws.
        commands: the words of the commands that read them; one is drawn for each mutant.
    """

    name: str
    prepare: Callable[[Path], object]
    spoil: Callable[[Path, Random], object]
    commands: Sequence[Sequence[str]]
