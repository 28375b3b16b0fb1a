"""The network on a path that ``--save-at`` writes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lmctool.api import Group, LmctoolError, NewCheckpoint, UnjudgedError, Variable

if TYPE_CHECKING:
    from lmctool.api import Array, Curves, Variant

SHIFTS = {"peak": 0, "before": -1, "after": 1}
"""Points of the grid from the greatest loss."""
REASONS = {
    "peak": "the greatest {} loss",
    "before": "one point before the greatest {} loss",
    "after": "one point after the greatest {} loss",
}


def check(at: str) -> None:
    """Check the value of ``--save-at``, before any work.

    Raises:
        LmctoolError: it is neither a word nor an alpha.
    """
    try:
        valid = at in SHIFTS or 0 <= float(at) <= 1
    except ValueError:
        valid = False
    if not valid:
        raise LmctoolError(
            f"--save-at takes peak, before, after or a number from 0 to 1, not {at!r}"
        )


def position(alpha: Array, loss: Array, at: str) -> float:
    """Return the alpha that ``--save-at`` means.

    Args:
        alpha: (alpha,) rising from 0 to 1.
        loss: (alpha,) whose maximum is the peak; the first of several.
        at: ``peak``, ``before``, ``after`` or a number.

    Raises:
        UnjudgedError: the loss is greatest at an end, so there is no peak.
    """
    if at not in SHIFTS:
        return float(at)
    peak = int(loss.argmax())
    if peak in {0, len(alpha) - 1}:
        raise UnjudgedError(
            f"the loss is greatest at alpha {alpha[peak]:g}, an end of the path, so there is no"
            f" peak for --save-at {at}; name an alpha in place of {at!r}"
        )
    return float(alpha[peak + SHIFTS[at]])


def saved(
    variant: Variant, curves: Curves, splits: tuple[str, ...], at: str
) -> tuple[NewCheckpoint, Group]:
    """Return the checkpoint of the last variant's path, and a group that describes it.

    Args:
        variant: the last of those that the curves belong to.
        curves: loss and error of the variants.
        splits: the names of the splits; the peak is that of the train loss, else of the first's.
        at: as ``position`` takes it.
    """
    import numpy as np

    split = splits.index("train") if "train" in splits else 0
    alpha = position(curves.alpha, curves.loss[-1, split], at)
    why = REASONS[at].format(splits[split]) if at in REASONS else "as given"
    made = f"interpolate, alpha {alpha:.6g} ({why}), variant {variant.name}"
    place = Variable(
        np.array(alpha), long_name="alpha of the checkpoint", metric="interpolate.saved"
    )
    return (
        NewCheckpoint(variant.at(alpha), metadata={"lmctool.made": made}),
        Group({"saved_alpha": place}, {"made": made}),
    )
