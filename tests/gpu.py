"""Whether tests may use a GPU, which the environment variable LMCTOOL_TEST_DEVICE says."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Mapping, MutableMapping

VARIABLE = "LMCTOOL_TEST_DEVICE"
NAMED = re.compile(r"cuda(:\d+)?")
VISIBLE = "CUDA_VISIBLE_DEVICES"
"""Where CUDA looks which GPUs a process may use; none are listed by an empty text."""


def device_for_tests(environment: Mapping[str, str]) -> str:
    """Return the device that tests may use: ``cpu`` unless the environment names a GPU.

    Raises:
        pytest.UsageError: it names something else.
    """
    word = environment.get(VARIABLE) or "cpu"
    if word != "cpu" and not NAMED.fullmatch(word):
        raise pytest.UsageError(f"{VARIABLE} is {word!r}, not cpu, cuda or cuda:N")
    return word


def hide_gpus(environment: MutableMapping[str, str]) -> None:
    """Let neither this process nor those that it starts find a GPU, unless one is named."""
    if device_for_tests(environment) == "cpu":
        environment[VISIBLE] = ""


def require_gpu(device: str) -> None:
    """Skip a test that needs a GPU if none is named; fail it if the named one isn't there."""
    if device == "cpu":
        pytest.skip(f"needs a CUDA GPU: name one by {VARIABLE}=cuda")
    import torch

    count, index = torch.cuda.device_count(), int(device.partition(":")[2] or 0)
    if index >= count:
        pytest.fail(f"{VARIABLE} is {device!r}, but torch finds {count} CUDA devices", False)
