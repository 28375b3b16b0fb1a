"""Statistics as a unit of a run: taken once, and read again when the run goes on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, Self, TypeVar

import torch

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

    from lmctool.results.journal import Step


class Parts(Protocol):
    """Statistics that are made of some tensors, and can be made of them again."""

    @property
    def parts(self) -> tuple[Tensor, ...]:
        """The tensors."""

    @classmethod
    def of(cls, parts: Sequence[Tensor]) -> Self:
        """Return the statistics that have these tensors."""


Statistics = TypeVar("Statistics", bound=Parts)


def kept(
    step: Step,
    record: type[Statistics],
    taps: Sequence[str],
    measure: Callable[[], Mapping[str, Statistics]],
    device: torch.device,
) -> Mapping[str, Statistics]:
    """Return statistics at taps: those that a step has kept, or else measured ones.

    Args:
        step: the step.
        record: what the statistics at one tap are.
        taps: where.
        measure: takes them.
        device: where the tensors are to be.
    """
    unit = step.get("taps")
    if unit is None:
        found = measure()
        step.keep("taps", lambda: _arrays([found[tap] for tap in taps]))
        return found
    count = len(unit) // max(1, len(taps))
    tensors = [
        [torch.from_numpy(unit[f"{number}.{part}"]).to(device) for part in range(count)]
        for number in range(len(taps))
    ]
    return {tap: record.of(parts) for tap, parts in zip(taps, tensors, strict=True)}


def _arrays(found: Sequence[Parts]) -> dict[str, NDArray[np.float64]]:
    return {
        f"{number}.{part}": tensor.cpu().numpy()
        for number, each in enumerate(found)
        for part, tensor in enumerate(each.parts)
    }
