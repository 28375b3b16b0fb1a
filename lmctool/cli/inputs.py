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
    from lmctool.plugin.settings import Naming, Series, SeriesKind
    from lmctool.results.result import Result


@dataclass(frozen=True, slots=True)
class Inputs:
    """The files that a command line names.

    Attributes:
        checkpoints: those that are arguments, the checkpoints of a series one after the other.
        series: the training runs or forks that are arguments.
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

    def found(kind: SeriesKind, path: Path) -> Series:
        return _series(kind, path, paths, given.series.get(path, naming))

    series = tuple(found(analysis.series, path) for path in arguments) if analysis.series else ()
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
            options[name] = _each(parsed.get(name), partial(found, "steps"))
        elif isinstance(kind, ResultFile):
            options[name] = _each(parsed.get(name), partial(result, kind))
    return Inputs(tuple(paths[:count]), series, tuple(paths[count:]), tuple(results), options)


def _each(value: Any, convert: Callable[[Path], Any]) -> Any:
    """Return a path converted, or each path of several; None stays None."""
    if value is None:
        return None
    return tuple(map(convert, value)) if isinstance(value, tuple) else convert(value)


def _series(
    kind: SeriesKind,
    path: Path,
    paths: list[Path],
    given: Naming | tuple[tuple[int, Path], ...],
) -> Series:
    """Add the checkpoints of a series to the paths, and return the series.

    Args:
        kind: what it is a series of.
        path: the series, as the user gave it.
        paths: all checkpoints so far.
        given: the step of each of its networks and what stands for it, or what the tensors of
            those that lie there are called.

    Raises:
        LmctoolError: nothing of this kind is there.
    """
    from lmctool.checkpoint.series import find_series
    from lmctool.checkpoint.siblings import find_siblings
    from lmctool.plugin.settings import Naming, Series

    passed_over: tuple[str, ...] = ()
    if not isinstance(given, Naming):
        members = _fitting(kind, given)
    elif kind == "siblings":
        members, passed_over = find_siblings(path, given)
    else:
        members = find_series(path, given)
    begin = len(paths)
    paths.extend(checkpoint for _, checkpoint in members)
    steps = tuple(step for step, _ in members)
    return Series(path, steps, tuple(range(begin, len(paths))), kind, passed_over)


def _fitting(kind: SeriesKind, given: tuple[tuple[int, Path], ...]) -> tuple[tuple[int, Path], ...]:
    """Return the networks of a series that are given by step.

    Raises:
        LmctoolError: they are of the other kind.
    """
    steps = [step for step, _ in given]
    if kind == "siblings" and len(given) < 2 * max(1, len(set(steps))):
        raise LmctoolError(
            "siblings of a fork are two networks or more; give a list of them by the step of their"
            " fork, such as {500: [a, b, c]}"
        )
    if kind == "steps" and len(set(steps)) < len(steps):
        raise LmctoolError(
            "a training run has one network at each step, and here a list of them is given; give"
            " networks by step, such as {0: a, 500: b}"
        )
    return given


def _read(path: Path, analysis: str) -> Result:
    from lmctool.cli.stored_result import read_sound

    result = read_sound(path)
    if result.analysis != analysis:
        raise LmctoolError(
            f"result '{path}' is of analysis {result.analysis!r}, but one of {analysis!r} is"
            f" needed; make it with lmctool {analysis}"
        )
    return result
