"""Add what each network has learned since a base they share, scaled.

    theta = theta_base + scale sum_i w_i tau_i,   tau_i = theta_i - theta_base

(Ilharco et al. 2023, arXiv:2212.04089, section 2: task vectors that are added; one with a factor
below 0 is forgotten).  The w_i of --weights are factors, 1 if not given, and no shares.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import click

from lmctool.api import Merge, hookimpl
from lmctool.api.advanced import added, summed, task_vector

if TYPE_CHECKING:
    from torch import Tensor

    from lmctool.api import TensorsToMerge


def merged(part: TensorsToMerge, scale: float) -> Tensor:
    """Return the base and the scaled sum of the task vectors, of one tensor or a block of it."""
    assert part.base is not None
    vectors = [partial(task_vector, own, part.base) for own in part.tensors]
    return added(part.base, summed(vectors, part.counts), scale)


@hookimpl
def lmctool_merge() -> Merge:
    """Add ``--method task-arithmetic``."""
    scale = click.Option(
        ["--scale"],
        type=float,
        default=1.0,
        show_default=True,
        help="What the sum of the task vectors is multiplied by.",
    )
    return Merge(
        merged,
        options=(scale,),
        elementwise=True,
        networks=(1, None),
        base="always",
        counts="factors",
    )
