"""What a worker of Dask calls for a piece of work."""

from __future__ import annotations

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
