"""How a variant looks: one colour, marker and dash for its name, in every figure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from lmctool.report.style import COLOURS, DASHES, MARKERS

if TYPE_CHECKING:
    from collections.abc import Sequence

KNOWN = ("plain", "align", "align+repair", "repair")
"""The variants of a path, whose looks are theirs whichever of them a figure shows."""

MOST_COLOURS = 10
"""Parts that differ in colour and dash; more are shades."""


@dataclass(frozen=True, slots=True)
class Look:
    """What tells one variant from others in a figure.

    Attributes:
        colour: of lines, bars and bands.
        marker: of points.
        dash: of lines.
    """

    colour: str
    marker: str
    dash: str

    @property
    def line(self) -> dict[str, Any]:
        """The keywords of ``Axes.plot``."""
        return {"color": self.colour, "marker": self.marker, "linestyle": self.dash}

    def dashed(self, place: int) -> Look:
        """Return the look of another line of the variant: its colour and marker, another dash."""
        dash = DASHES[(DASHES.index(self.dash) + place) % len(DASHES)]
        return replace(self, dash=dash)


def looks(names: Sequence[str]) -> list[Look]:
    """Return how variants look, each differing from all others as long as there are enough looks.

    ``plain``, ``align``, ``align+repair`` and ``repair`` look the same everywhere; any other name
    takes the next look after theirs.

    Args:
        names: the variants of a figure, in its order.
    """
    others = [name for name in dict.fromkeys(names) if name not in KNOWN]
    places = {name: place for place, name in enumerate((*KNOWN, *others))}
    return [look_of(places[name]) for name in names]


def part_looks(count: int, ordered: bool) -> list[Look]:
    """Return how the parts of examples look.

    Args:
        count: how many parts there are.
        ordered: whether their order means something, such as from easy to hard: they are then
            drawn from light to dark, as are more than ten others.
    """
    from matplotlib import colormaps
    from matplotlib.colors import to_hex

    own = [look_of(place) for place in range(count)]
    if not ordered and count <= MOST_COLOURS:
        return own
    shades = colormaps["viridis"]
    at = [0.9 - 0.85 * place / max(count - 1, 1) for place in range(count)]
    return [
        replace(look, colour=to_hex(shades(where))) for look, where in zip(own, at, strict=True)
    ]


def named_parts(names: Sequence[str]) -> list[str]:
    """Return labels of parts, of which a legend names ten at most: the first, some, the last.

    >>> named_parts([str(part) for part in range(12)])[:3]
    ['0', '1', '_2']
    """
    last = len(names) - 1
    step = max(last / (MOST_COLOURS - 1), 1)
    named = {min(round(step * place), last) for place in range(MOST_COLOURS)}
    return [name if place in named else f"_{name}" for place, name in enumerate(names)]


def look_of(place: int) -> Look:
    """Return the look of a line that is of no variant, by its place among others."""
    return Look(
        COLOURS[place % len(COLOURS)],
        MARKERS[place % len(MARKERS)],
        DASHES[place % len(DASHES)],
    )
