"""What is said of a model that cannot take the inputs of a split."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from lmctool.errors import first_line

if TYPE_CHECKING:
    from torch import Tensor

ELSEWHERE = re.compile(r"same device|on cpu, different|torch\.cuda\.\w*Tensor")
"""What torch says of tensors on two devices."""
WHOLE = re.compile(r"\b[Ll]ong\b|dtype")
"""What it says of whole numbers where a layer takes floats."""
INDICES = re.compile(r"'indices'")
"""What it says of floats where an embedding takes whole numbers."""


def misfit(inputs: tuple[Tensor, ...], split: str, cause: Exception) -> str:
    """Return in one sentence why a model may have failed, and what to do.

    Args:
        inputs: (example, ...) a batch for each argument of the model.
        split: where they are from.
        cause: what the model raised, which is no failure of the machine.
    """
    first, reason = inputs[0], first_line(cause)
    if first.device.type != "cpu" and ELSEWHERE.search(str(cause)):
        return (
            f"the model makes tensors that are not where its inputs are, on {first.device}"
            f" ({reason}); try --device cpu"
        )
    dtype, floats = str(first.dtype).removeprefix("torch."), first.is_floating_point()
    hint = "is it trained on other data?"
    if not floats and WHOLE.search(str(cause)):
        hint = "int64 is for token ids: store measurements as floats, and images as uint8 or floats"
    elif floats and INDICES.search(str(cause)):
        hint = "it takes token ids: store them as int64"
    return (
        f"the model cannot take the inputs of split {split!r}, {dtype} of shape"
        f" {tuple(first.shape[1:])} ({reason}); {hint}"
    )
