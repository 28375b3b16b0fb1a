"""The files that arguments and options name, as an analysis gets them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from lmctool.errors import LmctoolError
from lmctool.plugin.given import NOTHING
from lmctool.plugin.parameters import CheckpointFile, ResultFile, SeriesFolder
from lmctool.plugin.settings import AS_STORED

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from lmctool.plugin.given import Given
    from lmctool.plugin.records import Analysis
    from lmctool.plugin.settings import Naming, Series
    from lmctool.results.result import Result


@dataclass(frozen=True, slots=True)
class Inputs:
    """The files that a command line names.

    Attributes:
        checkpoints: those that are arguments, the checkpoints of a series one after the other.
        series: the series that are arguments.
        others: the checkpoints that options name; their indices follow those of the arguments.
        results: the results that options name.
        options: the values of the analysis's options, as its ``compute`` takes them.
    """

    checkpoints: tuple[Path, ...]
    series: tuple[Series, ...]
    others: tuple[Path, ...]
    results: tuple[Path, ...]
    options: Mapping[str, Any]


def find_inputs(
    analysis: Analysis,
    arguments: Sequence[Path],
    parsed: Mapping[str, Any],
    naming: Naming = AS_STORED,
    given: Given = NOTHING,
) -> Inputs:
    """Return the files that arguments and options name.

    Args:
        analysis: the analysis.
        arguments: the checkpoints, or the series, in the user's order.
        parsed: the parsed value of each of the analysis's options.
        naming: what the tensors of checkpoints are called, to tell equal ones of one step.
        given: the objects that some of the paths stand for.

    Raises:
        LmctoolError: a series holds no checkpoint, or a result cannot be read or is of another
            analysis.
    """
    paths: list[Path] = []
    results: list[Path] = []

    def run(path: Path) -> Series:
        return _series(path, paths, given.series.get(path) or naming)

    series = tuple(map(run, arguments)) if analysis.series else ()
    if not analysis.series:
        paths.extend(arguments)
    count = len(paths)

    def index(path: Path) -> int:
        paths.append(path)
        return len(paths) - 1

    def result(kind: ResultFile, path: Path) -> Result:
        results.append(path)
        return _read(path, kind.analysis)

    options = dict(parsed)
    for option in analysis.options:
        name, kind = str(option.name), option.type
        if isinstance(kind, CheckpointFile):
            options[name] = _each(parsed.get(name), index)
        elif isinstance(kind, SeriesFolder):
            options[name] = _each(parsed.get(name), run)
        elif isinstance(kind, ResultFile):
            options[name] = _each(parsed.get(name), partial(result, kind))
    return Inputs(tuple(paths[:count]), series, tuple(paths[count:]), tuple(results), options)


def _each(value: Any, convert: Callable[[Path], Any]) -> Any:
    """Return a path converted, or each path of several; None stays None."""
    if value is None:
        return None
    return tuple(map(convert, value)) if isinstance(value, tuple) else convert(value)


def _series(path: Path, paths: list[Path], found: Naming | Mapping[int, Path]) -> Series:
    """Add the checkpoints of a series to the paths, and return the series.

    Args:
        path: the series, as the user gave it.
        paths: all checkpoints so far.
        found: its checkpoints by step, or what the tensors of those that lie there are called.
    """
    from lmctool.checkpoint.series import find_series
    from lmctool.plugin.settings import Naming, Series

    series = find_series(path, found) if isinstance(found, Naming) else tuple(found.items())
    begin = len(paths)
    paths.extend(checkpoint for _, checkpoint in series)
    steps = tuple(step for step, _ in series)
    return Series(path, steps, tuple(range(begin, len(paths))))


def _read(path: Path, analysis: str) -> Result:
    from lmctool.cli.stored_result import read_sound

    result = read_sound(path)
    if result.analysis != analysis:
        raise LmctoolError(
            f"result '{path}' is of analysis {result.analysis!r}, but one of {analysis!r} is"
            f" needed; make it with lmctool {analysis}"
        )
    return result
