"""Average the networks, tensor by tensor.

    theta = sum_i w_i theta_i / sum_i w_i

Wortsman et al. 2022 (arXiv:2203.05482) call it a uniform soup where all weights are the same.
Sums are in float64; where all networks agree to the bit, so does their mean.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lmctool.api import Merge, hookimpl
from lmctool.api.advanced import mean_tensor

if TYPE_CHECKING:
    from torch import Tensor

    from lmctool.api import TensorsToMerge


def merged(part: TensorsToMerge) -> Tensor:
    """Return the weighted mean of a tensor."""
    return mean_tensor(part.tensors, part.counts, part.name)


@hookimpl
def lmctool_merge() -> Merge:
    """Add ``--method mean``."""
    return Merge(merged, elementwise=True, path=True)
