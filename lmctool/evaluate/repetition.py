"""How an earlier run evaluated networks, done again where that can be."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from lmctool.evaluate.strategy import made, recorded

if TYPE_CHECKING:
    from collections.abc import Callable

    from lmctool.evaluate.functional import Network
    from lmctool.evaluate.strategy import Launch, Strategy
    from lmctool.plugin.settings import Repetition


def repeatable(
    earlier: Repetition | None, device: torch.device, note: Callable[[str], None]
) -> Repetition | None:
    """Return what is done as in an earlier run, if anything; notes why numbers may differ.

    Args:
        earlier: how that run evaluated networks, if one is repeated.
        device: where the work is done now.
        note: tells the user something worth knowing.
    """
    if earlier is None:
        return None
    rounding = "so numbers may differ by rounding"
    if earlier.device != device.type:
        note(
            f"the recorded run was on {earlier.device!r} and this one is on {device.type!r}:"
            f" strategy and batch size are chosen anew, {rounding}"
        )
        return None
    known = recorded(earlier.strategy)
    if known is None or not _is_here(known[0], device):
        note(
            f"strategy {earlier.strategy!r} of the recorded run is not to be had here: strategy and"
            f" batch size are chosen anew, {rounding}"
        )
        return None
    if earlier.before_halving is not None:
        note(
            "memory ran out in the recorded run: it began with batches of"
            f" {earlier.before_halving} and ended with {earlier.batch_size}, which are repeated,"
            f" {rounding}"
        )
    return earlier


def repeated(earlier: Repetition, network: Network) -> Strategy:
    """Return the strategy of an earlier run for the networks of a model.

    Args:
        earlier: how that run evaluated networks, as ``repeatable`` gives it.
        network: the model.
    """
    known = recorded(earlier.strategy)
    if known is None:
        raise ValueError(f"no record has a strategy {earlier.strategy!r}")
    launch, layout = known
    return made(network, launch, layout, earlier.batch_size, required=False)


def _is_here(launch: Launch, device: torch.device) -> bool:
    """Tell whether this machine can launch networks so."""
    if launch == "mps":
        return torch.backends.mps.is_available()
    return launch != "graphs" or device.type == "cuda"
