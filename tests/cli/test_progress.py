"""What is seen of a run while it goes on."""

from __future__ import annotations

import io
import sys
from types import ModuleType

import pytest

from lmctool.cli.progress import Stages, shows_bars


def test_a_stage_ends_with_one_line_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    told: list[tuple[str, int, int]] = []
    stages = Stages(lambda *words: told.append(words), quiet=False, bar=False)
    with stages(3, "work") as advance:
        advance(1)
        advance(2)
    out, err = capsys.readouterr()
    assert out == ""
    assert err == "work: 3 done, 0.0 s\n"
    assert told == [("work", 1, 3), ("work", 3, 3)]


def test_quiet_stages_show_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with Stages(lambda *_: None, quiet=True, bar=True)(1, "work") as advance:
        advance(1)
    assert capsys.readouterr() == ("", "")


def test_bars_of_stages_may_overlap_and_go_away(capsys: pytest.CaptureFixture[str]) -> None:
    stages = Stages(lambda *_: None, quiet=False, bar=True)
    with stages(2, "outer") as outer, stages(0, "inner") as inner:
        inner(5)
        outer(2)
    assert capsys.readouterr().out == ""
    with stages(1, "later") as later:
        later(1)
    assert "later: 1 done" in capsys.readouterr().err


def test_a_stage_that_fails_ends_its_bar() -> None:
    stages = Stages(lambda *_: None, quiet=False, bar=True)
    with pytest.raises(ValueError, match="oops"), stages(2, "work"):
        raise ValueError("oops")
    assert stages._display is None


def test_bars_move_on_a_terminal_and_in_a_notebook_with_widgets(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("sys.stderr", io.StringIO())
    assert not shows_bars()
    monkeypatch.setitem(sys.modules, "IPython", ModuleType("IPython"))
    monkeypatch.setattr("rich.console._is_jupyter", lambda: True)
    widgets: list[str] = []
    monkeypatch.setattr("lmctool.cli.progress.find_spec", lambda name: name in widgets or None)
    assert not shows_bars()
    widgets.append("ipywidgets")
    assert shows_bars()
    monkeypatch.setattr("rich.console._is_jupyter", lambda: False)
    assert not shows_bars()
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    assert shows_bars()
