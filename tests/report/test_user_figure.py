"""Figures as users want them: settings over settings, sizes, formats, titles and scales."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.figure import Figure

from lmctool.errors import LmctoolError
from lmctool.report.figure import save
from lmctool.report.figure_settings import font_settings, style_settings, user_settings
from lmctool.report.finish import Finish
from lmctool.report.legends import place_legends
from lmctool.report.plot import Plot
from lmctool.report.several.choice import Words
from lmctool.report.style import applied
from lmctool.report.user_figure import Appearance, UserFigure
from lmctool.results.result import Group, Result, Variable
from tests.report import drawn
from tests.report.overlaps import overlaps
from tests.report.test_plot import barrier

if TYPE_CHECKING:
    from pathlib import Path

TEST = Words(("error",), (), ("test",))


@pytest.fixture
def rc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's matplotlibrc, which is empty yet."""
    path = tmp_path / "matplotlibrc"
    path.write_text("")
    monkeypatch.setenv("MATPLOTLIBRC", str(path))
    return path


def held(**options: Any) -> dict[str, Any]:
    """Return the settings that hold while a figure of some appearance is drawn."""
    with applied(Appearance(**options).settings()):
        return {str(name): value for name, value in mpl.rcParams.items()}


def test_options_go_over_the_style_and_that_over_the_users_own_settings(
    rc: Path, tmp_path: Path
) -> None:
    assert held()["lines.linewidth"] == 1.6
    rc.write_text("lines.linewidth: 5\nsavefig.dpi: 30\naxes.facecolor: yellow\n")
    assert (held()["lines.linewidth"], held()["axes.facecolor"]) == (
        5,
        "yellow",
    )
    own = tmp_path / "own.mplstyle"
    own.write_text("lines.linewidth: 7\nsavefig.dpi: 40\n")
    found = held(style=str(own), dpi=50)
    assert (found["lines.linewidth"], found["savefig.dpi"]) == (7, 50)
    assert found["axes.facecolor"] == "yellow"


def test_no_file_turns_names_into_formulas_or_commands_of_tex(rc: Path) -> None:
    rc.write_text("text.usetex: True\ntext.parse_math: True\npgf.preamble: \\input{secret}\n")
    found = held(style="paper")
    assert not found["text.usetex"] and not found["text.parse_math"]
    assert found["pgf.preamble"] == ""


def test_a_size_of_letters_in_a_file_is_that_of_titles_too(rc: Path) -> None:
    rc.write_text("font.size: 6\n")
    assert user_settings() == {
        "font.size": 6,
        "axes.titlesize": "medium",
        "axes.labelsize": "medium",
        "legend.fontsize": "medium",
    }


def test_figures_beside_results_are_the_same_whatever_the_user_sets(
    rc: Path, curved: Result, tmp_path: Path
) -> None:
    save(curved, None, tmp_path / "a.svg", False)
    rc.write_text("lines.linewidth: 9\n")
    save(curved, None, tmp_path / "b.svg", False)
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()


def test_figures_in_python_honour_the_users_settings(rc: Path, curved: Result) -> None:
    rc.write_text("lines.linewidth: 9\n")
    assert Plot(curved, None).figure().axes[0].lines[0].get_linewidth() == 9
    figure = Plot(curved, None, style={"lines_linewidth": 2}).figure()
    assert figure.axes[0].lines[0].get_linewidth() == 2


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (b"font.size: large\n", "matplotlibrc '.*' cannot be used: .*font.size"),
        (b"\xff\xfe", "matplotlibrc '.*' cannot be used: 'utf-8' codec"),
    ],
)
def test_a_broken_matplotlibrc_is_told(text: bytes, told: str, rc: Path) -> None:
    rc.write_bytes(text)
    with pytest.raises(LmctoolError, match=told):
        user_settings()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("font.siz: 3\n", "style file '.*' cannot be used: Bad key font.siz"),
        ("font.size 3\n", "style file '.*' cannot be used: Missing colon"),
        ("lines.linewidth: thick\n", "style file '.*' cannot be used: Key lines.linewidth"),
    ],
)
def test_a_broken_style_file_is_told(text: str, told: str, tmp_path: Path) -> None:
    path = tmp_path / "own.mplstyle"
    path.write_text(text)
    with pytest.raises(LmctoolError, match=told):
        style_settings(str(path))


