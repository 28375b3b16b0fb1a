"""Colours where a terminal has them, and nothing that is told by them alone."""

from __future__ import annotations

import io
import re
import sys

import pytest
from rich.console import Console

from lmctool.cli.verdicts import show_verdicts
from lmctool.gates.gate import Gate, Status, Verdict, written_gate
from lmctool.report import markdown
from lmctool.report.terminal import echo, render
from lmctool.results.table import Table

TABLE = Table(
    "t", ("name", "value"), (("a", "1.5"), ("b", "12.5"), ("c", "0.5")), marks={(2, 1): "best"}
)
GATE = written_gate("b.error <= 2%")
STATUSES: tuple[Status, ...] = ("passed", "failed", "unjudged")
VERDICTS = [
    *(Verdict(GATE, status, f"so it {status}") for status in STATUSES),
    Verdict(Gate(GATE.condition, "mild", severity="warning"), "failed", "but not by much"),
]


class Terminal(io.StringIO):
    """A stream that says that it is a terminal."""

    def isatty(self) -> bool:
        """Return that it is one."""
        return True


def printed(width: int = 80, *, terminal: bool = True) -> str:
    """Return what a console gets of a table."""
    file = Terminal() if terminal else io.StringIO()
    render(TABLE, Console(file=file, width=width))
    return file.getvalue()


@pytest.fixture(autouse=True)
def capable(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the terminal be one that has colours, whatever runs the tests."""
    for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm")


def test_the_best_value_is_bold_and_green() -> None:
    lines = printed().splitlines()
    assert lines[-1] == "c     \x1b[1;32m  0.5\x1b[0m"
    assert "\x1b[32m" not in "".join(lines[:-1]) and "1;32" not in "".join(lines[:-1])


def test_a_mark_stays_in_a_table_of_several_blocks() -> None:
    assert printed(8).count("\x1b[1;32m") == 1


def test_a_pipe_and_no_color_are_plain(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "\x1b" not in printed(terminal=False)
    monkeypatch.setenv("NO_COLOR", "1")
    assert "32m" not in printed()


def test_markdown_has_the_best_value_bold() -> None:
    assert markdown.table(TABLE).splitlines()[2:] == [
        "| name | value |", "| --- | --- |", "| a | 1.5 |", "| b | 12.5 |", "| c | **0.5** |",
    ]  # fmt: skip


def test_the_word_of_a_verdict_has_its_colour(monkeypatch: pytest.MonkeyPatch) -> None:
    file = Terminal()
    monkeypatch.setattr(sys, "stdout", file)
    show_verdicts(VERDICTS)
    _, passed, failed, unjudged, mild, last = file.getvalue().splitlines()
    assert passed == "\x1b[32mpassed            \x1b[0mb.error <= 2%: so it passed"
    assert failed.startswith("\x1b[1;31mfailed ") and unjudged.startswith("\x1b[33munjudged ")
    assert mild.startswith("\x1b[33mfailed (warning) ")
    assert last == "1 of 4 gates passed"


def test_verdicts_are_plain_lines_in_a_pipe(capsys: pytest.CaptureFixture[str]) -> None:
    show_verdicts(VERDICTS)
    assert capsys.readouterr().out.splitlines() == [
        "",
        "passed            b.error <= 2%: so it passed",
        "failed            b.error <= 2%: so it failed",
        "unjudged          b.error <= 2%: so it unjudged",
        "failed (warning)  mild: but not by much (wanted: b.error <= 0.02)",
        "1 of 4 gates passed",
    ]


def test_a_long_verdict_is_folded_beside_its_word(monkeypatch: pytest.MonkeyPatch) -> None:
    file = Terminal()
    monkeypatch.setattr(sys, "stdout", file)
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setenv("NO_COLOR", "1")
    show_verdicts([Verdict(GATE, "failed", "barrier.error = 61 % > 2 %")])
    lines = re.sub(r"\x1b\[[\d;]*m", "", file.getvalue()).splitlines()
    assert lines[1:3] == ["failed  b.error <= 2%: barrier.error =", "        61 % > 2 %"]


@pytest.mark.parametrize(("said", "code"), [("warning", "33"), ("error", "1;31")])
def test_the_first_word_of_a_line_that_warns_has_a_colour(
    said: str, code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = Terminal()
    monkeypatch.setattr(sys, "stderr", file)
    echo("Note: x = 1\n::error::y", err=True, said=said)
    assert file.getvalue() == f"\x1b[{code}mNote:\x1b[0m x = 1\n\\x3a:error::y\n"


def test_a_line_that_warns_is_plain_in_a_pipe(capsys: pytest.CaptureFixture[str]) -> None:
    echo("Note: x", said="warning")
    assert capsys.readouterr().out == "Note: x\n"
