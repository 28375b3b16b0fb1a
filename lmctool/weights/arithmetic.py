"""Arithmetic on weights, held as tensors by canonical name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from lmctool.errors import LmctoolError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from torch import Tensor


Weights = Mapping[str, "Tensor"]


class LazyWeights(Mapping[str, "Tensor"]):
    """Weights that are made one tensor at a time, whenever one is asked for, and not kept."""

    def __init__(self, names: Iterable[str], make: Callable[[str], Tensor]) -> None:
        """Take the names, and what makes the tensor of a name."""
        self._names = dict.fromkeys(names)
        self._make = make

    def __getitem__(self, name: str) -> Tensor:
        """Make the tensor of a name."""
        if name not in self._names:
            raise KeyError(name)
        return self._make(name)

    def __contains__(self, name: object) -> bool:
        """Tell whether there is a tensor of a name, without making it."""
        return name in self._names

    def __iter__(self) -> Iterator[str]:
        """Yield the names."""
        return iter(self._names)

    def __len__(self) -> int:
        """Return how many tensors there are."""
        return len(self._names)


def lerp(a: Weights, b: Weights, alpha: float) -> dict[str, Tensor]:
    """Return ``(1 - alpha) a + alpha b``, tensor by tensor.

    Floating tensors keep their shape, dtype and device.  Integer and boolean buffers have no
    midpoint and are taken from ``a``.  At 0 and 1 the result is ``a`` and ``b`` themselves, bit
    for bit and with all buffers; the tensors are shared with them, not copied.

    Raises:
        LmctoolError: a name is in one of the two only, shapes differ, or a name begins with "@"
            and so belongs to a correction, not to a model.
    """
    import torch

    _check_names(a, b)
    if alpha in (0, 1):
        # torch.lerp is not enough here: it turns -0.0 into 0.0 at alpha = 0.
        return dict(b if alpha == 1 else a)
    mixed = {name: start for name, start in a.items() if start.is_floating_point()}
    ends = list(mixed.values()), [b[name] for name in mixed]
    points = torch._foreach_lerp(*ends, alpha) if mixed else ()  # on a GPU one kernel for all
    return dict(a) | dict(zip(mixed, points, strict=True))


def _check_names(a: Weights, b: Weights) -> None:
    for name in (*a, *b):
        if name.startswith("@"):
            raise LmctoolError(
                f"entry {name!r} belongs to no tensor of a model, so it cannot be interpolated"
            )
    for name in sorted(a.keys() ^ b.keys()):
        holder = "first" if name in a else "second"
        raise LmctoolError(f"tensor {name!r} is only in the {holder} of the two sets of weights")
    for name, start in a.items():
        if start.shape != b[name].shape:
            raise LmctoolError(
                f"tensor {name!r} has shape {tuple(start.shape)} in the first of the two sets of"
                f" weights but {tuple(b[name].shape)} in the second"
            )
