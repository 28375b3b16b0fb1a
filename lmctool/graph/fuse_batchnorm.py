"""BatchNorms fused into the layers before them, after which they do nothing themselves."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import TYPE_CHECKING

import torch

from lmctool.graph.fuse import fuse
from lmctool.graph.targets import batchnorms, targets

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

    from lmctool.graph.graph import Graph
    from lmctool.graph.targets import BatchNorm, Target


@dataclass(frozen=True, slots=True)
class BatchNormFusion:
    """Which BatchNorms of a model can be fused.

    Attributes:
        layers: the layers that have a BatchNorm of their own behind them.
        left: why each other BatchNorm stays, by its name.
    """

    layers: tuple[Target, ...]
    left: Mapping[str, str]

    def __call__(self, weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return a network with its BatchNorms fused, made in float64.

        Args:
            weights: the network; tensors that stay are passed on, not copied.
        """
        fused = dict(weights)
        for layer in self.layers:
            fused |= _fused(weights, layer)
        return fused


def batchnorm_fusion(graph: Graph) -> BatchNormFusion:
    """Return which BatchNorms of a model can be fused into the layers before them.

    Such a layer is read by its BatchNorm alone, and neither shares tensors with anything else.
    """
    layers = {layer.tap: layer for layer in targets(graph, "layers")}
    fusable: list[Target] = []
    left: dict[str, str] = {}
    for target in batchnorms(graph):
        norm, layer = target.batchnorm, layers.get(target.tap)
        assert norm is not None
        if layer is None:
            left[norm.name] = "no layer with a stored weight writes what it reads"
        elif layer.batchnorm is None:
            left[norm.name] = f"something else reads {layer.name!r} too"
        elif norm.shared:
            left[norm.name] = "something else reads its tensors too, or they are computed"
        elif not layer.fusable:
            left[norm.name] = (
                f"the weight or bias of {layer.name!r} is shared or computed, or has no axis of its"
                " channels alone"
            )
        else:
            fusable.append(layer)
    return BatchNormFusion(tuple(fusable), left)


def _fused(weights: Mapping[str, Tensor], layer: Target) -> dict[str, Tensor]:
    """Return the tensors of a layer and its BatchNorm once they are fused.

    Without a bias the layer takes the scale alone, and the BatchNorm keeps the shift.
    """
    norm = layer.batchnorm
    assert norm is not None
    names = (layer.weight, layer.bias, norm.mean, norm.variance, norm.weight, norm.bias)
    own = {name: weights[name].double() for name in names if name}
    scale = (own[norm.variance] + norm.epsilon).rsqrt()
    if norm.weight:
        scale = scale * own[norm.weight]
    shift = -own[norm.mean] * scale
    if norm.bias:
        shift = shift + own[norm.bias]
    own |= fuse(own, layer, scale, shift) | _nothing(norm, own)
    if not layer.bias:
        own |= {norm.bias: shift} if norm.bias else {norm.mean: -shift}
    return {name: value.to(weights[name].dtype) for name, value in own.items()}


def _nothing(norm: BatchNorm, like: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the tensors of a BatchNorm that changes nothing: it multiplies by 1 in all."""
    ones = torch.ones_like(like[norm.mean])
    tensors = {norm.mean: 0 * ones, norm.variance: ones}
    if norm.weight:
        tensors[norm.weight] = sqrt(1 + norm.epsilon) * ones
    else:
        tensors[norm.variance] = (1 - norm.epsilon) * ones
    return tensors | ({norm.bias: 0 * ones} if norm.bias else {})
