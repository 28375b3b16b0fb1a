"""How many examples are evaluated at once."""

from __future__ import annotations

import gc
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

import torch

from lmctool.errors import LmctoolError, first_line, out_of_memory

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Value = TypeVar("Value")


class BatchSize:
    """How many examples are evaluated at once; halves when memory runs out.

    Attributes:
        size: examples.
        fixed: whether the user chose it: then running out of memory is an error.
        before_halving: what it was before memory ran out for the first time; None if it never did.
        halves: whether it may halve; else running out of memory is an error of the machine.
        on_halving: called before it goes on with half, to free what was made for the larger one.
    """

    def __init__(
        self, chosen: int | None, automatic: int = 256, *, repeated: int | None = None
    ) -> None:
        """Take the user's choice, or start from what is repeated, or from the automatic size.

        Args:
            chosen: what the user chose, if anything.
            automatic: where it starts, until it is settled.
            repeated: what an earlier run settled on, whose numbers are to be made again.
        """
        self.size = chosen or repeated or automatic
        self.fixed = chosen is not None
        self.before_halving: int | None = None
        self.halves = True
        self.on_halving: list[Callable[[], None]] = []
        self._settled = self.fixed or repeated is not None

    def settle(self, size: int) -> None:
        """Take another automatic size; one that the user chose or that is repeated stays."""
        self.size = self.foreseen(size)

    def foreseen(self, size: int) -> int:
        """Return what it will be once it is settled so."""
        return self.size if self._settled else size

    def fitting(self, work: Callable[[int], Value]) -> Value:
        """Return what some work gives with this size, smaller ones when memory runs out.

        Raises:
            LmctoolError: the user chose the size, or one example is already too many.
        """
        while True:
            try:
                return work(self.size)
            except Exception as error:
                if not (self.halves and out_of_memory(error)):
                    raise
                self._refuse_the_last(error)
            # here, because what the failed work made lives as long as its error does
            self._halve()

    def _refuse_the_last(self, error: Exception) -> None:
        """Say that there is no smaller size to go on with, if there is none."""
        if self.size == 1:
            raise LmctoolError(
                f"one example does not fit in memory ({first_line(error)}); try another --device"
            ) from error
        if self.fixed:
            raise LmctoolError(
                f"a batch of {self.size} examples does not fit in memory; try --batch-size"
                f" {self.size // 2}, --batch-size auto or another --device"
            ) from error

    def _halve(self) -> None:
        """Take half as many from now on, with the memory free that the larger batch took."""
        self.before_halving = self.before_halving or self.size
        self.size //= 2
        for free in self.on_halving:
            free()
        gc.collect()  # an error and the frames that it came through may hold one another
        torch.cuda.empty_cache()  # nothing where no GPU is in use


@contextmanager
def indivisible(size: int, option: str) -> Iterator[None]:
    """Say in one sentence that a batch does not fit in memory whose size decides the numbers.

    Args:
        size: examples.
        option: what the user chooses it by.

    Raises:
        LmctoolError: memory ran out.
    """
    try:
        yield
    except Exception as error:
        if not out_of_memory(error):
            raise
        raise LmctoolError(
            f"statistics of {size} examples at once do not fit in memory; lower {option}, on which"
            " they depend, or try another --device"
        ) from error
