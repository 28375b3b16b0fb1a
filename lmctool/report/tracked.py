"""What a tracker of experiments is told of a result, under names that it allows."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lmctool.report import curve
from lmctool.report.by_analysis import drawer
from lmctool.report.figure import FigureError, image
from lmctool.results.metrics import full_name, metrics
from lmctool.results.provenance import Provenance

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from numpy.typing import NDArray

    from lmctool.results.result import Attribute, Result

    Values = NDArray[np.float64]

MOST_POINTS = 1000
"""Points of the longest curve that is told; longer ones are over examples."""
LONGEST_NAME = 250
INSIDE = str.maketrans({",": " ", "/": "."})
"""What a tracker's name has in the place of what stands between coordinates, and in them."""


@dataclass(frozen=True, slots=True)
class TrackedCurves:
    """All curves over one axis.

    Attributes:
        axis: the name of the axis, such as ``barrier/curve/alpha``.
        positions: (point,) float64, where on the axis.
        steps: (point,) the same where these are whole numbers, rising and not negative, such as
            training steps; else 0, 1, 2, ...
        series: (point,) float64 each, by name, such as ``barrier/curve/loss/variant=plain``; NaN
            where there is no value.
    """

    axis: str
    positions: Values
    steps: NDArray[np.int64]
    series: Mapping[str, Values]


@dataclass(frozen=True, slots=True)
class Tracked:
    """A result as numbers, texts and an image.

    Attributes:
        provenance: all that the result records of its run, inputs with their digests.
        metrics: every metric that is a finite number.
        curves: the curves of up to ``MOST_POINTS`` points.
        figure: the figure as PNG; None where there is nothing to draw.
    """

    provenance: Mapping[str, Attribute]
    metrics: Mapping[str, float]
    curves: tuple[TrackedCurves, ...]
    figure: bytes | None


def tracked(result: Result, allowed: str) -> Tracked:
    """Return what a tracker is told of a result.

    Args:
        result: the result.
        allowed: the characters of names, as they stand between the brackets of a regular
            expression, ``/`` among them; names get what ``tracked_names`` says.
    """
    told = {name: value for name, value in metrics(result).items() if value is not None}
    provenance = Provenance.of(result).attributes()
    names = tracked_names([*told], allowed)
    keys = tracked_names([*provenance], allowed)
    return Tracked(
        {keys[key]: value for key, value in provenance.items()},
        {names[name]: value for name, value in told.items()},
        tuple(_curves(result, allowed)),
        _figure(result),
    )


def tracked_names(names: Iterable[str], allowed: str) -> dict[str, str]:
    r"""Return what a tracker calls things, each by a name of its own.

    Coordinates go behind a slash, at which trackers sort names into groups, and what is not
    allowed becomes an underscore.

    >>> tracked_names(["barrier.error[variant=align+repair,split=test]"], r"\\w./= ").values()
    dict_values(['barrier.error/variant=align_repair split=test'])
    """
    given: dict[str, str] = {}
    taken: set[str] = set()
    counts: dict[str, int] = {}
    for name in names:
        head, _, inside = name.removesuffix("]").partition("[")
        text = f"{head}/{inside.translate(INSIDE)}" if inside else head
        wanted = re.sub(rf"[^{allowed}]", "_", text)[:LONGEST_NAME]
        own, start = wanted, wanted[: LONGEST_NAME - 8]
        while own in taken:
            counts[start] = counts.get(start, 1) + 1
            own = f"{start}_{counts[start]}"
        given[name] = own
        taken.add(own)
    return given


def sparingly(
    tell: Callable[[str, int, int], None],
    seconds: float = 10,
    clock: Callable[[], float] = time.monotonic,
) -> Callable[[str, int, int], None]:
    """Return a function that passes progress on at most once in so many seconds."""
    last = clock()

    def progressed(description: str, done: int, total: int) -> None:
        nonlocal last
        if clock() - last >= seconds:
            last = clock()
            tell(description, done, total)

    return progressed


def _curves(result: Result, allowed: str) -> list[TrackedCurves]:
    """Return the curves of a result by their axes."""
    by_axis: dict[str, tuple[Values, dict[str, Values]]] = {}
    for each in curve.find(result):
        if len(each.positions) <= MOST_POINTS:
            _, lines = by_axis.setdefault(f"{each.path}/{each.dim}", (each.positions, {}))
            for line in each.lines:
                where = dict(zip(each.dims, line.labels, strict=True))
                lines[full_name(f"{each.path}/{each.name}", where)] = line.values
    whole = [name for axis, (_, lines) in by_axis.items() for name in (axis, *lines)]
    names = tracked_names(whole, allowed)
    return [
        TrackedCurves(
            names[axis],
            positions,
            _steps(positions),
            {names[name]: values for name, values in lines.items()},
        )
        for axis, (positions, lines) in by_axis.items()
    ]


def _steps(positions: Values) -> NDArray[np.int64]:
    whole = np.isfinite(positions).all() and np.array_equal(np.floor(positions), positions)
    if whole and positions[0] >= 0 and (np.diff(positions) > 0).all():
        return positions.astype(np.int64)
    return np.arange(len(positions))


def _figure(result: Result) -> bytes | None:
    try:
        return image(result, drawer(result), "png")
    except FigureError:
        return None
