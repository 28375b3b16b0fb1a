"""A result, as Python code gets it."""

from __future__ import annotations

import copy
import csv
import pickle
import subprocess
import sys
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING

import html5lib
import numpy as np
import pytest
import xarray
from matplotlib.figure import Figure

from lmctool.errors import LmctoolError, UnjudgedError
from lmctool.notebook.extras import library
from lmctool.notebook.result import Result
from lmctool.notebook.stored import open as open_result
from lmctool.results.doubt import Doubt, doubt_group
from lmctool.results.equality import difference
from lmctool.results.file import write
from lmctool.results.result import Group, Variable
from lmctool.testing import invoke

if TYPE_CHECKING:
    from collections.abc import Callable

    from lmctool.results.result import Result as Record


def named(result: Result, name: str) -> Result:
    """Return a result with another name of its first variant."""
    groups = dict(result.record.groups)
    for path in ("barrier/curve", "barrier/summary"):
        variants = np.array([name, "align", "align+repair"], dtype=object)
        variables = {**groups[path].variables, "variant": Variable(variants, ("variant",))}
        groups[path] = replace(groups[path], variables=variables)
    return Result(replace(result.record, groups=groups))


def test_a_stored_result_is_opened_as_show_reads_it(made: Callable[[str], Path]) -> None:
    path = made("distance")
    found = open_result(str(path))
    assert found.analysis == "distance" and found.path == path
    assert str(found.provenance["command"]).startswith("lmctool distance ")
    assert invoke("show", path).stdout == f"{found}\n"
    listed = invoke("metrics", path).stdout
    assert all(name in listed for name in found.metrics)


def test_what_cannot_be_read_is_told(tmp_path: Path, found: Result) -> None:
    with pytest.raises(LmctoolError, match=r"result 'no.h5' does not exist"):
        open_result("no.h5")
    values = found.record.groups["barrier/summary"].variables
    changed = {**values, "barrier_error": replace(values["barrier_loss"], metric="barrier.error")}
    groups = {**found.record.groups, "barrier/summary": Group(changed)}
    write(replace(found.record, groups=groups), tmp_path / "a.h5")
    with pytest.raises(UnjudgedError, match="contradicts itself"):
        open_result(tmp_path / "a.h5")


def test_showing_never_reaches_torch(found: Result, tmp_path: Path) -> None:
    write(found.record, tmp_path / "a.h5")
    code = (
        "import sys; from lmctool.notebook.result import Result;"
        "from lmctool.results.file import read; from pathlib import Path;"
        "found = Result(read(Path(sys.argv[1])));"
        "str(found), repr(found), found._repr_html_(), found.metrics, found.checkpoint;"
        "sys.exit(bool({'torch', 'pandas', 'xarray', 'matplotlib.pyplot'} & set(sys.modules)))"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "a.h5")], check=True)


def test_its_tree_is_what_xarray_opens(made: Callable[[str], Path]) -> None:
    found = open_result(made("distance"))
    with xarray.open_datatree(made("distance"), engine="h5netcdf") as opened:
        xarray.testing.assert_identical(found.to_xarray(), opened.load())
    layers = found.to_xarray()["distance/layer"]
    stored = found.record.groups["distance/layer"].variables["relative"]
    np.testing.assert_array_equal(layers["relative"].sel(variant="plain").values, stored.values[0])


def test_arrays_of_every_kind_are_in_its_tree(barrier_result: Record, barrier_file: Path) -> None:
    found = Result(barrier_result)
    with xarray.open_datatree(barrier_file, engine="h5netcdf") as opened:
        xarray.testing.assert_identical(found.to_xarray(), opened.load())


def test_a_missing_library_is_told() -> None:
    with pytest.raises(LmctoolError, match=r'^nowhere is not installed; pip install "lmctool\[no'):
        library("nowhere")


def test_its_table_has_rows_and_columns(found: Result) -> None:
    table = found.table()
    assert table.columns[:3] == ("split", "metric", "variant")
    assert all(len(row) == len(table.columns) for row in table.rows)
    assert str(table).splitlines()[0] == table.title


