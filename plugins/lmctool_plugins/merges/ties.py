"""Trim what each network has learned since a base, elect signs, and average those that agree.

Of each task vector tau_i = theta_i - theta_base, tensor by tensor (Yadav et al. 2023,
arXiv:2306.01708, section 4 and Algorithm 1):

1. trim: the share --density of its elements, those of the greatest size, stays; the rest is 0;
2. elect: the sign of each element is that of sum_i w_i tau_i, the greater total mass;
3. merge: theta = theta_base + scale mean of the tau_i that have this sign there and are not 0.

The paper trims a whole task vector at once; here, as in mergekit, each tensor by itself, which is
what lets checkpoints of any size be merged while they are read.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import click

from lmctool.api import Merge, hookimpl
from lmctool.api.advanced import added, disjoint_mean, task_vector

if TYPE_CHECKING:
    from torch import Tensor

    from lmctool.api import TensorsToMerge


def least_size(vector: Tensor, density: float) -> float:
    """Return the size of the smallest element that stays when a vector is trimmed.

    That is the k-th greatest, with k = floor(density n) and at least 1: elements of the same size
    all stay, so that the order of the elements changes nothing.

    Args:
        vector: of any shape, not empty.
        density: the share that stays, above 0 and at most 1.
    """
    sizes = vector.abs().flatten()
    count = max(1, int(density * len(sizes)))
    return float(sizes.kthvalue(len(sizes) - count + 1).values)


def trimmed(tensor: Tensor, base: Tensor, least: float) -> Tensor:
    """Return a task vector in float64, with 0 for each element smaller than ``least``."""
    import torch

    vector = task_vector(tensor, base)
    return torch.where(vector.abs() >= least, vector, 0)


def merged(part: TensorsToMerge, density: float, scale: float) -> Tensor:
    """Return the base and the scaled mean of the task vectors that agree, of one tensor."""
    base = part.base
    assert base is not None
    if not base.numel():
        return base
    bounds = [least_size(task_vector(own, base), density) for own in part.tensors]
    pairs = zip(part.tensors, bounds, strict=True)
    vectors = [partial(trimmed, own, base, least) for own, least in pairs]
    return added(base, disjoint_mean(vectors, part.counts), scale)


@hookimpl
def lmctool_merge() -> Merge:
    """Add ``--method ties``."""
    density = click.Option(
        ["--density"],
        type=click.FloatRange(min=0, max=1, min_open=True),
        default=0.2,
        show_default=True,
        help="Share of each tensor of a task vector that stays, the greatest elements.",
    )
    scale = click.Option(
        ["--scale"],
        type=float,
        default=1.0,
        show_default=True,
        help="What the merged task vector is multiplied by.",
    )
    return Merge(
        merged,
        options=(density, scale),
        networks=(1, None),
        base="always",
        counts="factors",
    )
