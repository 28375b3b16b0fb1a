"""Arithmetic on weights, held as tensors by canonical name."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING

from lmctool.errors import LmctoolError
from lmctool.weights.spectral_norm import with_spectral_norms
from lmctool.weights.streamed import passing, shape_of, streams

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

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


def one_by_one(weights: Weights) -> Weights:
    """Return weights of which those that are not in memory do not stay there: each is read anew.

    Weights that are in memory are returned as they are.
    """
    return LazyWeights(weights, partial(passing, weights)) if streams(weights) else weights


def lerp(a: Weights, b: Weights, alpha: float) -> dict[str, Tensor]:
    """Return ``(1 - alpha) a + alpha b``, tensor by tensor.

    Floating tensors keep their shape, dtype and device; those of spectral norm that follow from
    a weight are found again for the weight between.  Integers and truth values have no midpoint:
    counters, of one number, are taken from ``a``, and all others must be the same in both.  At 0
    and 1 the result is ``a`` and ``b`` themselves, bit for bit and with all buffers; the tensors
    are shared with them, not copied.

    Raises:
        LmctoolError: a name is in one of the two only, shapes differ, whole numbers that are no
            counter or masks of pruning differ, or a name begins with "@" and so belongs to a
            correction, not to a model.
    """
    between = lerp_each(a, b, alpha)
    return between if alpha in (0, 1) else with_spectral_norms(between, (a, b))


def lerp_each(a: Weights, b: Weights, alpha: float) -> dict[str, Tensor]:
    """Return what ``lerp`` does, each tensor by itself, without regard to what follows from it."""
    import torch

    _check_names(a, b)
    if alpha in (0, 1):
        # torch.lerp is not enough here: it turns -0.0 into 0.0 at alpha = 0.
        return dict(b if alpha == 1 else a)
    if streams(a) or streams(b):
        return {name: _between(name, passing(a, name), passing(b, name), alpha) for name in a}
    mixed = {name: start for name, start in a.items() if _mixes(name, start, b[name])}
    ends = list(mixed.values()), [b[name] for name in mixed]
    points = torch._foreach_lerp(*ends, alpha) if mixed else ()  # on a GPU one kernel for all
    return dict(a) | dict(zip(mixed, points, strict=True))


def _between(name: str, a: Tensor, b: Tensor, alpha: float) -> Tensor:
    """Return what ``lerp_each`` makes of one tensor."""
    import torch

    return torch._foreach_lerp([a], [b], alpha)[0] if _mixes(name, a, b) else a


def _mixes(name: str, a: Tensor, b: Tensor) -> bool:
    """Tell whether a tensor has a mixture, as floating ones do.

    Raises:
        LmctoolError: it has none, and is not the same in both.
    """
    if a.is_floating_point():
        refuse_masks(name, (a, b))
        return True
    refuse_differing(name, (a, b))
    return False


def refuse_differing(name: str, tensors: Sequence[Tensor]) -> None:
    """Refuse to mix whole numbers or truth values that differ, unless they are one number each.

    Raises:
        LmctoolError: they do.
    """
    if differing(tensors):
        kind = str(tensors[0].dtype).removeprefix("torch.")
        raise LmctoolError(
            f"tensor {name!r} is {kind} and differs between the networks, and whole numbers have"
            " no mixture: dequantise first"
        )


def refuse_masks(name: str, tensors: Sequence[Tensor]) -> None:
    """Refuse to mix pruning masks that differ, of zeros and ones in a tensor called so.

    The mean of two masks is none: it would bring back half of what one of the networks has lost.

    Raises:
        LmctoolError: they do.
    """
    if not name.endswith("_mask") or not differing(tensors):
        return
    if all(bool(((tensor == 0) | (tensor == 1)).all()) for tensor in tensors):
        raise LmctoolError(
            f"mask {name!r} differs between the networks, and masks have no mixture: make the"
            " pruning a part of the weights of each (torch.nn.utils.prune.remove) first"
        )


def differing(tensors: Sequence[Tensor]) -> bool:
    """Tell whether tensors, more than one number each, are not all the same."""
    import torch

    first, *others = tensors
    return first.numel() > 1 and not all(
        other is first or torch.equal(first, other) for other in others
    )


def _check_names(a: Weights, b: Weights) -> None:
    for name in (*a, *b):
        if name.startswith("@"):
            raise LmctoolError(
                f"entry {name!r} belongs to no tensor of a model, so it cannot be interpolated"
            )
    for name in sorted(a.keys() ^ b.keys()):
        holder = "first" if name in a else "second"
        raise LmctoolError(f"tensor {name!r} is only in the {holder} of the two sets of weights")
    for name in a:
        first, second = shape_of(a, name), shape_of(b, name)
        if first != second:
            raise LmctoolError(
                f"tensor {name!r} has shape {first} in the first of the two sets of"
                f" weights but {second} in the second"
            )
