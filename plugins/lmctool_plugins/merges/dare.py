"""Drop elements of what each network has learned since a base at random, and rescale the rest.

Each element of a task vector tau_i = theta_i - theta_base is dropped with probability
p = 1 - --density, and what stays is divided by 1 - p (Yu et al. 2024, arXiv:2311.03099), so that
its expectation is what it was.  Then the vectors are merged as --then says:

    task-arithmetic   theta = theta_base + scale sum_i w_i tau_i
    ties              theta = theta_base + scale mean of those that have the elected sign

ties elects signs and averages as --method ties does, and trims nothing more.  What is dropped
depends on --seed, the tensor's name and the network's place in the command, and on nothing else.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Literal

import click

from lmctool.api import Merge, hookimpl
from lmctool.api.advanced import added, disjoint_mean, summed, task_vector

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from lmctool.api import TensorsToMerge


def kept(shape: torch.Size, density: float, generator: torch.Generator) -> Tensor:
    """Return which elements stay, each with probability ``density`` by itself: truth values."""
    import torch

    return torch.rand(shape, generator=generator, dtype=torch.float64) < density


def dropped(tensor: Tensor, base: Tensor, stays: Tensor, density: float) -> Tensor:
    """Return a task vector in float64, with 0 for what does not stay and the rest rescaled."""
    import torch

    return torch.where(stays, task_vector(tensor, base) / density, 0)


def merged(
    part: TensorsToMerge, density: float, scale: float, then: Literal["task-arithmetic", "ties"]
) -> Tensor:
    """Return the base and the merged task vectors of which elements were dropped, of one tensor."""
    base = part.base
    assert base is not None
    vectors = []
    for index, own in zip(part.indices, part.tensors, strict=True):
        stays = kept(own.shape, density, part.generator(f"network {index}")).to(own.device)
        vectors.append(partial(dropped, own, base, stays, density))
    joined = summed if then == "task-arithmetic" else disjoint_mean
    return added(base, joined(vectors, part.counts), scale)


@hookimpl
def lmctool_merge() -> Merge:
    """Add ``--method dare``."""
    density = click.Option(
        ["--density"],
        type=click.FloatRange(min=0, max=1, min_open=True),
        default=0.5,
        show_default=True,
        help="Probability that an element of a task vector stays, 1 - p.",
    )
    scale = click.Option(
        ["--scale"],
        type=float,
        default=1.0,
        show_default=True,
        help="What the merged task vector is multiplied by.",
    )
    then = click.Option(
        ["--then"],
        type=click.Choice(["task-arithmetic", "ties"]),
        default="task-arithmetic",
        show_default=True,
        help="How the task vectors are merged: their sum, or the mean of those whose sign is"
        " elected.",
    )
    return Merge(
        merged,
        options=(density, scale, then),
        networks=(1, None),
        base="always",
        counts="factors",
    )
