"""A seeded choice of examples in the proportions of their classes."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from lmctool.errors import LmctoolError

if TYPE_CHECKING:
    from numpy.typing import NDArray


Way = Literal["stratified", "random"]


@dataclass(frozen=True, slots=True)
class Subset:
    """The chosen examples.

    Attributes:
        index: their positions, rising.
        way: in the proportions of the classes, or at random; None where all are chosen.
        absent: classes of which none is chosen.
    """

    index: NDArray[np.int64]
    way: Way | None = None
    absent: int = 0


def seed_of_draw(seed: int, draw: int) -> int:
    """Return the seed of one of several draws, below 2**32.

    Args:
        seed: the one that they derive from.
        draw: the number of the draw; 0 has the seed itself.
    """
    if draw == 0:
        return seed
    return int.from_bytes(hashlib.sha256(f"{seed}:draw:{draw}".encode()).digest()[:4], "little")


def shares(counts: NDArray[np.int64], size: int) -> NDArray[np.int64]:
    """Return how many of ``size`` examples each class gets, by largest remainders.

    Args:
        counts: (class,) how many examples each class has; ``size`` is at most their sum.
        size: how many to choose.

    Returns:
        (class,) each the class's exact share rounded down or up, their sum ``size``; of equal
        remainders the earlier class is rounded up.
    """
    exact = counts * size
    share: NDArray[np.int64] = exact // counts.sum()
    order = np.argsort(-(exact % counts.sum()), kind="stable")
    share[order[: size - share.sum()]] += 1
    return share


def subset(targets: NDArray[Any], classes: int, limit: int | None, key: str) -> Subset:
    """Choose examples.

    Args:
        targets: (example,) classes, whose proportions are kept; of others (the tokens of a text,
            several labels, masks, fractions) examples are chosen uniformly.
        classes: number of classes, 0 where the targets are no classes.
        limit: how many to choose; None, or more than there are, for all.
        key: the seed and whatever else the choice depends on, as text.

    Raises:
        LmctoolError: ``limit`` is below 1.
    """
    if limit is not None and limit < 1:
        raise LmctoolError(f"a limit of {limit} examples leaves nothing to measure; pass 1 or more")
    total = len(targets)
    if limit is None or limit >= total:
        return Subset(np.arange(total, dtype=np.int64))
    seed = int.from_bytes(hashlib.sha256(key.encode()).digest(), "little")
    order = np.argsort(np.random.default_rng(seed).random(total), kind="stable")
    if classes == 0 or targets.ndim != 1:
        return Subset(np.sort(order[:limit]), "random")
    _, group, counts = np.unique(targets, return_inverse=True, return_counts=True)
    share = shares(counts.astype(np.int64), limit)
    by_class = order[np.argsort(group[order], kind="stable")]
    starts = np.cumsum(counts) - counts
    chosen = [by_class[start : start + size] for start, size in zip(starts, share, strict=True)]
    return Subset(np.sort(np.concatenate(chosen)), "stratified", int((share == 0).sum()))
