"""Short names for files of one kind, such as checkpoints."""

from __future__ import annotations

from pathlib import PurePath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

SUFFIXES = (".safetensors", ".pt", ".pth", ".ckpt", ".bin", ".h5")


def short_names(paths: Sequence[PurePath]) -> list[str]:
    """Return the end of each path, as long as it needs to be for all of them to differ.

    That is the name of the file without the suffix of a checkpoint or a result, after as many
    folders as are needed.  Paths that no folder tells apart are returned whole.

    >>> short_names([PurePath("runs/0/last.safetensors"), PurePath("runs/1/last.safetensors")])
    ['0/last', '1/last']
    """
    bare = [path.with_suffix("") if path.suffix in SUFFIXES else path for path in paths]
    parts = [path.parts for path in bare]
    for length in range(1, max(map(len, parts), default=0) + 1):
        names = [str(PurePath(*own[-length:])) for own in parts]
        if len(set(names)) == len(names):
            return names
    return [str(path) for path in paths]


def letters(count: int) -> list[str]:
    """Return ``a``, ``b``, ..., ``z``, then ``27`` and so on: names of networks by their place."""
    return [chr(ord("a") + place) if place < 26 else str(place + 1) for place in range(count)]
