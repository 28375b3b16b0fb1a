"""Trying in a child process what a library does with an untrusted file: it may hang or crash.

HDF5 and pickles follow the lengths and references that a file states.  Damaged or malicious ones
make them loop for ever within one call into C, which neither an exception nor Ctrl-C ends; a child
process can be ended.  It shares the memory of its parent, so that a trial costs milliseconds.
"""

from __future__ import annotations

import os
import signal
import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from collections.abc import Callable

SECONDS = 2
"""Processor time that a trial of the smallest file may take."""
RATE = 50 << 20
"""Bytes of large arrays that surely take no more than a second."""
SLOWEST = 1 << 19
"""The same of small arrays, of which HDF5 reads hundreds a second; a minute's worth at most."""
PATIENCE = 60
"""Seconds that a trial may wait for something, beyond its processor time."""
ROOM = 256 << 20
RATIO = 200
NO_MEMORY = 3
"""The exit code of a trial that ran out of memory."""


def most_unpacked(size: int) -> int:
    """Return the most bytes that a file of ``size`` bytes is believed to unpack to.

    Packed data grows up to a thousandfold, but only what says nothing does; no file of numbers
    that mean anything grows two hundredfold beyond its first 256 MiB.
    """
    return ROOM + RATIO * size


def time_for(size: int) -> int:
    """Return the seconds of processor time that reading a file of ``size`` bytes may take."""
    return SECONDS + min(size // SLOWEST, 60) + size // RATE


def harm_of(work: Callable[[], object], size: int) -> str | None:
    """Do some work in a child process, and return what harm it does, or None.

    An exception does no harm, for the caller meets it when it does the same work itself.  Where
    processes cannot be forked, nothing is tried.

    Args:
        work: reads a file, and leaves no trace but its result.
        size: the bytes of the file, which time and memory are measured by.

    Returns:
        What is to follow the file's name in a sentence, such as "makes its reader crash".
    """
    if sys.platform == "win32":
        return None
    with warnings.catch_warnings():
        # Python warns of forks beside threads, which may hold locks; the child needs none of them.
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        _try(work, size)
    try:
        _, status = os.waitpid(child, 0)
    except ChildProcessError:  # whoever started this process lets none of its children be awaited
        return None
    except BaseException:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        raise
    return _told(status)


def _told(status: int) -> str | None:
    if not status:
        return None
    if os.WIFSIGNALED(status):
        if os.WTERMSIG(status) in (signal.SIGXCPU, signal.SIGALRM):
            return "makes its reader run without end"
        return "makes its reader crash"
    return "makes its reader take more memory than it can need"


def _try(work: Callable[[], object], size: int) -> NoReturn:
    """Do the work under limits, and end this process without a word."""
    code = 0
    try:
        _limit(size)
        work()
    except MemoryError:
        code = NO_MEMORY
    except BaseException as error:
        code = NO_MEMORY if "alloc" in str(error) else 0
    finally:
        os._exit(code)


def _limit(size: int) -> None:
    """Make this process one that ends by itself, and says nothing when it crashes."""
    import faulthandler
    import resource

    faulthandler.disable()
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.alarm(PATIENCE + 2 * time_for(size))
    silent = os.open(os.devnull, os.O_WRONLY)
    for stream in (1, 2):
        os.dup2(silent, stream)
    limits = {resource.RLIMIT_CORE: 0, resource.RLIMIT_CPU: time_for(size)}
    statistics = Path("/proc/self/statm")
    if statistics.exists():  # elsewhere the memory in use is not known
        in_use = int(statistics.read_text().split()[0]) * resource.getpagesize()
        limits[resource.RLIMIT_AS] = in_use + most_unpacked(size)
    for kind, limit in limits.items():
        _, most = resource.getrlimit(kind)
        resource.setrlimit(kind, (limit if most < 0 else min(limit, most), most))


DEEPEST = 64
"""Levels of tables and lists; nothing that lmctool reads has more than a few."""


def is_too_deep(document: Any) -> bool:
    """Tell whether something lies deeper than ``DEEPEST``, where printing it could fail."""
    level = [document]
    for _ in range(DEEPEST):
        level = [inner for outer in level for inner in _inside(outer)]
        if not level:
            return False
    return True


def _inside(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [inner for inner in value.values() if isinstance(inner, dict | list)]
    return [inner for inner in value if isinstance(inner, dict | list)]
