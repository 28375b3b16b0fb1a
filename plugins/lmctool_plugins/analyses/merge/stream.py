"""Merging plain networks straight from their files, a block at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lmctool.api.advanced import (
    LazyWeights,
    mean_tensor,
    refuse_differing,
    spectral_norms,
    weighted_mean,
)

if TYPE_CHECKING:
    from torch import Tensor

    from lmctool.api import Run
    from lmctool_plugins.analyses.merge.shares import Shares


class Stream:
    """The weighted mean of the checkpoints of a run, made while it is written.

    Every value is that of the mean of the networks in the run's dtype.  One tensor is in memory,
    and a block of each network; of a weight under spectral norm, those of all networks.

    Attributes:
        squares: (network,) the squared distance of each network's parameters to the merged one's,
            over the tensors that were made.
        weights: the merged tensors; each may be asked for once.
    """

    def __init__(self, run: Run, counts: Shares) -> None:
        """Take the checkpoints, and how much each counts; nothing is read yet."""
        self.files = run.checkpoints[: run.count]
        self.counts = counts
        self.dtype = run.dtype
        self.left_out = run.left_out
        self.squares = np.zeros(run.count)
        self.weights = LazyWeights(self.files[0].names, self._merged)
        norms = spectral_norms(self.files[0].names)
        self._norms = {name: norm for norm in norms for name in (norm.u, norm.v)}

    def _merged(self, name: str) -> Tensor:
        import torch

        first = self.files[0]
        if name in self.left_out:
            return first.tensor(name, finite=True)
        counting = [n for n, count in enumerate(self.counts) if count > 0]
        counted = [self.files[n] for n in counting]
        if name not in first.floating:
            refuse_differing(name, [file.mapped(name) for file in counted])
            return counted[0].tensor(name)
        if name in self._norms:
            return self._of_spectral_norm(name, counting)
        merged = torch.empty(first.shapes[name], dtype=self.dtype)
        flat, begin = merged.view(-1), 0
        for blocks in zip(*(file.numbers(name, self.dtype) for file in self.files), strict=True):
            block = mean_tensor(
                [blocks[n] for n in counting], [self.counts[n] for n in counting], name
            )
            flat[begin : begin + len(block)] = block
            begin += len(block)
            if name in first.parameters:
                self.squares += [
                    float((own.double() - block.double()).square().sum()) for own in blocks
                ]
        return merged

    def _of_spectral_norm(self, name: str, counting: list[int]) -> Tensor:
        """Return what follows from a merged weight, which is merged anew for it."""
        norm = self._norms[name]
        names = (norm.weight, norm.u, norm.v)
        own = [
            {each: file.tensor(each, finite=True).to(self.dtype) for each in names}
            for file in self.files
        ]
        networks = [own[n] for n in counting]
        merged = weighted_mean(networks, [self.counts[n] for n in counting])[name]
        self.squares += [
            float((each[name].double() - merged.double()).square().sum()) for each in own
        ]
        return merged
