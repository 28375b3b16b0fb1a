"""The curves of a result as panels, in which each line has a name and a look."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lmctool.report.aggregate import MEAN
from lmctool.report.look import look_of, looks
from lmctool.report.panels import legend_columns, legend_height
from lmctool.report.scales import percent_axis
from lmctool.results.stored_metrics import metrics_of
from lmctool.results.text import titled

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from lmctool.report.curve import Curve, Line
    from lmctool.results.result import Result

SPLIT, VARIANT = "split", "variant"
MOST_NAMED = 32
"""Lines that a legend names; of more, the first ones."""


@dataclass(frozen=True, slots=True)
class NamedLine:
    """A line of a panel.

    Attributes:
        line: the line.
        name: what tells it from the others of its panel.
        style: the keywords of ``Axes.plot``; lines of one variant have one colour everywhere.
    """

    line: Line
    name: str
    style: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class CurvePanel:
    """The lines of a curve, or those on one split.

    Attributes:
        curve: the curve.
        title: the split; empty for all lines.
        lines: the lines.
    """

    curve: Curve
    title: str
    lines: tuple[NamedLine, ...]

    def label(self, axes: Axes, shares: Iterable[str]) -> None:
        """Write what the panel shows beside its axes.

        Args:
            axes: where it is drawn.
            shares: what ``shares_of`` returns.
        """
        axes.set_title(self.title)
        axes.set_xlabel(titled(self.curve.axis.long_name or self.curve.dim, self.curve.axis.unit))
        axes.set_ylabel(titled(self.curve.title, self.curve.unit))
        if self.curve.name in shares:
            percent_axis(axes.yaxis)


def curve_panels(curves: Sequence[Curve], *, apart: bool) -> list[CurvePanel]:
    """Return the panels of some curves, in which lines of one name look alike.

    Args:
        curves: the curves.
        apart: whether each split has a panel of its own.
    """
    groups: list[tuple[Curve, str, list[Line]]] = []
    for curve in curves:
        if apart and SPLIT in curve.dims:
            place = curve.dims.index(SPLIT)
            for split in dict.fromkeys(line.labels[place] for line in curve.lines):
                own = [line for line in curve.lines if line.labels[place] == split]
                groups.append((curve, split, own))
        else:
            groups.append((curve, "", list(curve.lines)))
    keys = [_keys(curve, lines, split) for curve, split, lines in groups]
    styles = _styles([key for own in keys for key in own])
    return [
        CurvePanel(
            curve,
            split,
            tuple(
                NamedLine(line, ", ".join(filter(None, key)).lstrip("_"), styles[key])
                for line, key in zip(lines, own, strict=True)
            ),
        )
        for (curve, split, lines), own in zip(groups, keys, strict=True)
    ]


def shares_of(result: Result) -> set[str]:
    """Return the names of variables of a result that are shares, written in per cent."""
    names = [metric.name for metric in metrics_of(result) if metric.percent]
    return {*names, *(f"{name}{MEAN}" for name in names)}


def differing(places: Sequence[Mapping[str, str]]) -> list[str]:
    """Return the coordinates of each place, only those that differ from place to place, if any."""
    differing = [dim for dim in places[0] if len({place[dim] for place in places}) > 1]
    return [", ".join(place[dim] for dim in differing or place) or " " for place in places]


def room_of_legend(names: Sequence[str], width: float) -> float:
    """Return how high the legend of a figure of some width is, in inches; 0 for a single line."""
    few = list(dict.fromkeys(names))[:MOST_NAMED]
    return legend_height(few, width) + 0.1 if len(few) > 1 else 0.0


def legend_of_figure(figure: Figure) -> None:
    """Draw one legend below all panels, of all their lines."""
    entries = {
        label: handle
        for axes in figure.axes
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True)
    }
    labels = list(entries)[:MOST_NAMED]
    if len(labels) < 2:
        return
    width = float(figure.get_size_inches()[0])
    title = None if len(labels) == len(entries) else f"{len(labels)} of {len(entries)} lines"
    figure.legend(
        [entries[label] for label in labels],
        labels,
        title=title,
        fontsize="small",
        loc="outside lower center",
        ncols=legend_columns(labels, width),
    )


def _keys(curve: Curve, lines: Sequence[Line], split: str) -> list[tuple[str, str]]:
    """Return the variant of each line, and what else tells it from the others of its panel."""
    places = [dict(zip(curve.dims, line.labels, strict=True)) for line in lines]
    if split:
        for place in places:
            del place[SPLIT]
    variants = [place.pop(VARIANT, "") for place in places]
    rest = differing(places)
    if len(set(rest)) == 1 and any(variants):
        rest = [""] * len(rest)
    return list(zip(variants, [name.strip() for name in rest], strict=True))


def _styles(keys: Sequence[tuple[str, str]]) -> dict[tuple[str, str], dict[str, Any]]:
    """Return the look of each variant, with other dashes for what else there is of it."""
    variants = list(dict.fromkeys(variant for variant, _ in keys if variant))
    others = list(dict.fromkeys(rest for _, rest in keys))
    known = dict(zip(variants, looks(variants), strict=True))
    styles: dict[tuple[str, str], dict[str, Any]] = {}
    for variant, rest in keys:
        place = others.index(rest)
        if variant:
            hollow = {"markerfacecolor": "white"} if place % 2 else {}
            styles[variant, rest] = {**known[variant].dashed(place).line, **hollow}
        else:
            styles[variant, rest] = look_of(place).line
    return styles
