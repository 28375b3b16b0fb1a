"""One split on the device: stored as it was read, normalised batch by batch.

Inputs that would take too much memory stay in the host's or in their file, and come batch by batch.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import TYPE_CHECKING

from lmctool.errors import LmctoolError, about
from lmctool.weights.recipe import recipe

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    import numpy as np
    import torch
    from numpy.typing import NDArray
    from torch import Tensor

    from lmctool.data.stored_inputs import StoredInputs
    from lmctool.data.subset import Way
    from lmctool.plugin.data_records import Preprocessing


CACHE = 1 << 27
"""Bytes of normalised inputs that are cached for the next pass over a split."""


@dataclass(frozen=True, slots=True, eq=False)
class Split:
    """The chosen examples of one split, on the device.

    The model sees ``(inputs * scale - mean) / std``; token ids (int64) it sees as they are.

    Attributes:
        name: the name of the split.
        inputs: (example, ...) in the stored dtype: uint8 stays uint8; on the device of the targets
            or, where they are too many, in pinned memory or in a file.
        targets: (example, ...) int64 classes or tokens (of those, -100 counts for nothing), or
            floats where the task takes them.
        index: (example,) positions in the stored split, rising.
        total: how many examples the stored split has.
        digest: sha256 over dtype, shape and bytes of the chosen inputs and targets.
        scale: what the inputs are multiplied by.
        mean: per channel (axis 1), after the scale; empty for none.
        std: per channel, after the scale; empty for none.
        classes: number of classes or tokens, 0 where the targets are neither.
        images: how the inputs were made of images of any size; None where they were none.
        way: how the examples were chosen; None where all were.
        absent: classes of which none was chosen.
        owner: whose split it is, for what is said of its targets; empty for the data's.
        unlike: why its targets are none that the data's task takes; empty where they may be.
    """

    name: str
    inputs: Tensor | StoredInputs
    targets: Tensor
    index: NDArray[np.int64]
    total: int
    digest: str
    scale: float
    mean: tuple[float, ...]
    std: tuple[float, ...]
    classes: int
    images: Preprocessing | None = None
    way: Way | None = None
    absent: int = 0
    owner: str = ""
    unlike: str = ""
    _cached: dict[torch.dtype, tuple[Tensor, int]] = field(default_factory=dict, repr=False)
    _constants: dict[torch.dtype, tuple[Tensor, Tensor]] = field(default_factory=dict, repr=False)
    _checked: set[tuple[object, torch.Size]] = field(default_factory=set, repr=False)

    def __len__(self) -> int:
        """Return the number of chosen examples."""
        return len(self.index)

    @property
    def told(self) -> str:
        """Which examples were chosen, in one sentence; empty where all were."""
        if self.way is None:
            return ""
        how = "in the proportions of the classes" if self.way == "stratified" else "at random"
        rare = f"; {self.absent} of the classes have none among them" if self.absent else ""
        return f"split {self.name!r}: {len(self)} of {self.total} examples, chosen {how}{rare}"

    @property
    def recipe(self) -> str:
        """What tells these examples, as the model sees them, from all others."""
        return recipe("split", self.digest, self.scale, list(self.mean), list(self.std))

    def part(self, positions: NDArray[np.int64]) -> Split:
        """Return some of the examples as a split of the same name, of its own recipe.

        Args:
            positions: (example,) among the chosen examples, each once, rising.
        """
        import hashlib

        import torch

        where = torch.from_numpy(positions)
        inputs: Tensor | StoredInputs
        if isinstance(self.inputs, torch.Tensor):
            inputs = self.inputs[where.to(self.inputs.device)]
        else:
            inputs = self.inputs.part(positions)
        targets = self.targets[where.to(self.targets.device)]
        digest = hashlib.sha256(f"{self.digest}:".encode() + positions.tobytes()).hexdigest()
        return replace(
            self,
            inputs=inputs,
            targets=targets,
            index=self.index[positions],
            digest=digest,
            _cached={},
            _constants={},
            _checked=set(),
        )

    def check_targets(
        self, check: Callable[[Tensor, Tensor], None] | None, outputs: Tensor
    ) -> None:
        """Have all targets checked, once for each check and each shape of an example's outputs.

        Args:
            check: raises where a model with these outputs cannot be scored by these targets, as
                ``Task.check`` does; None for nothing to check.
            outputs: (example, ...) of a batch.

        Raises:
            LmctoolError: they are no targets of the task, or ``check`` says so.
        """
        key = (check, outputs.shape[1:])
        if self.unlike:
            raise LmctoolError(f"{self.owner}: {self.unlike}")
        if check is not None and key not in self._checked:
            with about(self.owner):
                check(outputs, self.targets)
            self._checked.add(key)

    def batches(
        self, size: int, dtype: torch.dtype, start: int = 0, stop: int | None = None
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield normalised inputs in ``dtype`` and targets, in order, ``size`` at a time.

        Args:
            size: examples of a batch; the last may have fewer.
            dtype: of the inputs.
            start: the first example.
            stop: the example after the last; by default the end.
        """
        stop = len(self) if stop is None else stop
        return self._between([start, *range(start + size, stop, size), stop], dtype)

    def even_batches(self, size: int, dtype: torch.dtype) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield as few batches of at most ``size`` as there can be, as equal as they can be.

        The sizes differ by at most one, the larger batches first (``numpy.array_split``).
        """
        count = -(-len(self) // size)
        least, larger = divmod(len(self), count)
        cuts = [least * part + min(part, larger) for part in range(1, count)]
        return self._between([0, *cuts, len(self)], dtype)

    def shuffled(
        self, size: int, dtype: torch.dtype, generator: torch.Generator
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield batches without end, in random order; a round through them shows none twice.

        What is left over of a round is too few for a batch, and comes in another.

        Args:
            size: examples of a batch; all of them where there are fewer.
            dtype: of the inputs.
            generator: draws the order, such as ``run.generator("batches")``.
        """
        import torch

        size = min(size, len(self))
        while True:
            order = torch.randperm(len(self), generator=generator)
            for start in range(0, len(order) - size + 1, size):
                yield self.at(order[start : start + size], dtype)

    def at(self, positions: Tensor, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
        """Return normalised inputs in ``dtype`` and targets of the examples at positions, in order.

        Inputs that are too many for a GPU lie in the host's memory, and are picked there.

        Args:
            positions: (example,) int64 positions among the chosen examples.
            dtype: of the inputs.
        """
        inputs, targets = (
            stored[positions.to(stored.device, non_blocking=True)]
            for stored in (self.inputs, self.targets)
        )
        return self.normalised(inputs, dtype), targets

    def pieces(self) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield stored inputs and targets, in order: few at a time of what is in a file."""
        import torch

        from lmctool.data.reading import parts

        if isinstance(self.inputs, torch.Tensor):
            yield self.inputs, self.targets
            return
        for part in parts(self.inputs.shape, self.inputs.dtype.itemsize):
            yield self.inputs[part], self.targets[part]

    def head(self, n: int, dtype: torch.dtype) -> Tensor:
        """Return the first ``n`` inputs (all, if there are fewer), normalised, in ``dtype``."""
        return self.normalised(self.inputs[:n], dtype)

    def normalised(self, inputs: Tensor, dtype: torch.dtype) -> Tensor:
        """Return stored inputs as the model sees them: on the device, in ``dtype``."""
        import torch

        inputs = inputs.to(self.targets.device, non_blocking=True)
        if inputs.dtype == torch.int64:
            return inputs
        scaled = inputs.to(dtype, copy=True)
        if self.scale != 1:
            scaled *= self.scale
        if not self.mean:
            return scaled
        if dtype not in self._constants:  # made on a GPU, each is a wait
            channels = (-1, *[1] * (inputs.ndim - 2))
            both = torch.tensor([self.mean, self.std], dtype=dtype).to(inputs.device)
            self._constants[dtype] = both[0].view(channels), both[1].view(channels)
        mean, std = self._constants[dtype]
        return scaled.sub_(mean).div_(std)

    def _between(
        self, bounds: Sequence[int], dtype: torch.dtype
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield what lies between each two of some examples, rising."""
        parts = [slice(*both) for both in pairwise(bounds)]
        if (whole := self._whole(dtype)) is not None:
            yield from ((whole[part], self.targets[part]) for part in parts)
            return
        stored: Iterable[Tensor] = (self.inputs[part] for part in parts)
        if self.inputs.device != self.targets.device:
            from lmctool.data.prefetch import prefetched

            stored = prefetched(stored, self.targets.device)
        for inputs, part in zip(stored, parts, strict=True):
            yield self.normalised(inputs, dtype), self.targets[part]

    def _whole(self, dtype: torch.dtype) -> Tensor | None:
        """Return all inputs as the model sees them, cached while they are few; None for many.

        A model that writes into its inputs changes the cached ones; then they are made anew.
        """
        import torch

        inputs = self.inputs
        if (
            not isinstance(inputs, torch.Tensor)
            or inputs.numel() * dtype.itemsize > CACHE
            or inputs.device != self.targets.device
        ):
            return None
        whole, version = self._cached.get(dtype, (None, 0))
        if whole is None or whole._version != version:
            whole = self.normalised(inputs, dtype)
            self._cached[dtype] = whole, whole._version
        return whole
