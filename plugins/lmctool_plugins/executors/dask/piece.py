"""What a worker of Dask calls for a piece of work."""

from __future__ import annotations

import signal
import threading
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

Value = TypeVar("Value")

_alone = threading.Lock()


def compute(function: Callable[..., Value], *arguments: Any) -> Value:
    """Return what a function gives, while no other piece of work is computed in this process.

    A worker may have several threads and be lent to several runs, but a run has the folder, the
    threads and the switches of a process to itself.
    """
    with _alone:
        return function(*arguments)


def dask_setup(_: Any) -> None:
    """Leave Ctrl-C to the run that started this worker; Dask calls it as the worker begins."""
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, signal.SIG_IGN)
