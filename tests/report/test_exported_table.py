"""Tables as CSV and LaTeX."""

from __future__ import annotations

import csv
from io import StringIO

import pytest

from lmctool.report.exported_table import csv_text, exported, latex_text
from lmctool.results.table import Table

TABLE = Table(
    "A & B, 100 %",
    ("layer_name", "value", "share"),
    (
        ('conv1, "first"', "-1.5", "30.07 %"),
        ("=HYPERLINK(1)", "1.2e-05", "-"),
        ("a\nb", "-", "5 %"),
    ),
    ("a note\nof two lines",),
)


def test_csv_has_every_cell_and_no_formula() -> None:
    head, *rows = csv.reader(StringIO(csv_text(TABLE)))
    assert head == ["layer_name", "value", "share"]
    assert rows == [
        ['conv1, "first"', "-1.5", "30.07 %"],
        ["'=HYPERLINK(1)", "1.2e-05", "-"],
        ["a\\nb", "-", "5 %"],
    ]


@pytest.mark.parametrize("cell", ["=1+1", "+cmd", "-cmd", "@cmd"])
def test_what_a_spreadsheet_would_run_is_text(cell: str) -> None:
    assert csv_text(Table("", ("a",), ((cell,),))) == f"a\n'{cell}\n"


def test_latex_has_rules_of_booktabs_and_numbers_to_the_right() -> None:
    assert latex_text(TABLE).split("\n") == [
        "% A & B, 100 %",
        r"% a note\nof two lines",
        r"% \usepackage{booktabs}",
        r"\begin{tabular}{lrr}",
        r"\toprule",
        r"layer\_name & value & share \\",
        r"\midrule",
        r"conv1, ''first'' & $-$1.5 & 30.07 \% \\",
        r"=HYPERLINK(1) & $1.2 \times 10^{-5}$ & - \\",
        r"a\textbackslash{}nb & - & 5 \% \\",
        r"\bottomrule",
        r"\end{tabular}",
        "",
    ]


def test_a_table_without_columns_is_its_title() -> None:
    assert latex_text(Table("All values are the same", (), ())) == "% All values are the same\n"


def test_csv_alone_is_for_programs() -> None:
    exact = Table("", ("a",), (("0.30000000000000004",),))
    shown = Table("", ("a",), (("0.3",),))
    assert exported("csv", shown, exact) == "a\n0.30000000000000004\n"
    assert "| 0.3 |" in exported("markdown", shown, exact)
    assert "0.3 \\\\" in exported("latex", shown, exact)
