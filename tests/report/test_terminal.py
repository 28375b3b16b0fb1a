"""Tables in the terminal cut nothing and steer nothing."""

from __future__ import annotations

import io
import re
from pathlib import Path

import pytest
from rich.cells import cell_len
from rich.console import Console

import lmctool
from lmctool.report.blocks import NUMBER, blocks
from lmctool.report.terminal import echo, harmless, printable, render
from lmctool.results.table import Table
from tests.report.row_cells import row_cells

WIDE = Table(
    "a wide table",
    ("layer", *(f"number {index}" for index in range(12))),
    tuple(
        (f"layers.{row}." + "long" * 20, *(f"{row}.{column:06}" for column in range(12)))
        for row in range(3)
    ),
    ("a note " * 30,),
)


def printed(table: Table, width: int, *, terminal: bool, encoding: str = "utf-8") -> list[str]:
    """Return the lines that a console of this width gets."""
    raw = io.BytesIO()
    file = io.TextIOWrapper(raw, encoding)
    console = Console(file=file, width=width, force_terminal=terminal, color_system=None)
    render(table, console)
    file.flush()
    return raw.getvalue().decode(encoding).splitlines()


@pytest.mark.parametrize("width", [30, 80, 200])
def test_no_number_is_cut_and_no_line_is_too_long(width: int) -> None:
    lines = printed(WIDE, width, terminal=True)
    words = [word for line in lines for word in line.split()]
    assert all(words.count(cell) == 1 for row in WIDE.rows for cell in row[1:])
    assert max(map(cell_len, lines)) <= width
    assert "…" not in "".join(lines)


def test_a_pipe_gets_one_line_for_each_row() -> None:
    lines = printed(WIDE, 80, terminal=False)
    assert len(lines) == 1 + 2 + len(WIDE.rows) + 1
    for row, line in zip(WIDE.rows, lines[3:], strict=False):
        assert tuple(line.split()) == row


def test_numbers_stand_right_and_text_left() -> None:
    table = Table("", ("name", "value", "share"), (("a", "1.5", "-"), ("bcd", "-10", "3 %")))
    assert printed(table, 80, terminal=False) == [
        "name  value  share",
        "----  -----  -----",
        "a       1.5      -",
        "bcd     -10    3 %",
    ]


def test_each_block_of_a_wide_table_repeats_the_columns_that_name_its_rows() -> None:
    heads = ("variant", "part", *(f"metric {number}" for number in range(4)))
    rows = (("plain", "layers.0", *"1234"), ("align", "layers.0", *"5678"))
    table = Table("t", heads, rows, keys=2)
    one, other = blocks(table, 35)
    assert [one.columns, other.columns] == [(0, 1, 2, 3), (0, 1, 4, 5)]
    assert [line.split() for line in other.body] == [
        ["plain", "layers.0", "3", "4"],
        ["align", "layers.0", "7", "8"],
    ]
    for block in blocks(table, 20):  # names that leave no room are folded
        assert [row_cells(lines)[:2] for lines in block.rows] == [list(row[:2]) for row in rows]


def test_a_table_without_rows_is_its_title_and_notes() -> None:
    assert printed(Table("none", ("a",), (), ("no rows",)), 80, terminal=True) == [
        "none",
        "no rows",
    ]


def test_wide_letters_keep_the_columns_straight() -> None:
    table = Table("", ("name", "value"), (("層", "1"), ("abc", "2")))
    assert {cell_len(line) for line in printed(table, 80, terminal=False)} == {11}


def test_an_old_terminal_gets_what_it_can_show() -> None:
    lines = printed(Table("é", ("a",), (("▁",),)), 80, terminal=False, encoding="ascii")
    assert lines == ["?", "a", "-", "?"]


def test_markup_and_control_characters_are_text() -> None:
    assert printable("a\x1b[31m\n\u202e") == "a\\x1b[31m\\n\\u202e"
    lines = printed(Table("[red]x[/red]", ("a",), (("\x1b[2J",),)), 80, terminal=True)
    assert "[red]x[/red]" in lines[0]
    assert "\x1b[2J" not in "".join(lines)


@pytest.mark.parametrize("text", ["1", "-0.5", "1e-07", "12.5 %", "+3", "nan", "-", "", "1,024"])
def test_what_a_number_is(text: str) -> None:
    assert NUMBER.fullmatch(text)


@pytest.mark.parametrize("text", ["1.2.3", "a", "1 nat", "--", "e5"])
def test_what_no_number_is(text: str) -> None:
    assert not NUMBER.fullmatch(text)


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("::stop-commands::x", "\\x3a:stop-commands::x"),
        ("  ::error::x", "  \\x3a:error::x"),
        ("a ::error::x", "a ::error::x"),
        ("a ##[error]x ###[y] ##vso[z]", "a \\x23#[error]x #\\x23#[y] \\x23#vso[z]"),
        ("## heading #[1]", "## heading #[1]"),
        ("\x1b[2J", "\\x1b[2J"),
    ],
)
def test_no_line_is_a_command(line: str, shown: str) -> None:
    assert harmless(line) == shown
    assert harmless(shown) == shown


def test_each_line_of_a_text_is_made_harmless(capsys: pytest.CaptureFixture[str]) -> None:
    echo("fine\n::a\n::b")
    echo("##[c]", err=True)
    assert capsys.readouterr() == ("fine\n\\x3a:a\n\\x3a:b\n", "\\x23#[c]\n")


@pytest.mark.parametrize("width", [12, 20, 40])
def test_no_line_of_a_folded_table_is_a_command(width: int) -> None:
    hostile = "x" * 11 + " " + "::error::" * 9
    lines = printed(
        Table(hostile, ("a", "b"), ((hostile, hostile),), (hostile,)), width, terminal=True
    )
    assert not any(line.lstrip().startswith("::") for line in lines)


def test_everything_that_is_printed_is_made_harmless() -> None:
    allowed = {"terminal.py", "github.py", "schema.py", "completion.py", "group.py", "streams.py"}
    allowed |= {"help_page.py"}
    host = Path(lmctool.__file__).parent
    direct = re.compile(
        r"click\.s?echo\(|(?<!\w)print\((?!\))|console\.print\([^)]|sys\.std\w+\.write"
    )
    found = {path.name for path in host.rglob("*.py") if direct.search(path.read_text("utf-8"))}
    assert found <= allowed
