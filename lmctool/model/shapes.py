"""Names and shapes of tensors: a model's, a checkpoint's, and where they differ."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import nn

COUNTER = "num_batches_tracked"
"""A buffer of BatchNorm that no output depends on in evaluation mode; files may lack it."""


def shapes_of(module: nn.Module) -> dict[str, tuple[int, ...]]:
    """Return the name and shape of every tensor that a model saves."""
    return {name: tuple(tensor.shape) for name, tensor in module.state_dict().items()}


def aliases(module: nn.Module) -> dict[str, str]:
    """Return each name whose tensor is another's too, with the first name of that tensor."""
    first: dict[int, str] = {}
    found = {}
    for name, tensor in module.state_dict(keep_vars=True).items():
        original = first.setdefault(id(tensor), name)
        if original != name:
            found[name] = original
    return found


def difference(
    held: Mapping[str, tuple[int, ...]],
    needed: Mapping[str, tuple[int, ...]],
    tied: Mapping[str, str] | None = None,
) -> str:
    """Return how a checkpoint's tensors first differ from a model's, or nothing.

    Args:
        held: name -> shape in the checkpoint.
        needed: name -> shape in the model.
        tied: names of the model that share another's tensor, and may be missing.
    """
    for name, shape in needed.items():
        if name not in held:
            original = (tied or {}).get(name)
            if not name.endswith(COUNTER) and (original is None or original not in held):
                return f"tensor '{name}' of shape {shape} is missing from the checkpoint"
        elif held[name] != shape:
            return (
                f"tensor '{name}' has shape {held[name]} in the checkpoint, the model needs {shape}"
            )
    for name in held:
        if name not in needed:
            return f"tensor '{name}' of the checkpoint is not in the model"
    return ""
