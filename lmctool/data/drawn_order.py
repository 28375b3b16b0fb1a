"""A seeded order of examples, of which every beginning is in the proportions of the classes."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def drawn_order(targets: NDArray[Any], classes: int, key: str) -> NDArray[np.int64]:
    """Return the positions of all examples in a random order.

    The examples of each class come in random order and evenly spaced, from a random place on, as in
    systematic sampling (Cochran 1977, *Sampling Techniques*, chapter 8): the first n of all hold
    each class in its proportion, up to one example, and every example is among them as probably as
    any other.  What the shorter beginning holds, the longer one holds too.

    Args:
        targets: (example,) classes; others (tokens, several labels, masks, fractions) count as one.
        classes: number of classes, 0 where the targets are none.
        key: the seed and whatever else the order depends on, as text.
    """
    total = len(targets)
    seed = int.from_bytes(hashlib.sha256(f"order:{key}".encode()).digest(), "little")
    generator = np.random.default_rng(seed)
    mixed = generator.permutation(total)
    if classes == 0 or targets.ndim != 1:
        return mixed.astype(np.int64)
    _, group, counts = np.unique(targets[mixed], return_inverse=True, return_counts=True)
    begins = generator.random(len(counts))
    by_class = np.argsort(group, kind="stable")
    within = np.empty(total)
    within[by_class] = np.arange(total) - np.repeat(np.cumsum(counts) - counts, counts)
    places = (within + begins[group]) / counts[group]
    return mixed[np.argsort(places, kind="stable")].astype(np.int64)
