"""Batches that come to a GPU from the host's memory while the one before is worked on."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from torch import Tensor

SHARE = 0.5
"""Share of a GPU's free memory that the inputs of one split may take."""


def fits(size: int, device: torch.device) -> bool:
    """Tell whether so many bytes of inputs may lie on a device."""
    if device.type != "cuda":
        return True
    free, _ = torch.cuda.mem_get_info(device)
    return size <= SHARE * free


def prefetched(batches: Iterable[Tensor], device: torch.device) -> Iterator[Tensor]:
    """Give batches on a GPU, the next one already on its way.

    Args:
        batches: (example, ...) in pinned memory, so that the copies run beside the work.
        device: the GPU.
    """
    side = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
    ahead: deque[tuple[Tensor, torch.cuda.Event]] = deque()

    def arrived() -> Tensor:
        value, copied = ahead.popleft()
        current = torch.cuda.current_stream(device)
        current.wait_event(copied)
        value.record_stream(current)
        return value

    for batch in batches:
        with torch.cuda.stream(side):
            moved = batch.to(device, non_blocking=True)
            ahead.append((moved, side.record_event()))
        if len(ahead) > 1:
            yield arrived()
    while ahead:
        yield arrived()
