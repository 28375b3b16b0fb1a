"""What the two ends of a path are called: by what tells their files apart."""

from __future__ import annotations

from pathlib import PurePath
from typing import TYPE_CHECKING

from lmctool.files.short_names import short_names
from lmctool.report.shortened import all_shortened
from lmctool.results.provenance import Provenance

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lmctool.results.result import Result

ROOM = 50
"""Letters of a line below a panel; a longer label takes two."""


def checkpoint_names(result: Result, count: int, first: int = 0) -> list[str] | None:
    """Return the names of checkpoints of a result, or None where it names fewer.

    Args:
        result: the result.
        count: how many.
        first: the number of the first of them, from 0.
    """
    records = list(Provenance.of(result).checkpoints.values())[first : first + count]
    paths = [PurePath(record.path) for record in records if record.path]
    return all_shortened(short_names(paths)) if len(paths) == count else None


def end_names(result: Result) -> tuple[str, str]:
    """Return the names of the first two checkpoints of a result; A and B where it names none."""
    a, b = checkpoint_names(result, 2) or "AB"
    return a, b


def end_titles(result: Result) -> tuple[str, str]:
    """Return the ends as a figure writes them, such as ``A: seed-0`` and ``B: seed-1``."""
    a, b = file_titles("AB", end_names(result))
    return a, b


def file_titles(letters: Sequence[str], names: Sequence[str]) -> list[str]:
    """Return networks as a figure writes them: a letter and the name of a file.

    A file that is called like its network, such as ``a.safetensors``, needs no name beside it.

    >>> file_titles("AB", ["a", "seed-1"])
    ['A', 'B: seed-1']
    """
    return [
        letter if name.lower() == letter.lower() else f"{letter}: {name}"
        for letter, name in zip(letters, names, strict=True)
    ]


def path_label(result: Result) -> str:
    """Return the label of an axis along the path between two checkpoints, of one line or two.

    >>> from lmctool.results.result import Result
    >>> path_label(Result("barrier", {}))
    'alpha (0 = A, 1 = B)'
    """
    a, b = end_titles(result)
    label = f"alpha (0 = {a}, 1 = {b})"
    return label if len(label) <= ROOM else f"alpha (0 = {a},\n1 = {b})"