def test_styles_and_fonts_that_are_none_are_told(tmp_path: Path) -> None:
    with pytest.raises(LmctoolError, match="no style is called 'papr'; did you mean 'paper'"):
        style_settings("papr")
    with pytest.raises(LmctoolError, match=r"style file '.*' does not exist"):
        style_settings(str(tmp_path / "none.mplstyle"))
    with pytest.raises(LmctoolError, match=r"no font called 'DejaVu Sanz' .* 'DejaVu Sans'"):
        font_settings("DejaVu Sanz")
    assert font_settings("dejavu serif")["font.family"][0] == "DejaVu Serif"


def test_pdf_has_fonts_embedded_and_svg_has_text_as_text(curved: Result) -> None:
    figure = UserFigure({"a": curved}, TEST, ["metric"], Appearance(style="paper"))
    pdf = figure.drawn("pdf").content
    assert b"/CIDFontType2" in pdf and b"/FontFile2" in pdf and b"/Type3" not in pdf
    assert b">align+repair</text>" in figure.drawn("svg").content


@pytest.mark.parametrize("panels", [(), ("split",)])
def test_a_figure_has_the_size_that_is_asked_for(
    panels: tuple[str, ...], barrier_result: Result
) -> None:
    look = Appearance(width=4, height=3, dpi=50, style="paper")
    content = UserFigure({"a": barrier_result}, TEST, panels, look).drawn("png").content
    width, height = (int.from_bytes(content[at : at + 4], "big") for at in (16, 20))
    assert (width, height) == (200, 150)


def test_a_figure_that_is_too_small_is_told(curved: Result) -> None:
    with pytest.raises(LmctoolError, match="too small for its texts; give it more by --width"):
        UserFigure(
            {"a": curved}, panels=["split"], appearance=Appearance(width=1, height=0.6)
        ).drawn("png")


@pytest.mark.parametrize("metrics", [[], ["error", "loss"]])
def test_the_panels_of_an_analysis_stand_below_each_other_in_a_column(
    metrics: list[str], barrier_result: Result
) -> None:
    with applied(style_settings("paper")):
        figure = Figure(layout="constrained")
        barrier(barrier_result, metrics=metrics, splits=["test"]).onto(figure, 3.25, None)
        assert overlaps(figure) == []
        one, other = (axes.get_position() for axes in figure.axes)
        assert one.x0 == pytest.approx(other.x0, abs=0.1) and other.y1 < one.y0
        whole = barrier(barrier_result, splits=["test"]).figure()
        assert sorted(drawn.numbers(figure)) == sorted(drawn.numbers(whole))


def line_figure(*values: list[float], label: str = "loss") -> Figure:
    """Return a figure of some lines, one below the other."""
    figure = Figure(layout="constrained")
    for axes, own in zip(figure.subplots(len(values), 1, squeeze=False).flat, values, strict=True):
        axes.plot(own, label="a line")
        axes.set_ylabel(label)
        axes.legend()
    return figure


def test_values_are_on_logarithmic_scales_with_plain_numbers() -> None:
    figure = line_figure([0.1, 10, 1000], [0.2, 0.9, 0], [0.5, 0.6, 0.7])
    assert Finish(log=True).apply(figure) == [
        "1 numbers are not above 0, so --log cannot show them"
    ]
    figure.draw_without_rendering()
    for axes in figure.axes:
        low, high = axes.get_ylim()
        shown = [
            text.get_text()
            for text, at in zip(axes.get_yticklabels(), axes.get_yticks(), strict=True)
            if low <= at <= high
        ]
        assert axes.get_yscale() == "log" and len(shown) >= 2
        assert not any("$" in text or "^" in text for text in shown)


