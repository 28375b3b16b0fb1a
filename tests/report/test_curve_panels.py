"""Panels of curves: one look for a variant, names by what differs, shares in per cent."""

from __future__ import annotations

from dataclasses import replace

from matplotlib.figure import Figure

from lmctool.report import curve
from lmctool.report.curve_panels import curve_panels, legend_of_figure, shares_of
from lmctool.report.generic import draw_curves
from lmctool.report.look import looks
from lmctool.results.result import Result
from tests.report.hard_results import stretched

VARIANTS = ("plain", "align", "align+repair")


def test_a_variant_looks_as_in_every_figure_and_splits_differ_in_dash_and_mark(
    curved: Result,
) -> None:
    (loss, _) = curve_panels(curve.find(curved), apart=False)
    train, test = loss.lines[::2], loss.lines[1::2]
    expected = [look.line for look in looks(VARIANTS)]
    assert [line.name for line in train] == [f"{name}, train" for name in VARIANTS]
    assert [line.style for line in train] == expected
    for line, look in zip(test, expected, strict=True):
        assert line.style["color"] == look["color"]
        assert line.style["linestyle"] != look["linestyle"]
        assert line.style["markerfacecolor"] == "white"


def test_splits_apart_have_panels_of_their_own_with_the_same_looks(curved: Result) -> None:
    panels = curve_panels(curve.find(curved), apart=True)
    assert [panel.title for panel in panels] == ["train", "test"] * 2
    for panel in panels:
        assert [line.name for line in panel.lines] == list(VARIANTS)
        assert [line.style for line in panel.lines] == [look.line for look in looks(VARIANTS)]


def test_lines_without_variants_are_named_by_what_differs(curved: Result) -> None:
    groups = {
        path: replace(
            group,
            variables={
                "part" if name == "variant" else name: replace(
                    own, dims=tuple("part" if dim == "variant" else dim for dim in own.dims)
                )
                for name, own in group.variables.items()
            },
        )
        for path, group in curved.groups.items()
    }
    (first, *_) = curve_panels(curve.find(Result("x", groups)), apart=True)
    assert [line.name for line in first.lines] == list(VARIANTS)
    assert len({str(line.style) for line in first.lines}) == len(VARIANTS)


def test_shares_are_in_per_cent_and_losses_are_not(curved: Result) -> None:
    assert shares_of(curved) == {"error", "error_mean"}
    figure = Figure()
    draw_curves(curved, figure)
    loss, error = figure.axes
    figure.draw_without_rendering()
    texts = [[label.get_text() for label in axes.get_yticklabels()] for axes in (loss, error)]
    assert all(text.endswith(" %") for text in texts[1])
    assert not any("%" in text for text in texts[0])


def test_a_legend_names_some_of_very_many_lines_and_says_so(curved: Result) -> None:
    figure = Figure()
    many = stretched(curved, "variant", [f"variant{number}" for number in range(40)])
    axes = figure.subplots()
    for line in curve_panels(curve.find(many), apart=True)[0].lines:
        axes.plot(line.line.values, label=line.name, **line.style)
    legend_of_figure(figure)
    (legend,) = figure.legends
    assert len(legend.get_texts()) == 32
    assert legend.get_title().get_text() == "32 of 40 lines"
