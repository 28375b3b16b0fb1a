"""Merging plain networks straight from their files, a block at a time."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np

from lmctool.api.advanced import (
    LazyWeights,
    spectral_norms,
    squared_distance,
    with_spectral_norms,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from torch import Tensor

    from lmctool.api import Run
    from lmctool_plugins.analyses.merge.shares import Shares

STRETCH = 1 << 20
"""Values that one thread merges at a time."""
BLOCK = 1 << 16
"""Values that are read and merged at once: what is made of them stays in a processor's cache."""


class Stream:
    """What the checkpoints of a run are merged into, made while it is written.

    Every value is that of merging the networks in the run's dtype.  Of an elementwise method one
    tensor is in memory, and a block of each network; of another one, and of a weight under
    spectral norm, that tensor of all networks.

    Attributes:
        every: the files of all networks, and of the base behind them where there is one.
        squares: (network,) the squared distance of each network's parameters to the merged one's,
            over the tensors that were made.
        weights: the merged tensors; each may be asked for once.
    """

    def __init__(self, run: Run, counts: Shares, base: int | None = None) -> None:
        """Take the checkpoints, how much each counts, and which is the base; nothing is read."""
        import torch

        self.files = run.checkpoints[: run.count]
        self.based = base is not None
        bases = () if base is None else run.checkpoints[base : base + 1]
        self.every = (*self.files, *bases)
        self.counts = counts
        self.method = run.merge_method
        self.dtype = run.dtype
        self.threads = torch.get_num_threads()
        self.left_out = run.left_out
        self.squares = np.zeros(run.count)
        self.weights = LazyWeights(self.files[0].names, self._merged)
        # sets, for each tensor is looked up in them, and there may be many thousands
        self._floating = frozenset(self.files[0].floating)
        self._parameters = frozenset(self.files[0].parameters)
        norms = spectral_norms(self.files[0].names)
        self._norms = {name: norm for norm in norms for name in (norm.u, norm.v)}
        self._counting = [n for n, count in enumerate(self.counts) if count]

    def _merged(self, name: str) -> Tensor:
        first = self.files[0]
        if name in self.left_out:
            return first.tensor(name, finite=True)
        if name not in self._floating:
            self._one([file.mapped(name) for file in self.every], name)
            return self.every[self._counting[0] if self._counting else -1].tensor(name)
        if name in self._norms:
            return self._of_spectral_norm(name)
        if self.method.record.elementwise or name not in self._parameters:
            return self._by_blocks(name)
        own = [file.tensor(name, finite=True).to(self.dtype) for file in self.every]
        merged = self._one(own, name)
        self.squares += self._squares(own, merged)
        return merged

    def _one(self, own: Sequence[Tensor], name: str) -> Tensor:
        """Return what a tensor, or a block of it, of all networks and the base becomes."""
        base = own[-1] if self.based else None
        tensors = [own[n] for n in self._counting]
        counts = [self.counts[n] for n in self._counting]
        if not tensors and base is not None:
            return base
        if len(tensors) == 1 and base is None and self.method.record.counts == "shares":
            return tensors[0]
        averaged = name not in self._parameters
        return self.method.tensor(
            name, tensors, counts, base, indices=self._counting, averaged=averaged
        )

    def _squares(self, own: Sequence[Tensor], merged: Tensor) -> NDArray[np.float64]:
        """Return the squared distance of each network's tensor, or a block of it, to the merged."""
        flat = merged.reshape(-1)
        files = own[: len(self.files)]
        return np.array([squared_distance(each.reshape(-1), flat) for each in files])

    def _by_blocks(self, name: str) -> Tensor:
        """Merge a tensor in stretches, by several threads."""
        import torch

        first = self.files[0]
        merged = torch.empty(first.shapes[name], dtype=self.dtype)
        flat, size = merged.view(-1), merged.numel()

        def stretch(start: int) -> NDArray[np.float64]:
            squares, begin, stop = np.zeros(len(self.files)), start, min(start + STRETCH, size)
            of_each = [file.numbers(name, self.dtype, start, stop, BLOCK) for file in self.every]
            for own in zip(*of_each, strict=True):
                block = self._one(own, name)
                flat[begin : begin + len(block)] = block
                begin += len(block)
                if name in self._parameters:
                    squares += self._squares(own, block)
            return squares

        starts = range(0, size, STRETCH)
        if len(starts) < 2:
            self.squares += sum(map(stretch, starts))
            return merged
        with ThreadPoolExecutor(min(self.threads, len(starts))) as pool:
            for squares in pool.map(stretch, starts):
                self.squares += squares
        return merged

    def _of_spectral_norm(self, name: str) -> Tensor:
        """Return what follows from a merged weight, which is merged anew for it."""
        norm = self._norms[name]
        names = (norm.weight, norm.u, norm.v)
        own = [
            {each: file.tensor(each, finite=True).to(self.dtype) for each in names}
            for file in self.every
        ]
        merged = {each: self._one([one[each] for one in own], each) for each in names}
        mixed = with_spectral_norms(merged, [own[n] for n in self._counting] or own)[name]
        self.squares += self._squares([each[name] for each in own], mixed)
        return mixed
