"""What spoils a drawn figure: texts and arrows that lie over each other, cut ones, raw formulas."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from matplotlib.legend import Legend
from matplotlib.patches import FancyArrowPatch
from matplotlib.text import Text

from lmctool.report.figure import COLORBAR

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.transforms import BboxBase
    from numpy.typing import NDArray

    Corners = NDArray[np.float64]

SLACK = 1.0
"""Pixels by which two boxes may share room: a box has a little more than the letters in it."""
ARROW = 3.0
"""The width of an arrow's line with what must stay free beside it, in pixels."""
LEAST = 0.5
"""The width and the height that a panel has at least, in inches."""
COLLAPSED = "sizes collapsed"
"""Part of what Matplotlib warns of where its layout has no room for all texts."""


@dataclass(frozen=True, slots=True, eq=False)
class Item:
    """Something drawn, as the rectangle around it.

    Attributes:
        name: what a sentence calls it.
        corners: (4, 2) in pixels, one after the other around the rectangle, which may be turned.
        axes: the panel that it belongs to; None for what belongs to the figure.
        owner: what it is a part of, with which it may share room: a legend, an annotation.
    """

    name: str
    corners: Corners
    axes: Any
    owner: Artist


def overlaps(figure: Figure) -> list[str]:
    """Return a sentence for each fault that a reader of a figure would see.

    These are texts, legends and arrows that lie over each other, over a panel that they do not
    belong to, or beyond the edge of the figure (texts that are clipped, of their panel); formulas
    that are not set as such; panels without room.
    """
    drawn = _drawn(figure)
    items = list(_items(drawn))
    panels = [axes for axes in figure.axes if axes.get_visible() and axes.axison]
    return [
        *(f"{one.name} lies over {other.name}" for one, other in _meeting(items)),
        *(
            f"{item.name} lies over the panel {_panel_name(axes)}"
            for axes in panels
            for item in _met(items, _upright(axes.bbox))
            if not _is_own(item, axes)
        ),
        *(f"{item.name} is cut" for item in items if not _within(item, figure)),
        *(
            f"{text.get_text()!r} is raw TeX"
            for text in drawn
            if isinstance(text, Text) and "$\\" in text.get_text()
        ),
        *(
            f"the panel {_panel_name(axes)} has no room: {width:.2g} by {height:.2g} inches"
            for axes in panels
            if axes.get_label() != COLORBAR
            for width, height in [np.array([axes.bbox.width, axes.bbox.height]) / figure.dpi]
            if min(width, height) < LEAST
        ),
    ]


def _drawn(figure: Figure) -> dict[Artist, Any]:
    """Return the texts, legends and arrows that Matplotlib draws, and the renderer of each.

    Not all that are there are drawn, such as ticks beyond the limits of their axis.
    """
    seen: dict[Artist, Any] = {}
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        warnings.filterwarnings("ignore", f".*{COLLAPSED}")  # the panel is told of
        for kind in (Text, Legend, FancyArrowPatch):
            draw: Any = kind.draw

            def note(self: Artist, renderer: Any, draw: Any = draw) -> None:
                if self.get_visible():
                    seen[self] = renderer
                draw(self, renderer)

            patch.setattr(kind, "draw", note)
        figure.draw_without_rendering()
    return seen


def _items(drawn: Mapping[Artist, Any]) -> Iterator[Item]:
    owners: dict[Artist, Artist] = {}
    for artist in drawn:
        if isinstance(artist, Legend):
            owners |= dict.fromkeys(artist.findobj(Text), artist)
        arrow = getattr(artist, "arrow_patch", None)
        if arrow is not None:
            owners[arrow] = artist
    for artist, renderer in drawn.items():
        owner = owners.get(artist, artist)
        if isinstance(artist, Text):
            if artist.get_text().strip():
                yield Item(
                    repr(artist.get_text()), _text_corners(artist, renderer), artist.axes, owner
                )
        elif isinstance(artist, Legend):
            texts = ", ".join(repr(text.get_text()) for text in artist.get_texts())
            corners = _upright(artist.get_window_extent(renderer))
            yield Item(f"the legend of {texts}", corners, artist.axes, owner)
        elif isinstance(artist, FancyArrowPatch):
            ends = _arrow_ends(artist)
            name = "an arrow at {:.0f}, {:.0f}".format(*ends[0])
            panel = owner.axes if owner.axes is not None else artist.axes
            yield Item(name, _around(ends), panel, owner)


