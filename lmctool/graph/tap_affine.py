"""Affine corrections at taps: scales and shifts that weights carry beside a model's tensors."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from lmctool.errors import PluginError
from lmctool.graph.targets import targets

if TYPE_CHECKING:
    from lmctool.graph.graph import Edit, Graph
    from lmctool.graph.targets import Target

Weights = Mapping[str, Tensor]
PARTNERS = {"scale": "shift", "shift": "scale"}


def corrected_taps(weights: Weights) -> list[str]:
    """Return the taps that entries ``@TAP.scale`` and ``@TAP.shift`` of the weights correct."""
    entries = (name for name in weights if name.startswith("@"))
    return list(dict.fromkeys(name[1:].rpartition(".")[0] for name in entries))


def correctable_taps(graph: Graph) -> dict[str, Target]:
    """Return the target of every tap that a correction may stand at."""
    return {target.tap: target for target in targets(graph, "both")}


def tap_edits(weights: Weights, correctable: Mapping[str, Target]) -> dict[str, Edit]:
    """Return the edits that the weights' corrections ask for.

    Args:
        weights: the weights.
        correctable: tap -> the target there.

    Raises:
        PluginError: an entry is no correction of such a tap.
    """
    return {
        tap: partial(affine, axis=correctable[tap].axis, scale=scale, shift=shift)
        for tap, (scale, shift) in corrections(weights, correctable).items()
    }


def corrections(
    weights: Weights, correctable: Mapping[str, Target]
) -> dict[str, tuple[Tensor, Tensor]]:
    """Return the scale and the shift of each tap that the weights correct, (channel,) each.

    Args:
        weights: the weights.
        correctable: tap -> the target there.

    Raises:
        PluginError: an entry is no correction of such a tap; says what to do.
    """
    for name in weights:
        if name.startswith("@"):
            _check(name, weights, correctable)
    return {
        tap: (weights[f"@{tap}.scale"], weights[f"@{tap}.shift"]) for tap in corrected_taps(weights)
    }


def _check(name: str, weights: Weights, correctable: Mapping[str, Target]) -> None:
    """Refuse an entry that is no correction of a tap."""
    tap, _, part = name[1:].rpartition(".")
    if part not in PARTNERS:
        raise PluginError(f"{name!r} is neither the '@TAP.scale' nor the '@TAP.shift' of a tap")
    if tap not in correctable:
        raise PluginError(
            f"the weights hold {name!r}, but no correction can stand at {tap!r}; name the tap of"
            " one of run.resources.targets('both')"
        )
    other = f"@{tap}.{PARTNERS[part]}"
    if other not in weights:
        raise PluginError(f"the weights hold {name!r} without {other!r}; return both")
    shape, channels = tuple(weights[name].shape), (correctable[tap].channels,)
    if shape != channels:
        raise PluginError(
            f"{name!r} has the shape {shape}, but the tap has the channels {channels}"
        )


def correction_edits(graph: Graph, weights: Weights) -> dict[str, Edit]:
    """Return the edits that the weights' corrections ask for; most weights carry none."""
    return tap_edits(weights, correctable_taps(graph)) if corrected_taps(weights) else {}


def chained(first: Edit | None, second: Edit) -> Edit:
    """Return an edit that does one after the other."""
    return second if first is None else lambda value: second(first(value))


def affine(value: Tensor, axis: int, scale: Tensor, shift: Tensor) -> Tensor:
    """Return ``scale * value + shift`` along an axis, in the dtype of the value."""
    shape = [1] * value.ndim
    shape[axis] = -1
    scale, shift = (each.to(value.dtype).view(shape) for each in (scale, shift))
    return torch.addcmul(shift, value, scale)
