"""How lines and bars look, and what a legend says of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lmctool.report.curve_panels import SPLIT, VARIANT
from lmctool.report.look import Look, look_of, looks
from lmctool.report.several.series import FILE
from lmctool.report.style import DASHES, MARKERS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from matplotlib.artist import Artist

    from lmctool.report.several.series import Series

FINER: tuple[Any, ...] = ((0, (5, 1)), (0, (1, 3)), (0, (3, 1, 1, 1, 1, 1)), (0, (8, 3)))
ALL_DASHES: tuple[Any, ...] = (*DASHES, *FINER)
"""The dashes of what differs beside the colour."""
LEADING = (VARIANT, FILE, SPLIT)
"""The dims that may have the colours, the first in which lines differ; of curves any other too."""
GREY = "0.35"
"""The colour of what a legend says of dashes alone, and of what no colour stands for."""


@dataclass(frozen=True, slots=True)
class Encoding:
    """What colour, marker and dash stand for in a figure.

    Attributes:
        lead: the dim whose coordinates have a colour and a marker each, such as ``variant``; None
            where nothing is overlaid.
        leaders: its coordinates.
        rest: the other dims in which what is overlaid differs, whose coordinates together have a
            dash each.
        dashed: these coordinates together.
        bars: whether bars are drawn: what has a dash otherwise has a row.
    """

    lead: str | None
    leaders: tuple[str, ...]
    rest: tuple[str, ...]
    dashed: tuple[str, ...]
    bars: bool

    @classmethod
    def of(cls, series: Sequence[Series], panel_dims: Sequence[str]) -> Encoding:
        """Return the encoding of what is drawn.

        Args:
            series: all lines or bars of a figure.
            panel_dims: the dims that panels are of.
        """
        bars = not series[0].quantity.dim
        dims = dict.fromkeys((*LEADING, *(dim for each in series for dim in each.where)))
        overlaid = [dim for dim in dims if dim not in panel_dims and _differs(series, dim)]
        few = [dim for dim in overlaid[:1] if dim in LEADING or not bars]
        lead, rest = (few[0], overlaid[1:]) if few else (None, overlaid)
        leaders = dict.fromkeys(each.where.get(lead or VARIANT, "") for each in series)
        leaders.pop("", None)
        dashed = dict.fromkeys(each.named(rest) for each in series)
        return cls(lead, tuple(leaders), tuple(rest), tuple(dashed), bars)

    @property
    def dims(self) -> list[str]:
        """The dims that tell lines of one panel apart."""
        return [*([self.lead] if self.lead else []), *self.rest]

    @property
    def repeats(self) -> bool:
        """Whether there are more lines than looks."""
        return not self.bars and len(self.dashed) > len(ALL_DASHES)

    def look(self, each: Series) -> Look:
        """Return how a line or a bar looks."""
        look = self._leading().get(each.where.get(self.lead or VARIANT, ""), self._without())
        if not self.rest:
            return look
        return Look(look.colour, look.marker, _dash(self.dashed.index(each.named(self.rest))))

    def name(self, each: Series) -> str:
        """Return what a line is called among those of a panel."""
        return each.named(self.dims)

    def handles(self) -> list[Artist]:
        """Return what a legend shows: each colour with its marker, then each dash."""
        from matplotlib.lines import Line2D
        from matplotlib.patches import Patch

        if self.lead is None or (self.bars and not self.rest):
            return []
        if self.bars:
            own = self._leading().items()
            return [Patch(color=look.colour, label=_legend_name(name)) for name, look in own]
        solid = {"linestyle": "-"} if self.rest else {}
        shown: list[tuple[str, Mapping[str, Any]]] = [
            (name, {**look.line, **solid}) for name, look in self._leading().items()
        ]
        if self.rest:
            shown += [
                (name, {"color": GREY, "marker": "", "linestyle": _dash(place)})
                for place, name in enumerate(self.dashed)
            ]
        return [Line2D([], [], label=_legend_name(name), **keywords) for name, keywords in shown]

    def _without(self) -> Look:
        """Return how looks what has no coordinate in the leading dim."""
        return Look(GREY, MARKERS[0], DASHES[0]) if self.lead else look_of(0)

    def _leading(self) -> dict[str, Look]:
        """Return the colour and the marker of each leader: of variants those of every figure."""
        if self.lead in {None, VARIANT}:
            return dict(zip(self.leaders, looks(self.leaders), strict=True))
        return {name: look_of(place) for place, name in enumerate(self.leaders)}


def _dash(place: int) -> Any:
    return ALL_DASHES[place % len(ALL_DASHES)]


def _differs(series: Sequence[Series], dim: str) -> bool:
    """Tell whether a dim tells lines apart: other dims than these three where any file has two."""
    by_file: dict[str, set[str]] = {}
    for each in series:
        if dim in each.where:
            by_file.setdefault(each.where[FILE], set()).add(each.where[dim])
    if dim in LEADING:
        return len({value for own in by_file.values() for value in own}) > 1
    return any(len(own) > 1 for own in by_file.values())


def _legend_name(name: str) -> str:
    """Return a name as a legend has it: Matplotlib leaves out what begins with an underscore."""
    return name.lstrip("_") or "-"
