"""Every test runs in one environment, and the surroundings of ``make test-anywhere`` are tried."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.gpu import VARIABLE, VISIBLE, device_for_tests, hide_gpus, require_gpu
from tools import anywhere


def test_no_variable_of_the_machine_steers_what_lmctool_prints_or_reads() -> None:
    steering = ("CI", "FORCE_COLOR", "GITHUB_", "LMCTOOL_", "NO_COLOR")
    found = [name for name in os.environ if name.startswith(steering)]
    assert found == ["LMCTOOL_CACHE"]  # which is a folder of the tests' own
    assert (os.environ["COLUMNS"], os.environ["TERM"]) == ("80", "xterm")


@pytest.mark.parametrize(("asserted", "code"), [("1 + 1 == 2", 0), ("'X' in os.environ", 1)])
def test_tests_run_in_the_surroundings_and_a_failure_is_told(
    asserted: str, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = f"import os; assert 'Y' in os.environ; assert {asserted}"
    monkeypatch.setattr(anywhere, "PYTEST", (sys.executable, "-c", script))
    assert anywhere.run(anywhere.Surroundings("Y is set", variables={"Y": "1"}), []) == code


def test_every_name_of_the_surroundings_stands_once(tmp_path: Path) -> None:
    names = [each.name for each in anywhere.surroundings(tmp_path)]
    assert len(names) == len(set(names)) > 10


def test_no_gpu_is_seen_unless_one_is_named() -> None:
    hidden = {VISIBLE: "0"}
    hide_gpus(hidden)
    assert hidden == {VISIBLE: ""}
    named = {VISIBLE: "0", VARIABLE: "cuda:1"}
    hide_gpus(named)
    assert named[VISIBLE] == "0" and device_for_tests(named) == "cuda:1"


def test_another_device_is_told() -> None:
    with pytest.raises(pytest.UsageError, match="is 'gpu', not cpu, cuda or cuda:N"):
        device_for_tests({VARIABLE: "gpu"})


def test_a_test_that_needs_a_gpu_is_skipped_where_none_is_named() -> None:
    with pytest.raises(pytest.skip.Exception, match="name one by LMCTOOL_TEST_DEVICE=cuda"):
        require_gpu("cpu")


def test_a_test_that_needs_a_gpu_fails_where_the_named_one_is_not_there() -> None:
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-n",
        "0",
        "-m",
        "cuda",
        "-p",
        "no:cacheprovider",
    ]
    done = subprocess.run(
        [*command, "tests/data/test_split.py"],
        env={**os.environ, VARIABLE: "cuda:99"},
        cwd=Path(__file__).parents[1],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1 and "1 error" in done.stdout, done.stdout
    assert "LMCTOOL_TEST_DEVICE is 'cuda:99', but torch finds" in done.stdout


def test_no_test_decides_by_itself_whether_there_is_a_gpu() -> None:
    deciding = "skipif(not torch." + "cuda"
    files = Path(__file__).parent.rglob("*.py")
    assert not [path for path in files if deciding in path.read_text(encoding="utf-8")]
