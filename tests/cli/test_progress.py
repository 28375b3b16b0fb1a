"""What is seen of a run while it goes on."""

from __future__ import annotations

import io
import sys
from types import ModuleType
from typing import TYPE_CHECKING

import pytest

from lmctool.cli.progress import Stages, shows_bars
from lmctool.plugin import registry
from lmctool.plugin.kinds import ANALYSES
from lmctool.results.text import percent
from lmctool.testing import invoke
from tests.every import A, B

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


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


def test_stages_within_another_share_a_line_of_each_kind(
    capsys: pytest.CaptureFixture[str],
) -> None:
    stages = Stages(lambda *_: None, quiet=False, bar=False)
    stages.expect(200)
    with stages(100, "pairs") as pairs:
        for _ in range(100):
            for kind in ("plain", "align"):
                with stages(1, f"path {kind}", networks=True) as advance:
                    advance(1)
            pairs(1)
    told = [line.split(":")[0] for line in capsys.readouterr().err.splitlines()]
    assert told[-3:] == ["path plain", "path align", "pairs"]
    assert len(told) <= 3 + 10


def test_a_long_stage_of_many_others_says_how_far_it_is(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = iter(range(0, 100_000, 4))
    monkeypatch.setattr("lmctool.cli.progress.time.monotonic", lambda: float(next(clock)))
    stages = Stages(lambda *_: None, quiet=False, bar=False)
    with stages(100, "pairs") as pairs:
        for _ in range(100):
            with stages(2, "path") as advance:
                advance(2)
            pairs(1)
    lines = capsys.readouterr().err.splitlines()
    assert lines[0].startswith("pairs: ") and " of 100 done" in lines[0]
    assert lines[-2].startswith("path: 200 done, ") and lines[-1].startswith("pairs: 100 done, ")
    assert 5 <= len(lines) <= 12


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


def test_the_whole_run_is_told_by_its_networks_with_the_time_left(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = iter(range(0, 1000, 30))  # one for a run of nothing, then
    monkeypatch.setattr("lmctool.cli.progress.time.monotonic", lambda: float(next(clock)))
    stages = Stages(lambda *_: None, quiet=False, bar=False)
    stages.expect(8)
    with stages(1, "statistics") as advance:
        advance(1)
    with stages(2, "plain", networks=True) as advance:
        advance(2)
    with stages(6, "align", networks=True) as advance:
        advance(6)
    assert capsys.readouterr().err.splitlines() == [
        "statistics: 1 done, 30.0 s",
        "plain: 2 done, 30.0 s; whole run 25 %, 7:30 left",
        "align: 6 done, 30.0 s; whole run 100 %",
    ]


@pytest.mark.parametrize("name", sorted({*registry.names(ANALYSES)} - {"distance", "variance"}))
def test_each_analysis_knows_how_many_networks_it_will_measure(
    name: str, made: Callable[[str], Path]
) -> None:
    lines = made(name).with_suffix(".log").read_text().splitlines()
    told = [line.partition("; ")[2] for line in lines if "; whole run " in line]
    assert told[-1] == "whole run 100 %"
    assert all(" left" in line for line in told[:-1])


def test_draws_of_the_calibration_examples_are_part_of_the_whole_run(tmp_path: Path) -> None:
    words = ("--points", "3", "--align", "--limit", "40", "--calib-size", "100", "--repeat", "2")
    lines = invoke("barrier", A, B, *words, "-o", tmp_path / "out.h5").stderr.splitlines()
    told = [line.partition("; ")[2].partition(",")[0] for line in lines if "; whole run" in line]
    shares = [f"whole run {percent(done / 6, 0)}" for done in (2, 3, 4, 5, 6)]
    assert told == shares


def test_a_dry_run_says_how_many_networks_and_examples() -> None:
    words = ("barrier", A, B, "--points", "11", "--align", "--repair", "--dry-run")
    done = invoke(*words, "--limit", "300", "--split", "train,test")
    assert "networks      29, on 300 examples of train and on 300 examples of test" in done.stdout
    assert "networks      29, on 449 examples of test\n" in invoke(*words).stdout
    refined = invoke(*words, "--refine").stdout
    assert "networks" not in refined
