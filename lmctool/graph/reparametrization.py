"""Weights that a model makes of other tensors each time it is computed, and the buffers for it.

By name: ``torch.nn.utils.parametrize`` keeps the modules that make ``weight`` under
``parametrizations.weight``; ``torch.nn.utils.prune`` and the older ``spectral_norm`` keep the
tensor itself as ``weight_orig``, with ``weight_mask``, or ``weight_u`` and ``weight_v``, beside it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

PARAMETRIZED = re.compile(r"(.*\.)?parametrizations\.[^.]+\.[0-9]+\..+")
BESIDE_ORIGINAL = re.compile(r"(.*)_(mask|u|v)")


def makes_weight(buffer: str, names: Collection[str]) -> bool:
    """Tell whether a buffer is a part of how a weight is made, so that it goes where that goes.

    Args:
        buffer: the buffer's name.
        names: the names of all the model's tensors.
    """
    beside = BESIDE_ORIGINAL.fullmatch(buffer)
    if beside and f"{beside[1]}_orig" in names:
        return True
    return PARAMETRIZED.fullmatch(buffer) is not None
