"""A result drawn for Python code: panels, axes that are lent, and whose style holds."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.figure import Figure

from lmctool.errors import LmctoolError
from lmctool.plugin import registry
from lmctool.plugin.kinds import ANALYSES
from lmctool.report.figure import FigureError
from lmctool.report.generic import draw_curves
from lmctool.report.plot import Plot
from lmctool.report.style import rc_settings
from lmctool.results.result import Group, Result, Variable
from tests.report import drawn

if TYPE_CHECKING:
    from collections.abc import Callable

    from matplotlib.axes import Axes

    Draw = Callable[[Result, Figure], None]


def barrier(result: Result, **options: Any) -> Plot:
    """Return the plot of a result of barrier."""
    return Plot(result, registry.load(ANALYSES, "barrier").figure, **options)


def lent(count: int, **options: Any) -> tuple[Figure, list[Axes]]:
    """Return a figure of somebody's, and its axes."""
    figure = Figure(figsize=(5, 4))
    return figure, list(figure.subplots(1, count, squeeze=False, **options).flat)


def titles(figure: Figure) -> list[str]:
    """Return the title of each axes."""
    return [axes.get_title() for axes in figure.axes]


def test_panels_are_chosen_by_metric_and_split(barrier_result: Result) -> None:
    every = ["error on train", "loss on train", "error on test", "loss on test"]
    assert titles(barrier(barrier_result).figure()) == every
    assert titles(barrier(barrier_result, metrics=["loss"]).figure()) == every[1::2]
    assert titles(barrier(barrier_result, splits=["test"]).figure()) == every[2:]


def test_a_chosen_panel_shows_what_it_shows_among_the_others(barrier_result: Result) -> None:
    whole, chosen = (
        barrier(barrier_result, **words).figure()
        for words in ({}, {"metrics": ["loss"], "splits": ["test"]})
    )
    own = [line.get_ydata().tolist() for line in whole.axes[3].lines]  # type: ignore[union-attr]
    assert [line.get_ydata().tolist() for line in chosen.axes[0].lines] == own  # type: ignore[union-attr]
    assert chosen.axes[0].get_xlabel() == "alpha (0 = A, 1 = B)"


def test_a_figure_has_the_size_and_the_settings_that_are_asked_for(barrier_result: Result) -> None:
    figure = barrier(barrier_result, style={"axes_titlesize": 21}).figure((3, 2))
    assert figure.get_size_inches().tolist() == [3, 2]
    assert figure.axes[0].title.get_fontsize() == 21
    assert mpl.rcParams["axes.titlesize"] != 21


def test_a_figure_is_in_its_style_whatever_holds_when_it_is_saved(barrier_result: Result) -> None:
    def saved(figure: Figure) -> bytes:
        file = BytesIO()
        figure.savefig(file, format="png")
        return file.getvalue()

    plot = barrier(barrier_result, metrics=["loss"], splits=["test"])
    first, second = plot.figure(), plot.figure()
    content = saved(first)
    with mpl.rc_context({"xtick.labelsize": 30, "font.sans-serif": ["none"], "savefig.dpi": 20}):
        assert saved(second) == content


def test_a_notebook_gets_a_png_and_its_size(barrier_result: Result) -> None:
    figure = barrier(barrier_result, metrics=["loss"], splits=["test"]).figure((5, 4))
    content, size = figure._repr_png_()
    assert content.startswith(b"\x89PNG")
    assert size == {"width": 480, "height": 384}


def test_lent_axes_get_all_numbers_and_their_figure_nothing_else(barrier_result: Result) -> None:
    figure, axes = lent(4)
    other = figure.add_axes((0, 0, 0.1, 0.1))
    before = [each.get_position().bounds for each in figure.axes]
    barrier(barrier_result).into(axes)
    own = barrier(barrier_result).figure()
    assert sorted(drawn.numbers(figure)) == sorted(drawn.numbers(own))
    assert titles(figure)[:4] == titles(own)
    assert [each.get_position().bounds for each in figure.axes] == before
    assert not figure.legends and not other.lines and not figure.get_suptitle()
    assert figure.get_size_inches().tolist() == [5, 4]


def test_lent_axes_keep_the_users_style(barrier_result: Result) -> None:
    with mpl.rc_context({"font.size": 17, "axes.titlesize": "medium"}):
        _, (axes,) = lent(1)
        barrier(barrier_result, metrics=["loss"], splits=["test"]).into([axes])
    assert axes.title.get_fontsize() == 17
    assert not any(line.get_visible() for line in axes.get_xgridlines())
    _, (axes,) = lent(1)
    style = {"legend_title_fontsize": 23}
    barrier(barrier_result, metrics=["loss"], splits=["test"], style=style).into([axes])
    legend = axes.get_legend()
    assert legend is not None and legend.get_title().get_fontsize() == 23


def test_a_legend_is_inside_its_axes_where_no_layout_makes_room(barrier_result: Result) -> None:
    plot = barrier(barrier_result, metrics=["loss"], splits=["test"])
    places = {}
    for layout in (None, "constrained"):
        figure = Figure(layout=layout)
        axes = figure.add_subplot()
        plot.into([axes])
        figure.draw_without_rendering()
        legend = axes.get_legend()
        assert legend is not None
        places[layout] = legend.get_window_extent().y1 < axes.bbox.y0
    assert places == {None: False, "constrained": True}


