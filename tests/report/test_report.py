"""lmctool report: one page that needs nothing else, whatever the names in a result are."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest

from lmctool.report.html import MOST_OPEN
from lmctool.results.file import write
from lmctool.results.result import Group, Result, Variable
from lmctool.testing import invoke
from tests.report.pages import parsed, reported, text

if TYPE_CHECKING:
    from pathlib import Path

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


@pytest.fixture
def page(curved_file: Path, tmp_path: Path) -> Path:
    """A page of one result."""
    path = tmp_path / "page.html"
    reported(curved_file, "-o", path)
    return path


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
