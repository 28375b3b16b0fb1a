"""Which tensors and parts can be taken where the other network has another head or vocabulary."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lmctool.api import LmctoolError

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from lmctool.api import Run


def check_fit(run: Run, tensors: Collection[str]) -> None:
    """Refuse to take tensors that don't fit, unless ``--except`` names them.

    Raises:
        LmctoolError: there is one.
    """
    overlap = run.resources.overlap
    for name in overlap.misfits:
        if name in tensors:
            layer = name.rpartition(".")[0]
            raise LmctoolError(
                f"--layers takes {name!r}, which doesn't fit"
                f" ({overlap.left_out[name].reason}); --except {layer + '.*' if layer else name!r}"
                " leaves it as it is"
            )


def whole(run: Run, parts: Mapping[str, Collection[str]]) -> dict[str, tuple[str, ...]]:
    """Return the parts that can be taken whole; the user is told of the others.

    Raises:
        LmctoolError: there is none.
    """
    apart = [part for part, names in parts.items() if not run.left_out.isdisjoint(names)]
    if len(apart) == len(parts):
        raise LmctoolError("no part can be taken whole, as tensors of each are left out")
    if apart:
        run.note(f"not evaluated, as tensors of theirs are left out: {', '.join(apart)}")
    return {part: tuple(names) for part, names in parts.items() if part not in apart}
