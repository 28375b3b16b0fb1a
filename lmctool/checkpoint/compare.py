"""Whether two checkpoints can be compared: the same names, shapes and kinds of tensors."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lmctool.checkpoint.fit import as_strip, parts, readings
from lmctool.checkpoint.nearest import hint
from lmctool.errors import LmctoolError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from lmctool.checkpoint.checkpoint import Checkpoint


def check_same(a: Checkpoint, b: Checkpoint) -> None:
    """Check that two checkpoints hold tensors of the same names, shapes and kinds.

    Raises:
        LmctoolError: they don't; the sentence names the first tensor that differs.
    """
    only_a = [name for name in a.names if name not in b.shapes]
    only_b = [name for name in b.names if name not in a.shapes]
    if 2 * (len(only_a) + len(only_b)) > len(a.shapes.keys() | b.shapes.keys()):
        raise LmctoolError(
            "the two checkpoints hold different architectures:"
            f" '{a.path}' has {_some(a.names, only_a)}, '{b.path}' has {_some(b.names, only_b)}"
            f"{_offer(a, only_a, b, only_b)}"
        )
    if only_a:
        raise LmctoolError(_lacking(a, only_a[0], b, only_b))
    if only_b:
        raise LmctoolError(_lacking(b, only_b[0], a, only_a))
    for name in a.names:
        if a.shapes[name] != b.shapes[name]:
            raise LmctoolError(
                f"tensor {name!r} has shape {a.shapes[name]} in '{a.path}'"
                f" but {b.shapes[name]} in '{b.path}'"
            )
        if ("F" in a.dtypes[name]) != ("F" in b.dtypes[name]):
            raise LmctoolError(
                f"tensor {name!r} is stored as {a.dtypes[name]} in '{a.path}'"
                f" but as {b.dtypes[name]} in '{b.path}'"
            )


def _lacking(has: Checkpoint, name: str, lacks: Checkpoint, others: Sequence[str]) -> str:
    there = {other: lacks.shapes[other] for other in others}
    near = hint(name, has.shapes[name], there)
    return f"tensor {name!r} is in '{has.path}' but not in '{lacks.path}'{near}"


def _offer(a: Checkpoint, only_a: Sequence[str], b: Checkpoint, only_b: Sequence[str]) -> str:
    """Return how one of two could be read as the other, by its prefixes or its nearest name."""
    for one, other in ((a, b), (b, a)):
        if found := [each for each in readings(one.shapes, other.shapes, {}) if each.prefix]:
            options = " or ".join(map(as_strip, found))
            return f"; '{one.path}' has all of '{other.path}' {parts(found)}: choose with {options}"
    if not only_a or not only_b:
        return ""
    there = {name: b.shapes[name] for name in only_b}
    near = hint(only_a[0], a.shapes[only_a[0]], there)
    return near and f"; for {only_a[0]!r}{near.removeprefix(';')}"


def _some(names: Iterable[str], examples: list[str]) -> str:
    """Return two names as an example: own ones where there are any."""
    return " and ".join(repr(name) for name in (examples or list(names))[:2])
