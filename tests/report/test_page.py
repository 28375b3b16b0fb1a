"""The page of several results: how it is built, and who can read it."""

from __future__ import annotations

import re
from dataclasses import replace
from importlib.resources import files
from itertools import pairwise
from typing import TYPE_CHECKING, Any, get_args

import html5lib
import numpy as np
import pytest

from lmctool.report.html import MOST_AT_A_GLANCE, fragment
from lmctool.results.doubt import Doubt, doubt_group
from lmctool.results.file import write
from lmctool.results.table import Mark, Table
from tests.report.pages import parsed, reported, several, text

if TYPE_CHECKING:
    from pathlib import Path

    from lmctool.results.result import Result


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The tree of a page of more results than can be seen at a glance."""
    folder = tmp_path_factory.mktemp("many")
    reported(*several(folder, MOST_AT_A_GLANCE + 1), "-o", folder / "page.html")
    return parsed(folder / "page.html")


def test_a_page_has_a_section_for_each_result_below_a_summary_that_links_to_it(
    tmp_path: Path,
) -> None:
    paths, page = several(tmp_path, 2), tmp_path / "page.html"
    assert reported(*paths, "-o", page).strip() == str(page)
    tree = parsed(page)
    assert [text(heading) for heading in tree.iter("h1")] == ["2 results of unheard-of"]
    names = [f"unheard-of: run-{number}/a and run-{number}/b" for number in range(2)]
    assert [text(heading) for heading in tree.iter("h2")] == [
        "Summary",
        f"1 {names[0]}",
        f"2 {names[1]}",
        "Where this comes from",
    ]
    assert [text(caption) for caption in tree.iter("figcaption")] == [
        f"Figure {number}: {name}" for number, name in enumerate(names, 1)
    ]
    rows = list(next(tree.iter("tbody")))
    assert [text(row.find("th")) for row in rows] == [
        f"{number} {name} barrier.error" for number, name in enumerate(names, 1)
    ]
    assert [text(value) for value in rows[0].iter("li")] == ["plain 0.5", "align 0.25"]
    assert [link.get("href") for row in rows for link in row.iter("a")] == [
        "#result-1",
        "#result-2",
    ]
    assert not list(tree.iter("nav"))


def test_every_link_within_a_page_leads_somewhere_and_ids_are_unlike(many: Any) -> None:
    ids = [element.get("id") for element in many.iter() if element.get("id")]
    assert len(set(ids)) == len(ids)
    links = [link.get("href") for link in many.iter("a")]
    assert links[0] == "#results"
    assert {link.removeprefix("#") for link in links} <= set(ids)


def test_many_results_have_a_list_of_contents(many: Any) -> None:
    (contents,) = many.iter("nav")
    assert [link.get("href") for link in contents.iter("a")] == [
        "#summary",
        *(f"#result-{number}" for number in range(1, MOST_AT_A_GLANCE + 2)),
        "#provenance",
    ]


def test_headings_skip_no_level_and_tables_say_what_is_a_head(many: Any) -> None:
    levels = [int(element.tag[1]) for element in many.iter() if element.tag in {"h1", "h2", "h3"}]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(below - above <= 1 for above, below in pairwise(levels))
    for table in many.iter("table"):
        assert {head.get("scope") for head in table.iter("th")} == {"col", "row"}
        assert all(row[0].tag == "th" for row in next(table.iter("tbody")))


def test_what_is_wider_than_the_window_can_be_scrolled_by_the_keyboard(many: Any) -> None:
    wide = [each for each in many.iter("div") if each.get("class") in {"wide", "paper"}]
    assert len(wide) > MOST_AT_A_GLANCE
    assert all(each.get("tabindex") == "0" and each.get("aria-label") for each in wide)


def test_what_results_have_in_common_is_told_once(many: Any) -> None:
    (origin,) = (each for each in many.iter("section") if each.get("id") == "provenance")
    rows = [[text(cell) for cell in row] for row in origin.iter("tr")]
    assert ["seed", "0", "all"] in rows
    assert [row[1:] for row in rows if row[0] == "number"] == [
        [str(number), str(number + 1)] for number in range(MOST_AT_A_GLANCE + 1)
    ]


def test_doubts_stand_in_the_summary_and_in_the_section(curved: Result, tmp_path: Path) -> None:
    doubtful, page = tmp_path / "doubtful.h5", tmp_path / "page.html"
    groups = {**curved.groups, "doubts": doubt_group([Doubt("it guesses")])}
    write(replace(curved, groups=groups), doubtful)
    reported(doubtful, *several(tmp_path, 1), "-o", page)
    told = [text(each) for each in parsed(page).iter("p") if each.get("class") == "doubt"]
    assert told == ["Doubt: it guesses."] * 2


def test_the_verdicts_on_each_of_several_results_stand_in_its_row_of_the_summary(
    tmp_path: Path,
) -> None:
    policy, page = tmp_path / "audit.toml", tmp_path / "page.html"
    policy.write_text("[[gate]]\nrequire = 'barrier.error[variant=align] <= 0.25'\n")
    reported(*several(tmp_path, 2), "-o", page, "--policy", policy)
    summary, verdicts, *_ = parsed(page).iter("tbody")
    told = [[text(verdict) for verdict in row[-1]] for row in summary]
    assert told == [["✓ passed barrier.error[variant=align] <= 0.25"]] * 2
    assert [link.get("href") for link in verdicts.iter("a")] == ["#result-1", "#result-2"]


def test_marked_cells_differ_by_more_than_their_colour() -> None:
    marks: dict[tuple[int, int], Mark] = {(1, 1): "best", (0, 2): "failed"}
    table = Table(
        "t", ("variant", "error", "gate"), (("a", "2", "failed"), ("b", "1", "")), (), 1, marks
    )
    tree = html5lib.parseFragment(fragment([table]), namespaceHTMLElements=False)
    assert [(text(cell), cell.get("class")) for cell in tree.iter("td")] == [
        ("2", "number"),
        ("failed", "short failed"),
        ("1", "number best"),
        ("", "short"),
    ]
    for name in ("report.css", "notebook.css"):
        style = files("lmctool.report").joinpath(name).read_text(encoding="utf-8")
        for mark in get_args(Mark):
            assert re.search(rf"\.{mark}\b[^}}]*font-weight: 700", style), (name, mark)


def luminance(colour: str) -> float:
    """Return the relative luminance of a colour, as WCAG 2.2 defines it."""
    shares = np.array([int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)])
    linear = np.where(shares <= 0.04045, shares / 12.92, ((shares + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


@pytest.mark.parametrize("dark", [False, True])
def test_every_text_can_be_read_on_its_ground(dark: bool) -> None:
    """WCAG 2.2 asks for a contrast of 4.5."""
    style = files("lmctool.report").joinpath("report.css").read_text(encoding="utf-8")
    light, other = re.findall(r":root {(.+?)}", style, re.DOTALL)
    colours = dict(re.findall(r"(--[a-z]+): (#[0-9a-f]{6})", light + other * dark))
    grounds = [luminance(colours[name]) for name in ("--paper", "--stripe")]
    for name in ("ink", "pale", "link", "passed", "failed", "unjudged"):
        for ground in grounds:
            low, high = sorted([luminance(colours[f"--{name}"]), ground])
            assert (high + 0.05) / (low + 0.05) >= 4.5, name
