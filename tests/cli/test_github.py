"""What a job of GitHub Actions is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from lmctool.cli.github import MOST, annotation_lines
from lmctool.gates.condition import Condition
from lmctool.gates.gate import Gate, Verdict
from lmctool.report import markdown
from lmctool.results.table import Table
from lmctool.testing import invoke


@pytest.fixture(autouse=True)
def in_job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary.md"))


def verdict(name: str, status: str = "failed", told: str = "told", **gate: str) -> Verdict:
    return Verdict(Gate(Condition("m", {}, "<", 1), name, **gate), status, told)  # type: ignore[arg-type]


def test_a_summary_is_appended_and_a_failure_annotated(weigh: str, pair: tuple[str, str]) -> None:
    Path("summary.md").write_text("before\n")
    done = invoke(weigh, *pair, "--require", "weigh.mass < 2", "--json", "-")
    assert done.exit_code == 3
    summary = Path("summary.md").read_text()
    assert summary.startswith("before\n### lmctool weigh\n")
    assert "| metric | value | unit |" in summary
    assert "| failed | weigh.mass \\< 2 | this run | weigh.mass = 2.5 \\>= 2 |" in summary
    assert "::error title=weigh.mass < 2::failed: weigh.mass = 2.5 >= 2" in done.stderr.splitlines()
    assert "::error" not in done.stdout


def test_elsewhere_nothing_is_written(
    weigh: str, pair: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GITHUB_ACTIONS")
    monkeypatch.delenv("GITHUB_STEP_SUMMARY")
    done = invoke(weigh, *pair, "--require", "weigh.mass < 2")
    assert "::error" not in done.output and not Path("summary.md").exists()


def test_a_summary_that_cannot_be_written_is_told(
    weigh: str, pair: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", "/proc/nowhere/summary.md")
    done = invoke(weigh, *pair)
    assert done.exit_code == 2 and "GITHUB_STEP_SUMMARY" in done.stderr
    assert Path("weigh.h5").is_file()


def test_an_audit_is_summed_up_too(weigh: str, pair: tuple[str, str]) -> None:
    invoke(weigh, *pair)
    Path("audit.toml").write_text('[[gate]]\nrequire = "weigh.mass < 2"\nseverity = "warning"\n')
    done = invoke("audit", "--policy", "audit.toml", "weigh.h5")
    assert done.exit_code == 0
    assert "::warning title=" in done.stderr
    assert "| failed (warning) |" in Path("summary.md").read_text()


def test_annotations_are_ten_at_most_and_none_for_what_passes() -> None:
    others = (verdict(str(number), told=f"a = {number}") for number in range(20))
    many = [verdict("good", "passed"), *others]
    assert len(annotation_lines(many)) == MOST
    assert annotation_lines(many)[0].startswith("::error title=0::")


def test_text_cannot_become_another_command_or_markup() -> None:
    (line,) = annotation_lines([verdict("a,b:c", told="x\n::set-output name=y::100%")])
    assert line == "::error title=a%2Cb%3Ac::failed: x%0A::set-output name=y::100%25"
    shown = markdown.table(Table("t|<b>", ("c",), (("<script>|`x`",),)))
    assert "<script>" not in shown and "\\|" in shown and "\\`x\\`" in shown
