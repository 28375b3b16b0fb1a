"""Weights that can be had one tensor at a time, where all of them at once would fill memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lmctool.weights.recipe import DeferredWeights

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from torch import Tensor

    from lmctool.weights.arithmetic import Weights
    from lmctool.weights.recipe import KnownWeights


class StreamedWeights(DeferredWeights):
    """Weights of a file: whoever asks for one of them has all read, and kept as long as these.

    Who needs each tensor once takes it by ``passing``, which keeps none.

    Attributes:
        shapes: the shape of each tensor.
        large: whether they are so many that whoever needs all of them for a moment reads them
            again rather than having them kept.
    """

    def __init__(
        self,
        shapes: Mapping[str, tuple[int, ...]],
        read: Callable[[], KnownWeights],
        read_one: Callable[[str], Tensor],
        recipe: Callable[[], str],
        *,
        large: bool,
    ) -> None:
        """Take the shape of each tensor, what reads all or one of them, and the recipe."""
        super().__init__(read, recipe)
        self.shapes, self.large = shapes, large
        self._read_one = read_one

    @property
    def streams(self) -> bool:
        """Whether no tensor is in memory."""
        return self._weights is None

    def passing(self, name: str) -> Tensor:
        """Return a tensor; one that was not read before is not kept either."""
        return self._read_one(name) if self.streams else self.made[name]

    @property
    def momentary(self) -> KnownWeights:
        """All of them, for a moment: large ones that are not in memory do not stay there."""
        return self._form() if self.large and self.streams else self.made

    def __contains__(self, name: object) -> bool:
        """Tell whether there is a tensor of this name, without reading it."""
        return name in self.shapes

    def __iter__(self) -> Iterator[str]:
        """Yield the names, without reading anything."""
        return iter(self.shapes)

    def __len__(self) -> int:
        """Return how many tensors there are, without reading anything."""
        return len(self.shapes)


def streams(weights: Weights) -> bool:
    """Tell whether weights are better taken one at a time: they are not in memory."""
    return isinstance(weights, StreamedWeights) and weights.streams


def passing(weights: Weights, name: str) -> Tensor:
    """Return a tensor of weights for a moment; those that are not in memory do not stay there."""
    return weights.passing(name) if isinstance(weights, StreamedWeights) else weights[name]


def momentary(weights: Weights) -> Weights:
    """Return weights for a moment; large ones that are not in memory do not stay there."""
    return weights.momentary if isinstance(weights, StreamedWeights) else weights


def shape_of(weights: Weights, name: str) -> tuple[int, ...]:
    """Return the shape of a tensor, without reading it."""
    shapes = weights.shapes if isinstance(weights, StreamedWeights) else None
    return tuple(weights[name].shape if shapes is None else shapes[name])
