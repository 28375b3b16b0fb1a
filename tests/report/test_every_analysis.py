"""What every installed analysis leaves can be shown, drawn, reported and compared."""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.etree import ElementTree

import html5lib
import pytest
from matplotlib.figure import Figure
from rich.cells import cell_len

from lmctool.plugin import registry
from lmctool.plugin.kinds import ANALYSES
from lmctool.report import by_analysis
from lmctool.report.blocks import NUMBER, blocks, fitted
from lmctool.report.figure import drawing
from lmctool.report.figure_settings import style_settings
from lmctool.report.notation import Notation
from lmctool.report.plot import Plot
from lmctool.report.style import applied
from lmctool.report.value_tables import tables
from lmctool.report.words import headline, sentences
from lmctool.results.coordinates import labels
from lmctool.results.declared_metric import DeclaredMetric, Quantity
from lmctool.results.file import read
from lmctool.results.metrics import listed
from lmctool.results.text import number
from lmctool.testing import invoke
from tests.report import drawn
from tests.report.overlaps import overlaps
from tests.report.row_cells import row_cells, unspaced

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from lmctool.results.result import Result

    Made = Callable[[str], Path]

SVG = "{http://www.w3.org/2000/svg}"
DERIVED = {
    "barrier": {"chord"},
    "el2n": {f"_container{number}" for number in range(4)},
    "instability": {"stable: below 2.00 %"},
}
"""What follows from other numbers of a figure, a straight line between two of them or a histogram,
and what a note of the table tells: a threshold."""
STARTS = {"svg": b"<?xml", "pdf": b"%PDF"}
QUANTITIES: tuple[Quantity, ...] = ("value", "difference")
BEST = {
    "align": {"test aligned midpoint error", "test aligned midpoint loss"},
    "barrier": {
        *("test error align barrier", "test error align+repair barrier"),
        "test loss align+repair barrier",
    },
    "curve": {"test error curve barrier", "test loss curve barrier"},
    "merge": {"test align error", "test align loss"},
    "repair": {"test align error", "test align+repair error", "test align+repair loss"},
}
"""The marked cells of the tables in which networks or variants are compared."""
every_analysis = pytest.mark.parametrize("name", registry.names(ANALYSES))


def variants(result: Result) -> set[str]:
    """Return every variant that a result has."""
    return {
        label
        for path, group in result.groups.items()
        if "variant" in group.variables
        for label in labels(result, path, "variant", len(group.variables["variant"].values))
    }


@every_analysis
def test_show_prints_its_table_whole_and_every_variant(name: str, made: Made) -> None:
    done = invoke("show", made(name))
    assert done.exit_code == 0, done.output
    result = read(made(name))
    table = by_analysis.table(result, made(name))
    for block in blocks(table, None):
        assert {*block.head, *block.body} <= set(done.stdout.splitlines())
    assert all(variant in done.stdout for variant in variants(result))


@pytest.mark.parametrize("width", [60, 80, 120])
@every_analysis
def test_each_block_of_a_narrow_table_tells_its_rows_apart(
    name: str, width: int, made: Made
) -> None:
    whole = by_analysis.table(read(made(name)), made(name))
    assert len({row[: whole.keys] for row in whole.rows}) == len(whole.rows)
    table = fitted(whole, width)
    printed: list[list[str]] = [[] for _ in table.rows]
    for block in blocks(table, width):
        assert max(map(cell_len, (*block.head, *block.body))) <= width
        for lines, row, cells in zip(block.rows, table.rows, printed, strict=True):
            shown = row_cells(lines)
            assert shown[: table.keys] == list(map(unspaced, row[: table.keys]))
            cells += shown[table.keys :]
            for own, n in zip(lines[0], block.columns, strict=True):
                assert own.strip() == row[n] or not NUMBER.fullmatch(row[n])
    assert printed == [list(map(unspaced, row[table.keys :])) for row in table.rows]


@every_analysis
def test_the_best_of_the_values_that_can_be_compared_is_marked(name: str, made: Made) -> None:
    table = by_analysis.table(read(made(name)), made(name))
    marked = {
        " ".join([*table.rows[row][: table.keys], table.columns[column]])
        for row, column in table.marks
    }
    assert marked == BEST.get(name, set()) and {*table.marks.values()} <= {"best"}


