"""Figures: of any result, the same bytes each time, and never half a file."""

from __future__ import annotations

import subprocess
import sys
from io import BytesIO
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from matplotlib.figure import Figure

from lmctool.errors import LmctoolError
from lmctool.report.curve_panels import differing
from lmctool.report.figure import FigureError, drawing, save, saved
from lmctool.report.generic import draw_curves, metrics_table
from lmctool.report.style import applied
from lmctool.results.result import Group, Result, Variable

if TYPE_CHECKING:
    from pathlib import Path

STARTS = {"png": b"\x89PNG", "svg": b"<?xml", "pdf": b"%PDF"}


@pytest.mark.parametrize("form", sorted(STARTS))
def test_a_figure_has_the_same_bytes_each_time(form: str, curved: Result, tmp_path: Path) -> None:
    first, second = tmp_path / f"a.{form}", tmp_path / f"b.{form}"
    save(curved, None, first, False)
    save(curved, draw_curves, second, False)
    assert first.read_bytes() == second.read_bytes()
    assert first.read_bytes().startswith(STARTS[form])
    assert len(list(tmp_path.iterdir())) == 2


def test_pixels_are_those_that_matplotlib_saves(curved: Result, tmp_path: Path) -> None:
    with drawing(curved, None) as figure:
        figure.savefig(tmp_path / "a.png", metadata={"Software": None})
    save(curved, None, tmp_path / "b.png", False)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


@pytest.mark.parametrize("setting", [{"savefig.dpi": 30}, {"savefig.facecolor": "yellow"}])
def test_settings_of_saving_hold(setting: dict[str, Any], curved: Result) -> None:
    file = BytesIO()
    with drawing(curved, None, setting) as figure:
        figure.savefig(file, format="png", metadata={"Software": None})
    with drawing(curved, None, setting) as figure:
        assert saved(figure, "png") == file.getvalue()


def test_another_suffix_is_told(curved: Result, tmp_path: Path) -> None:
    with pytest.raises(LmctoolError, match=r"must end in .png, .svg, .pdf or .pgf"):
        save(curved, None, tmp_path / "a.jpg", False)


def test_an_existing_figure_needs_force(curved: Result, tmp_path: Path) -> None:
    path = tmp_path / "a.svg"
    path.write_text("mine")
    with pytest.raises(LmctoolError, match="exists"):
        save(curved, None, path, False)
    assert path.read_text() == "mine"
    save(curved, None, path, True)
    assert path.read_text() != "mine"


def test_a_plugin_that_fails_leaves_no_file(curved: Result, tmp_path: Path) -> None:
    def fail(result: Result, figure: Figure) -> None:
        raise KeyError(result.analysis)

    with pytest.raises(FigureError, match="cannot be drawn: KeyError: 'unheard-of'"):
        save(curved, fail, tmp_path / "a.png", False)
    assert list(tmp_path.iterdir()) == []


def test_every_line_of_every_curve_is_drawn(curved: Result) -> None:
    with applied():
        figure = Figure()
        draw_curves(curved, figure)
    loss, error = figure.axes
    assert [axes.get_ylabel() for axes in (loss, error)] == ["loss [nat]", "error"]
    assert {axes.get_xlabel() for axes in figure.axes} == {"alpha"}
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.texts][:2] == ["plain, train", "plain, test"]
    looks = {(line.get_color(), line.get_linestyle(), line.get_marker()) for line in loss.lines}
    assert len(looks) == len(loss.lines) == 6


def test_a_result_without_curves_is_drawn_as_bars(curved: Result) -> None:
    figure = Figure()
    draw_curves(Result("x", {"summary": curved.groups["summary"]}), figure)
    assert [len(axes.patches) for axes in figure.axes] == [6, 6]


def test_a_result_with_nothing_to_draw_is_told() -> None:
    with pytest.raises(LmctoolError, match="neither curves nor metrics"):
        draw_curves(Result("x", {}), Figure())


def test_names_are_not_taken_as_mathematics(tmp_path: Path) -> None:
    group = {
        "name": Variable(np.array(["$\\bad{", "_hidden"], dtype=object), ("name",)),
        "step": Variable(np.arange(4), ("step",)),
        "v": Variable(np.ones((2, 4)), ("name", "step"), long_name="$x"),
    }
    save(Result("x", {"g": Group(group)}), None, tmp_path / "a.svg", False)


def test_the_users_own_style_changes_nothing(curved: Result, tmp_path: Path) -> None:
    import matplotlib as mpl

    save(curved, None, tmp_path / "a.svg", False)
    with mpl.rc_context({"axes.facecolor": "black", "font.size": 30}):
        save(curved, None, tmp_path / "b.svg", False)
        assert mpl.rcParams["font.size"] == 30
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()


def test_saving_never_imports_pyplot(tmp_path: Path) -> None:
    code = (
        "import sys, pathlib, numpy as np; from lmctool.report.figure import save;"
        "from lmctool.results.result import *;"
        "result = Result('x', {'g': Group({'v': Variable(np.array(1.0), metric='m')})});"
        "save(result, None, pathlib.Path(sys.argv[1]), False);"
        "sys.exit(bool({'matplotlib.pyplot', 'torch', 'h5py'} & set(sys.modules)))"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "a.png")], check=True)


def test_the_table_of_any_result_lists_its_metrics(curved: Result) -> None:
    table = metrics_table(curved)
    assert table.columns == ("metric", "value", "unit")
    assert table.rows[0] == ("barrier.loss[variant=plain,split=train]", "2.2", "nat")
    assert table.rows[-1] == ("barrier.error[variant=align+repair,split=test]", "0.075", "")
    assert metrics_table(Result("x", {})).notes == ("this result has no metrics",)


def test_bars_are_named_by_what_tells_them_apart() -> None:
    both = [{"network": name, "split": "test"} for name in "ab"]
    assert differing(both) == ["a", "b"]
    assert differing([{"network": "a", "split": "test"}]) == ["a, test"]
    assert differing([{}]) == [" "]
