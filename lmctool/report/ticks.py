"""What positions along an axis are called: by the tick of each, where ticks have names."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from lmctool.results.text import number

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from numpy.typing import NDArray

Found = TypeVar("Found")


def named(axes: Axes, which: str, places: NDArray[Any], near: float = 1e-9) -> tuple[str, ...]:
    """Return what positions on the ``x`` or the ``y`` axis are called.

    Each is called by the nearest tick that has a name, if that is at most ``near`` away, or else by
    its number.
    """
    ticks = shared(axes, which, _named_ticks)
    spots = np.array(list(ticks))
    return tuple(_name(ticks, spots, float(place), near) for place in places)


def _named_ticks(axis: Axis) -> dict[float, str]:
    """Return the ticks that are called something else than where they stand."""
    from matplotlib.ticker import FixedLocator

    if not isinstance(axis.get_major_locator(), FixedLocator):
        return {}
    words = [tick.get_text() for tick in axis.get_ticklabels()]
    spots = [float(spot) for spot in axis.get_ticklocs()]
    return {
        spot: word
        for spot, word in zip(spots, words, strict=False)
        if word and not _says(word, spot)
    }


def _says(word: str, spot: float) -> bool:
    """Tell whether a tick's word is nothing but its position."""
    try:
        return math.isclose(float(word.replace("\N{MINUS SIGN}", "-")), spot, abs_tol=1e-9)
    except ValueError:
        return False


def shared(axes: Axes, which: str, of: Callable[[Axis], Found]) -> Found:
    """Return something of an axis, or else of the first that shares it and has it."""
    grouper = axes.get_shared_x_axes() if which == "x" else axes.get_shared_y_axes()
    several = [axes, *grouper.get_siblings(axes)]
    found = [of(getattr(each, f"{which}axis")) for each in several]
    return next((one for one in found if one), found[0])


def _name(ticks: Mapping[float, str], spots: NDArray[Any], place: float, near: float) -> str:
    if spots.size and math.isfinite(place):
        nearest = float(spots[np.abs(spots - place).argmin()])
        if abs(nearest - place) <= near:
            return ticks[nearest]
    return number(place)
