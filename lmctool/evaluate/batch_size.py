"""How many examples are evaluated at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from lmctool.errors import LmctoolError, out_of_memory

if TYPE_CHECKING:
    from collections.abc import Callable

Value = TypeVar("Value")


class BatchSize:
    """How many examples are evaluated at once; halves when memory runs out.

    Attributes:
        size: examples.
        fixed: whether the user chose it: then running out of memory is an error.
        on_halving: called before it goes on with half, to free what was made for the larger one.
    """

    def __init__(self, chosen: int | None, automatic: int = 256) -> None:
        """Take the user's choice, or start from the automatic size."""
        self.size = chosen or automatic
        self.fixed = chosen is not None
        self.on_halving: list[Callable[[], None]] = []

    def settle(self, size: int) -> None:
        """Take another automatic size; a size that the user chose stays."""
        if not self.fixed:
            self.size = size

    def fitting(self, work: Callable[[int], Value]) -> Value:
        """Return what some work gives with this size, smaller ones when memory runs out.

        Raises:
            LmctoolError: as ``halve``.
        """
        while True:
            try:
                return work(self.size)
            except RuntimeError as error:
                if not out_of_memory(error):
                    raise
                self.halve(error)

    def halve(self, cause: BaseException) -> None:
        """Take half as many from now on.

        Raises:
            LmctoolError: the user chose the size, or one example is already too many.
        """
        if self.fixed or self.size == 1:
            raise LmctoolError(
                f"a batch of {self.size} examples does not fit in memory;"
                f" try --batch-size {max(1, self.size // 2)} or another --device"
            ) from cause
        self.size //= 2
        for free in self.on_halving:
            free()
