"""Code of others that asks the program to end: nothing was judged, so it must not end in 0."""

from __future__ import annotations

import sysconfig
import traceback
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lmctool.errors import PluginError

if TYPE_CHECKING:
    from collections.abc import Iterator

HOST = Path(__file__).parents[1]
"""The package of lmctool itself."""
OWN = (HOST, Path(click.__file__).parent)
"""Where an exit may be asked for: ``--help``, ``--version`` and completion do."""
OTHERS = "code of a plugin"
STANDARD = Path(sysconfig.get_path("stdlib"))


@contextmanager
def no_exit(who: str = "") -> Iterator[None]:
    """Turn an exit that the code of others asks for into an error that names it.

    So is any other exception that is no ``Exception``, but for an interruption.

    Args:
        who: whose code is run, where that is known; else the traceback tells.

    Raises:
        PluginError: such code asks for an exit, whatever the exit code, or ends otherwise.
    """
    try:
        yield
    except (SystemExit, click.exceptions.Exit) as cause:
        place = _place(cause)
        if not who and place is None:
            raise
        code = cause.code if isinstance(cause, SystemExit) else cause.exit_code
        raise _fault(f"{who or OTHERS} asks to exit with {code!r}", place) from cause
    except (Exception, KeyboardInterrupt):
        raise
    except BaseException as cause:  # what no ``except Exception`` of lmctool catches
        raise _fault(f"{who or OTHERS} ends with {type(cause).__name__}", _place(cause)) from cause


def _fault(what: str, place: str | None) -> PluginError:
    where = f", in {place}" if place else ""
    return PluginError(f"{what}{where}; code that lmctool calls must return, or raise an error")


def _place(error: BaseException) -> str | None:
    """Return the file and line that raised an error last, outside lmctool, click and Python."""
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if not _is_own(frame.filename):
            return f"'{frame.filename}', line {frame.lineno}"
    return None


def _is_own(filename: str) -> bool:
    path = Path(filename)
    if any(path.is_relative_to(folder) for folder in OWN) or filename.startswith("<frozen"):
        return True
    return path.is_relative_to(STANDARD) and "site-packages" not in path.parts
