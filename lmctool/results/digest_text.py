"""The text of a digest of tensors, as results have it: which algorithm made it."""

from __future__ import annotations

EARLIER = "sha256"
"""The algorithm of texts that name none, as earlier versions wrote them."""


def algorithm(digest: str) -> str:
    """Return the algorithm of a digest; digests of two algorithms tell nothing of each other.

    >>> algorithm("blake3:58f7"), algorithm("58f7")
    ('blake3', 'sha256')
    """
    before, colon, _ = digest.partition(":")
    return before if colon else EARLIER
