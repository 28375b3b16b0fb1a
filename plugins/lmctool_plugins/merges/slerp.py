"""Interpolate two networks on a sphere, tensor by tensor.

With Omega the angle between two tensors a and b as vectors, and t the share of b,

    theta = sin((1 - t) Omega) / sin Omega  a + sin(t Omega) / sin Omega  b

(Shoemake 1985, "Animating rotation with quaternion curves", SIGGRAPH), which keeps the norm where
both have the same.  Where |cos Omega| is above 0.9995, and where one of them is 0 and so has no
direction, it is the straight line, (1 - t) a + t b: the threshold is that of mergekit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lmctool.api import Merge, hookimpl
from lmctool.api.advanced import mean_tensor

if TYPE_CHECKING:
    from torch import Tensor

    from lmctool.api import TensorsToMerge

PARALLEL = 0.9995
"""The |cosine| of the angle above which the line stands for the arc."""


def factors(a: Tensor, b: Tensor, t: float) -> tuple[float, float] | None:
    """Return what each of two tensors is multiplied by, or None where the line takes the place.

    Args:
        a: one tensor.
        b: another of its shape.
        t: the share of b, between 0 and 1.
    """
    import torch

    one, other = a.double().flatten(), b.double().flatten()
    norms = float(one.norm()), float(other.norm())
    if not all(norms):
        return None
    cosine = float(one @ other) / norms[0] / norms[1]
    if abs(cosine) > PARALLEL:
        return None
    angle = torch.tensor(cosine, dtype=torch.float64).acos()
    return float(((1 - t) * angle).sin() / angle.sin()), float((t * angle).sin() / angle.sin())


def merged(part: TensorsToMerge) -> Tensor:
    """Return a point of the arc between two tensors."""
    if len(part.tensors) == 1:
        return part.tensors[0]
    a, b = part.tensors
    found = factors(a, b, part.counts[1] / sum(part.counts))
    if found is None:
        return mean_tensor(part.tensors, part.counts, part.name)
    of_a, of_b = found
    return (of_a * a.double() + of_b * b.double()).to(a.dtype)


@hookimpl
def lmctool_merge() -> Merge:
    """Add ``--method slerp``."""
    return Merge(merged, networks=(2, 2))
