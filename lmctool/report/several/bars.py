"""Bars of one panel: a group for each place, in it a bar for each of what colours stand for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lmctool.report.room import cut

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from lmctool.report.several.encoding import Encoding
    from lmctool.report.several.panels import Panel
    from lmctool.report.several.series import Series

FULL = 0.8
"""The height of a group of bars, of the distance between two groups."""


def bar_rows(panel: Panel, encoding: Encoding) -> int:
    """Return how many bars stand below each other in a panel, with the gaps between groups."""
    return len(_groups(panel, encoding)) * max(len(_members(panel, encoding)), 1)


def draw_bars(axes: Axes, panel: Panel, encoding: Encoding, room: float) -> None:
    """Draw the bars of a panel, their bounds as error bars, the first on top.

    Args:
        axes: the panel's axes.
        panel: what it is of.
        encoding: what colours stand for.
        room: how wide names beside the bars can be, in inches.
    """
    groups, members = _groups(panel, encoding), _members(panel, encoding)
    height, row_of = FULL / len(members), {group: row for row, group in enumerate(groups)}
    for number, member in enumerate(members):
        own = [each for each in panel.series if _member(each, encoding) == member]
        rows = [row_of[_group(each, encoding)] for each in own]
        places = np.array(rows) + (number - (len(members) - 1) / 2) * height
        values = np.concatenate([each.values for each in own])
        colours = [encoding.look(each).colour for each in own]
        axes.barh(places, values, height, color=colours, label=member or "_")
        reach = np.array([_reach(each) for each in own]).T
        if np.isfinite(reach).any():
            axes.errorbar(values, places, xerr=reach, fmt="none", ecolor="0.2", elinewidth=1)
    axes.set_yticks(
        range(len(groups)), [cut(name, room, "ytick.labelsize") or " " for name in groups]
    )
    axes.set_ylim(len(groups) - 0.5, -0.5)
    axes.grid(visible=False, axis="y")
    axes.locator_params(axis="x", nbins=4)


def _reach(each: Series) -> tuple[float, float]:
    """Return how far the bounds of a bar lie below and above its end."""
    if each.bounds is None:
        return np.nan, np.nan
    (lower,), (upper,), (value,) = *each.bounds, each.values
    return max(float(value - lower), 0.0), max(float(upper - value), 0.0)


def _members(panel: Panel, encoding: Encoding) -> list[str]:
    return list(dict.fromkeys(_member(each, encoding) for each in panel.series))


def _groups(panel: Panel, encoding: Encoding) -> list[str]:
    return list(dict.fromkeys(_group(each, encoding) for each in panel.series))


def _member(each: Series, encoding: Encoding) -> str:
    return each.where.get(encoding.lead, "") if encoding.lead and encoding.rest else ""


def _group(each: Series, encoding: Encoding) -> str:
    return each.named(encoding.rest or (encoding.lead or "",))
