"""The modes of torch that a caller's code may be within, left for a while."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def as_on_a_command_line() -> Iterator[None]:
    """Let torch work as in a fresh process: with gradients, and on the CPU where no device is said.

    A callback of training is often within ``torch.inference_mode``, whose tensors count no changes,
    or ``torch.no_grad``; a notebook may have set a default device.
    """
    with torch.inference_mode(False), torch.enable_grad():
        if torch.get_default_device().type == "cpu":
            yield
        else:
            with torch.device("cpu"):
                yield
