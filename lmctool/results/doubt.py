"""Doubts of a result: why some of its numbers, though measured, can carry no verdict.

A doubt is a warning by itself.  A gate on a number that it covers is not judged.  Doubts are
stored with the numbers, in the group ``doubts``, so that an audit of the file meets them too.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lmctool.errors import LmctoolError
from lmctool.results.result import Group

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lmctool.results.metrics import Metric
    from lmctool.results.result import Result

GROUP = "doubts"


@dataclass(frozen=True, slots=True)
class Doubt:
    """Why numbers can carry no verdict.

    Attributes:
        reason: in one sentence.
        where: the coordinates of the numbers, such as ``variant=align``; empty for all.
    """

    reason: str
    where: Mapping[str, str] = field(default_factory=dict)

    def covers(self, metric: Metric) -> bool:
        """Tell whether it is about this number."""
        return all(metric.where.get(dim) == value for dim, value in self.where.items())


def doubt_group(doubts: Sequence[Doubt]) -> Group:
    """Return the group that stores doubts."""
    places = [json.dumps(dict(doubt.where)) for doubt in doubts]
    return Group(attributes={"reason": [doubt.reason for doubt in doubts], "where": places})


def doubts_of(result: Result) -> tuple[Doubt, ...]:
    """Return the doubts that a result stores.

    Raises:
        LmctoolError: the group is not one of doubts.
    """
    group = result.groups.get(GROUP)
    if group is None:
        return ()
    reasons, places = (_texts(group.attributes.get(name)) for name in ("reason", "where"))
    if not reasons or len(reasons) != len(places):
        raise LmctoolError(f"group {GROUP!r} of the result does not hold reasons and places")
    return tuple(
        Doubt(reason, _place(place)) for reason, place in zip(reasons, places, strict=True)
    )


def _texts(value: object) -> list[str]:
    """Return a list of texts; a file may hold one of them as a text."""
    if isinstance(value, str):
        return [value]
    return value if isinstance(value, list) and all(isinstance(t, str) for t in value) else []


def _place(text: str) -> dict[str, str]:
    try:
        place = json.loads(text)
    except (ValueError, RecursionError):
        place = None
    if not isinstance(place, dict) or not all(isinstance(value, str) for value in place.values()):
        raise LmctoolError(f"group {GROUP!r} of the result has {text[:60]!r} where a place is due")
    return place
