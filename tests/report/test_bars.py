"""Bars have their numbers, and the colours of the variants that they are of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from lmctool.report.bars import BAR, bars_height, draw_bars, draw_scores, row_share
from lmctool.report.look import looks
from lmctool.results.result import Group, Variable
from lmctool.results.score_metric import ERROR

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def scores(splits: list[str]) -> Group:
    """Return the errors of four networks."""
    names = {"network": ["a", "b", "plain", "align"], "split": splits}
    held = {name: Variable(np.array(own, dtype=object), (name,)) for name, own in names.items()}
    values = np.linspace(0.1, 0.4, 4)[:, None] * np.ones(len(splits))
    return Group(held | {"error": Variable(values, ("network", "split"))})


def drawn(splits: list[str]) -> Axes:
    """Return a panel of them."""
    axes = Figure(layout="constrained").subplots()
    variants = {"plain": "plain", "align": "align"}
    draw_scores(axes, scores(splits), ERROR, {"a": "A: seed-0"}, variants, (4.8, 3.0))
    return axes


def test_a_bar_has_the_colour_of_its_variant_and_its_number() -> None:
    axes = drawn(["test"])
    (bars,) = axes.containers
    own: Any = bars
    colours = [to_hex(bar.get_facecolor()) for bar in own]
    assert colours[2:] == [look.colour.lower() for look in looks(["plain", "align"])]
    assert colours[0] == colours[1] not in colours[2:]
    assert [text.get_text() for text in axes.texts] == [ERROR.text(v) for v in (0.1, 0.2, 0.3, 0.4)]
    assert [name.get_text() for name in axes.get_yticklabels()] == [
        *("A: seed-0", "b", "plain", "align")
    ]
    assert axes.get_legend() is None and axes.get_title() == "error on test"


def test_splits_differ_by_hatch_and_are_named() -> None:
    axes = drawn(["train", "test"])
    own: Any = axes.containers
    assert [bars[0].get_hatch() for bars in own] == ["", "////"]
    legend = axes.get_legend()
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()] == ["train", "test"]


def test_few_bars_of_a_high_panel_are_no_thicker_than_others() -> None:
    for height in (bars_height(3), 2 * bars_height(3), 40.0):
        assert row_share(3, height) * (height - 1.0) / 3 <= BAR + 1e-9
    assert row_share(1000, 5.0, series=4) * 4 <= 1


def test_bars_without_room_have_no_numbers() -> None:
    for height, count in ((bars_height(30), 30), (2.0, 0)):
        axes = Figure().subplots()
        names = [str(number) for number in range(30)]
        draw_bars(axes, names, np.ones((30, 1)), ["test"], "{:.2f}".format, height)
        assert len(axes.texts) == count


def test_many_bars_are_one_object_of_the_same_lengths_and_named_where_there_is_room() -> None:
    names = [f"layer{number}" for number in range(3000)]
    lengths = np.arange(1, 3001.0)
    lengths[7] = np.nan
    axes = Figure().subplots()
    draw_bars(axes, names, lengths[:, None], ["test"], "{:.2f}".format, bars_height(3000))
    assert not axes.patches and not axes.texts
    (bars,) = axes.collections
    drawn = [path.get_extents() for path in bars.get_paths()]
    assert [each.x1 for each in drawn] == [length for length in lengths if length == length]
    assert {each.x0 for each in drawn} == {0}
    rows = [round((each.y0 + each.y1) / 2) for each in drawn]
    assert rows == [row for row in range(3000) if row != 7]
    assert axes.get_xlim()[0] == 0 and axes.get_xlim()[1] > 3000
    shown = axes.get_yticks()
    assert [label.get_text() for label in axes.get_yticklabels()] == [names[int(n)] for n in shown]
    assert 200 < len(shown) < 300
