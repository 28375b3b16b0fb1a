"""Which networks a plugin refuses when it is checked on several."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lmctool.testing.claim import Refused, claim
from lmctool.testing.small_networks import named

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lmctool.testing.small_networks import SmallNetwork


def refusals(
    who: str, networks: Sequence[str], check: Callable[[SmallNetwork], None]
) -> dict[str, str]:
    """Check a plugin on each network, and return the sentence for each that it refused, by key.

    Args:
        who: the plugin, for an error.
        networks: on which of them.
        check: checks it on one.

    Raises:
        AssertionError: something does not hold, or it refuses all networks.
    """
    refused: dict[str, str] = {}
    for network in named(networks):
        try:
            check(network)
        except Refused as refusal:
            refused[network.key] = str(refusal)
    claim(len(refused) < len(networks), f"{who} refused every network: {refused}")
    return refused
