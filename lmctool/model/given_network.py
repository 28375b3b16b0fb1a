"""A network that Python code hands over, kept as it is now."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from lmctool.checkpoint.memory import held
from lmctool.errors import LmctoolError
from lmctool.model.plain import plain
from lmctool.plugin.given import GivenNetwork


def given_network(value: nn.Module | Mapping[str, Any], what: str) -> GivenNetwork:
    """Return a network in memory with copies of its tensors as they are now.

    Args:
        value: a module, which stays as it is and where it is, or a state dict, alone or within
            dictionaries as ``torch.save`` would write them.
        what: what it is called, for errors.

    Raises:
        LmctoolError: it is something else, or a module without numbers or parts.
    """
    with torch.inference_mode(False):  # what is made under it counts no changes
        if isinstance(value, Mapping):
            return GivenNetwork(held(value))
        if not isinstance(value, nn.Module):
            raise LmctoolError(
                f"{what} is of type {type(value).__name__!r}, where a path, a state dict or a"
                " torch.nn.Module is due"
            )
        module = plain(value, f"{what} is")
        return GivenNetwork(held(module.state_dict()), module)
