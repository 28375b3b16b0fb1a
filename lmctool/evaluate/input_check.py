"""Data that a model cannot take, told before anything is measured on it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from lmctool.errors import LmctoolError, out_of_memory
from lmctool.evaluate.functional import functional
from lmctool.graph.module import fresh

if TYPE_CHECKING:
    from torch import Tensor

    from lmctool.evaluate.functional import Network


def refuse_misfit(network: Network, inputs: Tensor, split: str) -> None:
    """Compute the outputs for a few examples, to see whether the model takes them.

    Args:
        network: the model.
        inputs: (example, ...) the first examples of a split.
        split: its name.

    Raises:
        LmctoolError: it does not.
    """
    try:
        with torch.no_grad():
            functional(fresh(network.module), {}, inputs)
    except LmctoolError:
        raise
    except Exception as cause:  # whatever the model's own code raises
        if isinstance(cause, RuntimeError) and out_of_memory(cause):
            raise
        shape, dtype = tuple(inputs.shape[1:]), str(inputs.dtype).removeprefix("torch.")
        raise LmctoolError(
            f"the model cannot take the inputs of split {split!r}, {dtype} of shape {shape}"
            f" ({str(cause).splitlines()[0] if str(cause) else type(cause).__name__}); is it"
            " trained on other data?"
        ) from cause
