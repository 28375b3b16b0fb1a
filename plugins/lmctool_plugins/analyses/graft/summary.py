"""What follows from the scores of a graft result: how far each part raises loss and error."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lmctool.api import ERROR, LOSS, Group

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lmctool.api import Array, Result, Variable

ROBUSTNESS, SCORES = "graft/robustness", "graft/scores"


def rises(parts: Mapping[str, Variable], base: Mapping[str, Array]) -> dict[str, Variable]:
    """Return how far loss and error rise over the checkpoint's own.

    Args:
        parts: loss and error with each part alone taken, (part, split).
        base: loss and error of the checkpoint, (split,).

    Raises:
        ValueError: these are not the same splits.
    """
    for name, values in base.items():
        if parts[name].values.shape[1:] != values.shape:
            raise ValueError(f"{name} is that of {len(values)} splits")
    return {
        f"rise_{metric.name}": metric.variable(
            parts[metric.name].values - base[metric.name],
            ("part", "split"),
            f"rise of the {metric.name}",
            f"graft.rise.{metric.name}",
            comparable=False,
        )
        for metric in (LOSS, ERROR)
    }


def derived(result: Result) -> dict[str, Group]:
    """Return what follows from the scores that a result holds."""
    if ROBUSTNESS not in result.groups:
        return {}
    scores = result.groups[SCORES].variables
    base = {name: scores[name].values[0] for name in ("loss", "error")}
    return {ROBUSTNESS: Group(rises(result.groups[ROBUSTNESS].variables, base))}
