"""Affine corrections at taps: scales and shifts that weights carry beside a model's tensors."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from lmctool.graph.targets import targets

if TYPE_CHECKING:
    from lmctool.graph.graph import Edit, Graph

Weights = Mapping[str, Tensor]
SCALE = ".scale"


def corrected_taps(weights: Weights) -> list[str]:
    """Return the taps that entries ``@TAP.scale`` and ``@TAP.shift`` of the weights correct."""
    return [
        name[1 : -len(SCALE)] for name in weights if name.startswith("@") and name.endswith(SCALE)
    ]


def channel_axes(graph: Graph) -> dict[str, int]:
    """Return the channel axis of every tap that a correction may stand at."""
    return {target.tap: target.axis for target in targets(graph, "both")}


def tap_edits(weights: Weights, channels: Mapping[str, int]) -> dict[str, Edit]:
    """Return the edits that the weights' corrections ask for.

    Args:
        weights: the weights.
        channels: tap -> the axis of its channels.
    """
    return {
        tap: partial(
            affine,
            axis=channels[tap],
            scale=weights[f"@{tap}.scale"],
            shift=weights[f"@{tap}.shift"],
        )
        for tap in corrected_taps(weights)
    }


def correction_edits(graph: Graph, weights: Weights) -> dict[str, Edit]:
    """Return the edits that the weights' corrections ask for; most weights carry none."""
    return tap_edits(weights, channel_axes(graph)) if corrected_taps(weights) else {}


def chained(first: Edit | None, second: Edit) -> Edit:
    """Return an edit that does one after the other."""
    return second if first is None else lambda value: second(first(value))


def affine(value: Tensor, axis: int, scale: Tensor, shift: Tensor) -> Tensor:
    """Return ``scale * value + shift`` along an axis, in the dtype of the value."""
    shape = [1] * value.ndim
    shape[axis] = -1
    scale, shift = (each.to(value.dtype).view(shape) for each in (scale, shift))
    return torch.addcmul(shift, value, scale)
