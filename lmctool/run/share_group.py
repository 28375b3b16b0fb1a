"""What a result says of the share of the examples that its numbers are of."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lmctool.curves.sampled_barrier import LEVEL, OUT
from lmctool.results.metrics import ESTIMATED
from lmctool.results.result import Group, Variable
from lmctool.results.text import percent

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from lmctool.run.growing import Growing

    Counts = NDArray[np.int64]

RULE = (
    "all points of a curve are shown the same examples, more at each look; a point is left out once"
    f" its paired difference to the leader is too low, with {OUT:.1%} of what may go wrong by"
    " Bonferroni over points and looks; the looks end when half the interval of the barrier, over"
    " the points that are left, is at most that wide"
)


def share_attributes(growing: Growing) -> dict[str, str | int | float]:
    """Return the attributes of groups whose numbers are of a share of the examples."""
    attributes: dict[str, str | int | float] = {"within": str(growing.within), "level": LEVEL}
    return attributes | ({ESTIMATED: 1} if growing.passes < growing.passes_of_all else {})


def share_group(
    growing: Growing, coordinates: Mapping[str, Variable], counts: Counts, looks: Counts
) -> Group:
    """Return how many examples numbers are of, and which.

    Args:
        growing: what looked at them, and is done.
        coordinates: those of the dims of ``looks``, one of them ``split``, and ``alpha``.
        counts: (..., alpha) how many examples each value is of.
        looks: (...) how many looks there were.
    """
    dims = tuple(name for name in coordinates if name != "alpha")
    places = dims.index("split")
    total = np.array([len(share.split) for share in growing.shares])
    along = total.reshape([-1 if place == places else 1 for place in range(len(dims))])
    used = np.moveaxis(counts.max(axis=-1), places, 0).reshape(len(total), -1).max(axis=1)
    variables = {
        **coordinates,
        "examples": Variable(counts, (*dims, "alpha"), long_name="examples looked at"),
        "share": Variable(
            counts.max(axis=-1) / along, dims, "1", "share of the examples of the split"
        ),
        "looks": Variable(looks, dims, long_name="looks"),
        "total": Variable(total, ("split",), long_name="examples of the split"),
    }
    for share, most in zip(growing.shares, used, strict=True):
        name = share.split.name.replace(".", "_")
        variables[f"order_{name}"] = Variable(
            share.split.index[share.order[:most]],
            (f"example_{name}",),
            long_name=f"positions in the stored split {share.split.name!r}, in the order of looks",
        )
    attributes: dict[str, str | int | float] = {
        "rule": RULE,
        "subset_seed": growing.run.settings.subset_seed,
        "passes": growing.passes / growing.passes_of_all,
    }
    return Group(variables, share_attributes(growing) | attributes)


def share_notes(group: Group) -> tuple[str, ...]:
    """Return what a table says of the share that its numbers are of.

    Args:
        group: as ``share_group`` makes it.
    """
    attributes, share = group.attributes, group.variables["share"].values
    least, most = (percent(value, 0) for value in (share.min(), share.max()))
    shown = most if least == most else f"{least} to {most}"
    return (
        f"95 % intervals of all examples' barriers, from {shown} of the examples"
        f" (--within {attributes['within']}); {percent(float(str(attributes['passes'])), 0)} of the"
        " examples' passes through networks were made",
    )
