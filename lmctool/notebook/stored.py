"""Results from files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from lmctool.notebook.result import Result

if TYPE_CHECKING:
    from os import PathLike


def open(path: str | PathLike[str]) -> Result:
    """Open a result that was saved, as ``lmctool show`` does.

    It may come from anywhere: nothing in it is executed.

    Raises:
        LmctoolError: it cannot be read, or does not hold what its analysis writes.
        UnjudgedError: what it says in sum does not follow from the rest of it.
    """
    from lmctool.cli.stored_result import read_sound

    place = Path(path)
    return Result(read_sound(place), place)


def as_result(result: Result | str | PathLike[str]) -> Result:
    """Return a result, which is opened if it is a path."""
    return result if isinstance(result, Result) else open(result)
