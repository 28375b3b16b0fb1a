"""Token ids as examples: what follows each position, and what a mask leaves out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from lmctool.errors import LmctoolError
from lmctool.plugin.data_records import Examples

if TYPE_CHECKING:
    from numpy.typing import NDArray

IGNORE_INDEX = -100
"""The target of a position that does not count: no token follows it, or the mask leaves it out."""
UNSHIFTED = "targets are the tokens of their own positions, not yet shifted by one: now they are"
"""What is told of targets that ``unshifted`` tells apart."""
ENOUGH = 8
"""Positions that tell targets apart from shifted ones; of fewer all may agree by chance."""


def token_examples(
    ids: NDArray[Any],
    targets: NDArray[Any] | None,
    mask: NDArray[Any] | None,
    what: str,
    ignored: object = None,
) -> Examples:
    """Return sequences of tokens with the token that follows each position.

    Args:
        ids: (example, position) token ids.
        targets: (example, position) the token that follows each position, -100 where none
            counts, or ``unshifted`` ones; None to take the next of ``ids``.
        mask: (example, position) 1 for a token and 0 for the padding after the last one, or
            None; a target that is padding becomes -100.
        what: what to call them in an error.
        ignored: the token that counts for nothing as a target; it becomes -100.

    Returns:
        Inputs and targets, (example, position) int64.

    Raises:
        LmctoolError: the shapes differ, an id is negative, no target is left, or the mask is no
            padding at the end: the models take no mask, so tokens would see what it hides.
    """
    if ids.ndim != 2:
        raise LmctoolError(f"{what} has token ids of shape {ids.shape}, not (example, position)")
    if ids.size and ids.min() < 0:
        raise LmctoolError(f"{what} has token id {ids.min()}, but tokens count from 0")
    inputs = ids.astype(np.int64)
    labels = inputs if targets is None else targets.astype(np.int64)
    _check_shape(labels, inputs, f"{what} has targets")
    if targets is None or unshifted(inputs, labels):
        labels = following(labels)
    if mask is not None:
        _check_shape(mask, inputs, f"{what} has a mask")
        _check_padding(mask, what)
        # what follows the last position is in y alone, and counts if that position does
        followed = np.concatenate([mask[:, 1:], mask[:, -1:]], axis=1)
        labels = np.where(followed == 1, labels, IGNORE_INDEX)
    if ignored is not None:
        labels = np.where(labels == whole_number(ignored), IGNORE_INDEX, labels)
    if not (labels != IGNORE_INDEX).any():
        raise LmctoolError(f"{what} has no token that follows another, so nothing to predict")
    return Examples(inputs, labels)


def whole_number(ignored: object) -> int:
    """Return what ``?ignore=`` says.

    Raises:
        LmctoolError: it is no whole number.
    """
    if type(ignored) is not int:
        raise LmctoolError(f"?ignore={ignored} is no class; it takes a whole number, such as 255")
    return ignored


def unshifted(ids: NDArray[Any], targets: NDArray[Any]) -> bool:
    """Tell whether targets are the tokens of their own positions, as Hugging Face keeps labels.

    Its models shift them by one themselves.  They are equal to the ids wherever one counts, which
    tokens that follow are in sequences of one repeated token alone: so many positions as no chance
    explains must tell the two apart.

    Args:
        ids: (example, position) token ids.
        targets: (example, position) the token of each position or the next one, -100 where none
            counts.
    """
    counted = targets != IGNORE_INDEX
    if targets.shape != ids.shape or not (targets == ids)[counted].all():
        return False
    telling = counted[:, :-1] & (ids[:, :-1] != ids[:, 1:])
    return int(telling.sum()) >= ENOUGH


def following(ids: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the next id of each position, and -100 at the last: (example, position)."""
    targets = np.full_like(ids, IGNORE_INDEX)
    targets[:, :-1] = ids[:, 1:]
    return targets


def refuse_padding(mask: NDArray[Any], what: str) -> None:
    """Refuse padding in sequences that have one target each.

    Args:
        mask: (example, position) 1 for a token and 0 for padding.
        what: what to call them in an error.

    Raises:
        LmctoolError: there is some.
    """
    if not (mask == 1).all():
        raise LmctoolError(
            f"{what} has padding by its mask: the models take no mask, so what they answer would"
            " depend on it; cut all sequences to one length"
        )


def _check_shape(array: NDArray[Any], ids: NDArray[Any], what: str) -> None:
    if array.shape != ids.shape:
        raise LmctoolError(f"{what} of shape {array.shape}, but token ids of {ids.shape}")


def _check_padding(mask: NDArray[Any], what: str) -> None:
    if not np.isin(mask, (0, 1)).all():
        raise LmctoolError(f"{what} has a mask of other values than 1 for a token and 0 for none")
    is_token = mask.astype(bool)
    resumed = np.flatnonzero((is_token[:, 1:] & ~is_token[:, :-1]).any(axis=1))
    if resumed.size:
        raise LmctoolError(
            f"{what} has a mask that hides tokens before others (example {resumed[0]}): the models"
            " take no mask, so padding may only stand at the end"
        )