@pytest.mark.parametrize(
    ("words", "count", "told"),
    [
        ({}, 1, r"needs axes for error on train; loss on train; .*: 4, not 1; give as many as ax"),
        ({"splits": ["test"]}, 3, r"needs axes for error on test; loss on test: 2, not 3"),
        ({"metrics": ["los"]}, 1, r"no panel of the figure is of 'los'; it has error on train; "),
        ({"metrics": ["loss"], "splits": ["x"]}, 1, r"no panel of the figure is of 'loss' and 'x'"),
    ],
)
def test_other_axes_than_panels_are_told(
    words: dict[str, list[str]], count: int, told: str, barrier_result: Result
) -> None:
    figure, axes = lent(count)
    with pytest.raises(LmctoolError, match=told):
        barrier(barrier_result, **words).into(axes)
    assert not any(each.lines for each in figure.axes)


def test_what_is_no_axes_is_told(barrier_result: Result) -> None:
    with pytest.raises(LmctoolError, match="ax is Figure, and no axes"):
        barrier(barrier_result).into([Figure()])  # type: ignore[list-item]


def test_names_are_not_taken_as_mathematics_in_the_users_style() -> None:
    names = np.array(["$\\bad{", "$\\worse{"], dtype=object)
    group = {
        "name": Variable(names, ("name",)),
        "v": Variable(np.ones(2), ("name",), long_name="$x^$", metric="x.v"),
    }
    figure, axes = lent(1)
    Plot(Result("x", {"g": Group(group)}), None).into(axes)
    figure.draw_without_rendering()
    assert [text.get_text() for text in axes[0].get_yticklabels()] == [r"\$\bad{", r"\$\worse{"]


@pytest.mark.parametrize("name", ["fontsize", "backend_", "figure_dpy"])
def test_a_setting_that_is_none_is_told(name: str) -> None:
    with pytest.raises(LmctoolError, match=f"'{name}' is no setting of figures"):
        rc_settings({name: 1})


def test_a_value_that_is_none_is_told() -> None:
    with pytest.raises(LmctoolError, match=r"axes.grid of a figure cannot be 'perhaps'"):
        rc_settings({"axes_grid": "perhaps"})


def labelled(_: Result, figure: Figure) -> None:
    """Draw as strangers do: parts, a shared scale, a colour bar, texts over several panels."""
    left, right = figure.subfigures(1, 2, squeeze=False)[0]
    top, bottom = left.subplots(2, 1, sharex=True)
    top.plot([0, 1], [2, 3], label="line")
    top.set_title("column")
    bottom.plot([0, 5], [4, 5])
    bottom.set_xlabel("step")
    left.suptitle("left")
    left.legend(loc="outside upper center", ncols=2)
    axes = right.add_subplot(1, 1, 1, title="heat")
    image = axes.imshow([[1, 2], [3, 4]])
    right.colorbar(image, ax=axes)
    axes.twinx().plot([0, 1], [7, 8])
    right.supylabel("rows")
    figure.suptitle("whole")


def test_a_strangers_figure_is_drawn_into_lent_axes(barrier_result: Result) -> None:
    figure, axes = lent(3)
    Plot(barrier_result, labelled).into(axes)
    top, bottom, heat = axes
    assert top.lines[0].get_ydata().tolist() == [2, 3]  # type: ignore[union-attr]
    assert [each.get_title() for each in axes] == [
        "whole\nleft\ncolumn",
        "whole\nleft\ncolumn",
        "whole\nheat",
    ]
    assert [each.get_xlabel() for each in axes] == ["step", "step", ""]
    assert heat.get_ylabel() == "rows"
    assert top.get_xlim() == bottom.get_xlim()
    assert top.get_legend() is not None
    assert len(heat.images) == 1
    bar, twin = figure.axes[3:]
    assert bar.get_label() == "<colorbar>"
    assert twin.lines[0].get_ydata().tolist() == [7, 8]  # type: ignore[union-attr]
    figure.draw_without_rendering()


def test_axes_that_are_lent_alone_share_nothing_with_what_nobody_sees(
    barrier_result: Result,
) -> None:
    def shared(_: Result, figure: Figure) -> None:
        for axes, name in zip(figure.subplots(1, 2, sharey=True), "ab", strict=True):
            axes.set_title(f"{name} on test")
            axes.plot([0, 1], [0, 9])
        figure.axes[0].set_yticks([0, 9], ["none", "all"])

    _, (axes,) = lent(1)
    Plot(barrier_result, shared, metrics=["b"]).into([axes])
    assert [text.get_text() for text in axes.get_yticklabels()] == ["none", "all"]
    assert axes.get_shared_y_axes().get_siblings(axes) == [axes]
    axes.clear()
    assert axes.get_ylim() == (0, 1)


def test_axes_that_somebody_shares_already_may_be_lent(barrier_result: Result) -> None:
    def shared(_: Result, figure: Figure) -> None:
        for axes in figure.subplots(1, 2, sharey=True):
            axes.plot([0, 1], [0, 9])

    _, axes = lent(2, sharey=True)
    Plot(barrier_result, shared).into(axes)
    assert all(len(each.lines) == 1 for each in axes)


def test_a_function_that_fails_is_told(barrier_result: Result) -> None:
    def fail(result: Result, _: Figure) -> None:
        raise KeyError(result.analysis)

    for plot in (Plot(barrier_result, fail).figure, lambda: Plot(barrier_result, fail).into([])):
        with pytest.raises(FigureError, match="the figure cannot be drawn: KeyError: 'barrier'"):
            plot()


def test_the_curves_of_any_result_are_chosen_by_what_they_are_of(curved: Result) -> None:
    figure, (axes,) = lent(1)
    Plot(curved, draw_curves, metrics=["error"]).into([axes])
    assert axes.get_ylabel() == "error"
    legend = axes.get_legend()
    assert legend is not None and len(legend.get_texts()) == 6
    assert not figure.legends