def test_numbers_without_logarithms_are_told() -> None:
    with pytest.raises(LmctoolError, match="no number in the figure is above 0"):
        Finish(log=True).apply(line_figure([0, -1]))


def test_shares_are_in_per_cent_and_what_is_none_is_told() -> None:
    figure = line_figure([0.1, 0.3], label="share of what is there")
    Finish(percent=True, log=True).apply(figure)
    figure.draw_without_rendering()
    assert "20 %" in [text.get_text() for text in figure.axes[0].get_yticklabels()]
    for label in ("loss", "share of it (%)"):
        with pytest.raises(LmctoolError, match="nothing in the figure is a share"):
            Finish(percent=True).apply(line_figure([0.1, 0.3], label=label))


def test_legends_go_below_or_away() -> None:
    figure = line_figure([1, 2], [3, 4])
    Finish(legend="outside").apply(figure)
    figure.draw_without_rendering()
    for axes in figure.axes:
        legend = axes.get_legend()
        assert legend is not None and legend.get_window_extent().y1 < axes.bbox.y0
    assert overlaps(figure) == []
    Finish(legend="none").apply(figure)
    assert [axes.get_legend() for axes in figure.axes] == [None, None]


def test_a_legend_is_as_wide_as_its_panel() -> None:
    figure = Figure(figsize=(3, 3), layout="constrained")
    axes = figure.subplots()
    for number in range(6):
        axes.plot([number], label=f"a line with a long name {number}")
    axes.legend(ncols=6, loc="upper center", bbox_to_anchor=(0.5, -0.2))
    place_legends(figure, inside=True)
    assert overlaps(figure) == []


def test_a_title_has_as_many_lines_as_it_needs() -> None:
    figure = line_figure([1, 2])
    figure.set_size_inches(3, 3)
    Finish(title="a title of a figure with many words in it, for a narrow column").apply(figure)
    assert overlaps(figure) == []
    assert figure.get_suptitle().replace("\n", " ").startswith("a title of a figure with many")


def test_the_numbers_of_an_analysis_figure_are_those_that_it_shows(barrier_result: Result) -> None:
    table = UserFigure({"a": barrier_result}, TEST).drawn("png").exact
    assert table.columns == ("panel", "name", "at", "value")
    rows = [row for row in table.rows if row[1].startswith("plain")]
    own = barrier_result.groups["barrier/curve"].variables["error"].values[0, 1]
    assert [float(row[3]) for row in rows] == [float(value) for value in own]
    assert {row[0] for row in table.rows} == {"error on test"}


def test_bars_and_heat_maps_are_numbers_by_name() -> None:
    def draw(_: Result, figure: Figure) -> None:
        bars, heat, mesh = figure.subplots(1, 3)
        bars.barh([0, 1], [0.5, 2], label="width")
        bars.set_yticks([0, 1], ["conv1", "conv2"])
        heat.imshow([[1.0, 2.0]])
        heat.set_xticks([0, 1], ["a", "b"])
        heat.set_yticks([0], ["row"])
        mesh.pcolormesh([0.0, 1.0], [5.0], [[3.0, 4.0]], shading="nearest")
        mesh.set_yticks([5], ["layer"])

    from lmctool.report.drawn_numbers import drawn_table

    result = Result("x", {"g": Group({"v": Variable(np.array(1.0), metric="m")})})
    with applied():
        figure = Figure(layout="constrained")
        draw(result, figure)
        rows = [row[1:] for row in drawn_table(figure, str).rows]
    assert rows[:2] == [("width", "conv1", "0.5"), ("width", "conv2", "2.0")]
    assert rows[2:4] == [("row", "a", "1.0"), ("row", "b", "2.0")]
    assert rows[4:] == [("layer", "0.0", "3.0"), ("layer", "1.0", "4.0")]
