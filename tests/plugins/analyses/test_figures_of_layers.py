"""What figures of parts, matrices, scores and trajectories say beside their numbers."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from matplotlib.colors import same_color

from lmctool.report import by_analysis
from lmctool.report.figure import COLORBAR, drawing
from lmctool.report.look import looks
from lmctool.results.file import read
from lmctool.results.score_metric import ERROR, LOSS
from tests.report.hard_results import stretched

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from matplotlib.axes import Axes

    from lmctool.results.result import Result

    Made = Callable[[str], Path]


def legend(axes: Axes) -> list[str]:
    """Return the labels of a panel's legend."""
    own = axes.get_legend()
    return [] if own is None else [text.get_text() for text in own.get_texts()]


def raised(result: Result, split: int, factor: float) -> Result:
    """Return a layerwise result with higher losses of its parts on one split."""
    curve = result.groups["layerwise/curve"]
    loss = curve.variables["loss"]
    values = loss.values.copy()
    values[:, :, split] *= factor
    variables = {**curve.variables, "loss": replace(loss, values=values)}
    own = {"layerwise/curve": replace(curve, variables=variables)}
    return replace(result, groups={**result.groups, **own})


def test_lines_of_a_few_parts_are_named_and_the_heat_says_what_it_is_of(made: Made) -> None:
    result = read(made("layerwise"))
    parts = [str(name) for name in result.groups["layerwise/curve"].variables["part"].values]
    with drawing(result, by_analysis.drawer(result)) as figure:
        panels = [axes for axes in figure.axes if axes.get_label() != COLORBAR]
        bars = [axes for axes in figure.axes if axes.get_label() == COLORBAR]
        for lines in panels[::2]:
            assert legend(lines) == [*parts, "full path"]
            assert len({line.get_marker() for line in lines.lines[:-1]}) == len(parts)
        assert [bar.get_ylabel() for bar in bars] == [ERROR.label, LOSS.label]


@pytest.mark.parametrize("factor", [1.5, 1000])
def test_panels_of_one_metric_share_their_scale_which_is_logarithmic_if_a_part_towers(
    made: Made, factor: float
) -> None:
    result = raised(stretched(read(made("layerwise")), "split", ("train", "test")), 1, factor)
    with drawing(result, by_analysis.drawer(result)) as figure:
        panels = [axes for axes in figure.axes if axes.get_label() != COLORBAR]
        _, one, _, other = panels[::2]
        assert one.get_ylim() == other.get_ylim()
        assert {one.get_yscale(), other.get_yscale()} == {"log" if factor > 10 else "linear"}
        heats = [axes.collections[0] for axes in (panels[3], panels[7])]
        assert heats[0].get_clim() == heats[1].get_clim()


def test_of_many_parts_the_names_have_the_colours_of_the_lines(made: Made) -> None:
    result = stretched(read(made("layerwise")), "part", [f"layers.{n}" for n in range(200)])
    with drawing(result, by_analysis.drawer(result)) as figure:
        lines, heat = figure.axes[:2]
        assert legend(lines) == ["full path"]
        assert heat.get_title().endswith("beside each name the colour of its line")
        figure.draw_without_rendering()
        assert len(lines.lines) == 1  # the full path; all others are one object
        (own,) = lines.collections
        colours: Any = own.get_edgecolor()
        assert len(own.get_paths()) == len(colours) == 200
        ticks = heat.yaxis.get_major_ticks()
        assert 30 < len(ticks) < 60
        for tick, row in zip(ticks, heat.get_yticks(), strict=True):
            assert tick.label1.get_text() == f"layers.{row:.0f}"
            assert same_color(tick.tick1line.get_markeredgecolor(), tuple(colours[int(row)]))


def test_heat_maps_of_one_metric_share_a_scale_that_is_named(made: Made) -> None:
    result = stretched(read(made("matrix")), "variant", ("plain", "align"))
    with drawing(result, by_analysis.drawer(result)) as figure:
        maps = [axes for axes in figure.axes if axes.images]
        assert [axes.get_title() for axes in maps] == [
            "error barrier on test\nplain",
            "error barrier on test\nalign",
            "symmetric distance",
        ]
        assert maps[0].images[0].get_clim() == maps[1].images[0].get_clim()
        assert all(text.get_text().endswith(" %") for text in maps[0].texts)
        labels = [axes.get_ylabel() for axes in figure.axes if axes.get_label() == COLORBAR]
        shares = "barrier of the error\n(share of examples)"
        assert labels == [shares, shares, "sqrt(||A - B||^2 / (||A|| ||B||))"]


def test_runs_are_pale_and_interpolants_look_as_everywhere(made: Made) -> None:
    result = read(made("trajectory"))
    with drawing(result, by_analysis.drawer(result)) as figure:
        curves, gains = figure.axes[0], figure.axes[2]
        assert legend(curves) == ["a: run-a", "b: run-b", "plain"]
        *runs, plain = [line.get_color() for line in curves.lines]
        (look,) = looks(["plain"])
        assert (plain, set(runs)) == (look.colour, {"0.45", "0.7"})
        mean, best, zero = gains.lines
        assert (mean.get_color(), best.get_color()) == (plain, plain)
        assert best.get_markerfacecolor() == "white"
        assert list(np.asarray(zero.get_ydata())) == [0, 0]
