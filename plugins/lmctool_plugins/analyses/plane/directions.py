"""Random directions, as long in each filter as a network (Li et al. 2018, section 4)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lmctool.api.advanced import derived

if TYPE_CHECKING:
    from torch import Tensor, nn

    from lmctool.api import Run, Weights

FEWEST = 2
"""Axes of a tensor that has filters: biases and the parameters of norms have one."""


def filter_norms(tensor: Tensor, groups: int = 0) -> Tensor:
    """Return the norm of the filter that each value of a tensor belongs to, in its shape.

    A filter is what makes one unit or channel of the output.

    Args:
        tensor: (output, ...); or under ``groups``, (input, output of a group, ...).
        groups: those of a transposed convolution, in the order of its inputs; 0 for other weights.
    """
    from torch.linalg import vector_norm

    if not groups:
        norms: Tensor = vector_norm(tensor, dim=[*range(1, tensor.dim())], keepdim=True)
        return norms.expand_as(tensor)
    parts = tensor.reshape(groups, -1, *tensor.shape[1:])
    norms = vector_norm(parts, dim=[1, *range(3, parts.dim())], keepdim=True)
    return norms.expand_as(parts).reshape(tensor.shape)


def input_groups(owner: nn.Module) -> int:
    """Return in how many groups the first axis of a weight is the input; 0 where it isn't."""
    module: Any = owner
    if getattr(module, "transposed", False):
        return int(module.groups)
    return 1 if type(module).__name__ == "Conv1D" else 0  # that of transformers


def random_direction(run: Run, weights: Weights, name: str) -> dict[str, Tensor]:
    """Return a random direction of the parameters that have filters, in float64.

    Args:
        run: the run, whose seed decides.
        weights: the network that each filter is as long as.
        name: tells one direction from others.
    """
    import torch

    generator, direction, module = run.generator(f"plane {name}"), {}, run.resources.module
    for parameter, _ in module.named_parameters():
        own = weights.get(parameter)
        if own is not None and own.is_floating_point() and own.dim() >= FEWEST:
            groups = input_groups(module.get_submodule(parameter.rpartition(".")[0]))
            drawn = torch.randn(own.shape, generator=generator, dtype=torch.float64)
            ratio = filter_norms(own.cpu().double(), groups) / filter_norms(drawn, groups)
            direction[parameter] = drawn * ratio
    return direction


def moved(run: Run, weights: Weights, name: str) -> Weights:
    """Return a network at the end of a random direction from another."""
    direction = random_direction(run, weights, name)
    tensors = {
        key: (own.cpu().double() + direction[key]).to(own) if key in direction else own
        for key, own in weights.items()
    }
    return derived(tensors, "random direction", (weights,), lambda: [run.settings.seed, name])
