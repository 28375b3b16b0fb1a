"""Tables of show, compare, metrics and aggregate as CSV, LaTeX and Markdown."""

from __future__ import annotations

import csv
from io import StringIO
from typing import TYPE_CHECKING

import pytest

from lmctool.report import by_analysis
from lmctool.results.file import write
from lmctool.results.metrics import metrics
from lmctool.testing import invoke
from tests.results.aggregate.samples import seed

if TYPE_CHECKING:
    from pathlib import Path


def printed(*words: object) -> str:
    """Return what a command prints that ends well."""
    done = invoke(*map(str, words))
    assert done.exit_code == 0, done.output
    return done.stdout


def rows(text: str) -> list[dict[str, str]]:
    """Return the rows of a CSV."""
    return list(csv.DictReader(StringIO(text)))


@pytest.fixture
def stored(tmp_path: Path) -> Path:
    """The file of a result."""
    path = tmp_path / "stored.h5"
    write(seed(0).result, path)
    return path


def test_show_writes_its_table(stored: Path, tmp_path: Path) -> None:
    table = by_analysis.table(seed(0).result, stored)
    head, *own = csv.reader(StringIO(printed("show", stored, "--csv", "-")))
    assert (head, own) == ([*table.columns], [[*row] for row in table.rows])
    page = tmp_path / "a.md"
    assert table.title in printed("show", stored, "--markdown", page)
    assert page.read_text().count("\n| ") == len(table.rows) + 2


def test_show_lists_its_tables(stored: Path) -> None:
    assert printed("show", stored, "--table") == "x/curve/loss\nx/summary\n"
    done = invoke("show", str(stored), "--table", "x/curve/los")
    assert done.exit_code == 2 and "did you mean 'x/curve/loss'" in done.stderr


@pytest.mark.parametrize("name", ["x/curve/loss", "curve/loss"])
def test_a_curve_has_all_its_digits(name: str, stored: Path) -> None:
    text = printed("show", stored, "--table", name, "--csv", "-")
    (own,) = (row for row in csv.reader(StringIO(text)) if row[0] == "plain, test")
    found = [float(value) for value in own[1:]]
    assert found == seed(0).result.groups["x/curve"].variables["loss"].values[0, 1].tolist()
    assert "plain, test" in printed("show", stored, "--table", name)


def test_metrics_have_all_their_digits(stored: Path) -> None:
    found = {row["metric"]: row["value"] for row in rows(printed("metrics", stored, "--csv", "-"))}
    expected = metrics(seed(0).result)
    assert {k: float(v) if v else None for k, v in found.items()} == expected
    both = rows(printed("metrics", stored, stored, "--csv", "-"))
    assert [row["result"] for row in both] == [str(stored)] * 2 * len(expected)


def test_the_metrics_of_an_analysis_are_a_table_too() -> None:
    assert printed("metrics", "--of", "distance", "--latex", "-").startswith("% distance\n")


def test_compare_writes_what_differs(tmp_path: Path) -> None:
    for number in (0, 1):
        write(seed(number).result, tmp_path / f"{number}.h5")
    text = printed("compare", tmp_path / "0.h5", tmp_path / "1.h5", "--csv", "-")
    for row in rows(text):
        assert float(row["second"]) - float(row["first"]) == float(row["difference"])
    done = invoke(
        "compare", *(str(tmp_path / f"{n}.h5") for n in (0, 1)), "--csv", "-", "--json", "-"
    )
    assert done.exit_code == 2 and "both print on stdout" in done.stderr


def test_aggregate_writes_its_table(tmp_path: Path) -> None:
    places = [tmp_path / f"{number}.h5" for number in range(2)]
    for number, place in enumerate(places):
        write(seed(number).result, place)
    text = printed("aggregate", *places, "-o", tmp_path / "mean.h5", "--latex", "-")
    assert text.startswith("% Average of ") and r"\bottomrule" in text
    assert (tmp_path / "mean.h5").exists()


def test_an_existing_table_is_refused_before_the_average_is_made(tmp_path: Path) -> None:
    write(seed(0).result, tmp_path / "0.h5")
    (tmp_path / "a.csv").write_text("mine")
    words = (
        "aggregate",
        tmp_path / "0.h5",
        "-o",
        tmp_path / "mean.h5",
        "--csv",
        tmp_path / "a.csv",
    )
    assert invoke(*map(str, words)).exit_code == 2
    assert not (tmp_path / "mean.h5").exists()