def _text_corners(text: Text, renderer: Any) -> Corners:
    """Return the rectangle of a text, which is turned as it is.

    The upright box of a turned text has the same centre as the rectangle itself.
    """
    box, angle = text.get_window_extent(renderer), text.get_rotation()
    if angle % 90 == 0:
        return _upright(box)
    text.set_rotation(0)
    flat = text.get_window_extent(renderer)
    text.set_rotation(angle)
    half = np.array([flat.width, flat.height]) / 2 - SLACK / 2
    signs = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)])
    turn = np.deg2rad(angle)
    matrix = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    centre = np.array([box.x0 + box.x1, box.y0 + box.y1]) / 2
    corners: Corners = centre + (signs * np.maximum(half, 0)) @ matrix
    return corners


def _arrow_ends(arrow: FancyArrowPatch) -> Corners:
    """Return (2, 2) the two points of an arrow that are farthest from each other, in pixels."""
    points: Corners = np.asarray(arrow.get_transform().transform_path(arrow.get_path()).vertices)
    far = np.linalg.norm(points[:, None] - points, axis=-1)
    return points[list(np.unravel_index(far.argmax(), far.shape))]


def _around(ends: Corners) -> Corners:
    """Return the rectangle around a line."""
    along = ends[1] - ends[0]
    length = np.linalg.norm(along)
    beside = np.array([-along[1], along[0]]) / length if length else np.array([0.0, 1.0])
    aside = beside * ARROW / 2
    return np.array([ends[0] - aside, ends[1] - aside, ends[1] + aside, ends[0] + aside])


def _upright(box: BboxBase) -> Corners:
    inner = box.padded(-SLACK / 2)
    return np.array([(inner.x0, inner.y0), (inner.x1, inner.y0), inner.max, (inner.x0, inner.y1)])


def _meeting(items: list[Item]) -> Iterator[tuple[Item, Item]]:
    """Yield each two items that share room and are not parts of one thing."""
    for place, item in enumerate(items):
        for other in _met(items[place + 1 :], item.corners):
            if item.owner is not other.owner:
                yield item, other


def _met(items: list[Item], corners: Corners) -> Iterator[Item]:
    """Yield the items that share room with a rectangle."""
    all_corners = np.array([item.corners for item in items]).reshape(-1, 4, 2)
    low, high = all_corners.min(axis=1), all_corners.max(axis=1)
    near = (low < corners.max(axis=0)) & (high > corners.min(axis=0))
    for place in np.flatnonzero(near.all(axis=1)):
        if _meet(items[place].corners, corners):
            yield items[place]


def _meet(one: Corners, other: Corners) -> bool:
    """Tell whether two rectangles share room: no line along a side of either lies between them."""
    for corners in (one, other):
        for side in (corners[1] - corners[0], corners[2] - corners[1]):
            a, b = one @ side, other @ side
            if a.max() <= b.min() or b.max() <= a.min():
                return False
    return True


def _is_own(item: Item, axes: Axes) -> bool:
    """Tell whether an item may lie over a panel: its own, or one at the same place."""
    if item.axes is None:
        return False
    own, other = item.axes.get_position().extents, axes.get_position().extents
    return item.axes is axes or bool(np.allclose(own, other))


def _within(item: Item, figure: Figure) -> bool:
    """Tell whether an item is all there: within the figure, or the box that clips it."""
    clip = item.owner.get_clip_box() if item.owner.get_clip_on() else None
    whole = figure.bbox if clip is None else clip
    low, high = item.corners.min(axis=0), item.corners.max(axis=0)
    return bool((low >= whole.min).all() and (high <= whole.max).all())


def _panel_name(axes: Axes) -> str:
    return repr(axes.get_title() or axes.get_ylabel() or axes.get_xlabel() or axes.get_label())
