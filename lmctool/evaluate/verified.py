"""A faster way to the outputs of networks, held against the plain one before it is relied on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

    from lmctool.evaluate.functional import Forward, Outputs

TOLERANCE = {torch.float32: 1e-4, torch.float64: 1e-10}
"""Greatest difference over the greatest output that is still rounding; less exact dtypes 5 %."""
NETWORKS = 2
"""How many networks are checked: the second one tells whether the first one's weights remain."""


class Proved:
    """Computes what a faster forward function does, or the plain one if they don't agree.

    A model that keeps what it computed from its weights, or one that branches on them, gives wrong
    numbers when it is replayed with others.  So the first batch of the first networks is computed
    in both ways; where they differ the plain way is taken from there on.

    Attributes:
        holds: whether the faster way is still in use.
    """

    def __init__(self, fast: Forward, plain: Forward) -> None:
        """Keep both; the first networks are checked."""
        self.fast = fast
        self.plain = plain
        self.holds = True
        self._left = NETWORKS

    def __call__(self, weights: Mapping[str, Tensor]) -> Outputs:
        """Return the outputs of the network that has these weights."""
        if not self.holds:
            return self.plain(weights)
        if not self._left:
            return self.fast(weights)
        fast, plain = self.fast(weights), self.plain(weights)
        self._left -= 1
        unchecked = True

        def outputs(inputs: Tensor) -> Tensor:
            nonlocal unchecked
            outputs = fast(inputs) if self.holds else plain(inputs)
            if unchecked and self.holds:
                unchecked = False
                expected = plain(inputs)
                self.holds = agree(outputs, expected)
                return outputs if self.holds else expected
            return outputs

        return outputs


def agree(outputs: Tensor, expected: Tensor) -> bool:
    """Tell whether outputs differ by no more than rounding, not-a-number being equal to itself."""
    tolerance = TOLERANCE.get(expected.dtype, 0.05)
    finite = expected.isfinite()
    if not torch.equal(finite, outputs.isfinite()):
        return False
    scale = expected[finite].abs().max() if finite.any() else torch.zeros(())
    difference = (outputs - expected)[finite].abs().max() if finite.any() else torch.zeros(())
    return bool(difference <= tolerance * scale)
