"""The average over several results, as Python code gets it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, get_args

from lmctool.notebook.result import Result

if TYPE_CHECKING:
    from collections.abc import Iterable
    from os import PathLike

    from lmctool.results.aggregate.aggregate import Over


def aggregate(results: Iterable[Result | str | PathLike[str]], *, over: Over = "file") -> Result:
    """Average results of one analysis, such as those of five seeds, as ``lmctool aggregate`` does.

        found = lmctool.aggregate([lmctool.barrier(a, b, align=True, data=data) for a, b in pairs])
        found.metrics["barrier.error.mean[variant=align,split=test]"]

    Each metric ``M`` gets ``M.mean``, ``M.std``, the 95 % interval of the mean, ``M.mean.lower95``
    to ``M.mean.upper95``, and between variants ``M.difference`` with its interval and
    ``M.difference.p`` of a paired t-test.  docs/aggregate.md says which results may be averaged.

    Args:
        results: results, or their paths.
        over: ``"file"``, or ``"pair"`` for the pairs of networks of one result of ``matrix``.

    Raises:
        LmctoolError: one cannot be read, or they cannot be averaged.
        UnjudgedError: one contradicts itself.
    """
    from lmctool.cli.averaged import Source, averaged
    from lmctool.errors import LmctoolError
    from lmctool.results.aggregate.aggregate import Over

    if over not in (known := get_args(Over)):
        raise LmctoolError(f"over is one of {', '.join(known)}, not {over!r}")
    sources = [
        Source.held(each.record, each.path) if isinstance(each, Result) else Source.read(Path(each))
        for each in results
    ]
    return Result(averaged(sources, over))
