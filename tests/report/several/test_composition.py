"""Figures of several results: what is drawn, how it looks, and which numbers it shows."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure

from lmctool.errors import LmctoolError
from lmctool.report.figure_settings import style_settings
from lmctool.report.look import looks
from lmctool.report.several.choice import MOST, Words
from lmctool.report.several.composition import Composition
from lmctool.report.several.series import curves_of
from lmctool.report.several.table import series_table
from lmctool.report.style import applied
from lmctool.results.aggregate.aggregate import aggregate
from lmctool.results.result import Group, Result, Variable
from tests.report.overlaps import overlaps
from tests.results.aggregate.samples import seed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from matplotlib.axes import Axes

VARIANTS = ("plain", "align", "align+repair")


@pytest.fixture(autouse=True)
def paper() -> Iterator[None]:
    """Let the style of papers hold."""
    with applied(style_settings("paper")):
        yield


def drawn(
    results: Mapping[str, Result],
    words: Words | None = None,
    kinds: Sequence[str] = (),
    width: float = 3.25,
) -> Figure:
    """Return the figure of results."""
    figure = Figure(layout="constrained")
    Composition.of(results, words or Words(), kinds).draw(figure, width)
    return figure


def scaled(result: Result, factor: float) -> Result:
    """Return a result with other numbers along its curves and in its metrics."""
    groups = {
        path: replace(
            group,
            variables={
                name: replace(each, values=each.values * factor)
                if name not in {"alpha", "variant", "split"}
                else each
                for name, each in group.variables.items()
            },
        )
        for path, group in result.groups.items()
    }
    return replace(result, groups=groups)


def look(line: Any) -> tuple[object, ...]:
    """Return what tells a line from others."""
    return line.get_color(), line.get_marker(), str(line._dash_pattern)


def titles(figure: Figure) -> list[str]:
    """Return the title of each panel."""
    return [axes.get_title() for axes in figure.axes]


def test_there_is_a_panel_of_each_metric_and_split(curved: Result) -> None:
    figure = drawn({"a": curved, "b": scaled(curved, 0.5)})
    assert titles(figure) == ["error on train", "error on test", "loss on train", "loss on test"]
    assert [len(axes.lines) for axes in figure.axes] == [6, 6, 6, 6]


@pytest.mark.parametrize(
    ("kinds", "expected"),
    [
        (["metric"], ["error", "loss"]),
        (["file"], ["a: error", "b: error", "a: loss", "b: loss"]),
        (
            ["variant", "split"],
            [
                f"{v}: {m} on {s}"
                for m in ("error", "loss")
                for v in VARIANTS
                for s in ("train", "test")
            ],
        ),
    ],
)
def test_panels_are_of_what_is_asked_for(
    kinds: list[str], expected: list[str], curved: Result
) -> None:
    figure = drawn({"a": curved, "b": scaled(curved, 0.5)}, kinds=kinds)
    assert titles(figure) == expected
    assert sum(len(axes.lines) for axes in figure.axes) == 2 * 2 * 3 * 2


def test_every_line_has_the_numbers_of_its_result(curved: Result) -> None:
    results = {"a": curved, "b": scaled(curved, 0.5)}
    for name, axes in zip(("train", "test"), drawn(results, Words(("loss",))).axes, strict=True):
        found = {str(line.get_label()): line.get_ydata() for line in axes.lines}
        for v, variant in enumerate(VARIANTS):
            for file, result in results.items():
                own = result.groups["curve"].variables["loss"].values[v, int(name == "test")]
                np.testing.assert_array_equal(found[f"{variant}, {file}"], own)


def test_a_variant_keeps_its_look_and_files_differ_by_dash(curved: Result) -> None:
    figure = drawn({"a": curved, "b": scaled(curved, 0.5)}, Words(("loss",), (), ("test",)))
    lines = {str(line.get_label()): line for line in figure.axes[0].lines}
    for variant, own in zip(VARIANTS, looks(VARIANTS), strict=True):
        one, other = lines[f"{variant}, a"], lines[f"{variant}, b"]
        assert one.get_color() == other.get_color() == own.colour
        assert one.get_marker() == other.get_marker() == own.marker
        assert look(one) != look(other)
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == [*VARIANTS, "a", "b"]


def test_files_differ_by_all_where_one_variant_is_drawn(curved: Result) -> None:
    results = {name: scaled(curved, factor) for name, factor in (("a", 1), ("b", 0.5), ("c", 0.2))}
    figure = drawn(results, Words(("loss",), ("align",), ("test",)))
    looks_of_lines = [look(line) for line in figure.axes[0].lines]
    assert [len(set(kind)) for kind in zip(*looks_of_lines, strict=True)] == [3, 3, 3]
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["a", "b", "c"]


def test_one_line_has_the_look_of_its_variant_and_no_legend(curved: Result) -> None:
    figure = drawn({"a": curved}, Words(("loss",), ("align",), ("test",)))
    (line,) = figure.axes[0].lines
    (own,) = looks(["align"])
    assert (line.get_color(), line.get_marker()) == (own.colour, own.marker)
    assert not figure.legends


def test_bounds_are_bands(curved: Result) -> None:
    held = curved.groups["curve"].variables
    bounds = {
        f"loss_{side}95": replace(held["loss"], values=held["loss"].values + shift)
        for side, shift in (("lower", -0.1), ("upper", 0.1))
    }
    groups = {**curved.groups, "curve": Group({**held, **bounds})}
    figure = drawn(
        {"a": replace(curved, groups=groups)}, Words(("loss",), (), ("train",)), ["metric"]
    )
    (axes,) = figure.axes
    bands = [each for each in axes.collections if isinstance(each, PolyCollection)]
    assert len(bands) == 3
    box = bands[0].get_datalim(axes.transData)
    own = held["loss"].values[0, 0]
    assert (box.y0, box.y1) == pytest.approx((own.min() - 0.1, own.max() + 0.1))


def test_results_of_two_analyses_share_what_is_the_same_curve(curved: Result) -> None:
    other = replace(scaled(curved, 0.5), analysis="another")
    less = {name: each for name, each in other.groups["curve"].variables.items() if name != "loss"}
    other = replace(other, groups={"own": Group(less)})
    composition = Composition.of({"a": curved, "b": other}, Words())
    assert {each.quantity.name for each in composition.series} == {"error"}
    assert composition.notes == ("'loss' is not in b, so it is not drawn",)


def test_what_cannot_be_drawn_together_is_told(curved: Result) -> None:
    other = Result("x", {"g": Group({"m": Variable(np.array(1.0), metric="x.m")})})
    told = (
        "nothing in common that can be drawn: 'a' has error over alpha, loss over alpha; 'b' has no"
    )
    with pytest.raises(LmctoolError, match=told):
        Composition.of({"a": curved, "b": other}, Words())
    with pytest.raises(LmctoolError, match="neither curves nor metrics"):
        Composition.of({"a": Result("x", {})}, Words())


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (Words(("eror",)), "nothing here is called 'eror'; did you mean 'error'"),
        (Words((), ("aling",)), "no variant is called 'aling'; did you mean 'align'.*plain, align"),
        (Words((), (), ("validation",)), "no split is called 'validation'; there are train, test"),
    ],
)
def test_names_that_are_none_are_told(words: Words, told: str, curved: Result) -> None:
    with pytest.raises(LmctoolError, match=told):
        Composition.of({"a": curved}, words)


def test_metrics_are_bars_in_groups_with_their_intervals(curved: Result) -> None:
    held = curved.groups["summary"].variables
    heights = held["barrier_loss"].values
    bounds = {
        f"barrier_loss_{side}95": replace(
            held["barrier_loss"], values=heights + shift, metric=f"m{side}"
        )
        for side, shift in (("lower", -0.1), ("upper", 0.2))
    }
    one = replace(curved, groups={"summary": Group({**held, **bounds})})
    results = {"a": one, "b": scaled(one, 2)}
    figure = drawn(results, Words(("barrier.loss",), (), ("test",)))
    (axes,) = figure.axes
    bars: Any = [each for each in axes.containers if hasattr(each, "orientation")]
    assert [text.get_text() for text in axes.get_yticklabels()] == ["a", "b"]
    assert [each.get_label() for each in bars] == [*VARIANTS]
    found = [[bar.get_width() for bar in each] for each in bars]
    np.testing.assert_allclose(found, np.stack([heights[:, 1], 2 * heights[:, 1]], axis=1))
    segments: Any = axes.collections[0]
    np.testing.assert_allclose(
        np.array(segments.get_segments())[0, :, 0], heights[0, 1] + np.array([-0.1, 0.2])
    )
    assert [each.get_facecolor()[0] for each in bars[0]] == pytest.approx([0, 0])


def test_more_metrics_than_have_room_are_to_be_chosen() -> None:
    many = {f"m{n}": Variable(np.array(1.0), metric=f"x.m{n}") for n in range(MOST + 1)}
    result = Result("x", {"g": Group(many)})
    with pytest.raises(LmctoolError, match=r"13 metrics are more .* by --metric: x.m0, x.m1"):
        Composition.of({"a": result}, Words())
    assert len(drawn({"a": result}, Words(("x.m0", "m12"))).axes) == 2


def test_averages_are_drawn_with_their_intervals() -> None:
    mean = aggregate([seed(number) for number in range(3)])
    figure = drawn({"a": mean, "b": scaled(mean, 1)}, Words(("loss",), ("plain",)))
    assert titles(figure) == ["mean of the loss on train", "mean of the loss on test"]
    assert [len(axes.collections) for axes in figure.axes] == [2, 2]


def test_the_table_has_every_number_that_is_drawn(curved: Result) -> None:
    results = {"a": curved, "b": scaled(curved, 0.5)}
    composition = Composition.of(results, Words(("error",), ("align",), ("train",)))
    table = series_table(composition.series, exact=True)
    assert table.columns == ("file", "variant", "split", "metric", "alpha", "value")
    own = curved.groups["curve"].variables["error"].values[1, 0]
    assert [float(row[-1]) for row in table.rows] == [*own, *(own * 0.5)]
    assert table.rows[3][:5] == (
        "a",
        "align",
        "train",
        "error",
        repr(float(np.linspace(0, 1, 11)[3])),
    )


def long_names(curved: Result, variants: int) -> Result:
    """Return a result with many variants of long names."""
    names = np.array([f"align+repair with definition number {n}" for n in range(variants)], object)
    held = curved.groups["curve"].variables
    curve = {
        "variant": Variable(names, ("variant",)),
        **{name: held[name] for name in ("split", "alpha")},
        **{
            name: replace(held[name], values=np.resize(held[name].values, (variants, 2, 11)))
            for name in ("loss", "error")
        },
    }
    return replace(curved, groups={"curve": Group(curve)})


@pytest.mark.parametrize(("kinds", "variants"), [((), 7), (("variant", "file"), 2)])
def test_no_texts_overlap_in_a_column_of_a_paper(
    kinds: tuple[str, ...], variants: int, curved: Result
) -> None:
    results = {
        f"runs/resnet20/width-{n}/seed-0/last": long_names(curved, variants) for n in range(2)
    }
    figure = drawn(results, Words(("loss",), (), ("test",)), kinds)
    assert figure.get_figwidth() == 3.25
    assert overlaps(figure) == []


def test_no_texts_of_bars_overlap(curved: Result) -> None:
    results = {f"runs/resnet20/width-{n}/seed-0/last": curved for n in range(3)}
    assert overlaps(drawn(results, Words(("barrier.loss", "barrier.error")))) == []


def test_panels_stand_beside_each_other_where_there_is_room(curved: Result) -> None:
    for width, columns in ((3.25, 1), (6.75, 3)):
        axes: list[Axes] = drawn({"a": curved}, kinds=["variant"], width=width).axes
        assert len({round(each.get_position().x0, 2) for each in axes}) == columns


def test_lines_that_repeat_their_dashes_are_told(curved: Result) -> None:
    results = {f"f{n}": curved for n in range(9)}
    (note,) = Composition.of(results, Words(("loss",), (), ("test",))).notes
    assert "9 lines of one colour repeat their dashes" in note


def test_curves_without_a_path_have_the_name_of_their_axis(curved: Result) -> None:
    assert {each.axis for each in curves_of("a", curved)} == {"alpha"}
