"""Networks in canonical form: what a norm scales and shifts lies in the layers that read it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

    from lmctool.symmetry.linear.spec import LinearSpec
    from lmctool.weights.arithmetic import Weights


def canonical(spec: LinearSpec, weights: Weights) -> dict[str, Tensor]:
    """Return a network in canonical form, the same function as before, made in float64.

    Args:
        spec: what keeps the model's function.
        weights: the network.
    """
    raise NotImplementedError
