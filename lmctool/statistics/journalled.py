"""Statistics as an entry of a journal: taken once, and read again when the run goes on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, Self, TypeVar

import torch

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

    from lmctool.results.journal import Entry


class Parts(Protocol):
    """Statistics that are made of some tensors, and can be made of them again."""

    @property
    def parts(self) -> tuple[Tensor, ...]:
        """The tensors."""

    @classmethod
    def of(cls, parts: Sequence[Tensor]) -> Self:
        """Return the statistics that have these tensors."""


Statistics = TypeVar("Statistics", bound=Parts)


def journalled(
    entry: Entry,
    record: type[Statistics],
    taps: Sequence[str],
    measure: Callable[[], Mapping[str, Statistics]],
    device: torch.device,
) -> Mapping[str, Statistics]:
    """Return statistics at taps: those that an entry has, or else measured ones.

    Args:
        entry: the entry.
        record: what the statistics at one tap are.
        taps: where.
        measure: takes them.
        device: where the tensors are to be.
    """
    arrays = entry.arrays
    if arrays is None:
        measured = measure()
        entry.keep(lambda: _arrays([measured[tap] for tap in taps]))
        return measured
    count = len(arrays) // max(1, len(taps))
    tensors = [
        [torch.from_numpy(arrays[f"{number}.{part}"]).to(device) for part in range(count)]
        for number in range(len(taps))
    ]
    return {tap: record.of(parts) for tap, parts in zip(taps, tensors, strict=True)}


def _arrays(statistics: Sequence[Parts]) -> dict[str, NDArray[np.float64]]:
    return {
        f"{number}.{part}": tensor.cpu().numpy()
        for number, each in enumerate(statistics)
        for part, tensor in enumerate(each.parts)
    }
