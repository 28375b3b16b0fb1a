"""Whether two checkpoints can be compared: the same names, shapes and kinds of tensors."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lmctool.errors import LmctoolError

if TYPE_CHECKING:
    from collections.abc import Iterable

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
        )
    if only_a:
        raise LmctoolError(f"tensor {only_a[0]!r} is in '{a.path}' but not in '{b.path}'")
    if only_b:
        raise LmctoolError(f"tensor {only_b[0]!r} is in '{b.path}' but not in '{a.path}'")
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


def _some(names: Iterable[str], examples: list[str]) -> str:
    """Return two names as an example: own ones where there are any."""
    return " and ".join(repr(name) for name in (examples or list(names))[:2])