def test_its_tables_are_csv_latex_and_markdown(found: Result) -> None:
    table = found.table("barrier/curve/loss")
    own = found.record.groups["barrier/curve"].variables["loss"].values[0, 0]
    _, *rows = csv.reader(StringIO(table.to_csv()))
    assert [float(row[1]) for row in rows] == own.tolist()
    assert r"\toprule" in table.to_latex() and table.to_markdown().startswith("**barrier/curve")
    with pytest.raises(LmctoolError, match="no table of the result is called 'los'"):
        found.table("los")


def test_doubts_are_told_below_its_table(found: Result) -> None:
    doubts = doubt_group([Doubt("both networks\x1b are at chance")])
    doubtful = Result(replace(found.record, groups={**found.record.groups, "doubts": doubts}))
    assert str(doubtful).endswith("\nNote: both networks\\x1b are at chance")
    assert "Note: both networks\\x1b are at chance</p>" in doubtful.table()._repr_html_()


def test_a_notebook_gets_sound_html_with_table_and_figure(found: Result) -> None:
    odd = "<script>alert('x')</script>\x1b&amp;"
    page = named(found, odd)._repr_html_()
    parser = html5lib.HTMLParser(strict=True, namespaceHTMLElements=False)
    (tree,) = list(parser.parseFragment(page))
    assert not list(tree.iter("script"))
    cells = [cell.text for tag in ("th", "td") for cell in tree.iter(tag)]
    assert "<script>alert('x')</script>\\x1b&amp;" in cells
    (image,) = tree.iter("img")
    assert image.get("src", "").startswith("data:image/png;base64,iVBOR")
    assert image.get("width") == "922"
    assert image.get("alt", "").startswith("Shows error on train; loss on train; ")
    (style,) = tree.iter("style")
    assert all(
        line.startswith((".lmctool ", "  ", "}")) for line in str(style.text).split("\n") if line
    )


def test_a_figure_that_cannot_be_drawn_leaves_the_table(found: Result) -> None:
    groups = {"barrier/curve": found.record.groups["provenance"]}
    page = Result(replace(found.record, analysis="x", groups=groups))._repr_html_()
    assert '<p class="note">No figure: result of &#39;x&#39; has neither curves' in page


def test_it_is_drawn_as_a_figure_or_into_axes(found: Result) -> None:
    figure = found.plot(metric="loss", size=(8, 3), font_size=8)
    assert figure.get_size_inches().tolist() == [8, 3]
    assert [axes.get_title() for axes in figure.axes] == ["loss on train", "loss on test"]
    own = Figure()
    grid = own.subplots(2, 2)
    assert found.plot(grid) is grid
    assert [axes.get_title() for axes in grid.flat][-1] == "loss on test"
    one = own.add_subplot()
    assert found.plot(one, metric="error", split="test") is one
    with pytest.raises(LmctoolError, match="size is that of a new figure"):
        found.plot(one, size=(1, 1))


def test_a_result_of_another_form_is_told(found: Result) -> None:
    broken = Result(replace(found.record, groups={"provenance": Group()}), Path("a.h5"))
    for show in (broken.table, broken.plot, lambda: broken.plot([])):
        with pytest.raises(LmctoolError, match=r"result 'a.h5' does not hold what analysis 'bar"):
            show()
    with pytest.raises(LmctoolError, match="the result does not hold what analysis 'barrier'"):
        Result(broken.record).table()


def test_a_result_of_an_analysis_that_is_not_installed_is_shown(strange: Result) -> None:
    assert "barrier.loss[variant=align,split=test]" in str(strange)
    assert [axes.get_ylabel() for axes in strange.plot().axes] == ["loss [nat]", "error"]
    assert "<img " in strange._repr_html_()
    assert strange.require("barrier.loss[split=test,variant=align] <= 1") is strange


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])
def test_it_can_be_copied_and_pickled(copied: Callable[[Result], Result], found: Result) -> None:
    found.notes = ("a note",)
    assert len(found.metrics) == 13
    other = copied(found)
    assert difference(other.record, found.record) is None
    assert other.notes == found.notes and list(other.metrics) == list(found.metrics)


def test_it_says_what_it_is(found: Result) -> None:
    assert repr(found) == "<lmctool.Result of barrier: 13 metrics>"
    found.path = Path("a.h5")
    assert repr(found) == "<lmctool.Result of barrier: 13 metrics, 'a.h5'>"
