"""lmctool report: one page that needs nothing else, whatever the names in a result are."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import replace
from importlib.resources import files
from itertools import pairwise
from typing import TYPE_CHECKING, Any, get_args

import html5lib
import numpy as np
import pytest

from lmctool.report.html import MOST_AT_A_GLANCE, MOST_OPEN, fragment
from lmctool.results.doubt import Doubt, doubt_group
from lmctool.results.file import write
from lmctool.results.result import Group, Result, Variable
from lmctool.results.table import Mark, Table
from lmctool.testing import invoke

if TYPE_CHECKING:
    from pathlib import Path

    from lmctool.results.result import Attribute

EVIL = "<script>alert(1)</script>"
SVG = "{http://www.w3.org/2000/svg}"
ALLOWED = {"http://www.w3.org/2000/svg"}
POLICY = """
[[gate]]
name = "connected <b>"
require = "barrier.error[variant=align+repair] <= {limit}"
reason = "it & that"
[[gate]]
require = "barrier.loss[variant=plain] <= 0.1"
severity = "warning"
"""


def parsed(page: Path) -> Any:
    """Return the tree of a page, which must be right HTML."""
    parser = html5lib.HTMLParser(strict=True, namespaceHTMLElements=False)
    return parser.parse(page.read_text(encoding="utf-8"))


def text(element: Any) -> str:
    return " ".join("".join(element.itertext()).split())


def reported(*words: str | Path, code: int = 0) -> str:
    """Run the command, check its exit code, and return what it prints."""
    done = invoke("report", *words)
    assert done.exit_code == code, done.output
    return done.output


@pytest.fixture
def page(curved_file: Path, tmp_path: Path) -> Path:
    """A page of one result."""
    path = tmp_path / "page.html"
    reported(curved_file, "-o", path)
    return path


def several(folder: Path, count: int) -> list[Path]:
    """Write results of one metric, each of checkpoints in another folder; return the files."""
    paths = [folder / f"{number}.h5" for number in range(count)]
    for number, path in enumerate(paths):
        said: dict[str, Attribute] = {"command": f"lmctool x {number}", "seed": 0, "number": number}
        said |= {f"checkpoint.{n}.path": f"run-{number}/{name}.pt" for n, name in enumerate("ab")}
        group = {
            "variant": Variable(np.array(["plain", "align"], dtype=object), ("variant",)),
            "height": Variable(np.array([0.5, 0.25]), ("variant",), metric="barrier.error"),
        }
        groups = {"summary": Group(group), "provenance": Group({}, said)}
        write(Result("unheard-of", groups), path)
    return paths


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


def test_one_result_says_what_it_found_and_where_it_comes_from(page: Path) -> None:
    tree = parsed(page)
    assert tree.get("lang") == "en"
    shown = text(tree)
    assert "Analysis 'unheard-of' is not installed here" in shown
    assert (
        "barrier.error is 0.55 (plain, train), 0.5 (plain, test), 0.275 (align, train),"
        " 0.25 (align, test), 0.05 (align+repair, train) and 0.075 (align+repair, test)." in shown
    )
    assert "barrier.error[variant=align+repair,split=test]" in shown
    (code,) = tree.iter("code")
    assert text(code) == "lmctool some\\x1b[31mthing"
    assert "Summary" not in [text(heading) for heading in tree.iter("h2")]


def test_doubts_stand_in_the_summary_and_in_the_section(curved: Result, tmp_path: Path) -> None:
    doubtful, page = tmp_path / "doubtful.h5", tmp_path / "page.html"
    groups = {**curved.groups, "doubts": doubt_group([Doubt("it guesses")])}
    write(replace(curved, groups=groups), doubtful)
    reported(doubtful, *several(tmp_path, 1), "-o", page)
    told = [text(each) for each in parsed(page).iter("p") if each.get("class") == "doubt"]
    assert told == ["Doubt: it guesses."] * 2


def test_each_figure_has_a_description_and_each_result_words_and_tables(page: Path) -> None:
    tree = parsed(page)
    (image,) = tree.iter(f"{SVG}svg")
    described = text(image.find(f"{SVG}desc"))
    assert described.startswith("Shows loss [nat] over alpha; error over alpha. barrier.error is")
    details = next(tree.iter("details"))
    assert text(next(details.iter("summary"))) == "Result 1 in words and numbers"
    first = next(details.iter("li"))
    assert text(first).startswith(
        "loss [nat] over alpha, 6 lines. plain, train: 0.1 at 0 (lowest), 2.3 at 0.5 (highest),"
        " 0.1 at 1; plain, test: 0.1 at 0 (lowest)"
    )
    heads = [text(head) for head in next(details.iter("thead")).iter("th")]
    assert heads[:3] == ["alpha", "plain, train", "plain, test"]
    assert sum(1 for _ in next(details.iter("tbody")).iter("tr")) == 11


def test_a_long_table_is_folded_by_itself(tmp_path: Path) -> None:
    group = {
        "step": Variable(np.arange(MOST_OPEN + 1), ("step",)),
        "v": Variable(np.arange(MOST_OPEN + 1.0), ("step",)),
    }
    write(Result("x", {"g": Group(group)}), tmp_path / "a.h5")
    reported(tmp_path / "a.h5", "-o", tmp_path / "a.html")
    outer, inner = parsed(tmp_path / "a.html").iter("details")
    assert inner in list(outer)
    assert text(next(inner.iter("summary"))) == f"g: v ({MOST_OPEN + 1} rows)"
    assert next(inner.iter("table")) is not None and next(inner.iter("caption"), None) is None


def test_a_page_needs_no_script_and_no_other_file(page: Path) -> None:
    content = page.read_text()
    assert set(re.findall(r"https?://[^\"'\s<)]+", content)) <= ALLOWED
    assert not re.findall(r"@import|url\((?!#)", content)
    tree = parsed(page)
    names = {str(element.tag).removeprefix(SVG) for element in tree.iter()}
    assert not names & {"script", "link", "img", "iframe", "object", "embed", "form", "base"}
    held = [(name, value) for e in tree.iter() for name, value in e.attrib.items()]
    assert not [name for name, _ in held if str(name).startswith("on")]
    links = [value for name, value in held if str(name).endswith(("href", "src"))]
    assert all(value.startswith(("#", "data:image/png;base64,")) for value in links)
    policies = [e.get("content") for e in tree.iter("meta") if e.get("http-equiv")]
    assert policies == ["default-src 'none'; style-src 'unsafe-inline'; img-src data:"]


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


def test_the_same_result_gives_the_same_bytes(
    page: Path, curved_file: Path, tmp_path: Path
) -> None:
    again = tmp_path / "again.html"
    reported(curved_file, "-o", again)
    assert again.read_bytes() == page.read_bytes()


def test_names_in_a_result_are_text(tmp_path: Path) -> None:
    names = Variable(np.array([EVIL, '"onload="x', "\x1b\u202e"], dtype=object), ("layer",))
    group = {
        "layer": names,
        "step": Variable(np.arange(3), ("step",), EVIL, EVIL),
        "v": Variable(np.eye(3), ("layer", "step"), EVIL, f"{EVIL} v", "m.v"),
        "<style>": Variable(np.arange(3.0), ("layer",), "1", "-->", EVIL),
    }
    said = {
        "command": EVIL,
        "checkpoint.0.path": f"x/{EVIL}.bin",
        "<script>": EVIL,
        "options": f'"{EVIL}"',
        "versions.<img src=x>": EVIL,
    }
    path, page = tmp_path / "<script>x.h5", tmp_path / "page.html"
    write(Result(EVIL, {"g": Group(group), "provenance": Group({}, said)}), path)
    reported(path, "-o", page)
    tree = parsed(page)
    assert not [element for element in tree.iter() if "script" in str(element.tag)]
    assert "onload" not in {name for element in tree.iter() for name in element.attrib}
    assert EVIL not in page.read_text()
    shown = text(tree)
    assert shown.count(EVIL) > 5
    assert f"m.v[layer={EVIL},step=0]" in shown
    assert "\\x1b\\u202e" in shown


def test_a_result_with_nothing_to_draw_says_so(tmp_path: Path) -> None:
    write(Result("unheard-of", {}), tmp_path / "a.h5")
    reported(tmp_path / "a.h5", "-o", tmp_path / "a.html")
    shown = text(parsed(tmp_path / "a.html"))
    assert "No figure: result of 'unheard-of' has neither curves nor metrics to draw." in shown
    assert "No metric of it is a number." in shown


@pytest.mark.parametrize(("limit", "code"), [("0.1", 0), ("0.01", 3)])
def test_verdicts_stand_first_and_give_the_exit_code(
    limit: str, code: int, curved_file: Path, tmp_path: Path
) -> None:
    policy, page = tmp_path / "audit.toml", tmp_path / "page.html"
    policy.write_text(POLICY.format(limit=limit))
    told = reported(curved_file, "-o", page, "--policy", policy, code=code)
    assert ["passed", "failed"][code == 3] + "  " in told
    tree = parsed(page)
    rows = [[text(cell) for cell in row] for row in next(tree.iter("tbody"))]
    word = "✓ passed" if code == 0 else "✗ failed"
    assert [row[:2] for row in rows] == [
        [word, "connected <b>"],
        ["✗ failed (warning)", "barrier.loss[variant=plain] <= 0.1"],
    ]
    assert rows[0][2].endswith("; it & that")


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


def test_a_gate_without_a_value_exits_with_4_and_the_page_is_there(
    curved_file: Path, tmp_path: Path
) -> None:
    (tmp_path / "audit.toml").write_text("[[gate]]\nrequire = 'no.such <= 1'\n")
    page = tmp_path / "page.html"
    reported(curved_file, "-o", page, "--policy", tmp_path / "audit.toml", code=4)
    assert "? unjudged" in text(parsed(page))


def test_an_earlier_result_judges_as_in_an_audit(curved_file: Path, tmp_path: Path) -> None:
    judged = ("--baseline", curved_file)
    audit = invoke("audit", curved_file, *judged)
    page = tmp_path / "page.html"
    told = reported(curved_file, "-o", page, *judged, code=audit.exit_code)
    assert audit.stdout
    assert told.endswith(audit.stdout)
    assert "barrier.loss <= baseline" in text(parsed(page))


def test_an_existing_page_needs_force(curved_file: Path, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text("mine")
    assert "exists" in reported(curved_file, "-o", page, code=2)
    assert page.read_text() == "mine"
    reported(curved_file, "-o", page, "--force")
    assert page.read_text() != "mine"


def test_what_cannot_be_reported_leaves_no_page(curved_file: Path, tmp_path: Path) -> None:
    told = reported(curved_file, "-o", tmp_path / "page.pdf", code=2)
    assert "must end in .html" in told
    told = reported(tmp_path / "none.h5", "-o", tmp_path / "page.html", code=2)
    assert "does not exist" in told
    write(Result("barrier", {}), tmp_path / "bare.h5")
    told = reported(tmp_path / "bare.h5", "-o", tmp_path / "page.html", code=2)
    assert "does not hold what analysis 'barrier' writes" in told
    assert not list(tmp_path.glob("*.html"))


def test_no_torch_is_imported(curved_file: Path, tmp_path: Path) -> None:
    code = (
        "import sys; from lmctool.cli import main;"
        "main(sys.argv[1:], standalone_mode=False); sys.exit('torch' in sys.modules)"
    )
    words = ["report", str(curved_file), "-o", str(tmp_path / "page.html")]
    subprocess.run([sys.executable, "-c", code, *words], check=True, capture_output=True)
    words = ["compare", str(curved_file), str(curved_file), "-o", str(tmp_path / "both.png")]
    subprocess.run([sys.executable, "-c", code, *words], check=True, capture_output=True)


@pytest.mark.parametrize("name", ["report", "compare"])
def test_help_imports_nothing_heavy(name: str) -> None:
    code = (
        f"import sys; from lmctool.cli.commands.{name} import command;"
        "command.main(['--help'], standalone_mode=False);"
        "heavy = {'torch', 'h5py', 'numpy', 'matplotlib', 'rich', 'jinja2'};"
        "sys.exit(bool(heavy & set(sys.modules)))"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
