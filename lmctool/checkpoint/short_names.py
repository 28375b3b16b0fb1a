"""Short names of several checkpoints, for tables, legends and the coordinates of a result."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

SUFFIX = ".safetensors"


def short_names(paths: Sequence[Path]) -> list[str]:
    """Return the names of files without their folders, or as much of the paths as differs.

    Where two files have one name, each path follows the folders that all of them share; where
    these are equal too but for a suffix, the paths are whole.

    >>> short_names([Path("runs/0/last.safetensors"), Path("runs/1/last.safetensors")])
    ['0/last', '1/last']
    """
    shared = 0
    while (
        len({path.parts[: shared + 1] for path in paths})
        == 1
        < min(len(path.parts) - shared for path in paths)
    ):
        shared += 1
    names = [path.name.removesuffix(SUFFIX) for path in paths]
    tails = ["/".join(path.parts[shared:]).removesuffix(SUFFIX) for path in paths]
    for short in (names, tails):
        if len(set(short)) == len(paths):
            return short
    return [str(path) for path in paths]
