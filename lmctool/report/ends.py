"""What the two ends of a path are called: by what tells their files apart."""

from __future__ import annotations

from pathlib import PurePath
from typing import TYPE_CHECKING

from lmctool.files.short_names import short_names
from lmctool.results.provenance import Provenance

if TYPE_CHECKING:
    from lmctool.results.result import Result

LONGEST = 24
"""Letters of a name in a figure; of a longer one, its end, where names differ most."""

LINE = 28
"""Letters of two names that have room in one line of a label."""


def shortened(name: str, longest: int = LONGEST) -> str:
    """Return a name that has room in a figure.

    >>> shortened("runs/resnet20/seed-0/last", 12)
    '…seed-0/last'
    """
    return name if len(name) <= longest else f"…{name[1 - longest :]}"


def end_names(result: Result, first: int = 0) -> tuple[str, str]:
    """Return the names of two checkpoints of a result; A and B where it names none.

    Args:
        result: the result.
        first: which of its checkpoints is A, with B behind it.
    """
    records = list(Provenance.of(result).checkpoints.values())[first : first + 2]
    paths = [PurePath(record.path) for record in records if record.path]
    if len(paths) != 2:
        return "A", "B"
    a, b = map(shortened, short_names(paths))
    return a, b


def path_label(result: Result) -> str:
    """Return the label of an axis along the path between two checkpoints, in two lines if long.

    >>> from lmctool.results.result import Result
    >>> path_label(Result("barrier", {}))
    'alpha (0 = A, 1 = B)'
    """
    a, b = end_names(result)
    if (a, b) == ("A", "B"):
        return "alpha (0 = A, 1 = B)"
    apart = ",\n" if len(a) + len(b) > LINE else ", "
    return f"alpha (0 = A: {a}{apart}1 = B: {b})"