@every_analysis
def test_metrics_lists_every_metric(name: str, made: Made) -> None:
    done = invoke("metrics", made(name))
    assert done.exit_code == 0, done.output
    found = {line.split("  ")[0] for line in done.stdout.splitlines()}
    assert {metric.full_name for metric in listed(read(made(name)))} <= found


@every_analysis
def test_plot_draws_it(name: str, made: Made, tmp_path: Path) -> None:
    for form, start in STARTS.items():
        figure = tmp_path / f"figure.{form}"
        done = invoke("plot", made(name), "-o", figure)
        assert done.exit_code == 0, done.output
        assert figure.read_bytes().startswith(start)


@pytest.mark.parametrize("name", ["el2n", "layerwise", "matrix", "variance"])
def test_plot_draws_it_in_a_column_of_a_paper(name: str, made: Made) -> None:
    result = read(made(name))
    draw = by_analysis.drawer(result)
    with drawing(result, draw) as figure:
        expected = sorted(drawn.numbers(figure))
    with applied(style_settings("paper")):
        column = Figure(layout="constrained")
        Plot(result, draw).onto(column, 3.25, None)
        assert column.get_figwidth() == 3.25
        assert overlaps(column) == []
        assert sorted(drawn.numbers(column)) == expected


@every_analysis
def test_axes_that_are_lent_show_the_numbers_of_its_figure(name: str, made: Made) -> None:
    result = read(made(name))
    draw = by_analysis.drawer(result)
    with drawing(result, draw) as figure:
        expected = sorted(drawn.numbers(figure))
        panels = [axes for axes in figure.axes if axes.get_label() != "<colorbar>"]
    own = Figure()
    axes = list(own.subplots(1, len(panels), squeeze=False).flat)
    Plot(result, draw).into(axes)
    assert sorted(drawn.numbers(own)) == expected
    assert not own.legends and not own.get_suptitle() and not own.get_supxlabel()
    own.draw_without_rendering()


@every_analysis
def test_report_has_its_table_figure_words_numbers_and_provenance(
    name: str, made: Made, tmp_path: Path
) -> None:
    page = tmp_path / "page.html"
    done = invoke("report", made(name), "-o", page)
    assert done.exit_code == 0, done.output
    result = read(made(name))
    tree = html5lib.HTMLParser(strict=True, namespaceHTMLElements=False).parse(
        page.read_text(encoding="utf-8")
    )
    text = " ".join("".join(tree.itertext()).split())
    shown = by_analysis.table(result, made(name))
    for cell in [cell for table in (shown, *tables(result)) for row in table.rows for cell in row]:
        assert " ".join(cell.split()) in text
    assert all(_spaced(sentence) in text for sentence in sentences(result))
    assert str(result.groups["provenance"].attributes["checkpoint.0.digest"]) in text
    (image,) = tree.iter(f"{SVG}svg")
    described = str(image.find(f"{SVG}desc").text)
    assert described.startswith("Shows ") and described.endswith(headline(result))
    assert ElementTree.tostring(image)


@every_analysis
def test_every_number_in_its_figure_is_in_the_tables_of_the_page(name: str, made: Made) -> None:
    result = read(made(name))
    cells = {cell for table in tables(result) for row in table.rows for cell in row}
    with drawing(result, by_analysis.drawer(result)) as figure:
        values = list(drawn.numbers(figure))
    assert values
    for label, value in values:
        assert label in DERIVED.get(name, ()) or _texts(value) & cells, label


@every_analysis
def test_every_metric_is_in_the_tables_of_the_page(name: str, made: Made) -> None:
    result = read(made(name))
    known = Notation.of(result)
    cells = {cell for table in tables(result) for row in table.rows for cell in row}
    assert {known.metric(each.name).text(each.value) for each in listed(result)} <= cells


@every_analysis
def test_compare_finds_it_equal_to_itself(name: str, made: Made) -> None:
    done = invoke("compare", made(name), made(name))
    assert done.exit_code == 0, done.output
    count = len(listed(read(made(name))))
    assert f"0 of {count} metrics differ" in done.stdout
    assert "All values are the same bit for bit" in done.stdout


def _texts(value: float) -> set[str]:
    """Return how a number of a figure, which may show per cent or points, may stand in a table."""
    share = value / 100
    shown = {number(value), number(share)}
    for text in (DeclaredMetric("", "", share=True, of=of).text for of in QUANTITIES):
        shown |= {text(value), text(share)}
    return shown


def _spaced(text: str) -> str:
    return " ".join(text.split())
