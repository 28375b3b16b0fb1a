"""Tables on lines of any width: rows keep their names, and numbers are whole."""

from __future__ import annotations

import pytest
from rich.cells import cell_len

from lmctool.report.blocks import NUMBER, blocks, fitted, folded, shortened_rows
from lmctool.results.table import Table
from tests.report.row_cells import row_cells, unspaced

LAYERS = tuple(f"encoder.layers.{layer}.attention.weight" for layer in range(3))
VARIANTS = ("plain", "align+repair")
HEADS = ("test error", "barrier", "95 % interval", "shape of the curve", "curve")
CELLS = ("30.07 %", "-1.23457e-05", "0.0041 to 0.0406", "plateau until 0.5, then a barrier", "▁█▁")
TABLE = Table(
    "Layers",
    ("split", "layer", "variant", *HEADS),
    tuple(
        ("validation", layer, variant, *CELLS[:-1], CELLS[-1] * 7)
        for layer in LAYERS
        for variant in VARIANTS
    ),
    keys=3,
    marks={(row, 4): "best" for row in (1, 5)},
)


def test_a_long_table_ends_with_where_its_other_rows_are() -> None:
    assert shortened_rows(TABLE, 6, "elsewhere") is TABLE
    short = shortened_rows(TABLE, 4, "lmctool show x.h5")
    assert short.rows == TABLE.rows[:4]
    assert short.notes == ("2 more rows: lmctool show x.h5", *TABLE.notes)
    assert short.marks == {(1, 4): "best"}


@pytest.mark.parametrize("width", [50, 60, 80, 120, 150])
def test_each_block_has_the_names_of_all_rows_and_whole_numbers(width: int) -> None:
    table = fitted(TABLE, width)
    assert (table.title, table.keys) == ("Layers; split validation", 2)
    printed: list[list[str]] = [[] for _ in table.rows]
    for block in blocks(table, width):
        assert max(map(cell_len, (*block.head, *block.body))) <= width
        for lines, row, cells in zip(block.rows, table.rows, printed, strict=True):
            first, second, *others = row_cells(lines)
            assert (first, second) == row[:2]
            cells += others
            for own, column in zip(lines[0], block.columns, strict=True):
                whole = NUMBER.fullmatch(row[column]) or "▁" in row[column]
                assert own.strip() == row[column] or not whole
    assert printed == [list(map(unspaced, row[2:])) for row in table.rows]


def test_a_table_that_fits_is_as_it_is() -> None:
    for width in (None, 200):
        assert fitted(TABLE, width) is TABLE
        (block,) = blocks(TABLE, width)
        assert len(block.heads) == 1 and all(len(lines) == 1 for lines in block.rows)


def test_marks_stay_at_their_cells_where_a_column_goes_into_the_title() -> None:
    marks = fitted(TABLE, 80).marks
    assert marks == {(1, 3): "best", (5, 3): "best"}
    assert fitted(TABLE, 80).rows[1][3] == TABLE.rows[1][4]


def test_one_row_keeps_a_name() -> None:
    table = fitted(Table("", ("a", "b", "c"), (("x", "y", "1" * 20),), keys=2), 20)
    assert (table.title, table.columns, table.rows) == ("b y", ("a", "c"), (("x", "1" * 20),))


def test_more_blocks_are_made_only_where_that_saves_lines() -> None:
    name = "barrier.error[variant=align+repair,split=test]"
    rows = tuple((f"{name[:-1]},of={row}]", "1.5", "nat") for row in range(9))
    table = Table("", ("metric", "value", "unit"), rows)
    (low,) = blocks(table, 50)
    assert {len(lines) for lines in low.rows} == {2}
    (wide,) = blocks(table, 70)
    assert {len(lines) for lines in wide.rows} == {1}


def test_heads_of_numbers_are_folded_only_where_there_is_no_room() -> None:
    table = Table("", ("name", *["mean of runs"] * 4), (("a", *["1.5"] * 4),))
    (narrow,), (wide,) = (list(blocks(table, width)) for width in (30, 64))
    assert [line.split() for line in narrow.head[:3]] == [
        ["name", *["mean"] * 4], ["of"] * 4, ["runs"] * 4,
    ]  # fmt: skip
    assert wide.head[0].split() == ["name", *["mean", "of", "runs"] * 4]


@pytest.mark.parametrize(
    ("text", "width", "pieces"),
    [
        ("0.25 to 0.75", 8, ["0.25 to", "0.75"]),
        ("runs/seed-0/last", 12, ["runs/seed-0/", "last"]),
        ("at most 30.07 % of", 13, ["at most", "30.07 % of"]),
        ("a rise of 2.5 points", 15, ["a rise of", "2.5 points"]),
        ("x" * 7, 3, ["xxx", "xxx", "x"]),
        ("層" * 4, 5, ["層層", "層層"]),
        ("short", 9, ["short"]),
    ],
)
def test_text_is_broken_at_spaces_else_behind_a_part_of_a_word(
    text: str, width: int, pieces: list[str]
) -> None:
    assert folded(text, width) == pieces
