"""The generators of random numbers that a model may draw from while it is computed."""

from __future__ import annotations

import hashlib
import random
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np
import torch

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Seed the generators of torch (on all devices), numpy and python; leave them as they were.

    Args:
        seed: below 2**63.
    """
    python, legacy = random.getstate(), np.random.get_state()
    try:
        with torch.random.fork_rng(devices=gpus_in_use()):
            torch.manual_seed(seed)
            random.seed(seed)
            np.random.seed(seed % 2**32)
            yield
    finally:
        random.setstate(python)
        np.random.set_state(legacy)


def gpus_in_use() -> Sequence[int]:
    """Return the GPUs whose generators this process may have drawn from."""
    in_use: bool = torch.cuda.is_initialized()  # type: ignore[no-untyped-call]
    return range(torch.cuda.device_count()) if in_use else ()


def generator(seed: int, name: str) -> torch.Generator:
    """Return the generator of one named use of randomness, from the seed of a run."""
    digest = hashlib.sha256(f"{seed}:{name}".encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:7], "big"))
