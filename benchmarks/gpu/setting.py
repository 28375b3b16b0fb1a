"""What a section works with, and how it tells what it found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import torch

from lmctool.errors import LmctoolError, first_line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

Size = TypeVar("Size")


@dataclass(frozen=True, slots=True)
class Found:
    """What a section found; see ``Measurement``, which adds the name of the section."""

    name: str
    value: float | str | None
    unit: str = ""
    passed: bool | None = None
    expected: str = ""


@dataclass(frozen=True, slots=True)
class Setting:
    """What a section works with.

    Attributes:
        device: where it measures: a GPU, or the CPU to try the script itself, in small sizes.
        folder: where it may write.
        deadline: when it is ended, on the clock ``time.monotonic``.
    """

    device: torch.device
    folder: Path
    deadline: float

    @property
    def on_gpu(self) -> bool:
        """Whether the device is a GPU."""
        return self.device.type == "cuda"

    def sized(self, full: Size, small: Size) -> Size:
        """Return the size of some work on a GPU, or the one that a CPU does in a moment."""
        return full if self.on_gpu else small

    def wait(self) -> None:
        """Wait until the device has done all its work."""
        if self.on_gpu:
            torch.cuda.synchronize(self.device)


def failure(error: BaseException) -> str:
    """Return in words what an error is."""
    return f"{type(error).__name__}: {first_line(error)}"


def refused(name: str, work: Callable[[], object], otherwise: str) -> Found:
    """Return whether some work ends in one sentence to the user, as it must.

    Args:
        name: what is refused.
        work: what must not succeed.
        otherwise: what to say if it does.
    """
    expected = "one sentence to the user"
    try:
        work()
    except LmctoolError as error:
        return Found(name, str(error), passed=True, expected=expected)
    except Exception as error:
        return Found(name, failure(error), passed=False, expected=expected)
    return Found(name, otherwise, passed=False, expected=expected)


def tried(name: str, work: Callable[[], Iterable[Found]]) -> Iterator[Found]:
    """Give what some work finds; an error is told as a failure, and what comes next still runs."""
    try:
        yield from work()
    except (Exception, SystemExit) as error:
        yield Found(name, failure(error), passed=False, expected="no error")
