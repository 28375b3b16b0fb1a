"""Reading a result that somebody will believe."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lmctool.errors import UnjudgedError

if TYPE_CHECKING:
    from pathlib import Path

    from lmctool.results.result import Result


def read_sound(path: Path) -> Result:
    """Read a result, an input of the running command, that is ``sound``.

    Raises:
        LmctoolError: it cannot be read, or does not hold what its analysis writes.
        UnjudgedError: a summary does not follow from the rest of the file.
    """
    from lmctool.results.file import read

    return sound(read(path), path)


def sound(result: Result, path: Path) -> Result:
    """Return a result once what its analysis can is recomputed from what the file holds.

    Raises:
        LmctoolError: it does not hold what its analysis writes.
        UnjudgedError: a summary does not follow from the rest of the file.
    """
    from lmctool.report import by_analysis
    from lmctool.results.derived import contradiction

    told = contradiction(result, by_analysis.derived(result, path))
    if told:
        raise UnjudgedError(
            f"result '{path}' contradicts itself: {told} from the rest of the file; it was changed"
            " after the run, so make it anew"
        )
    return result
