"""How the switches of torch stand that a program may have chosen, for tests that nothing does."""

from __future__ import annotations

from typing import Any

import torch

from lmctool.evaluate.switches import SWITCHES


def standing() -> list[object]:
    """Return all that a program may have chosen for torch in its process."""
    backends: Any = torch.backends
    return [
        *(switch.read() for switch in SWITCHES),
        backends.fp32_precision,
        backends.cudnn.fp32_precision,
        torch.get_num_threads(),
        torch.is_grad_enabled(),
        torch.is_autocast_enabled("cpu"),
    ]
