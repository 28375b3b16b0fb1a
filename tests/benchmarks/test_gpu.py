"""The script of ``make gpu``: its plan, its record, and what it does when a section fails."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
import time
from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING

import pytest
import torch

from benchmarks.gpu import __main__ as script
from benchmarks.gpu import one_section
from benchmarks.gpu.checkout import ROOT, environment, result_folders, write_metadata
from benchmarks.gpu.measurement import Journal, Measurement, table
from benchmarks.gpu.pytest_run import Lines, outcome
from benchmarks.gpu.section import BUDGET, SECTIONS, Section, deadlines
from benchmarks.gpu.setting import Found, tried
from benchmarks.gpu.work import covered, launches

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CPU = torch.device("cpu")
SUCCESS = Measurement("graphs", "difference", 1e-5, "", True, "<= 1e-4")


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def test_all_sections_together_end_within_eight_minutes() -> None:
    assert BUDGET + script.GRACE * 2 <= 480
    assert deadlines(SECTIONS, BUDGET)[-1] == BUDGET


def test_every_section_has_a_module_that_measures_and_no_module_is_left_over() -> None:
    folder = ROOT / "benchmarks/gpu/sections"
    trees = {path.stem: ast.parse(path.read_text()) for path in folder.glob("[!_]*.py")}
    assert set(trees) == {section.name for section in SECTIONS}
    for tree in trees.values():
        assert "measure" in {n.name for n in tree.body if isinstance(n, ast.FunctionDef)}


def test_a_shorter_budget_shortens_every_section_alike_and_leaves_what_is_not_used() -> None:
    sections = (Section("a", 10, ()), Section("b", 30, ()))
    assert deadlines(sections, 40) == [10, 40]
    assert deadlines(sections, 20) == [5, 20]


def test_what_is_not_installed_is_known_before_a_section_runs() -> None:
    assert Section("a", 1, ("json", "no_such_module")).missing == ["no_such_module"]


def test_a_machine_without_the_gpu_is_told_so_in_a_sentence(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    with pytest.raises(SystemExit, match="finds 1 CUDA devices, not cuda:1; --device cpu tries"):
        one_section.main("ceilings", "cuda:1", "1")


def test_measurements_are_kept_line_by_line_and_a_cut_line_is_left_out(tmp_path: Path) -> None:
    places = [tmp_path / "one/gpu.jsonl", tmp_path / "other/gpu.jsonl"]
    journal = Journal(places)
    journal.begin()
    journal.add(SUCCESS)
    journal.add(Measurement("rates", "MLP", None))
    assert json.loads(places[1].read_text().splitlines()[0]) == {
        "section": "graphs", "name": "difference", "value": 1e-5, "unit": "", "passed": True,
        "expected": "<= 1e-4",
    }  # fmt: skip
    with places[0].open("a") as file:
        file.write('{"section": "ra')
    assert journal.read() == [SUCCESS, Measurement("rates", "MLP", None)]


def test_the_table_has_numbers_with_units_verdicts_and_no_stray_bars() -> None:
    found = [SUCCESS, Measurement("rates", "a|b", 1234567.8, "images/s", False, ">= 2")]
    lines = table(found).splitlines()
    assert lines[2] == "| graphs | difference | 1e-05 | <= 1e-4 | yes |"
    assert lines[3] == "| rates | a\\|b | 1,234,568 images/s | >= 2 | **NO** |"


def test_plugins_are_found_in_a_checkout_that_is_not_installed(tmp_path: Path) -> None:
    write_metadata(ROOT, tmp_path)
    code = (
        "import sys; from importlib.metadata import version; from lmctool.plugin import registry;"
        "from lmctool.plugin.kinds import ALIGNERS;"
        "import lmctool_plugins; print(version('lmctool'), registry.names(ALIGNERS))"
    )
    own = environment(ROOT, tmp_path, "cuda:1")
    assert own["LMCTOOL_TEST_DEVICE"] == "cuda:1"
    done = subprocess.run(python(code), env=own, cwd=tmp_path, capture_output=True, text=True)
    assert "'activation'" in done.stdout, done.stderr
    (folder,) = tmp_path.glob("*.dist-info")
    text = (folder / "entry_points.txt").read_text()
    assert "[console_scripts]\nlmctool = lmctool.cli:main" in text
    installed = entry_points(group="lmctool.analyses")
    assert all(f"{e.name} = {e.value}" in text for e in installed if _own(e))


def _own(entry: EntryPoint) -> bool:
    return entry.value.startswith("lmctool_plugins.")


def test_results_also_go_where_out_says_if_it_is_a_folder(tmp_path: Path) -> None:
    assert result_folders({"OUT": str(tmp_path)})[1:] == [tmp_path]
    assert len(result_folders({"OUT": str(tmp_path / "none")})) == len(result_folders({})) == 1


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("print(1)", ""),
        ("raise SystemExit('it broke')", "ended with 1: it broke"),
        ("import os; os.abort()", "ended with -6"),
    ],
)
def test_what_becomes_of_a_section_is_told(code: str, told: str, tmp_path: Path) -> None:
    assert script.run(python(code), os.environ, 60, tmp_path / "log").startswith(told)


def test_a_section_is_ended_at_its_limit_with_all_that_it_started(tmp_path: Path) -> None:
    child = "import time; time.sleep(60)"
    code = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])"
    begun = time.monotonic()
    assert script.run(python(code), os.environ, 0.5, tmp_path / "log").startswith("was ended at")
    assert time.monotonic() - begun < 30


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Journal:
    """A script of two sections, neither of which is there, and of one that lacks a module."""
    sections = (Section("a", 9, ()), Section("b", 9, ("no_such_module",)), Section("c", 9, ()))
    monkeypatch.setattr(script, "SECTIONS", sections)
    monkeypatch.setattr(script, "BUILD", tmp_path)
    monkeypatch.setattr(script, "result_folders", lambda _: [tmp_path])
    return Journal([tmp_path / "gpu.jsonl"])


def test_the_next_section_runs_after_one_that_failed_or_was_left_out(
    short: Journal, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    went = {"a": "ended with 1: it broke", "c": ""}
    monkeypatch.setattr(script, "run", lambda command, *_: went[command[3]])
    assert script.main(["--device", "cpu"]) == 1
    found = {m.section: (str(m.value), m.passed) for m in short.read()}
    assert found["a"] == ("ended with 1: it broke", False)
    assert found["b"] == ("left out: no_such_module not installed here", None)
    assert found["c"][0].startswith("done in") and found["c"][1]
    assert (short.paths[0].parent / "gpu.md").read_text() in capsys.readouterr().out
    assert script.main(["--only", "c"]) == 0
    assert [m.section for m in short.read()] == ["c"]


def test_a_script_that_is_asked_to_end_still_writes_its_table(
    short: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_: object) -> str:
        raise script.Stopped

    monkeypatch.setattr(script, "run", stop)
    assert script.main([]) == 1
    assert "it was asked to end" in (short.paths[0].parent / "gpu.md").read_text()


def test_a_part_that_fails_is_told_and_keeps_what_it_found_before() -> None:
    def work() -> Iterator[Found]:
        yield Found("one", 1)
        raise ValueError("broken\nin two lines")

    failure = Found("both", "ValueError: broken", passed=False, expected="no error")
    assert list(tried("both", work)) == [Found("one", 1), failure]


def test_outcomes_of_tests_are_read_with_one_process_and_with_several() -> None:
    assert outcome("tests/a.py::test_b[c d] PASSED    [ 10%]") == (
        "tests/a.py::test_b[c d]",
        "PASSED",
    )
    assert outcome("[gw3] [ 12%] FAILED tests/a.py::test_b ") == ("tests/a.py::test_b", "FAILED")
    assert outcome("tests/a.py::test_b ") is None and outcome("1 passed in 3 s") is None


def test_lines_of_a_command_come_until_its_time_is_over() -> None:
    lines = Lines(python("print('one', flush=True); import time; time.sleep(60)"))
    given = lines.until(time.monotonic() + 30)
    assert next(given) == "one\n"
    assert list(lines.until(time.monotonic())) == [] and lines.code() < 0
    done = Lines(python("print('one'); print('two')"))
    assert list(done.until(time.monotonic() + 30)) == ["one\n", "two\n"] and done.code() == 0


def test_operations_that_return_views_are_no_launches() -> None:
    x = torch.ones(4, 4)
    assert launches(CPU, lambda: x.t()[1:].view(3, 4)) == 0
    assert launches(CPU, lambda: x.t().reshape(16)) == 1  # a copy
    assert launches(CPU, lambda: (x + x).add_(1)) == 2


def test_a_gpu_is_busy_once_however_many_kernels_overlap() -> None:
    assert covered([]) == 0
    assert covered([(5, 7), (0, 4), (1, 2), (3, 6)]) == 7
    assert covered([(0, 10), (2, 3), (20, 21)]) == 11
