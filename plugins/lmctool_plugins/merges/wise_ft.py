"""Stop on the straight way from a zero-shot network to its fine-tuned self, where it is best.

Wortsman et al. 2022 (arXiv:2109.01903), WiSE-FT:

    theta(alpha) = (1 - alpha) theta_0 + alpha theta_1

with theta_0 the first network and theta_1 the second.  Of the alphas, 0 to 1 in steps of 0.1 unless
--alphas says otherwise, the one of the least loss on the calibration examples is written; all are
measured on every split.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lmctool.api import Merge, hookimpl
from lmctool.api.advanced import mean_tensor

if TYPE_CHECKING:
    from torch import Tensor

    from lmctool.api import TensorsToMerge

ALPHAS = tuple(step / 10 for step in range(11))


def merged(part: TensorsToMerge) -> Tensor:
    """Return the point of a tensor on the way."""
    return mean_tensor(part.tensors, part.counts, part.name)


@hookimpl
def lmctool_merge() -> Merge:
    """Add ``--method wise-ft``."""
    return Merge(
        merged,
        elementwise=True,
        networks=(2, 2),
        path=True,
        alphas=ALPHAS,
        needs=frozenset({"data"}),
    )
