"""What a plugin leaves as it was: the weights that it gets, and the state of the process."""

from __future__ import annotations

import random
from contextlib import contextmanager
from typing import TYPE_CHECKING

from lmctool.testing.claim import claim

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from torch import Tensor

    Weights = Mapping[str, Tensor]


@contextmanager
def untouched(who: str, *networks: Weights) -> Iterator[None]:
    """Check that what is done inside writes to no network and changes no global state.

    Raises:
        AssertionError: it does; says what changed.
    """
    import torch

    copies = [{name: tensor.clone() for name, tensor in each.items()} for each in networks]
    before = state()
    yield
    for switch, value in state().items():
        claim(
            value == before[switch],
            f"{who} changed {switch}, which belongs to everybody in this process; draw from"
            " run.generator(NAME), and set what must be set in a context that puts it back",
        )
    for network, copy in zip(networks, copies, strict=True):
        claim(network.keys() == copy.keys(), f"{who} added or removed tensors of its input")
        for name, tensor in copy.items():
            now = network[name]
            claim(
                torch.equal(now, tensor) and not now.requires_grad and now.grad is None,
                f"{who} wrote to tensor {name!r} of its input, which others share; make a new one",
            )


@contextmanager
def other_seeds() -> Iterator[None]:
    """Seed all global generators in another way than they are, and put them back."""
    from lmctool.graph.randomness import seeded

    with seeded(20_240_117):
        yield


def state() -> dict[str, object]:
    """Return all that numbers of the whole process depend on, by what it is called."""
    import numpy as np
    import torch

    from lmctool.evaluate.switches import SWITCHES, THREADS

    return {
        "torch's global generator": torch.get_rng_state().numpy().tobytes(),
        "Python's global generator": random.getstate(),
        "numpy's global generator": str(np.random.get_state()),
        "whether gradients are computed": torch.is_grad_enabled(),
        **{switch.name: switch.read() for switch in (*SWITCHES, THREADS)},
    }
