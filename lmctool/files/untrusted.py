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
from dataclasses import dataclass
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
"""Seconds that a trial may wait for something, beyond twice its processor time."""
ROOM = 256 << 20
RATIO = 200
NO_MEMORY = 3
"""The exit code of a trial that ran out of memory."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a trial may take, before it is ended.

    Attributes:
        processor: seconds of processor time.
        wall: seconds from its start to its end.
        memory: bytes beyond those that this process holds when the trial begins.
    """

    processor: int
    wall: int
    memory: int


def most_unpacked(size: int) -> int:
    """Return the most bytes that a file of ``size`` bytes is believed to unpack to.

    Packed data grows up to a thousandfold, but only what says nothing does; no file of numbers
    that mean anything grows two hundredfold beyond its first 256 MiB.
    """
    return ROOM + RATIO * size


def limits_for(size: int) -> Limits:
    """Return what a trial that reads a file of ``size`` bytes may take."""
    processor = SECONDS + min(size // SLOWEST, 60) + size // RATE
    return Limits(processor, PATIENCE + 2 * processor, most_unpacked(size))


def harm_of(work: Callable[[], object], size: int) -> str | None:
    """Do some work in a child process, and return what harm it does, or None.

    An exception does no harm, for the caller meets it when it does the same work itself.  Where
    processes cannot be forked, nothing is tried.

    Args:
        work: reads a file, and leaves no trace but its result.
        size: the bytes of the file, which the limits of the trial follow.

    Returns:
        What is to follow the file's name in a sentence, such as "makes its reader crash".
    """
    if sys.platform == "win32":
        return None
    limits = limits_for(size)
    with warnings.catch_warnings():
        # Python warns of forks beside threads, which may hold locks; the child needs none of them.
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        _try(work, limits)
    try:
        _, status = os.waitpid(child, 0)
    except ChildProcessError:  # whoever started this process lets none of its children be awaited
        return None
    except BaseException:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        raise
    return _harm(status)


def _harm(status: int) -> str | None:
    """Return what the exit status of a trial says of its work."""
    if not status:
        return None
    if os.WIFSIGNALED(status):
        if os.WTERMSIG(status) in (signal.SIGXCPU, signal.SIGALRM):
            return "makes its reader run without end"
        return "makes its reader crash"
    return "makes its reader take more memory than it can need"


def _try(work: Callable[[], object], limits: Limits) -> NoReturn:
    """Do the work under limits, and end this process without a word."""
    code = 0
    try:
        _limit(limits)
        work()
    except MemoryError:
        code = NO_MEMORY
    except BaseException as error:
        code = NO_MEMORY if "alloc" in str(error) else 0
    finally:
        os._exit(code)


def _limit(limits: Limits) -> None:
    """Make this process one that ends by itself, and says nothing when it crashes."""
    import faulthandler
    import resource

    faulthandler.disable()
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.alarm(limits.wall)
    silent = os.open(os.devnull, os.O_WRONLY)
    for stream in (1, 2):
        os.dup2(silent, stream)
    bounds = {resource.RLIMIT_CORE: 0, resource.RLIMIT_CPU: limits.processor}
    statistics = Path("/proc/self/statm")
    if statistics.exists():  # elsewhere the memory in use is not known
        present = int(statistics.read_text().split()[0]) * resource.getpagesize()
        bounds[resource.RLIMIT_AS] = present + limits.memory
    for kind, bound in bounds.items():
        _, most = resource.getrlimit(kind)
        resource.setrlimit(kind, (bound if most < 0 else min(bound, most), most))


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
