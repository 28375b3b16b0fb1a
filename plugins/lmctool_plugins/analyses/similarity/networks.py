"""Which networks are compared, and in which pairs: the ends and the midpoint of each path."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lmctool.api import Run, Variant, Weights
    from lmctool_plugins.analyses.similarity.alignments import Pair

PAIRS = ("A-B", "A-midpoint", "B-midpoint")
"""The pairs of each path; B is the path's own, aligned where it is."""
MIDDLE = 0.5


def compared(variants: Sequence[Variant]) -> tuple[list[Weights], list[list[Pair]]]:
    """Return the networks, each once, and of each variant its pairs as numbers of two of them.

    They come in such an order that few must be kept at once: the midpoints of a path behind its
    ends.

    Args:
        variants: the paths.
    """
    networks: list[Weights] = []

    def number(weights: Weights) -> int:
        for place, known in enumerate(networks):
            if known is weights:
                return place
        networks.append(weights)
        return len(networks) - 1

    pairs = []
    for variant in variants:
        a, b, middle = (number(each) for each in (variant.a, variant.b, variant.at(MIDDLE)))
        pairs.append([(a, b), (a, middle), (b, middle)])
    return networks, pairs


def network_count(run: Run, **_: object) -> int:
    """Return how many networks are looked at: the ends, B aligned, and a midpoint of each path.

    An aligner of networks in canonical form adds A in that form, which is not known before.
    """
    return 2 + len(run.variant_names) + run.settings.aligns
