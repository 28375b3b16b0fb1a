"""Batches that come to a GPU from the host's memory while the one before is worked on."""

from __future__ import annotations

from collections import deque
from functools import cache
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from torch import Tensor


def prefetched(batches: Iterable[Tensor], device: torch.device) -> Iterator[Tensor]:
    """Give batches on a GPU, the next one already on its way.

    Whoever stops early leaves nothing behind: what was still on its way is dropped, and its memory
    goes to the next copy on the same stream, which comes after it.

    Args:
        batches: (example, ...) in pinned memory, so that the copies run beside the work.
        device: the GPU.
    """
    side = copying(device)
    ahead: deque[tuple[Tensor, torch.cuda.Event]] = deque()

    def arrived() -> Tensor:
        value, copied = ahead.popleft()
        current = torch.cuda.current_stream(device)
        current.wait_event(copied)
        value.record_stream(current)
        return value

    for batch in batches:
        with torch.cuda.stream(side):
            ahead.append((batch.to(device, non_blocking=True), side.record_event()))
        if len(ahead) > 1:
            yield arrived()
    while ahead:
        yield arrived()


@cache
def copying(device: torch.device) -> torch.cuda.Stream:
    """Return the stream that copies to a GPU, one for all: each keeps the memory it has used."""
    return torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
