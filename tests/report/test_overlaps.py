"""What spoils a figure is found, each kind of it, and nothing where a figure is sound."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from matplotlib.figure import Figure

from lmctool.report.style import applied
from tests.report.overlaps import overlaps

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from matplotlib.axes import Axes


@pytest.fixture(autouse=True)
def style() -> Iterator[None]:
    """Draw as lmctool does, so that text between ``$`` stays as it is."""
    with applied():
        yield


def test_a_sound_figure_has_none() -> None:
    figure = Figure(figsize=(8, 4), layout="constrained")
    left, right = figure.subplots(1, 2)
    left.plot([0, 1], [0, 1], label="plain")
    left.annotate("", (0.2, 0.9), (0.2, 0.1), arrowprops={"arrowstyle": "<->"})
    left.annotate("", (0.8, 0.9), (0.8, 0.1), arrowprops={"arrowstyle": "<->"})
    left.set(title="left", xlabel="alpha", ylabel="loss")
    left.set_xticks([0, 1], ["A", "B"], rotation=90)
    left.legend(loc="upper center", bbox_to_anchor=(0.5, -0.25))
    twin = left.twinx()
    twin.plot([0, 1], [5, 6])
    drawn = right.imshow(np.eye(3))
    figure.colorbar(drawn, label="barrier")
    right.set_xticks(range(3), ["one name", "two names", "3 names"], rotation=30, ha="right")
    right.annotate("with its arrow", (1, 1), (1, 2), arrowprops={"arrowstyle": "->"})
    figure.suptitle("both")
    assert overlaps(figure) == []


def test_what_is_not_drawn_is_no_fault() -> None:
    figure = Figure(figsize=(3, 3))
    axes = figure.subplots()
    axes.set_xticks(range(30), [f"number {place}" for place in range(30)])
    axes.set(xlabel="x" * 200, ylabel="y" * 200)
    axes.set_axis_off()
    axes.text(0.5, 0.5, "hidden" * 100).set_visible(False)
    assert overlaps(figure) == []
    axes.set_axis_on()
    axes.set_xlim(-0.4, 0.4)
    axes.set(xlabel="", ylabel="")
    assert overlaps(figure) == []


def lie_over(axes: Axes) -> None:
    """Put a text over another."""
    axes.text(0.5, 0.5, "one")
    axes.text(0.5, 0.51, "other")


def cross(axes: Axes) -> None:
    """Turn one text so that it crosses another."""
    axes.text(0.5, 0.5, "upright text", ha="center", va="center")
    axes.text(0.5, 0.5, "turned text", ha="center", va="center", rotation=45)


def collide_below(axes: Axes) -> None:
    """Give the ticks names that are too long."""
    axes.set_xticks([0, 0.5, 1], ["rather long " * 3] * 3)


def collide_turned(axes: Axes) -> None:
    """Name so many ticks that turned names run into each other."""
    axes.set_xticks(np.linspace(0, 1, 80), [f"layer {place}" for place in range(80)], rotation=60)


def collide_beside(axes: Axes) -> None:
    """Name so many ticks of the y axis that they lie over each other."""
    axes.set_yticks(np.linspace(0, 1, 80), [f"layer {place}" for place in range(80)])


def reach_out(axes: Axes) -> None:
    """Set a title that is wider than the figure."""
    axes.set_title("a title " * 20)


def clip(axes: Axes) -> None:
    """Write a text beyond its panel, where it is cut."""
    axes.text(0.95, 0.5, "clipped text", clip_on=True)


def cut_legend(axes: Axes) -> None:
    """Put a legend beyond the figure."""
    axes.plot([0, 1], label="a line with a name")
    axes.legend(loc="upper left", bbox_to_anchor=(0.9, 1))


def hide_text(axes: Axes) -> None:
    """Put a legend over a text."""
    axes.plot([0, 1], label="line")
    axes.legend(loc="center")
    axes.text(0.5, 0.5, "a text")


def hide_arrow(axes: Axes) -> None:
    """Put a legend over an arrow."""
    axes.plot([0, 1], label="line")
    axes.legend(loc="center")
    axes.annotate("", (0.5, 0.6), (0.5, 0.4), arrowprops={"arrowstyle": "<->"})


def arrows(axes: Axes) -> None:
    """Draw two arrows at one place."""
    for height in (0.9, 0.5):
        axes.annotate("", (0.5, height), (0.5, 0.1), arrowprops={"arrowstyle": "<->"})


def strike_out(axes: Axes) -> None:
    """Draw an arrow through a text."""
    axes.text(0.5, 0.5, "struck out", ha="center")
    axes.annotate("", (0.5, 0.9), (0.5, 0.1), arrowprops={"arrowstyle": "->"})


def formula(axes: Axes) -> None:
    """Let Matplotlib write the powers of ten of an axis."""
    axes.set_xscale("log")
    axes.set_xlim(1, 1000)


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (lie_over, "'one' lies over 'other'"),
        (cross, "'upright text' lies over 'turned text'"),
        (collide_below, "'rather long rather long rather long ' lies over"),
        (collide_turned, "'layer 0' lies over 'layer 1'"),
        (collide_beside, "'layer 0' lies over 'layer 1'"),
        (reach_out, "a title ' is cut"),
        (clip, "'clipped text' is cut"),
        (cut_legend, "the legend of 'a line with a name' is cut"),
        (hide_text, "'a text' lies over the legend of 'line'"),
        (hide_arrow, "lies over the legend of 'line'"),
        (arrows, "an arrow at 295, 87 lies over an arrow at 295, 87"),
        (strike_out, "'struck out' lies over an arrow at"),
        (formula, r"'$\\mathdefault{10^{1}}$' is raw TeX"),
    ],
)
def test_a_fault_of_a_panel_is_found(spoil: Callable[[Axes], None], told: str) -> None:
    figure = Figure(figsize=(4, 3), dpi=144)
    axes = figure.subplots()
    axes.set(xlim=(0, 1), ylim=(0, 1), xticks=[], yticks=[])
    assert overlaps(figure) == []
    spoil(axes)
    assert any(told in fault for fault in overlaps(figure)), overlaps(figure)


@pytest.mark.parametrize("turned", [20, 45, 90, 200])
def test_turned_texts_beside_each_other_are_none(turned: float) -> None:
    figure = Figure(figsize=(4, 4))
    way = np.deg2rad(turned + 90)
    for place in range(3):
        x, y = 0.5 + 0.1 * (place - 1) * np.array([np.cos(way), np.sin(way)])
        figure.text(x, y, "text with length", ha="center", va="center", rotation=turned)
    assert overlaps(figure) == []


def over_panel(figure: Figure, panels: Any) -> None:
    """Let a legend of one panel lie over another."""
    panels[0].plot([0, 1], label="line")
    panels[0].legend(loc="center left", bbox_to_anchor=(1.3, 0.5))


def two_legends(figure: Figure, panels: Any) -> None:
    """Put two legends at one place."""
    for axes in panels:
        axes.plot([0, 1], label="line")
        axes.legend(loc="center", bbox_to_anchor=(0.5, 0.2), bbox_transform=figure.transFigure)


def shared_title(figure: Figure, panels: Any) -> None:
    """Let the title of the figure lie over that of a panel."""
    panels[0].set_title("a panel with a title")
    figure.suptitle("the figure's title", y=0.94)


def long_labels(figure: Figure, panels: Any) -> None:
    """Label both panels with more than they have room for."""
    for number, axes in enumerate(panels):
        axes.set_xlabel(f"label {number} " * 6)


def no_room(figure: Figure, panels: Any) -> None:
    """Give so much room to a label that the panels collapse."""
    figure.set_layout_engine("constrained")
    panels[1].set_yticks([0, 1], ["n" * 50] * 2)


def bar_label(figure: Figure, panels: Any) -> None:
    """Let the label of a colour bar lie over its numbers."""
    drawn = panels[1].imshow(np.eye(2))
    bar = figure.colorbar(drawn, ax=panels[1])
    bar.set_label("barrier", labelpad=-20)


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (over_panel, "the legend of 'line' lies over the panel 'right'"),
        (two_legends, "the legend of 'line' lies over the legend of 'line'"),
        (shared_title, "'a panel with a title' lies over \"the figure's title\""),
        (long_labels, "'label 0 label 0 label 0 label 0 label 0 label 0 ' lies over"),
        (no_room, "the panel 'left' has no room: "),
        (bar_label, "lies over 'barrier'"),
    ],
)
def test_a_fault_between_panels_is_found(spoil: Callable[[Figure, Any], None], told: str) -> None:
    figure = Figure(figsize=(6, 3))
    panels = figure.subplots(1, 2)
    panels[0].set_label("left")
    panels[1].set_label("right")
    assert overlaps(figure) == []
    spoil(figure, panels)
    assert any(told in fault for fault in overlaps(figure)), overlaps(figure)
