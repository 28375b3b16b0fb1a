"""The figure of an alignment: what moved, and what each network answers."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from lmctool.api import Group, Result, Variable
from lmctool_plugins.align import MOST, SCORES, draw


def held(sizes: list[int]) -> Group:
    names = np.array([f"layer{number}" for number in range(len(sizes))], dtype=object)
    units = np.array(sizes)
    return Group(
        {
            "group": Variable(names, ("group",)),
            "size": Variable(units, ("group",)),
            "units": Variable(units, ("group",)),
            "moved": Variable(units // 2, ("group",)),
        }
    )


def scores() -> Group:
    return Group(
        {
            "network": Variable(np.array(["a", "b"], dtype=object), ("network",)),
            "split": Variable(np.array(["test", "train"], dtype=object), ("split",)),
            "error": Variable(np.array([[0.1, 0.2], [0.3, 0.4]]), ("network", "split")),
        }
    )


def test_without_scores_each_group_has_its_units_and_those_that_moved() -> None:
    figure = Figure()
    draw(Result("align", {"permutations": held([4, 8])}), figure)
    (axes,) = figure.axes
    assert [text.get_text() for text in axes.get_yticklabels()] == ["layer0", "layer1"]
    assert [bar.get_width() for bar in axes.patches] == [4, 8, 2, 4]  # type: ignore[attr-defined]


def test_of_many_groups_the_largest_are_named_in_their_order() -> None:
    figure = Figure()
    draw(Result("align", {"permutations": held([*range(1, MOST + 3)])}), figure)
    labels = [text.get_text() for text in figure.axes[0].get_yticklabels()]
    assert labels == [f"layer{number}" for number in range(2, MOST + 2)]


def test_with_scores_each_network_has_its_error_on_each_split() -> None:
    figure = Figure()
    draw(Result("align", {"permutations": held([4]), SCORES: scores()}), figure)
    axes = figure.axes[1]
    widths = [bar.get_width() for bar in axes.patches]  # type: ignore[attr-defined]
    assert widths == [0.1, 0.3, 0.2, 0.4]
    legend = axes.get_legend()
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()] == ["test", "train"]
